"""One suite, several stores: databases are SQLite and PostgreSQL; sessions can also be in Redis."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete

from bridge.db import Database
from bridge.sessions.database import DatabaseSessions, agent_sessions, browser_sessions, used_marks
from bridge.sessions.redis_store import RedisSessions
from tests.kit.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.sessions.rows import SessionStore
    from tests.kit.postgresql import Server


@pytest.fixture(scope="session")
def new_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the newest schema, to be copied: that takes a hundredth of the time of making one."""
    path = tmp_path_factory.mktemp("sqlite") / "new.db"
    database = Database(f"sqlite:///{path}")
    database.upgrade()
    database.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> str:
    """The kind of the database."""
    return str(request.param)


@pytest.fixture
def empty_url(store: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table."""
    if store == "sqlite":
        yield f"sqlite:///{tmp_path}/deep/er/bridge.db"
    else:
        with request.getfixturevalue("postgresql_server").database(empty=True) as url:
            yield url


@pytest.fixture
def database_url(store: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of this test's own, with the newest schema."""
    with _migrated(store, request, tmp_path) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database of this test's own, with the newest schema."""
    made = Database(database_url)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def session_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SessionStore]:
    """An empty store of sessions."""
    if request.param == "redis":
        redis = RedisSessions(request.getfixturevalue("redis_server").emptied())
        yield redis
        redis.close()
    elif request.param == "postgresql":
        yield _emptied(request.getfixturevalue("sessions_in_postgresql"))
    else:
        with _migrated(request.param, request, tmp_path) as url:
            made = Database(url)
            yield DatabaseSessions(made)
            made.close()


@pytest.fixture(scope="session")
def sessions_in_postgresql(postgresql_server: Server) -> Iterator[Database]:
    """One database for all tests of sessions: to empty three tables takes less than to make all of them."""
    with postgresql_server.database() as url:
        made = Database(url)
        yield made
        made.close()


@pytest.fixture
def clock() -> Clock:
    """A clock that moves when the test says so."""
    return Clock()


@contextmanager
def _migrated(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        shutil.copyfile(request.getfixturevalue("new_sqlite"), folder / "bridge.db")
        yield f"sqlite:///{folder}/bridge.db"
    else:
        with request.getfixturevalue("postgresql_server").database() as url:
            yield url


def _emptied(database: Database) -> DatabaseSessions:
    with database.transaction() as connection:
        for table in (agent_sessions, browser_sessions, used_marks):
            connection.execute(delete(table))
    return DatabaseSessions(database)
