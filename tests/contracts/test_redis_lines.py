"""The ways to Redis: over TLS, through a socket, over lines that break, and to whom the sentinels point."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bridge.core.errors import StoreUnavailable
from bridge.sessions.redis_address import read_redis_address
from bridge.sessions.redis_line import PATIENCE, RedisLine, send
from bridge.sessions.redis_store import RedisSessions
from bridge.sessions.rows import Blob, Resealed
from tests.contracts.redis_lines import line_to, somebody_saying
from tests.contracts.session_desk import NEW, NOW, ROW
from tests.kit.ports import free_port
from tests.kit.redis_server import redis_server as a_redis_server
from tests.rooms.loopback import HOST, Authority, serving

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from redis import ConnectionPool, Redis

    from tests.kit.redis_server import RedisServer
    from tests.rooms.loopback import Act, Server

ANEW = Resealed(sealed="anew", about="about", sub_key="p", sid_key="", connection_key="c")
_PATIENCE = 20.0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@contextmanager
def opened(url: str, ca_bundle: object = "", patience: float = PATIENCE) -> Iterator[RedisSessions]:
    store = RedisSessions(url, ca_bundle=str(ca_bundle), patience=patience)
    yield store
    store.close()


class TestTls:
    def test_a_server_whom_the_authority_vouches_for_is_asked(
        self, redis_server: RedisServer, authority: Authority
    ) -> None:
        redis_server.emptied()
        with (
            line_to(redis_server.port, authority.server_context(HOST)) as line,
            opened(f"rediss://{HOST}:{line.port}", authority.bundle) as store,
        ):
            store.add(ROW, NOW)
            assert store.get("a") == ROW

    def test_another_authority_another_host_and_no_tls_are_refused(
        self, redis_server: RedisServer, authority: Authority, tmp_path: Path
    ) -> None:
        other = Authority(tmp_path).bundle
        with (
            line_to(redis_server.port, authority.server_context(HOST)) as line,
            line_to(redis_server.port, authority.server_context("redis.example")) as elsewhere,
        ):
            for url, bundle in (
                (f"rediss://{HOST}:{line.port}", other),
                (f"rediss://{HOST}:{line.port}", ""),
                (f"rediss://{HOST}:{elsewhere.port}", authority.bundle),
                (f"rediss://{HOST}:{redis_server.port}", authority.bundle),
            ):
                # Redis waits for the rest of what it takes for a question.
                with opened(url, bundle, patience=0.2) as store, pytest.raises(StoreUnavailable):
                    store.ping()

    def test_a_bundle_is_trusted_alone_and_the_systems_authorities_where_there_is_none(
        self, redis_server: RedisServer, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
        with line_to(redis_server.port, authority.server_context(HOST)) as line:
            url = f"rediss://{HOST}:{line.port}"
            with opened(url) as store:
                store.ping()
            with opened(url, Authority(tmp_path).bundle) as store, pytest.raises(StoreUnavailable):
                store.ping()


def test_a_socket_leads_to_redis_too() -> None:
    with (
        a_redis_server(unixsocket="./redis.sock") as server,
        opened(f"unix://{server.folder}/redis.sock?db=3") as store,
    ):
        store.add(ROW, NOW)
        with server.admin() as admin:
            assert admin.dbsize() == 0
        assert store.get("a") == ROW


def test_a_question_whose_answer_got_lost_is_asked_again_and_answered_as_before(redis_server: RedisServer) -> None:
    redis_server.emptied()
    with line_to(redis_server.port) as line, opened(f"redis://{HOST}:{line.port}") as store:
        store.add(ROW, NOW)
        store.put_blob(Blob("b", b"sealed"), until=NOW + 60, now=NOW)
        asked: list[Callable[[str], bool]] = [
            lambda one: store.reseal(replace(ROW, id=one), ANEW),
            lambda one: store.claim(one, "me", now=NOW, seconds=45, waited=False),
            lambda one: store.rewrite(one, "me", 0, NEW, until=NOW + 90),
            lambda one: store.bury(one, "session_ended", NOW),
            lambda one: store.is_first_use(one, until=NOW + 60, now=NOW),
            lambda one: store.reseal_blob(Blob(one.replace("a", "b"), b"sealed"), b"anew"),
        ]
        for ask in asked:
            ask("so that the server knows the script")
            line.loses_next()
            assert ask("a")
            assert not line.is_losing
        assert line.lost == len(asked)


def test_after_a_failover_behind_one_address_a_write_finds_the_new_server_at_once(redis_server: RedisServer) -> None:
    redis_server.emptied()
    with (
        a_redis_server() as other,
        line_to(redis_server.port) as line,
        opened(f"redis://{HOST}:{line.port}") as store,
        redis_server.admin() as admin,
    ):
        store.add(ROW, NOW)
        line.leads_to = other.port
        admin.replicaof(HOST, other.port)
        try:
            store.add(ROW, NOW)
            with other.admin() as new:
                assert new.exists("bridge:session:a")
        finally:
            admin.replicaof("NO", "ONE")


class TestSentinels:
    def test_a_server_that_died_is_replaced_and_no_session_is_lost(self) -> None:
        with (
            a_redis_server() as master,
            a_redis_server(settings=f"replicaof {HOST} {master.port}") as replica,
            a_redis_server(settings=watching(master), is_sentinel=True) as sentinel,
            opened(f"redis+sentinel://{HOST}:{free_port()},{HOST}:{sentinel.port}/main") as store,
        ):
            wait_until(lambda: is_known(sentinel, replica))
            store.add(ROW, NOW)
            with master.admin() as admin:
                assert admin.wait(1, 5000) == 1
            master.kill()
            wait_until(lambda: is_back(store))
            row = store.get("a")
            assert row is not None
            assert (row.sealed, row.lock_owner) == ("sealed", "me")

    def test_passwords_and_tls_reach_sentinels_and_server_alike(
        self, redis_server: RedisServer, authority: Authority
    ) -> None:
        context, asked = authority.server_context(HOST), []

        def answer(question: bytes) -> bytes:
            asked.append(question)
            return masters(line.port) if b"MASTERS" in question.upper() else b"+OK\r\n"

        redis_server.emptied()
        with (
            redis_server.configured(requirepass="right"),
            line_to(redis_server.port, context) as line,
            somebody_saying(answer, context) as port,
            opened(
                f"rediss+sentinel://:right@{HOST}:{port}/main?sentinel_username=s&sentinel_password=theirs",
                authority.bundle,
            ) as store,
        ):
            store.ping()
        assert any(b"AUTH" in question and b"theirs" in question for question in asked)
        assert not any(b"right" in question for question in asked)

    @pytest.mark.parametrize(
        "ask",
        [
            lambda client, word: send(client, "ECHO", word),
            lambda client, word: client.pipeline(transaction=False).echo(word).execute()[0],
        ],
        ids=["alone", "in a pipeline"],
    )
    def test_an_answer_that_comes_too_late_is_nobody_elses(self, ask: Callable[[Redis, str], object]) -> None:
        with serving(late()) as server, somebody_saying(lambda _: masters(server.port)) as port:
            line = RedisLine(read_redis_address(f"redis+sentinel://{HOST}:{port}/main"), patience=0.1)
            with pytest.raises(StoreUnavailable):
                line.ask(lambda client: ask(client, "mine"))
            assert line.ask(lambda client: ask(client, "theirs")) == b"theirs"
            line.close()

    def test_connections_that_broke_all_at_once_lead_to_where_the_server_is_now(
        self, redis_server: RedisServer
    ) -> None:
        with line_to(redis_server.port) as new, ExitStack() as until_it_breaks:
            old = until_it_breaks.enter_context(line_to(redis_server.port))
            known = [old.port]
            with somebody_saying(lambda _: masters(known[0])) as port:
                line = RedisLine(read_redis_address(f"redis+sentinel://{HOST}:{port}/main"))
                line.ask(lambda client: hold_together(client.connection_pool, 3))
                until_it_breaks.close()
                known[0] = new.port
                assert line.ask(lambda client: send(client, "ECHO", "found")) == b"found"
                line.close()

    def test_sentinels_that_know_no_server_are_an_outage_that_leaves_nothing_behind(self) -> None:
        with somebody_saying(lambda _: b"*0\r\n") as port, opened(f"redis+sentinel://{HOST}:{port}/main") as store:
            for _ in range(3):
                with pytest.raises(StoreUnavailable) as refusal:
                    store.ping()
                assert refusal.value.received == "MasterNotFoundError"
            assert len(store._line._pool._connections) == 1


def watching(master: RedisServer) -> str:
    lines = (f"monitor main {HOST} {master.port} 1", "down-after-milliseconds main 300", "failover-timeout main 2000")
    return "\n".join(f"sentinel {line}" for line in lines)


def is_known(sentinel: RedisServer, replica: RedisServer) -> bool:
    with sentinel.admin() as admin, replica.admin() as behind:
        (found,) = admin.sentinel_slaves("main") or [{}]
        is_linked = behind.info("replication")["master_link_status"] == "up"
        return is_linked and bool(found.get("port") == replica.port)


def is_back(store: RedisSessions) -> bool:
    with suppress(StoreUnavailable):
        return store.claim("a", "me", now=NOW, seconds=45, waited=False)
    return False


def masters(port: int) -> bytes:
    """Return what a sentinel says that knows one server."""
    told = {"name": "main", "ip": HOST, "port": str(port), "flags": "master", "num-other-sentinels": "0"}
    words = [word for pair in told.items() for word in pair]
    bulks = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    return f"*1\r\n*{len(words)}\r\n{bulks}".encode()


def late() -> Act:
    """Be a Redis whose first answer comes together with the next one on the same connection."""
    owed: list[bytes] = []

    def act(connected: socket.socket, _: Server) -> None:
        held = b""
        while question := connected.recv(65536):
            if b"ECHO" not in question:
                connected.sendall(b"+OK\r\n" * question.count(b"*"))
                continue
            word = question.split(b"\r\n")[-2]
            answer = b"$%d\r\n%b\r\n" % (len(word), word)
            if owed:
                connected.sendall(held + answer)
            else:
                held = answer
                owed.append(answer)

    return act


def hold_together(pool: ConnectionPool, number: int) -> None:
    """Let a pool have so many connections at hand."""
    held = [pool.get_connection() for _ in range(number)]
    for connection in held:
        pool.release(connection)


def wait_until(ready: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + _PATIENCE
    while not ready():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)
