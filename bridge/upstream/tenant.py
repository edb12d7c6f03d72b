"""Who belongs to the customer: tenant of Microsoft, organization of Salesforce."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.core.errors import TenantNotAllowed, showable
from bridge.core.protocol import MULTI_TENANT, PERSONAL_ACCOUNTS_TENANT
from bridge.upstream.metadata import GUID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.core.model import IdentityProvider

# Salesforce writes one organization with 15 case-sensitive characters, or with a check suffix of three more.
_SIGNIFICANT: Final = 15


def check_tenant(idp: IdentityProvider, claims: Mapping[str, Any]) -> None:
    """Refuse a person whose tenant or organization the connection does not admit.

    Args:
        claims: of the ID token and of UserInfo together.

    Raises:
        TenantNotAllowed: names the tenant or organization that came.
    """
    if idp.kind == "microsoft":
        _check_microsoft(idp, claims)
    elif idp.kind == "salesforce" and idp.organization_id:
        _check_salesforce(idp, claims)


def _check_microsoft(idp: IdentityProvider, claims: Mapping[str, Any]) -> None:
    tid = str(claims.get("tid", "")).lower()
    allowed = {tenant.lower() for tenant in idp.allowed_tenants}
    # A domain names one tenant only where discovery told its GUID.
    one_tenant = GUID.fullmatch(idp.tenant) or (idp.discovery_url and idp.tenant.lower() not in MULTI_TENANT)
    personal = tid == PERSONAL_ACCOUNTS_TENANT and tid not in allowed
    # "nOAuth": any tenant can put any e-mail address into its tokens, so an open door would admit everybody as anybody.
    if personal or ((allowed or not one_tenant) and tid not in allowed):
        raise TenantNotAllowed(expected=", ".join(sorted(allowed)) or "a listed tenant", received=showable(tid))


def _check_salesforce(idp: IdentityProvider, claims: Mapping[str, Any]) -> None:
    organization = claims.get("organization_id")
    if not isinstance(organization, str) or organization[:_SIGNIFICANT] != idp.organization_id[:_SIGNIFICANT]:
        raise TenantNotAllowed(expected=f"organization {idp.organization_id}", received=showable(organization))
