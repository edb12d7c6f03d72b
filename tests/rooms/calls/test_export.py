"""Exports: every call once, however often the export is interrupted, and nothing but what was asked for."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.aiccs.instance import Instance
from bridge.calls import export as exports
from bridge.calls.export import SETTLED, Export, Manner, Period
from bridge.calls.keeping import CannotExport
from bridge.core.errors import ContactCenterError
from bridge.core.model import AiccsAccess, Secret
from bridge.sandbox.call_search import Wanted
from tests.kit.invented_calls import BEGAN, InventedCalls, invented_call

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from bridge.aiccs.calls import Calls
    from bridge.calls.export import Progress
    from bridge.sandbox.calls import CallLog

INSTANCE = Instance(AiccsAccess(Secret("id"), Secret("secret"), page_size=50), "ccc_xp_demo")
PERIOD = Period(BEGAN, BEGAN + 3 * 3600)
LATER = BEGAN + 30 * 86_400
WHOLE = 3 * 120
PAGES = 9


def job(calls: Any, path: Path, period: Period = PERIOD, *, form: str = "jsonl", **options: Any) -> Export:
    manner = Manner(form, options.pop("unmasked", False), options.pop("own", frozenset()))  # type: ignore[arg-type]
    instance = options.pop("instance", INSTANCE)
    chosen = {"now": lambda: LATER, "pause": lambda _: None} | options
    return Export(calls, instance, period, manner, path, **chosen)


def run(calls: Any, path: Path, period: Period = PERIOD, **options: Any) -> Progress:
    return job(calls, path, period, **options).run(lambda _: None)


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text("utf-8").splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.jsonl"


class TestWhatIsWritten:
    def test_all_calls_of_the_period_are_there_once(self, path: Path) -> None:
        done = run(InventedCalls(), path)
        assert ids(path) == [f"row-{index}" for index in range(WHOLE)]
        assert (done.rows, done.until, done.offset) == (WHOLE, PERIOD.until, path.stat().st_size)
        assert path.stat().st_mode & 0o077 == 0

    def test_the_oldest_call_stands_first_though_the_newest_is_told_first(self, path: Path) -> None:
        calls = InventedCalls()
        forwards = calls.page
        calls.page = lambda *asked: (forwards(*asked)[0][::-1], forwards(*asked)[1])  # type: ignore[method-assign]
        run(calls, path)
        assert ids(path) == [f"row-{index}" for index in range(WHOLE)]

    def test_the_real_wire_gives_them_too(self, path: Path, calls: Calls, instance: Instance, log: CallLog) -> None:
        log.grow(300, step=30)
        rows = log.search(Wanted())
        period = Period(rows[-1].created_at, rows[0].created_at)
        run(calls, path, period, instance=instance)
        assert sorted(ids(path)) == sorted(row.id for row in rows[1:])

    def test_a_spreadsheet_reads_it_and_runs_nothing(self, path: Path) -> None:
        evil = replace(invented_call(1, BEGAN + 5), id="evil", agent_name="=HYPERLINK(1)", group_name='王, "客服"')
        calls = InventedCalls(3600)
        calls.more = {1: evil}
        run(calls, path, form="csv")
        text = path.read_bytes().decode("utf-8-sig")
        rows = {row["id"]: row for row in csv.DictReader(io.StringIO(text))}
        assert (rows["evil"]["agent_name"], rows["evil"]["group_name"]) == ("'=HYPERLINK(1)", '王, "客服"')
        assert rows["row-1"]["created_at"].endswith("+08:00")
        assert len(rows) == 4

    @pytest.mark.parametrize(
        ("options", "seen"),
        [
            ({}, ("138****0003", "057****0001")),
            ({"own": frozenset({"05710000001"})}, ("138****0003", "05710000001")),
            ({"unmasked": True}, ("13800000003", "05710000001")),
        ],
        ids=["masked", "own", "unmasked"],
    )
    def test_numbers_are_masked_by_default(self, path: Path, options: dict[str, Any], seen: tuple[str, str]) -> None:
        run(InventedCalls(), path, **options)
        call = json.loads(path.read_text().splitlines()[3])
        assert (call["caller"], call["callee"]) == seen

    def test_an_hour_that_holds_very_many_is_cut_smaller(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(exports, "_MOST_IN_SLICE", 40)
        run(InventedCalls(), path)
        assert ids(path) == [f"row-{index}" for index in range(WHOLE)]

    def test_a_slice_whose_calls_change_while_it_is_read_is_read_anew(self, path: Path) -> None:
        calls = InventedCalls()
        calls.more = {2: replace(invented_call(9, BEGAN + 7), id="late")}
        run(calls, path)
        found = ids(path)
        assert (len(found), len(set(found)), "late" in found) == (WHOLE + 1, WHOLE + 1, True)

    def test_calls_that_never_hold_still_are_refused(self, path: Path) -> None:
        calls = InventedCalls()
        calls.more = {number: replace(invented_call(9, BEGAN + 7), id=f"late-{number}") for number in range(2, 40)}
        with pytest.raises(ContactCenterError):
            run(calls, path)

    def test_an_answer_without_a_total_is_read_to_its_last_page(self, path: Path) -> None:
        class Untold(InventedCalls):
            def page(self, *asked: Any) -> tuple[list[Any], int]:
                rows, _ = super().page(*asked)
                return rows, len(rows)

        run(Untold(), path)
        assert len(set(ids(path))) == WHOLE


class TestInterruptions:
    @pytest.mark.parametrize("form", ["csv", "jsonl"])
    def test_broken_off_at_any_page_it_goes_on_without_holes_and_twins(self, tmp_path: Path, form: str) -> None:
        run(InventedCalls(), whole := tmp_path / "whole", form=form)
        for page in range(1, PAGES + 1):
            path = tmp_path / str(page)
            calls = InventedCalls()
            calls.breaks_at = page
            with pytest.raises(InterruptedError):
                run(calls, path, form=form)
            again = InventedCalls()
            run(again, path, form=form)
            assert path.read_bytes() == whole.read_bytes()
            # Three pages a slice: what was kept is not asked for again.
            assert len(again.asked) == PAGES - (page - 1) // 3 * 3

    def test_broken_off_again_and_again_it_ends_all_the_same(self, path: Path) -> None:
        for page in (5, 2, 5):
            calls = InventedCalls()
            calls.breaks_at = page
            with pytest.raises(InterruptedError):
                run(calls, path)
            with path.open("ab") as file:
                file.write(b'{"id":"half a li')
        run(InventedCalls(), path)
        assert ids(path) == [f"row-{index}" for index in range(WHOLE)]

    def test_killed_for_good_it_goes_on(self, path: Path) -> None:
        script = (
            "import sys; from pathlib import Path\n"
            "from bridge.aiccs.instance import Instance; from bridge.core.model import AiccsAccess, Secret\n"
            "from bridge.calls.export import Export, Manner, Period\n"
            "from tests.kit.invented_calls import BEGAN, InventedCalls\n"
            "calls = InventedCalls(); calls.breaks_at, calls.is_killed = 6, True\n"
            "instance = Instance(AiccsAccess(Secret('id'), Secret('secret'), page_size=50), 'ccc_xp_demo')\n"
            "Export(calls, instance, Period(BEGAN, BEGAN + 3 * 3600), Manner('jsonl'), Path(sys.argv[1]),\n"
            f"       now=lambda: {LATER}, pause=lambda _: None).run(lambda _: None)\n"
        )
        root = Path(__file__).parents[3]
        ended = subprocess.run([sys.executable, "-c", script, str(path)], cwd=root, check=False, timeout=60)
        assert ended.returncode == -9
        calls = InventedCalls()
        run(calls, path)
        assert ids(path) == [f"row-{index}" for index in range(WHOLE)]
        assert len(calls.asked) == PAGES - 3

    def test_a_whole_export_asks_nobody_again(self, path: Path) -> None:
        run(InventedCalls(), path)
        calls = InventedCalls()
        assert (run(calls, path).rows, calls.asked) == (WHOLE, [])

    def test_a_removed_file_is_written_anew(self, path: Path) -> None:
        run(InventedCalls(), path)
        path.unlink()
        run(InventedCalls(), path)
        assert len(ids(path)) == WHOLE

    def test_what_is_young_is_read_again_and_what_is_to_come_later(self, path: Path) -> None:
        now = BEGAN + SETTLED + 4000
        calls = InventedCalls(300)
        period = Period(BEGAN, BEGAN + 10 * 3600)
        first = run(calls, path, period, now=lambda: now)
        assert first.until == now
        # It came up an hour ago, and its row only now.
        calls.more = {len(calls.asked) + 1: replace(invented_call(9, now - 3600), id="long")}
        again = run(calls, path, period, now=lambda: now + 60)
        found = ids(path)
        assert ("long" in found, len(found), len(set(found))) == (True, again.rows, again.rows)
        assert again.rows - first.rows in {1, 2}


class TestRefusals:
    def test_another_period_form_or_instance_does_not_go_on_with_the_file(self, path: Path) -> None:
        run(InventedCalls(), path)
        before = path.read_bytes()
        for options in (
            {"period": Period(BEGAN, BEGAN + 60)},
            {"form": "csv"},
            {"unmasked": True},
            {"instance": Instance(INSTANCE.access, "ccc_xp_other")},
        ):
            with pytest.raises(CannotExport, match="another"):
                run(InventedCalls(), path, **options)
        assert path.read_bytes() == before

    @pytest.mark.parametrize(
        ("state", "content"),
        [
            (None, b"a letter"),
            (b"{}", b"a letter"),
            (b"[]", b""),
            (b'{"half', b""),
        ],
        ids=["foreign-file", "foreign-state", "list", "half"],
    )
    def test_a_file_that_is_no_export_is_left_alone(self, path: Path, state: bytes | None, content: bytes) -> None:
        path.write_bytes(content)
        if state is not None:
            path.with_name(f"{path.name}.state").write_bytes(state)
        with pytest.raises(CannotExport):
            run(InventedCalls(), path)
        assert path.read_bytes() == content

    @pytest.mark.parametrize("progress", [None, [], {"offset": 1}, {"until": 1, "evil": 2}])
    def test_a_state_without_progress_is_refused(self, path: Path, progress: object) -> None:
        run(InventedCalls(), path)
        state = path.with_name(f"{path.name}.state")
        state.write_text(json.dumps(json.loads(state.read_text()) | {"progress": progress}))
        with pytest.raises(CannotExport, match="not the state"):
            run(InventedCalls(), path)

    def test_a_file_that_was_cut_is_not_gone_on_with(self, path: Path) -> None:
        run(InventedCalls(), path)
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(CannotExport, match="shorter"):
            run(InventedCalls(), path)

    def test_two_exports_do_not_write_one_file(self, path: Path) -> None:
        with path.open("wb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            with pytest.raises(CannotExport, match="right now"):
                run(InventedCalls(), path)


class TestNoted:
    class Notes:
        name = "folder"

        def __init__(self) -> None:
            self.seen: list[str] = []
            self.settled = 0

        def note(self, calls: Sequence[Any]) -> None:
            self.seen += [call.id for call in calls]

        def settle(self) -> None:
            self.settled = len(self.seen)

    def test_each_call_is_noted_and_settled(self, path: Path) -> None:
        notes = self.Notes()
        run(InventedCalls(), path, noted=notes)
        assert (len(set(notes.seen)), notes.settled) == (WHOLE, WHOLE)

    def test_who_wants_to_know_only_now_is_told_of_all(self, path: Path) -> None:
        run(InventedCalls(), path)
        notes = self.Notes()
        run(InventedCalls(), path, noted=notes)
        assert (len(notes.seen), len(ids(path))) == (WHOLE, WHOLE)


def test_one_file_is_masked_in_one_way_though_the_own_numbers_are_not_told_any_more(path: Path) -> None:
    calls = InventedCalls()
    calls.breaks_at = 4
    with pytest.raises(InterruptedError):
        run(calls, path, own=frozenset({"05710000001"}))
    calls.breaks_at = 0
    run(calls, path, own=frozenset())
    assert {json.loads(line)["callee"] for line in path.read_text("utf-8").splitlines()} == {"05710000001"}


def test_ten_times_the_calls_take_no_more_memory(tmp_path: Path) -> None:
    def peak(hours: int) -> int:
        tracemalloc.start()
        run(InventedCalls(120), tmp_path / str(hours), Period(BEGAN, BEGAN + hours * 3600))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(1)
    assert peak(30) < 1.5 * peak(3)
