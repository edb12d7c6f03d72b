"""Readiness: every store is asked, what fails is named, and what hangs keeps nobody waiting."""

from __future__ import annotations

import threading
import time

from bridge.core.errors import StoreUnavailable
from bridge.ops.health import Readiness


def _fails() -> str:
    raise StoreUnavailable


def _breaks() -> str:
    raise ZeroDivisionError


def test_every_ping_has_its_outcome() -> None:
    pings = {"database": lambda: "ok", "sessions": _fails, "schema": lambda: "schema_behind", "broken": _breaks}
    assert Readiness(pings).reasons() == {
        "database": "ok",
        "sessions": "store_unavailable",
        "schema": "schema_behind",
        "broken": "ZeroDivisionError",
    }


def test_a_store_that_hangs_is_told_in_time_and_asked_once_however_many_probes_come() -> None:
    free, asked = threading.Event(), []

    def hangs() -> str:
        asked.append(1)
        free.wait(60)
        return "ok"

    readiness = Readiness({"redis": hangs, "database": lambda: "ok"}, patience=0.3)
    began = time.monotonic()
    assert [readiness.reasons() for _ in range(2)] == [{"redis": "no_answer", "database": "ok"}] * 2
    assert time.monotonic() - began < 30
    assert len(asked) == 1
    free.set()
    assert Readiness({"redis": hangs}).reasons() == {"redis": "ok"}


def test_each_probe_asks_anew() -> None:
    told = iter(["ok", "schema_behind"])
    readiness = Readiness({"database": lambda: next(told)})
    assert [readiness.reasons()["database"] for _ in range(2)] == ["ok", "schema_behind"]
