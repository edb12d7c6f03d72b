"""``python -m tests.load``: play a shift start at three replicas, and tell what was measured."""

from __future__ import annotations

import argparse
import asyncio
import signal
import ssl
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Final, NoReturn

from tests.bench.faults import BenchFault
from tests.load.agent import Front
from tests.load.course import Plan, Runner
from tests.load.faults import LoadFault
from tests.load.nginx import read_turns
from tests.load.report import report
from tests.load.world import Size, has_descriptors, open_world

_PLAN, _SIZE = Plan(), Size()
_INTERRUPTED: Final = 130
_SMALL: Final = 500
"""Agents of the run with sessions in the database, which is for sizes."""
_SPARE: Final = 500


def main() -> int:
    """Run the load test; 1: something went wrong, be it one request; 130: interrupted."""
    asked = _arguments()
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, _interrupt)
    try:
        return _load(asked)
    except (LoadFault, BenchFault) as fault:
        _say(f"The load test ends without figures. {fault}")
        return 1
    except KeyboardInterrupt:
        _say("Interrupted; nothing is left behind.")
        return _INTERRUPTED


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description="A shift start at three replicas.")
    parser.add_argument("--agents", type=int, default=_PLAN.agents)
    parser.add_argument("--seconds", type=float, default=_PLAN.seconds, help="of work after the start")
    parser.add_argument("--rate", type=float, default=0.0, help="sign-ins a second; default: what the machine sustains")
    parser.add_argument("--replicas", type=int, default=_SIZE.replicas)
    parser.add_argument("--workers", type=int, default=_SIZE.workers, help="of each replica")
    parser.add_argument("--upstream-ms", type=float, default=1e3 * _SIZE.distance, help="until upstreams answer")
    parser.add_argument("--trial", type=int, default=_PLAN.trial, help="sign-ins that tell what the machine sustains")
    parser.add_argument("--restart", action="store_true", help="end and start a replica in the middle, twice")
    parser.add_argument("--sessions", choices=("redis", "database", "both"), default="both")
    return parser.parse_args()


def _load(asked: argparse.Namespace) -> int:
    if not has_descriptors(asked.agents + 2 * asked.trial + _SPARE):
        raise LoadFault("Each agent has a connection, and this process may not open so many; see ulimit -n.")
    plan = Plan(
        agents=asked.agents,
        rate=asked.rate,
        seconds=asked.seconds,
        trial=asked.trial,
        looks=min(_PLAN.looks, 8 * asked.trial),
        restarts=asked.restart,
    )
    size = Size(replicas=asked.replicas, workers=asked.workers, distance=asked.upstream_ms / 1e3)
    fine = True
    for sessions in ("redis", "database") if asked.sessions == "both" else (asked.sessions,):
        is_second = asked.sessions == "both" and sessions == "database"
        chosen = replace(plan, agents=min(plan.agents, _SMALL), seconds=min(plan.seconds, 10)) if is_second else plan
        fine &= _play(replace(size, sessions=sessions), chosen)
    return 0 if fine else 1


def _play(size: Size, plan: Plan) -> bool:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hotline-load-") as folder, open_world(Path(folder), size) as world:
        where = "Redis" if world.redis else "the database"
        _say(f"{size.replicas} replicas x {size.workers} workers behind nginx, sessions in {where}:")
        context = ssl.create_default_context(cafile=world.certificates.bundle)
        front = Front(world.port, context)
        course = asyncio.run(Runner(world, front, plan, _say).run())
        # nginx writes its log every second.
        time.sleep(1.1)
        _say("\n" + report(course, read_turns(world.folder, course.mark)))
    _say(f"took {time.monotonic() - started:.0f} s\n")
    return course.is_fine


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)  # cleaning up is not interrupted again
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
