"""Who used how much CPU time and memory: every process below this one, by what it is."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Final

from tests.bench.processes import _cpu_seconds, family

GENERATOR, NGINX, BRIDGE, REDIS, POSTGRESQL, UPSTREAM = (
    "generator",
    "nginx",
    "bridge",
    "Redis",
    "PostgreSQL",
    "upstreams",
)
PARTS: Final = (BRIDGE, NGINX, REDIS, POSTGRESQL, UPSTREAM, GENERATOR)
_SIGNS: Final = ((NGINX, "nginx"), (REDIS, "redis-server"), (POSTGRESQL, "postgres"), (UPSTREAM, "tests.load.upstream"))
_PSS: Final = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


class Census:
    """CPU seconds by part since the start; what ended in between keeps what it had used."""

    def __init__(self) -> None:
        self._used: dict[int, tuple[str, float]] = {}

    def take(self) -> Counter[str]:
        """Return the CPU seconds of every part so far."""
        for pid in family(os.getpid()):
            self._used[pid] = (_part(pid), max(_cpu_seconds(pid), self._used.get(pid, ("", 0.0))[1]))
        found: Counter[str] = Counter()
        for part, seconds in self._used.values():
            found[part] += seconds  # type: ignore[assignment]
        return found


def pss_of_workers(pid: int) -> list[int]:
    """Return the bytes of memory, proportionally shared, of each worker of a replica."""
    return [_pss(one) for one in family(pid)[1:]]


def memory_of(part: str) -> int:
    """Return the bytes of memory, proportionally shared, of all processes of a part."""
    return sum(_pss(one) for one in family(os.getpid()) if _part(one) == part)


def _pss(pid: int) -> int:
    match = _PSS.search(_read(Path(f"/proc/{pid}/smaps_rollup")))
    return 1024 * int(match[1]) if match else 0


def _part(pid: int) -> str:
    if pid == os.getpid():
        return GENERATOR
    command = _command(pid)
    return next((part for part, sign in _SIGNS if sign in command), BRIDGE)


def _command(pid: int) -> str:
    return _read(Path(f"/proc/{pid}/cmdline")).replace("\0", " ")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
