"""The figures of every model as people read them: medians of the rounds, ratios to the first, and who starved."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from tests.bench.crowd import CALLBACK, PAGE, SESSION
from tests.load.tally import Tally, percentile

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW, MANY, LOOKS, BESIDE, HANGING = "few", "many", "looks", "beside", "hanging"
"""Sign-ins by few and by many browsers, looks at the session alone, beside sign-ins, beside a provider that hangs."""
_TITLES: Final = {
    FEW: "Sign-ins by 16 browsers, each again as soon as it did; latency of the callback",
    MANY: "Sign-ins by 64 browsers",
    LOOKS: "GET /session by 64 pages, each again as soon as it was answered",
    BESIDE: "GET /session by 64 pages, 100 a second in all, beside sign-ins at half of what the model did above",
    HANGING: "GET /session by 64 pages, 100 a second in all, beside 4 sign-ins/s whose provider answers after 5 s",
}
_FULL: Final = 0.93
"""Share of the machine above which somebody waits for a core."""
_LATE: Final = 0.02
"""Seconds by which the generator may be late, at p99; so much is in every latency."""


@dataclass(frozen=True, slots=True)
class Window:
    """What browsers saw for so many seconds, and what it took.

    Args:
        bridge: CPU seconds of all its processes; `generator`: of this one; `everybody`: of both, upstreams and stores.
        memory: MiB of all processes of the bridge at the end, with its connections to `redis` and `postgresql`.
    """

    tally: Tally
    seconds: float
    bridge: float
    generator: float
    everybody: float
    memory: float
    redis: int
    postgresql: int

    @property
    def sign_ins(self) -> float:
        """How many there were in a second."""
        return self.tally.count(PAGE) / self.seconds

    @property
    def refused(self) -> float:
        """The share of sign-ins that ended in anything but a page, in per cent."""
        faults = self.tally.faults.total() - self.looks_that_failed
        return 100 * faults / max(faults + self.tally.count(PAGE), 1)

    @property
    def looks_that_failed(self) -> int:
        """How many looks at a session were not answered with it."""
        return sum(count for fault, count in self.tally.faults.items() if fault.startswith(SESSION))

    @property
    def lag(self) -> float:
        """Seconds by which the generator was late, at p99."""
        return percentile(self.tally.lag, 0.99)


Measured = Mapping[str, Mapping[str, Sequence[Window]]]
"""Windows of every round, by what was done and by the model's title; others are divided by the first model."""
_Column = tuple[str, str, Callable[[Window], float]]


def _columns(kind: str, timed: str) -> list[_Column]:
    def late(share: float) -> Callable[[Window], float]:
        return lambda one: 1e3 * percentile(one.tally.seconds.get(timed, [math.nan]), share)

    def cost(one: Window) -> float:
        return 1e3 * one.bridge / one.tally.count(kind) if one.tally.count(kind) else math.nan

    beside: list[_Column] = [("sign-ins/s", ".1f", lambda one: one.sign_ins)] if kind == SESSION else []
    return [
        ("a second", ".0f", lambda one: one.tally.count(kind) / one.seconds),
        ("", "x", lambda one: one.tally.count(kind) / one.seconds),
        ("p50 ms", ".1f", late(0.5)),
        ("p99 ms", ".1f", late(0.99)),
        ("CPU ms", ".2f", cost),
        ("", "x", cost),
        *beside,
        ("refused %", ".1f", lambda one: one.refused),
        ("cores", ".2f", lambda one: one.bridge / one.seconds),
        ("generator", ".2f", lambda one: one.generator / one.seconds),
        ("all", ".2f", lambda one: one.everybody / one.seconds),
        ("PSS MiB", ".0f", lambda one: one.memory),
        ("Redis", ".0f", lambda one: one.redis),
        ("PostgreSQL", ".0f", lambda one: one.postgresql),
    ]


def report(measured: Measured, seconds: float) -> str:
    """Return a table for each thing that was done, `seconds` a time, and how to read them."""
    tables = ("\n".join(_table(what, of)) for what, of in measured.items())
    return "\n\n".join([*tables, _legend(measured, seconds)])


def _table(what: str, of: Mapping[str, Sequence[Window]]) -> Iterator[str]:
    columns = _columns(PAGE, CALLBACK) if what in (FEW, MANY) else _columns(SESSION, SESSION)
    yield _TITLES[what]
    yield " " * 7 + "".join(f"{name:>{_width(form)}}" for name, form, _ in columns)
    first = next(iter(of.values()))
    for title, windows in of.items():
        cells = (
            f"{_cell(form, _usual(read, windows), _usual(read, first)):>{_width(form)}}" for _, form, read in columns
        )
        yield f"{title:<7}{''.join(cells)}{_remark(windows)}"


def _width(form: str) -> int:
    return 7 if form == "x" else 11


def _usual(read: Callable[[Window], float], windows: Sequence[Window]) -> float:
    return median(map(read, windows))


def _cell(form: str, value: float, first: float) -> str:
    if form == "x":
        value, form = value / first if first else math.nan, ".2f"
        return "-" if math.isnan(value) else f"x{value:{form}}"
    return "-" if math.isnan(value) else f"{value:{form}}"


def _remark(windows: Sequence[Window]) -> str:
    failed = sum(one.looks_that_failed for one in windows)
    full = _usual(lambda one: one.everybody / one.seconds, windows) > _FULL * (os.cpu_count() or 1)
    late = _usual(lambda one: one.lag, windows)
    short = f"  SHORT OF CPU, late by {1e3 * late:.0f} ms" if full or late > _LATE else ""
    return f"{short}  {failed} looks failed" if failed else short


def _legend(measured: Measured, seconds: float) -> str:
    rounds = len(next(iter(measured[FEW].values())))
    return f"""\
Models    workers x threads of one `hotline-bridge serve`, sessions in Redis.
          1x32r2: with a second thread that reads and writes (Granian's runtime threads, of which the bridge has one).
Cells     of {seconds:g} s, {rounds} interleaved rounds: medians. Twice as long beside sign-ins, \
{5 * seconds:g} s beside a hang.
Sign-ins  departure, callback, page, each by a fresh browser. Provider and exchange are two hosts and answer each of the
          three calls after 40 ms. The bridge lets no host hold more than half of a worker's threads: then it refuses.
CPU ms    of the bridge for one good answer; beside sign-ins these are in it.
cores     of the bridge, of the generator, and of everything together, stores and upstreams included.
          SHORT OF CPU: the figures are the machine's, not the model's.
PSS       of all processes of the bridge; libraries are shared with the other models, alone it has some MiB more. Then
          its connections to Redis and to PostgreSQL.
Machine   {os.cpu_count()} cores for everything, load average {os.getloadavg()[0]:.1f}."""
