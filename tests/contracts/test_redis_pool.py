"""Connections that are lent past redis-py's queue: nobody waits in vain, and nobody gets another's answer."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import pytest
from redis import Connection, Redis

from bridge.sessions.redis_pool import LendingPool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.redis_server import RedisServer


@pytest.fixture
def pool(redis_server: RedisServer) -> Iterator[LendingPool]:
    made = LendingPool(max_connections=2, timeout=5, host="127.0.0.1", port=redis_server.port)  # type: ignore[no-untyped-call]
    yield made
    made.disconnect()


def said(connection: Connection, what: str) -> object:
    connection.send_command("ECHO", what)
    return connection.read_response()


def test_many_threads_share_few_connections(pool: LendingPool) -> None:
    client = Redis(connection_pool=pool)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: client.echo(str(number)), range(400)))
    assert answers == [str(number).encode() for number in range(400)]
    assert len(pool._connections) <= 2


def test_one_that_comes_back_while_somebody_begins_to_wait_is_lent_to_him(pool: LendingPool) -> None:
    lent: list[Future[Connection]] = []

    class Slow(deque[Connection]):
        def append(self, connection: Connection) -> None:
            pool.get_connection()  # the last one of the queue
            lent.append(threads.submit(pool.get_connection))
            wait(lent, timeout=0.05)
            super().append(connection)

    connection = pool.get_connection()
    with ThreadPoolExecutor(1) as threads:
        pool._at_hand = Slow()
        pool.release(connection)
        assert lent[0].result() is connection


def test_what_came_back_last_is_lent_next(pool: LendingPool) -> None:
    first, second = pool.get_connection(), pool.get_connection()
    pool.release(first)
    pool.release(second)
    assert pool.get_connection() is second


def test_an_answer_that_nobody_waited_for_is_not_the_next_ones(pool: LendingPool) -> None:
    connection = pool.get_connection()
    connection.send_command("ECHO", "mine")
    while not connection.can_read(timeout=1):
        pass
    pool.release(connection)
    assert said(pool.get_connection(), "theirs") == b"theirs"


def test_one_that_the_server_has_closed_is_opened_anew(pool: LendingPool, redis_server: RedisServer) -> None:
    connection = pool.get_connection()
    said(connection, "before")
    pool.release(connection)
    with redis_server.admin() as admin:
        admin.client_kill_filter(_type="normal", skipme=True)
    assert said(pool.get_connection(), "after") == b"after"


def test_closing_what_nobody_uses_closes_what_lies_at_hand(pool: LendingPool) -> None:
    connection = pool.get_connection()
    said(connection, "before")
    pool.release(connection)
    pool.disconnect(inuse_connections=False)
    assert not connection.is_connected
