"""The commands about agents who are made at their first sign-in: a preview of claims, and leave to make one again."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from click.testing import CliRunner

from bridge import cli, cli_newcomers
from bridge.cli_connections import opened
from bridge.core.new_agent import NewAgent
from bridge.ops.trail import Search
from tests.rooms.configurations import GOOD, changed, toml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

NAME = GOOD["connections"][0]["name"]
# Nobody listens there, so that nothing is told of agents and groups.
ACCESS = {"access_key_id": "id", "access_key_secret": "s", "endpoint": "127.0.0.1:9", "protocol": "http"}
WANTED = {"create_agents": True, "skill_groups": ["Hotline"], "rules": ["groups = a -> Sales", "groups = b -> VIP"]}
CLAIMS = {"email": "new@contoso.example", "name": "新人 \u001b[31m", "groups": ["A"]}


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield Shell(tmp_path)
    # The commands send log lines to a standard error that ends with them.
    logging.getLogger().handlers[:], logging.getLogger().level = handlers, level
    logging.captureWarnings(False)  # noqa: FBT003 — Python's own spelling
    structlog.reset_defaults()


class Shell:
    """A configuration file, and somebody who types."""

    def __init__(self, folder: Path) -> None:
        self.config, self.claims = folder / "bridge.toml", folder / "claims.json"
        self.claims.write_text(json.dumps(CLAIMS), "utf-8")
        self.write(WANTED)

    def write(self, wanted: dict[str, Any] | None) -> None:
        more = {"provisioning": wanted} if wanted is not None else {}
        connection = {**GOOD["connections"][0], "instance_id": "ccc_xp_1", "aiccs": ACCESS, **more}
        store = {"database": f"sqlite:///{self.config.parent}/bridge.db"}
        self.config.write_text(toml(changed({"store": store, "connections": [connection]})), "utf-8")

    def run(self, *arguments: str, **asked: Any) -> Result:
        return CliRunner().invoke(
            cli.main, ["connections", *arguments], env={cli.CONFIG_VARIABLE: str(self.config)}, **asked
        )


def test_the_preview_tells_name_groups_and_rules(shell: Shell) -> None:
    result = shell.run("preview", NAME, "--claims", str(shell.claims))
    assert (result.exit_code, result.stderr) == (0, "")
    first, *lines = result.stdout.splitlines()
    assert first.startswith("It was not found out whether this person has an agent.")
    assert [line.strip() for line in lines] == [
        "AccountName     new@contoso.example",
        "Display name    新人 [31m",
        "Skill groups    Hotline, Sales",
        "(the contact center did not tell which skill groups it has)",
        "Rule that fits  groups = a -> Sales",
        "Does not fit    groups = b -> VIP (groups: A)",
    ]


def test_skill_groups_that_do_not_exist_are_told_on_standard_error(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = NewAgent("new@contoso.example", "New", ("Sales", "Nowhere"), unknown_groups=("Nowhere",), is_checked=True)
    monkeypatch.setattr(cli_newcomers, "_foretold", lambda *_: (new, "new"))
    result = shell.run("preview", NAME, "--claims", str(shell.claims))
    assert (result.exit_code, result.stderr) == (0, "The contact center has no skill group Nowhere.\n")
    assert "Do not exist  Nowhere" in result.stdout


def test_the_preview_reads_standard_input_and_leaves_an_empty_list_out(shell: Shell) -> None:
    shell.write({"create_agents": False, "rules": ["groups = b -> VIP"]})
    result = shell.run("preview", NAME, "--claims", "-", input=json.dumps(CLAIMS))
    assert "create_agents is not true" in result.stderr
    assert result.stdout.splitlines()[-2].split() == ["Skill", "groups", "none"]


@pytest.mark.parametrize(
    ("wanted", "text", "words"),
    [
        (None, "{}", "has no [connections.provisioning]"),
        (WANTED, "[]", "no object"),
        (WANTED, '{"name": "Lin"}', "The mapping field email names no account: name."),
    ],
    ids=["without", "no object", "no account"],
)
def test_what_cannot_be_foretold_is_said(shell: Shell, wanted: dict[str, Any] | None, text: str, words: str) -> None:
    shell.write(wanted)
    shell.claims.write_text(text, "utf-8")
    result = shell.run("preview", NAME, "--claims", str(shell.claims))
    assert (result.exit_code, words in result.stderr) == (1, True), result.stderr


def test_leave_to_make_an_agent_again_is_kept_and_journaled(shell: Shell) -> None:
    result = shell.run("allow-agent", NAME.upper(), "kim@contoso.example")
    assert (result.exit_code, result.stdout) == (
        0,
        f"{NAME}: the next sign-in of kim@contoso.example may make an agent.\n",
    )
    with opened(shell.config) as services:
        assert services.known_agents.state(NAME, "kim@contoso.example") == "free"
        (record,) = services.trail.search(Search(event="agent_allowed"))
    assert (record.connection, record.actor, record.details) == (
        NAME,
        "operator at the command line",
        {"account_name": "kim@contoso.example"},
    )
    assert shell.run("allow-agent", NAME, " kim ").exit_code == 1
    assert shell.run("allow-agent", "nowhere", "kim").exit_code == 1
