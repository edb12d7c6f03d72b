"""Tells somebody who looks on how each call outside ended, and whether its host is left alone."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from bridge.core.errors import BridgeError
from bridge.egress.breaker import Tripped
from bridge.egress.hosts import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.egress.answer import Answer
    from bridge.egress.breaker import Breakers
    from bridge.egress.faults import FailAs


class Observer(Protocol):
    """Looks on at calls."""

    def called(self, upstream: str, method: str, host: str, *, status: int, failure: str, began: float) -> None:
        """Learn how a call ended: with a status, or without because of a failure; it began at a monotonic second."""
        ...

    def circuit(self, host: str, *, is_open: bool) -> None:
        """Learn whether a host is left alone."""
        ...


class Seen:
    """What is seen of one call; its caller notes the status of the answer."""

    __slots__ = ("status",)

    def __init__(self) -> None:
        self.status = 0

    def answered(self, answer: Answer) -> Answer:
        """Note the status of an answer, and return it."""
        self.status = answer.status
        return answer


class Witness:
    """Sees calls, for one observer or for nobody."""

    def __init__(self, breakers: Breakers) -> None:
        self.observer: Observer | None = None
        self._breakers = breakers

    @contextmanager
    def of(self, method: str, url: str, fail_as: FailAs) -> Iterator[Seen]:
        """See the call within."""
        call, failure, began = Seen(), "", time.monotonic()
        try:
            yield call
        except BridgeError as fault:
            failure = _failure(fault, fail_as)
            raise
        finally:
            if self.observer:
                host = line_of(url)
                self.observer.called(fail_as.upstream, method, host, status=call.status, failure=failure, began=began)
                self.observer.circuit(host, is_open=self._breakers.is_tripped(host))


def _failure(fault: BridgeError, fail_as: FailAs) -> str:
    if isinstance(fault.__cause__, Tripped):
        return "not_asked"
    return "unreachable" if isinstance(fault, fail_as.unreachable) else "invalid"
