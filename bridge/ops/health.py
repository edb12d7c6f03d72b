"""Readiness: what the server is about to do, and which store fails; asked often, answered soon."""

from __future__ import annotations

import mmap
import os
import socket
import threading
import time
from contextlib import suppress
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from bridge.core.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SECONDS_TO_ANSWER: Final = 1.5
"""Probers wait two or three seconds and tell no reason when they give up."""
NO_ANSWER: Final = "no_answer"
STATE: Final = "bridge.state"
"""Key of a request's environment: the server's `State`."""
NOTIFY_SOCKET: Final = "NOTIFY_SOCKET"
"""Variable that names systemd's ear."""


class State(IntEnum):
    """What the server does, of which an application knows nothing."""

    STARTING = 0
    SERVING = 1
    DRAINING = 2


class Board:
    """One byte that a process writes and those it has forked read."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    @property
    def state(self) -> State:
        """What was written last."""
        return State(self._shared[0])

    @state.setter
    def state(self, state: State) -> None:
        self._shared[0] = state


def stating(application: Any, board: Board, leaving: Board) -> Any:
    """Tell the application the server's state; at a worker's end, close connections after the answer under way.

    A proxy that holds a connection open would else send its next request at the moment when it is closed.
    """

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        state = environ[STATE] = board.state
        if state is not State.DRAINING and leaving.state is not State.DRAINING:
            return application(environ, start_response)

        def closing(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, [*headers, ("Connection", "close")], *rest)

        return application(environ, closing)

    return answer


def notify(word: str) -> None:
    """Tell systemd how it goes, where it asked to be told: sd_notify(3)."""
    address = os.environ.get(NOTIFY_SOCKET, "")
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    if address:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.connect(address)
            line.send(word.encode())


class Readiness:
    """Asks what is pinged, all at once, and waits no longer than probers do.

    Args:
        pings: by the name of what is asked; each returns ``ok`` or a reason, or raises a BridgeError.
        patience: seconds until what did not answer is told as ``no_answer``; it is not asked again before it does.
    """

    def __init__(self, pings: Mapping[str, Callable[[], str]], patience: float = SECONDS_TO_ANSWER) -> None:
        self._asked = {name: _Asked(name, ping) for name, ping in pings.items()}
        self._patience = patience

    def reasons(self) -> dict[str, str]:
        """Return ``ok`` or what is wrong for every name."""
        give_up_at = time.monotonic() + self._patience
        for asked in self._asked.values():
            asked.ask()
        return {name: asked.answer(give_up_at - time.monotonic()) for name, asked in self._asked.items()}


class _Asked:
    """One store: at most one thread waits for it, however many ask."""

    def __init__(self, name: str, ping: Callable[[], str]) -> None:
        self._name, self._ping = name, ping
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._done.set()
        self._reason = NO_ANSWER

    def ask(self) -> None:
        with self._lock:
            if self._done.is_set():
                self._done.clear()
                # A thread and no pool: what hangs at the end of the process is not waited for.
                threading.Thread(target=self._work, name=f"ready-{self._name}", daemon=True).start()

    def answer(self, seconds: float) -> str:
        return self._reason if self._done.wait(max(0.0, seconds)) else NO_ANSWER

    def _work(self) -> None:
        try:
            self._reason = self._ping()
        except BridgeError as fault:
            self._reason = fault.code
        except Exception as fault:  # noqa: BLE001 — whatever it is, a probe tells it
            self._reason = type(fault).__name__
        finally:
            self._done.set()
