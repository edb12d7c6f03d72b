"""The commands for keys: what each secret is needed for, how that ends, and what is said when it cannot."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from click.testing import CliRunner

from bridge import cli, cli_keys, telling
from bridge.core.errors import StoreUnavailable
from bridge.core.model import AccountName, FuyunToken, TokenSet
from bridge.rooms import build_services, make_outbound
from bridge.settings import load
from bridge.signin.agent_session import AgentSession
from bridge.signin.resealing import Resealing
from tests.contracts.customers import customer
from tests.rooms.configurations import changed, toml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from bridge.services import Services

OLD, NEW = "an-old-secret-that-nobody-must-ever-see", "a-new-secret-that-nobody-must-ever-see"
LIN = AgentSession(
    id="",
    connection="contoso",
    iss="https://idp.example",
    sub="lin",
    sid="",
    account_name=AccountName("lin"),
    display_name="Lin",
    tokens=TokenSet("at"),
    fuyun=FuyunToken("fuyun", "bearer", 2_000_000_000),
    created_at=0,
    expires_at=0,
)


@dataclass
class Shell:
    """Somebody at a terminal beside one bridge, whose secrets change from step to step."""

    folder: Path

    def write(self, *secrets: str) -> Path:
        config = self.folder / "bridge.toml"
        document = {"store": {"database": f"sqlite:///{self.folder}/bridge.db"}, "secret_keys": list(secrets)}
        config.write_text(toml(changed(document)), "utf-8")
        return config

    def run(self, *arguments: str, secrets: tuple[str, ...] = (NEW, OLD), **asked: Any) -> Result:
        result = CliRunner().invoke(
            cli.main, ["keys", *arguments, "--config", str(self.write(*secrets))], catch_exceptions=False, **asked
        )
        assert not re.search("secret-that-nobody", result.output)
        return result

    def told(self, *arguments: str, **asked: Any) -> list[str]:
        """Run a command that must succeed; returns its lines."""
        result = self.run(*arguments, **asked)
        assert result.exit_code == 0, result.output
        return result.stdout.splitlines()

    @contextmanager
    def services(self, *secrets: str) -> Iterator[Services]:
        settings = load(self.write(*secrets), {})
        services = build_services(settings, make_outbound(settings), time.time)
        services.database.upgrade()
        yield services
        services.database.close()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield Shell(tmp_path)
    # The commands send log lines to a standard error that ends with them.
    logging.getLogger().handlers[:], logging.getLogger().level = handlers, level
    logging.captureWarnings(False)  # noqa: FBT003 — Python's own spelling
    structlog.reset_defaults()


@pytest.fixture
def shift(shell: Shell) -> Shell:
    """A bridge with two agents who signed in before the new secret came."""
    with shell.services(OLD) as services:
        for sub in ("lin", "fang"):
            services.agent_sessions.begin(replace(LIN, sub=sub))
    return shell


def number(line: str) -> list[str]:
    return line.replace("none of them", "none").split()


class TestStatus:
    def test_tells_what_each_secret_is_needed_for(self, shift: Shell) -> None:
        head, newest, oldest, none, empty, *sentences = shift.told("status")
        assert head.split("  ")[0] == "KEY"
        assert "AGENT SESSIONS" in head
        assert number(newest)[0:8:2] == ["secret_keys[0]", "0", "0", "0"]
        assert number(oldest)[2:] == ["2", "0", "0", "0", "0", "0", "0"]
        assert number(none)[1:] == ["0", "0", "0", "0", "0", "0", "0"]
        names = [number(newest)[1], number(oldest)[1]]
        assert all(re.fullmatch("[0-9a-f]{8}", name) for name in names)
        assert empty == ""
        verdict = "cannot be dropped: 2 records are in need of it; run `hotline-bridge keys reseal`."
        assert sentences == [
            f"secret_keys[0] ({names[0]}) seals what is new.",
            f"secret_keys[1] ({names[1]}) {verdict}",
        ]

    def test_says_when_an_old_one_may_go(self, shift: Shell) -> None:
        shift.told("reseal")
        *_, last = shift.told("status")
        assert "an old one is safe to drop 10 minutes after the last replica was" in last

    def test_waits_for_a_link_that_nobody_has_used(self, shell: Shell) -> None:
        with shell.services(OLD) as services:
            services.admin_links.use(services.admin_links.make())
            assert services.admin_links.good_until() == 0
            services.admin_links.make()
        *_, last = shell.told("status")
        assert re.search(r"administrator's link that nobody has used yet, until \d{4}-\d\d-\d\d \d\d:\d\d UTC\.$", last)

    def test_tells_of_domains_that_are_not_proven_yet(self, shell: Shell) -> None:
        with shell.services(OLD) as services:
            services.register.save(customer("fabrikam", domains=("a.example", "b.example")), author="Lin", based_on=0)
            services.domains.accept("fabrikam", "a.example", "operator")
        *_, last = shell.told("status")
        assert last.startswith("Domains that wait for their TXT record: 1. ")
        assert "wait for" not in shell.run("status", secrets=(OLD,)).stdout

    def test_can_be_read_by_programs(self, shift: Shell) -> None:
        document = json.loads(shift.run("status", "--json").stdout)
        nothing = dict.fromkeys(
            [
                "agent_sessions",
                "browser_sessions",
                "connection_secrets",
                "rehearsals",
                "admin_sessions",
                "api_keys",
                "known_agents",
            ],
            0,
        )
        assert [key.pop("fingerprint") for key in document["keys"]] != []
        assert document == {
            "keys": [
                {"position": 0, "records": nothing, "is_unused": False},
                {"position": 1, "records": nothing | {"agent_sessions": 2}, "is_unused": False},
            ],
            "lost": nothing,
            "links_until": None,
            "unproven_domains": 0,
        }
        shift.told("reseal")
        assert [key["is_unused"] for key in json.loads(shift.run("status", "--json").stdout)["keys"]] == [
            False,
            True,
        ]

    def test_ends_with_1_where_no_key_opens_what_is_kept(self, shift: Shell) -> None:
        result = shift.run("status", secrets=(NEW,))
        assert result.exit_code == 1
        assert result.stderr == "2 records are sealed by none of these keys: put the key back, or they are lost.\n"
        assert number(result.stdout.splitlines()[2]) == ["none", "2", "0", "0", "0", "0", "0", "0"]

    def test_says_so_where_there_is_no_store(self, shell: Shell) -> None:
        result = shell.run("status")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == (
            "store.database: store_unavailable: The database does not answer. (received no table where there should be"
            f" one) at {shell.folder}/bridge.db\n"
        )


class TestReseal:
    def test_frees_from_the_old_secret_and_does_nothing_twice(self, shift: Shell) -> None:
        result = shift.run("reseal")
        assert (result.exit_code, result.stdout) == (0, "agent sessions  2  rewritten\n")
        assert result.stderr == "agent sessions: 2 of 2\n"
        assert shift.run("status", secrets=(NEW,)).exit_code == 0
        assert shift.told("reseal") == ["Everything is sealed by the newest key."]

    def test_shows_how_far_it_is(self, shift: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cli_keys, "_TELL_EVERY", 1)
        assert shift.run("reseal").stderr == "agent sessions: 1 of 2\nagent sessions: 2 of 2\n"

    def test_shows_a_bar_at_a_terminal(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        assert list(cli_keys._watched("agent_sessions", 2, iter([True, False]))) == [True, False]
        told = capsys.readouterr().err
        assert "agent sessions" in told
        assert "100%" in told

    def test_asks_at_a_terminal_whether_every_replica_knows_the_new_one(
        self, shift: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(telling, "is_terminal", lambda: True)
        refused = shift.run("reseal", input="n\n")
        assert refused.exit_code == 1
        assert re.search(r"Does every running replica know secret_keys\[0\] \([0-9a-f]{8}\)\?", refused.output)
        assert "2" in shift.told("status")[2]
        assert shift.told("reseal", "--yes") == ["agent sessions  2  rewritten"]

    @pytest.mark.parametrize(
        ("end", "why"),
        [(KeyboardInterrupt(), "Interrupted"), (StoreUnavailable(), "The store does not answer any more")],
        ids=["interrupted", "outage"],
    )
    def test_can_be_ended_and_run_again(
        self, shift: Shell, monkeypatch: pytest.MonkeyPatch, end: BaseException, why: str
    ) -> None:
        whole = Resealing.reseal

        def half(self: Resealing, kind: str) -> Iterator[bool]:
            yield next(whole(self, kind))
            raise end

        with monkeypatch.context() as patch:
            patch.setattr(Resealing, "reseal", half)
            result = shift.run("reseal")
        assert result.exit_code == 1
        assert result.stderr == f"{why}: 1 rewritten; run `hotline-bridge keys reseal` again for the rest.\n"
        assert shift.told("reseal") == ["agent sessions  1  rewritten"]

    @pytest.mark.parametrize(("times", "code"), [(1, 0), (9, 1)], ids=["once", "each time"])
    def test_tries_again_what_has_changed_meanwhile(
        self, shift: Shell, monkeypatch: pytest.MonkeyPatch, times: int, code: int
    ) -> None:
        whole, tries = Resealing.reseal, iter(range(times))

        def busy(self: Resealing, kind: str) -> Iterator[bool]:
            yield from iter([False]) if next(tries, None) is not None else whole(self, kind)

        monkeypatch.setattr(Resealing, "reseal", busy)
        result = shift.run("reseal")
        assert result.exit_code == code
        assert ("2  rewritten" in result.stdout) == (code == 0)
        assert ("1 record is in use and not rewritten yet" in result.stderr) == (code == 1)
