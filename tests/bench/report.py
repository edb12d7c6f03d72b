"""The figures as people read them: a table of medians, ratios to the bridge, and what was measured how."""

from __future__ import annotations

import os
import platform
import ssl
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from statistics import median
from typing import TYPE_CHECKING, Final

from tests.bench.certificates import authorities_in
from tests.bench.measures import ROUND_TRIP, Figures

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.measures import Plan

Rounds = Mapping[str, Sequence[Figures]]
"""The figures of every round, by the party's title; the first title is the bridge, which the others are divided by."""

_ROWS: Final[tuple[tuple[str, str, Callable[[Figures], float]], ...]] = (
    ("CPU ms / sign-in", ".2f", lambda figures: figures.cpu_ms),
    ("  of it the page", ".2f", lambda figures: figures.page_cpu_ms),
    ("CPU, bare views / sign-in", ".1f", lambda figures: 1e3 * figures.cpu_ms / figures.bare_us),
    ("upstream calls / sign-in", ".1f", lambda figures: figures.calls),
    ("new TLS connections / sign-in", ".1f", lambda figures: figures.connections),
    ("callback without distance, ms", ".1f", lambda figures: figures.callback_ms),
    ("callback, RTTs", ".2f", lambda figures: figures.steady),
    ("  per upstream call", ".2f", lambda figures: figures.steady / figures.calls),
    ("callback after a pause, RTTs", ".2f", lambda figures: figures.paused),
    ("  per upstream call", ".2f", lambda figures: figures.paused / figures.calls),
    ("GET /session, requests/s", ".0f", lambda figures: figures.rate),
    ("GET /session, CPU µs", ".0f", lambda figures: figures.request_us),
    ("GET /session, bare views", ".1f", lambda figures: figures.request_us / figures.bare_us),
)
_LABEL: Final = 31
_COLUMN: Final = 31


def table(rounds: Rounds) -> str:
    """Return the table: for each figure the median of the rounds, its range, and the ratio to the first column."""
    lines = [" " * _LABEL + "".join(f"{title:>{_COLUMN}}" for title in rounds)]
    lines += [_row(label, form, read, rounds) for label, form, read in _ROWS]
    return "\n".join(lines)


def legend(plan: Plan, bundle: Path, rounds: Rounds, bare_call: float) -> str:
    """Return what was measured, how, and on which machine.

    Args:
        bare_call: a call over an open connection, in round trips of the line.
    """
    bare = [figures.bare_us for figures in next(iter(rounds.values()))]
    load = f"{plan.load_threads} keep-alive threads of another process for {plan.load_seconds:g} s"
    return f"""\
{len(bare)} interleaved rounds: median [lowest, highest], and the ratio of medians to the first column.
CPU       of the relying party's processes, user and system, over {plan.sign_ins} sign-ins a round, one after another,
          each by a fresh browser: departure, callback, page. Discovery and keys are known before.
TLS       upstreams are https://localhost, their authority one of {authorities_in(bundle)} in the bundle; identity
          provider and exchange are two hosts. Connections are counted where they are accepted.
RTTs      (the callback's latency - the same without distance) / {1e3 * ROUND_TRIP:.0f} ms, which a proxy adds to each
          round trip, those of TCP and TLS included: {plan.steady} sign-ins a round over open connections, {plan.paused}
          after a pause that closed them. Lower quartiles. A bare call over an open connection: {bare_call:.2f} RTTs.
/session  signed in, {load}.
bare view a Flask view that does nothing, on Granian under the same load: {median(bare):.0f} µs of CPU \
[{min(bare):.0f}, {max(bare):.0f}].
          What is told in bare views depends least on how fast, and how busy, the machine is.
Machine   {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}, {platform.python_implementation()} \
{platform.python_version()}, {ssl.OPENSSL_VERSION},
          Granian {version("granian")}, Flask {version("flask")}, Authlib {version("authlib")}, \
requests {version("requests")}."""


def _row(label: str, form: str, read: Callable[[Figures], float], rounds: Rounds) -> str:
    every = [[read(figures) for figures in of_party] for of_party in rounds.values()]
    cells = [_cell(values, form, median(every[0])) for values in every]
    return f"{label:<{_LABEL}}" + "".join(f"{cell:>{_COLUMN}}" for cell in cells)


def _cell(values: Sequence[float], form: str, reference: float) -> str:
    spread = f" [{min(values):{form}}, {max(values):{form}}]" if len(values) > 1 else ""
    ratio = f"x{median(values) / reference:.1f}" if reference > 0 else "x-"
    return f"{median(values):{form}}{spread} {ratio:>6}"
