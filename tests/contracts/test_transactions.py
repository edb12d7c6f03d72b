"""Transactions on every store: work is kept whole or not at all, failures are `StoreUnavailable`, one may go first."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import QueuePool

from bridge.core.errors import StoreUnavailable
from bridge.db import Database
from tests.contracts.together import together

if TYPE_CHECKING:
    from pathlib import Path

ADD = text("INSERT INTO browser_sessions (id_hash, sealed, expires_at) VALUES (:id, :sealed, 1)")
COUNT = text("SELECT count(*) FROM browser_sessions")


def add(database: Database, name: str = "a") -> None:
    with database.transaction() as connection:
        connection.execute(ADD, {"id": name, "sealed": b"sealed"})


def rows(database: Database) -> int:
    with database.transaction() as connection:
        return int(connection.execute(COUNT).scalar_one())


class TestTransactions:
    def test_work_is_kept_at_the_end_and_nobody_sees_it_before(self, database: Database) -> None:
        with database.transaction() as connection:
            connection.execute(ADD, {"id": "a", "sealed": b"sealed"})
            assert rows(database) == 0
        assert rows(database) == 1

    def test_work_is_undone_by_any_error(self, database: Database) -> None:
        with suppress(RuntimeError), database.transaction() as connection:
            connection.execute(ADD, {"id": "a", "sealed": b"sealed"})
            raise RuntimeError
        assert rows(database) == 0

    def test_a_second_row_under_one_key_is_no_outage(self, database: Database) -> None:
        add(database)
        with pytest.raises(IntegrityError):
            add(database)

    def test_many_threads_may_write(self, database: Database) -> None:
        together([partial(add, database, str(number)) for number in range(12)])
        assert rows(database) == 12

    def test_a_pool_without_a_free_connection_is_an_outage(self, database: Database) -> None:
        url = database.engine.url
        database.engine = create_engine(url, poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.01)
        with database.transaction(), pytest.raises(StoreUnavailable, match="in time"), database.transaction():
            pass

    def test_no_outage_tells_what_was_to_be_kept(self, database: Database) -> None:
        with pytest.raises(StoreUnavailable) as outage, database.transaction() as connection:
            connection.execute(text("INSERT INTO nowhere VALUES (:secret)"), {"secret": "a-secret-value"})
        assert "a-secret-value" not in f"{outage.value} {outage.value.__cause__}"


class TestExclusively:
    def test_one_at_a_time_does_its_work(self, database_url: str, tmp_path: Path) -> None:
        inside = tmp_path / "inside"

        def work() -> None:
            database = Database(database_url)
            try:
                with database.exclusively():
                    inside.mkdir()
                    add(database, str(rows(database)))
                    inside.rmdir()
            finally:
                database.close()

        together([work] * 4)
        database = Database(database_url)
        assert rows(database) == 4
        database.close()

    def test_work_that_fails_lets_the_next_one_in_and_keeps_its_own_error(self, database: Database) -> None:
        for error in (ValueError, FileNotFoundError):
            with pytest.raises(error), database.exclusively():
                raise error
        with database.exclusively():
            add(database)
        assert rows(database) == 1

    def test_what_the_work_did_in_transactions_of_its_own_is_kept(self, database: Database) -> None:
        with suppress(ValueError), database.exclusively():
            add(database)
            raise ValueError
        assert rows(database) == 1

    def test_the_schema_is_brought_up_to_date_under_the_same_lock(self, database: Database) -> None:
        events: list[str] = []
        is_held = Event()

        def hold() -> None:
            with database.exclusively():
                is_held.set()
                time.sleep(0.2)
                events.append("held")

        def upgrade() -> None:
            assert is_held.wait(60)
            database.upgrade()
            events.append("upgraded")

        together([hold, upgrade])
        assert events == ["held", "upgraded"]
