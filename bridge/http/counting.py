"""How often something happened lately: counted in Redis where sessions are there, else in this process.

While Redis is away each process counts for itself: a count is worth less than an answer.

The strategy is the sliding window counter of `limits`: two numbers for each count, however large, and Redis's clock
alone, where a moving window would keep a moment for each request by the clocks of replicas. It lets nobody have twice
as much at the turn of a window, as a fixed one would.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

import structlog
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from bridge.core.errors import StoreUnavailable
from bridge.sessions.redis_address import read_redis_address

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from limits import RateLimitItem, WindowStats

Window: TypeAlias = tuple[int, float, int, float]
"""Requests and seconds left of the window before, and of this one, which the library gives twice its length."""
_PREFIX: Final = "bridge:limit:"
_UNSEEN: Final[Window] = (0, 0.0, 0, 0.0)
_PATIENCE: Final = 0.25
"""Seconds for Redis."""
_SWEPT_AT_ONCE: Final = 8
"""Old counts that go with each question: so many at most are new in it, and nobody waits for all to go."""


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


@dataclass(slots=True)
class _Windows:
    """Counts of one length of window: of this window and of the one before.

    Args:
        number: of this window, since the epoch.
    """

    number: int = 0
    before: dict[str, int] = field(default_factory=dict)
    now: dict[str, int] = field(default_factory=dict)


class CountsHere:
    """Counts in this process.

    The library's own store in memory looks through all its keys each time that one is counted, in a thread that it
    starts for that. Here whole windows go at once, and their keys few by few.

    Args:
        clock: epoch seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._windows: dict[int, _Windows] = {}
        self._old: list[dict[str, int]] = []
        self._turn = Lock()

    def take(self, wanted: Sequence[Wanted], *, looks: bool = False) -> list[Had]:  # noqa: ARG002 — looking costs nothing here
        """Count one more of each that has room, whatever becomes of the others."""
        with self._turn:
            self._sweep()
            return [self._one(one) for one in wanted]

    def _one(self, wanted: Wanted) -> Had:
        item, length = wanted.item, wanted.item.get_expiry()
        windows, left = self._at(length)
        before, now = windows.before.get(wanted.key, 0), windows.now.get(wanted.key, 0)
        # The window before counts for as much of it as would still lie within a window that ends now.
        is_counted = math.floor(before * left / length + now) < item.amount
        if is_counted:
            now = windows.now[wanted.key] = now + 1
        return Had(wanted, is_counted, (before, left if before else 0.0, now, left + length))

    def _at(self, length: int) -> tuple[_Windows, float]:
        """Return the windows of this moment, and the seconds that are left of the present one."""
        windows = self._windows.setdefault(length, _Windows())
        moment = self._clock()
        number = int(moment // length)
        if number != windows.number:
            # Where there is a gap, or the clock was set back, nothing of what was counted is of the window before.
            follows = number == windows.number + 1
            self._old += [windows.before] if follows else [windows.before, windows.now]
            windows.before = windows.now if follows else {}
            windows.now, windows.number = {}, number
        return windows, (number + 1) * length - moment

    def _sweep(self) -> None:
        for _ in range(_SWEPT_AT_ONCE):
            if not self._old:
                return
            if self._old[-1]:
                self._old[-1].popitem()
            else:
                self._old.pop()


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
