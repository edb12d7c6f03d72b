"""A shelf of fetched things: fresh for a while, kept through an outage, fetched once for all who wait."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from bridge.core.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

FRESH_FOR: Final = 3600.0
"""Seconds after which a thing is fetched again."""
RETRY_AFTER: Final = 60.0
"""Seconds between two tries while a provider is down, and between two forced fetches."""

_MOST: Final = 1024
_WAITERS: Final = 16
_STRANGERS: Final = 2
_WAIT: Final = 5.0
"""Seconds that one waits for another's first fetch; as many as `_WAITERS` threads may, and no more."""

Thing = TypeVar("Thing")


@dataclass(slots=True)
class _Place(Generic[Thing]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    room: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_WAITERS))
    strangers: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_STRANGERS))
    thing: Thing | None = None
    fetched_at: float = 0.0
    tried_at: float = float("-inf")
    forced_at: dict[str, float] = field(default_factory=dict)
    failure: BridgeError | None = None


class Shelf(Generic[Thing]):
    """Holds one thing a key; `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._places: dict[Hashable, _Place[Thing]] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, fetch: Callable[[], Thing], *, patience: float = _WAIT) -> Thing:
        """Return the thing, fetching it when it is missing or old; an old one outlives a failed fetch.

        Args:
            patience: seconds to wait for another's first fetch.

        Raises:
            BridgeError: the fetch failed and there is no thing from before.
        """
        place = self._place(key)
        thing = place.thing
        if thing is not None and self._clock() - place.fetched_at < FRESH_FOR:
            return thing
        arrived = self._clock()
        # Whoever finds an old thing takes it while another fetches: a provider that hangs must not hold every thread.
        if thing is not None and not place.lock.acquire(blocking=False):
            return thing
        if thing is None and not _wait(place, place.room, min(patience, _WAIT)):
            # The way out knows how many may hang at one host, and refuses the others.
            return fetch()
        try:
            return self._fill(place, fetch, arrived)
        finally:
            place.lock.release()

    def renew(self, key: Hashable, seen: Thing, fetch: Callable[[], Thing], *, asker: str = "") -> Thing:
        """Return another thing than `seen` if there is one, fetching at most once a minute for each kind of asker."""
        place = self._place(key)
        if not _wait(place, place.strangers if asker else place.room):
            return seen
        try:
            forced_at = place.forced_at.get(asker, float("-inf"))
            if place.thing is not None and place.thing is seen and self._clock() - forced_at >= RETRY_AFTER:
                place.forced_at[asker] = self._clock()
                self._try(place, fetch)
            return place.thing if place.thing is not None else seen
        finally:
            place.lock.release()

    def _place(self, key: Hashable) -> _Place[Thing]:
        with self._lock:
            place = self._places.get(key)
            if place is None:
                if len(self._places) >= _MOST:
                    # Versions of connections come and go; what was put there first is missed least.
                    del self._places[next(iter(self._places))]
                place = self._places[key] = _Place()
            return place

    def _fill(self, place: _Place[Thing], fetch: Callable[[], Thing], arrived: float) -> Thing:
        now = self._clock()
        if place.thing is not None and (now - place.fetched_at < FRESH_FOR or now - place.tried_at < RETRY_AFTER):
            return place.thing
        # Those who queued behind a failing fetch get its failure: one after another, each would wait its own time-out.
        if place.failure is None or place.tried_at < arrived:
            self._try(place, fetch)
        if place.thing is not None:
            return place.thing
        raise place.failure or BridgeError()

    def _try(self, place: _Place[Thing], fetch: Callable[[], Thing]) -> None:
        try:
            place.thing, place.failure = fetch(), None
            place.fetched_at = self._clock()
        except BridgeError as failure:
            place.failure = failure
        finally:
            place.tried_at = self._clock()


def _wait(place: _Place[Thing], room: threading.Semaphore, seconds: float = _WAIT) -> bool:
    """Wait for the place's lock; False where too many wait already, or nothing comes in time."""
    if not room.acquire(blocking=False):
        return False
    try:
        return place.lock.acquire(timeout=seconds)
    finally:
        room.release()
