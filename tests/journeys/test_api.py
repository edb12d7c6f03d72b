"""The server-to-server API: a platform's back end gets tokens for its agents, once where it says so, while it may."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import pytest
from sqlalchemy import text

from bridge.core.errors import StoreUnavailable
from bridge.db import metadata
from tests.journeys.steps import asked, at_once, refused
from tests.kit.house import change
from tests.kit.platform import platform_of
from tests.kit.signing import signing_house, signing_settings
from tests.kit.wiretap import Secrets
from tests.structure.test_no_secret_in_logs import everything_written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from requests.models import Response

    from bridge.settings import Settings
    from tests.kit.house import House
    from tests.kit.platform import Platform

LIN: Final = "lin@contoso.example"
TOKEN: Final = {"access_token", "token_type", "expires_in", "scope", "account_name", "instance_id"}
FAR_AWAY: Final = "198.51.100.7"


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Build houses over one database: the replicas of one bridge."""
    settings = signing_settings(tmp_path)
    built: list[House] = []

    def build(alter: Callable[[Settings], Settings] = lambda settings: settings) -> House:
        built.append(signing_house(alter(settings)))
        return built[-1]

    yield build
    for house in built:
        house.services.database.close()


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    built = signing_house(signing_settings(tmp_path_factory.mktemp("house")))
    yield built
    built.services.database.close()


@pytest.fixture
def house(standing: House) -> House:
    """The same house for many tests, which each bring a platform of their own."""
    standing.world.faults.clear()
    standing.calls.clear()
    return standing


@pytest.fixture
def platform(house: House) -> Platform:
    return platform_of(house, "contoso", "globex")


def cells(house: House) -> list[str]:
    """Return every cell of every table."""
    with house.services.database.transaction() as transaction:
        found = [row for table in metadata.sorted_tables for row in transaction.execute(table.select()).all()]
    return [str(cell) for row in found for cell in row]


def from_address(platform: Platform, address: str, **headers: str) -> tuple[int, str]:
    """List the connections from somewhere; returns status and code."""
    answer = platform.house.app.test_client().get(
        "/api/v1/connections",
        headers={"Authorization": f"Bearer {platform.key}", **headers},
        environ_overrides={"REMOTE_ADDR": address},
    )
    return answer.status_code, (answer.json or {}).get("code", "")


class TestAToken:
    def test_comes_with_what_the_phone_needs_and_leaves_no_session(self, house: House, platform: Platform) -> None:
        kept = house.rows()
        answer = platform.token("contoso", LIN)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
        assert "Set-Cookie" not in answer.headers
        told = answer.json()
        assert told.keys() == TOKEN
        assert (told["token_type"].lower(), told["account_name"], told["instance_id"]) == ("bearer", LIN, "ccc_xp_demo")
        assert 0 < told["expires_in"] <= 2_592_000
        assert asked(house) == ["token_exchange"]
        assert house.rows() == kept

    def test_is_in_the_journal_with_its_key_and_its_agent(self, house: House, platform: Platform) -> None:
        platform.token("contoso", LIN)
        record = house.journal()[0]
        assert (record.event, record.connection, record.code) == ("token_issued", "contoso", "ok")
        # Without an actor: so many of them must not push out what administrators did.
        assert (record.person, record.actor, record.details["api_key"]) == (LIN, "", platform.key_id)
        assert record.details["fuyun_jti"]

    def test_that_was_refused_is_in_the_journal_too(self, house: House, platform: Platform) -> None:
        house.world.faults.set("exchange", "unknown_agent", times=1)
        reference = platform.token("contoso", LIN).json()["reference"]
        (record,) = house.services.trail.under(reference)
        assert (record.event, record.person, record.code) == ("token_issued", LIN, "agent_unknown")
        assert record.details["api_key"] == platform.key_id

    def test_is_not_given_while_the_connection_is_off(self, build: Callable[..., House]) -> None:
        house = build(lambda to: change(to, "contoso", lambda one: replace(one, enabled=False)))
        platform = platform_of(house, "contoso", "globex")
        assert refused(platform.token("contoso", LIN)) == (404, "connection_disabled")
        assert [one["name"] for one in platform.ask("GET", "/connections").json()["items"]] == ["globex"]


