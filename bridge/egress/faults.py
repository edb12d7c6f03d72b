"""What a failed call is to whoever made it, and why it failed in a few words that tell no address and no secret."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.core.errors import BridgeError


@dataclass(frozen=True, slots=True)
class FailAs:
    """The two errors of the calling room: nobody answered, or the answer breaks a limit.

    Args:
        upstream: what is called, in a word that metrics and traces use.
    """

    unreachable: type[BridgeError]
    invalid: type[BridgeError]
    upstream: str = "other"


def reason(fault: Exception) -> str:
    """Return what went wrong, as it may be shown to people."""
    if isinstance(fault, TimeoutError):
        return "none in time"
    if isinstance(fault, socket.gaierror):
        return "an unknown host name"
    text = repr(fault)
    for sign, words in (
        ("Read timed out", "none in time"),
        ("SSLError", "a failed TLS handshake"),
        ("NameResolutionError", "an unknown host name"),
        ("refused", "a refused connection"),
    ):
        if sign in text:
            return words
    return "a broken connection"
