"""What is demanded of the bridge, as ratios that hold on any machine.

The demands were measured on a machine where express-openid-connect costs 4.3 (Redis) to 4.9 ms (cookie) a sign-in and
390 to 480 µs a request, mod_auth_openidc with Redis 500 µs a request, and a Flask view that does nothing 120 to 140 µs.
"""

from __future__ import annotations

from statistics import mean, median
from typing import TYPE_CHECKING, Final

from tests.bench.apache import APACHE
from tests.bench.express import EXPRESS
from tests.bench.report import in_views, per_call, request_in_views

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.measures import Figures
    from tests.bench.report import Read, Rounds
    from tests.bench.start import Start

_EXPRESS_MS: Final = 4.6
_EXPRESS_US: Final = 435.0
_APACHE_US: Final = 500.0
_BARE_US: Final = 130.0
_OAUTH_MS: Final = 4.0
_JWT_MS: Final = 3.5
_REQUEST_US: Final = 350.0
_ROUND_TRIPS: Final = 1.1
_PSS_MIB: Final = 90.0
_START_SECONDS: Final = 1.5

_Here = float | None


def targets(rounds: Rounds, starts: Sequence[Start]) -> str:
    """Return a table of what is demanded and what is measured; ratios are taken within a round."""
    oauth, jwt = "bridge oauth, Redis", "bridge jwt, Redis"
    rows: list[tuple[str, _Here, float]] = [
        (f"sign-in, oauth : {EXPRESS}", _beside(rounds, oauth, EXPRESS, _cpu), _OAUTH_MS / _EXPRESS_MS),
        ("sign-in, oauth : bare view", _of(rounds, oauth, in_views), 1e3 * _OAUTH_MS / _BARE_US),
        (f"sign-in, jwt : {EXPRESS}", _beside(rounds, jwt, EXPRESS, _cpu), _JWT_MS / _EXPRESS_MS),
        ("sign-in, jwt : bare view", _of(rounds, jwt, in_views), 1e3 * _JWT_MS / _BARE_US),
        (f"GET /session : {EXPRESS}", _beside(rounds, oauth, EXPRESS, _request), _REQUEST_US / _EXPRESS_US),
        (f"GET /session : {APACHE}", _beside(rounds, oauth, APACHE, _request), _REQUEST_US / _APACHE_US),
        ("GET /session : bare view", _of(rounds, oauth, request_in_views), _REQUEST_US / _BARE_US),
        ("callback, RTTs per upstream call", _of(rounds, oauth, per_call), _ROUND_TRIPS),
        ("new TLS connections a sign-in", _of(rounds, oauth, lambda one: one.connections), 0.0),
        ("PSS of the worker, MiB", _of(rounds, oauth, lambda one: one.pss), _PSS_MIB),
        (
            "start to ready, s, on this machine as it is",
            median(one.seconds for one in starts) if starts else None,
            _START_SECONDS,
        ),
    ]
    return "\n".join([f"{'Demanded of the bridge':<45}{'here':>10}{'demanded':>10}", *(_row(*row) for row in rows)])


def _row(label: str, here: _Here, demanded: float) -> str:
    if here is None:
        return f"{label:<45}{'-':>10}{demanded:>10.2f}"
    judged = "" if here <= demanded else f"   missed: x{here / demanded:.2f}" if demanded else "   missed"
    return f"{label:<45}{here:>10.2f}{demanded:>10.2f}{judged}"


def _start(starts: Sequence[Start]) -> _Here:
    return median(one.seconds for one in starts) if starts else None


def _of(rounds: Rounds, title: str, read: Read) -> _Here:
    return median(map(read, rounds[title])) if title in rounds else None


def _beside(rounds: Rounds, title: str, peer: str, read: Read) -> _Here:
    """Divide by the peer; one that was measured with several stores counts with their mean."""
    peers = [figures for other, figures in rounds.items() if other.startswith(peer)]
    if title not in rounds or not peers:
        return None
    every = zip(rounds[title], *peers, strict=True)
    return median(read(ours) / mean(map(read, theirs)) for ours, *theirs in every)


def _cpu(figures: Figures) -> float:
    return figures.cpu_ms


def _request(figures: Figures) -> float:
    return figures.request_us
