"""Probes and scrapers: is the process alive, can it work, what did it count.

`ops` can have an address of its own, away from the agents.
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from bridge.core.errors import StoreUnavailable
from bridge.http.current import services
from bridge.ops.health import readiness
from bridge.ops.metrics import CONTENT_TYPE_LATEST

health = Blueprint("health", __name__)
ops = Blueprint("ops", __name__)


@health.get("/healthz")
def alive() -> Response:
    """Say that the process answers."""
    return jsonify(status="ok")


@ops.get("/readyz")
def ready() -> tuple[Response, int]:
    """Say whether the stores answer, and which does not."""
    store = services().session_store
    checks = readiness({"database": services().database.ping, store.place: store.ping})
    ok = all(reason == "ok" for reason in checks.values())
    return jsonify(status="ok" if ok else "unavailable", checks=checks), 200 if ok else StoreUnavailable.status


@ops.get("/metrics")
def metrics() -> Response:
    """Return the counters in Prometheus' text format."""
    return Response(services().metrics.exposition(), content_type=CONTENT_TYPE_LATEST)
