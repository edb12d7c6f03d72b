"""What the provider saw of renewals: how many of one consent were under way at once, and when each went well."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.sandbox.grants import Grant, Grants


class Refreshes:
    """Stands at a provider's door and counts refreshes by family, which is one consent and all of its tokens.

    Args:
        takes: real seconds that each refresh takes, so that two of them can meet.

    Attributes:
        most_at_once: the most refreshes of one family that were ever under way together.
        done: epoch seconds of every refresh that went well, by family.
        refused: refreshes that the provider refused, by family.
    """

    def __init__(self, grants: Grants, takes: float = 0.0) -> None:
        self.takes = takes
        self.most_at_once = 0
        self.done: dict[str, list[float]] = defaultdict(list)
        self.refused: Counter[str] = Counter()
        self._people: dict[str, str] = {}
        self._grants = grants
        self._refresh = grants.refresh
        self._under_way: Counter[str] = Counter()
        self._lock = threading.Lock()
        grants.refresh = self._watched  # type: ignore[method-assign]

    @property
    def total(self) -> int:
        """How many refreshes went well."""
        return sum(map(len, self.done.values()))

    def of_person(self, key: str) -> list[float]:
        """Return the epoch seconds of a person's refreshes that went well, in order."""
        times = (self.done[family] for family, person in self._people.items() if person == key)
        return sorted(moment for one in times for moment in one)

    def _watched(self, value: str, **asked: Any) -> Grant:
        known = self._grants._refresh.get(value)
        family = known.grant.family if known else ""
        with self._counted(family):
            time.sleep(self.takes)
            try:
                grant = self._refresh(value, **asked)
            except Exception:
                self.refused[family] += 1
                raise
        self.done[family].append(self._grants._now())
        self._people[family] = grant.person_key
        return grant

    @contextmanager
    def _counted(self, family: str) -> Iterator[None]:
        with self._lock:
            self._under_way[family] += 1
            # Unknown tokens are of no family: what meets there need not be one session's.
            self.most_at_once = max(self.most_at_once, self._under_way[family] if family else 0)
        try:
            yield
        finally:
            with self._lock:
                self._under_way[family] -= 1
