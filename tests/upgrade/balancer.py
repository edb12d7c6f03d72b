"""What an operator's load balancer does: each request to the next replica that is in, none to one that is taken out."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

_PATIENCE: Final = 120.0


@dataclass
class Seat:
    """One replica as the balancer sees it.

    Args:
        release: which one runs there.
    """

    url: str
    release: str = ""
    busy: int = 0
    is_in: bool = False


@dataclass
class Balancer:
    """Chooses; a request that comes while no replica is in waits.

    Attributes:
        without: seconds for which no replica was in.
    """

    seats: list[Seat]
    without: float = 0.0
    _turn: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def enter(self) -> Seat:
        """Return the replica for one more request."""
        with self._changed:
            self._changed.wait_for(self._able, _PATIENCE)
            able = self._able()
            self._turn += 1
            seat = able[self._turn % len(able)]
            seat.busy += 1
            return seat

    def leave(self, seat: Seat) -> None:
        """Note that a request was answered."""
        with self._changed:
            seat.busy -= 1
            self._changed.notify_all()

    def take_out(self, seat: Seat) -> float:
        """Give a replica nothing more, and wait for what it has; return the moment."""
        with self._changed:
            seat.is_in = False
            if not self._changed.wait_for(lambda: not seat.busy, _PATIENCE):
                raise TimeoutError("a request never ends")
        return time.monotonic()

    def put_in(self, seat: Seat, release: str, out_since: float) -> None:
        """Let a replica have its share again."""
        with self._changed:
            if not self._able() and out_since:
                self.without += time.monotonic() - out_since
            seat.release, seat.is_in = release, True
            self._changed.notify_all()

    def _able(self) -> list[Seat]:
        return [seat for seat in self.seats if seat.is_in]


class Way(HTTPAdapter):
    """Leads what is for the public address through the balancer; an answer of it has the name of its release."""

    def __init__(self, public_url: str, balancer: Balancer) -> None:
        super().__init__(pool_maxsize=64)
        self._public_url = public_url
        self._balancer = balancer

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        """Send it to a replica under the public name."""
        url = str(request.url)
        if not url.startswith(f"{self._public_url}/"):
            return super().send(request, *args, **options)
        seat = self._balancer.enter()
        try:
            passed = request.copy()
            passed.url = url.replace(self._public_url, seat.url, 1)
            passed.headers["Host"] = self._public_url.rpartition("/")[2]
            answer = super().send(passed, *args, **options)
            answer.url, answer.headers["X-Release"] = url, seat.release
            return answer
        finally:
            self._balancer.leave(seat)
