"""The figures of a run as text."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from tests.load import costs
from tests.load.agent import CALLBACK, DEPARTURE, LOGOUT, PAGE, RENEWAL, SESSION, TOKEN
from tests.load.census import GENERATOR, PARTS
from tests.load.course import per_second
from tests.load.growth import growth
from tests.load.tally import percentile

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from tests.load.course import Course
    from tests.load.nginx import Turns
    from tests.load.stores import Weight

_KINDS: Final = (DEPARTURE, CALLBACK, PAGE, TOKEN, SESSION, RENEWAL, LOGOUT)
_AT_START: Final = (("token", "token"), ("userinfo", "UserInfo"), ("token_exchange", "exchange"))
_AT_RENEWAL: Final = (("refresh", "refresh"), ("token_exchange", "exchange"), ("userinfo", "UserInfo"))
_BUSY: Final = 0.8
_LATE: Final = 0.1
_FEW: Final = 16
"""Bytes below which a table's growth is not worth a word."""


def report(course: Course, turns: Turns) -> str:
    """Return everything that was measured, and what follows from it."""
    sections = (
        _pace(course),
        _latencies(course),
        _faults(course),
        _upstream(course),
        _turns(course, turns),
        _weights(course),
        _cpu(course),
        growth(course),
    )
    return "\n\n".join("\n".join(lines) for lines in sections)


def _line(label: str, text: str) -> str:
    return f"{label:<22}{text}".rstrip()


def _pace(course: Course) -> Iterator[str]:
    start, work = course.start, course.work
    yield _line("sign-ins", f"{course.signed_in:,} of {course.plan.agents:,} agents in {start.seconds:.0f} s")
    yield _line("", f"{course.signed_in / start.seconds:.1f}/s, {start.tally.requests / start.seconds:.0f} requests/s")
    yield _line("work after that", f"{work.seconds:.0f} s: {per_second(work, SESSION):.0f} looks at sessions/s,")
    yield _line("", f"{per_second(work, RENEWAL):.1f} renewals/s, {work.tally.requests / work.seconds:.0f} requests/s")
    yield _line("sign-outs", f"{course.left:,}, after which each session was refused")
    for ended, ready in course.restarts:
        yield _line("a replica restarted", f"it ended within {ended:.1f} s and was ready again after {ready:.1f} s")


def _latencies(course: Course) -> Iterator[str]:
    columns = f"{'answers':>8}{'p50':>7}{'p95':>7}{'p99':>7}{'most':>7}"
    yield _line("ms, as browsers wait", f"{'at the start':^36}   {'at work':^36}")
    yield _line("", f"{columns}   {columns}")
    for kind in _KINDS:
        yield _line(f"  {kind}", "   ".join(_cells(one.tally.seconds.get(kind, [])) for one in course.shift))


def _cells(seconds: list[float]) -> str:
    if not seconds:
        return " " * 36
    return f"{len(seconds):>8,}" + "".join(
        f"{1e3 * percentile(seconds, share):>7.0f}" for share in (0.5, 0.95, 0.99, 1)
    )


def _faults(course: Course) -> Iterator[str]:
    requests = sum(stretch.tally.requests for stretch in course.stretches)
    yield _line("errors", f"{course.faults.total():,} in {requests:,} requests")
    yield from (_line("", f"{count:,} x {what}") for what, count in course.faults.most_common())


def _upstream(course: Course) -> Iterator[str]:
    start, work = course.start, course.work
    arrived, renewed = start.tally.count(CALLBACK), work.tally.count(RENEWAL)
    calls = start.calls.copy()
    calls["token_exchange"] -= calls["refresh"]  # those who renewed while others still came
    yield _line("upstream calls", f"each sign-in: {_shares(calls, _AT_START, arrived)}")
    yield _line("", f"each renewal: {_shares(work.calls, _AT_RENEWAL, renewed)}")
    asked = sum(one.calls["openid-configuration"] + one.calls["jwks"] for one in course.shift)
    yield _line(
        "", f"discovery and keys: {asked}; refused by upstreams: {sum(one.calls['refused'] for one in course.shift)}"
    )
    opened = [one.calls["connections"] for one in course.shift]
    yield _line("TLS to upstreams", f"{opened[0]} new connections at the start, {opened[1]} at work")


