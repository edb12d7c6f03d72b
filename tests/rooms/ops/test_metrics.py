"""The metrics: counters of one process, or of all workers together."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from bridge.ops.metrics import Metrics

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

WORKER = """
from bridge.ops.metrics import Metrics
metrics = Metrics()
metrics.count("sign_in", "contoso", "ok", 0.5)
print(metrics.exposition().decode())
"""


def test_two_applications_of_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.count("sign_in", "contoso", "ok", None)
    assert b'event="sign_in"' in one.exposition()
    assert b'event="sign_in"' not in other.exposition()


def test_with_a_shared_folder_only_what_lies_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics()
    metrics.count("sign_in", "contoso", "ok", None)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert metrics.exposition() == b""


def test_workers_that_share_a_folder_are_summed(tmp_path: Path) -> None:
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": "."}
    told = ""
    for _ in range(2):
        worker = subprocess.run([sys.executable, "-c", WORKER], env=environ, capture_output=True, text=True, check=True)
        told = worker.stdout
    assert 'bridge_events_total{code="ok",connection="contoso",event="sign_in"} 2.0' in told
    assert 'bridge_event_seconds_sum{connection="contoso",event="sign_in"} 1.0' in told


GONE = """
import os
from bridge.ops.metrics import Metrics
metrics = Metrics()
metrics.worker_started(8)
metrics.circuit("https://idp.example", is_open=True)
metrics.count("sign_in", "contoso", "ok", None)
"""


def test_what_a_worker_that_is_gone_counted_stays_and_what_it_was_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": "."}
    subprocess.run([sys.executable, "-c", GONE], env=environ, check=True)
    assert list(tmp_path.glob("gauge_live*"))
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    told = Metrics().exposition().decode()
    assert 'bridge_events_total{code="ok",connection="contoso",event="sign_in"} 1.0' in told
    assert "bridge_workers" not in told
    assert "bridge_circuit_open" not in told
    assert not list(tmp_path.glob("gauge_live*"))


def test_a_host_is_told_of_from_its_first_failure_on_and_of_so_many_hosts_only() -> None:
    metrics = Metrics()
    metrics.circuit("https://well.example", is_open=False)
    for number in range(300):
        metrics.circuit(f"https://{number}.example", is_open=True)
    metrics.circuit("https://0.example", is_open=False)
    told = metrics.exposition().decode()
    assert "well.example" not in told
    assert 'bridge_circuit_open{host="https://0.example"} 0.0' in told
    assert 'bridge_circuit_open{host="https://1.example"} 1.0' in told
    assert told.count("bridge_circuit_open{") == 200


def test_a_full_disk_costs_nobody_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    metrics = Metrics()
    for name in ("_event", "_call", "_operation", "_request", "_circuit"):
        monkeypatch.setattr(metrics, name, full)
    metrics.count("sign_in", "contoso", "ok", 1.0)
    metrics.called("token", "contoso", "ok", 1.0)
    metrics.stored("sessions", "get", 1.0, failed=True)
    metrics.answered("session", 200, 1.0)
    metrics.circuit("https://idp.example", is_open=True)
