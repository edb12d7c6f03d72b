"""Circuit breakers with bulkheads: whatever does not answer is left alone for a while and holds few threads.

Knows keys and calls alone; what a call is, and which of its ends is a failure, the caller says.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

State = Literal["closed", "open", "half_open"]
"""Calls pass; calls fail at once; one call finds out how things are while the others fail at once."""

FAILURES: Final = 5
"""Calls in a row without an answer after which a circuit opens."""
MOST: Final = 1024
"""Keys that are remembered, unless more have calls under way."""
_FIRST_REST: Final = 10.0
_LONGEST_REST: Final = 30.0
_PATIENCE: Final = 2.0
_PROMPTLY: Final = 0.5
_ROOM_OF_SUSPECTS: Final = 4
_RECENTLY: Final = 600.0
_CROWDED: Final = "too many calls under way"


class Tripped(Exception):
    """A call that was not let through; the text says why, and may be shown."""


class Passage:
    """One call under way; unless it is told how the call ended, nothing is learned from it."""

    def __init__(self, began_at: float) -> None:
        self.began_at = began_at
        self.is_answered: bool | None = None

    def answered(self) -> None:
        """Say that the other side gave an answer, whichever."""
        self.is_answered = True

    def failed(self) -> None:
        """Say that nobody answered."""
        self.is_answered = False


class Breakers:
    """One circuit breaker and one bulkhead a key.

    A circuit opens after `FAILURES` calls in a row that nobody answered, and rests for 10 seconds. Then one call is the
    probe: its answer closes the circuit, its failure lets it rest for twice as long, up to 30 seconds.

    Args:
        at_once: calls under way for one key. Where the oldest of them waits for over two seconds and nothing was
            answered since it began, only four.
        clock: monotonic seconds.
    """

    def __init__(self, at_once: int = 16, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_once = at_once
        self._clock = clock
        self._circuits: OrderedDict[str, _Circuit] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def passing(self, key: str, wait: float = 0.0) -> Iterator[Passage]:
        """Let a call through and count how it ends; the caller tells the passage.

        Args:
            wait: seconds for which a call waits for its turn, as long as answers come within half a second.

        Raises:
            Tripped: the circuit is open, or too many calls are under way.
        """
        with self._lock:
            circuit = self._circuit(key)
            passage = self._enter(circuit, time.monotonic() + wait)
        try:
            yield passage
        finally:
            with self._lock:
                circuit.leave(passage, self._clock())

    def _enter(self, circuit: _Circuit, give_up_at: float) -> Passage:
        circuit.demand_answers(self._clock())
        if circuit.queue or not circuit.has_room(self._clock(), self._at_once):
            self._queue(circuit, give_up_at)
        return circuit.enter(self._clock())

    def _queue(self, circuit: _Circuit, give_up_at: float) -> None:
        """Wait for one's turn: who comes later must not be served first, or somebody waits in vain."""
        turn = object()
        circuit.queue.append(turn)
        try:
            while circuit.queue[0] is not turn or not circuit.has_room(self._clock(), self._at_once):
                # Conditions wait by the machine's clock, whichever clock is ours.
                left = give_up_at - time.monotonic()
                # Whoever waits holds a thread too: one that others need, unless turns come quickly.
                if left <= 0 or circuit.is_slow(self._clock()):
                    raise Tripped(_CROWDED)
                circuit.moved.wait(min(left, _PROMPTLY))
                circuit.demand_answers(self._clock())
        finally:
            circuit.queue.remove(turn)
            circuit.moved.notify_all()

    def states(self) -> dict[str, State]:
        """Return the state of each circuit that was used, or refused a call, in the last ten minutes."""
        with self._lock:
            now = self._clock()
            return {key: one.state(now) for key, one in self._circuits.items() if now - one.used_at <= _RECENTLY}

    def is_tripped(self, key: str) -> bool:
        """Say whether nobody has answered since the circuit of a key opened."""
        with self._lock:
            circuit = self._circuits.get(key)
            return circuit is not None and circuit.is_tripped

    def _circuit(self, key: str) -> _Circuit:
        circuit = self._circuits.get(key)
        if circuit is None:
            if len(self._circuits) >= MOST:
                self._forget_one()
            circuit = self._circuits[key] = _Circuit(self._lock)
        self._circuits.move_to_end(key)
        return circuit

    def _forget_one(self) -> None:
        idle = [key for key, one in self._circuits.items() if not one.is_busy]
        for key in [key for key in idle if not self._circuits[key].is_tripped][:1] or idle[:1]:
            del self._circuits[key]


class _Circuit:
    """What is known of one key; its owner holds the lock and tells the time."""

    def __init__(self, lock: threading.Lock) -> None:
        self.used_at = -math.inf
        self.queue: deque[object] = deque()
        self.moved = threading.Condition(lock)
        self._under_way: dict[Passage, None] = {}
        self._failures = 0
        self._answered_at = -math.inf
        self._closed_at = -math.inf
        self._rest = _FIRST_REST
        self._rests_until: float | None = None
        self._probe: Passage | None = None

    @property
    def is_busy(self) -> bool:
        return bool(self._under_way or self.queue)

    @property
    def is_tripped(self) -> bool:
        return self._rests_until is not None

    def state(self, now: float) -> State:
        if self._rests_until is None:
            return "closed"
        return "open" if now < self._rests_until else "half_open"

    def is_slow(self, now: float) -> bool:
        """Say whether half of the calls under way have waited for long; one alone says nothing of the host."""
        under_way = list(self._under_way)
        return bool(under_way) and now - under_way[len(under_way) // 2].began_at > _PROMPTLY

    def is_suspect(self, now: float) -> bool:
        oldest = next(iter(self._under_way), None)
        return oldest is not None and now - oldest.began_at > _PATIENCE and self._answered_at < oldest.began_at

    def demand_answers(self, now: float) -> None:
        """Raise Tripped where nobody answers."""
        self.used_at = now
        if self.state(now) == "open" or self._probe:
            raise Tripped("none lately, so it was not asked")

    def has_room(self, now: float, at_once: int) -> bool:
        # A probe is no suspect: what hung before the circuit opened may hang still.
        is_suspect = self.state(now) == "closed" and self.is_suspect(now)
        return len(self._under_way) < (min(at_once, _ROOM_OF_SUSPECTS) if is_suspect else at_once)

    def enter(self, now: float) -> Passage:
        passage = Passage(now)
        self._under_way[passage] = None
        if self.state(now) == "half_open":
            self._probe = passage
        return passage

    def leave(self, passage: Passage, now: float) -> None:
        del self._under_way[passage]
        self.moved.notify_all()
        is_probe = passage is self._probe
        if is_probe:
            self._probe = None
        if passage.is_answered:
            self._close(now)
        elif passage.is_answered is False:
            self._count(passage, now, is_probe=is_probe)

    def _count(self, passage: Passage, now: float, *, is_probe: bool) -> None:
        if is_probe:
            self._rest = min(self._rest * 2, _LONGEST_REST)
            self._rests_until = now + self._rest
        elif not self.is_tripped and passage.began_at >= self._closed_at:
            # Older calls tell of the trouble that is over.
            self._failures += 1
            if self._failures >= FAILURES:
                self._rests_until = now + self._rest

    def _close(self, now: float) -> None:
        self._answered_at = now
        self._failures = 0
        if self.is_tripped:
            self._closed_at = now
            self._rests_until = self._probe = None
            self._rest = _FIRST_REST
