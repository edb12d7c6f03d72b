"""`check` at the command line: what it prints for people and for programs, and with which exit code it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

import bridge.app
from bridge import __version__, cli, cli_check
from bridge.checks.finding import Finding
from tests.rooms.configurations import GONE, SECRET, written

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

FOUND = [
    Finding("store.database", "written, read and deleted in 3 ms", seconds=0.003),
    Finding("metadata", "no answer\x1b[31m", "fault", "contoso", "Look at the addresses in idp.", 2.5),
    Finding("offers", "no scope email", "warn", "contoso", "Take it out."),
]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ("check", *arguments), env={cli.CONFIG_VARIABLE: None})


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """Instead of asking anybody: what was found."""
    found = [*FOUND]
    monkeypatch.setattr(bridge.app, "probe", lambda *_: found)
    return found


def test_offline_looks_at_the_file_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge.app, "probe", None)
    config = written(tmp_path, {"connections.0.instance_id": ""})
    result = run("--offline", "--config", str(config))
    title, ok, warning, _, summary = result.stdout.splitlines()
    assert (result.exit_code, title, summary) == (0, "The bridge", "1 warning")
    assert ok.split()[:2] == ["ok", "configuration"]
    assert warning.split()[:3] == ["warn", "configuration.doubt", "connections.contoso.instance_id"]


def test_every_fault_of_the_file_is_told_at_once(tmp_path: Path) -> None:
    config = written(tmp_path, {"public_url": GONE, "nonsense": 1})
    result = run("--offline", "--config", str(config))
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (1, "2 faults")
    assert f"{config}: public_url: is required" in result.stdout
    assert f"{config}: nonsense: is no key that the bridge knows" in result.stdout


def test_findings_stand_below_their_connection_with_what_to_do(tmp_path: Path, answered: list[Finding]) -> None:
    result = run("--config", str(written(tmp_path)))
    assert result.exit_code == 1
    assert result.stdout.splitlines()[2:] == [
        "  ok     store.database  written, read and deleted in 3 ms",
        "",
        "contoso",
        "  fault  metadata        no answer?[31m",
        "                         > Look at the addresses in idp.",
        "  warn   offers          no scope email",
        "                         > Take it out.",
        "",
        "1 fault, 1 warning",
    ]


def test_without_a_fault_it_ends_well(tmp_path: Path, answered: list[Finding]) -> None:
    del answered[1:]
    result = run("--config", str(written(tmp_path)))
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "All is well.")


def test_programs_get_one_document(tmp_path: Path, answered: list[Finding]) -> None:
    result = run("--json", "--config", str(written(tmp_path)))
    told = json.loads(result.stdout)
    assert (result.exit_code, told["version"], told["faults"], told["warnings"]) == (1, __version__, 1, 1)
    assert told["findings"][2] == {
        "name": "metadata",
        "level": "fault",
        "connection": "contoso",
        "what": "no answer?[31m",
        "advice": "Look at the addresses in idp.",
        "seconds": 2.5,
    }
    assert SECRET not in result.stdout


def test_a_connection_that_nobody_knows_ends_it_with_those_that_are_there(tmp_path: Path) -> None:
    store = {"store": {"database": f"sqlite:///{tmp_path}/bridge.db"}}
    result = run("--connection", "nobody", "--config", str(written(tmp_path, store)))
    assert (result.exit_code, result.stderr) == (1, "No connection is called nobody; there are: contoso.\n")


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_s_width_is_kept_to(width: int) -> None:
    long = Finding("public_url.proxy", "requests come through a proxy " * 8, "warn", advice="Name it there. " * 12)
    lines = [click.unstyle(line) for line in cli_check.told([long, *FOUND], width)]
    assert max(map(len, lines)) <= width
    assert " ".join(" ".join(lines).split()).count("requests come through a proxy") == 8
