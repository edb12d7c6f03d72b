"""Recordings of calls: whether there are any, and the way from the store's secret link to whoever may listen."""

from __future__ import annotations

import math
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from bridge.calls.links import fetchable
from bridge.calls.times import over_at
from bridge.core.contact_center_errors import (
    RecordingInvalid,
    RecordingMissing,
    RecordingNotReady,
    RecordingUnreachable,
)
from bridge.outbound import FailAs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from bridge.aiccs.calls import Call, Calls, Recording
    from bridge.aiccs.instance import Instance
    from bridge.core.errors import BridgeError
    from bridge.egress.streamed import Streamed
    from bridge.outbound import Outbound

SETTLES_IN: Final = 600
"""Seconds after which a call without a recording has none; how long one takes is published nowhere."""
LARGEST: Final = 512 * 1_048_576
_DEADLINE: Final = 900.0
_DEADLINE_OF_PART: Final = 60.0
_PATIENCE: Final = 25.0
_FAILURES: Final = FailAs(RecordingUnreachable, RecordingInvalid, "recording")
_PLAIN_RANGE: Final = re.compile(r"bytes=(?P<first>[0-9]{0,15})-(?P<last>[0-9]{0,15})")
_CONTENT_RANGE: Final = re.compile(r"bytes [0-9]{1,15}-[0-9]{1,15}/(?:[0-9]{1,15}|\*)")
_AUDIO: Final = re.compile(r"audio/[a-z0-9][a-z0-9.+-]{0,60}")
_UNNAMED_BYTES: Final = frozenset({"application/octet-stream", "binary/octet-stream"})
_WAV: Final = "audio/wav"
_OK, _PARTIAL, _FORBIDDEN, _NOT_FOUND, _NO_SUCH_RANGE, _TOO_MANY, _SERVER_ERROR = 200, 206, 403, 404, 416, 429, 500

State = Literal["ready", "not_ready", "none"]


