"""What the calls of a period come to, counted in one pass and in constant memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bridge.aiccs.reading import zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bridge.aiccs.calls import Call

HOUR: Final = 3600
DAY: Final = 86_400
BY_HOURS: Final = 2 * DAY
"""Seconds of the longest period that is told by hours; longer ones are told by days."""
MOST_ROWS: Final = 50
"""Rows of the tables of agents and of skill groups."""


@dataclass(slots=True)
class Tally:
    """Counts of some calls.

    A call that was handed on has a row for each part. The call itself is counted once, by its first row: as inbound or
    as outbound. Its further parts count as `transferred`, and add what was talked in them.

    Args:
        answered, missed: inbound calls that somebody took, and that nobody did.
        reached: outbound calls that somebody took.
        other: calls of a direction that the contact center did not tell.
        waited: seconds in all that answered inbound calls waited, `waits` of them: those whose wait is known.
    """

    inbound: int = 0
    outbound: int = 0
    transferred: int = 0
    other: int = 0
    answered: int = 0
    missed: int = 0
    reached: int = 0
    talk_seconds: int = 0
    waited: float = 0.0
    waits: int = 0

    @property
    def calls(self) -> int:
        """Return how many calls that were, each counted once."""
        return self.inbound + self.outbound + self.other

    @property
    def mean_wait(self) -> float | None:
        """Return the seconds that an answered inbound call waited on average; None: no wait is known."""
        return self.waited / self.waits if self.waits else None

    @property
    def mean_talk(self) -> float | None:
        """Return the seconds that were talked in an answered call on average, all its parts together."""
        spoken = self.answered + self.reached
        return self.talk_seconds / spoken if spoken else None

    def add(self, call: Call) -> None:
        """Count one row."""
        self.talk_seconds += call.talk_seconds or 0
        if call.direction == "transferred":
            self.transferred += 1
        elif call.direction == "outbound":
            self.outbound += 1
            self.reached += call.was_answered
        elif call.direction == "inbound":
            self._take(call)
        else:
            self.other += 1

    def _take(self, call: Call) -> None:
        self.inbound += 1
        if not call.was_answered:
            self.missed += 1
            return
        self.answered += 1
        wait = waited(call)
        if wait is not None:
            self.waited += wait
            self.waits += 1


@dataclass(frozen=True, slots=True)
class Slot:
    """An hour or a day; `since` in epoch seconds."""

    since: float
    tally: Tally = field(default_factory=Tally)


@dataclass(slots=True)
class Share:
    """What an agent or a skill group had of the calls: every part of a handed-on call counts for whoever had it.

    Args:
        id: number in the contact center.
        taken: parts in which somebody spoke, whatever the direction; `missed`: the others that were not outbound.
        dialled: outbound ones, whether somebody took them or not.
    """

    id: str
    name: str
    taken: int = 0
    missed: int = 0
    dialled: int = 0
    talk_seconds: int = 0

    def add(self, call: Call) -> None:
        """Count one row."""
        self.taken += call.was_answered
        self.missed += not call.was_answered and call.direction != "outbound"
        self.dialled += call.direction == "outbound"
        self.talk_seconds += call.talk_seconds or 0


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a period.

    Args:
        slot: seconds of each slot, an hour's or a day's; `slots` cover the period without a gap, oldest first.
        agents, groups: with the most talk first, at most `MOST_ROWS`; `more_agents`, `more_groups` are left out.
        rows: rows that were counted, each once.
    """

    since: float
    until: float
    slot: int
    slots: tuple[Slot, ...]
    total: Tally
    agents: tuple[Share, ...]
    groups: tuple[Share, ...]
    more_agents: int = 0
    more_groups: int = 0
    rows: int = 0


def figures(calls: Iterable[Call], since: float, until: float, utc_offset: str) -> Figures:
    """Count the calls of a period.

    Args:
        calls: rows, each once, in any order; a row that came up outside of the period belongs to no slot.
        since, until: epoch seconds, the second one not included.
        utc_offset: such as ``+08:00``: where an hour or a day begins.
    """
    slot = HOUR if until - since <= BY_HOURS else DAY
    slots = _slots(since, until, slot, utc_offset)
    total, rows = Tally(), 0
    agents, groups = dict[str, Share](), dict[str, Share]()
    for call in calls:
        rows += 1
        total.add(call)
        place = None if call.created_at is None else int((call.created_at - slots[0].since) // slot)
        if place is not None and 0 <= place < len(slots):
            slots[place].tally.add(call)
        if call.agent_id:
            agents.setdefault(call.agent_id, Share(call.agent_id, call.agent_name)).add(call)
        if call.group_id:
            groups.setdefault(call.group_id, Share(call.group_id, call.group_name)).add(call)
    return Figures(
        since=since,
        until=until,
        slot=slot,
        slots=slots,
        total=total,
        agents=_most(agents),
        groups=_most(groups),
        more_agents=max(len(agents) - MOST_ROWS, 0),
        more_groups=max(len(groups) - MOST_ROWS, 0),
        rows=rows,
    )


def waited(call: Call) -> float | None:
    """Return the seconds that an answered call waited in the queue and rang; None where it is not known.

    The menu before the queue is no waiting: there the caller has something to do.
    """
    if call.queue_seconds is not None or call.ring_seconds is not None:
        return float((call.queue_seconds or 0) + (call.ring_seconds or 0))
    began = call.queued_at or call.ring_began_at
    return None if began is None or call.answered_at is None else max(call.answered_at - began, 0.0)


def distinct(calls: Iterable[Call]) -> Iterator[Call]:
    """Yield each row once: rows that come up while somebody pages push others onto the next page again."""
    seen = set[str]()
    for call in calls:
        if call.id not in seen:
            seen.add(call.id)
            yield call


def _slots(since: float, until: float, slot: int, utc_offset: str) -> tuple[Slot, ...]:
    ahead = _ahead(utc_offset)
    first = (since + ahead) // slot * slot - ahead
    many = max(math.ceil((until - first) / slot), 1)
    return tuple(Slot(first + slot * place) for place in range(many))


def _ahead(utc_offset: str) -> float:
    ahead = zone(utc_offset).utcoffset(None)
    return ahead.total_seconds()


def _most(shares: Mapping[str, Share]) -> tuple[Share, ...]:
    found = sorted(shares.values(), key=lambda one: (-one.talk_seconds, -one.taken, one.name, one.id))
    return tuple(found[:MOST_ROWS])
