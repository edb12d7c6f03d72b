"""Free ports of this machine."""

from __future__ import annotations

import socket
from contextlib import ExitStack


def free_port(*, beside: int = 0) -> int:
    """Return a port on which nobody listens; with `beside`, neither does anybody on the port that much higher."""
    while True:
        with ExitStack() as held, socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            if not beside or (port + beside < 65536 and _is_free(port + beside, held)):
                return port


def _is_free(port: int, held: ExitStack) -> bool:
    second = held.enter_context(socket.socket())
    try:
        second.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
