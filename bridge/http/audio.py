"""Recordings on their way to whoever may hear them: streamed through the bridge, so that no link leaves it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from flask import Response, request

from bridge.core.errors import BridgeError, showable
from bridge.http.current import services

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bridge.aiccs.instance import Instance
    from bridge.ops.journal import Journal

_PARTIAL: Final = 206


def audio_answer(instance: Instance, call_id: str, connection_id: str, **who: Any) -> Response:
    """Return a recording, or the part of it that ``Range`` asks for, as an answer that is read while it is sent.

    Whoever asks must have the right to hear it: nothing is checked here.

    Args:
        who: who listens, as fields of the log line.

    Raises:
        CallUnknown, RecordingMissing, RecordingNotReady, RecordingUnreachable, RecordingInvalid: as `Recordings.open`.
        ContactCenterError, ContactCenterUnreachable: as `Recordings.open`.
    """
    with ExitStack() as opened:
        sound = opened.enter_context(
            services().recordings.open(instance, call_id, connection_id, byte_range=request.headers.get("Range", ""))
        )
        services().journal.record("recording_opened", call=showable(call_id), **who)
        response = Response(
            _flowing(sound.chunks, services().journal, who), sound.status, content_type=sound.content_type
        )
        response.headers["Accept-Ranges"] = "bytes"
        response.headers["Cache-Control"] = "private, no-store"
        if sound.length is not None:
            response.content_length = sound.length
        if sound.status == _PARTIAL and sound.content_range:
            response.headers["Content-Range"] = sound.content_range
        # The line to the store is closed with the answer, also where the reader goes away in the middle.
        response.call_on_close(opened.pop_all().close)
        return response


def _flowing(chunks: Iterable[bytes], journal: Journal, who: Mapping[str, Any]) -> Iterator[bytes]:
    try:
        yield from chunks
    except BridgeError as fault:
        # The head is sent: whoever listens notices by the length that something is missing.
        journal.record("recording_broken_off", code=fault.code, received=fault.received, **who)
