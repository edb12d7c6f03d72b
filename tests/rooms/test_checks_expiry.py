"""What `check` says of what ends: a warning in time, a fault only afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bridge import checks
from bridge.upstream.metadata import KeyCache, MetadataCache

if TYPE_CHECKING:
    from bridge.checks import Finding
    from tests.kit.house import House


def ending(house: House, day: str) -> list[Finding]:
    connection = house.services.connections.get("globex")
    dated = replace(connection, idp=replace(connection.idp, client_secret_expires=day))
    outbound = house.services.outbound
    found = checks.probe(house.services, [dated], outbound, MetadataCache(outbound), KeyCache(outbound))
    return [one for one in found if "client_secret" in one.name or "certificate" in one.name]


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (40, []),
        (30, [("globex: idp.client_secret", True, "ends in 30 days")]),
        (0, [("globex: idp.client_secret", True, "ends today")]),
        (-1, [("globex: idp.client_secret", False, "has ended")]),
    ],
)
def test_a_secret_is_told_from_thirty_days_before(house: House, days: int, told: list[tuple[str, bool, str]]) -> None:
    day = datetime.fromtimestamp(house.services.now() + days * 86_400, UTC).date().isoformat()
    assert [(one.name, one.ok, one.what) for one in ending(house, day)] == told


def test_the_certificates_of_provider_and_bridge_are_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    soon = house.services.now() + 5 * 86_400 + 60
    monkeypatch.setattr(type(house.services.outbound), "certificate_expiry", lambda *_args, **_asked: soon)
    assert [(one.name, one.ok, one.what) for one in ending(house, "")] == [
        ("globex: certificate", True, "ends in 5 days"),
        ("public_url: certificate", True, "ends in 5 days"),
    ]
