"""What happens when: acts in the order of their moments, one after another or some together."""

from __future__ import annotations

import heapq
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.shift.clock import StillClock


class Agenda:
    """Moves the clock from act to act; an act may plan others, from any thread."""

    def __init__(self, clock: StillClock) -> None:
        self.clock = clock
        self._planned: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def at(self, moment: float, act: Callable[[], None]) -> None:
        """Plan an act for an epoch second; what is late happens now."""
        with self._lock:
            heapq.heappush(self._planned, (moment, next(self._numbers), act))

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Plan an act for so many seconds from now."""
        self.at(self.clock() + seconds, act)

    def run(self, until: float) -> None:
        """Do everything that is planned until then, in order."""
        while act := self._next(until):
            act()
        self.clock.now = max(self.clock.now, until)

    def run_together(self, until: float, threads: int, meanwhile: Callable[[], None]) -> None:
        """Do everything that is planned until then by several threads, and in this one something else meanwhile."""

        def work() -> None:
            while act := self._next(until):
                act()

        with ThreadPoolExecutor(threads) as pool:
            workers = [pool.submit(work) for _ in range(threads)]
            meanwhile()
            for worker in workers:
                worker.result()
        self.clock.now = max(self.clock.now, until)

    def _next(self, until: float) -> Callable[[], None] | None:
        with self._lock:
            if not self._planned or self._planned[0][0] > until:
                return None
            moment, _, act = heapq.heappop(self._planned)
            self.clock.now = max(self.clock.now, moment)
        return act
