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
