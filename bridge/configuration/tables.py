"""The tables of one connection: what an operator writes, before presets complete it."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from bridge.configuration import addresses
from bridge.configuration.values import (
    LISTED,
    Duration,
    IsoDate,
    IssuerUrl,
    Moment,
    Part,
    PrivateKeyValue,
    SecretValue,
    Shown,
    Url,
    key,
)
from bridge.core.group_rules import read_group_rule
from bridge.core.model import Secret
from bridge.core.protocol import MULTI_TENANT
from bridge.core.wording import said

_NAME: Final = re.compile(r"[A-Za-z0-9]{1,10}")
_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
_LONGEST_DOMAIN: Final = 253
_MOST: Final = 500
# Control characters, and the marks of the writing direction, which let a name read as another one.
_UNSHOWABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_FASTEST: Final = 1000
_OFFSET: Final = re.compile(r"[+-](0[0-9]|1[0-4]):[0-5][0-9]")
_ORGANIZATION: Final = re.compile(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?")


def is_guid(text: str) -> bool:
    """Tell whether `text` is a lower-case GUID, as Microsoft's ``tid`` writes tenants."""
    return _GUID.fullmatch(text) is not None


def _name(text: str) -> str:
    if text and not _NAME.fullmatch(text):
        raise ValueError(said("must be 1 to 10 ASCII letters or digits, as the portal's App Name"))
    return text


def _title(text: str) -> str:
    if _UNSHOWABLE.search(text):
        raise ValueError(said("must be plain text on one line"))
    return text


def _path(text: str) -> str:
    if not all(text.split(".")) or any(character.isspace() for character in text):
        raise ValueError(said('must be a field of UserInfo, or a dotted path such as "custom_attributes.agent"'))
    return text


def _domain(text: str) -> str:
    if not _DOMAIN.fullmatch(text.lower()) or len(text) > _LONGEST_DOMAIN:
        raise ValueError(said('must be an e-mail domain such as "contoso.example"'))
    return text.lower()


def _tenant(text: str) -> str:
    tenant = text.lower()
    if tenant and tenant not in MULTI_TENANT and not is_guid(tenant) and not _DOMAIN.fullmatch(tenant):
        raise ValueError(said("must be the tenant's GUID, a verified domain of it, common, organizations or consumers"))
    return tenant


def _allowed_tenant(text: str) -> str:
    if not is_guid(text.lower()):
        raise ValueError(said("must be a tenant's GUID, since that is what tokens carry as tid"))
    return text.lower()


def _salesforce_host(text: str) -> str:
    if not text:
        return text
    addresses.issuer_url(text if "://" in text else f"https://{text}")
    return text.rstrip("/")


def _organization(text: str) -> str:
    if text and not _ORGANIZATION.fullmatch(text):
        raise ValueError(said("must be the 15 or 18 letters and digits of the org's id"))
    return text


def _endpoint(text: str) -> str:
    addresses.origin_url(
        f"http://{text}" if addresses.is_loopback(text.rpartition(":")[0] or text) else f"https://{text}"
    )
    return text.rstrip("/")


def _wordless(text: str) -> str:
    if any(character.isspace() for character in text):
        raise ValueError(said("must have no spaces"))
    return text


def _scope(text: str) -> str:
    return " ".join(text.split())


def _rate(count: int) -> int:
    if not 1 <= count <= _FASTEST:
        raise ValueError(said("must be 1 to %(most)s", most=_FASTEST))
    return count


def _page_size(count: int) -> int:
    if not 1 <= count <= _MOST:
        raise ValueError(said("must be 1 to %(most)s", most=_MOST))
    return count


def _utc_offset(text: str) -> str:
    if not _OFFSET.fullmatch(text):
        raise ValueError(said('must be an offset from UTC such as "+08:00"'))
    return text


def _recording_host(text: str) -> str:
    addresses.host_name(text.removeprefix("*."))
    return text.lower()


def _group_name(text: str) -> str:
    if not text.strip() or _UNSHOWABLE.search(text):
        raise ValueError(said("must be the name of a skill group"))
    return text.strip()


def _rule(text: str) -> str:
    read_group_rule(text)
    return " ".join(text.split())


