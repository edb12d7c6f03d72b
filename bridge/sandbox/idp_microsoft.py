"""Entra ID v2.0 as the bridge meets it."""

from __future__ import annotations

import hashlib
import secrets
import time
import uuid
from typing import TYPE_CHECKING, ClassVar, Final

from bridge.sandbox.idp_manner import Json, Manner, Paths
from bridge.sandbox.people import HOME

if TYPE_CHECKING:
    from bridge.sandbox.grants import Grant, OAuthRefusal
    from bridge.sandbox.people import Person

CONTOSO_TENANT: Final = "1f0c5a52-7a3e-4c1e-9a55-3d0a6d6f1e11"
STRANGER_TENANT: Final = "99999999-7a3e-4c1e-9a55-3d0a6d6f1e99"


class Microsoft(Manner):
    """Entra ID v2.0: tenants in the path, a template issuer on common, opaque Graph tokens, poor UserInfo."""

    kind = "microsoft"
    title = "Microsoft"
    prefix = "/entra"
    paths = Paths(
        discovery="/entra/{tenant}/v2.0/.well-known/openid-configuration",
        authorize="/entra/{tenant}/oauth2/v2.0/authorize",
        token="/entra/{tenant}/oauth2/v2.0/token",
        userinfo="/graph/oidc/userinfo",
        jwks="/entra/{tenant}/discovery/v2.0/keys",
        logout="/entra/{tenant}/oauth2/v2.0/logout",
    )
    scopes = frozenset({"openid", "profile", "email", "offline_access", "User.Read"})
    rotation = "adds"
    has_at_hash = False
    has_session_state = True
    frontchannel_logout = True
    access_token_lifetime = 4325

    SHARED: ClassVar = frozenset({"common", "organizations"})
    TENANTS: ClassVar = {CONTOSO_TENANT: CONTOSO_TENANT, "contoso.example": CONTOSO_TENANT}

    def issuer(self, tenant: str = "") -> str:
        """Return the issuer with the GUID of a tenant."""
        return f"{self.base_url}/entra/{self.TENANTS.get(tenant, tenant)}/v2.0"

    def advertised_issuer(self, tenant: str = "") -> str:
        """Return the template for shared authorities, else the tenant's own issuer."""
        return f"{self.base_url}/entra/{{tenantid}}/v2.0" if tenant in self.SHARED else self.issuer(tenant)

    def knows(self, tenant: str) -> bool:
        """Say whether a path segment names an authority."""
        return tenant in self.SHARED or tenant in self.TENANTS

    def discovery(self, tenant: str = "") -> Json:
        """Return the document of a tenant or of common: no PKCE, no revocation, no back-channel logout."""
        return {
            **self.endpoints(tenant if tenant in self.SHARED else self.TENANTS[tenant]),
            "issuer": self.advertised_issuer(tenant),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "request_uri_parameter_supported": False,
            "http_logout_supported": True,
            "frontchannel_logout_supported": self.frontchannel_logout,
            "claims_supported": [
                "sub",
                "iss",
                "cloud_instance_name",
                "cloud_instance_host_name",
                "cloud_graph_host_name",
                "msgraph_host",
                "aud",
                "exp",
                "iat",
                "auth_time",
                "acr",
                "nonce",
                "preferred_username",
                "name",
                "tid",
                "ver",
                "at_hash",
                "c_hash",
                "email",
            ],
            "tenant_region_scope": None if tenant in self.SHARED else "AS",
            "cloud_instance_name": "microsoftonline.com",
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": "graph.microsoft.com",
        }

    def tenant_of(self, person: Person) -> str:
        """Return the GUID of the person's home tenant."""
        return CONTOSO_TENANT if person.organization == HOME else STRANGER_TENANT

    def key_set(self, keys: Json) -> Json:
        """Return the keys with `issuer`, the template that makes them good for any tenant."""
        template = f"{self.base_url}/entra/{{tenantid}}/v2.0"
        return {"keys": [{**key, "x5t": key["kid"], "issuer": template} for key in keys["keys"]]}

    def subject(self, person: Person, client_id: str) -> str:
        """Return the pairwise subject: another one for each client."""
        digest = hashlib.sha256(f"{person.sub}|{client_id}".encode()).hexdigest()
        return f"pairwise-{digest[:40]}"

    def identity_claims(self, person: Person, grant: Grant) -> Json:
        """Return oid and tid, and what the scopes opened."""
        claims: Json = {
            "oid": str(uuid.uuid5(uuid.NAMESPACE_OID, person.sub)),
            "tid": grant.tenant,
            "rh": "0.AAAA",
            "uti": secrets.token_urlsafe(16),
            "ver": "2.0",
        }
        if "profile" in grant.scopes:
            claims |= {"name": person.name, "preferred_username": person.email or f"{person.key}@{self.domain}"}
        if "email" in grant.scopes and person.email is not None:
            claims["email"] = person.email
        if "login_hint" in self.optional_claims:
            claims["login_hint"] = _login_hint(person)
        return claims

    def login_hints(self, person: Person) -> set[str]:
        """Return the names, and the opaque word of the optional claim."""
        return {*super().login_hints(person), _login_hint(person)}

    def userinfo(self, person: Person, client_id: str, scopes: tuple[str, ...]) -> Json:
        """Return the six members Microsoft ever returns; no e-mail where the account has no mailbox."""
        claims: Json = {"sub": self.subject(person, client_id)}
        if "profile" in scopes:
            claims |= {
                "name": person.name,
                "family_name": person.family_name,
                "given_name": person.given_name,
                "picture": "https://graph.microsoft.com/v1.0/me/photo/$value",
            }
        if "email" in scopes and person.email is not None:
            claims["email"] = person.email
        return claims

    def access_token(self, person: Person) -> str:
        """Return a token for Graph that nobody but Graph can read."""
        del person
        return f"EwB-opaque-graph-{secrets.token_urlsafe(48)}"

    def refresh_token(self) -> str:
        """Return a refresh token in Microsoft's look."""
        return f"0.A-invented-{secrets.token_urlsafe(48)}"

    def token_extras(self, person: Person, grant: Grant, now: float) -> Json:
        """Return ext_expires_in; the granted scope leaves offline_access out."""
        del person, now
        shown = [scope for scope in grant.scopes if scope != "offline_access"]
        return {"scope": " ".join(shown), "ext_expires_in": self.access_token_lifetime}

    def token_refusal(self, refusal: OAuthRefusal) -> tuple[int, Json]:
        """Return Microsoft's shape: AADSTS number, trace and correlation id."""
        number = {"invalid_client": 7000215, "invalid_grant": 70008, "invalid_scope": 70011}.get(refusal.error, 900144)
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        timestamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
        return refusal.status, {
            "error": refusal.error,
            "error_description": (
                f"AADSTS{number}: {refusal.description} Trace ID: {trace} Correlation ID: {correlation}"
                f" Timestamp: {timestamp}"
            ),
            "error_codes": [number],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"{self.base_url}/error?code={number}",
        }

    def userinfo_refusal(self) -> tuple[int, str | Json]:
        """Return Graph's error object."""
        message = "Access token has expired or is not yet valid."
        inner = {
            "date": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
            "request-id": str(uuid.uuid4()),
            "client-request-id": str(uuid.uuid4()),
        }
        return 401, {"error": {"code": "InvalidAuthenticationToken", "message": message, "innerError": inner}}


def _login_hint(person: Person) -> str:
    return "O." + hashlib.sha256(f"login_hint|{person.sub}".encode()).hexdigest()
