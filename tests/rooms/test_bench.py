"""The benchmark runs, tells every figure, refuses to tell figures of failing flows, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bench.browser import Browser
from tests.bench.faults import BenchFault
from tests.bench.footprint import Footprint
from tests.bench.installing import installed, output_of
from tests.bench.measures import Figures
from tests.bench.memory import Sample, slope
from tests.bench.processes import ROOT, family, free_port, module, running, wait_until_listening
from tests.bench.start import Start
from tests.bench.targets import targets
from tests.bench.world import NotHere, Party

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [*module("tests.bench"), "--rounds", "1", "--sign-ins", "1", "--only"]
ROWS = (
    "One sign-in CPU ms x bridge bare views page ms calls new TLS callback ms",
    "bridge oauth, Redis",
    "bridge jwt, Redis",
    "x1.00",
    "3.0 0.0",
    "2.0 0.0",
    "Its callback from afar callback RTTs per call after a pause per call",
    "One signed-in request CPU µs x bridge bare views requests/s PSS MiB",
    "Demanded of the bridge here demanded",
    "GET /session : bare view",
    "GET /session : mod_auth_openidc - 0.70",
    "Start",
    "Machine",
)
FIGURES = Figures(
    bare_us=200, cpu_ms=5, page_cpu_ms=1, calls=3, connections=0, callback_ms=9, steady=3, paused=4, rate=9,
    request_us=500, pss=95,
)  # fmt: skip


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
    told = subprocess.run([*COMMAND, "bridge"], cwd=ROOT, env=scratch, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")
    assert [row for row in ROWS if words(row) not in words(told.stdout)] == []


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_process_and_no_file(scratch: dict[str, str], sign: signal.Signals) -> None:
    with subprocess.Popen([*COMMAND, "authlib"], cwd=ROOT, env=scratch, stderr=subprocess.PIPE, text=True) as bench:
        started = family_of(bench.pid, 4)
        bench.send_signal(sign)
        _, stderr = bench.communicate()
    assert (bench.returncode, stderr) == (130, "Interrupted; nothing is left behind.\n")
    assert [pid for pid in started if is_running(pid)] == []


def test_a_failing_sign_in_ends_the_benchmark_with_a_sentence(tmp_path: Path) -> None:
    port = free_port()
    folder = tmp_path / "empty"
    folder.mkdir()
    command = module("http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder))
    with running("server", command, tmp_path, os.environ) as server:
        wait_until_listening(server, port)
        with pytest.raises(BenchFault, match=r"^nobody: the departure was answered with 404"):
            Browser(Party("nobody", server, port, "/login")).sign_in()


def test_what_misses_its_demand_is_told_with_how_far() -> None:
    told = words(targets({"bridge oauth, Redis": [FIGURES]}, [Start(1.4, 1.2, 0.3, 0.3)]))
    assert "sign-in, oauth : bare view 25.00 30.77 sign-in, jwt" in told
    assert "callback, RTTs per upstream call 1.00 1.10 new TLS connections a sign-in 0.00 0.00 PSS" in told
    assert "PSS of the worker, MiB 95.00 90.00 missed: x1.06" in told
    assert "sign-in, jwt : bare view - 26.92" in told


def test_the_slope_of_memory_leaves_out_the_first_quarter_of_a_run() -> None:
    sizes = {0: 50, 25_000: 80, 50_000: 81, 75_000: 82, 100_000: 83}
    assert slope([Sample(done, Footprint(pss, 0)) for done, pss in sizes.items()]) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        pytest.param(["no-such-program"], "there is no no-such-program on this machine", id="missing"),
        pytest.param(["sh", "-c", "echo no network >&2; exit 1"], "sh -c failed: no network", id="failing"),
    ],
)
def test_a_peer_that_cannot_be_had_is_named_with_the_reason(tmp_path: Path, command: list[str], reason: str) -> None:
    with pytest.raises(NotHere) as refusal:
        output_of(command, tmp_path)
    assert str(refusal.value) == reason


def test_a_peer_is_fetched_once_for_each_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tests.bench.installing._PEERS", tmp_path)
    fetched: list[Path] = []
    for version in ("1", "1", "2"):
        installed("peer", version, fetched.append)
    assert fetched == [tmp_path / "peer"] * 2