Path = Annotated[str, AfterValidator(_path), Shown("dotted path")]
OptionalPath = Annotated[str, AfterValidator(lambda text: _path(text) if text else text), Shown("dotted path")]
Domains = Annotated[
    tuple[Annotated[str, AfterValidator(_domain)], ...], LISTED, Field(max_length=_MOST), Shown("list of domains")
]
Hosts = Annotated[tuple[Annotated[str, AfterValidator(addresses.host_name)], ...], LISTED, Shown("list of hosts")]
RecordingHosts = Annotated[
    tuple[Annotated[str, AfterValidator(_recording_host)], ...],
    LISTED,
    Field(max_length=_MOST),
    Shown("list of hosts"),
]
GroupName = Annotated[str, Field(max_length=120), AfterValidator(_group_name)]
Tenants = Annotated[tuple[Annotated[str, AfterValidator(_allowed_tenant)], ...], LISTED, Shown("list of GUIDs")]


class ConnectionTable(Part):
    """``[[connections]]``."""

    name: Annotated[str, AfterValidator(_name), Shown("text")] = key(
        "The portal's App Name: 1 to 10 letters or digits; stands in addresses", required=True
    )
    title: Annotated[str, Field(max_length=120), AfterValidator(_title)] = key(
        "What agents read on the sign-in page; empty: the name"
    )
    mode: Literal["oauth", "jwt", "frontend"] = key("How Fuyun learns who signed in", "oauth")
    mapping_field: Path = key("Field of UserInfo that equals the agent's AccountName", "email")
    domains: Domains = key("E-mail domains whose people belong to this connection", [])
    hosts: Hosts = key("Host names under which a browser goes straight to this connection's sign-in", [])
    instance_id: Annotated[str, AfterValidator(_wordless), Shown("text")] = key(
        "The contact center's instance, `ccc_xp_…`"
    )
    enabled: bool = key("Whether people can sign in with it", default=True)


class IdpTable(Part):
    """``[connections.idp]``: the customer's identity provider; keys are named as in `core.model.IdentityProvider`."""

    kind: Literal["microsoft", "salesforce", "oidc", "oauth2", "none"] = key(
        "Which rules apply; `none`: nobody signs in, the platform's back end vouches (mode jwt only)",
        "oidc",
        required=True,
    )
    client_id: str = key("The client's id at the identity provider; every kind but none needs it")
    client_secret: SecretValue = key("The client's secret at the identity provider")
    client_secret_expires: IsoDate = key("Day on which that secret ends, such as 2027-01-31; the console reminds of it")
    scope: Annotated[str, AfterValidator(_scope), Shown("text")] = key(
        "Scopes, separated by spaces; empty: openid, profile, e-mail and a refresh token, as the kind spells them"
    )
    issuer: IssuerUrl = key("kind oidc: the issuer. microsoft: only to override; may hold `{tenantid}`")
    tenant: Annotated[str, AfterValidator(_tenant), Shown("text")] = key(
        "kind microsoft: the tenant's GUID or domain; common, organizations, consumers only with allowed_tenants"
    )
    cloud: Literal["global", "us", "china"] = key("kind microsoft: the national cloud", "global")
    allowed_tenants: Tenants = key("kind microsoft: GUIDs of the tenants whose people may sign in", [])
    host: Annotated[str, AfterValidator(_salesforce_host), Shown("host")] = key(
        "kind salesforce: My Domain, an Experience Cloud site, login.salesforce.com or test.salesforce.com"
    )
    organization_id: Annotated[str, AfterValidator(_organization), Shown("text")] = key(
        "kind salesforce: id of the customer's org, 15 or 18 characters"
    )
    subject_field: OptionalPath = key("kind oauth2: field of UserInfo that names the subject; empty: `sub`, else `id`")
    token_endpoint_auth_method: Literal["", "client_secret_basic", "client_secret_post"] = key(
        "How the client proves itself at the token endpoint; empty: as discovery says"
    )
    id_token_signed_response_alg: Literal[
        "", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"
    ] = key("Algorithm that the provider registered for the client's ID and logout tokens; empty: as discovery says")
    response_mode: Literal["", "form_post"] = key("How the answer comes back; form_post needs an https public_url")
    discovery_url: Url = key("Address of the discovery document; empty: made from the issuer")
    authorization_endpoint: Url = key("kind oauth2, or instead of the discovered one")
    token_endpoint: Url = key("kind oauth2, or instead of the discovered one")
    userinfo_endpoint: Url = key("kind oauth2, or instead of the discovered one")
    jwks_uri: Url = key("Instead of the discovered one")
    end_session_endpoint: Url = key("Instead of the discovered one")
    revocation_endpoint: Url = key("Instead of the discovered one")


