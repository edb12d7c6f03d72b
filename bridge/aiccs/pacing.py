"""How fast the contact center may be asked: evenly, each access key by itself."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_BURST: Final = 1.0
_MOST_KEYS: Final = 1024


class Pace:
    """Spreads calls over time; a key that has been idle may make one second's calls at once.

    Limits count by the cloud account, and so by process here: several replicas share them by configuration.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._free_at: dict[Hashable, float] = {}

    def reserve(self, key: Hashable, per_second: int, longest: float) -> float | None:
        """Return the seconds to wait before this call, or None, and nothing is reserved, where they are too many.

        Args:
            longest: seconds that the caller would wait.
        """
        with self._lock:
            now = self._clock()
            # A bucket that holds a second's calls: the time at which it would be full again says how empty it is.
            full_at = max(self._free_at.get(key, 0.0), now)
            wait = max(full_at + 1 / per_second - _BURST - now, 0.0)
            if wait > longest:
                return None
            if len(self._free_at) >= _MOST_KEYS:
                self._free_at = {one: at for one, at in self._free_at.items() if at > now}
            self._free_at[key] = full_at + 1 / per_second
            return wait
