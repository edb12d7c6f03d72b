"""The commands for agents: what each prints and changes, and an import that goes on wherever it was interrupted."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from click.testing import CliRunner

from bridge import cli, rooms, telling
from bridge.aiccs.agents import Agents
from bridge.core.contact_center_errors import ContactCenterThrottled
from bridge.provisioning.progress import Progress
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from bridge.sandbox.contact_center import ContactCenter
    from tests.kit.house import House

LIN, KIM = "lin@contoso.example", "kim@contoso.example"  # kim is frozen
HEAD = "account_name,display_name,skill_groups\n"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A bridge whose commands reach the same sandbox."""
    built = build_house(demo_settings(tmp_path, connections=("contoso",)))
    monkeypatch.setattr(rooms, "make_outbound", lambda _: built.services.outbound)
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield built
    # The commands send log lines to a standard error that ends with them.
    logging.getLogger().handlers[:], logging.getLogger().level = handlers, level
    logging.captureWarnings(False)  # noqa: FBT003 — Python's own spelling
    structlog.reset_defaults()
    built.services.database.close()


@pytest.fixture
def center(house: House) -> ContactCenter:
    return house.world.contact_centers["ccc_xp_demo"]


def run(house: House, command: str, *arguments: str, **asked: Any) -> Result:
    folder = str(house.settings.store.database).removeprefix("sqlite:///").rpartition("/")[0]
    line = ["agents", command, "--config", f"{folder}/bridge.toml", "--connection", "CONTOSO", *arguments]
    return CliRunner().invoke(cli.main, line, **asked)


def acts(house: House) -> list[tuple[str, str]]:
    return [(one.event, one.actor) for one in house.journal() if one.event.startswith("agent")]


def written(folder: Path, lines: str) -> Path:
    path = folder / "agents.csv"
    path.write_text(HEAD + lines, "utf-8")
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


