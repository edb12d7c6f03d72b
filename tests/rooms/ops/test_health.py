"""Readiness: every store is asked, and the one that fails is named by its code."""

from __future__ import annotations

from bridge.core.errors import StoreUnavailable
from bridge.ops.health import readiness


def _fails() -> None:
    raise StoreUnavailable


def test_every_ping_has_its_outcome() -> None:
    assert readiness({"database": lambda: None, "sessions": _fails, "other": lambda: None}) == {
        "database": "ok",
        "sessions": "store_unavailable",
        "other": "ok",
    }
