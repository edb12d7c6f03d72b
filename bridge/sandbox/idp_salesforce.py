"""Salesforce as the bridge meets it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from bridge.sandbox.idp_manner import Json, Manner, Paths
from bridge.sandbox.people import HOME

if TYPE_CHECKING:
    from bridge.sandbox.grants import Grant, OAuthRefusal
    from bridge.sandbox.people import Person

ACME_ORGANIZATION: Final = "00D000000000001AAA"
STRANGER_ORGANIZATION: Final = "00D000000000009AAA"


class Salesforce(Manner):
    """Salesforce: subject as URL, no expires_in, no end_session_endpoint, text where UserInfo refuses."""

    kind = "salesforce"
    title = "Salesforce"
    prefix = "/salesforce"
    paths = Paths(
        discovery="/salesforce/.well-known/openid-configuration",
        authorize="/salesforce/services/oauth2/authorize",
        token="/salesforce/services/oauth2/token",
        userinfo="/salesforce/services/oauth2/userinfo",
        jwks="/salesforce/id/keys",
        logout="/salesforce/secur/logout.jsp",
        revoke="/salesforce/services/oauth2/revoke",
    )
    scopes = frozenset(
        [
            "id",
            "api",
            "web",
            "full",
            "openid",
            "profile",
            "email",
            "address",
            "phone",
            "offline_access",
            "refresh_token",
            "custom_permissions",
            "visualforce",
            "chatter_api",
        ]
    )
    refresh_scopes = frozenset({"refresh_token", "offline_access"})
    access_token_lifetime = 7200

    def endpoints(self, tenant: str = "") -> Json:
        """Return the addresses; the logout page is not among them."""
        named = super().endpoints(tenant)
        del named["end_session_endpoint"]
        return named

    def discovery(self, tenant: str = "") -> Json:
        """Return the document of a My Domain host."""
        services = f"{self.base_url}/salesforce/services/oauth2"
        return {
            "issuer": self.issuer(tenant),
            **self.endpoints(tenant),
            "registration_endpoint": f"{services}/register",
            "introspection_endpoint": f"{services}/introspect",
            "scopes_supported": sorted(self.scopes),
            "response_types_supported": ["code", "token", "token id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "display_values_supported": ["page", "popup", "touch"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
            "claims_supported": [
                "active",
                "address",
                "email",
                "email_verified",
                "family_name",
                "given_name",
                "is_app_installed",
                "language",
                "locale",
                "name",
                "nickname",
                "organization_id",
                "phone_number",
                "phone_number_verified",
                "photos",
                "picture",
                "preferred_username",
                "profile",
                "sub",
                "updated_at",
                "urls",
                "user_id",
                "user_type",
                "zoneinfo",
            ],
        }

    def tenant_of(self, person: Person) -> str:
        """Return the organization id, 18 characters."""
        return ACME_ORGANIZATION if person.organization == HOME else STRANGER_ORGANIZATION

    def user_id(self, person: Person) -> str:
        """Return the user id, 18 characters."""
        return f"0050000000{person.number:05d}AAA"

    def subject(self, person: Person, client_id: str) -> str:
        """Return the identity URL."""
        del client_id
        return f"https://login.salesforce.com/id/{self.tenant_of(person)}/{self.user_id(person)}"

    def identity_claims(self, person: Person, grant: Grant) -> Json:
        """Return what an ID token of Salesforce tells; the attributes need `custom_permissions` and are left out."""
        full = self.userinfo(person, grant.client_id, grant.scopes)
        shown = ("name", "preferred_username", "nickname", "given_name", "family_name", "email", "email_verified")
        return {name: full[name] for name in shown if name in full}

    def userinfo(self, person: Person, client_id: str, scopes: tuple[str, ...]) -> Json:
        """Return the long answer, custom attributes included."""
        files = "https://acme.file.force.example/profilephoto/005"
        claims: Json = {
            "sub": self.subject(person, client_id),
            "user_id": self.user_id(person),
            "organization_id": self.tenant_of(person),
            "preferred_username": f"{person.key}@acme.example.prod",
            "nickname": f"{person.key}1.3",
            "name": person.name,
            "email": person.email,
            "email_verified": True,
            "given_name": person.given_name,
            "family_name": person.family_name,
            "zoneinfo": "Asia/Shanghai",
            "photos": {"picture": f"{files}/F", "thumbnail": f"{files}/T"},
            "profile": f"{self.issuer()}/{self.user_id(person)}",
            "picture": f"{files}/F",
            "is_salesforce_integration_user": False,
            "urls": {"rest": f"{self.issuer()}/services/data/v{{version}}/"},
            "active": True,
            "user_type": "STANDARD",
            "language": "zh_CN",
            "locale": "zh_CN",
            "utcOffset": 28800000,
            "updated_at": "2026-11-01T08:00:00Z",
            "is_app_installed": True,
            "custom_attributes": {} if person.email is None else {"agent_account": person.email},
        }
        if person.email is None:
            del claims["email"], claims["email_verified"]
        if "phone" in scopes and person.phone:
            claims |= {"phone_number": f"+86 {person.phone}", "phone_number_verified": False}
        return claims

    def access_token(self, person: Person) -> str:
        """Return an opaque session id with the ``!`` after the organization."""
        return f"{self.tenant_of(person)[:15]}!AQ.{secrets.token_urlsafe(48)}"

    def refresh_token(self) -> str:
        """Return a refresh token in Salesforce's look."""
        return f"5Aep861.{secrets.token_urlsafe(48)}"

    def token_extras(self, person: Person, grant: Grant, now: float) -> Json:
        """Return the instance, the identity URL and the time in milliseconds as text; never expires_in."""
        return {
            "scope": " ".join(grant.scopes),
            "signature": secrets.token_urlsafe(12),
            "instance_url": self.issuer(),
            "id": self.subject(person, grant.client_id),
            "issued_at": str(int(now * 1000)),
            "expires_in": None,
        }

    def token_refusal(self, refusal: OAuthRefusal) -> tuple[int, Json]:
        """Return HTTP 400 whatever the error."""
        texts = {"invalid_grant": "expired access/refresh token", "invalid_client": "invalid client credentials"}
        return 400, {"error": refusal.error, "error_description": texts.get(refusal.error, refusal.description)}

    def userinfo_refusal(self) -> tuple[int, str | Json]:
        """Return plain text with 403."""
        return 403, "Bad_OAuth_Token"
