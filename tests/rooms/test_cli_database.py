"""The commands for the schema: what each says, what it asks, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from bridge import __version__, cli, telling
from bridge.db import Database, revisions
from tests.rooms.configurations import changed, toml

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

HEAD, BEFORE, *_ = revisions()


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path}/bridge.db")


def run(folder: Path, *arguments: str, **store: str) -> Result:
    config = folder / "bridge.toml"
    config.write_text(toml(changed({"store": {"database": f"sqlite:///{folder}/bridge.db"} | store})), "utf-8")
    command = ["database", *arguments, "--config", str(config)]
    return CliRunner().invoke(cli.main, command, catch_exceptions=False)


def test_status_and_upgrade_tell_where_the_schema_is(tmp_path: Path, database: Database) -> None:
    told = run(tmp_path, "status")
    assert (told.exit_code, told.stdout) == (1, f"schema none, release {__version__} has {HEAD}\n")
    assert run(tmp_path, "upgrade").stdout == f"schema none -> {HEAD}\n"
    assert run(tmp_path, "upgrade").stdout == f"schema {HEAD}: nothing to do\n"
    told = run(tmp_path, "status")
    assert (told.exit_code, told.output) == (0, f"schema {HEAD}, release {__version__} has {HEAD}\n")
    with database.transaction() as connection:
        connection.execute(text("UPDATE schema_version SET version_num = '9999'"))
    told = run(tmp_path, "status")
    assert (told.exit_code, "A newer release" in told.output) == (0, True)
    database.close()


def test_the_way_back_says_what_it_costs_and_is_taken_only_when_meant(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.upgrade()
    told = run(tmp_path, "downgrade", BEFORE)
    assert (told.exit_code, "say --yes" in told.output, f"{HEAD}  Drop" in told.output) == (1, True, True)
    monkeypatch.setattr(telling, "is_terminal", lambda: True)
    assert run(tmp_path, "downgrade", BEFORE).exit_code == 1  # nothing was answered
    assert database.revision() == HEAD
    told = run(tmp_path, "downgrade", BEFORE, "--yes")
    assert (told.exit_code, database.revision()) == (0, BEFORE)
    assert told.output.endswith(f"schema {HEAD} -> {BEFORE}: start the earlier release now\n")
    database.close()


@pytest.mark.parametrize("wanted", [HEAD, "9999", "base", ""])
def test_there_is_no_way_back_to_anything_else(tmp_path: Path, database: Database, wanted: str) -> None:
    database.upgrade()
    told = run(tmp_path, "downgrade", wanted, "--yes")
    assert (told.exit_code, f"it can go back to {BEFORE}, " in told.output) == (1, True)
    assert database.revision() == HEAD
    database.close()


def test_only_the_release_that_made_a_schema_takes_it_back(tmp_path: Path, database: Database) -> None:
    database.upgrade()
    with database.transaction() as connection:
        connection.execute(text("UPDATE schema_version SET version_num = '9999'"))
    told = run(tmp_path, "downgrade", BEFORE, "--yes")
    assert (told.exit_code, "only the release that made it" in told.output) == (1, True)
    database.close()


@pytest.mark.parametrize(
    ("arguments", "url", "words"),
    [
        (["status"], "sqlite:////proc/none/bridge.db", "store.database: store_unavailable"),
        (["backup", "saved"], "sqlite:///:memory:", "in memory"),
        (["backup", "saved"], "postgresql+psycopg://nobody@127.0.0.1:1/none", "pg_dump"),
    ],
    ids=["unreachable", "in memory", "PostgreSQL"],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    tmp_path: Path, arguments: list[str], url: str, words: str
) -> None:
    told = run(tmp_path, *arguments, database=url)
    assert (told.exit_code, words in told.output, told.output.count("\n")) == (1, True, 1)
