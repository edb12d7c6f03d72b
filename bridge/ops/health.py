"""Readiness: asks each store and says which one fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.core.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def readiness(pings: Mapping[str, Callable[[], None]]) -> dict[str, str]:
    """Return ``ok`` or the failure's code for every named ping."""
    return {name: _outcome(ping) for name, ping in pings.items()}


def _outcome(ping: Callable[[], None]) -> str:
    try:
        ping()
    except BridgeError as fault:
        return fault.code
    return "ok"