@dataclass(frozen=True, slots=True)
class Held:
    """What the contact center holds of a call; their links are secrets."""

    state: State
    recordings: tuple[Recording, ...] = ()


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording on its way, or a part of it.

    Args:
        status: 200, or 206 for a part.
        content_type: one of audio; that of a WAV file where the store only speaks of bytes.
        length: bytes that come; None where the store does not say.
        content_range: of a part (RFC 9110 section 14.4), else empty.
        chunks: raise RecordingUnreachable where the store breaks off, RecordingInvalid where too much comes.
    """

    status: int
    content_type: str
    length: int | None
    content_range: str
    chunks: Iterator[bytes] = field(repr=False)


class Recordings:
    """Finds and fetches recordings.

    Args:
        now: epoch seconds.
        patience: seconds for finding a link, all questions to the contact center together.
    """

    def __init__(
        self, outbound: Outbound, calls: Calls, now: Callable[[], float], *, patience: float = _PATIENCE
    ) -> None:
        self._outbound = outbound
        self._patience = patience
        self._calls = calls
        self._now = now

    def asking(self, calls: Calls) -> Recordings:
        """Return the same for a caller who asks the contact center with more patience."""
        return Recordings(self._outbound, calls, self._now, patience=math.inf)

    def of(self, instance: Instance, call: Sequence[Call]) -> Held:
        """Return what there is of one call, by its rows; what nobody answered is not asked for.

        Raises:
            ContactCenterError, ContactCenterUnreachable: as `Calls.recordings`.
        """
        answered = [row for row in call if row.was_answered]
        if not answered:
            return Held("none")
        return self.look_up(instance, call[0].call_id, max(map(over_at, answered)))

    def look_up(self, instance: Instance, call_id: str, ended_at: float) -> Held:
        """Return what there is of an answered call; raises as `of`.

        Args:
            ended_at: epoch seconds, see `over_at`.
        """
        found = tuple(self._calls.recordings(instance, call_id))
        if found:
            return Held("ready", found)
        return Held("not_ready" if self._now() - ended_at < SETTLES_IN else "none")

    def open(
        self, instance: Instance, call_id: str, connection_id: str, *, byte_range: str = "", most: int | None = None
    ) -> AbstractContextManager[Sound]:
        """Open one recording for reading, inside a with-statement; its link is asked for before that begins.

        Args:
            byte_range: of a Range header; handed on where it is a single plain range of bytes, else ignored, as
                RFC 9110 section 14.2 allows.
            most: bytes of a range, of which no more than the first ones are asked for; None: all.

        Raises:
            CallUnknown: there is no such call.
            RecordingMissing, RecordingNotReady: it has no such recording, or not yet.
            RecordingUnreachable: the store did not answer; also while it is read.
            RecordingInvalid: the link leads where it may not, or to something else than sound.
            ContactCenterError, ContactCenterUnreachable: as `Calls.recordings`.
        """
        wanted = _within(byte_range, most)
        link = self._link(instance, call_id, connection_id)
        return self._opened(instance, link, call_id, connection_id, wanted)

    def open_found(self, instance: Instance, found: Recording) -> AbstractContextManager[Sound]:
        """Open a recording that was found a moment ago; raises as `open`."""
        return self._opened(instance, found.link, found.call_id, found.connection_id, "")

    @contextmanager
    def _opened(
        self, instance: Instance, link: str, call_id: str, connection_id: str, byte_range: str
    ) -> Iterator[Sound]:
        with self._stream(instance, link, byte_range) as answer:
            if answer.status not in {_FORBIDDEN, _NO_SUCH_RANGE}:
                yield _sound(answer)
                return
            refused = answer.status
        if refused == _FORBIDDEN:
            # It may have expired between the answer and now; a fresh one is refused for another reason.
            link = self._link(instance, call_id, connection_id)
        with self._stream(instance, link, "" if refused == _NO_SUCH_RANGE else byte_range) as answer:
            yield _sound(answer)

    def _stream(self, instance: Instance, link: str, byte_range: str) -> AbstractContextManager[Streamed]:
        headers = {"Accept": "audio/*, application/octet-stream", **({"Range": byte_range} if byte_range else {})}
        return self._outbound.stream(
            fetchable(link, instance.access),
            _FAILURES,
            headers=headers,
            public_only=instance.access.public_only,
            largest=LARGEST,
            deadline=_DEADLINE_OF_PART if byte_range else _DEADLINE,
        )

    def _link(self, instance: Instance, call_id: str, connection_id: str) -> str:
        with self._outbound.in_a_hurry(self._patience):
            return self._look_for_link(instance, call_id, connection_id)

    def _look_for_link(self, instance: Instance, call_id: str, connection_id: str) -> str:
        found = self._calls.recordings(instance, call_id)
        link = next((one.link for one in found if one.connection_id == connection_id), "")
        if link:
            return link
        if not found and self.of(instance, self._calls.find(instance, call_id)).state == "not_ready":
            raise RecordingNotReady
        raise RecordingMissing(expected="a recording of this connection", received="none")


def _within(byte_range: str, most: int | None) -> str:
    """Return a range of at most so many bytes; nothing where it is none, or one whose beginning nobody knows."""
    found = _PLAIN_RANGE.fullmatch(byte_range)
    first, last = found.group("first", "last") if found else ("", "")
    if not first:
        return byte_range if last and (most is None or int(last) <= most) else ""
    if most is None:
        return byte_range
    end = int(first) + most - 1
    return f"bytes={first}-{min(int(last), end) if last else end}"


def _sound(answer: Streamed) -> Sound:
    _check_status(answer.status)
    # Unpacked it would be longer than it says, which nobody asked for.
    if answer.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise RecordingInvalid(expected="Content-Encoding identity", received="another one")
    kind = answer.content_type.partition(";")[0].strip().lower()
    if kind not in _UNNAMED_BYTES and not _AUDIO.fullmatch(kind):
        raise RecordingInvalid(expected="sound", received="another type of content")
    content_range = answer.headers.get("Content-Range", "") if answer.status == _PARTIAL else ""
    if answer.status == _PARTIAL and not _CONTENT_RANGE.fullmatch(content_range):
        raise RecordingInvalid(expected="Content-Range of the part", received="none that can be read")
    content_type = _WAV if kind in _UNNAMED_BYTES else kind
    return Sound(answer.status, content_type, answer.length, content_range, answer.chunks)


def _check_status(status: int) -> None:
    if status in {_OK, _PARTIAL}:
        return
    kind: type[BridgeError] = RecordingInvalid
    if status == _NOT_FOUND:
        kind = RecordingMissing
    elif status >= _SERVER_ERROR or status == _TOO_MANY:
        kind = RecordingUnreachable
    raise kind(expected="a recording", received=f"HTTP {status}")
