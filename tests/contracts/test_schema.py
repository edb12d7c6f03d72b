"""The schema on every store: it comes by itself, from every earlier release, for one replica at a time."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, inspect, text
from sqlalchemy.exc import OperationalError

from bridge import db
from bridge.core.errors import StoreUnavailable
from bridge.db import Database, metadata
from tests.contracts.together import together
from tests.kit.compiled import migrate_step_by_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.kit.postgresql import Server

ROOT = Path(__file__).parents[2]
REVISIONS = [script.revision for script in ScriptDirectory(str(db.MIGRATIONS)).walk_revisions()][::-1]
VERSION = "schema_version"
EXAMPLES = {str: "a", int: 1, float: 1.0, bytes: b"a", bool: True}


@pytest.fixture(autouse=True)
def step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere a new schema may be a copy."""
    monkeypatch.setattr(db, "_migrate", migrate_step_by_step)


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    made = Database(empty_url)
    yield made
    made.close()


def test_the_files_are_named_after_the_steps_in_their_order() -> None:
    assert db.revisions() == tuple(REVISIONS[::-1])


def move(database: Database, verb: Callable[[Config, str], None], revision: str) -> None:
    with database.engine.connect() as connection:
        config = Config()
        config.set_main_option("script_location", str(db.MIGRATIONS))
        config.attributes["connection"] = connection
        verb(config, revision)
        connection.commit()


def names(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names())


def tables(database: Database) -> list[Table]:
    found = MetaData()
    found.reflect(database.engine)
    return [table for table in found.sorted_tables if table.name != VERSION]


def fill(database: Database) -> None:
    """Put a row into every table that has none; all columns of a type hold the same, so that references fit."""
    for table in tables(database):
        values = {column.name: EXAMPLES[column.type.python_type] for column in table.columns}
        with database.transaction() as connection:
            if connection.execute(table.select()).first() is None:
                connection.execute(table.insert().values(values))


def rows(database: Database) -> dict[str, dict[str, Any]]:
    with database.transaction() as connection:
        found = {table.name: connection.execute(table.select()).mappings().first() for table in tables(database)}
    return {name: dict(row) for name, row in found.items() if row is not None}


def revision(database: Database) -> str | None:
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection, opts={"version_table": VERSION}).get_current_revision()


class TestUpgrade:
    def test_from_nothing_it_is_what_the_code_says(self, empty: Database) -> None:
        empty.upgrade()
        with empty.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": VERSION})
            assert compare_metadata(context, metadata) == []

    def test_a_second_one_changes_nothing(self, database: Database) -> None:
        fill(database)
        before = rows(database)
        database.upgrade()
        assert rows(database) == before

    @pytest.mark.parametrize("release", REVISIONS)
    def test_from_any_release_rows_are_kept(self, empty: Database, release: str) -> None:
        move(empty, command.upgrade, release)
        fill(empty)
        before = rows(empty)
        empty.upgrade()
        after = rows(empty)
        assert revision(empty) == REVISIONS[-1]
        for name in before.keys() & after.keys():
            assert {column: after[name][column] for column in before[name].keys() & after[name].keys()} == {
                column: before[name][column] for column in before[name].keys() & after[name].keys()
            }
        assert {"agent_sessions", "browser_sessions"} <= before.keys() & after.keys()

    def test_replicas_that_start_together_wait_for_one_another(self, empty_url: str) -> None:
        def start() -> str | None:
            database = Database(empty_url)
            try:
                database.upgrade()
                return revision(database)
            finally:
                database.close()

        assert together([start] * 6) == [REVISIONS[-1]] * 6

    def test_so_do_processes(self, empty: Database, empty_url: str) -> None:
        start = "import sys; from bridge.db import Database; Database(sys.argv[1]).upgrade()"
        started = [subprocess.Popen([sys.executable, "-c", start, empty_url], cwd=ROOT) for _ in range(2)]
        assert [process.wait(60) for process in started] == [0, 0]
        assert revision(empty) == REVISIONS[-1]

    def test_what_a_newer_release_has_upgraded_serves_this_one_too(self, database: Database) -> None:
        fill(database)
        with database.transaction() as connection:
            connection.execute(text("UPDATE schema_version SET version_num = '9999'"))
        before = rows(database)
        database.upgrade()
        assert rows(database) == before

    def test_a_step_that_breaks_off_leaves_nothing_behind(
        self, empty: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        move(empty, command.upgrade, "0001")

        def broken(*_: Any, **__: Any) -> None:
            raise OperationalError("CREATE TABLE", {}, Exception("disk full"))

        with monkeypatch.context() as patch:
            patch.setattr("alembic.op.bulk_insert", broken)
            with pytest.raises(StoreUnavailable):
                empty.upgrade()
        assert (revision(empty), names(empty)) == ("0001", {VERSION, "agent_sessions", "browser_sessions"})
        empty.upgrade()
        assert revision(empty) == REVISIONS[-1]


def test_an_upgrade_that_waits_for_a_table_lets_everybody_else_have_it(
    postgresql_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "_LOCK_WAIT", text("SELECT set_config('lock_timeout', '50ms', true)"))
    monkeypatch.setattr(db, "_LOCK_REST", 0.02)
    with postgresql_server.database(empty=True) as url, ThreadPoolExecutor(1) as pool:
        database = Database(url)
        move(database, command.upgrade, "0002")
        with database.transaction() as backup:  # as pg_dump, which reads a table for minutes
            backup.execute(text("SELECT 1 FROM agent_sessions"))
            upgrade = pool.submit(database.upgrade)
            for _ in range(10):
                with database.transaction() as request:
                    request.execute(text("SELECT 1 FROM agent_sessions"))
                time.sleep(0.02)
            assert not upgrade.done()
        upgrade.result()
        assert revision(database) == REVISIONS[-1]
        database.close()


class TestDowngrade:
    def test_goes_back_step_by_step_and_forward_again(self, database: Database) -> None:
        fill(database)
        before = names(database)
        for release in [*REVISIONS[-2::-1], "base"]:
            move(database, command.downgrade, release)
        assert names(database) == {VERSION}
        database.upgrade()
        assert names(database) == before

    @pytest.mark.parametrize("release", REVISIONS[:-1])
    def test_keeps_the_rows_of_the_earlier_release(self, database: Database, release: str) -> None:
        fill(database)
        before = rows(database)
        move(database, command.downgrade, release)
        after = rows(database)
        assert after == {name: {column: before[name][column] for column in after[name]} for name in after}
        assert {"agent_sessions", "browser_sessions"} <= after.keys()
