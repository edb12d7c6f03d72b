"""Redis, the database, the disk or the clock in trouble: page and cookies stay, and afterwards nobody signs in anew.

The README's section "When something is down" promises what these tests show.
"""

from __future__ import annotations

import re
import resource
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import pytest
from sqlalchemy import event, text

from bridge.app import create_app
from bridge.db import Database
from bridge.upstream.client import UpstreamClient
from tests.journeys.steps import records, signed_in
from tests.kit.clock import Clock
from tests.kit.house import build_house, demo_settings
from tests.kit.open_page import OpenPage, problem_of, way_on
from tests.kit.redis_server import redis_server as a_redis_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask

    from tests.kit.house import House
    from tests.kit.redis_server import RedisServer

UNAVAILABLE: Final = (503, "store_unavailable")
NOWHERE: Final = "sqlite:////proc/nowhere/bridge.db"


@pytest.fixture(scope="module")
def durable() -> Iterator[RedisServer]:
    """A Redis that writes down everything before it answers."""
    with a_redis_server(appendonly="yes", appendfsync="always") as server:
        yield server


@pytest.fixture
def with_redis(durable: RedisServer, tmp_path: Path) -> Iterator[House]:
    yield from over(durable.emptied(), tmp_path)


def over(url: str, folder: Path) -> Iterator[House]:
    """Build a house whose sessions are in Redis."""
    settings = demo_settings(folder)
    house = build_house(replace(settings, store=settings.store.model_copy(update={"sessions": url})))
    yield house
    house.services.session_store.close()
    house.services.database.close()


def is_unharmed(page: OpenPage) -> bool:
    """Say whether an open page works on with the very session that it had."""
    works = [page.look(), page.token(), page.browser.open("/softphone"), page.renew()]
    return [answer.status_code for answer in works] == [200] * 4


def wait_until_it_answers(house: House) -> None:
    give_up_at = time.monotonic() + 10
    while house.browser().fetch("/readyz").status_code != 200:
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


# Redis ----------------------------------------------------------------------------------------------------------------


def test_while_redis_is_down_the_page_stays_and_afterwards_nobody_signs_in_anew(
    with_redis: House, durable: RedisServer
) -> None:
    with_redis.world.single_sign_on = True
    page, newcomer = OpenPage(signed_in(with_redis)), with_redis.browser()
    at_provider = newcomer.begin("globex", "?next=/softphone?case=7")
    refreshes = with_redis.world.count("/token")
    with durable.down():
        for answer in (page.look(), page.renew(), page.token(), page.sign_out()):
            assert problem_of(answer) == UNAVAILABLE
            assert page.banner(answer) == "trouble_store"
        assert page.keeps_its_cookies()
        assert with_redis.world.count("/token") == refreshes
        told = newcomer.choose(at_provider, "fang")
        assert problem_of(told) == UNAVAILABLE
    wait_until_it_answers(with_redis)
    assert is_unharmed(page)
    assert page.keeps_its_cookies() is False, "the renewal gave it a new AC_TOKEN"
    assert newcomer.open(way_on(told)).url.endswith("/softphone?case=7")


def test_a_restart_of_redis_between_two_looks_is_not_even_seen(with_redis: House, durable: RedisServer) -> None:
    page = OpenPage(signed_in(with_redis))
    durable.restart()
    assert is_unharmed(page)


def test_a_redis_that_forgets_all_signs_everybody_out_and_says_so(with_redis: House, durable: RedisServer) -> None:
    page = OpenPage(signed_in(with_redis))
    durable.emptied()
    assert (page.look().status_code, page.look().json()["code"]) == (401, "session_missing")


def test_an_open_page_outlives_a_failover(tmp_path: Path) -> None:
    with ExitStack() as servers:
        master = servers.enter_context(a_redis_server())
        behind = servers.enter_context(a_redis_server(settings=f"replicaof 127.0.0.1 {master.port}"))
        watch = [f"sentinel monitor main 127.0.0.1 {master.port} 1", "sentinel down-after-milliseconds main 300"]
        lines = "\n".join([*watch, "sentinel failover-timeout main 2000"])
        sentinel = servers.enter_context(a_redis_server(settings=lines, is_sentinel=True))
        with sentinel.admin() as admin, behind.admin() as second:
            while not admin.sentinel_slaves("main") or second.info("replication")["master_link_status"] != "up":
                time.sleep(0.02)
        for house in over(f"redis+sentinel://127.0.0.1:{sentinel.port}/main", tmp_path):
            page = OpenPage(signed_in(house))
            master.kill()
            give_up_at = time.monotonic() + 20
            while (answer := page.look()).status_code != 200:
                assert problem_of(answer) == UNAVAILABLE
                assert time.monotonic() < give_up_at
                time.sleep(0.05)
            assert page.keeps_its_cookies()
            assert is_unharmed(page)


