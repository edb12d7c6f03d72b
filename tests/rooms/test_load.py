"""The load test lets agents sign in, work and leave, tells its figures, and counts whatever goes wrong."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from bridge.app import create_app
from bridge.outbound import Outbound
from bridge.settings import load
from tests.bench.certificates import make_certificates
from tests.bench.upstream import Request
from tests.kit.mounted import Mounted
from tests.kit.ports import free_port
from tests.load.agent import RENEWAL, Front
from tests.load.course import Course, Plan, Runner
from tests.load.nginx import EXAMPLE, Turns, read_turns, site
from tests.load.report import report
from tests.load.stores import Weight
from tests.load.upstream import Provider
from tests.load.world import bridge_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flask import Flask

ISSUER: Final = "https://localhost:1"
PLAN: Final = Plan(agents=5, rate=50, seconds=0.8, trial=2, looks=4, beat=0.2, leavers=0.4)
ROWS: Final = (
    "sign-ins 5 of 5 agents",
    "sign-outs 2, after which each session was refused",
    "errors 0 in",
    "each sign-in: 1.000 token, 1.000 UserInfo",
    "refused by upstreams: 0",
    "cores in use",
    "100,000 agents would need (no measurement",
)


class Scene:
    """One bridge in this process, where three behind nginx would be."""

    replicas = ()

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def calls(self) -> Counter[str]:
        return self._provider.counts.copy()

    def weigh(self) -> Weight:
        return Weight()

    def lines(self) -> dict[str, int]:
        return {}

    def memory(self) -> list[int]:
        return []

    def mark(self) -> int:
        return 0


class KeepsAlive(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 — Werkzeug's signature
        """Say nothing."""


def answering(provider: Provider) -> Callable[..., list[bytes]]:
    """Return the provider as a WSGI application."""

    def application(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, members = provider.answer(Request(environ["PATH_INFO"], environ.get("HTTP_AUTHORIZATION", ""), body))
        start_response(f"{status} -", [("Content-Type", "application/json")])
        return [json.dumps(members).encode()]

    return application


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[[Callable[[Flask], Any]], Course]]:
    """Plays a shift at a bridge that a test may have put something in front of."""
    certificates, port, provider = make_certificates(tmp_path), free_port(), Provider()
    provider.open_at(ISSUER)
    file = tmp_path / "bridge.toml"
    file.write_text(
        bridge_config(
            public_url=f"https://localhost:{port}",
            issuer=ISSUER,
            database=f"sqlite:///{tmp_path}/bridge.db",
            sessions="database",
            certificates=certificates,
            port=port,
            workers=1,
        ),
        encoding="utf-8",
    )
    way_out = Mounted()
    way_out.mount(ISSUER, answering(provider))
    app = create_app(load(file, os.environ), outbound=Outbound(adapter=way_out))
    running: list[tuple[Any, threading.Thread]] = []

    def run(before: Callable[[Flask], Any]) -> Course:
        context = (str(certificates.server), str(certificates.server))
        server = make_server(
            "127.0.0.1", port, before(app), threaded=True, request_handler=KeepsAlive, ssl_context=context
        )
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        running.append((server, thread))
        thread.start()
        front = Front(port, ssl.create_default_context(cafile=certificates.bundle))
        runner = Runner(Scene(provider), front, PLAN, lambda _: None)
        with ThreadPoolExecutor(1) as pool:  # Chromium's event loop may run in this thread since an earlier test
            return pool.submit(lambda: asyncio.run(runner.run())).result()

    yield run
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_small_shift_tells_its_figures_and_is_fine(play: Callable[[Any], Course]) -> None:
    course = play(lambda app: app)
    told = words(report(course, Turns()))
    assert (course.is_fine, [row for row in ROWS if words(row) not in told]) == (True, [])
    assert (course.renewals.calls["refresh"], course.renewals.tally.count(RENEWAL)) == (4, 4)


def test_one_refused_request_is_counted_by_its_kind_and_spoils_the_run(play: Callable[[Any], Course]) -> None:
    seen: list[str] = []

    def refusing(app: Flask) -> Any:
        def application(environ: dict[str, Any], start_response: Any) -> Any:
            seen.append(environ["PATH_INFO"])
            if seen.count("/session/token") == 6 and seen[-1] == "/session/token":
                start_response("503 -", [("Content-Type", "application/problem+json"), ("Content-Length", "30")])
                return [b'{"code": "store_unavailable"}\n']
            return app(environ, start_response)

        return application

    course = play(refusing)
    assert (course.is_fine, dict(course.faults)) == (False, {"token: 503 store_unavailable": 1})
    assert "1 x token: 503 store_unavailable" in words(report(course, Turns()))


def test_nginx_log_tells_who_answered_and_which_sign_ins_changed_replicas(tmp_path: Path) -> None:
    lines = (
        '127.16.0.1 [T] id "GET /login/contoso" 302 0 0.1 upstream 10.0.0.1:1 0.1',
        '127.16.0.2 [T] id "GET /login/contoso" 302 0 0.1 upstream 10.0.0.1:1 0.1',
        '127.16.0.1 [T] id "GET /callback/contoso" 303 0 0.1 upstream 10.0.0.2:1 0.1',
        '127.16.0.2 [T] id "GET /callback/contoso" 303 0 0.1 upstream 10.0.0.2:1, 10.0.0.1:1 0.0, 0.1',
        '127.16.0.2 [T] id "GET /healthz" 404 0 0.0 upstream - -',
    )
    (tmp_path / "load.log").write_text("\n".join(lines), "utf-8")
    counted = Counter({"10.0.0.1:1": 3, "10.0.0.2:1": 1})
    assert read_turns(tmp_path) == Turns(counted, pairs=2, crossed=1, repeated=1)


def test_the_example_for_nginx_leads_to_the_replicas_of_the_load_test_alone(tmp_path: Path) -> None:
    told = site(EXAMPLE.read_text("utf-8"), tmp_path, 4443, tmp_path / "server.pem", [8001, 8002])
    lines = [line.partition("#")[0].strip() for line in told.splitlines()]
    servers = [line.split()[1] for line in lines if line.startswith("server ") and line != "server {"]
    assert servers == ["127.0.0.1:8001", "127.0.0.1:8002"]
    assert all(line.split()[1].startswith("127.0.0.1:") for line in lines if line.startswith("listen "))
    assert {line.split()[1] for line in lines if "ssl_certificate" in line} == {f"{tmp_path}/server.pem;"}
