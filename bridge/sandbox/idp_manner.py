"""What the four identity providers share: addresses, metadata, claims, tokens and the shapes of their refusals."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from bridge.sandbox.grants import Grant, OAuthRefusal, Rotation
    from bridge.sandbox.people import Person

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a provider's endpoints lie below the sandbox; ``{tenant}`` stands for Microsoft's path segment."""

    discovery: str
    authorize: str
    token: str
    userinfo: str
    jwks: str = ""
    logout: str = ""
    revoke: str = ""


class Manner(ABC):
    """What all four share; each provider below overrides where it differs."""

    kind: ClassVar[str]
    title: ClassVar[str]
    prefix: ClassVar[str]
    paths: ClassVar[Paths]
    scopes: ClassVar[frozenset[str]] = frozenset()
    refresh_scopes: ClassVar[frozenset[str]] = frozenset({"offline_access"})
    rotation: ClassVar[Rotation] = "keeps"
    speaks_openid: ClassVar[bool] = True
    sends_iss: ClassVar[bool] = False
    has_session_state: ClassVar[bool] = False
    has_at_hash: ClassVar[bool] = True
    revokes_at_logout: ClassVar[bool] = False
    frontchannel_logout: ClassVar[bool] = False
    backchannel_logout: ClassVar[bool] = False
    access_token_lifetime: int = 3600  # tests shorten it on the instance
    optional_claims: frozenset[str] = frozenset()  # of the client's registration; tests set it on the instance

    def __init__(self, base_url: str, domain: str) -> None:
        self.base_url = base_url
        self.domain = domain

    def url(self, path: str, tenant: str = "") -> str:
        """Return the absolute address of one of `paths`."""
        return self.base_url + path.replace("{tenant}", tenant)

    def issuer(self, tenant: str = "") -> str:
        """Return the issuer as tokens carry it."""
        del tenant
        return self.base_url + self.prefix

    def endpoints(self, tenant: str = "") -> Json:
        """Return the addresses for discovery."""
        named = {
            "authorization_endpoint": self.paths.authorize,
            "token_endpoint": self.paths.token,
            "userinfo_endpoint": self.paths.userinfo,
            "jwks_uri": self.paths.jwks,
            "end_session_endpoint": self.paths.logout,
            "revocation_endpoint": self.paths.revoke,
        }
        return {name: self.url(path, tenant) for name, path in named.items() if path}

    def discovery(self, tenant: str = "") -> Json:
        """Return the discovery document; empty for a provider that publishes none."""
        del tenant
        return {}

    def tenant_of(self, person: Person) -> str:
        """Return the tenant or organization a person belongs to."""
        del person
        return ""

    def key_set(self, keys: Json) -> Json:
        """Return the key set as this provider publishes it."""
        return keys

    def subject(self, person: Person, client_id: str) -> str:
        """Return `sub` as this client sees it."""
        del client_id
        return person.sub

    def login_hints(self, person: Person) -> set[str]:
        """Return what a client may say in `login_hint` to mean this person."""
        return {name for name in (person.email, person.username) if name}

    def identity_claims(self, person: Person, grant: Grant) -> Json:
        """Return the ID token's claims about the person; none for a provider without ID tokens."""
        del person, grant
        return {}

    @abstractmethod
    def userinfo(self, person: Person, client_id: str, scopes: tuple[str, ...]) -> Json:
        """Return the UserInfo answer."""

    def access_token(self, person: Person) -> str:
        """Return a fresh opaque access token."""
        del person
        return f"at-{secrets.token_urlsafe(32)}"

    def refresh_token(self) -> str:
        """Return a fresh refresh token."""
        return f"rt-{secrets.token_urlsafe(32)}"

    @abstractmethod
    def token_extras(self, person: Person, grant: Grant, now: float) -> Json:
        """Return the members of the token answer that only this provider sends."""

    def token_refusal(self, refusal: OAuthRefusal) -> tuple[int, Json]:
        """Return status and body of a refused token request."""
        return refusal.status, {"error": refusal.error, "error_description": refusal.description}

    def userinfo_refusal(self) -> tuple[int, str | Json]:
        """Return status and body where the access token is not good."""
        return 401, {"error": "invalid_token", "error_description": "Token verification failed"}
