"""Traces by OpenTelemetry, where the environment asks for them; else nothing of it is loaded.

One trace is one request: what was taken down of it (`under_way`) becomes spans when it ends, each within the one that
was going on meanwhile. The instrumentations that OpenTelemetry offers for Flask and requests are not used: they write
down whole addresses, and in ours stand codes and states. Nothing is sent along to identity providers and Fuyun: they
are other companies, and what they would answer belongs into their traces.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span, Tracer

    from bridge.ops.under_way import Mark, UnderWay

_ASKS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_KIND: Final = "OTEL_TRACES_EXPORTER"
_OFF: Final = "OTEL_SDK_DISABLED"
_METHODS: Final = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_PROBES: Final = {"/healthz", "/readyz", "/metrics"}
_NANO: Final = 1_000_000_000
_SERVER_ERROR: Final = 500


def wants_traces(environ: Mapping[str, str]) -> bool:
    """Say whether the environment asks for traces, by OpenTelemetry's own variables."""
    if environ.get(_OFF, "").lower() == "true" or environ.get(_KIND, "otlp") != "otlp":
        return False
    return _KIND in environ or any(environ.get(name) for name in _ASKS)


def tracing_of(environ: Mapping[str, str], version: str) -> Tracing | None:
    """Return where traces go; None where nobody asked, or where OpenTelemetry is not installed, which the log tells.

    Endpoint, headers, sampler and service name come from OpenTelemetry's own variables.
    """
    if not wants_traces(environ):
        return None
    try:
        # A quarter of a second and 10 MiB, for those alone who asked for it.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        wanted = "pip install 'hotline-bridge[tracing]'"
        structlog.get_logger("bridge").warning("tracing_unavailable", expected=wanted, received="no OpenTelemetry")
        return None
    return Tracing(BatchSpanProcessor(OTLPSpanExporter()), version)


class Tracing:
    """Makes spans of requests and hands them to a processor, which sends them off in the background."""

    def __init__(self, processor: SpanProcessor, version: str) -> None:
        from opentelemetry import trace  # noqa: PLC0415 — as above
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        ours = Resource.create({"service.name": "hotline-bridge", "service.version": version})
        # What the environment says of the service counts more.
        self._provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()))
        self._provider.add_span_processor(processor)
        self._tracer: Tracer = self._provider.get_tracer("bridge", version)
        self._api = trace
        self._parents = TraceContextTextMapPropagator()

    @contextmanager
    def request(self, now: UnderWay, method: str, traceparent: str) -> Iterator[None]:
        """Trace the request within, which `now` describes at its end.

        Args:
            method: as it was sent.
            traceparent: of whoever may say to which trace it belongs (W3C Trace Context section 3.2); else empty.
        """
        parent = self._parents.extract({"traceparent": traceparent}) if traceparent else None
        span = self._tracer.start_span("request", parent, self._api.SpanKind.SERVER)
        told = span.get_span_context()
        now.trace_id, now.span_id = f"{told.trace_id:032x}", f"{told.span_id:016x}"
        now.marks = [] if span.is_recording() else None
        try:
            yield
        finally:
            # A span that never ends is sent nowhere: nobody wants one of each probe.
            if now.route not in _PROBES:
                self._tell(span, now.marks or ())
                self._name(span, now, method if method in _METHODS else "_OTHER")
                span.end()

    def close(self) -> None:
        """Send off what is still here."""
        self._provider.shutdown()

    def _name(self, span: Span, now: UnderWay, method: str) -> None:
        span.update_name(f"{method} {now.route}".strip())
        told: dict[str, str | int] = {
            "http.request.method": method,
            "http.route": now.route,
            "http.response.status_code": now.status,
            "bridge.connection": now.connection,
            "bridge.request_id": now.request_id,
        }
        span.set_attributes({name: value for name, value in told.items() if value})
        self._blame(span, "" if 0 < now.status < _SERVER_ERROR else str(now.status or "no answer"))

    def _tell(self, root: Span, marks: Sequence[Mark]) -> None:
        """Make spans of what was taken down, each within the one that had not ended yet when it began."""
        epoch = time.time_ns() - time.monotonic_ns()
        around: list[tuple[float, Span]] = []
        for one in sorted(marks, key=lambda mark: (mark.began, -mark.ended)):
            while around and around[-1][0] < one.ended:
                around.pop()
            within = self._api.set_span_in_context(around[-1][1] if around else root)
            span = self._tracer.start_span(one.name, within, start_time=epoch + int(one.began * _NANO))
            span.set_attributes(dict(one.attributes))
            self._blame(span, one.failed)
            span.end(epoch + int(one.ended * _NANO))
            around.append((one.ended, span))

    def _blame(self, span: Span, failed: str) -> None:
        if failed:
            span.set_attribute("error.type", failed)
            span.set_status(self._api.Status(self._api.StatusCode.ERROR))
