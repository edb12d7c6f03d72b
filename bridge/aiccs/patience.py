"""How often a call that came to nothing is made again, and after how long."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.core.contact_center_errors import ContactCenterThrottled

if TYPE_CHECKING:
    from bridge.core.errors import ContactCenterUnreachable

_FIRST_PAUSE: Final = 0.2
_NEVER_SENT: Final = frozenset({"a refused connection", "an unknown host name", "a failed TLS handshake"})
_NOT_ASKED: Final = ("none lately", "too many calls")
_NONE_IN_TIME: Final = "none in time"


@dataclass(frozen=True, slots=True)
class Patience:
    """What a caller puts up with.

    Args:
        attempts: calls in all.
        longest: seconds of one pause at most.
        sits_out_timeouts: whether a call that was not answered in time is made again.
    """

    attempts: int
    longest: float
    sits_out_timeouts: bool = False

    def pause(self, attempt: int, fault: ContactCenterUnreachable) -> float | None:
        """Return the seconds until the next attempt; None: there is none.

        Args:
            attempt: how many have been made.
        """
        if attempt >= self.attempts or (fault.received == _NONE_IN_TIME and not self.sits_out_timeouts):
            return None
        if isinstance(fault, ContactCenterThrottled) and fault.wait is not None:
            return fault.wait if fault.wait <= self.longest else None
        # Full jitter: callers that failed together do not come back together.
        return float(random.uniform(0.5, 1.0) * min(_FIRST_PAUSE * 2 ** (attempt - 1), self.longest))  # noqa: S311 — no secret


BRIEF: Final = Patience(attempts=3, longest=1.0)
"""Somebody waits for the page."""
THOROUGH: Final = Patience(attempts=9, longest=30.0, sits_out_timeouts=True)
"""A job of minutes that must not leave holes."""


def was_not_done(fault: ContactCenterUnreachable) -> bool:
    """Say whether a call surely changed nothing: it never left, or was turned away at the door."""
    return (
        isinstance(fault, ContactCenterThrottled)
        or fault.received in _NEVER_SENT
        or fault.received.startswith(_NOT_ASKED)
    )
