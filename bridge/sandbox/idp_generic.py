"""A Keycloak-like OpenID Provider, and an OAuth 2.0 server that knows no identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.sandbox.idp_manner import Json, Manner, Paths

if TYPE_CHECKING:
    from bridge.sandbox.grants import Grant
    from bridge.sandbox.people import Person

_CLAIMS_BY_SCOPE: Final = {
    "profile": {"name", "given_name", "family_name", "preferred_username", "picture", "groups"},
    "email": {"email", "email_verified"},
    "phone": {"phone_number", "phone_number_verified"},
}


class GenericOidc(Manner):
    """A Keycloak-like provider: everything by the book, rotating refresh tokens, issuer in the response."""

    kind = "oidc"
    title = "Globex ID"
    prefix = "/oidc"
    paths = Paths(
        discovery="/oidc/.well-known/openid-configuration",
        authorize="/oidc/protocol/auth",
        token="/oidc/protocol/token",
        userinfo="/oidc/protocol/userinfo",
        jwks="/oidc/protocol/certs",
        logout="/oidc/protocol/logout",
        revoke="/oidc/protocol/revoke",
    )
    scopes = frozenset({"openid", "profile", "email", "phone", "address", "offline_access"})
    rotation = "replaces"
    sends_iss = True
    has_session_state = True
    revokes_at_logout = True
    frontchannel_logout = True
    backchannel_logout = True
    access_token_lifetime = 300

    def discovery(self, tenant: str = "") -> Json:
        """Return the full document with every logout kind."""
        return {
            "issuer": self.issuer(tenant),
            **self.endpoints(tenant),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "scopes_supported": sorted(self.scopes),
            "claims_supported": [
                "sub", "iss", "aud", "exp", "iat", "name", "email", "email_verified", "preferred_username",
                "phone_number", "sid",
            ],
            "code_challenge_methods_supported": ["S256"],
            "frontchannel_logout_supported": self.frontchannel_logout,
            "frontchannel_logout_session_supported": self.frontchannel_logout,
            "backchannel_logout_supported": self.backchannel_logout,
            "backchannel_logout_session_supported": self.backchannel_logout,
            "authorization_response_iss_parameter_supported": True,
        }  # fmt: skip

    def _claims(self, person: Person, scopes: tuple[str, ...]) -> Json:
        known: Json = {
            "name": person.name,
            "given_name": person.given_name,
            "family_name": person.family_name,
            "preferred_username": person.username,
            "email": person.email,
            "email_verified": True if person.email else None,
            "phone_number": f"+86{person.phone}" if person.phone else None,
            "groups": list(person.teams) or None,
        }
        opened = set().union(*(_CLAIMS_BY_SCOPE.get(scope, set()) for scope in scopes))
        return {name: value for name, value in known.items() if name in opened and value is not None}

    def identity_claims(self, person: Person, grant: Grant) -> Json:
        """Return what the scopes opened."""
        return {"azp": grant.client_id, "session_state": grant.sid, **self._claims(person, grant.scopes)}

    def userinfo(self, person: Person, client_id: str, scopes: tuple[str, ...]) -> Json:
        """Return what the scopes opened, by OpenID Connect Core section 5.4."""
        return {"sub": self.subject(person, client_id), **self._claims(person, scopes)}

    def token_extras(self, person: Person, grant: Grant, now: float) -> Json:
        """Return Keycloak's additions."""
        del person, now
        return {"scope": " ".join(grant.scopes), "refresh_expires_in": 1800, "session_state": grant.sid}


class PlainOAuth2(Manner):
    """OAuth 2.0 without identity: no ID token, no expiry, lower-case bearer, a wrapped user answer."""

    kind = "oauth2"
    title = "Initech Accounts"
    prefix = "/oauth2"
    paths = Paths(
        discovery="",
        authorize="/oauth2/authorize",
        token="/oauth2/token",
        userinfo="/oauth2/userinfo",
    )
    scopes = frozenset({"user", "user:email", "offline_access"})
    speaks_openid = False
    access_token_lifetime = 28800

    def userinfo(self, person: Person, client_id: str, scopes: tuple[str, ...]) -> Json:
        """Return the answer in its wrapping: numeric id, null e-mail, a mobile number."""
        del client_id, scopes
        data = {"id": person.number, "login": person.key, "name": person.name, "email": None, "mobile": person.phone}
        return {"code": 0, "msg": "ok", "data": data}

    def token_extras(self, person: Person, grant: Grant, now: float) -> Json:
        """Return the scope; neither expiry nor anything else."""
        del person, now
        return {"token_type": "bearer", "scope": " ".join(grant.scopes), "expires_in": None}

    def userinfo_refusal(self) -> tuple[int, str | Json]:
        """Return the wrapped refusal."""
        return 401, {"code": 40100, "msg": "access token invalid", "data": None}
