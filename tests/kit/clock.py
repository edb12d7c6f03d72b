"""A clock that moves when a test says so."""

from __future__ import annotations

import time


class Clock:
    """Gives epoch seconds; `advance` moves it."""

    def __init__(self) -> None:
        self.moved = 0.0

    def __call__(self) -> float:
        return time.time() + self.moved

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.moved += seconds
