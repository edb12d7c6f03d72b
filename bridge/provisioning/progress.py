"""How far an import at the command line has come: a file of JSON Lines, so that the same command goes on later."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_hex
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.provisioning.bulk import Act, Step
    from bridge.provisioning.carrying_out import Outcome


class ProgressInUse(Exception):
    """Another command is at the same import."""


@dataclass
class Progress:
    """What is known of an import; account names stand in the file as hashes alone.

    Args:
        run: names the import, over all its interruptions.
        done: what was done, by `key_of`: the act.
        unsettled: what was begun, and nobody knows how that ended.
    """

    file: IO[bytes]
    run: str
    done: dict[str, Act] = field(default_factory=dict)
    unsettled: set[str] = field(default_factory=set)

    def begin(self, step: Step) -> None:
        """Note a step before anything is sent."""
        self.append({"begun": key_of(step.account_name)})

    def settle(self, outcome: Outcome) -> None:
        """Note what came of a step; of what is uncertain its beginning says enough."""
        if outcome.result != "uncertain":
            step = outcome.step
            self.append({"over": key_of(step.account_name), "result": outcome.result, "act": step.act})

    def read(self, note: dict[str, Any]) -> None:
        """Take over one line of a former command."""
        if "begun" in note:
            self.unsettled.add(note["begun"])
        elif "over" in note:
            self.unsettled.discard(note["over"])
            if note["result"] == "done":
                self.done[note["over"]] = note["act"]

    def append(self, note: dict[str, Any]) -> None:
        """Write one line, and see it on the disk."""
        self.file.write(json.dumps(note).encode() + b"\n")
        self.file.flush()
        # The machine may fail right after the contact center was asked: what was begun must be known then.
        os.fsync(self.file.fileno())


def key_of(account_name: str) -> str:
    """Return what an account is called in the file."""
    return sha256(account_name.encode(errors="surrogatepass")).hexdigest()[:24]


@contextmanager
def progress_of(path: Path, digest: str) -> Iterator[Progress]:
    """Give the progress of the import that `digest` names, a fresh one where the file tells of another.

    Args:
        path: of the file; it is made.
        digest: of everything that says what the import does.

    Raises:
        ProgressInUse: another command has it.
        OSError: the file cannot be written.
    """
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise ProgressInUse from fault
        file.seek(0)
        yield _resumed(file, digest) or _begun(file, digest)


def _begun(file: IO[bytes], digest: str) -> Progress:
    file.truncate(0)
    made = Progress(file, token_hex(8))
    made.append({"digest": digest, "run": made.run})
    return made


def _resumed(file: IO[bytes], digest: str) -> Progress | None:
    head = _note(file.readline())
    if head.get("digest") != digest:
        return None
    found, end = Progress(file, head["run"]), file.tell()
    for line in file:
        note = _note(line)
        if not note:
            break  # torn when a machine failed; nothing was written after it
        found.read(note)
        end += len(line)
    file.truncate(end)
    return found


def _note(line: bytes) -> dict[str, Any]:
    if not line.endswith(b"\n"):
        return {}
    try:
        note = json.loads(line)
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}
