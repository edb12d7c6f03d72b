"""The commands for API keys: a key is the last line, once; what is wrong is said before anything is made."""

from __future__ import annotations

import json
import logging
import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from click.testing import CliRunner

from bridge import cli, telling
from bridge.app import prepare_store
from bridge.core.scopes import SCOPES
from bridge.ops.trail import Search
from bridge.rooms import build_services, make_outbound
from bridge.settings import load
from tests.rooms.configurations import GOOD, changed, toml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from bridge.access.api_keys import ApiKey
    from bridge.ops.trail import Record
    from bridge.services import Services

SHOWN = re.compile(r"hlb_[0-9a-f]{12}_[0-9a-f]{64}")


@dataclass
class Shell:
    """Somebody at a terminal beside one bridge."""

    config: Path

    def run(self, *arguments: str, **asked: Any) -> Result:
        return CliRunner().invoke(
            cli.main, ["api-keys", *arguments, "--config", str(self.config)], catch_exceptions=False, **asked
        )

    def new(self, *arguments: str) -> str:
        """Make a key; returns its text."""
        result = self.run("new", *arguments)
        assert result.exit_code == 0, result.output
        return result.stdout.splitlines()[-1]

    def asked(self, ask: Callable[[Services], Any]) -> Any:
        settings = load(self.config, {})
        services = build_services(settings, make_outbound(settings), time.time)
        found = ask(services)
        services.database.close()
        return found

    def made(self) -> list[ApiKey]:
        found: list[ApiKey] = self.asked(lambda services: services.api_keys.every())
        return found

    def acts(self) -> list[tuple[str, str, str, dict[str, Any]]]:
        def told(services: Services) -> list[Record]:
            return services.trail.search(Search())

        found: list[Record] = self.asked(told)
        return [(one.event, one.actor, one.connection, dict(one.details)) for one in found if "key" in one.event]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    config = tmp_path / "bridge.toml"
    document = changed({"store": {"database": f"sqlite:///{tmp_path}/bridge.db"}})
    document["connections"] = [
        changed({"name": name, "domains": [f"{name.lower()}.example"]}, GOOD["connections"][0])
        for name in ("Contoso", "globex")
    ]
    config.write_text(toml(document), "utf-8")
    prepare_store(load(config, {}))
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield Shell(config)
    # The commands send log lines to a standard error that ends with them.
    logging.getLogger().handlers[:], logging.getLogger().level = handlers, level
    logging.captureWarnings(False)  # noqa: FBT003 — Python's own spelling
    structlog.reset_defaults()


def test_a_new_key_is_the_only_line_of_standard_output(shell: Shell) -> None:
    result = shell.run("new", "--connection", "contoso", "--scope", "token")
    assert (result.exit_code, SHOWN.fullmatch(result.stdout.removesuffix("\n")) is not None) == (0, True)
    (key,) = shell.made()
    assert key.id in result.stderr
    assert "shown once" in result.stderr
    assert SHOWN.search(result.stderr) is None
    assert (key.connections, key.scopes, key.networks, key.label) == ({"Contoso": 1}, ("token",), (), "")
    assert key.expires_at - key.made_at == 90 * 86_400
    assert shell.asked(lambda services: services.api_keys.check(result.stdout.strip(), "::1").id) == key.id


def test_it_is_for_all_that_was_said(shell: Shell) -> None:
    networks = ("--network", "203.0.113.7", "--network", "2001:db8::1/32", "--network", "::ffff:203.0.113.9/120")
    names = ("--connection", "GLOBEX", "--connection", "contoso", "--connection", "globex")
    shell.new(*names, "--scope", "sessions, token,token", "--expires", "12h", "--label", "CRM 王芳", *networks)
    (key,) = shell.made()
    assert (key.connections, key.scopes, key.label) == ({"globex": 1, "Contoso": 1}, ("token", "sessions"), "CRM 王芳")
    assert key.networks == ("203.0.113.7/32", "2001:db8::/32", "203.0.113.0/24")
    assert key.expires_at - key.made_at == 12 * 3600


