"""Every request has an id for the log, a count, and a trace where traces are wanted.

The id and the trace context of a request are taken over from a trusted proxy alone: a stranger's would let anybody
write into the log, and into other people's traces.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import structlog
from flask import request

from bridge.http.address import is_trusted_proxy
from bridge.ops.under_way import UnderWay, begin, end, under_way

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from flask import Flask, Response

    from bridge.ops.metrics import Metrics
    from bridge.ops.tracing import Tracing

_SANE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:=@+-]{5,127}")
_UNKNOWN: Final = "unknown"
_KINDS: Final = {
    "": "sign_in",
    "admin": "console",
    "api": "api",
    "backchannel-logout": "logout",
    "bootstrap": "assets",
    "callback": "callback",
    "frontchannel-logout": "logout",
    "handoff": "handoff",
    "healthz": "ops",
    "logged-out": "logout",
    "login": "sign_in",
    "logout": "logout",
    "metrics": "ops",
    "readyz": "ops",
    "session": "session",
    "softphone": "softphone",
    "static": "assets",
}
"""What a request is for, by the first part of its route; few, as each is a time series."""


def install(
    app: Flask, metrics: Metrics, *, trusted_proxies: tuple[str, ...] = (), tracing: Tracing | None = None
) -> None:
    """Look on at every request of `app`, from outside of whatever was put around it before.

    Args:
        trusted_proxies: networks whose X-Request-Id and traceparent count.
        tracing: where traces go; None: nothing is traced.
    """
    app.wsgi_app = _Watched(app.wsgi_app, metrics, trusted_proxies, tracing)  # type: ignore[method-assign]
    log, bare = structlog.stdlib.get_logger("bridge"), logging.getLogger("bridge")
    answered, clock = metrics.answered, time.monotonic

    def look(response: Response) -> Response:
        now = under_way()
        if now is None:
            return response
        rule, seconds = request.url_rule, clock() - now.began
        now.route, now.status = rule.rule if rule else "", response.status_code
        answered(_kind(now.route), now.status, seconds)
        if bare.isEnabledFor(logging.DEBUG):
            # The pattern, never the address: codes and states stand in its query.
            log.debug("http_request", method=request.method, route=now.route, status=now.status, seconds=seconds)
        if response.is_streamed and not response.direct_passthrough:
            response.response = _gone_on_with(now, response.response)
        return response

    app.after_request(look)


class _Watched:
    """The application with eyes on it."""

    def __init__(
        self,
        application: WSGIApplication,
        metrics: Metrics,
        trusted_proxies: tuple[str, ...],
        tracing: Tracing | None,
    ) -> None:
        self._application = application
        self._in_flight = metrics.in_flight
        self._trusted = trusted_proxies
        self._tracing = tracing

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Hand the request on."""
        vouched = bool(self._trusted) and is_trusted_proxy(environ.get("REMOTE_ADDR", ""), self._trusted)
        now = UnderWay(_request_id(environ.get("HTTP_X_REQUEST_ID", "") if vouched else ""), began=time.monotonic())
        begun = begin(now)

        def start(status: str, headers: list[tuple[str, str]], *fault: Any) -> Any:
            headers.append(("X-Request-Id", now.request_id))
            return start_response(status, headers, *fault)

        self._in_flight.inc()
        try:
            if self._tracing is None:
                return self._application(environ, start)
            parent = environ.get("HTTP_TRACEPARENT", "") if vouched else ""
            with self._tracing.request(now, environ["REQUEST_METHOD"], parent):
                return self._application(environ, start)
        finally:
            self._in_flight.dec()
            end(begun)


def _gone_on_with(now: UnderWay, body: Iterable[Any]) -> Iterator[Any]:
    """Give the body of an answer, which is sent after its view has ended, still in the name of its request."""
    pieces = iter(body)
    try:
        while True:
            begun = begin(now)
            try:
                piece = next(pieces)
            except StopIteration:
                return
            finally:
                end(begun)
            yield piece
    finally:
        if hasattr(body, "close"):
            body.close()


def _request_id(given: str) -> str:
    return given if given and _SANE_ID.fullmatch(given) else secrets.token_hex(16)


@cache
def _kind(route: str) -> str:
    return _KINDS.get(route.split("/", 2)[1], "other") if route else _UNKNOWN
