"""The commands for calls, over a real line to the sandbox: lists, one call, and exports with their recordings."""

from __future__ import annotations

import json
import logging
import signal
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Self

import pytest
import structlog
from click.testing import CliRunner

from bridge import cli, cli_calls_export, telling
from bridge.calls.export import Export
from bridge.core.errors import ContactCenterUnreachable
from bridge.ops.trail import Search
from bridge.rooms import build_services, make_outbound
from bridge.sandbox.app import create_sandbox
from bridge.sandbox.call_stories import DIALLED, GAVE_UP_IN_QUEUE
from bridge.sandbox.world import demo_config
from bridge.settings import load
from tests.kit.listening import listening
from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from bridge.sandbox.calls import CallLog
    from bridge.sandbox.faults import Faults

    Sandbox = tuple[int, CallLog, Faults]

CHINA = timezone(timedelta(hours=8))
CUSTOMER = "13900000001"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox's port, the calls of its first company, and what can be made to go wrong."""
    port = free_port()
    application = create_sandbox(f"http://127.0.0.1:{port}")
    with listening(application, port):
        world = application.extensions["world"]
        yield port, world.calls["ccc_xp_demo"], world.faults


@pytest.fixture
def log(sandbox: Sandbox) -> CallLog:
    sandbox[1].clear()
    sandbox[1].recording_delay = 30.0
    return sandbox[1]


@pytest.fixture
def config(tmp_path: Path, sandbox: Sandbox) -> Iterator[Path]:
    path = tmp_path / "bridge.toml"
    url = f"http://127.0.0.1:{sandbox[0]}"
    path.write_text(demo_config(url, "http://127.0.0.1:5000", str(tmp_path), connections=("contoso",)), "utf-8")
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield path
    # The commands send log lines to a standard error that ends with them.
    logging.getLogger().handlers[:], logging.getLogger().level = handlers, level
    logging.captureWarnings(False)  # noqa: FBT003 — Python's own spelling
    structlog.reset_defaults()


def run(config: Path, *arguments: str, **asked: Any) -> Result:
    return CliRunner().invoke(cli.main, ["calls", *arguments], env={cli.CONFIG_VARIABLE: str(config)}, **asked)


def kept(config: Path, event: str) -> list[tuple[str, str, dict[str, Any]]]:
    settings = load(config, {})
    services = build_services(settings, make_outbound(settings), lambda: 0.0)
    found = [one for one in services.trail.search(Search()) if one.event == event]
    services.database.close()
    return [(one.actor, one.connection, dict(one.details)) for one in found]


def acts(config: Path) -> list[tuple[str, str]]:
    return [(actor, connection) for actor, connection, _ in kept(config, "numbers_unmasked")]


def day(at: float) -> str:
    return datetime.fromtimestamp(at, CHINA).date().isoformat()


def test_calls_are_listed_newest_first_without_their_numbers(config: Path, log: CallLog) -> None:
    older, newer = log.add(ended=7200), log.add(ended=600, course=DIALLED)
    result = run(config, "list")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert [line.split()[-1] for line in lines] == ["CALL", newer.acid, older.acid]
    assert (CUSTOMER in result.stdout, "139****0001" in lines[2], "inbound" in lines[2]) == (False, True, True)
    assert older.called_number in lines[2]  # the company's own
    assert acts(config) == []


def test_whole_numbers_are_shown_and_the_journal_keeps_it(config: Path, log: CallLog) -> None:
    log.add(ended=600)
    assert CUSTOMER in run(config, "list", "--unmasked", "--connection", "contoso").stdout
    assert acts(config) == [("operator at the command line", "contoso")]


def test_json_tells_all_of_each_call(config: Path, log: CallLog) -> None:
    call = log.add(ended=600)
    told = json.loads(run(config, "list", "--json").stdout)
    assert [(one["id"], one["created_at"][-6:], one["agent_id"]) for one in told] == [
        (call.id, "+08:00", call.servicer_id)
    ]


@pytest.mark.parametrize(
    "asked",
    [
        ("--number", "13911111111"),
        ("--direction", "outbound"),
        ("--agent", "AGENT"),
        ("--group", "GROUP"),
        ("--result", "normal", "--number", "13911111111"),
    ],
    ids=["number", "direction", "agent", "group", "result"],
)
def test_what_is_asked_for_is_listed_alone(config: Path, log: CallLog, asked: tuple[str, ...]) -> None:
    accounts = list(log.center.agents)
    old = log.add(ended=30 * 86_400)
    group: dict[str, Any] = {"group_name": old.group_name, "group_id": old.group_id}
    wanted = log.add(accounts[1], ended=900, course=DIALLED, customer="13911111111", **group)
    other = log.add(accounts[0], ended=600, course=GAVE_UP_IN_QUEUE, group_name="another", group_id=1)
    words = [{"AGENT": accounts[1], "GROUP": wanted.group_name.upper()}.get(word, word) for word in asked]
    told = run(config, "list", *words)
    assert (told.exit_code, wanted.acid in told.stdout, other.acid in told.stdout) == (0, True, False), told.output


