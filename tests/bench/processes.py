"""Processes of the benchmark: started, asked for their CPU time, and ended whatever happens."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.bench.faults import BenchFault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LOCALHOST: Final = "127.0.0.1"
ROOT: Final = Path(__file__).parents[2]
_SECONDS_TO_START: Final = 120.0
_SECONDS_TO_STOP: Final = 15.0
_LAST_LINES: Final = 15


@dataclass(frozen=True, slots=True)
class Process:
    """A program that runs; `log` is what it writes, where that is kept."""

    name: str
    popen: subprocess.Popen[str]
    log: Path

    def cpu_seconds(self) -> float:
        """Return the CPU time of the process and of all that descend from it."""
        return sum(_cpu_seconds(pid) for pid in family(self.popen.pid))

    def ask(self, command: str) -> dict[str, Any]:
        """Send one line and return the JSON line that answers it."""
        if self.popen.stdin is None or self.popen.stdout is None:
            raise BenchFault(f"{self.name} has no ears.")
        if command:
            self.popen.stdin.write(f"{command}\n")
            self.popen.stdin.flush()
        answer = self.popen.stdout.readline()
        if not answer:
            raise BenchFault(f"{self.name} ended: {self.last_words()}")
        return dict(json.loads(answer))

    def last_words(self) -> str:
        """Return the end of the log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-_LAST_LINES:])


def module(*arguments: str) -> list[str]:
    """Return the command ``python -m …``."""
    return [sys.executable, "-m", *arguments]


@contextmanager
def running(
    name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str], *, talks: bool = False
) -> Iterator[Process]:
    """Run a command from this checkout's folder until the block ends.

    Args:
        talks: it is asked over its standard input and output.
    """
    log = folder / f"{name}.log"
    pipe = subprocess.PIPE if talks else subprocess.DEVNULL
    with log.open("w", encoding="utf-8") as output:
        popen = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            text=True,
            stdin=pipe,
            stdout=pipe if talks else output,
            stderr=output,
        )
    try:
        yield Process(name, popen, log)
    finally:
        _end(popen)


def wait_until_listening(process: Process, port: int) -> None:
    """Return once the process accepts connections.

    Raises:
        BenchFault: it ended, or two minutes passed.
    """
    give_up_at = time.monotonic() + _SECONDS_TO_START
    while not _listens(port):
        if process.popen.poll() is not None or time.monotonic() > give_up_at:
            raise BenchFault(f"{process.name} does not listen: {process.last_words()}")
        time.sleep(0.05)


def free_port() -> int:
    """Return a port that nobody has."""
    with socket.create_server((LOCALHOST, 0)) as probe:
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        socket.create_connection((LOCALHOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _end(popen: subprocess.Popen[str]) -> None:
    if popen.stdin is not None:
        popen.stdin.close()
    else:
        popen.terminate()
    try:
        popen.wait(_SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        for pid in family(popen.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        popen.wait()
    if popen.stdout is not None:
        popen.stdout.close()


def family(pid: int) -> list[int]:
    """Return the process and its descendants, elders first."""
    found = [pid]
    for member in found:
        for children in Path(f"/proc/{member}/task").glob("*/children"):
            found += [int(child) for child in _read(children).split()]
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except OSError:
        return ""


def _cpu_seconds(pid: int) -> float:
    # The CPU clock of another process, as clock_getcpuclockid(3) names it: nanoseconds, threads that ended included;
    # /proc/<pid>/stat has the same figure in hundredths of a second.
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0
