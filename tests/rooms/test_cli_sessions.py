"""The commands for agents' sessions: who is listed, and what each way of naming ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from bridge import cli, telling
from bridge.ops.trail import Search
from tests.kit.seats import TOKENS, seated
from tests.rooms.at_the_shell import configured, opened
from tests.rooms.configurations import GOOD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from bridge.services import Services

NAME = GOOD["connections"][0]["name"]


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    with configured(tmp_path) as path:
        yield path


@pytest.fixture
def services(config: Path) -> Iterator[Services]:
    """The rooms of a bridge with three sessions of two people."""
    with opened(config) as built:
        seated(built, "lin@contoso.example", NAME, name="Lin \x1b[31m陈琳")
        seated(built, "lin@contoso.example", NAME, device="")
        seated(built, "fang@contoso.example", NAME)
        yield built


def run(config: Path, *arguments: str, **asked: Any) -> Result:
    return CliRunner().invoke(cli.main, ["sessions", *arguments], env={cli.CONFIG_VARIABLE: str(config)}, **asked)


def accounts(services: Services) -> list[str]:
    return sorted(live.session.account_name for live in services.agent_sessions.of_connection(NAME))


def test_everybody_is_listed_with_device_and_times_and_no_secret(config: Path, services: Services) -> None:
    told = run(config, "list").output
    lines = told.splitlines()
    assert lines[0].split()[:3] == ["CONNECTION", "ACCOUNT", "NAME"]
    assert [line.split()[1] for line in lines[1:]] == ["fang@contoso.example", *["lin@contoso.example"] * 2]
    assert ("Lin ?[31m陈琳" in told, "Chrome 131, Windows" in lines[1], told.count(" UTC")) == (True, True, 9)
    ids = [live.session.id for live in services.agent_sessions.of_connection(NAME)]
    assert not [secret for secret in (*ids, *TOKENS) if secret in told]
    assert run(config, "list", NAME).output == told


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (["--account", "LIN@contoso.example"], ["fang@contoso.example"]),
        (["--all"], []),
        (["HANDLE"], ["lin@contoso.example", "lin@contoso.example"]),
    ],
    ids=["account", "all", "handle"],
)
def test_what_is_named_ends_and_nothing_else(
    config: Path, services: Services, asked: list[str], left: list[str]
) -> None:
    handle = run(config, "list").output.splitlines()[1].split()[-1]
    result = run(config, "end", NAME.upper(), *(handle if word == "HANDLE" else word for word in asked))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"Sessions ended at {NAME}: {3 - len(left)}.\n"
    assert accounts(services) == left
    acts = [one for one in services.trail.search(Search()) if one.event == "sessions_ended"]
    assert [one.actor for one in acts] == ["operator at the command line"] * (len(left) < 3)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--account", "nobody"], f"Nobody of this account is signed in at {NAME}."),
        (["0123456789abcdef"], f"No session alive at {NAME} has the handle 0123456789abcdef."),
    ],
    ids=["account", "handle"],
)
def test_what_is_not_there_is_told_and_ends_nothing(
    config: Path, services: Services, asked: list[str], said: str
) -> None:
    result = run(config, "end", NAME, *asked)
    assert (result.exit_code, result.stderr) == (1, f"{said}\n")
    assert len(accounts(services)) == 3


def test_a_no_at_the_terminal_ends_nothing(config: Path, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "is_terminal", lambda: True)
    result = run(config, "end", NAME, "--all", input="n\n")
    assert (result.exit_code, f"End 3 sessions at {NAME}?" in result.output) == (1, True)
    assert len(accounts(services)) == 3
    assert run(config, "end", NAME, "--all", "--yes").exit_code == 0
    assert accounts(services) == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [(["end", NAME], 2), (["end", NAME, "x", "--all"], 2), (["end", "nobody", "--all"], 1), (["list", "nobody"], 1)],
    ids=["nothing", "twice", "unknown-connection", "unknown-list"],
)
def test_what_names_nothing_or_too_much_is_refused(config: Path, asked: list[str], code: int) -> None:
    assert run(config, *asked).exit_code == code
