"""The frozen nouns that cross rooms; field names are the standards' own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NewType

VerifiedClaims = NewType("VerifiedClaims", dict[str, Any])
"""Claims of an ID token after every check, or a UserInfo answer whose subject was compared."""

AccountName = NewType("AccountName", str)
"""The agent's AccountName in the contact center, as the mapping field gave it."""

Mode = Literal["oauth", "jwt", "frontend"]
Kind = Literal["microsoft", "salesforce", "oidc", "oauth2", "none"]
"""``none``: nobody signs in; the platform's own back end says who its agents are (mode jwt only)."""

_MASK: Final = "********"


class Secret:
    """A value that must not be printed: its text form is a mask, `reveal` gives the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return _MASK if self._value else "(empty)"

    __str__ = __repr__


NO_SECRET: Final = Secret("")


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """How one customer's identity provider is reached; what an admin entered, completed by its preset.

    Args:
        issuer: the expected issuer; for multi-tenant Microsoft a template that holds ``{tenantid}``.
        discovery_url: address of the discovery document; empty when every needed endpoint is given.
        tenant: Microsoft only: GUID, verified domain, ``common``, ``organizations`` or ``consumers``.
        allowed_tenants: Microsoft only: tenant GUIDs that may sign in.
        host: Salesforce only: the host of login, My Domain or sandbox.
        organization_id: Salesforce only: the 15 or 18 characters of the customer's org.
        scope: space separated, as sent on the wire (RFC 6749 section 3.3).
        subject_field: kind oauth2 only: dotted path of the subject in UserInfo; default ``sub``, else ``id``.
        token_endpoint_auth_method: ``client_secret_basic`` or ``client_secret_post``; empty: from discovery.
        id_token_signed_response_alg: the algorithm registered for this client, of ID tokens and logout tokens; empty:
            any that discovery announces.
        response_mode: empty or ``form_post``.
        client_secret_expires: ISO date (``2027-01-31``) for the expiry calendar; empty where nobody entered one.
        public_only: entered in the console, so no address of it may lie in a private network.
        former_client_secret: tried where the provider does not know `client_secret` yet; nobody enters it, and two
            providers that differ in nothing else are the same.
    """

    kind: Kind
    client_id: str
    client_secret: Secret = NO_SECRET
    issuer: str = ""
    discovery_url: str = ""
    tenant: str = ""
    cloud: str = "global"
    allowed_tenants: tuple[str, ...] = ()
    host: str = ""
    organization_id: str = ""
    scope: str = ""
    subject_field: str = ""
    token_endpoint_auth_method: str = ""
    id_token_signed_response_alg: str = ""
    response_mode: str = ""
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    userinfo_endpoint: str = ""
    jwks_uri: str = ""
    end_session_endpoint: str = ""
    revocation_endpoint: str = ""
    client_secret_expires: str = ""
    public_only: bool = False
    # What is cached of a provider, by its value, must not be fetched anew when the former secret goes.
    former_client_secret: Secret = field(default=NO_SECRET, compare=False)


@dataclass(frozen=True, slots=True)
class FuyunApp:
    """The application registered in Fuyun's developer portal (document, sections "基础信息设置" and "凭证信息").

    Args:
        frontend_redirect_url: mode frontend: where the provider sends the browser, Fuyun's own callback.
        workbench_redirect_url: the portal's second redirect URL, which opens Fuyun's workbench; empty: no link to it.
        client_secret_expires: ISO date, empty where nobody entered one.
        public_only: as for the identity provider.
    """

    client_id: str
    client_secret: Secret
    scope: str = "user_management,hotline"
    redirect_url: str = ""
    token_exchange_url: str = "https://signin.rhinokeen.com/oauth/token_exchange"  # noqa: S105 — an address
    frontend_redirect_url: str = ""
    workbench_redirect_url: str = ""
    client_secret_expires: str = ""
    public_only: bool = False


@dataclass(frozen=True, slots=True)
class JwtSigning:
    """JWT mode: who signs, with which private key (any form that `connections.keys` reads), for how many seconds.

    Args:
        private_key_expires: ISO date on which the key shall be replaced, empty where nobody entered one.
        next_private_key: takes over at `next_key_from`, an RFC 3339 moment in UTC (``2027-01-31T08:00:00Z``).
        exp_in_milliseconds: for a service that compares ``exp`` with a clock of milliseconds.
        accept_unverified_email: also where the provider itself says that nobody has checked the address.
    """

    issuer: str
    private_key: Secret
    lifetime: int = 120
    private_key_expires: str = ""
    next_private_key: Secret = NO_SECRET
    next_key_from: str = ""
    exp_in_milliseconds: bool = False
    accept_unverified_email: bool = False

    def keys_at(self, now: float) -> tuple[Secret, ...]:
        """Return the private keys in the order in which to sign with them at `now`, epoch seconds.

        The portal has one key field, and nobody saves it at the very moment that was planned: with two keys the
        other one is the second choice.
        """
        if not self.next_private_key:
            return (self.private_key,)
        is_due = now >= datetime.fromisoformat(self.next_key_from).timestamp()
        both = (self.next_private_key, self.private_key)
        return both if is_due else both[::-1]


@dataclass(frozen=True, slots=True)
class AiccsAccess:
    """Access to the contact center's OpenAPI (product aiccs) with one Alibaba Cloud access key.

    Args:
        endpoint: host, with a port where it is not the scheme's own.
        protocol: ``https``; ``http`` only for loopback hosts.
        requests_per_second: calls a second with this access key, from this process.
        page_size: rows asked for at once; the largest that is allowed is published nowhere.
        utc_offset: of the moments in call details, which come without a zone.
        recording_hosts: where recordings may lie, such as ``*.aliyuncs.com``; the OpenAPI's own host always may.
        public_only: as for the identity provider.
    """

    access_key_id: Secret
    access_key_secret: Secret
    endpoint: str = "aiccs.aliyuncs.com"
    protocol: Literal["https", "http"] = "https"
    requests_per_second: int = 20
    page_size: int = 100
    utc_offset: str = "+08:00"
    recording_hosts: tuple[str, ...] = ("*.aliyuncs.com",)
    public_only: bool = False


@dataclass(frozen=True, slots=True)
class Provisioning:
    """How agents are made at their first sign-in.

    Args:
        create_agents: whether they are.
        display_name: dotted path into the claims; empty: the usual name of the person.
        skill_groups: names of the skill groups of everybody.
        rules: who comes into which further skill groups, as `core.group_rules` reads them; every rule that fits counts.
    """

    create_agents: bool = False
    display_name: str = ""
    skill_groups: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Connection:
    """One customer: an identity provider on one side, a Fuyun application on the other.

    Args:
        name: the portal's App Name, 1 to 10 letters or digits; sent as ``subject_issuer`` in mode oauth.
        mapping_field: dotted path into UserInfo whose value equals the agent's AccountName.
        domains: lower-case e-mail domains for home-realm discovery.
        instance_id: the contact center's instance, ``ccc_xp_…``.
        hosts: host names of their own under which a browser goes straight to this connection's sign-in.
        version: which version of the connection this is; 0 where it is not kept in a store.
    """

    name: str
    title: str
    idp: IdentityProvider
    fuyun: FuyunApp
    mode: Mode = "oauth"
    mapping_field: str = "email"
    domains: tuple[str, ...] = ()
    instance_id: str = ""
    enabled: bool = True
    jwt: JwtSigning | None = None
    aiccs: AiccsAccess | None = None
    provisioning: Provisioning | None = None
    hosts: tuple[str, ...] = ()
    version: int = 0


@dataclass(frozen=True, slots=True)
class TokenSet:
    """What a token endpoint answered (RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3).

    Args:
        expires_at: epoch seconds; None where the provider sends no ``expires_in`` (Salesforce).
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    unverified_id_token: str = field(default="", repr=False)
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in; the key is the pair (`iss`, `sub`), never an e-mail address.

    Args:
        sid: the provider's session id, when the ID token carries one (for logout from the provider).
    """

    iss: str
    sub: str
    sid: str
    display_name: str


@dataclass(frozen=True, slots=True)
class SubjectToken:
    """What Fuyun is given: `token` on the wire as ``subject_token``, `issuer` as ``subject_issuer``."""

    token: str = field(repr=False)
    issuer: str


@dataclass(frozen=True, slots=True)
class FuyunToken:
    """Fuyun's answer to the exchange; `expires_at` epoch seconds; `user_name` unverified, None in an opaque token."""

    access_token: str = field(repr=False)
    token_type: str
    expires_at: int
    scope: str = ""
    jti: str = ""
    unverified_user_name: str | None = None
