"""What `check` says of what ends: a warning in time, a fault only afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bridge.checks import front
from bridge.checks.round import probe
from bridge.checks.scene import Scene
from bridge.upstream.metadata import KeyCache, MetadataCache

if TYPE_CHECKING:
    from tests.kit.house import House


Told = list[tuple[str, str, str]]


def ending(house: House, day: str) -> Told:
    connection = house.services.connections.get("globex")
    dated = replace(connection, idp=replace(connection.idp, client_secret_expires=day))
    outbound = house.services.outbound
    scene = Scene(house.services, outbound, MetadataCache(outbound), KeyCache(outbound))
    found = [*front.look(scene), *probe(scene, [dated], whole=False)]
    return [(one.title, one.level, one.what) for one in found if "secret" in one.name or "certificate" in one.name]


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (40, []),
        (30, [("globex: idp.client_secret", "warn", "ends in 30 days")]),
        (0, [("globex: idp.client_secret", "warn", "ends today")]),
        (-1, [("globex: idp.client_secret", "fault", "has ended")]),
    ],
)
def test_a_secret_is_told_from_thirty_days_before(house: House, days: int, told: Told) -> None:
    day = datetime.fromtimestamp(house.services.now() + days * 86_400, UTC).date().isoformat()
    assert ending(house, day) == told


def test_the_certificates_of_bridge_and_provider_are_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    soon = house.services.now() + 5 * 86_400 + 60
    monkeypatch.setattr(type(house.services.outbound), "certificate_expiry", lambda *_args, **_asked: soon)
    assert ending(house, "") == [
        ("public_url.certificate", "warn", "http://127.0.0.1:5000: ends in 5 days"),
        ("globex: certificate", "warn", "http://localhost:5100: ends in 5 days"),
    ]
