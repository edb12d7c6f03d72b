"""The files in which workers count for Prometheus: what ended workers counted is kept in one file for all of them.

A counter must not go back when a worker ends, so that its file has to stay; but each reload would leave one more for
every worker. Whoever adds up and whoever folds files together keep out of each other's way by a lock on the folder:
in between, some counts would be there twice or not at all, which Prometheus takes for a leap or a restart.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
from collections import defaultdict
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import mark_process_dead

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
_KINDS: Final = ("counter", "histogram")
"""Both are sums; gauges are of live workers alone."""
_SMALLEST: Final = 65_536
_BESIDE_A_KEY: Final = 32
"""Bytes of an entry beside its key, and more."""


@contextmanager
def reading(folder: str) -> Iterator[None]:
    """Let nobody fold files of this folder meanwhile; raises OSError where it is gone."""
    with _locked(folder, fcntl.LOCK_SH):
        yield


def fold(folder: str, pids: Iterable[int]) -> None:
    """Keep what workers that have ended counted in one file, and forget their gauges; a full disk changes nothing.

    Of a file that a worker left unfinished counts what can be read.

    Args:
        folder: where all workers count.
        pids: processes that are gone.
    """
    gone = list(pids)
    with suppress(OSError):
        forget(folder, gone)
    with suppress(OSError), _locked(folder, fcntl.LOCK_EX):
        for kind in _KINDS:
            _fold(Path(folder, f"{kind}_ended.db"), [Path(folder, f"{kind}_{pid}.db") for pid in gone])


def forget(folder: str, pids: Iterable[int]) -> None:
    """Forget the gauges of processes that are gone, one caller after the other; raises OSError."""
    with _locked(folder, fcntl.LOCK_EX):
        for pid in pids:
            mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]


def _fold(whole: Path, ended: list[Path]) -> None:
    found = [one for one in ended if one.exists()]
    if not found:
        return
    counted: defaultdict[str, float] = defaultdict(float)
    for one in [*found, whole] if whole.exists() else found:
        for key, value in _values(one):
            counted[key] += value
    new = whole.with_suffix(".new")
    new.unlink(missing_ok=True)
    _write(new, counted)
    new.rename(whole)
    for one in found:
        one.unlink()


def _values(path: Path) -> Iterator[tuple[str, float]]:
    # A process that is killed in between leaves a file without its first bytes, or one that ends too soon.
    with suppress(struct.error, RuntimeError, ValueError):
        for key, value, *_ in MmapedDict.read_all_values_from_file(path):  # type: ignore[no-untyped-call]
            json.loads(key)  # no scrape could read any other one, for as long as the file of all is there
            yield key, value


def _write(path: Path, counted: Mapping[str, float]) -> None:
    with path.open("xb") as file:
        # What is written through a map of memory to a disk that is full ends the process; this is an error.
        size = sum(len(key.encode()) + _BESIDE_A_KEY for key in counted)
        os.posix_fallocate(file.fileno(), 0, max(_SMALLEST, size))
    written = MmapedDict(str(path))  # type: ignore[no-untyped-call]
    for key, value in counted.items():
        written.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
    written.close()  # type: ignore[no-untyped-call]


@contextmanager
def _locked(folder: str, how: int) -> Iterator[None]:
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(place, how)
        yield
    finally:
        os.close(place)
