"""The store of connections: by name, whatever its case, and by the domain of an e-mail address."""

from __future__ import annotations

import pytest

from bridge.connections.store import ConnectionStore, FixedConnections
from bridge.core.errors import ConnectionDisabled, ConnectionUnknown
from bridge.core.model import NO_SECRET, Connection, FuyunApp, IdentityProvider


def connection(name: str, *domains: str, enabled: bool = True) -> Connection:
    idp, fuyun = IdentityProvider(kind="oidc", client_id="bridge"), FuyunApp("app", NO_SECRET)
    return Connection(name, name.title(), idp, fuyun, domains=domains, enabled=enabled)


STORE = ConnectionStore(
    FixedConnections(
        [
            connection("Globex", "globex.example", "shared.example"),
            connection("contoso", "contoso.example", "shared.example"),
            connection("closed", "closed.example", enabled=False),
        ]
    )
)


@pytest.mark.parametrize("name", ["Globex", "globex", "GLOBEX"])
def test_a_connection_is_found_by_its_name_in_any_case(name: str) -> None:
    assert STORE.get(name).name == "Globex"


def test_an_unknown_name_is_refused_and_shown_only_when_it_is_harmless() -> None:
    with pytest.raises(ConnectionUnknown, match="received nobody"):
        STORE.get("nobody")
    with pytest.raises(ConnectionUnknown) as refusal:
        STORE.get("<script>alert(1)</script>")
    assert "script" not in str(refusal.value)


def test_a_connection_that_is_switched_off_says_so() -> None:
    with pytest.raises(ConnectionDisabled, match="received closed"):
        STORE.get("CLOSED")


def test_sign_ins_are_offered_the_enabled_ones_in_the_order_of_the_file() -> None:
    assert [one.name for one in STORE.enabled()] == ["Globex", "contoso"]


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("lin@contoso.example", ["contoso"]),
        ("Lin@CONTOSO.Example ", ["contoso"]),
        ('"odd@name"@globex.example', ["Globex"]),
        ("lin@shared.example", ["Globex", "contoso"]),
        ("lin@closed.example", []),
        ("lin@sub.contoso.example", []),
        ("lin@example", []),
        ("lin@", []),
        ("@", []),
        ("", []),
    ],
)
def test_an_address_leads_to_those_who_claim_its_domain(address: str, names: list[str]) -> None:
    assert [one.name for one in STORE.for_email(address)] == names