def test_nothing_secret_is_written_down_anywhere(house: House, platform: Platform, tmp_path: Path) -> None:
    secrets = Secrets()
    secrets.add("api key", platform.key)
    secrets.add("its secret", platform.key.rpartition("_")[2])
    with everything_written(tmp_path / "written") as read:
        for once in ("", "an-idempotency-key"):
            answer = platform.token("contoso", LIN, **{"Idempotency-Key": once})
            secrets.add("token", answer.json()["access_token"])
            handed = platform.handoff("globex", "lin", display_name="Lin").json()["url"]
            secrets.add("hand-off", handed.rpartition("/")[2])
            browser = house.browser()
            for _ in range(2):
                browser.open(handed)
            browser.open(f"{handed}x")
            secrets.add("AC_TOKEN", browser.cookie("AC_TOKEN"))
        house.world.faults.set("exchange", "echo_token")
        platform.token("contoso", LIN)
        platform.ask("GET", f"/connections?key={platform.key}", Authorization="")
        platform.ask("GET", f"/connections/{platform.key}")
        platform.ask("GET", "/connections", Authorization=f"Basic {platform.key}")
        written = read()
    # Once refused: that has its line and its row too.
    assert written.count("token_issued") == 3
    assert written.count("handoff_invalid") == 4
    search = secrets.search()
    assert [line for line in written.splitlines() if search.kinds_in(line)] == []
    assert [cell for cell in cells(house) if search.kinds_in(cell)] == []


