"""The calls of one contact center: those of the last days, those a test adds, and millions computed by their index."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, Final, overload

from bridge.sandbox.call_search import Wanted, is_within
from bridge.sandbox.call_stories import (
    ANSWERED,
    Call,
    Course,
    Sides,
    first_line,
    group_of,
    past_calls,
    tell,
    transferred,
)
from bridge.sandbox.grown_calls import GrownCalls, Rows

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from bridge.sandbox.contact_center import ContactCenter

_FIRST_ADDED: Final = 100_000
_MOST_GROWN: Final = 4_000_000
_OLDEST_DAY: Final = 9 * 86400
"""Seconds; grown calls are older than any of the days that are told by themselves."""


class CallLog:
    """The calls of one instance; the last days' are made when somebody first asks.

    Args:
        center: whose agents, groups and numbers they are.
        clock: the time out there, in epoch seconds.
        lock: the world's.

    Attributes:
        recording_delay: seconds from the hang-up until a recording exists.
        link_lifetime: seconds for which a recording's link is good; the real ones' is unpublished.
        newest_first: the order of searches; the real one is unpublished.
    """

    def __init__(self, center: ContactCenter, clock: Callable[[], float], lock: threading.RLock) -> None:
        self.center = center
        self.recording_delay = 30.0
        self.link_lifetime = 3600.0
        self.newest_first = True
        self._clock = clock
        self._lock = lock
        self._rows: list[Call] | None = None
        self._grown = GrownCalls(center, (), 0, 0)
        self._serials = count(_FIRST_ADDED)

    def add(
        self,
        account_name: str = "",
        *,
        course: Course = ANSWERED,
        ended: float = 60,
        line: str = "",
        customer: str = "13900000001",
        **fields: Any,
    ) -> Call:
        """Add a call and return it.

        Args:
            account_name: its agent; by default the instance's first.
            course: how it went; see `call_stories`.
            ended: how many seconds ago it was over.
            fields: other values of the row.
        """
        agent = self.center.agents[account_name or next(iter(self.center.agents))]
        sides = Sides(agent, line or first_line(self.center), customer, 1, group_of(agent))
        with self._lock:
            created_at = int(self._clock() - ended) - course.seconds
            row = replace(tell(course, sides, self.center, next(self._serials), created_at), **fields)
            self._keep(row)
        return row

    def transfer(self, row: Call, account_name: str) -> tuple[Call, Call]:
        """Let a call have been handed on to another agent, and return both its legs."""
        with self._lock:
            legs = transferred(row, self.center.agents[account_name], self.center, next(self._serials))
            self._told().remove(row)
            for leg in legs:
                self._keep(leg)
        return legs

    def clear(self) -> None:
        """Forget all calls, those of the last days too."""
        with self._lock:
            self._rows, self._grown = [], GrownCalls(self.center, (), 0, 0)

    def grow(self, count: int, *, step: int = 7) -> None:
        """Have so many calls besides: computed by their index, `step` seconds apart, older than the last days."""
        if not 0 <= count <= _MOST_GROWN:
            raise ValueError(f"count must be 0 to {_MOST_GROWN}")
        with self._lock:
            agents = tuple(self.center.agents.values())
            self._grown = GrownCalls(self.center, agents, count, int(self._clock()) - _OLDEST_DAY, step)

    def search(self, wanted: Wanted) -> Sequence[Call]:
        """Return the calls that are wanted, in the order of `newest_first`; a grown one is made when it is taken."""
        with self._lock:
            rows = [row for row in reversed(self._told()) if wanted.names(row) and wanted.suits(row)]
        return Joined(rows, self._grown.matching(wanted), backwards=not self.newest_first)

    def recorded(self, since: int | None = None, until: int | None = None) -> Sequence[Call]:
        """Return the calls with a recording that exists by now and whose end lies between two epoch milliseconds."""
        with self._lock:
            rows = [row for row in reversed(self._told()) if self.has_recording(row)]
        rows = [row for row in rows if is_within(row.hung_up_at, since, until)]
        return Joined(rows, self._grown.recorded(since, until), backwards=not self.newest_first)

    def has_recording(self, call: Call) -> bool:
        """Tell whether a call was answered, and ended long enough ago."""
        return bool(call.picked_up_at) and call.hung_up_at + self.recording_delay <= self._clock()

    def legs_of(self, acid: str) -> list[Call]:
        """Return the rows of one call, in the order in which they happened."""
        return sorted(self.search(Wanted(acids=frozenset({acid}))), key=lambda row: row.created_at)

    def by_connection(self, connection_id: str) -> Call | None:
        """Return the call of a connection."""
        with self._lock:
            told = next((row for row in self._told() if row.connection_id == connection_id), None)
        return told or self._grown.by_connection(connection_id)

    def _told(self) -> list[Call]:
        if self._rows is None:
            self._rows = sorted(past_calls(self.center, self._clock()), key=_beginning)
        return self._rows

    def _keep(self, row: Call) -> None:
        rows = self._told()
        rows.insert(bisect_left(rows, _beginning(row), key=_beginning), row)


class Joined(Sequence[Call]):
    """Calls that are kept, newest first, and the grown ones behind them; or the whole of it backwards."""

    def __init__(self, kept: list[Call], rows: Rows, *, backwards: bool) -> None:
        self._kept, self._rows, self._backwards = kept, rows, backwards

    def __len__(self) -> int:
        return len(self._kept) + len(self._rows.indexes)

    @overload
    def __getitem__(self, position: int) -> Call: ...
    @overload
    def __getitem__(self, position: slice) -> list[Call]: ...
    def __getitem__(self, position: int | slice) -> Call | list[Call]:
        if isinstance(position, slice):
            return [self[one] for one in range(*position.indices(len(self)))]
        if not -len(self) <= position < len(self):
            raise IndexError(position)
        place = position % len(self)
        place = len(self) - 1 - place if self._backwards else place
        if place < len(self._kept):
            return self._kept[place]
        return self._rows.grown.row(self._rows.indexes[place - len(self._kept)])


def _beginning(row: Call) -> tuple[int, str]:
    return row.created_at, row.id