def _shares(calls: Counter[str], named: Sequence[tuple[str, str]], count: int) -> str:
    return ", ".join(f"{calls[endpoint] / max(count, 1):.3f} {name}" for endpoint, name in named)


def _turns(course: Course, turns: Turns) -> Iterator[str]:
    total = max(turns.requests.total(), 1)
    shares = ", ".join(f"{100 * count / total:.1f} %" for _, count in sorted(turns.requests.items()))
    yield _line("replicas", f"{shares} of {total:,} requests; {turns.repeated} were handed on to another replica")
    yield _line(
        "", f"{turns.crossed:,} of {turns.pairs:,} sign-ins came back to another replica than they had left from"
    )
    lines = ", ".join(f"{count:,} {name}" for name, count in course.lines.items())
    yield _line("connections", lines)
    yield _line("", f"{course.after.redis_clients} to Redis, {course.after.postgresql_clients} to PostgreSQL")
    start, work = (one.tally.connections for one in course.shift)
    yield _line("TLS of browsers", f"{start:,} new connections at the start, {work:,} at work")


def _weights(course: Course) -> Iterator[str]:
    before, after = course.before, course.after
    if after.redis:
        grown = (after.redis - before.redis) / max(course.signed_in, 1)
        yield _line("bytes of a session", f"{grown:,.0f} in Redis, by its used_memory; by MEMORY USAGE of its keys:")
        yield _line("", _keys(after))
    tables = {
        name: (size - before.tables.get(name, 0)) / max(course.signed_in, 1) for name, size in after.tables.items()
    }
    told = ", ".join(f"{name} {size:,.0f}" for name, size in sorted(tables.items()) if size >= _FEW)
    yield _line("bytes in PostgreSQL", f"each sign-in, indexes included: {told}")


def _keys(weight: Weight) -> str:
    sessions = max(weight.keys.get("bridge:session", (1, 0.0))[0], 1)
    kinds = ((kind.rpartition(":")[2], count / sessions, size) for kind, (count, size) in weight.keys.items())
    return ", ".join(f"{count:.2f} {kind} of {size:,.0f}" for kind, count, size in kinds)


def _cpu(course: Course) -> Iterator[str]:
    yield _line("cores in use", "".join(f"{part:>12}" for part in PARTS))
    stretches = {
        "trial": course.trial,
        "looks alone": course.looks,
        "renewals alone": course.renewals,
        "start": course.start,
        "work": course.work,
    }
    for name, stretch in stretches.items():
        yield _line(f"  {name}", "".join(f"{stretch.cpu[part] / stretch.seconds:>12.2f}" for part in PARTS))
    yield _line("CPU ms of", "".join(f"{part:>12}" for part in costs.SERVING) + f"{'together':>12}")
    for name, cost in costs.of(course).items():
        parts = "".join(f"{1e3 * cost[part]:>12.2f}" for part in costs.SERVING)
        yield _line(f"  {name}", f"{parts}{1e3 * cost.total():>12.2f}")
    workers = sorted(size / 2**20 for size in course.memory)
    if workers:
        yield _line("memory of a worker", f"{workers[0]:.0f} to {workers[-1]:.0f} MiB, shared pages by their share")
    yield from _generator(course)


def _generator(course: Course) -> Iterator[str]:
    """Say how busy this process was itself: whatever it is late by, it measures as latency."""
    busy = max(one.cpu[GENERATOR] / one.seconds for one in course.shift)
    late = max(percentile(one.tally.lag, 0.99) for one in course.shift)
    verdict = "no bottleneck" if busy < _BUSY and late < _LATE else "SHORT OF CPU TIME: latencies are lower than told"
    yield _line("the generator", f"{busy:.2f} of a core, late by {1e3 * late:.0f} ms (p99): {verdict}")
    yield _line("the machine", f"{os.cpu_count()} cores for everything above; load average {os.getloadavg()[0]:.1f}")
