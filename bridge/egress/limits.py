"""How long a call may take, and how much it may bring."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits in seconds (`deadline`: one call in all, however slowly it drips), the most bytes, calls at once."""

    connect: float = 3.0
    read: float = 10.0
    deadline: float = 20.0
    size: int = 1_048_576
    per_host: int = 16
