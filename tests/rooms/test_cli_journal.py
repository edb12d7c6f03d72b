"""The journal on standard output: what was asked for, in order, a line each, and nothing that a file would run."""

from __future__ import annotations

import csv
import io
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from bridge import cli
from bridge.cli_connections import ACTOR
from bridge.ops.trail import Record, Search
from tests.rooms.at_the_shell import configured, opened
from tests.rooms.configurations import GOOD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.services import Services

NAME = GOOD["connections"][0]["name"]
DAY = 86_400.0
# The commands tell the time by themselves, and forget what is older than 400 days.
FIRST = (time.time() // DAY - 9) * DAY
SPELL = "=cmd|' /C calc'!A0\n"
ROWS = (
    Record(FIRST, "sign_in", NAME, "ok", "AAAAAAAAAA", person="lin", details={"steps": []}),
    Record(FIRST + DAY, "sign_in", NAME, "agent_unknown", "BBBBBBBBBB", person=SPELL, details={"steps": []}),
    Record(FIRST + 2 * DAY, "admin_sign_in", "", "ok", "CCCCCCCCCC", actor="王芳"),
)


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    with configured(tmp_path) as path:
        yield path


@pytest.fixture
def services(config: Path) -> Iterator[Services]:
    with opened(config) as built:
        for row in ROWS:
            built.trail.add(row)
        yield built


def on(day: int, clock: str = "") -> str:
    """Return the date of so many days after the first row, with a time of day."""
    return datetime.fromtimestamp(FIRST + day * DAY, UTC).date().isoformat() + clock


def exported(config: Path, *options: str) -> str:
    done = CliRunner().invoke(cli.main, ["journal", "export", "--config", str(config), *options])
    assert done.exit_code == 0, done.output
    return done.stdout


def rows(told: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told.splitlines()]


def references(told: str) -> list[str]:
    return [row["reference"] for row in rows(told) if row["event"].endswith("sign_in")]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "ABC"),
        (("--from", on(1)), "BC"),
        (("--to", on(1)), "AB"),
        (("--from", on(1, "T08:00:00+08:00"), "--to", on(2, "T00:00:00")), "B"),
        (("--connection", NAME.upper()), "AB"),
    ],
)
@pytest.mark.usefixtures("services")
def test_json_lines_are_what_was_asked_for_oldest_first(config: Path, options: tuple[str, ...], expected: str) -> None:
    assert references(exported(config, *options)) == [letter * 10 for letter in expected]


def test_a_line_has_all_of_its_row_and_is_of_ascii(config: Path, services: Services) -> None:
    told = exported(config, "--from", on(2), "--to", on(2))
    assert told.isascii()
    (row,) = rows(told)
    assert row["id"] == services.trail.under("CCCCCCCCCC")[0].id
    assert (row["time"], row["at"]) == (on(2, "T00:00:00.000+00:00"), FIRST + 2 * DAY)
    assert (row["event"], row["code"], row["actor"], row["details"]) == ("admin_sign_in", "ok", "王芳", {})


@pytest.mark.usefixtures("services")
def test_csv_is_the_consoles_and_runs_nothing(config: Path) -> None:
    told = exported(config, "--format", "csv", "--connection", NAME, "--to", on(2))
    heads, *found = csv.reader(io.StringIO(told.removeprefix("\ufeff")))
    assert heads[:5] == ["time", "event", "outcome", "connection", "person"]
    assert [row[7] for row in found] == ["BBBBBBBBBB", "AAAAAAAAAA"]
    assert not found[0][4].startswith("=")


def test_more_than_a_page_comes_whole_and_each_export_is_kept(
    config: Path, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.ops.trail._PAGE", 2)
    assert references(exported(config)) == ["AAAAAAAAAA", "BBBBBBBBBB", "CCCCCCCCCC"]
    kept = services.trail.search(Search(event="journal_exported"))
    assert [(row.actor, row.details) for row in kept] == [(ACTOR, {"since": 0})]


@pytest.mark.usefixtures("services")
def test_what_is_no_moment_is_said(config: Path) -> None:
    done = CliRunner().invoke(cli.main, ["journal", "export", "--config", str(config), "--from", "yesterday"])
    assert done.exit_code == 2
    assert "'yesterday' is not a date such as 2027-01-31" in done.output


def test_a_period_that_ends_before_it_begins_is_said(config: Path) -> None:
    period = ("--from", "2027-02-01", "--to", "2027-01-31T08:00")
    done = CliRunner().invoke(cli.main, ["journal", "export", "--config", str(config), *period])
    assert done.exit_code == 2
    assert "--from 2027-02-01 is later than --to 2027-01-31T08:00" in done.output
