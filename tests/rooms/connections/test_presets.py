"""The presets: what each kind of identity provider needs nobody to type."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.connections.presets import complete, has_every_endpoint
from bridge.core.model import IdentityProvider

if TYPE_CHECKING:
    from bridge.core.model import Mode

GUID = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
WELL_KNOWN = "/.well-known/openid-configuration"
GLOBAL = "https://login.microsoftonline.com"
SANDBOX = "http://localhost:5100/entra/{tenantid}/v2.0"
MICROSOFT = IdentityProvider(kind="microsoft", client_id="bridge")
SALESFORCE = IdentityProvider(kind="salesforce", client_id="bridge")
OIDC = IdentityProvider(kind="oidc", client_id="bridge")
OAUTH2 = IdentityProvider(kind="oauth2", client_id="bridge")

ADDRESSES = [
    # Microsoft: a GUID makes the issuer concrete, a domain and the multi-tenant words leave the template
    (replace(MICROSOFT, tenant=GUID), f"{GLOBAL}/{GUID}/v2.0", f"{GLOBAL}/{GUID}/v2.0{WELL_KNOWN}"),
    (replace(MICROSOFT, tenant=GUID.upper()), f"{GLOBAL}/{GUID}/v2.0", f"{GLOBAL}/{GUID.upper()}/v2.0{WELL_KNOWN}"),
    (
        replace(MICROSOFT, tenant="contoso.example"),
        f"{GLOBAL}/{{tenantid}}/v2.0",
        f"{GLOBAL}/contoso.example/v2.0{WELL_KNOWN}",
    ),
    (replace(MICROSOFT, tenant="common"), f"{GLOBAL}/{{tenantid}}/v2.0", f"{GLOBAL}/common/v2.0{WELL_KNOWN}"),
    (
        replace(MICROSOFT, tenant=GUID, cloud="us"),
        f"https://login.microsoftonline.us/{GUID}/v2.0",
        f"https://login.microsoftonline.us/{GUID}/v2.0{WELL_KNOWN}",
    ),
    (
        replace(MICROSOFT, tenant=GUID, cloud="china"),
        f"https://login.partner.microsoftonline.cn/{GUID}/v2.0",
        f"https://login.partner.microsoftonline.cn/{GUID}/v2.0{WELL_KNOWN}",
    ),
    # Microsoft, overridden
    (
        replace(MICROSOFT, tenant=GUID, issuer=SANDBOX),
        f"http://localhost:5100/entra/{GUID}/v2.0",
        f"http://localhost:5100/entra/{GUID}/v2.0{WELL_KNOWN}",
    ),
    (
        replace(MICROSOFT, tenant="common", issuer=SANDBOX),
        SANDBOX,
        f"http://localhost:5100/entra/common/v2.0{WELL_KNOWN}",
    ),
    (
        replace(MICROSOFT, tenant=GUID, issuer="https://idp.example/v2.0"),
        "https://idp.example/v2.0",
        f"https://idp.example/v2.0{WELL_KNOWN}",
    ),
    (
        replace(MICROSOFT, tenant=GUID, discovery_url="https://idp.example/d"),
        f"{GLOBAL}/{GUID}/v2.0",
        "https://idp.example/d",
    ),
    # Salesforce: the issuer follows the host
    (
        replace(SALESFORCE, host="login.salesforce.com"),
        "https://login.salesforce.com",
        f"https://login.salesforce.com{WELL_KNOWN}",
    ),
    (
        replace(SALESFORCE, host="acme.my.site.com/agents/"),
        "https://acme.my.site.com/agents",
        f"https://acme.my.site.com/agents{WELL_KNOWN}",
    ),
    (
        replace(SALESFORCE, host="http://localhost:5100/salesforce"),
        "http://localhost:5100/salesforce",
        f"http://localhost:5100/salesforce{WELL_KNOWN}",
    ),
    (
        replace(SALESFORCE, host="acme.my.salesforce.com", issuer="https://acme.example"),
        "https://acme.example",
        f"https://acme.example{WELL_KNOWN}",
    ),
    # OpenID Connect: the issuer is compared as it was written, its slash matters there and not in the address
    (replace(OIDC, issuer="https://idp.example"), "https://idp.example", f"https://idp.example{WELL_KNOWN}"),
    (replace(OIDC, issuer="https://idp.example/"), "https://idp.example/", f"https://idp.example{WELL_KNOWN}"),
    (replace(OIDC, issuer="https://idp.example//"), "https://idp.example//", f"https://idp.example/{WELL_KNOWN}"),
    (replace(OIDC, issuer="https://h/realms/R"), "https://h/realms/R", f"https://h/realms/R{WELL_KNOWN}"),
    # OAuth 2.0 has neither
    (OAUTH2, "", ""),
    (replace(OAUTH2, issuer="https://idp.example"), "https://idp.example", ""),
]


@pytest.mark.parametrize(("idp", "issuer", "discovery_url"), ADDRESSES)
def test_issuer_and_discovery_address(idp: IdentityProvider, issuer: str, discovery_url: str) -> None:
    completed = complete(idp, "oauth")
    assert (completed.issuer, completed.discovery_url) == (issuer, discovery_url)


@pytest.mark.parametrize(
    ("idp", "scope"),
    [
        (MICROSOFT, "openid profile email offline_access"),
        (SALESFORCE, "openid profile email refresh_token"),
        (OIDC, "openid profile email offline_access"),
        (OAUTH2, ""),
        (replace(OIDC, scope="openid email"), "openid email"),
    ],
)
def test_scope(idp: IdentityProvider, scope: str) -> None:
    assert complete(idp, "oauth").scope == scope


AUTHORIZE = "authorization_endpoint"
TOKEN = "token_endpoint"
USERINFO = "userinfo_endpoint"
KEYS = "jwks_uri"
ENOUGH: list[tuple[Mode, IdentityProvider, set[str], bool]] = [
    ("oauth", OIDC, {AUTHORIZE, TOKEN, KEYS, USERINFO}, True),
    ("oauth", OIDC, {AUTHORIZE, TOKEN, KEYS}, False),
    ("oauth", OIDC, {AUTHORIZE, TOKEN, USERINFO}, False),
    ("oauth", OIDC, {TOKEN, KEYS, USERINFO}, False),
    ("oauth", MICROSOFT, {AUTHORIZE, KEYS, USERINFO}, False),
    ("jwt", OIDC, {AUTHORIZE, TOKEN, KEYS}, True),
    ("jwt", SALESFORCE, {AUTHORIZE, TOKEN}, False),
    ("jwt", OAUTH2, {AUTHORIZE, TOKEN, USERINFO}, True),
    ("jwt", OAUTH2, {AUTHORIZE, TOKEN}, False),
    ("frontend", OIDC, {AUTHORIZE}, True),
    ("frontend", OIDC, {TOKEN}, False),
]


@pytest.mark.parametrize(("mode", "kind", "given", "enough"), ENOUGH)
def test_discovery_is_not_asked_when_every_needed_endpoint_is_given(
    mode: Mode, kind: IdentityProvider, given: set[str], *, enough: bool
) -> None:
    endpoints: dict[str, Any] = {name: f"https://idp.example/{name}" for name in given}
    idp = replace(kind, issuer="https://idp.example", **endpoints)
    assert has_every_endpoint(idp, mode) is enough
    assert (complete(idp, mode).discovery_url == "") is (enough or idp.kind == "oauth2")


def test_a_given_discovery_address_stays_even_when_every_endpoint_is_given() -> None:
    idp = replace(
        OAUTH2, kind="oidc", discovery_url="https://idp.example/d", authorization_endpoint="https://idp.example"
    )
    assert complete(idp, "frontend").discovery_url == "https://idp.example/d"


def test_completing_twice_changes_nothing() -> None:
    once = complete(replace(MICROSOFT, tenant="contoso.example"), "oauth")
    assert complete(once, "oauth") == once