def test_a_store_that_is_away_for_a_moment_loses_no_token_that_the_provider_has_just_given(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = OpenPage(signed_in(house))
    refresh, away = UpstreamClient.refresh, ExitStack()

    def refresh_and_lose_the_store(self: UpstreamClient, *asked: Any) -> Any:
        fresh = refresh(self, *asked)
        away.enter_context(database_down(house))
        threading.Timer(0.2, away.close).start()
        return fresh

    with monkeypatch.context() as patch:
        patch.setattr(UpstreamClient, "refresh", refresh_and_lose_the_store)
        assert page.renew().status_code == 200
    house.clock.advance(60)
    assert is_unharmed(page)


# The database ---------------------------------------------------------------------------------------------------------


@contextmanager
def database_down(house: House) -> Iterator[None]:
    """Let the database answer nothing."""
    database = house.services.database
    database.engine.dispose()
    good, database.engine = database.engine, Database(NOWHERE).engine
    house.services.connections._look_at = float("-inf")
    yield
    database.engine = good


def test_with_sessions_in_redis_a_dead_database_is_noticed_by_nobody_but_administrators(with_redis: House) -> None:
    page, leaver, browser = OpenPage(signed_in(with_redis)), OpenPage(signed_in(with_redis)), with_redis.browser()
    with database_down(with_redis):
        assert is_unharmed(page)
        assert leaver.sign_out().status_code == 303
        assert browser.sign_in("globex", "fang", "?next=/softphone?case=7").url.endswith("/softphone?case=7")
        assert browser.fetch("/session").json()["account_name"] == "王芳"
        with_redis.world.sign_out("globex", "fang")
        assert browser.fetch("/session").json()["code"] == "session_ended"
        ready = browser.fetch("/readyz")
        checks = {"database": "store_unavailable", "redis": "ok"}
        assert (ready.status_code, ready.json()) == (200, {"status": "degraded", "checks": checks})
        assert problem_of(browser.open("/admin")) == UNAVAILABLE
    assert is_unharmed(page)


STANDING: Final = {
    "static": 404,
    "bootstrap.static": 404,
    "language.switch": 404,
    "agent.home": 303,
    "agent.sign_in": 200,
    "agent.about": 303,
    "agent.depart": 302,
    "agent.initiate": 400,
    "agent.open_workbench": 400,
    "agent.signed_out": 200,
    "logout.by_server": 400,
    "logout.by_frame": 200,
    "health.alive": 200,
    "reach.seen": 404,
    "jwks.key_set": 200,
    "api_description.index": 303,
    "api_description.openapi": 200,
    "api_description.docs": 200,
    "ops.metrics": 200,
    "door.sign_in": 200,
    "door.depart": 403,
}
"""What needs no store to answer, refuse included."""


def test_every_other_address_says_when_to_come_again_and_takes_no_cookie(house: House) -> None:
    browser = signed_in(house)
    sent = {"Origin": browser.origin, "X-CSRF-Token": browser.csrf_token(), "Sec-Fetch-Mode": "navigate"}
    sent["Authorization"] = "Bearer hlb_0123456789ab_0"
    before = {name: browser.cookie(name) for name in ("bridge_session", "AC_TOKEN", "bridge_connection")}
    found = {}
    with database_down(house):
        for rule in house.app.url_map.iter_rules():
            url = browser.origin + re.sub("<[^>]*>", "globex", rule.rule.replace("<int:", "7<")).replace("7globex", "7")
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                answer = browser.wire.request(method, url, headers=sent, allow_redirects=False)
                found[rule.endpoint] = answer.status_code
                is_told = answer.status_code != UNAVAILABLE[0] or "Retry-After" in answer.headers
                assert is_told or rule.endpoint == "ops.ready", rule.endpoint
    assert {endpoint: status for endpoint, status in found.items() if status != UNAVAILABLE[0]} == STANDING
    assert {name: browser.cookie(name) for name in before} == before
    assert browser.fetch("/session").status_code == 200


def test_a_provider_that_tells_of_a_logout_meanwhile_is_asked_to_come_again(house: House) -> None:
    page = OpenPage(signed_in(house))
    (record,) = records(house)
    frame = f"/frontchannel-logout/globex?{urlencode({'iss': record.iss, 'sid': record.sid})}"
    token = house.world.logout_token("globex", "lin", record.sid)
    knock = {"logout_token": token}
    with database_down(house):
        assert house.browser().knock("/backchannel-logout/globex", knock) == UNAVAILABLE[0]
        assert problem_of(house.browser().open(frame)) == UNAVAILABLE
    assert page.look().status_code == 200
    assert house.browser().knock("/backchannel-logout/globex", knock) == 200
    assert page.look().json()["code"] == "session_ended"


# The disk -------------------------------------------------------------------------------------------------------------


@contextmanager
def no_page_left(house: House) -> Iterator[None]:
    """Let the database's file have no room for another page, as under a quota."""
    engine = house.services.database.engine
    engine.dispose()

    def limit(raw: Any, _record: object) -> None:
        raw.execute("PRAGMA max_page_count = 1")  # SQLite makes that: as many as there are

    event.listen(engine, "connect", limit)
    yield
    event.remove(engine, "connect", limit)
    engine.dispose()


@contextmanager
def no_byte_left(house: House) -> Iterator[None]:
    """Let no file of this process grow beyond what the database's log has by now."""
    database = house.services.database
    with database.engine.connect() as reader:
        reader.execute(text("SELECT count(*) FROM browser_sessions"))  # as long as it reads, the log only grows
        with database.transaction() as connection:
            connection.execute(text("CREATE TABLE filling AS SELECT zeroblob(2000000) AS zeros"))
        size = Path(f"{database.engine.url.database}-wal").stat().st_size
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("full", [no_page_left, no_byte_left])
def test_with_a_full_disk_agents_work_on_and_a_sign_in_waits_for_room(
    house: House, full: Callable[[House], Any]
) -> None:
    page, newcomer = OpenPage(signed_in(house)), house.browser()
    house.clock.advance(90)  # so that its activity would be noted
    arrival = newcomer.choose(newcomer.begin("globex"), "fang", follow=False).headers["Location"]
    refreshes = house.world.count("/token")
    with full(house):
        assert page.look().status_code == page.token().status_code == page.browser.open("/softphone").status_code == 200
        assert page.keeps_its_cookies()
        assert problem_of(newcomer.open(arrival)) == UNAVAILABLE
        assert newcomer.cookie("AC_TOKEN") is None
        if full is no_byte_left:
            renewal = page.renew()
            assert (problem_of(renewal), page.banner(renewal)) == (UNAVAILABLE, "trouble_store")
            assert house.world.count("/token") == refreshes + 1, "only the newcomer's code was redeemed"
    assert is_unharmed(page)
    assert newcomer.sign_in("globex", "fang").url.endswith("/softphone")


# The clock ------------------------------------------------------------------------------------------------------------


class Replicas:
    """Two processes over one store, each with a clock of its own; `ask` chooses the one that answers."""

    def __init__(self, house: House, off_by: float) -> None:
        self._house = house
        self.wrong = Clock()
        self.wrong.moved = off_by
        self.apps = [house.app, create_app(house.settings, outbound=house.services.outbound, now=self.wrong)]

    def ask(self, number: int) -> Flask:
        app = self.apps[number]
        self._house.adapter.mount(self._house.settings.public_url, app)
        return app


@pytest.fixture(params=[3600, -3600])
def replicas(request: pytest.FixtureRequest, house: House) -> Iterator[Replicas]:
    """Two replicas, of which the second one's clock has jumped by an hour."""
    made = Replicas(house, request.param)
    yield made
    made.apps[1].extensions["bridge"].database.close()


def test_a_replica_whose_clock_jumped_loses_no_session_and_renews_no_more_than_it_is_asked(
    house: House, replicas: Replicas
) -> None:
    page = OpenPage(signed_in(house))
    refreshes = house.world.count("/token")
    looks = 6
    for turn in range(looks):
        app = replicas.ask(turn % 2)
        look = page.look()
        assert look.status_code == 200
        if look.json()["renew_at"] <= app.extensions["bridge"].now():
            assert page.renew().status_code == 200
    assert house.world.count("/token") <= refreshes + looks
    replicas.wrong.moved = 0
    assert is_unharmed(page)
    refreshes = house.world.count("/token")
    for turn in range(looks):
        app = replicas.ask(turn % 2)
        assert page.look().json()["renew_at"] > app.extensions["bridge"].now()
    assert house.world.count("/token") == refreshes


def test_a_renewal_that_died_with_such_a_replica_blocks_nobody(house: House, replicas: Replicas) -> None:
    page = OpenPage(signed_in(house))
    (record,) = records(house)
    assert replicas.ask(1).extensions["bridge"].agent_sessions.claim_renewal(record.id)
    replicas.ask(0)
    began = time.monotonic()
    assert page.renew().status_code == 200
    assert time.monotonic() - began < 30


def test_a_renewal_at_such_a_replica_keeps_no_other_from_renewing(house: House, replicas: Replicas) -> None:
    page = OpenPage(signed_in(house))
    refreshes = house.world.count("/token")
    replicas.ask(1)
    # To a clock that is behind, the refreshed ID token comes out of the future.
    assert page.renew().status_code == (200 if replicas.wrong.moved > 0 else 502)
    replicas.ask(0)
    assert page.renew().status_code == 200
    assert house.world.count("/token") == refreshes + 2


def test_a_sign_in_that_began_at_such_a_replica_may_need_a_second_click(house: House, replicas: Replicas) -> None:
    house.world.single_sign_on = True
    browser = house.browser()
    replicas.ask(1)
    at_provider = browser.begin("acme", "?next=/softphone?case=7")
    replicas.ask(0)
    told = browser.choose(at_provider, "lin")
    assert problem_of(told) == (400, "state_expired")
    assert browser.open(way_on(told)).url.endswith("/softphone?case=7")
