"""What is measured of one relying party in one round."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tests.bench.browser import Browser, SignIn
from tests.bench.faults import BenchFault
from tests.bench.footprint import largest
from tests.bench.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.bench.processes import Process
    from tests.bench.world import Party

ROUND_TRIP: Final = 0.040
"""Seconds that the line adds to each round trip."""
_SETTLE: Final = 0.1
"""Seconds until everybody has seen that connections were closed."""
_BARE_CALLS: Final = 9


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything one round has."""

    first: int = 60
    warm_up: int = 5
    sign_ins: int = 40
    steady: int = 8
    paused: int = 3
    load_threads: int = 4
    load_seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one relying party in one round.

    Args:
        bare_us: CPU of a view that does nothing, in the same round.
        steady: callback over open connections, in round trips of the line.
        paused: the same after every connection was closed.
        pss: memory of the largest process, in MiB, at the end of the round.
    """

    bare_us: float
    cpu_ms: float
    page_cpu_ms: float
    calls: float
    connections: float
    callback_ms: float
    steady: float
    paused: float
    rate: float
    request_us: float
    pss: float


def measure(party: Party, upstream: Process, plan: Plan, bare_us: float) -> Figures:
    """Take every figure once, beside the CPU of a view that does nothing.

    Raises:
        BenchFault: a sign-in or a request failed.
    """
    _sign_ins(party, plan.warm_up)
    before, cpu_before = upstream.ask("count"), party.server.cpu_seconds()
    sign_ins = _sign_ins(party, plan.sign_ins)
    cpu, after = party.server.cpu_seconds() - cpu_before, upstream.ask("count")
    page, near = sign_ins[-1].page, _usual_callback(sign_ins)
    pages = _load(party, page, sign_ins[-1].cookie, threads=1, seconds=plan.load_seconds / 4)
    requests = _load(party, party.session, sign_ins[-1].cookie, threads=plan.load_threads, seconds=plan.load_seconds)
    return Figures(
        bare_us=bare_us,
        cpu_ms=1e3 * cpu / plan.sign_ins,
        page_cpu_ms=1e-3 * pages.cpu_us,
        calls=(after["requests"] - before["requests"]) / plan.sign_ins,
        connections=(after["connections"] - before["connections"]) / plan.sign_ins,
        callback_ms=1e3 * near,
        steady=(_far_callback(party, upstream, plan.steady) - near) / ROUND_TRIP,
        paused=_paused_round_trips(party, upstream, plan.paused),
        rate=requests.answers / requests.seconds,
        request_us=requests.cpu_us,
        pss=largest(party.server).pss,
    )


def make_warm(party: Party, plan: Plan) -> None:
    """Let compilers, caches and pools come to their steady state, before the first round."""
    cookie = _sign_ins(party, plan.first)[-1].cookie
    _load(party, party.session, cookie, threads=plan.load_threads, seconds=plan.load_seconds / 2)


def bare_view(bare: Party, plan: Plan) -> float:
    """Return the CPU µs of a view that does nothing, under the same load as ``GET /session``."""
    return _load(bare, bare.session, "", threads=plan.load_threads, seconds=plan.load_seconds / 2).cpu_us


def bare_call(issuer: str, bundle: Path, upstream: Process) -> float:
    """Return what one call over an open connection costs on this line, in round trips: 1, were the line perfect."""
    target = urlsplit(issuer)
    context = ssl.create_default_context(cafile=bundle)
    wire = http.client.HTTPSConnection(str(target.hostname), target.port, timeout=30, context=context)

    def call() -> float:
        started = time.perf_counter()
        wire.request("GET", "/jwks")
        wire.getresponse().read()
        return time.perf_counter() - started

    call()
    near = _usual(call() for _ in range(_BARE_CALLS))
    far = _from_afar(upstream, lambda: _usual(call() for _ in range(_BARE_CALLS)))
    wire.close()
    return (far - near) / ROUND_TRIP


def _far_callback(party: Party, upstream: Process, count: int) -> float:
    Browser(party).sign_in()  # opens what the pause before closed
    return _from_afar(upstream, lambda: _usual_callback(_sign_ins(party, count)))


def _paused_round_trips(party: Party, upstream: Process, count: int) -> float:
    near = _usual(_after_a_pause(party, upstream) for _ in range(count))
    far = _from_afar(upstream, lambda: _usual(_after_a_pause(party, upstream) for _ in range(count)))
    return (far - near) / ROUND_TRIP


def _after_a_pause(party: Party, upstream: Process) -> float:
    upstream.ask("drop")
    time.sleep(_SETTLE)
    return Browser(party).sign_in().callback_seconds


def _from_afar(upstream: Process, act: Callable[[], float]) -> float:
    upstream.ask(f"distance {ROUND_TRIP / 2}")
    try:
        return act()
    finally:
        upstream.ask("distance 0")


def _sign_ins(party: Party, count: int) -> list[SignIn]:
    return [Browser(party).sign_in() for _ in range(count)]


def _usual_callback(sign_ins: list[SignIn]) -> float:
    return _usual(sign_in.callback_seconds for sign_in in sign_ins)


def _usual(latencies: Iterable[float]) -> float:
    """Return the lower quartile: whatever else the machine does can only add to a latency."""
    found = sorted(latencies)
    return found[len(found) // 4]


@dataclass(frozen=True, slots=True)
class _Load:
    """What a load from a second process counted, and what it cost the server."""

    answers: int
    seconds: float
    cpu_seconds: float

    @property
    def cpu_us(self) -> float:
        return 1e6 * self.cpu_seconds / self.answers


def _load(party: Party, path: str, cookie: str, *, threads: int, seconds: float) -> _Load:
    before = party.server.cpu_seconds()
    told = subprocess.run(
        [sys.executable, "-m", "tests.bench.load", str(party.port), path, cookie, str(threads), str(seconds)],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    if told.returncode:
        raise BenchFault(f"{party.title}: the load on {path} failed: {told.stderr.strip()[-500:]}")
    counted = json.loads(told.stdout)
    return _Load(counted["requests"], counted["seconds"], party.server.cpu_seconds() - before)
