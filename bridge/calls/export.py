"""All calls of a period into a file, as many as there are, and none twice however often it is interrupted.

The period is cut into slices. What was written of a slice counts once the state file says so, which names the file's
length then: whatever stands behind it is cut off before the export goes on. So a process may be killed at any moment.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol

from bridge.aiccs.calls import CallSearch
from bridge.calls import rows
from bridge.calls.keeping import CannotExport, on_disk, opened_alone, read_json, write_json
from bridge.calls.masking import without_numbers
from bridge.core.errors import ContactCenterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bridge.aiccs.calls import Call, Calls
    from bridge.aiccs.instance import Instance
    from bridge.calls.rows import Format

SLICE: Final = 3600
"""Seconds of the period that are fetched, written and kept at once."""
SETTLED: Final = 4 * 3600
"""Seconds after which no call of a slice goes on any more; what is younger is fetched again by the next run."""
_LEAST_SLICE: Final = 60
_MOST_IN_SLICE: Final = 20_000
_ATTEMPTS: Final = 6
_PAUSE: Final = 0.5
_HALF_A_MILLISECOND: Final = 0.0005


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` until before `until`, epoch seconds."""

    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Manner:
    """How calls are written.

    Args:
        unmasked: whether phone numbers stand there as they are.
        own: the company's own hotline numbers, which stay readable; an export that goes on keeps to those of before.
    """

    format: Format = "csv"
    unmasked: bool = False
    own: frozenset[str] = frozenset()


class Noted(Protocol):
    """Who wants to know of each call that was written, such as to fetch its recordings later."""

    @property
    def name(self) -> str:
        """Under which it is known again."""
        ...

    def note(self, calls: Iterable[Call]) -> None:
        """Remember calls, which may come more than once."""
        ...

    def settle(self) -> None:
        """Return once what was noted is on the disk."""
        ...


@dataclass(slots=True)
class Progress:
    """How far an export is.

    Args:
        until: epoch seconds before which all is written.
        offset: bytes of the file by then.
        rows: lines by then, without the head.
    """

    until: float
    offset: int = 0
    rows: int = 0


class _Moved(Exception):
    """The calls of a slice changed while their pages were read."""


class _TooMany(Exception):
    """More calls than shall be remembered at once."""


