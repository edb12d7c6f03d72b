"""The request under way on this thread: how log lines name it, and what of it a trace shows."""

from __future__ import annotations

from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that took its time within a request.

    Args:
        began: monotonic seconds, as `ended`.
        failed: why it went wrong, in a word; empty where all was well.
        attributes: what else a trace may show of it; never a token, a query or a name of a person.
    """

    name: str
    began: float
    ended: float
    failed: str
    attributes: Mapping[str, str | int]


@dataclass(slots=True)
class UnderWay:
    """One request.

    Args:
        request_id: names it in the log and in the answer's X-Request-Id.
        began: monotonic seconds.
        trace_id: of W3C Trace Context, 32 hexadecimal digits, and `span_id`, 16; both empty where nothing is traced.
        connection: whom it is for, once that is known.
        route: the pattern of its address, such as ``/callback/<connection>``, and `status` of its answer; once known.
        marks: collects what a trace shows; None where nothing is traced.
    """

    request_id: str
    began: float = 0.0
    trace_id: str = ""
    span_id: str = ""
    connection: str = ""
    route: str = ""
    status: int = 0
    marks: list[Mark] | None = None


_current: ContextVar[UnderWay | None] = ContextVar("request_under_way", default=None)


def begin(request: UnderWay) -> Token[UnderWay | None]:
    """Say which request this thread works for, until `end` is told the same with what this returns."""
    return _current.set(request)


def end(begun: Token[UnderWay | None]) -> None:
    """Say that this thread has done its work for a request."""
    _current.reset(begun)


def under_way() -> UnderWay | None:
    """Return the request that this thread works for; None where it is none, as in a command."""
    return _current.get()


def is_for(connection: str) -> None:
    """Say which connection the request under way is for; a known one, never what a stranger typed."""
    request = _current.get()
    if request is not None:
        request.connection = connection


def mark(name: str, began: float, ended: float, failed: str, attributes: Mapping[str, str | int]) -> None:
    """Take down what a trace shows; costs next to nothing where nothing is traced."""
    request = _current.get()
    if request is not None and request.marks is not None:
        request.marks.append(Mark(name, began, ended, failed, attributes))
