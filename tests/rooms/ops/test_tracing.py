"""Traces: one of each request, its steps and calls within it, nothing secret in any, and nothing of it unasked."""

from __future__ import annotations

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from bridge.ops.tracing import Tracing, tracing_of, wants_traces
from bridge.ops.under_way import Mark, UnderWay, begin, end, mark
from tests.journeys.steps import signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from tests.kit.house import House

TRACE, PARENT = "a" * 32, "b" * 16
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Iterator[Tracing]:
    tracing = Tracing(SimpleSpanProcessor(exporter), "1.0")
    yield tracing
    tracing.close()


@pytest.fixture
def traced(house: House, tracing: Tracing) -> House:
    """A house whose proxy, 10.0.0.1, is trusted, and whose requests are traced."""
    watched: Any = house.app.wsgi_app
    watched._tracing, watched._trusted = tracing, ("10.0.0.0/8",)
    return house


def tree(exporter: InMemorySpanExporter, root: str) -> dict[str, str]:
    """Return the names of what lies within the request `root`, with the name of what each lies in."""
    spans = exporter.get_finished_spans()
    (top,) = [span for span in spans if span.name == root]
    names = {context(span)[1]: span.name for span in spans}
    return {
        span.name: names[span.parent.span_id]
        for span in spans
        if span.parent and context(span)[0] == context(top)[0] and span.parent.span_id in names
    }


def context(span: ReadableSpan) -> tuple[int, int]:
    told = span.get_span_context()
    assert told is not None
    return told.trace_id, told.span_id


def test_a_sign_in_is_told_step_by_step_with_its_calls(traced: House, exporter: InMemorySpanExporter) -> None:
    signed_in(traced, "contoso")
    within = tree(exporter, "GET /callback/<name>")
    assert within["sign_in redeem"] == "GET /callback/<name>"
    assert within["call token"] == "sign_in redeem"
    assert within["call userinfo"] == "sign_in userinfo"
    assert within["call exchange"] == "sign_in exchange"
    assert within["database transaction"] == "GET /callback/<name>"


def test_nothing_secret_and_nobodys_name_is_in_any(traced: House, exporter: InMemorySpanExporter) -> None:
    browser = signed_in(traced, "contoso")
    browser.open("/login/contoso?login_hint=lin@contoso.example&next=/softphone%3Fcall%3D7")
    told = "".join(span.to_json() for span in exporter.get_finished_spans())
    assert '"bridge.connection": "contoso"' in told
    secrets = ("code=", "state=", "lin@", "call=7", str(browser.cookie("bridge_session")))
    assert [secret for secret in secrets if secret in told] == []


@pytest.mark.parametrize(("peer", "is_taken"), [("10.0.0.1", True), ("192.0.2.7", False)])
def test_the_trace_of_a_proxy_is_gone_on_with_a_strangers_is_not(
    traced: House, exporter: InMemorySpanExporter, peer: str, *, is_taken: bool
) -> None:
    client = traced.app.test_client()
    client.get("/login", headers={"traceparent": TRACEPARENT}, environ_base={"REMOTE_ADDR": peer})
    (span,) = [span for span in exporter.get_finished_spans() if span.name == "GET /login"]
    assert (f"{context(span)[0]:032x}" == TRACE) is is_taken


def test_a_failure_is_marked_and_a_probe_is_left_out(traced: House, exporter: InMemorySpanExporter) -> None:
    traced.world.faults.set("token", "http_500")
    with pytest.raises(AssertionError):
        signed_in(traced, "contoso")
    traced.browser().open("/healthz")
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert spans["call token"].status.status_code is StatusCode.ERROR
    assert (spans["call token"].attributes or {})["error.type"] == "failed"
    assert (spans["sign_in redeem"].attributes or {})["error.type"] == "idp_unreachable"
    assert not [name for name in spans if "healthz" in name]


def test_what_overlaps_lies_side_by_side(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    now = UnderWay("id")
    with tracing.request(now, "BREW", ""):
        assert now.marks is not None
        for name, began, ended in (("outer", 1, 4), ("inner", 2, 3), ("after", 3.5, 5)):
            now.marks.append(Mark(name, began, ended, "", {}))
    assert tree(exporter, "_OTHER") == {"outer": "_OTHER", "inner": "outer", "after": "_OTHER"}


ASKED = {
    "nothing": ({}, False),
    "an endpoint": ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
    "an endpoint of traces": ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
    "an exporter": ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
    "no exporter": ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    "an empty endpoint": ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
    "switched off": ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, False),
}


@pytest.mark.parametrize("asked", ASKED)
def test_the_environment_asks_by_opentelemetrys_own_variables(asked: str) -> None:
    environ, wanted = ASKED[asked]
    assert wants_traces(environ) is wanted


def test_nobody_who_did_not_ask_loads_it() -> None:
    code = "import bridge.ops.tracing, sys; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def test_without_the_package_the_bridge_runs_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    assert tracing_of({"OTEL_TRACES_EXPORTER": "otlp"}, "1.0") is None


def test_a_collector_gets_them_over_otlp(monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "phone")
        tracing = tracing_of({"OTEL_TRACES_EXPORTER": "otlp"}, "1.0")
        assert tracing is not None
        now = UnderWay("id", route="/login", status=200)
        with tracing.request(now, "GET", ""):
            begun = begin(now)
            mark("call token", 1, 2, "", {"server.address": "https://idp.example"})
            end(begun)
        tracing.close()
        server.shutdown()
    (resource,) = ExportTraceServiceRequest.FromString(received[0]).resource_spans
    named = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert (named["service.name"], named["service.version"]) == ("phone", "1.0")
    assert [span.name for span in resource.scope_spans[0].spans] == ["call token", "GET /login"]
