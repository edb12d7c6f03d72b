"""Somebody changes the client secret of a provider: nobody is signed out, whichever side is late or mistaken."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from bridge.core.errors import StoreUnavailable
from bridge.core.model import Secret
from bridge.sandbox.registrations import COMPANIES
from tests.journeys.steps import at_once, refused, signed_in
from tests.kit.desk import operator, saved, table
from tests.kit.house import build_house, change, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.house import House

OLD = COMPANIES["globex"].client.client_secret
NEW = "a new secret that no text may show"
EVENTS = ("client_secret_fallback", "client_secret_accepted")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A bridge with one connection that was made at the console."""
    built = build_house(demo_settings(tmp_path, connections=("contoso",)))
    saved(built, table("globex"))
    yield built
    built.services.database.close()


def entered(secret: str = NEW) -> dict[str, Any]:
    """Return the tables of the connection with another secret."""
    made = table("globex")
    return {**made, "idp": {**made["idp"], "client_secret": secret}}


def provider_knows(house: House, secret: str) -> None:
    clients = house.world.clients
    client_id = COMPANIES["globex"].client.client_id
    clients[client_id] = replace(clients[client_id], client_secret=secret)


def former(house: House) -> str:
    return house.services.connections.get("globex").idp.former_client_secret.reveal()


def token_calls(house: House) -> int:
    """Count what was asked of token endpoints since the last time."""
    found = [url for _, url in house.calls if url.endswith("/token")]
    house.calls.clear()
    return len(found)


def rows(house: House) -> list[tuple[str, str]]:
    """Return event and connection of what the journal kept about secrets, oldest first."""
    return [(one.event, one.connection) for one in house.journal()[::-1] if one.event in EVENTS]


def test_a_secret_that_the_provider_does_not_know_yet_stops_nobody(house: House) -> None:
    early = signed_in(house)
    saved(house, entered())
    assert early.post("/session/renew").status_code == 200
    late = signed_in(house)
    assert late.post("/session/renew").status_code == 200
    assert former(house) == OLD
    provider_knows(house, NEW)
    house.clock.advance(60)
    assert [browser.post("/session/renew").status_code for browser in (early, late)] == [200, 200]
    assert former(house) == ""


def test_one_that_works_makes_the_former_one_forgotten_for_good(house: House) -> None:
    browser = signed_in(house)
    saved(house, entered())
    provider_knows(house, NEW)
    assert browser.post("/session/renew").status_code == 200
    provider_knows(house, OLD)
    house.clock.advance(60)
    token_calls(house)
    assert refused(browser.post("/session/renew")) == (400, "idp_error")
    assert token_calls(house) == 1
    assert rows(house) == [("client_secret_accepted", "globex")]


