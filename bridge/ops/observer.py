"""Looks on at what goes out of the bridge and into its stores: each call is a metric, and part of a trace."""

from __future__ import annotations

import time
from functools import wraps
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from bridge.core.errors import StoreUnavailable
from bridge.ops.under_way import mark, under_way

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.ops.metrics import Metrics

_Asked = ParamSpec("_Asked")
_Answer = TypeVar("_Answer")
_Store = TypeVar("_Store")
_CLIENT_ERROR: Final = 400
_SERVER_ERROR: Final = 500


class Observer:
    """Told of each call by whoever makes it; see `Outbound.observed_by` and `Database.observed_by`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def called(self, upstream: str, method: str, host: str, *, status: int, failure: str, began: float) -> None:
        """Take down a call to another server.

        Args:
            upstream: what was asked, in a word.
            host: scheme and host of the address; its path and query can hold what must not be shown.
            status: of the answer; 0 where none came.
            failure: why none came: unreachable, invalid or not_asked.
            began: monotonic seconds.
        """
        ended = time.monotonic()
        request = under_way()
        outcome = failure or _outcome(status)
        self._metrics.called(upstream, request.connection if request else "", outcome, ended - began)
        if request is not None and request.marks is not None:
            told = {"bridge.upstream": upstream, "http.request.method": method, "server.address": host}
            answer: dict[str, str | int] = {"http.response.status_code": status} if status else {}
            mark(f"call {upstream}", began, ended, "" if outcome == "ok" else outcome, {**told, **answer})

    def circuit(self, host: str, *, is_open: bool) -> None:
        """Take down whether a host is left alone."""
        self._metrics.circuit(host, is_open=is_open)

    def stored(self, store: str, operation: str, began: float, *, failed: bool) -> None:
        """Take down what a store was asked; `began` in monotonic seconds."""
        ended = time.monotonic()
        self._metrics.stored(store, operation, ended - began, failed=failed)
        request = under_way()
        if request is not None and request.marks is not None:
            told: dict[str, str | int] = {"bridge.store": store, "db.operation.name": operation}
            mark(f"{store} {operation}", began, ended, StoreUnavailable.code if failed else "", told)

    def watching(self, store: _Store, name: str, verbs: Iterable[str]) -> _Store:
        """Let every use of these verbs of a store be taken down.

        Args:
            name: of the store, for metrics.
            verbs: of those that give their answer at once; what is given by and by takes as long as its reader.
        """
        for verb in verbs:
            object.__setattr__(store, verb, self._watched(getattr(store, verb), name, verb))
        return store

    def _watched(self, ask: Callable[_Asked, _Answer], store: str, operation: str) -> Callable[_Asked, _Answer]:
        stored, clock = self.stored, time.monotonic

        @wraps(ask)
        def watched(*given: _Asked.args, **named: _Asked.kwargs) -> _Answer:
            began = clock()
            try:
                answer = ask(*given, **named)
            except StoreUnavailable:
                stored(store, operation, began, failed=True)
                raise
            stored(store, operation, began, failed=False)
            return answer

        return watched


def _outcome(status: int) -> str:
    if status < _CLIENT_ERROR:
        return "ok"
    return "refused" if status < _SERVER_ERROR else "failed"
