"""A question that only somebody with our keys can ask: what did the bridge see of this request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.connections.secrets import SealBroken
from bridge.core.errors import PageUnknown

if TYPE_CHECKING:
    from bridge.connections.secrets import KeyRing

ADDRESS: Final = "/reach"
_PURPOSE: Final = "reach"
_GOOD_FOR: Final = 300
"""Seconds, whichever of two clocks is ahead."""


def question(key_ring: KeyRing, nonce: str, now: float) -> str:
    """Return a question as it travels.

    Args:
        nonce: comes back with the answer, which nobody else can know.
        now: epoch seconds.
    """
    return key_ring.seal(_PURPOSE, {"nonce": nonce, "at": now})


def nonce_of(key_ring: KeyRing, sealed: str, now: float) -> str:
    """Return the nonce of a question; raises PageUnknown, as if there were no page, where it is none or too old."""
    try:
        asked = key_ring.open(_PURPOSE, sealed)
    except SealBroken:
        raise PageUnknown from None
    if abs(now - asked["at"]) > _GOOD_FOR:
        raise PageUnknown
    return str(asked["nonce"])
