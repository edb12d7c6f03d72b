"""What a folder of recordings holds and what it lacks, in a small database inside it: many rows, little memory."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from bridge.aiccs.reading import zone
from bridge.calls.keeping import CannotExport
from bridge.calls.times import over_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bridge.aiccs.calls import Call
    from bridge.aiccs.instance import Instance

State = Literal["wanted", "saved", "not_ready", "none", "failed"]

NAME: Final = "recordings.state"
_A_DAY: Final = 86_400
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS about (instance_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS calls (
  call_id TEXT PRIMARY KEY, day TEXT NOT NULL, over_at REAL NOT NULL,
  state TEXT NOT NULL DEFAULT 'wanted', code TEXT NOT NULL DEFAULT '', asked_at REAL NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS calls_by_day ON calls (day, call_id);
CREATE TABLE IF NOT EXISTS files (
  call_id TEXT NOT NULL, connection_id TEXT NOT NULL, path TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
  began_at REAL, ended_at REAL, PRIMARY KEY (call_id, connection_id)
) WITHOUT ROWID;
"""
_NOTE: Final = """
INSERT INTO calls (call_id, day, over_at) VALUES (?, ?, ?)
ON CONFLICT (call_id) DO UPDATE SET day = min(day, excluded.day), over_at = max(over_at, excluded.over_at)
"""
# A call without a recording may yet get one: nobody publishes how long that takes.
_LACKING: Final = "(state IN ('wanted', 'not_ready', 'failed') OR (state = 'none' AND asked_at - over_at < ?))"


@dataclass(frozen=True, slots=True)
class Noted:
    """A call that was answered, and what became of its recordings; `code` is that of an error, `day` a local date."""

    call_id: str
    day: str
    over_at: float
    state: State
    code: str


@dataclass(frozen=True, slots=True)
class Saved:
    """A recording that is in the folder; `path` counts from there, moments are epoch seconds."""

    call_id: str
    connection_id: str
    path: str
    bytes: int
    sha256: str
    began_at: float | None
    ended_at: float | None


class Ledger:
    """Answered calls and files; everything but `note` is on the disk when it returns."""

    def __init__(self, database: sqlite3.Connection, instance: Instance, name: str) -> None:
        self._database = database
        self._zone = zone(instance.access.utc_offset)
        self.name = name

    def note(self, calls: Iterable[Call]) -> None:
        """Remember those calls that somebody answered."""
        rows = [(call.call_id, self._day(call), over_at(call)) for call in calls if call.was_answered and call.call_id]
        self._database.executemany(_NOTE, rows)

    def settle(self) -> None:
        """Return once what was noted is on the disk."""
        self._database.commit()

    def lacking(self) -> int:
        """Return how many calls are to be asked for."""
        found = self._database.execute(f"SELECT count(*) FROM calls WHERE {_LACKING}", (_A_DAY,))  # noqa: S608 — ours
        return int(found.fetchone()[0])

    def to_ask(self) -> Iterator[Noted]:
        """Yield the calls that are to be asked for, by day; what is concluded of them meanwhile does not matter."""
        last = ("", "")
        query = f"SELECT call_id, day, over_at, state, code FROM calls WHERE {_LACKING}"  # noqa: S608 — ours
        while found := self._database.execute(
            f"{query} AND (day, call_id) > (?, ?) ORDER BY day, call_id LIMIT 500", (_A_DAY, *last)
        ).fetchall():
            yield from (Noted(*row) for row in found)
            last = (found[-1][1], found[-1][0])

    def conclude(self, call_id: str, state: State, code: str, asked_at: float) -> None:
        """Keep what became of a call's recordings."""
        changed = "UPDATE calls SET state = ?, code = ?, asked_at = ? WHERE call_id = ?"
        self._database.execute(changed, (state, code, asked_at, call_id))
        self._database.commit()

    def save(self, saved: Saved) -> None:
        """Keep that a file is there."""
        row = (
            saved.call_id,
            saved.connection_id,
            saved.path,
            saved.bytes,
            saved.sha256,
            saved.began_at,
            saved.ended_at,
        )
        self._database.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        self._database.commit()

    def files(self) -> Iterator[Saved]:
        """Yield all files, by call."""
        last = ("", "")
        query = "SELECT * FROM files WHERE (call_id, connection_id) > (?, ?) ORDER BY call_id, connection_id LIMIT 500"
        while found := self._database.execute(query, last).fetchall():
            yield from (Saved(*row) for row in found)
            last = (found[-1][0], found[-1][1])

    def files_of(self, call_id: str) -> list[Saved]:
        """Return the files of one call."""
        query = "SELECT * FROM files WHERE call_id = ? ORDER BY connection_id"
        return [Saved(*row) for row in self._database.execute(query, (call_id,))]

    def lose(self, saved: Saved) -> None:
        """Forget a file, and want its call's recordings again."""
        gone = (saved.call_id, saved.connection_id)
        self._database.execute("DELETE FROM files WHERE (call_id, connection_id) = (?, ?)", gone)
        self._database.execute("UPDATE calls SET state = 'wanted' WHERE call_id = ?", gone[:1])
        self._database.commit()

    def calls(self) -> Iterator[Noted]:
        """Yield all calls, by day."""
        last = ("", "")
        query = "SELECT call_id, day, over_at, state, code FROM calls WHERE (day, call_id) > (?, ?)"
        while found := self._database.execute(f"{query} ORDER BY day, call_id LIMIT 500", last).fetchall():
            yield from (Noted(*row) for row in found)
            last = (found[-1][1], found[-1][0])

    def counts(self) -> dict[str, int]:
        """Return how many calls there are in each state."""
        return dict(self._database.execute("SELECT state, count(*) FROM calls GROUP BY state").fetchall())

    def _day(self, call: Call) -> str:
        return datetime.fromtimestamp(call.created_at or over_at(call), self._zone).date().isoformat()


@contextmanager
def opened_ledger(folder: Path, instance: Instance) -> Iterator[Ledger]:
    """Give the ledger of a folder, made where there was none, for this process alone.

    Raises:
        CannotExport: another process has it, it is damaged, or the folder is another contact center's.
        OSError: the disk.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / NAME
    try:
        with closing(sqlite3.connect(path, timeout=0)) as database:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("BEGIN EXCLUSIVE")
            database.executescript(_SCHEMA)
            _check_owner(database, instance, path)
            yield Ledger(database, instance, str(folder.resolve()))
    except sqlite3.OperationalError as fault:
        if "locked" in str(fault):
            raise CannotExport(f"Another export writes {folder} right now.") from None
        raise OSError(f"{path}: {fault}") from fault
    except sqlite3.DatabaseError:
        raise CannotExport(f"{path} is damaged: remove it, and the recordings are fetched anew.") from None


def _check_owner(database: sqlite3.Connection, instance: Instance, path: Path) -> None:
    owner = database.execute("SELECT instance_id FROM about").fetchone()
    if owner is None:
        database.execute("INSERT INTO about VALUES (?)", (instance.id,))
        database.commit()
    elif owner[0] != instance.id:
        raise CannotExport(f"{path.parent} holds recordings of another contact center: choose another folder.")
