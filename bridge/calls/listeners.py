"""Who listens to recordings: how many at once, and what the journal keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from bridge.calls.overview import Kept
from bridge.core.errors import showable
from bridge.core.seats import Seats

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from bridge.ops.journal import Journal

_EACH: Final = 2
_FEWEST: Final = 2
_NOTED_FOR: Final = 600.0
_MOST_NOTED: Final = 5000


@dataclass(frozen=True, slots=True)
class Listener:
    """Somebody who takes sound, or a long file, out of the bridge.

    Args:
        connection: name of the connection whose calls they are.
        name: of an administrator or an agent as the journal shows it, or the id of an API key.
    """

    kind: Literal["administrator", "agent", "api_key"]
    connection: str
    name: str


class Listeners:
    """Lets few of them be served at once, for each holds a thread as long as it likes to read, and tells the journal.

    Args:
        threads: of this process, a quarter of which they may hold.
        now: epoch seconds.
    """

    def __init__(self, threads: int, journal: Journal, now: Callable[[], float]) -> None:
        self._seats = Seats(max(threads // 4, _FEWEST), _EACH)
        self._journal = journal
        self._noted = Kept(now, _MOST_NOTED)

    def seat(self, listener: Listener) -> AbstractContextManager[None]:
        """Return a context inside which the listener is served; raises RateLimited where it is entered in vain."""
        return self._seats.one(listener)

    def note(self, listener: Listener, call_id: str, connection_id: str) -> None:
        """Tell the journal that a recording was opened; of the many parts that a player asks for it keeps one row."""
        seen = (listener, call_id, connection_id)
        self._noted.get(seen, _NOTED_FOR, lambda: self._write(listener, showable(call_id), showable(connection_id)))

    def _write(self, listener: Listener, call_id: str, leg: str) -> bool:
        # The parts of one recording may be asked of several workers.
        facts: dict[str, Any] = {"connection": listener.connection, "call": call_id, "leg": leg, "once_in": _NOTED_FOR}
        if listener.kind == "administrator":
            self._journal.record_act("recording_opened", actor=listener.name, **facts)
        elif listener.kind == "api_key":
            self._journal.record_issue("recording_opened", person="", api_key=listener.name, **facts)
        else:
            self._journal.record_issue("recording_opened", person=listener.name, **facts)
        return True
