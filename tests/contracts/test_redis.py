"""Sessions in a real Redis that is killed, paused, full, demoted, replaced, behind TLS and behind sentinels."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from bridge.connections.secrets import KeyRing
from bridge.core.errors import StoreUnavailable
from bridge.core.model import Secret
from bridge.sessions.redis_address import read_redis_address
from bridge.sessions.redis_line import RedisLine
from bridge.sessions.redis_store import RedisSessions, _doubts
from bridge.sessions.rows import AFTERLIFE, SKEW, Blob
from bridge.signin.agent_session import AgentSessions
from bridge.signin.browser_session import BrowserSessions
from tests.contracts.redis_lines import somebody_saying
from tests.contracts.session_desk import LIN, NEW, NOW, ROW
from tests.contracts.together import together
from tests.kit.clock import Clock
from tests.kit.ports import free_port
from tests.kit.redis_server import redis_server as a_redis_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redis import Redis

    from tests.kit.redis_server import RedisServer

QUICK = 0.4
"""Seconds of patience where a test has to wait for its end."""


@pytest.fixture(scope="module")
def durable() -> Iterator[RedisServer]:
    """A server that writes down everything before it answers."""
    with a_redis_server(appendonly="yes", appendfsync="always") as server:
        yield server


@pytest.fixture
def admin(redis_server: RedisServer) -> Iterator[Redis]:
    redis_server.emptied()
    with redis_server.admin() as client:
        yield client


@pytest.fixture
def sessions(redis_server: RedisServer) -> Iterator[RedisSessions]:
    store = RedisSessions(redis_server.emptied())
    yield store
    store.close()


def refused(act: Callable[[], object]) -> str:
    """Return what came instead of an answer; it took no time that anybody would notice."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailable) as refusal:
        act()
    assert time.monotonic() - began < 20
    assert refusal.value.__cause__ is None
    return refusal.value.received


RESTING = "nothing lately, so it was not asked"


