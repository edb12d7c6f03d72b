"""``make fuzz``: let the targets run long, keep each new crash as a seed, and say how to see it again."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import time
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fuzz.targets import Target

_HOW: Final = "atheris" if find_spec("atheris") else "hypothesis"
# Before anything imports the bridge: atheris has to see it being loaded.
_ENGINE: Final = import_module(f"tests.fuzz.by_{_HOW}")
TARGETS: Final[dict[str, Target]] = _ENGINE.TARGETS
_LOGS: Final = Path("build", "fuzz")
_GRACE: Final = 60
"""Seconds beyond its own that a target may take to begin and to end."""
_EXECUTIONS: Final = re.compile(r"stat::number_of_executed_units: +(\d+)|executions: (\d+)")
_EDGES: Final = re.compile(r"cov: (\d+)")
_FAULT: Final = re.compile(r"[A-Za-z.]*(?:Error|Exception|Warning|timeout|exceeded)\b.*")


def main() -> int:
    """Run each chosen target in a process of its own; 1: at least one crashed."""
    asked = _arguments()
    if asked.replay:
        return _replay(asked.target[0], asked.replay)
    chosen: list[str] = asked.target or [*TARGETS]
    _say(f"{len(chosen)} targets, {asked.seconds} seconds each, by {_HOW}.")
    _LOGS.mkdir(parents=True, exist_ok=True)
    crashed = [name for name in chosen if not _is_survived(name, asked.seconds)]
    _say(f"Crashed: {', '.join(crashed) or 'none'}.")
    return 1 if crashed else 0


def _is_survived(name: str, seconds: int) -> bool:
    known, began, log = set(TARGETS[name].files()), time.monotonic(), _LOGS / f"{name}.log"
    survived = _forked(name, seconds, log)
    told = log.read_text("utf-8", "replace")
    executions = [int(one or other) for one, other in _EXECUTIONS.findall(told)] or [0]
    edges = _EDGES.findall(told)
    reached = f"{edges[-1]:>7} edges" if edges else ""
    _say(f"{name:18}{executions[-1]:>10,} executions{reached}{time.monotonic() - began:>6.0f} s")
    for path in _kept(name, known):
        _say(f'  see it again: python -m tests.fuzz --target {name} --replay "{path.relative_to(Path.cwd())}"')
    if not survived:
        _say(f"  {' | '.join(_FAULT.findall(told)[:3])[:400]}\n  told in {log}")
    return survived


def _forked(name: str, seconds: int, log: Path) -> bool:
    """Run one target in a child, which has all that was imported; its output goes into a file."""
    child = os.fork()
    if child == 0:
        with log.open("wb") as told:
            os.dup2(told.fileno(), 1)
            os.dup2(told.fileno(), 2)
        _ENGINE.fuzz(name, seconds)
        os._exit(0)
    latest = time.monotonic() + seconds + _GRACE
    while time.monotonic() < latest:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _kept(name: str, known: set[Path]) -> Iterator[Path]:
    """Give new crashes short names of their own; nothing is lost where two runs find the same."""
    for path in sorted(set(TARGETS[name].files()) - known):
        digest = sha256(path.read_bytes()).hexdigest()[:8]
        yield path.rename(path.with_name(f"crash {digest}"))


def _replay(name: str, path: Path) -> int:
    TARGETS[name].run(path.read_bytes())
    _say(f"{name} reads {path}, or refuses it, as it should.")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--target", choices=[*TARGETS], action="append", help="this one; may come again; else all")
    parser.add_argument("--replay", type=Path, help="a file that is read once, such as one of tests/fuzz/seeds")
    asked = parser.parse_args()
    if asked.replay and len(asked.target or ()) != 1:
        parser.error("--replay needs one --target")
    return asked


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
