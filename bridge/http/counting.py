"""How often something happened lately: counted in Redis where sessions are there, else in this process.

While Redis is away each process counts for itself: a count is worth less than an answer.

The strategy is the sliding window counter of `limits`: two numbers for each count, however large, and Redis's clock
alone, where a moving window would keep a moment for each request by the clocks of replicas. It lets nobody have twice
as much at the turn of a window, as a fixed one would.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

import structlog
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from bridge.core.errors import StoreUnavailable
from bridge.sessions.redis_address import read_redis_address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from limits import RateLimitItem, WindowStats

Window: TypeAlias = tuple[int, float, int, float]
"""Requests and seconds left of the window before, and of this one, which the library gives twice its length."""
_PREFIX: Final = "bridge:limit:"
_UNSEEN: Final[Window] = (0, 0.0, 0, 0.0)
_PATIENCE: Final = 0.25
"""Seconds for Redis."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One more of something.

    Args:
        item: how many may be had, in which window.
        key: what is counted, for whom.
    """

    item: RateLimitItem
    key: str


@dataclass(frozen=True, slots=True)
class Had:
    """Whether one more could be had, and what the window was like right afterwards."""

    wanted: Wanted
    is_counted: bool
    window: Window

    @property
    def remaining(self) -> int:
        """How many more can be had now."""
        return self._told().remaining

    @property
    def reset(self) -> int:
        """Whole seconds until there is more."""
        return max(1, math.ceil(self._told().reset_time - time.time()))

    def _told(self) -> WindowStats:
        return _Reading(self.window).get_window_stats(self.wanted.item)


class Counter(Protocol):
    """Whoever counts."""

    def take(self, wanted: Sequence[Wanted], *, looks: bool = False) -> list[Had]:
        """Count one more of each that has room, whatever becomes of the others.

        Args:
            looks: what is left will be asked for also where there was room.
        """
        ...


def counter_for(sessions_url: str, ca_bundle: str) -> Counter:
    """Return who counts where sessions are kept.

    Args:
        sessions_url: ``database``, or the address of a Redis.
        ca_bundle: path of the authorities that may vouch for Redis; empty: the system's.
    """
    return CountsHere() if sessions_url == "database" else CountsInRedis(sessions_url, ca_bundle)


class CountsHere:
    """Counts in this process."""

    def __init__(self) -> None:
        self._memory = MemoryStorage()
        self._turn = Lock()

    def take(self, wanted: Sequence[Wanted], *, looks: bool = False) -> list[Had]:  # noqa: ARG002 — looking costs nothing here
        """Count one more of each that has room, whatever becomes of the others."""
        return [self._one(one) for one in wanted]

    def _one(self, wanted: Wanted) -> Had:
        item = wanted.item
        # The library's own locks let threads that come together be counted once, or refuse all of them.
        with self._turn:
            is_counted = self._memory.acquire_sliding_window_entry(wanted.key, item.amount, item.get_expiry())
            window = self._memory.get_sliding_window(wanted.key, item.get_expiry())
        return Had(wanted, is_counted, window)


class CountsInRedis:
    """Counts in Redis, and in this process while Redis is away."""

    def __init__(self, url: str, ca_bundle: str) -> None:
        from bridge.sessions.redis_line import RedisLine, run_script  # noqa: PLC0415 — takes a quarter of a second to load

        self._line = RedisLine(read_redis_address(url), ca_bundle=ca_bundle, patience=_PATIENCE)
        self._run = run_script
        self._here = CountsHere()
        self._is_away = False

    def take(self, wanted: Sequence[Wanted], *, looks: bool = False) -> list[Had]:
        """Count one more of each that has room, whatever becomes of the others."""
        try:
            # Where an answer got lost it may count twice.
            answer = self._line.ask(lambda redis: [self._ask(redis, one, looks=looks) for one in wanted])
        except StoreUnavailable as fault:
            self._note(is_away=True, what=fault.received)
            return self._here.take(wanted)
        self._note(is_away=False, what="an answer")
        return answer

    def _ask(self, redis: Any, wanted: Wanted, *, looks: bool) -> Had:
        """Run the library's own scripts: is there room, and what are both windows like."""
        # One hash tag for both, as the library writes them.
        keys = (f"{_PREFIX}{{{wanted.key}}}/-1", f"{_PREFIX}{{{wanted.key}}}")
        expiry = wanted.item.get_expiry()
        taken = self._run(redis, RedisStorage.SCRIPT_ACQUIRE_SLIDING_WINDOW, keys, wanted.item.amount, expiry, 1)
        if taken and not looks:
            return Had(wanted, is_counted=True, window=_UNSEEN)
        seen = self._run(redis, RedisStorage.SCRIPT_SLIDING_WINDOW, keys, expiry)
        return Had(wanted, bool(taken), _window(seen))

    def _note(self, *, is_away: bool, what: str) -> None:
        """Say once that things have changed."""
        if is_away != self._is_away:
            self._is_away = is_away
            where = "in_each_process" if is_away else "in_redis"
            structlog.get_logger("bridge").warning("limits_counted", where=where, received=what)


def _window(seen: tuple[Any, int, Any, int]) -> Window:
    before, before_ms, now, now_ms = seen
    return int(before or 0), max(0, before_ms) / 1000, int(now or 0), max(0, now_ms) / 1000


class _Reading(SlidingWindowCounterRateLimiter):
    """What the library makes of a window that was looked at already: a second look could be at another store."""

    def __init__(self, window: Window) -> None:
        self.storage = cast("Any", _Seen(window))


@dataclass(frozen=True, slots=True)
class _Seen:
    window: Window

    def get_sliding_window(self, _key: str, _expiry: int) -> Window:
        return self.window
