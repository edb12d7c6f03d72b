"""``python -m tests.shift``: play a shift and tell what was counted; ``AGENTS`` and ``HOURS`` make it smaller."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import structlog

from tests.kit.redis_server import redis_server
from tests.shift.shift import Plan, Shift


def main() -> int:
    """Return 1 unless everything was as promised."""
    structlog.configure(processors=[_drop], cache_logger_on_first_use=True)
    plan = Plan(agents=int(os.environ.get("AGENTS", "200")), hours=float(os.environ.get("HOURS", "10")))
    started = time.perf_counter()
    _say(f"{plan.agents} agents, {plan.tabs} tabs each, {plan.hours:g} hours")
    with tempfile.TemporaryDirectory(prefix="hotline-shift-") as folder, redis_server(appendonly="yes") as redis:
        tally = Shift(plan, Path(folder), redis, _say).run()
    faults = list(tally.faults())
    _say("\n".join(["", *tally.report(), f"took                   {time.perf_counter() - started:.0f} s", *faults]))
    return 1 if faults else 0


def _drop(_logger: object, _method: str, _event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    raise structlog.DropEvent


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
