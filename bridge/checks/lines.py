"""How many connections a worker opens to its stores."""

from __future__ import annotations

from typing import Final

from bridge.sessions.redis_line import CONNECTIONS

TO_POSTGRESQL: Final = 32
"""At most, as `db` bounds them."""
_LINES_TO_REDIS: Final = 2
"""To its sessions, and to its limits."""


def to_redis(threads: int) -> int:
    """Return how many connections to Redis a worker with so many threads opens at most."""
    return _LINES_TO_REDIS * min(threads, CONNECTIONS)
