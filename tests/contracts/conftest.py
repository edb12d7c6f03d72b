"""One suite, several stores: whoever asks for a database here is run on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.db import Database
from tests.kit.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
    if store == "sqlite":
        url = f"sqlite:///{tmp_path}/bridge.db"
        database = Database(url)
        database.upgrade()
        database.close()
        yield url
    else:
        with request.getfixturevalue("postgresql_server").database() as url:
            yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database of this test's own, with the newest schema."""
    made = Database(database_url)
    yield made
    made.close()


@pytest.fixture
def clock() -> Clock:
    """A clock that moves when the test says so."""
    return Clock()
