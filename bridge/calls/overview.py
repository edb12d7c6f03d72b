"""What a dashboard tells of a contact center: the figures of a period, and what its agents do now.

Both are bounded in rows and in time, and kept for a moment, so that a page that is loaded again asks nobody.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from bridge.aiccs.calls import CallSearch
from bridge.calls.figures import Figures, distinct, figures
from bridge.core.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from bridge.aiccs.agents import Agent
    from bridge.aiccs.calls import Call
    from bridge.aiccs.contact_center import ContactCenterDesk
    from bridge.aiccs.instance import Instance

MOST_CALLS: Final = 20_000
"""Rows that the figures of one page are made of."""
MOST_AGENTS: Final = 200
"""Agents whose live state one page asks for."""
_PATIENCE: Final = 10.0
_STATES_PATIENCE: Final = 8.0
_ASKERS: Final = 4
_KEPT_FOR: Final = 60.0
_STATES_KEPT_FOR: Final = 15.0
_MOST_KEPT: Final = 128

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures of a period.

    Args:
        is_whole: whether they are made of all its calls; else of the first that the contact center told.
        made_at: epoch seconds.
    """

    figures: Figures
    is_whole: bool
    made_at: float


@dataclass(frozen=True, slots=True)
class States:
    """What agents do now.

    Args:
        counts: code of a state and, for a break, its kind → agents in it.
        asked: agents that were asked about, of `agents` in all skill groups together.
        untold: agents among those asked whose state did not come, or not in time.
        made_at: epoch seconds.
        accounts: number of each agent in a skill group → account name, which people look calls up by.
    """

    counts: dict[tuple[str, int | None], int]
    asked: int
    agents: int
    untold: int
    made_at: float
    accounts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Landmarks:
    """What calls are told by.

    Args:
        groups: id → name of each skill group.
        lines: the company's own hotline numbers.
    """

    groups: dict[int, str]
    lines: frozenset[str]


class Overviews:
    """Asks for overviews and keeps them for a moment.

    Args:
        now: epoch seconds.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        contact_center: ContactCenterDesk,
        now: Callable[[], float],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._contact_center = contact_center
        self._now = now
        self._clock = clock
        self._kept = Kept(now)

    def of(self, connection: str, instance: Instance, since: float, until: float) -> Overview:
        """Return the figures of a period, at most a minute old.

        Args:
            connection: whose look it is; nobody is shown what another connection asked for.
            since, until: epoch seconds, the second one not included.

        Raises:
            ContactCenterError, ContactCenterUnreachable: as `Calls.search`.
        """
        key = ("figures", connection, *instance.key, since, until)
        return self._kept.get(key, _KEPT_FOR, lambda: self._count(instance, since, until))

    def states(self, connection: str, instance: Instance) -> States:
        """Return what the agents do now, at most some seconds old; one that cannot be told does not spoil the others.

        Raises:
            ContactCenterError, ContactCenterUnreachable: as `Agents.everyone`.
        """
        key = ("states", connection, *instance.key)
        return self._kept.get(key, _STATES_KEPT_FOR, lambda: self._look_around(instance))

    def landmarks(self, connection: str, instance: Instance) -> Landmarks:
        """Return skill groups and numbers, at most a minute old; none where they cannot be told: calls can without."""
        key = ("landmarks", connection, *instance.key)
        try:
            return self._kept.get(key, _KEPT_FOR, lambda: self._find_landmarks(instance))
        except BridgeError:
            return Landmarks({}, frozenset())

    def _find_landmarks(self, instance: Instance) -> Landmarks:
        groups = self._contact_center.skill_groups.every(instance)
        lines = self._contact_center.numbers.every(instance)
        return Landmarks({group.id: group.display_name for group in groups}, frozenset(line.number for line in lines))

    def _count(self, instance: Instance, since: float, until: float) -> Overview:
        # The end of a search belongs to it.
        found = self._contact_center.calls.search(instance, CallSearch(since, until - 0.0005))
        patient = Patient(distinct(found), MOST_CALLS, self._clock() + _PATIENCE, self._clock)
        counted = figures(patient, since, until, instance.access.utc_offset)
        return Overview(counted, patient.is_whole, self._now())

    def _look_around(self, instance: Instance) -> States:
        everyone = self._contact_center.agents.everyone(instance)
        accounts = {agent.agent_id: agent.account_name for agent in everyone if agent.agent_id}
        active = [agent for agent in everyone if agent.is_active]
        asked = active[:MOST_AGENTS]
        counts = Counter(self._states_of(instance, asked))
        told = sum(counts.values())
        return States(dict(counts), len(asked), len(active), len(asked) - told, self._now(), accounts)

    def _states_of(self, instance: Instance, agents: Iterable[Agent]) -> Iterator[tuple[str, int | None]]:
        threads = ThreadPoolExecutor(_ASKERS)
        looks = [threads.submit(self._state_of, instance, agent) for agent in agents]
        wait(looks, timeout=_STATES_PATIENCE)
        threads.shutdown(wait=False, cancel_futures=True)
        for look in looks:
            state = look.result() if look.done() and not look.cancelled() else None
            if state is not None:
                yield state

    def _state_of(self, instance: Instance, agent: Agent) -> tuple[str, int | None] | None:
        try:
            state = self._contact_center.agents.live_state(instance, agent.account_name)
        except BridgeError:
            return None
        return state.code, state.rest_type


class Patient:
    """Rows as long as there is patience for them.

    Args:
        most: rows at most.
        until: monotonic moment at which no further row is waited for.

    Attributes:
        is_whole: whether all rows came through, once they are through.
    """

    def __init__(self, calls: Iterable[Call], most: int, until: float, clock: Callable[[], float]) -> None:
        self._calls, self._most, self._until, self._clock = calls, most, until, clock
        self.is_whole = True

    def __iter__(self) -> Iterator[Call]:
        """Yield the rows; the one too many is looked at and left."""
        for number, call in enumerate(self._calls):
            if number >= self._most or self._clock() >= self._until:
                self.is_whole = False
                return
            yield call


class Kept:
    """Values for a while, the newest hundred or so."""

    def __init__(self, now: Callable[[], float], most: int = _MOST_KEPT) -> None:
        self._now, self._most = now, most
        self._lock = threading.Lock()
        self._values: dict[Hashable, tuple[float, Any]] = {}

    def get(self, key: Hashable, seconds: float, make: Callable[[], Value]) -> Value:
        """Return the value under a key, made anew where there is none or it is older than `seconds`."""
        with self._lock:
            made_at, value = self._values.get(key, (0.0, None))
        if value is not None and 0 <= self._now() - made_at < seconds:
            return cast("Value", value)
        value = make()
        with self._lock:
            self._values.pop(key, None)
            while len(self._values) >= self._most:
                self._values.pop(next(iter(self._values)))
            self._values[key] = self._now(), value
        return value
