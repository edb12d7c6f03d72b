"""What a hundred thousand agents would need: computed from what a run measured, and said to be so."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from tests.load import costs
from tests.load.census import BRIDGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.load.course import Course

AGENTS: Final = 100_000
_MINUTES: Final = 30
_PEAK: Final = 2.0
"""How much busier the busiest minute of a start is than its average."""
_BEAT: Final = 25.0
_RENEWED_AFTER: Final = 3600.0 - 210.0
_BUSY: Final = 0.6
"""Of a core: what queues stay short below."""
_POOL: Final = 32
"""Connections to PostgreSQL that one worker may open (bridge/db.py)."""
_MIB: Final = 2**20
_SESSIONS: Final = ("agent_sessions", "browser_sessions")


def growth(course: Course) -> Iterator[str]:
    """Tell the needs of `AGENTS` agents."""
    arriving, looks, renewals = AGENTS / 60 / _MINUTES * _PEAK, AGENTS / _BEAT, AGENTS / _RENEWED_AFTER
    at_start = {costs.SIGN_IN: arriving, costs.LOOK: looks}
    yield f"{AGENTS:,} agents would need (no measurement: computed from the figures above, in proportion)"
    yield _line(
        "while they come",
        f"in {_MINUTES} minutes, the busiest with {arriving:.0f} sign-ins/s, beside {looks:,.0f} looks/s:",
    )
    workers = math.ceil(_cores(course, at_start, BRIDGE))
    yield _line(
        "", f"{_cores(course, at_start):.0f} cores like these, each {_BUSY:.0%} busy, {workers} of them for the bridge"
    )
    at_work = {costs.LOOK: looks, costs.RENEW: renewals}
    yield _line("at work", f"{looks:,.0f} looks/s and, with tokens of an hour, {renewals:.0f} renewals/s:")
    yield _line("", f"{_cores(course, at_work):.0f} cores")
    yield from _room(course, workers)


def _cores(course: Course, rates: dict[str, float], part: str = "") -> float:
    """Return how many cores serve so many of each in a second; of one part, or of all together."""
    found = costs.of(course)
    return sum(rate * (found[what][part] if part else found[what].total()) for what, rate in rates.items()) / _BUSY


def _room(course: Course, workers: int) -> Iterator[str]:
    signed_in, before, after = max(course.signed_in, 1), course.before, course.after
    if after.redis:
        redis = (after.redis - before.redis) / signed_in * AGENTS / _MIB
        yield _line("Redis", f"{redis:,.0f} MiB of sessions, and room for as much again while it rewrites its file")
    grown = {
        name: (size - before.tables.get(name, 0)) / signed_in * AGENTS / _MIB for name, size in after.tables.items()
    }
    yield _line("PostgreSQL", f"{grown.get('journal', 0):,.0f} MiB of journal each time that everybody signs in")
    if not after.redis:
        yield _line("", f"{sum(grown.get(name, 0) for name in _SESSIONS):,.0f} MiB of sessions")
    yield _line("", f"up to {workers * _POOL} connections, {_POOL} a worker; its own default is 100")
    front = course.front / max(course.lines.get("browsers to nginx", 0), 1) * AGENTS / _MIB
    yield _line("nginx", f"{AGENTS:,} connections of browsers" + (f", {front:,.0f} MiB" if front > 0 else ""))
    if course.memory:
        memory = workers * max(course.memory) / _MIB
        yield _line("the bridge", f"{memory:,.0f} MiB for {workers} workers")


def _line(label: str, text: str) -> str:
    return f"  {label:<20}{text}".rstrip()