@pytest.mark.parametrize("scope", SCOPES)
def test_every_scope_can_be_given(shell: Shell, scope: str) -> None:
    shell.new("--connection", "contoso", "--scope", scope)
    assert [key.scopes for key in shell.made()] == [(scope,)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"--connection": "umbrella"}, "No connection has this name."),
        ({"--connection": ""}, "No connection has this name."),
        ({"--scope": "admin"}, "must be some of token, sessions, agents, agents:write, calls, calls:numbers"),
        ({"--scope": "token,everything"}, "must be some of token"),
        ({"--scope": "Token"}, "must be some of token"),
        ({"--scope": ","}, "must be some of token"),
        ({"--expires": "forever"}, "must be a duration"),
        ({"--expires": "90"}, 'must be a duration with its unit, such as "90d" or "12h"'),
        ({"--expires": "0s"}, "at least one second"),
        ({"--expires": "-1d"}, "must be a duration"),
        ({"--expires": "9999d"}, "at most 3650 days"),
        ({"--network": "example.com"}, "must be an address or a network"),
        ({"--network": "203.0.113.0/33"}, "must be an address or a network"),
        ({"--network": "203.0.113.0-255"}, "must be an address or a network"),
        ({"--network": ""}, "must be an address or a network"),
        ({"--label": "a" * 81}, "at most 80 printable characters"),
        ({"--label": "two\nlines"}, "at most 80 printable characters"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_and_no_key_is_made(shell: Shell, changes: dict[str, str], says: str) -> None:
    given = {"--connection": "contoso", "--scope": "token", **changes}
    result = shell.run("new", *(word for pair in given.items() for word in pair))
    assert (result.exit_code != 0, result.stdout) == (True, "")
    assert says in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert shell.made() == []


@pytest.mark.parametrize(
    ("scope", "warned"), [("sessions,token", "without mode jwt: Contoso (oauth)\n"), ("sessions", "")]
)
def test_scope_token_is_doubted_where_the_bridge_does_not_sign(shell: Shell, scope: str, warned: str) -> None:
    result = shell.run("new", "--connection", "contoso", "--scope", scope)
    assert result.exit_code == 0
    assert result.stderr.partition("warning: scope token is good for nothing ")[2].partition("This is")[0] == warned


@pytest.mark.parametrize("missing", ["--connection", "--scope"])
def test_what_a_key_is_for_has_to_be_said(shell: Shell, missing: str) -> None:
    given = {"--connection": "contoso", "--scope": "token"}
    result = shell.run("new", *(word for name, value in given.items() if name != missing for word in (name, value)))
    assert (result.exit_code, result.stdout, missing in result.stderr) == (2, "", True)


class TestTheList:
    def test_tells_everything_but_the_key(self, shell: Shell) -> None:
        text = shell.new("--connection", "contoso", "--scope", "token", "--network", "203.0.113.7", "--label", "CRM")
        shell.new("--connection", "globex", "--scope", "agents")
        shell.asked(lambda services: services.api_keys.check(text, "203.0.113.7"))
        result = shell.run("list")
        head, second, first = result.stdout.splitlines()
        assert (head.split()[:5], result.stderr) == (["ID", "LABEL", "CONNECTIONS", "SCOPE", "NETWORKS"], "")
        for word in (text.split("_")[1], "CRM", "Contoso", "token", "203.0.113.7/32", "good"):
            assert word in first
        assert ("everywhere" in second, "never" in second, "never" in first) == (True, True, False)
        assert text.rpartition("_")[2][:12] not in result.output

    def test_is_of_some_connections_where_they_are_named(self, shell: Shell) -> None:
        for name in ("contoso", "globex"):
            shell.new("--connection", name, "--scope", "token")
        lines = shell.run("list", "GLOBEX").stdout.splitlines()
        assert ["globex" in line for line in lines[1:]] == [True]
        refusal = shell.run("list", "umbrella")
        assert (refusal.exit_code, refusal.stdout) == (1, "")
        assert "No connection has this name." in refusal.stderr

    def test_can_be_json_for_programs(self, shell: Shell) -> None:
        text = shell.new("--connection", "contoso", "--scope", "token", "--label", "CRM 王芳")
        result = shell.run("list", "--json")
        (key,) = json.loads(result.stdout)
        told = {name: key[name] for name in ("id", "label", "connections", "scopes", "networks", "used_at", "state")}
        assert told == {
            "id": text.split("_")[1],
            "label": "CRM 王芳",
            "connections": ["Contoso"],
            "scopes": ["token"],
            "networks": [],
            "used_at": None,
            "state": "good",
        }
        made, ends = (datetime.fromisoformat(key[name]) for name in ("made_at", "expires_at"))
        assert ends - made == timedelta(days=90)
        assert text not in result.output

    def test_says_how_to_begin_where_there_is_none(self, shell: Shell) -> None:
        result = shell.run("list")
        assert (result.exit_code, result.stdout, "api-keys new" in result.stderr) == (0, "", True)


class TestTheEnd:
    def test_of_a_key_is_for_good(self, shell: Shell) -> None:
        text = shell.new("--connection", "contoso", "--connection", "globex", "--scope", "token")
        key_id = text.split("_")[1]
        result = shell.run("revoke", key_id)
        assert (result.exit_code, result.stdout) == (0, f"Key {key_id} is revoked.\n")
        assert "revoked 2" in shell.run("list").stdout
        again = shell.run("revoke", key_id, "--yes")
        assert (again.exit_code, again.stdout, "revoked before" in again.stderr) == (0, "", True)
        assert sorted(shell.acts()) == [
            (event, "operator at the command line", name, {"api_key": key_id})
            for event in ("api_key_made", "api_key_revoked")
            for name in ("Contoso", "globex")
        ]

    def test_is_asked_about_at_a_terminal(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        key_id = shell.new("--connection", "contoso", "--scope", "token").split("_")[1]
        monkeypatch.setattr(telling, "is_terminal", lambda: True)
        assert shell.run("revoke", key_id, input="n\n").exit_code == 1
        assert shell.made()[0].revoked_at is None
        assert shell.run("revoke", key_id, input="y\n").exit_code == 0
        assert shell.made()[0].revoked_at is not None

    def test_of_one_that_nobody_has_ends_none_of_the_others(self, shell: Shell) -> None:
        key_id = shell.new("--connection", "contoso", "--scope", "token").split("_")[1]
        result = shell.run("revoke", key_id, "000000000000")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "There is no key 000000000000" in result.stderr
        assert shell.made()[0].revoked_at is None
