"""The schema on every store: it comes by itself, from every earlier release, for one replica at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, inspect, text

from bridge import db
from bridge.db import Database, metadata
from tests.contracts.together import together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
REVISIONS = [script.revision for script in ScriptDirectory(str(db._MIGRATIONS)).walk_revisions()][::-1]
VERSION = "schema_version"
EXAMPLES = {str: "a", int: 1, float: 1.0, bytes: b"a", bool: True}


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    made = Database(empty_url)
    yield made
    made.close()


def move(database: Database, verb: Callable[[Config, str], None], revision: str) -> None:
    with database.engine.connect() as connection:
        config = Config()
        config.set_main_option("script_location", str(db._MIGRATIONS))
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
