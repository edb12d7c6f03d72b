"""Slow bodies: requests whose bodies do not come must hold neither every thread nor any thread for long.

The server hands a request over as soon as its headers are there, and waits for the body without end. So only half of
the threads ever wait, and only for a time. Behind a proxy that buffers requests (nginx does) bodies come at once, and
nothing of this is felt.
"""

from __future__ import annotations

import io
import time
from concurrent.futures import Future
from threading import BoundedSemaphore, Thread
from typing import IO, TYPE_CHECKING, Final, NoReturn

from flask import after_this_request, request

from bridge.core.errors import RateLimited, RequestInvalid
from bridge.http.framing import hang_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer
    from flask import Flask, Response

SECONDS: Final = 20.0
"""For a body, however small."""
SLOWEST: Final = 65_536
"""Bytes of a large one that have to come in each second beyond."""
_REQUEST_TIMEOUT: Final = 408
_TO_LEAVE: Final = 0.1


def install(app: Flask, threads: int, seconds: float = SECONDS) -> None:
    """Let at most half of a worker's `threads` read bodies of `app` at once; the rest answers what has none.

    Args:
        seconds: for a small body.
    """
    places = BoundedSemaphore(max(1, threads // 2))

    def bound() -> None:
        asked = request.environ
        if request.method == "HEAD":
            # Its answer has no body in which one byte more can be promised, so that nobody may wait for what it brings.
            asked.update({"wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "0"})
        elif asked.get("CONTENT_LENGTH"):
            limit = seconds + (request.content_length or 0) / SLOWEST
            asked["wsgi.input"] = _Body(asked["wsgi.input"], places, limit)

    app.before_request(bound)


class _Body(io.RawIOBase):
    """What the application reads in place of the server's own stream.

    Raises RateLimited where no place is free, and RequestInvalid where the time is over.
    """

    def __init__(self, raw: IO[bytes], places: BoundedSemaphore, seconds: float) -> None:
        self._raw, self._places, self._seconds = raw, places, seconds
        self._until = 0.0

    def readinto(self, buffer: WriteableBuffer) -> int:
        room = memoryview(buffer).cast("B")
        self._until = self._until or time.monotonic() + self._seconds
        left = self._until - time.monotonic()
        if left <= 0:
            self._give_up()
        try:
            came = self._begin(len(room)).result(left)
        except TimeoutError:
            self._give_up()
        room[: len(came)] = came
        return len(came)

    def _begin(self, size: int) -> Future[bytes]:
        """Read in a thread of its own: the server's stream knows no time limit."""
        if not self._places.acquire(blocking=False):
            after_this_request(hang_up)
            raise RateLimited(expected="few slow bodies at once", received="one more")
        found: Future[bytes] = Future()
        try:
            Thread(target=self._read, args=(size, found), name="body", daemon=True).start()
        except RuntimeError:
            self._places.release()
            raise
        return found

    def _read(self, size: int, found: Future[bytes]) -> None:
        try:
            came = self._raw.read(size)
        except BaseException as fault:  # noqa: BLE001 — whatever it is, it belongs to who asked
            self._places.release()
            found.set_exception(fault)
        else:
            self._places.release()
            found.set_result(came)

    def _give_up(self) -> NoReturn:
        self._until = float("-inf")
        after_this_request(_break_off)
        raise RequestInvalid(
            expected=f"a body within {self._seconds:.0f} seconds", received="a part of it", status=_REQUEST_TIMEOUT
        )


def _break_off(response: Response) -> Response:
    """Promise one byte more than there is, which lets the server drop the line.

    Nothing else does while a body is being read: after a whole answer it goes on waiting for the body, without end and
    with all of its attention.
    """
    whole = response.get_data()
    response.response = _parting(whole)
    response.content_length = len(whole) + 1
    return hang_up(response)


def _parting(whole: bytes) -> Iterator[bytes]:
    yield whole
    # The line is dropped with whatever has not left by then.
    time.sleep(_TO_LEAVE)
