"""The database: what is SQLite's own and what is PostgreSQL's own; what both do alike stands in tests/contracts."""

from __future__ import annotations

import sqlite3
import stat
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from bridge import db
from bridge.core.errors import StoreUnavailable
from bridge.db import Database
from tests.contracts.together import together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.kit.postgresql import Server

ADD = text("INSERT INTO browser_sessions (id_hash, sealed, expires_at) VALUES ('a', 'b', 1)")
COUNT = text("SELECT count(*) FROM browser_sessions")
HURRY = 1  # seconds: above what any statement takes to begin on a machine that is busy


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path}/bridge.db")
    made.upgrade()
    yield made
    made.close()


def rows(database: Database) -> int:
    with database.transaction() as connection:
        return int(connection.execute(COUNT).scalar_one())


class TestFiles:
    def test_readers_go_on_beside_a_writer(self, database: Database) -> None:
        with database.transaction() as connection:
            connection.execute(ADD)
            with database.transaction() as reader:
                assert reader.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
                assert reader.execute(COUNT).scalar_one() == 0

    def test_they_are_for_their_owner_alone(self, database: Database, tmp_path: Path) -> None:
        with database.transaction() as connection:
            connection.execute(ADD)
        kept = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("bridge.db*")}
        kept.pop("bridge.db.lock")  # empty
        assert kept == dict.fromkeys(("bridge.db", "bridge.db-wal", "bridge.db-shm"), 0o600)

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
        with pytest.raises(StoreUnavailable, match="a locked database"), database.transaction() as connection:
            connection.execute(ADD)
        other.close()
        with database.transaction() as connection:
            connection.execute(ADD)

    def test_a_lock_that_cannot_be_taken_is_an_outage(self, database: Database, tmp_path: Path) -> None:
        (tmp_path / "bridge.db.lock").unlink()
        (tmp_path / "bridge.db.lock").mkdir()
        with pytest.raises(StoreUnavailable, match="IsADirectoryError"), database.exclusively():
            pass


class TestMemory:
    def test_a_database_in_memory_is_one_for_all_threads(self) -> None:
        database = Database("sqlite://")
        with database.exclusively():  # nobody else can be there
            database.upgrade()
        with database.transaction() as connection:
            connection.execute(ADD)
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(rows(database)))
        thread.start()
        thread.join()
        assert found == [1]
        database.close()


class TestPostgresql:
    @pytest.fixture
    def url(self, postgresql_server: Server) -> Iterator[str]:
        with postgresql_server.database() as url:
            yield url

    @pytest.fixture
    def database(self, url: str) -> Iterator[Database]:
        made = Database(url)
        yield made
        made.close()

    @pytest.fixture
    def hurried(self, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
        monkeypatch.setitem(db._POSTGRESQL, "options", f"-c statement_timeout={HURRY}s")
        made = Database(url)
        yield made
        made.close()

    def test_a_server_that_is_not_there_is_an_outage(self, tmp_path: Path) -> None:
        database = Database(f"postgresql+psycopg://bridge@/bridge?host={tmp_path}")
        for verb in (database.ping, database.upgrade, lambda: ExitStack().enter_context(database.exclusively())):
            with pytest.raises(StoreUnavailable, match="a refused connection"):
                verb()

    def test_a_database_that_is_not_there_is_an_outage(self, url: str) -> None:
        database = Database(url.replace("/bridge_", "/missing_"))
        with pytest.raises(StoreUnavailable, match="no database of this name"):
            database.ping()

    def test_connections_that_the_server_closed_meanwhile_are_replaced(self, url: str, database: Database) -> None:
        database.ping()
        hang_up(url)
        database.ping()

    def test_a_connection_lost_in_the_middle_is_an_outage(self, url: str, database: Database) -> None:
        def work() -> None:
            with database.transaction() as connection:
                connection.execute(ADD)
                hang_up(url)
                connection.execute(COUNT)

        with pytest.raises(StoreUnavailable):
            work()
        assert rows(database) == 0

    def test_so_is_a_lock_lost_while_the_work_was_done(self, url: str, database: Database) -> None:
        with pytest.raises(StoreUnavailable), database.exclusively():
            hang_up(url)

    def test_a_statement_that_takes_too_long_is_an_outage(self, hurried: Database) -> None:
        with pytest.raises(StoreUnavailable, match="took too long"), hurried.transaction() as connection:
            connection.execute(text("SELECT pg_sleep(10)"))

    def test_whoever_waits_for_another_replica_may_take_longer(self, hurried: Database) -> None:
        held, order = threading.Event(), []

        def hold() -> None:
            with hurried.exclusively():
                held.set()
                threading.Event().wait(HURRY + 0.1)
                order.append("first")

        def wait() -> None:
            held.wait(10)
            with hurried.exclusively():
                order.append("second")

        together([hold, wait])
        assert order == ["first", "second"]

    def test_neither_keeps_its_patience_for_requests(self, hurried: Database) -> None:
        hurried.upgrade()
        with hurried.transaction() as connection:
            assert connection.execute(text("SHOW statement_timeout")).scalar_one() == f"{HURRY}s"

    def test_other_work_does_not_wait(self, database: Database) -> None:
        with database.exclusively(), database.exclusively(7):
            assert rows(database) == 0


def hang_up(url: str) -> None:
    """End everybody else's connections, as a server does that restarts."""
    other = Database(url)
    with other.transaction() as connection:
        ended = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"
        connection.execute(text(f"{ended} WHERE datname = current_database() AND pid <> pg_backend_pid()"))
    other.close()