class TestWhatIsDoneOnce:
    ONCE: Final[dict[str, str]] = {"Idempotency-Key": "order-66"}

    def test_is_answered_again_letter_by_letter(self, house: House, platform: Platform) -> None:
        first, second = (platform.token("contoso", LIN, **self.ONCE) for _ in range(2))
        assert (first.status_code, second.status_code, second.content) == (200, 200, first.content)
        assert "Idempotency-Replayed" not in first.headers
        assert (second.headers["Idempotency-Replayed"], second.headers["Cache-Control"]) == ("true", "no-store")
        assert asked(house) == ["token_exchange"]

    def test_is_refused_to_another_request_with_the_same_key(self, house: House, platform: Platform) -> None:
        platform.token("contoso", LIN, **self.ONCE)
        others = [
            platform.token("contoso", "kim@contoso.example", **self.ONCE),
            platform.token("globex", LIN, **self.ONCE),
            _handed(platform, self.ONCE),
        ]
        assert {refused(one) for one in others} == {(422, "idempotency_key_reused")}
        assert asked(house) == ["token_exchange"]

    def test_is_something_else_for_another_platform(self, house: House, platform: Platform) -> None:
        other = platform_of(house, "contoso")
        assert platform.token("contoso", LIN, **self.ONCE).content != other.token("contoso", LIN, **self.ONCE).content

    def test_can_be_tried_again_with_the_same_key_when_it_failed(self, house: House, platform: Platform) -> None:
        house.world.faults.set("exchange", "http_500")
        assert platform.token("contoso", LIN, **self.ONCE).status_code == 504
        house.world.faults.clear()
        answer = platform.token("contoso", LIN, **self.ONCE)
        assert (answer.status_code, "Idempotency-Replayed" in answer.headers) == (200, False)

    def test_is_done_once_by_ten_that_come_together(self, house: House, platform: Platform) -> None:
        def ask() -> Response:
            return platform_again(platform).token("contoso", LIN, **self.ONCE)

        house.world.faults.set("exchange", "slow", seconds=0.3)
        answers = at_once([ask] * 10)
        good = [one.content for one in answers if one.status_code == 200]
        others = [refused(one) for one in answers if one.status_code != 200]
        assert len(answers) == 10
        assert len(set(good)) == 1
        assert set(others) <= {(409, "idempotency_conflict")}
        assert all("Retry-After" in one.headers for one in answers if one.status_code != 200)
        assert asked(house) == ["token_exchange"]

    def test_is_not_done_while_nobody_can_tell_whether_it_was(
        self, house: House, platform: Platform, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise StoreUnavailable

        monkeypatch.setattr(house.services.kept_answers, "begin", fail)
        assert refused(platform.token("contoso", LIN, **self.ONCE)) == (503, "store_unavailable")
        assert asked(house) == []

    def test_is_answered_even_if_the_answer_cannot_be_kept(
        self, house: House, platform: Platform, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise StoreUnavailable

        monkeypatch.setattr(house.services.kept_answers, "keep", fail)
        assert platform.token("contoso", LIN, **self.ONCE).status_code == 200
        assert refused(platform.token("contoso", LIN, **self.ONCE)) == (409, "idempotency_conflict")
        house.clock.advance(91)
        assert platform.token("contoso", LIN, **self.ONCE).status_code == 200


def platform_again(platform: Platform) -> Platform:
    """Return the same back end in a thread of its own."""
    return replace(platform)


def _handed(platform: Platform, headers: dict[str, str]) -> Response:
    return platform.ask("POST", "/connections/contoso/handoff", {"account_name": LIN}, **headers)


class TestTheEndOfAKey:
    def test_is_noticed_by_every_replica_at_once(self, build: Callable[..., House]) -> None:
        first, second = build(), build()
        platform = platform_of(first, "contoso")
        elsewhere = replace(platform, house=second)
        assert elsewhere.token("contoso", LIN).status_code == 200
        first.services.api_keys.revoke(platform.key_id)
        for one in (platform, elsewhere):
            answer = one.token("contoso", LIN)
            assert (refused(answer), answer.json()["received"]) == ((401, "api_key_invalid"), "a revoked one")
        assert asked(second) == ["token_exchange"]

    def test_closes_what_it_had_opened_before(self, house: House, platform: Platform) -> None:
        once = {"Idempotency-Key": "order-66"}
        platform.token("contoso", LIN, **once)
        house.services.api_keys.revoke(platform.key_id)
        assert refused(platform.token("contoso", LIN, **once)) == (401, "api_key_invalid")

    def test_of_its_connection_is_noticed_where_the_connections_were_read_before(
        self, build: Callable[..., House]
    ) -> None:
        first, second = build(), build()
        platform = platform_of(first, "contoso", "globex")
        elsewhere = replace(platform, house=second)
        assert elsewhere.token("contoso", LIN).status_code == 200
        # The second replica may believe for two seconds what it has read; the database is asked about the key.
        first.services.register.provision([one for one in first.settings.connections if one.name != "contoso"])
        assert refused(elsewhere.token("contoso", LIN)) == (404, "connection_unknown")
        assert elsewhere.token("globex", "lin").status_code == 200

    def test_comes_when_another_customer_takes_the_name_and_theirs_opens_nothing_of_the_former(
        self, build: Callable[..., House]
    ) -> None:
        house = build()
        platform = platform_of(house, "contoso")
        platform.token("contoso", LIN)
        register, given = house.services.register, house.settings.connections
        register.provision([one for one in given if one.name != "contoso"])
        register.provision([replace(one, title="Somebody else") if one.name == "contoso" else one for one in given])
        newcomer = platform_of(house, "contoso")
        # As the replica's connections were read before, they are still those of the former customer.
        assert house.services.connections.get("contoso").title != "Somebody else"
        assert refused(newcomer.token("contoso", LIN)) == (404, "connection_unknown")
        assert newcomer.ask("GET", "/connections").json()["items"] == []
        house.services.connections.refresh()
        assert newcomer.token("contoso", LIN).status_code == 200
        assert refused(platform.token("contoso", LIN)) == (404, "connection_unknown")
        assert platform.ask("GET", "/connections").json()["items"] == []


class TestWhileTheStoreIsAway:
    def test_a_key_is_neither_good_nor_bad(self, house: House, platform: Platform) -> None:
        with house.services.database.engine.begin() as connection:
            connection.execute(text("ALTER TABLE api_keys RENAME TO elsewhere"))
        answer = platform.token("contoso", LIN)
        assert refused(answer) == (503, "store_unavailable")
        assert "Retry-After" in answer.headers
        assert "WWW-Authenticate" not in answer.headers
        with house.services.database.engine.begin() as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO api_keys"))
        assert platform.token("contoso", LIN).status_code == 200


class TestItsNetworks:
    def test_are_told_by_a_trusted_proxy_and_by_nobody_before_it(self, build: Callable[..., House]) -> None:
        house = build(lambda to: replace(to, server=to.server.model_copy(update={"trusted_proxies": ("10.0.0.0/8",)})))
        platform = platform_of(house, "contoso", networks=("203.0.113.0/24",))
        seen = partial(from_address, platform)
        assert seen("10.0.0.1", **{"X-Forwarded-For": "203.0.113.7"}) == (200, "")
        assert seen("10.0.0.1", **{"X-Forwarded-For": "203.0.113.7, 10.0.0.2"}) == (200, "")
        assert seen("10.0.0.1", **{"X-Forwarded-For": f"203.0.113.7, {FAR_AWAY}"}) == (403, "api_key_forbidden")
        assert seen("10.0.0.1") == (403, "api_key_forbidden")


class TestLists:
    def test_name_the_way_to_the_next_page_with_all_that_was_asked(self, house: House, platform: Platform) -> None:
        platform.ask("DELETE", "/connections/globex/sessions?account_name=lin")
        for _ in range(3):
            house.browser().open(platform.handoff("globex", "lin").json()["url"])
        house.world.add_agent("zoe")
        house.browser().open(platform.handoff("globex", "zoe").json()["url"])
        page = platform.ask("GET", "/connections/globex/sessions?account_name=lin&limit=2")
        seen = [one["account_name"] for one in page.json()["items"]]
        rest = platform.ask("GET", page.links["next"]["url"].partition("/api/v1")[2])
        assert seen + [one["account_name"] for one in rest.json()["items"]] == ["lin"] * 3
        assert (rest.json()["next_cursor"], rest.links) == (None, {})

    def test_are_sent_once_to_those_who_have_them(self, house: House, platform: Platform) -> None:
        first = platform.ask("GET", "/connections/globex/sessions")
        kept = {"If-None-Match": first.headers["ETag"]}
        again = platform.ask("GET", "/connections/globex/sessions", **kept)
        assert (again.status_code, again.content) == (304, b"")
        house.browser().open(platform.handoff("globex", "lin").json()["url"])
        assert platform.ask("GET", "/connections/globex/sessions", **kept).status_code == 200
        assert refused(platform_of(house, "contoso").ask("GET", "/connections/globex/sessions", **kept))[0] == 404
