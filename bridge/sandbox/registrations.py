"""What was registered where: OAuth clients at the identity providers, applications in Fuyun's developer portal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection

INSTANCE_ID: Final = "ccc_xp_demo"
"""The contact center of Contoso, and of whoever is no company of the sandbox's own."""
EXP_UNITS: Final = ("seconds", "milliseconds")
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """The bridge as one identity provider knows it."""

    connection: str
    client_id: str
    client_secret: str
    redirect_uris: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FuyunApplication:
    """One application of the developer portal; `app_name` is the connection's name.

    Args:
        mode: ``oauth`` (Fuyun asks the user endpoint) or ``jwt`` (the platform signs).
        mapping_field: dotted path into UserInfo; mode oauth only.
        redirect_urls: the registered callback; empty lets any loopback ``/callback/<app_name>`` pass.
        jwt_issuer, jwt_public_key: mode jwt only; the key as PEM or as its bare Base64.
        exp_unit: mode jwt only: one of `EXP_UNITS`, in which ``exp`` has to come.
    """

    app_name: str
    client_id: str
    client_secret: str
    mapping_field: str
    mode: str = "oauth"
    scope: str = "user_management,hotline"
    redirect_urls: frozenset[str] = frozenset()
    jwt_issuer: str = ""
    jwt_public_key: str = ""
    exp_unit: str = "seconds"


@dataclass(frozen=True, slots=True)
class Company:
    """A demo customer: which provider it uses, which contact center, and by which field its agents are found."""

    name: str
    title: str
    kind: str
    domain: str
    mapping_field: str
    scope: str
    client: OAuthClient
    fuyun: FuyunApplication
    instance_id: str


def _company(name: str, kind: str, client_id: str, mapping_field: str, scope: str) -> Company:
    return Company(
        name=name,
        title=name.capitalize(),
        kind=kind,
        domain=f"{name}.example",
        mapping_field=mapping_field,
        scope=scope,
        client=OAuthClient(name, client_id, f"sandbox-{name}-secret-for-demo-only"),
        fuyun=FuyunApplication(name, f"idp_demo_{name}", f"sandbox-fuyun-{name}-for-demo-only", mapping_field),
        instance_id=INSTANCE_ID if name == "contoso" else f"ccc_xp_{name}",
    )


COMPANIES: Final = {
    company.name: company
    for company in (
        _company(
            "contoso",
            "microsoft",
            "5b7c1f7e-2f34-4a1c-8a43-0c9a1f6b2d77",
            "email",
            "openid profile email offline_access",
        ),
        _company(
            "acme",
            "salesforce",
            "3MVG9sandbox.acme",
            "custom_attributes.agent_account",
            "openid profile email refresh_token",
        ),
        _company("globex", "oidc", "hotline-bridge", "preferred_username", "openid profile email phone offline_access"),
        _company("initech", "oauth2", "sandbox-initech-client", "data.mobile", "user"),
    )
}


def instance_of(account: str) -> str:
    """Return the one instance of a cloud account, which has its connection's name."""
    return COMPANIES[account].instance_id if account in COMPANIES else INSTANCE_ID


def fuyun_callback(base_url: str, app_name: str) -> str:
    """Return Fuyun's own redirect URL for its open API: mode frontend."""
    return f"{base_url}/oauth/callback/{app_name}"


def workbench_callback(base_url: str, app_name: str) -> str:
    """Return Fuyun's own redirect URL for the XP workbench."""
    return f"{base_url}/workbench/callback/{app_name}"


def is_admitted(address: str, registered: Collection[str], name: str, *, any_loopback: bool) -> bool:
    """Compare a redirect URI exactly (RFC 9700 section 2.1), or admit a demo's own loopback callback."""
    return address in registered or (any_loopback and _is_loopback_callback(address, name))


def _is_loopback_callback(address: str, name: str) -> bool:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    spelled = f"{parts.scheme}://{parts.netloc}{parts.path}"
    plain_host = parts.netloc in {parts.hostname, f"{parts.hostname}:{port}", f"[{parts.hostname}]:{port}"}
    return (
        spelled == address  # neither query nor fragment, not even an empty one
        and parts.scheme in {"http", "https"}
        and parts.hostname in LOOPBACK
        and plain_host  # no user name before an @
        and parts.path == f"/callback/{name}"
    )


def is_loopback(address: str) -> bool:
    """Say whether an address points at this machine."""
    try:
        return urlsplit(address).hostname in LOOPBACK
    except ValueError:
        return False


def origin_of(address: str) -> str:
    """Return scheme, host and port; empty for what is no address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"
