"""Recordings on their way to whoever may hear them: sent through the bridge, so that no link leaves it.

Granian hands a body of one piece over and has its thread back at once; a body of several pieces holds the thread until
the last one is read, however slowly. Players therefore get parts that are one piece, and few others are served at once.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from flask import Response, request

from bridge.core.errors import BridgeError
from bridge.http.current import services
from bridge.http.hurry import take_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.aiccs.instance import Instance
    from bridge.calls.listeners import Listener
    from bridge.ops.journal import Journal

PIECE: Final = 2_097_152
"""Bytes that are held in memory until they are read; two minutes of sound or more."""
_PARTIAL: Final = 206


def audio_answer(instance: Instance, call_id: str, connection_id: str, listener: Listener) -> Response:
    """Return a recording, or the part of it that ``Range`` asks for.

    Players get no more than a piece of the part, and ask for the next one (RFC 9110 section 15.3.7); programs, which
    go on with a broken download by ``Range``, get all of it. Whoever asks must have the right to hear it: nothing is
    checked here.

    Raises:
        RateLimited: too many listen already, or this listener does twice.
        CallUnknown, RecordingMissing, RecordingNotReady, RecordingUnreachable, RecordingInvalid: as `Recordings.open`.
        ContactCenterError, ContactCenterUnreachable: as `Recordings.open`.
    """
    most, asked = None if listener.kind == "api_key" else PIECE, request.headers.get("Range", "")
    with ExitStack() as held:
        held.enter_context(services().listeners.seat(listener))
        opening = services().recordings.open(instance, call_id, connection_id, byte_range=asked, most=most)
        take_time()
        sound = held.enter_context(opening)
        services().listeners.note(listener, call_id, connection_id)
        if sound.length is not None and sound.length <= PIECE:
            response = Response(b"".join(sound.chunks), sound.status, content_type=sound.content_type)
        else:
            flowing = _flowing(sound.chunks, listener, services().journal)
            response = Response(flowing, sound.status, content_type=sound.content_type)
            # Seat and line are given back with the answer, also where the reader goes away in the middle.
            response.call_on_close(held.pop_all().close)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "private, no-store"
    if sound.length is not None:
        response.content_length = sound.length
    if sound.status == _PARTIAL and sound.content_range:
        response.headers["Content-Range"] = sound.content_range
    return response


def _flowing(chunks: Iterable[bytes], listener: Listener, journal: Journal) -> Iterator[bytes]:
    try:
        yield from chunks
    except BridgeError as fault:
        # The head is sent: whoever listens notices by the length that something is missing.
        journal.record(
            "recording_broken_off",
            connection=listener.connection,
            code=fault.code,
            received=fault.received,
            listener=listener.name,
        )
