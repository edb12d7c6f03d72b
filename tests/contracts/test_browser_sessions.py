"""Browsers' sessions on every store: under a hash, for a time, and a day longer as known to have ended."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from bridge.core.errors import StoreUnavailable
from bridge.sessions.database import DatabaseSessions
from bridge.sessions.redis_store import RedisSessions
from bridge.sessions.rows import AFTERLIFE
from bridge.signin.browser_session import BrowserSessions
from tests.contracts.together import together
from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.db import Database
    from bridge.sessions.rows import SessionStore
    from tests.kit.clock import Clock


@pytest.fixture
def sessions(session_store: SessionStore, clock: Clock) -> BrowserSessions:
    return BrowserSessions(session_store, clock)


def count(store: SessionStore) -> int:
    return len(list(store.every_blob()))


def test_what_was_put_is_given_back(sessions: BrowserSessions) -> None:
    sessions.put("a", b"sealed", 60)
    assert sessions.get("a") == b"sealed"
    assert sessions.get("b") is None


def test_a_second_put_changes_the_row(sessions: BrowserSessions, session_store: SessionStore) -> None:
    sessions.put("a", b"first", 60)
    sessions.put("a", b"second", 60)
    assert (sessions.get("a"), count(session_store)) == (b"second", 1)


def test_the_first_put_may_come_from_several_at_once(sessions: BrowserSessions, session_store: SessionStore) -> None:
    for name in "abcde":
        together([partial(sessions.put, name, b"sealed", 60)] * 6)
        assert sessions.get(name) == b"sealed"
    assert count(session_store) == 5


def test_what_was_deleted_is_gone_and_deleting_twice_is_no_fault(sessions: BrowserSessions) -> None:
    sessions.put("a", b"sealed", 60)
    sessions.delete("a")
    sessions.delete("a")
    assert sessions.get("a") is None


def test_a_row_is_known_a_day_longer_than_it_is_good(sessions: BrowserSessions, clock: Clock) -> None:
    sessions.put("a", b"sealed", 60)
    clock.advance(60 + AFTERLIFE - 1)
    assert sessions.get("a") == b"sealed"
    clock.advance(2)
    assert sessions.get("a") is None


def test_old_rows_are_swept_when_somebody_comes(database: Database, clock: Clock) -> None:
    store = DatabaseSessions(database)
    sessions = BrowserSessions(store, clock)
    for name in "abc":
        sessions.put(name, b"sealed", 60)
    clock.advance(60 + AFTERLIFE + 1)
    sessions.put("d", b"sealed", 60)
    assert count(store) == 1


def test_an_outage_of_the_database_is_told_by_every_verb(database: Database, clock: Clock) -> None:
    with database.transaction() as connection:
        connection.execute(text("DROP TABLE browser_sessions"))
    told_by_every_verb(BrowserSessions(DatabaseSessions(database), clock))


def test_an_outage_of_redis_is_told_by_every_verb(clock: Clock) -> None:
    told_by_every_verb(BrowserSessions(RedisSessions(f"redis://127.0.0.1:{free_port()}"), clock))


def told_by_every_verb(sessions: BrowserSessions) -> None:
    verbs: list[Callable[[], object]] = [
        lambda: sessions.get("a"),
        lambda: sessions.put("a", b"s", 1),
        lambda: sessions.delete("a"),
    ]
    for verb in verbs:
        with pytest.raises(StoreUnavailable):
            verb()