class TestOutages:
    def test_a_restart_loses_nothing_and_the_next_request_works_at_once(self, durable: RedisServer) -> None:
        store = RedisSessions(durable.emptied())
        store.add(ROW, NOW)
        together([partial(store.get, "a")] * 8)
        durable.restart()
        assert together([partial(store.get, "a")] * 8) == [ROW] * 8
        assert store.claim("a", "me", now=NOW, seconds=45, waited=False)
        store.close()

    def test_a_dead_redis_is_asked_three_times_then_left_alone_until_it_is_back(self, durable: RedisServer) -> None:
        clock = Clock()
        store = RedisSessions(durable.emptied(), clock=clock)
        store.add(ROW, NOW)
        with durable.down():
            assert [refused(partial(store.get, "a")) for _ in range(5)] == ["ConnectionError"] * 3 + [RESTING] * 2
            clock.advance(1.1)
            assert [refused(partial(store.get, "a")) for _ in range(2)] == ["ConnectionError", RESTING]
        clock.advance(1.1)
        assert store.get("a") == ROW
        store.close()

    def test_one_caller_finds_out_whether_it_is_back_and_the_others_do_not_wait(self, durable: RedisServer) -> None:
        clock = Clock()
        store = RedisSessions(durable.emptied(), patience=QUICK, clock=clock)
        with durable.paused():
            for _ in range(3):
                assert refused(store.ping) == "TimeoutError"
            clock.advance(1.1)
            assert sorted(together([partial(refused, store.ping)] * 4)) == ["TimeoutError", *[RESTING] * 3]
        clock.advance(1.1)
        store.ping()
        store.close()

    def test_late_answers_are_nobody_elses(self, durable: RedisServer) -> None:
        store = RedisSessions(durable.emptied(), patience=QUICK)
        store.add(ROW, NOW)
        with durable.paused():
            refused(partial(store.get, "a"))
        assert store.get_blob("b", NOW) is None
        assert store.get("a") == ROW
        store.close()

    def test_a_wrong_password_is_an_outage(self, redis_server: RedisServer) -> None:
        url = redis_server.emptied()
        with redis_server.configured(requirepass="right"):
            wrong = RedisSessions(url.replace("//", "//:wrong@"))
            assert refused(wrong.ping) == "AuthenticationError"
            assert refused(RedisSessions(url).ping) == "AuthenticationError"
            right = RedisSessions(url.replace("//", "//:right@"))
            right.ping()
            right.close()

    def test_a_server_that_was_demoted_is_read_and_written_again_once_it_is_not(
        self, sessions: RedisSessions, admin: Redis
    ) -> None:
        sessions.add(ROW, NOW)
        admin.replicaof("127.0.0.1", free_port())
        try:
            assert sessions.get("a") == ROW
            assert refused(partial(sessions.touch, "a", NOW)) in {"ResponseError", "ReadOnlyError"}
            assert refused(partial(sessions.delete_blob, "a")) == "ReadOnlyError"
        finally:
            admin.replicaof("NO", "ONE")
        sessions.delete_blob("a")

    def test_a_full_one_is_read_and_takes_a_logout(self, sessions: RedisSessions, redis_server: RedisServer) -> None:
        sessions.add(ROW, NOW)
        claim = partial(sessions.claim, "a", "me", now=NOW, seconds=45, waited=False)
        with redis_server.configured(maxmemory="1"):
            for write in (partial(sessions.touch, "a", NOW), partial(sessions.add, ROW, NOW), claim):
                assert "Error" in refused(write)
            assert sessions.get("a") == ROW
            assert sessions.bury("a", "session_ended", NOW)
        assert list(sessions.find("person", NOW)) == []

    @pytest.mark.parametrize(
        "answer",
        [
            "-LOADING Redis is loading the dataset in memory",
            "-MISCONF Redis is configured to save RDB snapshots",
            "-NOAUTH Authentication required.",
            "-NOPERM this user has no permissions",
            "-TRYAGAIN Multiple keys request during rehashing of slot",
            "-CLUSTERDOWN Hash slot not served",
            "-MASTERDOWN Link with MASTER is down",
            "-ERR max number of clients reached",
            "HTTP/1.1 400 Bad Request",
        ],
    )
    def test_whatever_is_said_instead_of_an_answer_is_an_outage_and_not_repeated(self, answer: str) -> None:
        with somebody_saying(lambda _: f"{answer}\r\n".encode()) as port:
            store = RedisSessions(f"redis://127.0.0.1:{port}")
            for verb in (partial(store.get, "a"), partial(store.bury, "a", "x", NOW), lambda: list(store.every())):
                assert refused(verb).isidentifier()
            store.close()

    def test_a_connection_that_breaks_late_is_not_tried_again(self) -> None:
        asked = []

        def breaks(question: bytes) -> bytes:
            asked.append(question)
            time.sleep(QUICK * 0.6)
            raise ConnectionResetError

        with somebody_saying(breaks) as port:
            assert refused(RedisSessions(f"redis://127.0.0.1:{port}", patience=QUICK).ping) == "ConnectionError"
        assert len(asked) == 1

    def test_a_caller_who_fails_by_their_own_fault_keeps_nobody_from_finding_out(
        self, redis_server: RedisServer
    ) -> None:
        clock = Clock()
        line = RedisLine(read_redis_address(f"redis://127.0.0.1:{redis_server.port}"), clock=clock)
        for _ in range(3):
            refused(lambda: line.ask(broken))
        clock.advance(1.1)
        with pytest.raises(ZeroDivisionError):
            line.ask(lambda _: 1 // 0)
        assert line.ask(lambda client: client.ping())
        line.close()

    def test_a_host_that_does_not_exist_is_an_outage(self) -> None:
        assert refused(RedisSessions("redis://redis.invalid").ping) == "ConnectionError"


class TestKeeping:
    def test_nothing_readable_is_kept(self, sessions: RedisSessions, admin: Redis) -> None:
        ring = KeyRing([Secret("a" * 32)])
        agents = AgentSessions(sessions, ring, lifetime=43_200, idle=7_200, now=time.time)
        agents.begin(LIN, "Firefox on Linux")
        BrowserSessions(sessions, time.time).put("hash", ring.seal("browser session", {"next": "/secret"}).encode(), 60)
        sessions.is_first_use("jti-of-a-logout-token", until=time.time() + 60, now=time.time())
        dump = "\n".join(f"{name} {told(admin, name)}" for name in admin.scan_iter("*"))
        assert "bridge:session:" in dump
        hidden = ["of-lin", "contoso", "王芳", "Lin", "Firefox", "secret", "jti", "idp.example"]
        assert [word for word in hidden if word in dump] == []

    def test_everything_has_a_name_of_ours_and_an_end(self, sessions: RedisSessions, admin: Redis) -> None:
        sessions.add(ROW, NOW)
        sessions.put_blob(Blob("b", b"sealed"), until=NOW + 60, now=NOW)
        sessions.is_first_use("m", until=NOW + 60, now=NOW)
        ends = {name.decode(): admin.ttl(name) for name in admin.scan_iter("*")}
        assert {name: end for name, end in ends.items() if not name.startswith("bridge:")} == {}
        of_sessions = 43_200 + AFTERLIFE
        assert sorted(ends.values()) == pytest.approx([60, 60 + SKEW, *[of_sessions] * 4], abs=5)

    def test_a_change_does_not_move_the_end_and_an_index_lives_as_long_as_its_last_session(
        self, sessions: RedisSessions, admin: Redis
    ) -> None:
        sessions.add(ROW, NOW)
        sessions.add(replace(ROW, id="b", expires_at=NOW + 60), NOW)
        sessions.claim("b", "me", now=NOW, seconds=45, waited=False)
        sessions.rewrite("b", "me", 0, NEW, until=NOW + 90)
        sessions.bury("b", "session_ended", NOW)
        assert admin.ttl("bridge:session:b") == pytest.approx(60 + AFTERLIFE, abs=5)
        assert admin.ttl("bridge:by:person") == pytest.approx(43_200 + AFTERLIFE, abs=5)

    def test_a_browsers_session_brings_its_agents_along_in_one_question(
        self, sessions: RedisSessions, admin: Redis
    ) -> None:
        sessions.add(ROW, NOW)
        sessions.put_blob(Blob("b", b"sealed", ROW.id), until=NOW + 60, now=NOW)
        assert sessions.get_both("b", NOW) == (b"sealed", ROW)
        asked = admin.info("commandstats")["cmdstat_evalsha"]["calls"]
        sessions.get_both("b", NOW)
        assert admin.info("commandstats")["cmdstat_evalsha"]["calls"] == asked + 1
        # As the release before wrote it, and as it is once Redis has lost the other.
        admin.hdel("bridge:browser:b", "agent_session")
        assert sessions.get_both("b", NOW) == (b"sealed", None)
        sessions.put_blob(Blob("b", b"sealed", "gone"), until=NOW + 60, now=NOW)
        assert sessions.get_both("b", NOW) == (b"sealed", None)

    def test_what_is_over_already_is_kept_for_a_moment_only(self, sessions: RedisSessions, admin: Redis) -> None:
        sessions.put_blob(Blob("b", b"sealed"), until=NOW - 60, now=NOW)
        assert sessions.get_blob("b", NOW) is None
        assert admin.pttl("bridge:browser:b") <= 1000

    def test_a_session_that_is_gone_leaves_its_indexes_when_they_are_read(
        self, sessions: RedisSessions, admin: Redis
    ) -> None:
        for name in "ab":
            sessions.add(replace(ROW, id=name), NOW)
        admin.delete("bridge:session:a")
        assert [row.id for row in sessions.find("person", NOW)] == ["b"]
        assert admin.smembers("bridge:by:person") == {b"b"}

    def test_rows_of_other_releases_are_read_and_their_fields_left_alone(
        self, sessions: RedisSessions, admin: Redis
    ) -> None:
        admin.hset("bridge:session:a", mapping={"sealed": "sealed", "generation": 3, "newer": "kept"})
        row = sessions.get("a")
        assert row is not None
        assert (row.sealed, row.generation, row.format, row.ended_at, row.about) == ("sealed", 3, 0, None, "")
        assert sessions.claim("a", "me", now=NOW, seconds=45, waited=True)
        assert sessions.rewrite("a", "me", 3, NEW, until=NOW + 90)
        assert admin.hget("bridge:session:a", "newer") == b"kept"

    def test_a_row_that_cannot_be_read_is_over_and_stands_in_nobodys_way(
        self, sessions: RedisSessions, admin: Redis
    ) -> None:
        for one in ("a", "b"):
            sessions.add(replace(ROW, id=one), NOW)
        admin.hset("bridge:session:a", "generation", "many")
        admin.sadd("bridge:by:connection", b"\xff")
        broken = sessions.get("a")
        assert broken
        assert broken.ended_code == "session_ended"
        assert [row.id for row in sessions.find("connection", NOW)] == ["b"]
        assert [row.id for row in sessions.every()] == ["b"]
        sessions.put_blob(Blob("h", b"sealed"), until=NOW + 60, now=NOW)
        admin.hset("bridge:browser:h", "expires_at", "never")
        assert sessions.get_blob("h", NOW) is None

    def test_others_may_share_the_server(self, sessions: RedisSessions, admin: Redis) -> None:
        admin.set("somebody:elses", "1")
        sessions.add(ROW, NOW)
        assert [row.id for row in sessions.every()] == ["a"]
        assert list(sessions.every_blob()) == []

    def test_a_user_who_may_only_reach_our_keys_is_enough(self, redis_server: RedisServer, admin: Redis) -> None:
        admin.execute_command("ACL", "SETUSER", "bridge", "on", ">pw", "~bridge:*", "+@all", "-@dangerous")
        store = RedisSessions(redis_server.url.replace("//", "//bridge:pw@"))
        try:
            store.add(ROW, NOW)
            assert store.bury("a", "session_ended", NOW)
            assert store.doubts() == []
        finally:
            store.close()
            admin.execute_command("ACL", "DELUSER", "bridge")


class TestDoubts:
    def test_a_server_that_forgets_is_doubted(self, sessions: RedisSessions, redis_server: RedisServer) -> None:
        (of_persistence,) = sessions.doubts()
        assert "switch on appendonly" in of_persistence
        with redis_server.configured(maxmemory="1gb", maxmemory_policy="allkeys-lru"):
            assert any("set maxmemory-policy to noeviction" in doubt for doubt in sessions.doubts())

    def test_a_durable_one_is_not(self, durable: RedisServer) -> None:
        store = RedisSessions(durable.emptied())
        assert store.doubts() == []
        store.close()

    def test_an_old_one_is(self) -> None:
        assert _doubts({"redis_version": "5.0.14"}) == [
            "this Redis has version 5.0.14: the bridge is tested with version 6 and newer"
        ]

    def test_one_that_does_not_answer_is_an_outage(self) -> None:
        assert refused(RedisSessions(f"redis://127.0.0.1:{free_port()}").doubts) == "ConnectionError"


def broken(_: Redis) -> None:
    raise RedisConnectionError


def told(admin: Redis, name: bytes) -> str:
    held: object = admin.hgetall(name) if admin.type(name) == b"hash" else admin.smembers(name)
    return str(held)


def test_ids_of_sessions_that_merely_ran_out_do_not_pile_up(sessions: RedisSessions, admin: Redis) -> None:
    for number in range(60):
        sessions.add(replace(ROW, id=f"gone-{number}"), NOW)
    admin.delete(*admin.scan_iter("bridge:session:*"))
    for number in range(60):
        sessions.add(replace(ROW, id=f"new-{number}"), NOW)
    assert int(admin.scard(f"bridge:by:{ROW.connection_key}")) < 90
