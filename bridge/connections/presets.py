"""What is known of each kind of identity provider, so that nobody must type it: issuer, discovery address, scopes.

Microsoft: with a tenant's GUID the issuer is concrete. With a domain of a tenant, and with ``common`` and its like, it
is the template ``https://…/{tenantid}/v2.0``: a domain's discovery document names the concrete issuer, and so its GUID
is learnt there; the documents of ``common`` and its like repeat the template, and the token's ``tid`` fills it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.core.protocol import TENANT_PLACEHOLDER, WELL_KNOWN

if TYPE_CHECKING:
    from bridge.core.model import IdentityProvider, Mode

MICROSOFT_HOSTS: Final = {
    "global": "login.microsoftonline.com",
    "us": "login.microsoftonline.us",
    "china": "login.partner.microsoftonline.cn",
}
DEFAULT_SCOPES: Final = {
    "microsoft": "openid profile email offline_access",
    "salesforce": "openid profile email refresh_token",
    "oidc": "openid profile email offline_access",
    "oauth2": "",
    "none": "",
}
_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def complete(idp: IdentityProvider, mode: Mode) -> IdentityProvider:
    """Return `idp` with issuer, discovery address and scope filled in as its kind has them; what is given stays."""
    return replace(
        idp,
        issuer=_issuer(idp),
        discovery_url=idp.discovery_url or ("" if has_every_endpoint(idp, mode) else _discovery_url(idp)),
        scope=idp.scope or DEFAULT_SCOPES[idp.kind],
    )


def has_every_endpoint(idp: IdentityProvider, mode: Mode) -> bool:
    """Tell whether discovery has nothing to add to the endpoints that were given."""
    needed = [idp.authorization_endpoint]
    if mode != "frontend":
        needed.append(idp.token_endpoint)
        if idp.kind != "oauth2":
            needed.append(idp.jwks_uri)
        if idp.kind == "oauth2" or mode == "oauth":
            needed.append(idp.userinfo_endpoint)
    return all(needed)


def _issuer(idp: IdentityProvider) -> str:
    if idp.kind == "microsoft" and _GUID.fullmatch(idp.tenant):
        return _template(idp).replace(TENANT_PLACEHOLDER, idp.tenant.lower())
    return _template(idp)


def _discovery_url(idp: IdentityProvider) -> str:
    if idp.kind in {"oauth2", "none"}:
        return ""
    return _template(idp).replace(TENANT_PLACEHOLDER, idp.tenant).removesuffix("/") + WELL_KNOWN


def _template(idp: IdentityProvider) -> str:
    """The issuer as far as it is known without the tenant."""
    if idp.kind == "microsoft" and not idp.issuer:
        return f"https://{MICROSOFT_HOSTS[idp.cloud]}/{TENANT_PLACEHOLDER}/v2.0"
    if idp.kind == "salesforce" and not idp.issuer:
        return idp.host.rstrip("/") if "://" in idp.host else f"https://{idp.host.rstrip('/')}"
    return idp.issuer
