"""The commands for connections: what they tell, what they change, and that nothing is half done."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from click.testing import CliRunner

from bridge import cli, cli_connections, telling
from bridge.checks import connection as checks
from bridge.checks.finding import Finding
from bridge.core.trace import Trace
from bridge.ops.trail import Search
from bridge.rooms import build_services, make_outbound
from bridge.settings import load
from tests.kit.browser import Browser
from tests.kit.ports import free_port
from tests.kit.processes import answers, running
from tests.rooms.configurations import GOOD, SECRET, changed, toml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from bridge.services import Services

CUSTOMER: dict[str, Any] = changed({"name": "globex", "domains": ["globex.example"]}, GOOD["connections"][0])


@dataclass
class Shell:
    """Somebody at a terminal beside one bridge."""

    folder: Path
    config: Path

    def run(self, *arguments: str, **asked: Any) -> Result:
        return CliRunner().invoke(cli.main, arguments, env={cli.CONFIG_VARIABLE: str(self.config)}, **asked)

    def told(self, *arguments: str) -> list[str]:
        """Run a command that must succeed; returns its lines."""
        result = self.run(*arguments)
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        return result.stdout.splitlines()

    def file(self, *tables: dict[str, Any], name: str = "connections.toml") -> str:
        path = self.folder / name
        path.write_text(toml({"connections": list(tables)}), "utf-8")
        return str(path)

    def services(self) -> Services:
        settings = load(self.config, {})
        return build_services(settings, make_outbound(settings), time.time)

    def entries(self) -> dict[str, tuple[str, int, int]]:
        services = self.services()
        entries = services.register.entries()
        services.database.close()
        return {one.name: (one.state, one.active_version, one.newest_version) for one in entries}

    def events(self) -> list[tuple[str, str]]:
        services = self.services()
        found = [(one.event, one.actor) for one in services.trail.search(Search())]
        services.database.close()
        return found


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    config = tmp_path / "bridge.toml"
    document = changed({"store": {"database": f"sqlite:///{tmp_path}/bridge.db"}})
    config.write_text(toml(document), "utf-8")
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield Shell(tmp_path, config)
    # The commands send log lines to a standard error that ends with them.
    logging.getLogger().handlers[:], logging.getLogger().level = handlers, level
    logging.captureWarnings(False)  # noqa: FBT003 — Python's own spelling
    structlog.reset_defaults()


def changed_customer(**changes: Any) -> dict[str, Any]:
    return changed({name.replace("__", "."): value for name, value in changes.items()}, CUSTOMER)


class TestApply:
    def test_shows_what_it_does_saves_and_activates(self, shell: Shell) -> None:
        told = shell.told("connections", "apply", shell.file(CUSTOMER))
        assert told[0] == "globex: is new"
        assert "    idp.issuer: https://idp.contoso.example" in told
        assert "    idp.client_secret: ********" in told
        assert told[-2:] == ["    is activated", "Applied; every running server follows within seconds."]
        assert shell.entries() == {"contoso": ("active", 1, 1), "globex": ("active", 1, 1)}
        assert SECRET not in "\n".join(told)

    def test_the_same_file_again_changes_nothing(self, shell: Shell) -> None:
        file = shell.file(CUSTOMER)
        shell.told("connections", "apply", file)
        events = shell.events()
        assert shell.told("connections", "apply", file) == ["There is nothing to change."]
        assert (shell.entries()["globex"], shell.events()) == (("active", 1, 1), events)

    def test_a_change_is_told_key_by_key_and_a_new_secret_by_its_mask(self, shell: Shell) -> None:
        shell.told("connections", "apply", shell.file(CUSTOMER))
        file = shell.file(changed_customer(mapping_field="sub", idp__client_secret="another-secret"))
        assert shell.told("connections", "apply", file)[:-1] == [
            "globex: changes",
            "    idp.client_secret: ******** -> ******** (another value)",
            "    mapping_field: email -> sub",
            "    is activated",
        ]
        assert shell.entries()["globex"] == ("active", 2, 2)

    def test_a_secret_that_is_kept_stays(self, shell: Shell) -> None:
        shell.told("connections", "apply", shell.file(CUSTOMER))
        kept = changed_customer(idp__client_secret={"kept": True}, title="Globex AG")
        del kept["fuyun"]["client_secret"]
        shell.told("connections", "apply", shell.file(kept))
        services = shell.services()
        found = services.register.connection("globex", 2)
        services.database.close()
        assert (found.idp.client_secret.reveal(), found.fuyun.client_secret.reveal()) == (SECRET, SECRET)

    def test_what_shall_be_off_is_switched_off_and_a_new_one_waits_as_a_draft(self, shell: Shell) -> None:
        shell.told("connections", "apply", shell.file(CUSTOMER))
        off = [changed_customer(enabled=False), changed_customer(name="acme", domains=["acme.example"], enabled=False)]
        told = shell.told("connections", "apply", shell.file(*off))
        assert told[:2] == ["globex: changes", "    is switched off"]
        assert shell.entries()["globex"] == ("inactive", 1, 1)
        assert shell.entries()["acme"] == ("draft", 0, 1)
        assert shell.told("connections", "apply", shell.file(*off)) == ["There is nothing to change."]

    def test_dry_run_shows_it_and_changes_nothing(self, shell: Shell) -> None:
        told = shell.told("connections", "apply", "--dry-run", shell.file(CUSTOMER))
        assert told[0] == "globex: is new"
        assert told[-1] == "    is activated"
        assert list(shell.entries()) == ["contoso"]

    def test_any_fault_anywhere_and_nothing_is_applied(self, shell: Shell) -> None:
        file = shell.file(
            CUSTOMER,
            changed_customer(name="acme", idp__issuer="nonsense", domains=["acme.example"]),
            changed_customer(name="a name that is too long", domains=["initech.example"]),
        )
        result = shell.run("connections", "apply", file)
        assert (result.exit_code, result.stdout) == (1, "")
        lines = result.stderr.splitlines()
        assert any(line.startswith(f"{file}: connections.acme.idp.issuer: ") for line in lines)
        assert any(line.startswith(f"{file}: connections[2].name: ") for line in lines)
        assert list(shell.entries()) == ["contoso"]

    def test_what_the_configuration_file_has_is_changed_there(self, shell: Shell) -> None:
        result = shell.run("connections", "apply", shell.file(CUSTOMER, GOOD["connections"][0]))
        assert result.exit_code == 1
        assert result.stderr.endswith(
            ": connections.contoso: the configuration file has this connection; it is changed there\n"
        )
        assert list(shell.entries()) == ["contoso"]

    def test_a_name_is_spelled_as_it_is_kept(self, shell: Shell) -> None:
        shell.told("connections", "apply", shell.file(CUSTOMER))
        result = shell.run("connections", "apply", shell.file(changed_customer(name="Globex")))
        assert (result.exit_code, "is kept as globex" in result.stderr) == (1, True)

    @pytest.mark.parametrize(
        ("text", "said"),
        [("public_url = 1", "public_url: does not belong here"), ("[", "is no TOML"), (None, "cannot be read")],
        ids=["another file", "no TOML", "no file"],
    )
    def test_a_file_that_is_none_is_told(self, shell: Shell, text: str | None, said: str) -> None:
        path = shell.folder / "other.toml"
        if text is not None:
            path.write_text(text, "utf-8")
        result = shell.run("connections", "apply", str(path))
        assert (result.exit_code, said in result.stderr) == (1, True), result.stderr

    @pytest.mark.parametrize(("answer", "state"), [("y\n", "active"), ("n\n", None)], ids=["yes", "no"])
    def test_asks_at_a_terminal(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch, answer: str, state: str | None
    ) -> None:
        monkeypatch.setattr(telling, "is_terminal", lambda: True)
        result = shell.run("connections", "apply", shell.file(CUSTOMER), input=answer)
        assert "Apply this? [y/N]" in result.output
        assert result.exit_code == (0 if state else 1)
        assert ("globex" in shell.entries()) is bool(state)

    def test_does_not_ask_who_said_yes(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(telling, "is_terminal", lambda: True)
        shell.told("connections", "apply", "--yes", shell.file(CUSTOMER))
        assert shell.entries()["globex"] == ("active", 1, 1)

    def test_the_journal_has_the_operators_word(self, shell: Shell) -> None:
        shell.told("connections", "apply", shell.file(CUSTOMER))
        actor = "operator at the command line"
        assert shell.events()[0] == ("connection_activated", actor)
        assert ("connection_applied", actor) in shell.events()

    def test_warns_of_what_is_doubtful(self, shell: Shell) -> None:
        result = shell.run("connections", "apply", shell.file(changed_customer(instance_id="")))
        assert result.exit_code == 0
        assert "connections.globex.instance_id: " in result.stderr


class TestExport:
    def test_gives_back_what_apply_takes_without_any_secret(self, shell: Shell) -> None:
        shell.told("connections", "apply", shell.file(CUSTOMER))
        told = "\n".join(shell.told("connections", "export", "GLOBEX"))
        assert (told.count("{ kept = true }"), SECRET in told, "contoso]" in told) == (3, False, False), (
            "the head explains the mark"
        )
        again = shell.folder / "again.toml"
        again.write_text(told, "utf-8")
        assert shell.told("connections", "apply", str(again)) == ["There is nothing to change."]

    def test_without_names_gives_all(self, shell: Shell) -> None:
        shell.told("connections", "apply", shell.file(changed_customer(enabled=False)))
        told = shell.told("connections", "export")
        assert [line for line in told if line.startswith(("name", "enabled"))] == [
            'name = "contoso"',
            'name = "globex"',
            "enabled = false",
        ]

    def test_an_unknown_name_gives_nothing(self, shell: Shell) -> None:
        result = shell.run("connections", "export", "contoso", "nobody")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == "connection_unknown: No connection has this name. (received nobody)\n"


class TestList:
    def test_tells_every_connection_in_columns(self, shell: Shell) -> None:
        shell.told("connections", "apply", shell.file(changed_customer(title="环球", enabled=False)))
        services = shell.services()
        services.journal.record_sign_in("sign_in", "contoso", Trace())
        services.database.close()
        head, first, second = shell.told("connections", "list")
        assert head.split() == [word for name in cli_connections._HEADS for word in name.split()]
        assert first.split()[:8] == ["contoso", "contoso", "oidc", "oauth", "active", "1", "1", "file"]
        assert first.endswith("UTC")
        assert second.split() == ["globex", "环球", "oidc", "oauth", "draft", "-", "1", "console", "never"]
        assert head.index("KIND") == second.index("oidc") + 2, "Chinese letters are two columns wide"

    def test_shows_nothing_that_a_terminal_would_obey(self) -> None:
        assert telling.plain("\x1b[31mred\r\n") == "?[31mred??"


class TestHistory:
    def test_tells_every_version_and_what_it_changed(self, shell: Shell) -> None:
        shell.told("connections", "apply", shell.file(CUSTOMER))
        shell.told("connections", "apply", shell.file(changed_customer(mapping_field="sub")))
        second, change, first = shell.told("connections", "history", "globex")
        assert second.startswith("version 2  ")
        assert second.endswith("applied  operator at the command line  in use")
        assert change == "    mapping_field: email -> sub"
        assert first.endswith("applied  operator at the command line")


class TestRollback:
    @pytest.fixture
    def changed_twice(self, shell: Shell) -> Shell:
        shell.told("connections", "apply", shell.file(CUSTOMER))
        shell.told("connections", "apply", shell.file(changed_customer(mapping_field="sub")))
        return shell

    def test_is_in_use_at_once_by_the_operators_word(self, changed_twice: Shell) -> None:
        told = changed_twice.told("connections", "rollback", "globex", "1")
        assert told == ["    mapping_field: sub -> email", "globex: version 3 says what version 1 said."]
        assert changed_twice.entries()["globex"] == ("active", 3, 3)

    def test_asks_at_a_terminal(self, changed_twice: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(telling, "is_terminal", lambda: True)
        result = changed_twice.run("connections", "rollback", "globex", "1", input="n\n")
        assert (result.exit_code, changed_twice.entries()["globex"]) == (1, ("active", 2, 2))

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("contoso", "1"), "connection_read_only"),
            (("nobody", "1"), "connection_unknown"),
            (("globex", "9"), "connection_unknown"),
        ],
        ids=["of the file", "unknown name", "unknown version"],
    )
    def test_is_refused_with_a_sentence(self, changed_twice: Shell, arguments: tuple[str, str], said: str) -> None:
        result = changed_twice.run("connections", "rollback", "--yes", *arguments)
        assert (result.exit_code, result.stderr.partition(":")[0]) == (1, said)


class TestTest:
    @pytest.fixture
    def answered(self, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
        """Instead of asking anybody: what was found."""
        found = [Finding("metadata", "issuer https://idp.contoso.example", connection="contoso")]
        monkeypatch.setattr(checks, "probe_connection", lambda *_: iter(found))
        return found

    def test_tells_who_answers_and_that_nobody_rehearsed_it(self, shell: Shell, answered: list[Finding]) -> None:
        told = shell.told("connections", "test", "Contoso")
        assert [line.split()[:3] for line in told] == [
            ["ok", "contoso:", "metadata:"],
            ["warn", "contoso:", "rehearsal:"],
        ]

    @pytest.mark.parametrize(("code", "ends_with"), [("ok", 0), ("mapping_field_missing", 1)])
    def test_tells_the_last_rehearsal(self, shell: Shell, answered: list[Finding], code: str, ends_with: int) -> None:
        shell.told("connections", "list")
        self.rehearse(shell, code)
        result = shell.run("connections", "test", "contoso")
        assert (result.exit_code, f"{code} at " in result.stdout) == (ends_with, True)

    @staticmethod
    def rehearse(shell: Shell, code: str) -> None:
        services, trace = shell.services(), Trace()
        version = services.register.version("contoso", 1)
        services.rehearsals.keep(services.register.connection("contoso", 1), version.digest, trace, by="Lin")
        services.database.close()
        with sqlite3.connect(shell.folder / "bridge.db") as database:
            database.execute("UPDATE rehearsals SET code = ?", [code])
        database.close()

    def test_a_link_is_the_last_line_also_where_something_fails(self, shell: Shell, answered: list[Finding]) -> None:
        answered.append(Finding("fuyun", "no answer", "fault", "contoso"))
        result = shell.run("connections", "test", "contoso", "--link")
        assert (result.exit_code, result.stderr) == (1, "One to put right.\n")
        start, token = result.stdout.splitlines()[-1].rsplit("/", 1)
        assert start == "https://phone.example.com/test"
        services = shell.services()
        link = services.rehearsals.link(token)
        services.database.close()
        assert (link.key, link.version, link.made_by) == ("contoso", 1, "operator at the command line")


class TestAdminLink:
    def test_is_the_only_line_and_good_once(self, shell: Shell) -> None:
        result = shell.run("admin", "link")
        assert result.exit_code == 0
        (url,) = result.stdout.splitlines()
        assert result.stderr.endswith("It works once, for 15 minutes:\n")
        start, token = url.rsplit("/", 1)
        assert start == "https://phone.example.com/admin/enter"
        services = shell.services()
        services.admin_links.use(token)
        services.database.close()
        assert shell.events()[0] == ("admin_link_made", "operator at the command line")
        assert token.encode() not in (shell.folder / "bridge.db").read_bytes()


@pytest.mark.parametrize("arguments", [("connections", "list"), ("admin", "link")], ids=["connections", "admin"])
class TestEveryCommand:
    def test_tells_faults_of_the_configuration(self, shell: Shell, arguments: tuple[str, ...]) -> None:
        shell.config.write_text("public_url = 1", "utf-8")
        result = shell.run(*arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"{shell.config}: public_url: " in result.stderr

    def test_tells_that_the_store_does_not_answer(self, shell: Shell, arguments: tuple[str, ...]) -> None:
        (shell.folder / "bridge.db").mkdir()
        result = shell.run(*arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("store.database: store_unavailable: ")


def test_a_running_server_follows_the_shell_within_seconds(tmp_path: Path) -> None:
    port = free_port()
    database = {"database": f"sqlite:///{tmp_path}/bridge.db"}
    document = changed(
        {"public_url": f"http://127.0.0.1:{port}", "store": database, "server": {"bind": f"127.0.0.1:{port}"}}
    )
    config = tmp_path / "bridge.toml"
    config.write_text(toml(document), "utf-8")
    file = Shell(tmp_path, config).file(changed_customer(idp__issuer="http://localhost:1"))
    with running(["serve", "--config", str(config)], tmp_path) as server:
        server.wait_until(lambda: answers(f"http://127.0.0.1:{port}/readyz"))
        browser = Browser(f"http://127.0.0.1:{port}")
        assert json.loads(browser.fetch("/login/globex").text)["code"] == "connection_unknown"
        apply = running(["connections", "apply", file, "--config", str(config)], tmp_path)
        with apply as command:
            assert command.process.wait(60) == 0, command.written
            started = time.monotonic()
            server.wait_until(lambda: browser.fetch("/login/globex").json().get("code") != "connection_unknown")
            assert time.monotonic() - started < 30
