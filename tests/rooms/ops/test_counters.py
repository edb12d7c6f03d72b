"""What ended workers counted counts on, and takes one file however many they were."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import pytest
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from bridge.ops import counters
from bridge.ops.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def leave(folder: Path, pid: int, **counted: float) -> None:
    """Leave behind what a worker leaves: counts of sign-ins and renewals, their durations, and that it was alive."""
    kinds = {
        f"counter_{pid}.db": {("bridge_events", "bridge_events_total", event): n for event, n in counted.items()},
        f"histogram_{pid}.db": {("seconds", "seconds_sum", event): n / 2 for event, n in counted.items()},
        f"gauge_livesum_{pid}.db": {("bridge_workers", "bridge_workers", "none"): 1.0},
    }
    for name, values in kinds.items():
        file = MmapedDict(str(folder / name))  # type: ignore[no-untyped-call]
        for (metric, sample, event), value in values.items():
            file.write_value(mmap_key(metric, sample, ["event"], [event], "Help."), value, 0.0)  # type: ignore[no-untyped-call]
        file.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(counters.FOLDER, str(tmp_path))
    return tmp_path


def told(word: str = "") -> list[str]:
    lines = Metrics().exposition().decode().splitlines()
    return sorted(line for line in lines if word in line and "workers" not in line)


def test_reload_by_reload_the_same_is_told_from_as_many_files(folder: Path) -> None:
    leave(folder, os.getpid(), sign_in=1.5)
    for reload in range(1, 4):
        for pid in (4_194_305 + reload, 4_194_405 + reload):
            leave(folder, pid, **{"sign_in": 2.0, f"renewal_{reload}": 5.0})
        before = told()
        counters.fold(str(folder), (4_194_305 + reload, 4_194_405 + reload))
        assert told() == before
        assert f'bridge_events_total{{event="sign_in"}} {1.5 + 4 * reload}' in before
        kept = {"counter_ended.db", "histogram_ended.db"}
        own = {f"{kind}_{os.getpid()}.db" for kind in ("counter", "histogram", "gauge_livesum")}
        assert {one.name for one in folder.iterdir()} == kept | own


def test_a_full_disk_costs_no_count(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    leave(folder, 4_194_305, sign_in=2.0)
    before = told()
    with monkeypatch.context() as full:
        full.setattr(os, "posix_fallocate", is_full)
        counters.fold(str(folder), [4_194_305])
    assert told() == before
    counters.fold(str(folder), [4_194_305])
    assert told() == before


@pytest.mark.parametrize(
    ("torn", "left"),
    [
        pytest.param(lambda _: b"", 0.0, id="empty"),
        pytest.param(lambda whole: whole[:72] + b"\xff" * 40, 0.0, id="in_the_middle"),
        pytest.param(lambda _: b"\0\x10" + bytes(4094), 0.0, id="zeros"),
        pytest.param(lambda whole: b"\0\x10" + whole[2:], 3.0, id="after_its_last_entry"),
    ],
)
def test_a_torn_file_costs_the_rest_of_its_own_counts_alone(
    folder: Path, torn: Callable[[bytes], bytes], left: float
) -> None:
    leave(folder, 4_194_305, sign_in=2.0)
    leave(folder, 4_194_306, sign_in=3.0)
    file = folder / "counter_4194306.db"
    file.write_bytes(torn(file.read_bytes()))
    counters.fold(str(folder), [4_194_305, 4_194_306])
    assert f'bridge_events_total{{event="sign_in"}} {2.0 + left}' in told("sign_in")
    assert 'seconds_sum{event="sign_in"} 2.5' in told("sign_in")
    assert not file.exists()


def test_two_who_look_at_once_both_forget_who_is_gone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(folder, 4_194_305, sign_in=2.0)
    others: list[Future[list[str]]] = []

    def slowly(path: str, remove: Callable[[str], None] = os.remove) -> None:
        if not others:
            others.append(threads.submit(told, "sign_in"))
            wait(others, timeout=0.05)
        remove(path)

    monkeypatch.setattr(os, "remove", slowly)
    with ThreadPoolExecutor(1) as threads:
        assert told("sign_in") == others[0].result()


def test_nobody_adds_up_while_files_are_folded(folder: Path) -> None:
    leave(folder, 4_194_305, sign_in=2.0)
    seen: list[list[str]] = []
    reader = threading.Thread(target=lambda: seen.append(told("sign_in")))
    with counters._locked(str(folder), fcntl.LOCK_EX):
        reader.start()
        reader.join(0.1)
        assert seen == []
    reader.join(10)
    assert 'bridge_events_total{event="sign_in"} 2.0' in seen[0]
