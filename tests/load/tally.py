"""What the agents saw: how long each kind of request took, and everything that was not as it must be."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass
class Tally:
    """The figures of one stretch of time.

    Args:
        seconds: how long answers took, by kind of request; first bytes out to last bytes in, at nginx's front.
        faults: what went wrong, by kind, and how often.
        connections: opened by browsers.
        lag: seconds by which this process itself was late, now and then.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    faults: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    lag: list[float] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """How many answers came."""
        return sum(len(found) for found in self.seconds.values())

    def count(self, kind: str) -> int:
        """Return how many answers of a kind came."""
        return len(self.seconds.get(kind, ()))


def percentile(values: list[float], share: float) -> float:
    """Return the value that `share` of all do not exceed; 0 where there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
