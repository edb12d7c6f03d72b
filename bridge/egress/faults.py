"""Why a call had no answer, in a few words that tell no address and no secret."""

from __future__ import annotations

import socket


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
