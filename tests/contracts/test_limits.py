"""Limits counted by a real Redis: together on all replicas, and by each alone while it is away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask import Flask
from structlog.testing import capture_logs

from bridge.core.errors import RateLimited
from bridge.http import limits
from bridge.http.limits import spend_on_key, spend_on_wrong_key
from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kit.redis_server import RedisServer


def replica(url: str, budget: str = "3/day") -> Flask:
    app = Flask(__name__)
    limits.install(app, {"api_key": budget, "api_failures": budget}, sessions_url=url)
    return app


def spent(app: Flask, whose: str = "key-1", spend: Callable[[str], None] = spend_on_key) -> bool:
    """Tell whether there was something left to spend."""
    with app.test_request_context("/"):
        try:
            spend(whose)
        except RateLimited as refusal:
            return not 1 <= refusal.retry_after <= 86400
        return True


def left(app: Flask) -> str:
    with app.test_request_context("/"):
        spend_on_key("key-1")
        return str(app.process_response(app.response_class()).headers["RateLimit"].rpartition(";")[0])


def test_replicas_count_together(redis_server: RedisServer) -> None:
    here, there = (replica(redis_server.emptied()) for _ in range(2))
    assert [left(here), left(there)] == ['"1-day";r=2', '"1-day";r=1']
    assert [spent(app) for app in (here, there, here)] == [True, False, False]
    assert spent(there, "key-2")


def test_redis_keeps_the_ids_of_keys_and_addresses_for_a_while_under_a_prefix_of_ours(
    redis_server: RedisServer,
) -> None:
    app = replica(redis_server.emptied(), "3/minute")
    spent(app, "key-1")
    spent(app, "192.0.2.1", spend_on_wrong_key)
    with redis_server.admin() as admin:
        kept = {key.decode(): 0 < admin.ttl(key) <= 120 for key in admin.scan_iter()}
    assert kept == {
        "bridge:limit:{LIMITER/key-1/api_key/3/1/minute}": True,
        "bridge:limit:{LIMITER/192.0.2.1/api_failures/3/1/minute}": True,
    }


def test_while_redis_is_away_each_replica_counts_alone_and_afterwards_both_together(redis_server: RedisServer) -> None:
    here, there = (replica(redis_server.emptied(), "2/day") for _ in range(2))
    with capture_logs() as logs:
        assert [spent(here), spent(there), spent(here)] == [True, True, False]
        with redis_server.down():
            assert [left(here), spent(there)] == ['"1-day";r=1', True]
        assert [spent(here), spent(there), spent(here)] == [True, True, False]
    assert [line["where"] for line in logs] == ["in_each_process"] * 2 + ["in_redis"] * 2


def test_while_redis_does_not_answer_each_replica_counts_alone(redis_server: RedisServer) -> None:
    app = replica(redis_server.emptied(), "1/day")
    with redis_server.paused():
        assert [spent(app), spent(app)] == [True, False]


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:{port}/1",
        "rediss://bridge:secret@127.0.0.1:{port}",
        "redis+sentinel://127.0.0.1:{port},localhost:{port}/main/0",
        "rediss+sentinel://127.0.0.1:{port}/main",
        "unix:///nowhere/redis.sock?db=1",
    ],
    ids=lambda url: url.partition(":")[0],
)
def test_every_address_of_a_redis_will_do(url: str) -> None:
    app = replica(url.format(port=free_port()), "1/day")
    assert [spent(app), spent(app)] == [True, False]
