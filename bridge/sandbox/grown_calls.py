"""Calls that need no memory: each is computed from its index, and repeats another but for its ids and times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bridge.sandbox.call_search import Periodic, Wanted
from bridge.sandbox.call_stories import ANSWERED, DIALLED, GAVE_UP_IN_QUEUE, Call, Sides, first_line, group_of, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.sandbox.contact_center import ContactCenter
    from bridge.sandbox.people import Agent

_FIRST_GROWN: Final = 1_000_000
_TAKES: Final = 240
"""Seconds of each grown call, all alike so that who began earlier ended earlier."""
_CALL: Final = replace(ANSWERED, talked=_TAKES - replace(ANSWERED, talked=0).seconds)
_COURSES: Final = (
    _CALL,
    replace(DIALLED, talked=_TAKES),
    _CALL,
    replace(GAVE_UP_IN_QUEUE, queued=_TAKES - replace(GAVE_UP_IN_QUEUE, queued=0).seconds),
    _CALL,
)


class GrownCalls:
    """Calls that exist only while somebody looks at them, newest first; what they are repeats after a period."""

    def __init__(self, center: ContactCenter, agents: Sequence[Agent], count: int, newest: int, step: int = 7) -> None:
        self.center, self.agents, self.count, self.newest, self.step = center, agents, count, newest, step
        self.period = len(_COURSES) * max(len(agents), 1)

    def row(self, index: int) -> Call:
        """Return the call of an index; 0 is the newest."""
        place = index % self.period
        agent = self.agents[place // len(_COURSES)]
        sides = Sides(agent, first_line(self.center), f"138{place:08}", place, group_of(agent))
        created_at = self.newest - index * self.step - _TAKES
        return tell(_COURSES[place % len(_COURSES)], sides, self.center, _FIRST_GROWN + index, created_at)

    def matching(self, wanted: Wanted) -> Rows:
        """Return the calls that are wanted."""
        if wanted.ids or wanted.acids:
            named = sorted({self._index(text) for text in wanted.acids} | {self._by_id(text) for text in wanted.ids})
            rows = ((index, self.row(index)) for index in named if index >= 0)
            return Rows(self, [index for index, row in rows if wanted.names(row) and wanted.suits(row)])
        offsets = [place for place in self._places() if wanted.suits(self.row(place))]
        return Rows(self, Periodic(*self._between(wanted.since, wanted.until, 0), self.period, offsets))

    def recorded(self, since: int | None, until: int | None) -> Rows:
        """Return the calls that were answered and ended between two epoch milliseconds."""
        offsets = [place for place in self._places() if self.row(place).picked_up_at]
        return Rows(self, Periodic(*self._between(since, until, _TAKES), self.period, offsets))

    def by_connection(self, connection_id: str) -> Call | None:
        """Return the call of a connection."""
        index = self._index(str(int(connection_id) - 1)) if connection_id.isdecimal() else -1
        return self.row(index) if index >= 0 else None

    def _places(self) -> range:
        return range(min(self.period, self.count))

    def _between(self, since: int | None, until: int | None, takes: int) -> tuple[int, int]:
        """Return the first index and the one after the last whose beginning plus `takes` lies between."""
        newest = (self.newest - _TAKES + takes) * 1000
        step = self.step * 1000
        first = 0 if until is None else -((until - newest) // step)
        last = self.count - 1 if since is None else (newest - since) // step
        first, stop = max(first, 0), min(last + 1, self.count)
        return first, max(first, stop)

    def _by_id(self, text: str) -> int:
        head = "acc1c58d"
        try:
            return self._index(str(int(text.removeprefix(head), 16)))
        except ValueError:
            return -1

    def _index(self, acid: str) -> int:
        first = 10_000_000_000 + self.center.tenant_id * 10_000_000 + 2 * _FIRST_GROWN
        index, odd = divmod(int(acid) - first, 2) if acid.isdecimal() else (-1, 0)
        return index if 0 <= index < self.count and not odd else -1


@dataclass(frozen=True, slots=True)
class Rows:
    """Grown calls by their indexes."""

    grown: GrownCalls
    indexes: Sequence[int]