class Export:
    """Writes the calls of a period.

    Args:
        calls: of a desk that waits patiently.
        path: of the file; its state stands beside it, with ``.state`` behind its name.
        noted: is told of all calls, or None. An export that goes on without those whom it told before begins anew.
        now: epoch seconds.
        pause: sleeps for seconds.
    """

    def __init__(
        self,
        calls: Calls,
        instance: Instance,
        period: Period,
        manner: Manner,
        path: Path,
        *,
        noted: Noted | None = None,
        now: Callable[[], float],
        pause: Callable[[float], None],
    ) -> None:
        self._calls = calls
        self._instance = instance
        self._period = period
        self._manner = manner
        self._path = path
        self._state_path = path.with_name(f"{path.name}.state")
        self._noted = noted
        self._now = now
        self._pause = pause

    def run(self, tell: Callable[[Progress], None]) -> Progress:
        """Write what is missing of the period, and return how far that is: to its end, or until now.

        Args:
            tell: is told of each slice that is written.

        Raises:
            CannotExport: the file is no export, one of something else, damaged, or another process writes it.
            OSError: the disk.
            BridgeError: as `Calls.page`; what was kept by then is not fetched again.
        """
        former, now = self._former(), self._now()
        with opened_alone(self._path) as file:
            progress = self._resumed(file, former)
            tell(progress)
            span, end = float(SLICE), min(self._period.until, now)
            while progress.until < end:
                upto = min(progress.until + span, end)
                try:
                    progress = self._slice(file, progress, Period(progress.until, upto))
                except _TooMany:
                    span = max((upto - progress.until) / 2, _LEAST_SLICE)
                    continue
                span = min(span * 2, SLICE)
                if upto <= now - SETTLED:
                    self._keep(progress)
                tell(progress)
            return progress

    def _former(self) -> dict[str, Any] | None:
        former = read_json(self._state_path)
        if former is None:
            if self._path.exists() and self._path.stat().st_size:
                raise CannotExport(f"{self._path} exists, and is no export that could go on.")
            return None
        if former.get("export") != self._what():
            raise CannotExport(f"{self._path} is an export of other calls or of another form: choose another file.")
        return former

    def _resumed(self, file: BinaryIO, former: dict[str, Any] | None) -> Progress:
        size = file.seek(0, os.SEEK_END)
        noted = self._noted.name if self._noted else ""
        progress = Progress(self._period.since)
        # Who removed the file, or wants recordings too now, begins anew.
        if former is not None and size and noted in {"", former.get("noted")}:
            progress = self._kept(former)
        if size < progress.offset:
            raise CannotExport(f"{self._path} is shorter than it was: remove it to begin anew.")
        file.truncate(progress.offset)
        self._keep(progress)
        return progress

    def _kept(self, former: dict[str, Any]) -> Progress:
        try:
            # Which numbers are the company's own may be unknown now, or others: one file is masked in one way.
            self._manner = replace(self._manner, own=frozenset(map(str, former["own"])))
            return Progress(**former["progress"])
        except (KeyError, TypeError):
            raise CannotExport(f"{self._state_path} is not the state of an export.") from None

    def _keep(self, progress: Progress) -> None:
        noted = self._noted.name if self._noted else ""
        own = sorted(self._manner.own)
        state = {"export": self._what(), "own": own, "noted": noted, "progress": asdict(progress)}
        write_json(self._state_path, state)

    def _what(self) -> dict[str, object]:
        manner = {"format": self._manner.format, "unmasked": self._manner.unmasked}
        return {"instance_id": self._instance.id, **asdict(self._period), **manner}

    def _slice(self, file: BinaryIO, begun: Progress, period: Period) -> Progress:
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._pause(_PAUSE * attempt)
            file.seek(begun.offset)
            file.truncate()
            if not begun.offset:
                file.write(rows.head(self._manner.format))
            try:
                written = self._copy(file, period)
            except _Moved:
                continue
            on_disk(file)
            if self._noted:
                self._noted.settle()
            return Progress(period.until, file.tell(), begun.rows + written)
        raise ContactCenterError(
            "The calls of an hour changed each time they were read.",
            expected="as many calls on every page",
            received="another number",
        )

    def _copy(self, file: BinaryIO, period: Period) -> int:
        # Both ends are taken to be included; the last millisecond but none of the next slice.
        wanted = CallSearch(period.since, period.until - _HALF_A_MILLISECOND)
        size, total = self._instance.access.page_size, 0
        seen: dict[str, Call] = {}
        for number in count(1):
            page, told = self._calls.page(self._instance, wanted, number, size)
            total = told if number == 1 else total
            self._check(total, told, len(page), period)
            seen = {call.id or repr(call): call for call in page} | seen
            if not page or (len(page) < size and len(seen) >= total):
                break
        if len(seen) < total:
            raise _Moved
        # The contact center tells the newest first, which would go backwards within each slice alone.
        self._write(file, sorted(seen.values(), key=_place))
        return len(seen)

    @staticmethod
    def _check(total: int, told: int, came: int, period: Period) -> None:
        # An answer without a total tells how many rows came instead.
        if told not in {total, came}:
            raise _Moved
        if total > _MOST_IN_SLICE and period.until - period.since > _LEAST_SLICE:
            raise _TooMany

    def _write(self, file: BinaryIO, calls: list[Call]) -> None:
        if self._noted:
            self._noted.note(calls)
        manner = self._manner
        shown = calls if manner.unmasked else [without_numbers(call, manner.own) for call in calls]
        file.write(rows.lines(shown, manner.format, self._instance.access.utc_offset))


def _place(call: Call) -> tuple[float, str]:
    return call.created_at or 0, call.id