class TestOneAgent:
    def test_is_listed_and_shown_with_what_it_does(self, house: House, center: ContactCenter) -> None:
        center.states[LIN] = ("AgentBreak", 2)
        center.change(LIN, display_name="\x1b[31m小林")
        lines = run(house, "list").output.splitlines()
        assert lines[0].split() == ["ACCOUNT", "NAME", "STATUS", "SKILL", "GROUPS"]
        assert any(line.split()[0::2] == [KIM, "frozen"] for line in lines)
        assert "\x1b" not in "".join(lines)
        sales = [one["account_name"] for one in json.loads(run(house, "list", "--group", "Sales", "--json").output)]
        assert sales == ["emma.reed@contoso.example", "james.ford@contoso.example", "maria.lopez@contoso.example",
                         "olivia.hart@contoso.example"]  # fmt: skip
        assert "on a break (meal)" in run(house, "show", LIN).output
        document = json.loads(run(house, "show", LIN, "--json").output)
        assert document["live_state"] == {"code": "AgentBreak", "rest_type": 2, "is_assigned": False}
        assert "heartbeat" not in json.dumps(document)

    def test_is_made_changed_and_deleted_and_the_journal_knows(
        self, house: House, center: ContactCenter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        known = house.services.known_agents
        made = run(house, "create", "new", "--name", "New", "--group", "Sales", "--group", "客服热线")
        assert made.output == f"Agent new is made, number {center.agents['new'].agent_id}.\n"
        assert known.state("contoso", "new") == "known"
        assert run(house, "update", "new", "--name", "Newer").output == "Agent new is changed.\n"
        assert (center.agents["new"].display_name, len(center.agents["new"].groups)) == ("Newer", 2)
        run(house, "update", "new", "--no-groups")
        assert (center.agents["new"].display_name, center.agents["new"].groups) == ("Newer", ())
        monkeypatch.setattr(telling, "is_terminal", lambda: True)
        assert run(house, "delete", "new", input="n\n").exit_code == 1
        assert "Delete agent new (Newer) of contoso?" in run(house, "delete", "new", input="y\n").output
        assert ("new" in center.agents, known.state("contoso", "new")) == (False, "barred")
        events = ["agent_deleted", "agent_updated", "agent_updated", "agent_created"]
        assert acts(house) == [(event, "operator at the command line") for event in events]

    @pytest.mark.parametrize(
        ("arguments", "code", "said"),
        [
            (["show", "nobody"], 1, "`agents list` tells the names of all agents"),
            (["create", LIN, "--name", "Lin"], 1, "agent_exists"),
            (["create", "new", "--name", "New", "--group", "Nowhere"], 1, "there is no skill group Nowhere"),
            (["create", " new", "--name", "New"], 1, "white space around it"),
            (["update", KIM, "--name", "Kim"], 1, "is frozen; --also-frozen changes it"),
            (["update", LIN], 2, "Say what to change"),
            (["update", LIN, "--name", " "], 2, "--name is empty"),
            (["create", "new", "--name", ""], 2, "--name is empty"),
            (["create", "new", "--name", "New", "--group", "Nowhere"], 1, "`groups list` tells which"),
            (["create", LIN, "--name", "Lin"], 1, "\n`agents update` changes an agent who is there"),
            (["update", LIN, "--group", "Sales", "--no-groups"], 2, "Say what to change"),
            (["delete", "nobody"], 1, "agent_unknown"),
        ],
        ids=[
            "show",
            "exists",
            "group",
            "padded",
            "frozen",
            "nothing",
            "unnamed",
            "nameless",
            "pointed",
            "advised",
            "both",
            "delete",
        ],
    )
    def test_what_cannot_be_is_told(self, house: House, arguments: list[str], code: int, said: str) -> None:
        result = run(house, *arguments)
        assert (result.exit_code, said in result.output) == (code, True), result.output

    def test_are_exported_as_the_import_takes_them(self, house: House, tmp_path: Path) -> None:
        path = tmp_path / "agents.csv"
        assert run(house, "export", str(path)).output == f"15 agents are in {path}.\n"
        assert run(house, "export").stdout_bytes == path.read_bytes()
        result = run(house, "import", str(path), "--delete-missing")
        assert (result.exit_code, result.stdout) == (0, "as it is: 15\nDone: 0.\n")
        assert result.stderr == "Looking up the agents of 15 lines …\n"


class TestTheImport:
    LINES = f"new,New,Sales\n{LIN},Lin,客服热线\n{KIM},Kim,\nbad,Bad,Nowhere\n"

    def test_says_what_it_would_do_and_does_it(self, house: House, center: ContactCenter, tmp_path: Path) -> None:
        path, report = written(tmp_path, self.LINES), tmp_path / "report.csv"
        dry = run(house, "import", str(path), "--dry-run", "--report", str(report))
        assert (dry.exit_code, "new" in center.agents, sorted(tmp_path.glob("*.progress"))) == (1, False, [])
        assert [line.split(None, 2)[2].split("  ")[0] for line in dry.stdout.splitlines()[:4]] == [
            "create",
            "change",
            "frozen, left alone",
            "faulty",
        ]
        assert "小林 (客服热线) -> Lin (客服热线)" in dry.output
        assert "there is no skill group Nowhere" in dry.output
        assert "`groups list` tells which skill groups there are" in dry.stderr
        assert dry.stdout.splitlines()[4:] == ["create: 1, change: 1, frozen, left alone: 1, faulty: 1"]
        assert [row["result"] for row in rows_of(report)] == ["skipped"] * 4
        done = run(house, "import", str(path), "--report", str(report))
        assert (done.exit_code, done.output.splitlines()[-1]) == (1, "Done: 2.")
        assert [(row["line"], row["act"], row["result"]) for row in rows_of(report)] == [
            ("2", "create", "done"),
            ("3", "update", "done"),
            ("4", "frozen", "skipped"),
            ("5", "faulty", "skipped"),
        ]
        assert (center.agents["new"].display_name, center.agents[LIN].display_name) == ("New", "Lin")
        assert [event for event, _ in acts(house)[:2]] == ["agents_imported", "agents_import_begun"]
        assert sorted(tmp_path.glob("*.progress")) == []

    def test_a_no_at_the_terminal_changes_nothing(
        self, house: House, center: ContactCenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(telling, "is_terminal", lambda: True)
        result = run(house, "import", str(written(tmp_path, "new,New,\n")), input="n\n")
        assert (result.exit_code, "Change 1 agents of contoso?" in result.output) == (1, True)
        assert "new" not in center.agents

    def test_deletes_nobody_for_not_being_in_it_without_a_yes_of_its_own(
        self, house: House, center: ContactCenter, tmp_path: Path
    ) -> None:
        path = written(tmp_path, "".join(f"{name},,客服热线\n" for name in center.agents if name != LIN))
        refused = run(house, "import", str(path), "--delete-missing")
        assert (refused.exit_code, "deleting 1 of them? Nobody is here to answer: say --yes." in refused.stderr) == (
            1,
            True,
        )
        assert LIN in center.agents
        assert run(house, "import", str(path), "--delete-missing", "--yes").exit_code == 0
        assert LIN not in center.agents

    def test_of_a_list_of_few_is_refused_unless_so_many_are_meant(
        self, house: House, center: ContactCenter, tmp_path: Path
    ) -> None:
        path, empty = written(tmp_path, f"{LIN},,\n"), tmp_path / "empty.csv"
        refused = run(house, "import", str(path), "--delete-missing", "--yes")
        assert (refused.exit_code, "or delete_many, received 13 of 15 agents missing" in refused.stderr) == (1, True)
        empty.write_text(HEAD, "utf-8")
        refused = run(house, "import", str(empty), "--delete-missing", "--delete-many", "--yes")
        assert (refused.exit_code, "received no line" in refused.stderr) == (1, True)
        assert run(house, "import", str(path), "--delete-many").exit_code == 2
        assert run(house, "import", str(path), "--delete-missing", "--delete-many", "--yes").exit_code == 0
        assert sorted(center.agents) == [KIM, LIN]

    def test_goes_on_wherever_it_was_killed_without_doubles_or_holes(
        self, house: House, center: ContactCenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        append = Progress.append
        # The head is line 1, each of three agents has a line before it is sent and one after.
        points = [(line, False) for line in range(2, 8)] + [(4, True)]
        for line, is_written in points:
            names = [f"new-{line}-{is_written}-{number}" for number in range(3)]
            path, report = written(tmp_path, "".join(f"{name},New,Sales\n" for name in names)), tmp_path / "report.csv"
            count = house.world.count("/CreateAgent")
            monkeypatch.setattr(Progress, "append", killing(append, line, is_written=is_written))
            killed = run(house, "import", str(path))
            assert (killed.exit_code, "the same command goes on where it was" in killed.stderr) == (1, True)
            monkeypatch.setattr(Progress, "append", append)
            result = run(house, "import", str(path), "--report", str(report))
            assert result.exit_code == 0, result.output
            assert house.world.count("/CreateAgent") - count == 3, (line, is_written)
            assert set(names) <= set(center.agents)
            assert [row["result"] for row in rows_of(report)] == ["done"] * 3
        assert list(tmp_path.glob("*.progress")) == []

    def test_a_torn_line_of_its_notes_and_another_file_are_no_obstacle(
        self, house: House, center: ContactCenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, notes = written(tmp_path, "a,A,\nb,B,\n"), tmp_path / "agents.csv.progress"
        append = Progress.append
        monkeypatch.setattr(Progress, "append", killing(append, 4, is_written=True))
        run(house, "import", str(path))
        monkeypatch.setattr(Progress, "append", append)
        notes.write_bytes(notes.read_bytes() + b'{"over": "to')
        assert "a@" not in notes.read_text()
        assert "Going on: 1 were done before." in run(house, "import", str(path)).output
        notes.write_bytes(
            b'{"digest": "of another file", "run": "1"}\n{"over": "x", "result": "done", "act": "create"}\n'
        )
        center.dismiss("b")
        result = run(house, "import", str(path), "--also-deleted")
        assert (result.exit_code, "b" in center.agents, notes.exists()) == (0, True, False)

    def test_two_at_once_are_one_too_many(self, house: House, tmp_path: Path) -> None:
        path, notes = written(tmp_path, "a,A,\n"), tmp_path / "notes"
        with notes.open("a+b") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            result = run(house, "import", str(path), "--progress", str(notes))
        assert (result.exit_code, "another command is at this import" in result.output) == (1, True)
        result = run(house, "import", str(path), "--progress", str(tmp_path / "missing" / "notes"))
        assert (result.exit_code, "--progress names another place" in result.output) == (1, True)

    def test_what_came_to_no_end_is_told_and_can_be_gone_on_with(
        self, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:

        def throttled(*_: Any, **__: Any) -> None:
            raise ContactCenterThrottled(received="Throttling.User")

        create = Agents.create
        monkeypatch.setattr(Agents, "create", throttled)
        path = written(tmp_path, "a,A,\nb,B,\n")
        result = run(house, "import", str(path))
        assert result.exit_code == 1
        assert "a: waiting: contact_center_throttled (Throttling.User)" in result.output
        assert "the same command goes on where it was" in result.output
        monkeypatch.setattr(Agents, "create", create)
        assert run(house, "import", str(path)).output.splitlines()[-1] == "Done: 2."


def killing(append: Any, line: int, *, is_written: bool) -> Any:
    """Return what notes lines until the process is killed at one of them, before or after it is written."""
    written_lines: list[dict[str, Any]] = []

    def noting(self: Progress, note: dict[str, Any]) -> None:
        written_lines.append(note)
        if len(written_lines) < line or is_written:
            append(self, note)
        if len(written_lines) == line:
            raise KeyboardInterrupt

    return noting
