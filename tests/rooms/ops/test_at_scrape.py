"""What is read at a scrape: seldom, without waiting for slow servers, and with whatever is missing left out."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from bridge.core.errors import StoreUnavailable
from bridge.ops.at_scrape import AtScrape, Family, InBackground, Lasting
from tests.journeys.steps import signed_in

if TYPE_CHECKING:
    from tests.kit.house import House

TEMPERATURE = Family("bridge_temperature", "How warm it is.", ("room",))
SILENT = Family("bridge_silent", "Nothing to tell.")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_however_many_scrape_it_is_read_once_in_ten_seconds() -> None:
    clock, read = Clock(), []

    def readings() -> list[tuple[str, tuple[str, ...], float]]:
        read.append(clock.now)
        return [("bridge_temperature", ("attic",), 31.0)]

    source = AtScrape([TEMPERATURE, SILENT], readings, clock)
    for clock.now in (0, 5, 9, 10):
        (family,) = source.collect()
        assert [(sample.labels, sample.value) for sample in family.samples] == [({"room": "attic"}, 31.0)]
    assert read == [0, 10]


def test_what_could_not_be_found_out_is_tried_again_at_once() -> None:
    answers = iter([StoreUnavailable(), None])

    def find() -> str:
        fault = next(answers)
        if fault:
            raise fault
        return "found"

    lasting = Lasting(find, 60, Clock())
    with pytest.raises(StoreUnavailable):
        lasting.get()
    assert lasting.get() == "found"


def test_nobody_waits_for_a_slow_look_up() -> None:
    gate, clock = threading.Event(), Clock()
    looks: list[str] = []

    def look(place: str) -> float | None:
        gate.wait(60)
        looks.append(place)
        return None if place == "http" else 7.0

    background = InBackground(look, 3600, clock)
    wanted = [("https",), ("http",), ("https",)]
    assert background.known(wanted) == {}
    assert background.known(wanted) == {}
    gate.set()
    background.finish()
    assert background.known(wanted) == {("https",): 7.0}
    assert looks == ["https", "http"]
    clock.now = 3600
    background.known(wanted)
    background.finish()
    assert looks == ["https", "http"] * 2


def test_sessions_are_counted_where_they_are_kept_and_only_while_they_live(house: House) -> None:
    browser = signed_in(house, "contoso")
    signed_in(house, "globex")
    count = house.services.agent_sessions.count
    assert count(["contoso", "GLOBEX", "acme"]) == {"contoso": 1, "GLOBEX": 1, "acme": 0}
    assert 'bridge_sessions_alive{connection="contoso"} 1.0' in house.browser().fetch("/metrics").text
    browser.submit("/logout", {"csrf_token": browser.csrf_token()}, follow=False)
    assert count(["contoso"]) == {"contoso": 0}
    house.clock.advance(2 * 3600 + 1)
    assert count(["globex"]) == {"globex": 0}


def test_certificates_are_told_once_they_are_known(house: House) -> None:
    house.adapter.certificates["phone.example.com"] = 1_900_000_000.0
    from bridge.gauges import _Readings  # noqa: PLC0415 — what it is made of

    object.__setattr__(house.services.site, "public_url", "https://phone.example.com")
    readings = _Readings(house.services, 1, 1)
    list(readings.read())
    readings.certificates.finish()
    told = [reading for reading in readings.read() if reading[0] == "bridge_expiry_timestamp_seconds"]
    assert told == [("bridge_expiry_timestamp_seconds", ("", "certificate", "phone.example.com"), 1_900_000_000.0)]


def test_without_the_database_a_scrape_tells_the_rest(house: House) -> None:
    house.services.database.close()

    def fails() -> None:
        raise StoreUnavailable

    house.services.database.transaction = fails  # type: ignore[assignment,method-assign]
    house.services.session_store.ping = fails  # type: ignore[method-assign]
    told = house.services.metrics.exposition().decode()
    assert 'bridge_store_up{store="database"} 0.0' in told
    assert 'bridge_store_up{store="sessions"} 0.0' in told
    assert "bridge_build_info{" in told
    assert "bridge_sessions_alive{" not in told
