"""The database: work is kept whole or not at all, failures are `StoreUnavailable`, and the schema comes by itself."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import nullcontext, suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import QueuePool

from bridge import db
from bridge.core.errors import StoreUnavailable
from bridge.db import Database, metadata
from bridge.signin import agent_session, browser_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TABLES = {agent_session.agent_sessions.name, browser_session.browser_sessions.name, "schema_version"}
ADD = text("INSERT INTO browser_sessions (id_hash, sealed, expires_at) VALUES ('a', 'b', 1)")
COUNT = text("SELECT count(*) FROM browser_sessions")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path}/bridge.db")
    made.upgrade()
    yield made
    made.close()


def rows(database: Database) -> int:
    with database.transaction() as connection:
        return int(connection.execute(COUNT).scalar_one())


class TestTransactions:
    def test_work_is_kept_at_the_end(self, database: Database) -> None:
        with database.transaction() as connection:
            connection.execute(ADD)
            assert rows(database) == 0
        assert rows(database) == 1

    def test_work_is_undone_by_any_error(self, database: Database) -> None:
        with suppress(RuntimeError), database.transaction() as connection:
            connection.execute(ADD)
            raise RuntimeError
        assert rows(database) == 0

    def test_a_second_row_under_one_key_is_no_outage(self, database: Database) -> None:
        with database.transaction() as connection:
            connection.execute(ADD)
        with pytest.raises(IntegrityError), database.transaction() as connection:
            connection.execute(ADD)

    def test_readers_go_on_beside_a_writer(self, database: Database) -> None:
        with database.transaction() as connection:
            connection.execute(ADD)
            with database.transaction() as reader:
                assert reader.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
                assert reader.execute(COUNT).scalar_one() == 0

    def test_many_threads_may_write(self, database: Database) -> None:
        add = text("INSERT INTO browser_sessions (id_hash, sealed, expires_at) VALUES (:id, 'b', 1)")

        def write(number: int) -> None:
            with database.transaction() as connection:
                connection.execute(COUNT)
                connection.execute(add, {"id": str(number)})

        threads = [threading.Thread(target=write, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert rows(database) == 12


class TestOutages:
    def unusable(self, path: Path) -> dict[str, Callable[[], object]]:
        return {
            "a folder": path.mkdir,
            "no database": lambda: path.write_bytes(b"this is no database at all" * 100),
            "without the tables": lambda: Database(f"sqlite:///{path}").ping(),
        }

    @pytest.mark.parametrize("what", ["a folder", "no database", "without the tables"])
    def test_a_file_that_is_unusable_is_an_outage(self, tmp_path: Path, what: str) -> None:
        path = tmp_path / "bridge.db"
        self.unusable(path)[what]()
        database = Database(f"sqlite:///{path}")
        with pytest.raises(StoreUnavailable):
            rows(database)
        database.close()

    @pytest.mark.parametrize("what", ["a folder", "no database"])
    def test_an_upgrade_of_it_is_an_outage_too(self, tmp_path: Path, what: str) -> None:
        path = tmp_path / "bridge.db"
        self.unusable(path)[what]()
        database = Database(f"sqlite:///{path}")
        with pytest.raises(StoreUnavailable):
            database.upgrade()
        with pytest.raises(StoreUnavailable):
            database.ping()
        database.close()

    def test_a_folder_that_cannot_be_made_is_an_outage(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        database = Database(f"sqlite:///{tmp_path}/file/below/bridge.db")
        with pytest.raises(StoreUnavailable):
            database.ping()
        with pytest.raises(StoreUnavailable):
            database.upgrade()

    def test_a_locked_database_is_an_outage_and_no_longer_than_it_lasts(self, database: Database) -> None:
        with database.transaction() as connection:
            connection.execute(text("PRAGMA busy_timeout = 50"))
        other = sqlite3.connect(str(database.engine.url.database))
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="OperationalError"), database.transaction() as connection:
            connection.execute(ADD)
        other.close()
        with database.transaction() as connection:
            connection.execute(ADD)

    def test_a_pool_without_a_free_connection_is_an_outage(self, database: Database) -> None:
        url = database.engine.url
        database.engine = create_engine(url, poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.01)
        with database.transaction(), pytest.raises(StoreUnavailable, match="TimeoutError"), database.transaction():
            pass

    def test_no_outage_tells_what_was_to_be_kept(self, database: Database) -> None:
        with pytest.raises(StoreUnavailable) as outage, database.transaction() as connection:
            connection.execute(text("INSERT INTO nowhere VALUES (:secret)"), {"secret": "a-secret-value"})
        assert "a-secret-value" not in f"{outage.value} {outage.value.__cause__}"


class TestSchema:
    def test_it_comes_with_the_first_start(self, database: Database) -> None:
        assert set(inspect(database.engine).get_table_names()) == TABLES

    def test_it_is_what_the_code_says(self, database: Database) -> None:
        with database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": "schema_version"})
            assert compare_metadata(context, metadata) == []

    def test_a_second_start_changes_nothing(self, database: Database) -> None:
        with database.transaction() as connection:
            connection.execute(ADD)
        database.upgrade()
        assert rows(database) == 1

    def test_it_can_be_taken_back(self, database: Database) -> None:
        with database.engine.connect() as connection:
            config = Config()
            config.set_main_option("script_location", str(db._MIGRATIONS))
            config.attributes["connection"] = connection
            command.downgrade(config, "base")
            connection.commit()
        assert set(inspect(database.engine).get_table_names()) == {"schema_version"}
        database.upgrade()
        assert set(inspect(database.engine).get_table_names()) == TABLES

    def test_several_that_start_together_wait_for_one_another(self, tmp_path: Path) -> None:
        together, failures = threading.Barrier(6), []

        def start() -> None:
            database = Database(f"sqlite:///{tmp_path}/deep/er/bridge.db")
            together.wait()
            try:
                database.upgrade()
                rows(database)
            except Exception as failure:  # noqa: BLE001 — whatever it is, the test wants to see it
                failures.append(failure)
            database.close()

        threads = [threading.Thread(target=start) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []

    def test_on_postgresql_replicas_wait_at_an_advisory_lock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made: dict[str, object] = {}
        monkeypatch.setattr(db, "create_engine", lambda url, **options: made.update(options, url=url))
        db._engine("postgresql+psycopg://bridge:secret@db.example/bridge")
        assert made["pool_pre_ping"]
        assert made["hide_parameters"]
        asked: list[str] = []
        connection = SimpleNamespace(execute=lambda statement, _parameters: asked.append(str(statement)))
        engine: Any = SimpleNamespace(
            url=make_url("postgresql://db.example/bridge"),
            dialect=SimpleNamespace(name="postgresql"),
            begin=lambda: nullcontext(connection),
        )
        with db._one_at_a_time(engine):
            assert asked == ["SELECT pg_advisory_xact_lock(:key)"]

    def test_a_database_in_memory_is_one_for_all_threads(self) -> None:
        database = Database("sqlite://")
        database.upgrade()
        with database.transaction() as connection:
            connection.execute(ADD)
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(rows(database)))
        thread.start()
        thread.join()
        assert found == [1]
        database.close()