class FuyunTable(Part):
    """``[connections.fuyun]``: the application in Fuyun's developer portal."""

    client_id: str = key("client_id of the application in Fuyun's portal; modes oauth and jwt need it")
    client_secret: SecretValue = key("Its secret; modes oauth and jwt need it")
    client_secret_expires: IsoDate = key("Day on which that secret ends, such as 2027-01-31")
    scope: str = key("Scopes as Fuyun writes them, separated by commas", "user_management,hotline")
    redirect_url: Url = key("Callback URL as the portal has it; empty: public_url + `/callback/<name>`")
    token_exchange_url: Url = key("Address of the token exchange", "https://signin.rhinokeen.com/oauth/token_exchange")
    frontend_redirect_url: Url = key("mode frontend: Fuyun's own redirect URL, from its portal")
    workbench_redirect_url: Url = key("The portal's redirect URL for the XP workbench; empty: no link to the workbench")


class JwtTable(Part):
    """``[connections.jwt]``: how the bridge signs in mode jwt."""

    issuer: Annotated[str, AfterValidator(_wordless), Shown("text")] = key(
        "`iss` of the JWT, as the portal has it", required=True
    )
    private_key: PrivateKeyValue = key("RSA private key whose public key the portal has", required=True)
    private_key_expires: IsoDate = key("Day on which the key shall be replaced, such as 2027-01-31")
    lifetime: Duration = key("How long a JWT is good", "120s")
    next_private_key: PrivateKeyValue = key(
        "The key that takes over, so that the portal's one key field can be changed"
    )
    next_key_from: Moment = key("When it does, such as 2027-01-31T08:00:00Z; until the portal has it, both are tried")
    accept_unverified_email: bool = key(
        "Also map an e-mail address that the provider says nobody has verified (`email_verified` is false)",
        default=False,
    )
    exp_in_milliseconds: bool = key("Only where Fuyun insists on `exp` in milliseconds", default=False)


class AiccsTable(Part):
    """``[connections.aiccs]``: access to the contact center's OpenAPI, as in `core.model.AiccsAccess`."""

    access_key_id: SecretValue = key("Id of the Alibaba Cloud access key", required=True)
    access_key_secret: SecretValue = key("Its secret", required=True)
    endpoint: Annotated[str, AfterValidator(_endpoint), Shown("host")] = key(
        "Host of the OpenAPI", "aiccs.aliyuncs.com"
    )
    protocol: Literal["https", "http"] = key("http only for loopback hosts", "https")
    requests_per_second: Annotated[int, AfterValidator(_rate)] = key(
        "Calls a second with this access key, from one process of the bridge", 20
    )
    page_size: Annotated[int, AfterValidator(_page_size)] = key(
        "Rows asked for at once, 1 to 500; the largest that the OpenAPI takes is published nowhere", 100
    )
    utc_offset: Annotated[str, AfterValidator(_utc_offset), Shown("offset")] = key(
        "Offset from UTC of the moments in call details, which name none", "+08:00"
    )
    recording_hosts: RecordingHosts = key(
        "Hosts from which recordings may be fetched; `*.` stands for any subdomain; the endpoint's own host always may",
        ["*.aliyuncs.com"],
    )


class ProvisioningTable(Part):
    """``[connections.provisioning]``: agents that are made when somebody signs in for the first time."""

    create_agents: bool = key(
        "Whether somebody whom the contact center does not know gets an agent at the first sign-in; needs "
        "`[connections.aiccs]`",
        default=False,
    )
    display_name: OptionalPath = key("Field of the claims that is the display name; empty: the person's usual name")
    skill_groups: Annotated[tuple[GroupName, ...], LISTED, Field(max_length=_MOST), Shown("list of texts")] = key(
        "Names of the skill groups of every new agent", []
    )
    rules: Annotated[
        tuple[Annotated[str, AfterValidator(_rule)], ...], LISTED, Field(max_length=_MOST), Shown("list of rules")
    ] = key("Further skill groups by claims, such as `groups = sales -> Sales, Support`; `*` stands for any value", [])


SUBTABLES: Final[dict[str, type[Part]]] = {
    "idp": IdpTable,
    "fuyun": FuyunTable,
    "jwt": JwtTable,
    "aiccs": AiccsTable,
    "provisioning": ProvisioningTable,
}
SECRETS: Final = tuple(
    (place, name)
    for place, table in SUBTABLES.items()
    for name, field in table.model_fields.items()
    if field.annotation is Secret
)
"""Table and key of every secret of a connection."""
