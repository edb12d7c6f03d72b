"""Deadlines of a thread: all that it asks of others within a hurry has to end in time, together."""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Hurry(threading.local):
    """The deadline of the thread that looks; a thread that began none has all the time in the world."""

    _until: float = math.inf

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Let what this thread does inside end after `seconds`; of nested deadlines the sooner counts."""
        outer = self._until
        self._until = min(outer, time.monotonic() + seconds)
        try:
            yield
        finally:
            self._until = outer

    def seconds_left(self) -> float:
        """Return how long this thread may still take, infinity without a deadline, never less than 0."""
        return max(self._until - time.monotonic(), 0.0)
