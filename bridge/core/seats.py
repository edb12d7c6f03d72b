"""Seats: how many may do something long at once, in all and each."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from bridge.core.errors import RateLimited

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator


class Seats:
    """Counts who sits; nobody waits for a seat.

    Args:
        most: seats in all.
        each: seats that one may take, of whom it is known who they are.
    """

    def __init__(self, most: int, each: int) -> None:
        self._most, self._each = most, each
        self._lock = Lock()
        self._taken: Counter[Hashable] = Counter()

    @contextmanager
    def one(self, whose: Hashable = None) -> Iterator[None]:
        """Take a seat as long as the context lasts.

        Args:
            whose: who sits there; None: nobody in particular.

        Raises:
            RateLimited: all are taken, or as many as one may take.
        """
        with self._lock:
            self._check(whose)
            self._taken[whose] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[whose] -= 1
                if not self._taken[whose]:
                    del self._taken[whose]

    def _check(self, whose: Hashable) -> None:
        if whose is not None and self._taken[whose] >= self._each:
            raise RateLimited(expected=f"at most {self._each} of one asker at once", received="one more")
        if self._taken.total() >= self._most:
            raise RateLimited(expected=f"at most {self._most} at once", received="one more")