def test_it_is_forgotten_once_by_all_that_sign_in_at_the_same_moment(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    browsers = [signed_in(house) for _ in range(4)]
    saved(house, entered())
    provider_knows(house, NEW)
    forget, asked = house.services.register.forget_former_secret, []

    def counted(name: str, number: int) -> bool:
        asked.append((name, number))
        return forget(name, number)

    monkeypatch.setattr(house.services.register, "forget_former_secret", counted)
    answers = at_once([partial(browser.post, "/session/renew") for browser in browsers])
    assert [answer.status_code for answer in answers] == [200] * 4
    assert asked == [("globex", 2)]


def test_an_ordinary_sign_in_writes_and_asks_nothing_about_secrets(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.services.register, "forget_former_secret", None)
    token_calls(house)
    signed_in(house).post("/session/renew")
    assert (token_calls(house), rows(house)) == (2, [])


def test_what_another_replica_proved_is_forgotten_here_within_seconds(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(house, entered())
    replica = build_house(house.settings)
    provider_knows(replica, NEW)
    assert (former(house), former(replica)) == (OLD, OLD)
    signed_in(replica)
    store = house.services.connections
    now = store._clock()
    monkeypatch.setattr(store, "_clock", lambda: now + 5.0)
    assert (former(house), former(replica)) == ("", "")
    replica.services.database.close()


def test_of_two_replicas_that_see_it_work_one_tells(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(house, entered())
    replica, store = build_house(house.settings), house.services.connections
    monkeypatch.setattr(store, "_clock", lambda: float("-inf"))  # so that it learns nothing from the other one
    for one in (replica, house):
        provider_knows(one, NEW)
        signed_in(one)
    assert (former(house), former(replica)) == ("", "")
    assert rows(house) == [("client_secret_accepted", "globex")]
    replica.services.database.close()


def test_a_secret_that_was_changed_in_the_file_serves_with_the_former_one_until_it_works_also_after_a_restart(
    tmp_path: Path,
) -> None:
    settings = demo_settings(tmp_path, connections=("globex",))
    build_house(settings).services.database.close()
    changed = change(settings, "globex", lambda one: replace(one, idp=replace(one.idp, client_secret=Secret(NEW))))
    house = build_house(changed)
    assert signed_in(house).fetch("/session").status_code == 200
    provider_knows(house, NEW)
    signed_in(house)
    house.services.database.close()
    house = build_house(changed)
    assert former(house) == ""
    assert house.browser().sign_in("globex").status_code == 400
    house.services.database.close()


def test_a_rehearsal_tries_the_new_secret_alone_and_a_good_one_proves_nothing(house: House) -> None:
    admin, version = operator(house), saved(house, entered(), active=False)
    digest = house.services.register.version("globex", version).digest

    def rehearsed() -> str:
        page = admin.open(f"/login/globex/rehearsal?version={version}")
        admin.choose(page, "lin")
        last = house.services.rehearsals.last_of("globex", digest)
        return last.code if last else ""

    assert rehearsed() == "idp_error"
    saved(house, entered())
    assert (former(house), rehearsed()) == (OLD, "idp_error")
    provider_knows(house, NEW)
    assert rehearsed() == "ok"
    assert (former(house), rows(house)) == (OLD, [])


class TestTelling:
    def test_it_is_a_line_a_minute_a_count_and_one_row(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        seconds = [0.0]
        monkeypatch.setattr(house.services.upstream._secret_proof, "_clock", lambda: seconds[0])
        saved(house, entered())
        with capture_logs() as lines:
            for second in (0.0, 30.0, 61.0):
                seconds[0] = second
                signed_in(house)
        told = [line for line in lines if line["event"] == "client_secret_fallback"]
        assert [(line["log_level"], line["connection"], line["expected"], line["received"]) for line in told] == [
            ("warning", "globex", "the client secret of version 2", "invalid_client")
        ] * 2
        assert rows(house) == [("client_secret_fallback", "globex")]
        counted = b'bridge_events_total{code="idp_error",connection="globex",event="client_secret_fallback"} 2.0'
        assert counted in house.services.metrics.exposition()
        monkeypatch.setattr(house.services.upstream._secret_proof, "_done_at", {})  # as in another worker
        house.clock.advance(100)
        signed_in(house)
        assert rows(house) == [("client_secret_fallback", "globex")]

    def test_no_secret_stands_in_any_of_it(self, house: House) -> None:
        with capture_logs() as lines:
            saved(house, entered())
            signed_in(house)
            provider_knows(house, NEW)
            signed_in(house)
        shown = f"{lines}{house.journal()}{house.services.connections.enabled()}"
        assert [secret for secret in (OLD, NEW) if secret in shown] == []
        assert rows(house) == [("client_secret_fallback", "globex"), ("client_secret_accepted", "globex")]


def test_a_database_that_fails_meanwhile_costs_nobody_the_sign_in(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(house, entered())
    provider_knows(house, NEW)
    seconds, asked = [0.0], []
    monkeypatch.setattr(house.services.upstream._secret_proof, "_clock", lambda: seconds[0])

    def gone(*what: object) -> bool:
        asked.append(what)
        raise StoreUnavailable

    with monkeypatch.context() as outage:
        outage.setattr(house.services.register, "forget_former_secret", gone)
        for _ in range(2):
            assert signed_in(house).fetch("/session").status_code == 200
    assert (len(asked), former(house)) == (1, OLD)
    seconds[0] = 61.0
    signed_in(house)
    assert former(house) == ""
