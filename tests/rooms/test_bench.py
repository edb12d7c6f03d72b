"""The benchmark runs, tells every figure, refuses to tell figures of failing flows, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bench.browser import Browser
from tests.bench.faults import BenchFault
from tests.bench.parties import Party
from tests.bench.processes import ROOT, family, free_port, running, wait_until_listening

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-m", "tests.bench", "--rounds", "1", "--sign-ins", "2"]
ROWS = (
    "CPU ms / sign-in",
    "of it the page",
    "upstream calls / sign-in             3.0   x1.0                   2.0   x0.7                   2.0   x0.7",
    "new TLS connections / sign-in        0.0     x-                   0.0     x-                   2.0     x-",
    "callback without distance, ms",
    "callback, RTTs",
    "callback after a pause, RTTs",
    "per upstream call",
    "GET /session, requests/s",
    "CPU, bare views / sign-in",
    "GET /session, CPU µs",
    "GET /session, bare views",
    "bridge, oauth",
    "bridge, jwt",
    "plain, Granian",
    "Machine",
)


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment whose temporary files lie in a folder of its own, which must be empty afterwards."""
    yield {**os.environ, "TMPDIR": str(tmp_path)}
    assert list(tmp_path.iterdir()) == []


def words(text: str) -> str:
    return " ".join(text.split())


def is_running(pid: int) -> bool:
    """Tell whether a process works; one that ended may wait for ever for its new parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def family_of(pid: int, size: int) -> list[int]:
    """Return the process and its descendants once they are `size`."""
    while len(found := family(pid)) < size:
        time.sleep(0.05)
    return found


def test_one_small_round_tells_every_figure(scratch: dict[str, str]) -> None:
    told = subprocess.run(COMMAND, cwd=ROOT, env=scratch, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")
    assert [row for row in ROWS if words(row) not in words(told.stdout)] == []


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_process_and_no_file(scratch: dict[str, str], sign: signal.Signals) -> None:
    with subprocess.Popen(COMMAND, cwd=ROOT, env=scratch, stderr=subprocess.PIPE, text=True) as bench:
        started = family_of(bench.pid, 5)
        bench.send_signal(sign)
        _, stderr = bench.communicate()
    assert (bench.returncode, stderr) == (130, "Interrupted; nothing is left behind.\n")
    assert [pid for pid in started if is_running(pid)] == []


def test_a_failing_sign_in_ends_the_benchmark_with_a_sentence(tmp_path: Path) -> None:
    port = free_port()
    folder = tmp_path / "empty"
    folder.mkdir()
    arguments = ["http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    with running("server", arguments, tmp_path, os.environ) as server:
        wait_until_listening(server, port)
        with pytest.raises(BenchFault, match=r"^nobody: the departure was answered with 404"):
            Browser(Party("nobody", server, port, "/login")).sign_in()