def test_a_long_list_says_that_there_are_more(config: Path, log: CallLog) -> None:
    for number in range(3):
        log.add(ended=600 + number)
    result = run(config, "list", "--limit", "2")
    assert (len(result.stdout.splitlines()), "more than these 2" in result.stderr) == (3, True)


def test_one_call_is_told_with_its_stages_and_recordings(config: Path, log: CallLog) -> None:
    call = log.add(ended=300)
    told = run(config, "show", call.acid).stdout
    assert [word for word in ("came up", "in the queue", "rings", "answered", "over") if word not in told] == []
    assert (f"recordings: {call.connection_id} from " in told, CUSTOMER in told) == (True, False)
    log.recording_delay = 86_400
    assert "recordings: not ready yet" in run(config, "show", call.acid).stdout


class TestExport:
    def export(self, config: Path, call: Any, *more: str) -> Result:
        return run(config, "export", "--from", day(call.created_at), "--to", day(call.created_at), *more)

    def test_a_day_is_written_with_its_recordings(self, config: Path, log: CallLog, tmp_path: Path) -> None:
        call = log.add(ended=3 * 86_400)
        out, folder = tmp_path / "calls.csv", tmp_path / "out"
        result = self.export(config, call, "--out", str(out), "--recordings", str(folder))
        assert (result.exit_code, result.stderr) == (0, "")
        assert f"1 calls from {day(call.created_at)} 00:00:00 +0800 to " in result.stdout
        assert f"Recordings of 1 calls are in {folder}; 0 answered calls have none." in result.stdout
        assert (call.id in out.read_text("utf-8"), CUSTOMER in out.read_text("utf-8")) == (True, False)
        assert len(list(folder.rglob("*.wav"))) == 1
        assert self.export(config, call, "--out", str(out), "--recordings", str(folder)).stdout == result.stdout

    def test_what_is_missing_is_told_with_exit_code_1(self, config: Path, log: CallLog, tmp_path: Path) -> None:
        call = log.add(ended=5)
        asked = ("--out", str(tmp_path / "calls"), "--format", "jsonl", "--recordings", str(tmp_path / "out"))
        result = self.export(config, call, *asked)
        assert (result.exit_code, "Missing: recordings of 1 calls that are not ready yet" in result.stderr) == (1, True)

    def test_what_is_yet_to_come_is_told_and_is_not_missing(self, config: Path, log: CallLog, tmp_path: Path) -> None:
        call = log.add(ended=5)
        result = self.export(config, call, "--to", day(call.created_at + 86_400), "--out", str(tmp_path / "calls"))
        assert (result.exit_code, "is yet to come: the same command adds it then" in result.stderr) == (0, True)

    def test_it_is_journaled_also_with_masked_numbers(self, config: Path, log: CallLog, tmp_path: Path) -> None:
        call = log.add(ended=3 * 86_400)
        asked = ("--out", str(tmp_path / "calls"), "--recordings", str(tmp_path / "out"))
        self.export(config, call, *asked)
        ((actor, connection, details),) = kept(config, "calls_exported")
        assert (actor, connection) == ("operator at the command line", "contoso")
        assert (details["rows"], details["recordings"], details["unmasked"]) == (1, 1, False)
        assert details["until"] - details["since"] == 86_400

    def test_a_contact_center_that_falls_silent_is_told_with_how_to_go_on(
        self, config: Path, log: CallLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def silent(*_: object) -> None:
            raise ContactCenterUnreachable(received="none in time")

        call = log.add(ended=3 * 86_400)
        monkeypatch.setattr(Export, "run", silent)
        told = self.export(config, call, "--out", str(tmp_path / "calls"))
        assert (told.exit_code, kept(config, "calls_exported")) == (1, [])
        assert told.stderr.splitlines()[1:] == [
            "Try again in a moment; if it stays so, look at the endpoint of this connection.",
            "The same command goes on where it was.",
        ]

    def test_killed_it_says_that_it_goes_on(
        self, config: Path, log: CallLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        call = log.add(ended=3 * 86_400)
        monkeypatch.setattr(Export, "run", lambda *_: signal.raise_signal(signal.SIGTERM))
        killed = self.export(config, call, "--out", str(tmp_path / "calls"))
        assert (killed.exit_code, "the same command goes on where it was" in killed.stderr) == (1, True)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    def test_whole_numbers_are_asked_about_and_journaled(
        self, config: Path, log: CallLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        call = log.add(ended=3 * 86_400)
        out = tmp_path / "calls"
        monkeypatch.setattr(telling, "is_terminal", lambda: True)
        asked = ("--out", str(out), "--unmasked")
        assert self.export(config, call, *asked, "--format", "csv").exit_code == 1
        assert (out.exists(), acts(config)) == (False, [])
        assert self.export(config, call, *asked, "--yes").exit_code == 0
        assert CUSTOMER in out.read_text("utf-8")
        assert acts(config) == [("operator at the command line", "contoso")]

    def test_a_bar_moves_on_a_terminal(
        self, config: Path, log: CallLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shown: list[float] = []

        class Bar:
            pos, length = 0, 1

            def __enter__(self) -> Self:
                return self

            def __exit__(self, *_: object) -> None:
                return

            def update(self, steps: int) -> None:
                self.pos += steps
                shown.append(self.pos)

        monkeypatch.setattr(cli_calls_export, "_is_watched", lambda: True)
        monkeypatch.setattr("click.progressbar", lambda **_: Bar())
        call = log.add(ended=3 * 86_400)
        asked = ("--out", str(tmp_path / "calls"), "--recordings", str(tmp_path / "out"))
        assert self.export(config, call, *asked).exit_code == 0
        assert (86_400 in shown, shown[-1]) == (True, 1)


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        (("show", "404"), 1, "call_unknown"),
        (("list", "--from", "yesterday"), 2, "must be a date"),
        (("list", "--from", "2026-W47"), 2, "must be a date"),
        (("list", "--from", "20260102", "--to", "20260101"), 2, "--from must lie before --to"),
        (("list", "--group", "nobody"), 1, "No skill group"),
        (("list", "--agent", "nobody"), 1, "agent_unknown"),
        (("list", "--connection", "nobody"), 1, "connection_unknown"),
        (("export", "--from", "2026-01-02", "--to", "2026-01-01"), 2, "before"),
        (("export", "--from", "2099-01-02", "--to", "2099-01-03"), 2, "before now"),
        (("export", "--from", "2026-01-01", "--to", "2026-01-01T01:00", "--out", "FOREIGN"), 1, "no export"),
        (("export", "--from", "2026-01-01", "--to", "2026-01-01T01:00", "--out", "/nowhere/x"), 1, "/nowhere/x"),
    ],
    ids=[
        "call",
        "moment",
        "week",
        "list-backwards",
        "group",
        "agent",
        "connection",
        "backwards",
        "ahead",
        "foreign",
        "no-folder",
    ],
)
def test_what_cannot_be_done_is_said(config: Path, log: CallLog, asked: tuple[str, ...], code: int, said: str) -> None:
    words = [str(config) if word == "FOREIGN" else word for word in asked]
    result = run(config, *words)
    assert (result.exit_code, said in result.stderr, "Traceback" in result.output) == (code, True, False), result.output


def test_without_a_contact_center_a_connection_must_be_named(config: Path) -> None:
    lines = config.read_text("utf-8").split("[connections.aiccs]")
    rest = lines[1].split("\n\n", 1)[1:]
    config.write_text("\n".join([lines[0], *rest]), "utf-8")
    result = run(config, "list")
    assert (result.exit_code, "none has a contact center" in result.stderr) == (1, True)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y%m%d", "%G-W%V-%u", "%GW%V%u"], ids=["plain", "compact", "week", "w"])
def test_every_iso_date_is_a_whole_day(config: Path, log: CallLog, tmp_path: Path, form: str) -> None:
    call = log.add(ended=3 * 86_400)
    date = datetime.fromtimestamp(call.created_at, CHINA).strftime(form)
    told = run(config, "export", "--from", date, "--to", date, "--out", str(tmp_path / "calls"))
    assert told.stdout.startswith(f"1 calls from {day(call.created_at)} 00:00:00 +0800 to ")


def test_a_moment_of_throttling_ends_nothing(config: Path, log: CallLog, sandbox: Sandbox) -> None:
    call = log.add(ended=600)
    sandbox[2].set("aiccs", "throttled_user", milliseconds=1, times=6)
    assert call.acid in run(config, "list").stdout
    sandbox[2].clear()
