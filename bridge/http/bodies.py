"""Slow bodies: requests whose bodies do not come must not hold every thread.

The server hands a request over as soon as its headers are there, and waits for the body without end; nor can a wait be
cut short, for the server keeps a body's stream until its read has ended. So only half of the threads ever wait. Behind
a proxy that buffers requests (nginx does) bodies come at once, and nothing of this is felt.
"""

from __future__ import annotations

import io
from threading import BoundedSemaphore
from typing import IO, TYPE_CHECKING

from flask import after_this_request, request

from bridge.core.errors import RateLimited
from bridge.http.framing import hang_up

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from flask import Flask


def install(app: Flask, threads: int) -> None:
    """Let at most half of a worker's `threads` read bodies of `app` at once; the rest answers what has none."""
    places = BoundedSemaphore(max(1, threads // 2))

    def bound() -> None:
        if request.content_length:
            request.environ["wsgi.input"] = _Body(request.environ["wsgi.input"], places)

    app.before_request(bound)


class _Body(io.RawIOBase):
    """What the application reads in place of the server's own stream; raises RateLimited where no place is free."""

    def __init__(self, raw: IO[bytes], places: BoundedSemaphore) -> None:
        self._raw, self._places = raw, places

    def readinto(self, buffer: WriteableBuffer) -> int:
        room = memoryview(buffer).cast("B")
        if not self._places.acquire(blocking=False):
            after_this_request(hang_up)
            raise RateLimited(expected="few slow bodies at once", received="one more")
        try:
            came = self._raw.read(len(room))
        finally:
            self._places.release()
        room[: len(came)] = came
        return len(came)
