"""How long a call may take, and how much it may bring."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits in seconds, the most bytes, and calls at once.

    Args:
        deadline: of one call in all, however slowly it drips.
        wait: for a turn at a host that answers quickly and is asked by as many as may at once: a shift begins.
    """

    connect: float = 3.0
    read: float = 10.0
    deadline: float = 20.0
    size: int = 1_048_576
    per_host: int = 16
    wait: float = 1.0
