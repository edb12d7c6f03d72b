"""An answer that is read piece by piece while somebody uses it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from bridge.egress.faults import FailAs
    from bridge.egress.lines import Flight

CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Streamed:
    """What came back; the body comes piece by piece, once, and is complete where its pieces end without an error.

    Args:
        length: bytes of the body as the server announced them; None where it did not.
    """

    status: int
    content_type: str
    length: int | None
    chunks: Iterator[bytes] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Due:
    """How long a body may be and must be, in bytes.

    Args:
        length: as announced; None where nobody did.
    """

    largest: int
    length: int | None


def pieces(
    source: Iterator[bytes],
    due: Due,
    flight: Flight,
    watched: Callable[[], AbstractContextManager[None]],
    fail_as: FailAs,
) -> Iterator[bytes]:
    """Yield a body's pieces; it is complete where they end without an error.

    Args:
        watched: turns the failures of reading one piece into errors of the calling room. Nothing else stands inside:
            what is raised at a yield is the reader's own trouble.

    Raises:
        fail_as.invalid: more came, or is announced, than may.
    """
    came = 0
    while True:
        if max(came, due.length or 0) > due.largest:
            raise fail_as.invalid(expected=f"at most {due.largest} bytes", received="a larger answer")
        with watched():
            piece = next(source, None)
            if flight.is_cut:
                # Where nobody said how long the body is, its end and a cut look the same.
                raise TimeoutError
            if piece is None and due.length is not None and came < due.length:
                raise ConnectionError
        if piece is None:
            return
        came += len(piece)
        if came <= due.largest:
            yield piece


def announced(headers: Mapping[str, str]) -> int | None:
    """Return the body's length as the headers tell it (RFC 9110 section 8.6), None where they do not."""
    text = headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() and not headers.get("Transfer-Encoding") else None
