"""Recordings in a folder: whole or not there, told in the manifest, and fetched again only where they are missing."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from bridge.aiccs.instance import Instance
from bridge.calls.gathering import MANIFEST, Gathering, _plain
from bridge.calls.keeping import CannotExport
from bridge.calls.ledger import NAME, opened_ledger
from bridge.core.contact_center_errors import RecordingUnreachable
from bridge.core.errors import ContactCenterUnreachable
from bridge.sandbox.call_stories import GAVE_UP_IN_QUEUE
from bridge.sandbox.recordings import wav_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.aiccs.calls import Calls
    from bridge.calls.recordings import Recordings
    from bridge.sandbox.calls import CallLog
    from tests.kit.house import House


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "recordings"


@pytest.fixture
def gather(
    house: House, calls: Calls, recordings: Recordings, instance: Instance, folder: Path
) -> Callable[..., dict[str, int]]:
    """Gather the recordings of calls by their ids; pauses are kept in `paused`."""

    def act(*call_ids: str, paused: list[float] | None = None) -> dict[str, int]:
        pauses = [] if paused is None else paused
        with opened_ledger(folder, instance) as ledger:
            for call_id in call_ids:
                ledger.note(calls.find(instance, call_id))
            ledger.settle()
            job = Gathering(recordings, instance, folder, ledger, now=house.clock, pause=pauses.append)
            return job.run(lambda *_: None)

    return act


def manifest(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / MANIFEST).read_text().splitlines()]


def fetched(house: House) -> int:
    return sum("/recordings/" in path for _, path in house.calls)


def test_what_is_there_is_saved_and_what_is_not_is_told(gather: Any, folder: Path, log: CallLog) -> None:
    ready, fresh, missed = log.add(ended=7200), log.add(ended=5), log.add(course=GAVE_UP_IN_QUEUE)
    assert gather(ready.acid, fresh.acid, missed.acid) == {"saved": 1, "not_ready": 1}
    told = {one["call_id"]: one for one in manifest(folder)}
    saved = told[ready.acid]
    content = (folder / saved["file"]).read_bytes()
    assert content == wav_of(ready)
    assert (saved["bytes"], saved["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert saved["file"].split("/")[1] == f"{ready.acid}-{ready.connection_id}.wav"
    assert (told[fresh.acid]["state"], missed.acid in told) == ("not_ready", False)
    assert "Signature" not in (folder / MANIFEST).read_text()


def test_both_recordings_of_a_transferred_call_are_saved(gather: Any, folder: Path, log: CallLog) -> None:
    legs = log.transfer(log.add(ended=7200), list(log.center.agents)[1])
    assert gather(legs[0].acid) == {"saved": 1}
    assert {one["connection_id"] for one in manifest(folder)} == {leg.connection_id for leg in legs}


def test_another_run_fetches_only_what_is_missing(gather: Any, folder: Path, log: CallLog, house: House) -> None:
    whole, lost, spoilt, fresh = log.add(ended=7200), log.add(ended=7300), log.add(ended=7400), log.add(ended=5)
    gather(whole.acid, lost.acid, spoilt.acid, fresh.acid)
    files = {one["call_id"]: folder / one["file"] for one in manifest(folder) if "file" in one}
    files[lost.acid].unlink()
    files[spoilt.acid].write_bytes(b"spoilt".ljust(files[spoilt.acid].stat().st_size))
    house.clock.advance(60)
    house.calls.clear()
    assert gather() == {"saved": 4}
    assert fetched(house) == 3
    assert files[spoilt.acid].read_bytes() == wav_of(spoilt)
    house.calls.clear()
    assert (gather(whole.acid), fetched(house)) == ({"saved": 4}, 0)


def test_a_call_without_one_is_asked_for_again_for_a_day(gather: Any, log: CallLog, house: House) -> None:
    log.recording_delay = 7200
    call = log.add(ended=3600)
    assert gather(call.acid) == {"none": 1}
    house.clock.advance(3700)
    assert gather() == {"saved": 1}


def test_a_store_that_breaks_off_is_asked_again(gather: Any, log: CallLog, house: House) -> None:
    call = log.add(ended=7200)
    house.world.faults.set("recordings", "http_500", times=2)
    paused: list[float] = []
    assert gather(call.acid, paused=paused) == {"saved": 1}
    assert paused == [1.0, 4.0]


@pytest.mark.parametrize("fault", ["html", "expired_link"])
def test_what_cannot_be_used_is_told_and_leaves_nothing(
    gather: Any, folder: Path, log: CallLog, house: House, *, fault: str
) -> None:
    call = log.add(ended=7200)
    house.world.faults.set("recordings", fault)
    assert gather(call.acid) == {"failed": 1}
    assert manifest(folder) == [{"call_id": call.acid, "state": "failed", "code": "recording_invalid"}]
    assert [path for path in folder.rglob("*") if path.suffix in {".wav", ".part"}] == []
    house.world.faults.clear()
    assert gather() == {"saved": 1}


def test_a_store_that_is_down_ends_the_run_and_the_manifest_stays(
    gather: Any, folder: Path, log: CallLog, house: House
) -> None:
    rows = [log.add(ended=7200 + 60 * number) for number in range(8)]
    gather(rows[0].acid)
    house.world.faults.set("recordings", "http_500")
    with pytest.raises(RecordingUnreachable):
        gather(*(row.acid for row in rows))
    states = [one["state"] for one in manifest(folder)]
    assert (states.count("saved"), states.count("failed"), states.count("wanted")) == (1, 5, 2)


def test_a_contact_center_that_is_down_ends_the_run(gather: Any, folder: Path, log: CallLog, house: House) -> None:
    call = log.add(ended=7200)
    log.recording_delay = 86_400
    gather(call.acid)
    log.recording_delay = 0
    house.world.faults.set("aiccs", "http_500")
    with pytest.raises(ContactCenterUnreachable):
        gather()
    house.world.faults.clear()
    assert gather() == {"saved": 1}


def test_a_full_disk_leaves_no_half_file(
    gather: Any, folder: Path, log: CallLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = log.add(ended=7200)

    def full(_file: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("bridge.calls.keeping.on_disk", full)
        with pytest.raises(OSError, match="No space left"):
            gather(call.acid)
    assert [path for path in folder.rglob("*") if path.suffix in {".wav", ".part"}] == []
    assert gather() == {"saved": 1}


def test_an_id_of_the_contact_center_names_no_other_folder() -> None:
    assert "/" not in _plain("../../etc/passwd")
    assert _plain("10000000001") == "10000000001"


class TestFolders:
    def test_two_exports_do_not_share_a_folder_at_once(self, folder: Path, instance: Instance) -> None:
        with (
            opened_ledger(folder, instance),
            pytest.raises(CannotExport, match="right now"),
            opened_ledger(folder, instance),
        ):
            pass

    def test_a_folder_is_one_contact_centers(self, folder: Path, instance: Instance) -> None:
        with opened_ledger(folder, instance):
            pass
        with (
            pytest.raises(CannotExport, match="another contact center"),
            opened_ledger(folder, Instance(instance.access, "ccc_xp_other")),
        ):
            pass

    def test_a_damaged_state_is_told(self, folder: Path, instance: Instance) -> None:
        folder.mkdir()
        (folder / NAME).write_bytes(b"no database at all" * 100)
        with pytest.raises(CannotExport, match="damaged"), opened_ledger(folder, instance):
            pass

    def test_trouble_of_the_disk_is_the_disks(self, folder: Path, instance: Instance) -> None:
        with pytest.raises(OSError, match="disk I/O"), opened_ledger(folder, instance):
            raise sqlite3.OperationalError("disk I/O error")
