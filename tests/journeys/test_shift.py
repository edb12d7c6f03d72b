"""An hour of a shift with one of every trouble: nobody signs in twice, no call is lost, and a leaver is out at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import structlog

from bridge.sessions.redis_store import RedisSessions
from tests.kit.redis_server import redis_server
from tests.shift.phone import Habits
from tests.shift.shift import Plan, Shift

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.redis_server import RedisServer

# To kill Redis in the middle of a renewal is a matter of luck, which a test must not have.
PLAN = Plan(agents=8, hours=1, kills_in_the_middle=False, habits=Habits(together=0.25, call_every=300))


@pytest.fixture(scope="module")
def lasting_redis() -> Iterator[RedisServer]:
    """A Redis that keeps what it holds through a kill."""
    with redis_server(appendonly="yes") as server:
        yield server


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of lines of the journal would be told with a failure, and take time."""
    with structlog.testing.capture_logs():
        yield


def test_an_hour_with_every_trouble_costs_nobody_a_session_or_a_call(
    lasting_redis: RedisServer, tmp_path: Path
) -> None:
    said: list[str] = []
    tally = Shift(PLAN, tmp_path, lasting_redis, said.append).run()
    assert list(tally.faults()) == [], [*said, *tally.report()]
    assert (tally.leavers, tally.noticed) == (2, 2)
    assert tally.together > 10
    assert tally.calls > 20
    assert tally.refreshed == tally.renewed + tally.in_vain > 60


def test_it_would_notice_a_renewal_that_is_not_alone(
    lasting_redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RedisSessions, "claim", lambda *_, **__: True)
    tally = Shift(PLAN, tmp_path, lasting_redis, lambda _: None).run()
    assert tally.asked
    assert any(fault.startswith("asked to sign in") for fault in tally.faults())
