"""Recordings of exported calls into a folder: each whole or not there, with its checksum in a manifest."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

from bridge.calls.keeping import written_whole
from bridge.calls.ledger import Saved
from bridge.core.contact_center_errors import (
    RecordingInvalid,
    RecordingMissing,
    RecordingUnreachable,
)
from bridge.core.errors import BridgeError, ContactCenterUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bridge.aiccs.calls import Recording
    from bridge.aiccs.instance import Instance
    from bridge.calls.ledger import Ledger, Noted, State
    from bridge.calls.recordings import Recordings

MANIFEST: Final = "manifest.jsonl"
_PAUSES: Final = (1.0, 4.0, 15.0, 31.0)
"""Seconds before another attempt; the last is longer than the way out leaves a dead host alone."""
_MOST_FAILURES: Final = 5
_BLOCK: Final = 1_048_576
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ENDINGS: Final = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/ogg": "ogg", "audio/mp4": "m4a", "audio/amr": "amr"}


class Gathering:
    """Fetches what a folder lacks.

    Args:
        recordings: of a desk that waits patiently.
        now: epoch seconds.
        pause: sleeps for seconds.
    """

    def __init__(
        self,
        recordings: Recordings,
        instance: Instance,
        folder: Path,
        ledger: Ledger,
        *,
        now: Callable[[], float],
        pause: Callable[[float], None],
    ) -> None:
        self._recordings = recordings
        self._instance = instance
        self._folder = folder
        self._ledger = ledger
        self._now = now
        self._pause = pause
        self._failures = 0

    def run(self, tell: Callable[[int, int], None]) -> dict[str, int]:
        """Check the files that are there, fetch those that are not, write the manifest, and count calls by state.

        Args:
            tell: is told how many calls of how many have been asked for.

        Raises:
            ContactCenterUnreachable: the contact center does not answer.
            RecordingUnreachable: the store of recordings answered for none of the last ones.
            OSError: the disk.
        """
        for saved in self._ledger.files():
            if not self._is_whole(saved):
                self._ledger.lose(saved)
        lacking = self._ledger.lacking()
        tell(0, lacking)
        try:
            for done, call in enumerate(self._ledger.to_ask(), 1):
                self._ask(call)
                tell(done, lacking)
        finally:
            self._write_manifest()
        return self._ledger.counts()

    def _is_whole(self, saved: Saved) -> bool:
        digest, size = hashlib.sha256(), 0
        try:
            with (self._folder / saved.path).open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
                    size += len(block)
        except FileNotFoundError:
            return False
        return (size, digest.hexdigest()) == (saved.bytes, saved.sha256)

    def _ask(self, call: Noted) -> None:
        state: State
        code = ""
        try:
            state = self._gathered(call)
            self._failures = 0
        except ContactCenterUnreachable:
            raise
        except RecordingMissing as gone:
            # The contact center still gives a link to what its store no longer has.
            state, code = "none", gone.code
        except BridgeError as failure:
            state, code = "failed", failure.code
            self._failures += isinstance(failure, RecordingUnreachable)
            if self._failures >= _MOST_FAILURES:
                self._ledger.conclude(call.call_id, state, code, self._now())
                raise
        self._ledger.conclude(call.call_id, state, code, self._now())

    def _gathered(self, call: Noted) -> State:
        held = self._recordings.look_up(self._instance, call.call_id, call.over_at)
        if held.state != "ready":
            return held.state
        there = {saved.connection_id for saved in self._ledger.files_of(call.call_id)}
        for found in held.recordings:
            if found.connection_id not in there:
                self._ledger.save(self._fetched(call, found))
        return "saved"

    def _fetched(self, call: Noted, found: Recording) -> Saved:
        for pause in _PAUSES:
            try:
                return self._fetched_once(call, found)
            except RecordingUnreachable:
                if self._failures:  # the one before it has waited for the store already
                    raise
                self._pause(pause)
        return self._fetched_once(call, found)

    def _fetched_once(self, call: Noted, found: Recording) -> Saved:
        digest, size = hashlib.sha256(), 0
        with self._recordings.open_found(self._instance, found) as sound:
            ending = _ENDINGS.get(sound.content_type, "wav")
            path = f"{call.day}/{_plain(call.call_id)}-{_plain(found.connection_id)}.{ending}"
            (self._folder / call.day).mkdir(mode=0o700, exist_ok=True)
            with written_whole(self._folder / path) as file:
                for chunk in sound.chunks:
                    file.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
                if not size:
                    raise RecordingInvalid(expected="sound", received="nothing")
        return Saved(call.call_id, found.connection_id, path, size, digest.hexdigest(), found.began_at, found.ended_at)

    def _write_manifest(self) -> None:
        with written_whole(self._folder / MANIFEST) as file:
            for call in self._ledger.calls():
                for members in self._told(call):
                    file.write(json.dumps(members, ensure_ascii=False).encode() + b"\n")

    def _told(self, call: Noted) -> Iterator[dict[str, Any]]:
        for saved in self._ledger.files_of(call.call_id):
            yield {
                "call_id": saved.call_id,
                "connection_id": saved.connection_id,
                "state": "saved",
                "file": saved.path,
                "bytes": saved.bytes,
                "sha256": saved.sha256,
                "began_at": saved.began_at,
                "ended_at": saved.ended_at,
            }
        if call.state != "saved":
            yield {"call_id": call.call_id, "state": call.state, **({"code": call.code} if call.code else {})}


def _plain(text: str) -> str:
    """Return a foreign id as a part of a file's name that leads nowhere else."""
    return text if _PLAIN.fullmatch(text) else hashlib.sha256(text.encode()).hexdigest()[:32]
