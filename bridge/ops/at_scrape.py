"""Gauges that are read when somebody scrapes: what a store knows for all workers, and what takes longer to find out."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_Found = TypeVar("_Found")
Reading: TypeAlias = tuple[str, tuple[str, ...], float]
"""A family's name, the values of its labels, and what is to be told."""
_EVERY: Final = 10.0
"""Seconds for which an answer is good: however many scrape, the stores are asked so often."""


@dataclass(frozen=True, slots=True)
class Family:
    """A gauge with its labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


class AtScrape:
    """A source of gauges for `Metrics.add_source`.

    Args:
        read: tells everything; what cannot be found out now is left out.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        families: Sequence[Family],
        read: Callable[[], Iterable[Reading]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._families = families
        self._readings = Lasting(lambda: list(read()), _EVERY, clock)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every family that has something to tell."""
        readings = self._readings.get()
        for family in self._families:
            gauge = GaugeMetricFamily(family.name, family.help, labels=family.labels)
            for name, labels, value in readings:
                if name == family.name:
                    gauge.add_metric(labels, value)
            if gauge.samples:
                yield gauge


class Lasting(Generic[_Found]):
    """Something found out that is good for a while; whoever comes meanwhile waits for one answer.

    Args:
        seconds: for which it is good.
        clock: monotonic seconds.
    """

    def __init__(self, find: Callable[[], _Found], seconds: float, clock: Callable[[], float]) -> None:
        self._find = find
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._found: tuple[float, _Found] | None = None

    def get(self) -> _Found:
        """Return it; raises what finding out raises, which is not kept."""
        with self._lock:
            if self._found is None or self._clock() - self._found[0] >= self._seconds:
                self._found = (self._clock(), self._find())
            return self._found[1]


class InBackground:
    """Looks things up in a thread of its own, so that nobody waits for servers that may not answer.

    Args:
        look: finds one thing out, None where there is nothing; never raises.
        seconds: after which it looks again.
        clock: monotonic seconds.
    """

    def __init__(self, look: Callable[..., float | None], seconds: float, clock: Callable[[], float]) -> None:
        self._look = look
        self._seconds = seconds
        self._clock = clock
        self._known: dict[tuple[Any, ...], float | None] = {}
        self._looked_at = float("-inf")
        self._thread: threading.Thread | None = None

    def known(self, wanted: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], float]:
        """Return what is known by now of the wanted ones; what is new or old is looked up for the next time."""
        places = list(dict.fromkeys(wanted))
        is_due = self._clock() - self._looked_at >= self._seconds or any(one not in self._known for one in places)
        if places and is_due and not (self._thread and self._thread.is_alive()):
            self._looked_at = self._clock()
            self._thread = threading.Thread(target=self._look_up, args=(places,), name="at-scrape", daemon=True)
            self._thread.start()
        return {one: value for one in places if (value := self._known.get(one)) is not None}

    def finish(self) -> None:
        """Wait for the look-up under way."""
        if self._thread:
            self._thread.join()

    def _look_up(self, places: Sequence[tuple[Any, ...]]) -> None:
        self._known = {one: self._known.get(one) for one in places}
        for one in places:
            self._known[one] = self._look(*one)
