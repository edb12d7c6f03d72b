"""Who belongs to the customer: the tenant of Microsoft, the organization of Salesforce, everybody elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.core.errors import TenantNotAllowed
from bridge.core.model import IdentityProvider
from bridge.core.protocol import PERSONAL_ACCOUNTS_TENANT
from bridge.upstream.tenant import check_tenant

HOME = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
OTHER = "11111111-2b34-4da1-9baa-8bc8c9d6a490"
BY_DOMAIN = IdentityProvider(
    kind="microsoft", client_id="bridge", tenant="contoso.example", discovery_url="https://idp.example/x"
)
ONE_TENANT = replace(BY_DOMAIN, tenant=HOME)
COMMON = replace(BY_DOMAIN, tenant="common", allowed_tenants=(HOME.upper(),))
OPEN = replace(COMMON, allowed_tenants=())
SALESFORCE = IdentityProvider(kind="salesforce", client_id="bridge", organization_id="00D000000000001AAA")
ELSEWHERE = IdentityProvider(kind="oidc", client_id="bridge")

ADMITTED: list[tuple[IdentityProvider, dict[str, Any]]] = [
    (ONE_TENANT, {"tid": HOME}),
    (ONE_TENANT, {}),  # its issuer names the tenant already
    (BY_DOMAIN, {"tid": OTHER}),  # likewise: discovery told the GUID
    (COMMON, {"tid": HOME}),
    (COMMON, {"tid": HOME.upper()}),
    (replace(COMMON, allowed_tenants=(PERSONAL_ACCOUNTS_TENANT,)), {"tid": PERSONAL_ACCOUNTS_TENANT}),
    (replace(ONE_TENANT, allowed_tenants=(HOME,)), {"tid": HOME}),
    (SALESFORCE, {"organization_id": "00D000000000001AAA"}),
    (SALESFORCE, {"organization_id": "00D000000000001"}),
    (replace(SALESFORCE, organization_id="00D000000000001"), {"organization_id": "00D000000000001AAA"}),
    (replace(SALESFORCE, organization_id=""), {"organization_id": "00D000000000009AAA"}),
    (ELSEWHERE, {"tid": OTHER, "organization_id": "any"}),
]
REFUSED: list[tuple[IdentityProvider, dict[str, Any], str]] = [
    (COMMON, {"tid": OTHER}, OTHER),
    (COMMON, {}, "str of 0 characters"),
    (COMMON, {"tid": [HOME]}, "str of"),
    (COMMON, {"tid": PERSONAL_ACCOUNTS_TENANT}, PERSONAL_ACCOUNTS_TENANT),
    (OPEN, {"tid": HOME}, HOME),
    (replace(OPEN, tenant="organizations"), {"tid": HOME}, HOME),
    (replace(OPEN, tenant="Common"), {"tid": HOME}, HOME),
    (replace(OPEN, tenant="consumers"), {"tid": PERSONAL_ACCOUNTS_TENANT}, PERSONAL_ACCOUNTS_TENANT),
    (replace(BY_DOMAIN, discovery_url=""), {"tid": HOME}, HOME),  # nobody told the domain's GUID
    (ONE_TENANT, {"tid": PERSONAL_ACCOUNTS_TENANT}, PERSONAL_ACCOUNTS_TENANT),
    (replace(ONE_TENANT, allowed_tenants=(HOME,)), {"tid": OTHER}, OTHER),
    (SALESFORCE, {"organization_id": "00D000000000009AAA"}, "00D000000000009AAA"),
    (SALESFORCE, {"organization_id": "00d000000000001AAA"}, "00d000000000001AAA"),
    (SALESFORCE, {}, "None"),
    (SALESFORCE, {"organization_id": ["00D000000000001AAA"]}, "list of"),
]


@pytest.mark.parametrize(("idp", "claims"), ADMITTED)
def test_who_belongs_is_admitted(idp: IdentityProvider, claims: dict[str, Any]) -> None:
    check_tenant(idp, claims)


@pytest.mark.parametrize(("idp", "claims", "received"), REFUSED)
def test_who_does_not_is_refused_with_the_tenant_that_came(
    idp: IdentityProvider, claims: dict[str, Any], received: str
) -> None:
    with pytest.raises(TenantNotAllowed) as refusal:
        check_tenant(idp, claims)
    assert refusal.value.received.startswith(received)
    assert refusal.value.expected
