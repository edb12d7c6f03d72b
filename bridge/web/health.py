"""Probers and scrapers: is the process alive, can it work, what did it count.

`ops` can have an address of its own, away from the agents.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, current_app, jsonify, request

from bridge.http.current import services
from bridge.ops.health import STATE, Readiness, State
from bridge.ops.metrics import CONTENT_TYPE_LATEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.services import Services

_READINESS: Final = "bridge-readiness"
_BEHIND: Final = "schema_behind"

health = Blueprint("health", __name__)
ops = Blueprint("ops", __name__)


@health.get("/healthz")
def alive() -> Response:
    """Say that the process answers."""
    return jsonify(status="ok")


@ops.get("/readyz")
def ready() -> tuple[Response, int]:
    """Say whether the server takes new sign-ins and the stores answer, else why not."""
    state: State = request.environ.get(STATE, State.SERVING)
    checks = {} if state is State.SERVING else {"server": state.name.lower()}
    checks |= _readiness().reasons()
    status = _status(checks, services().session_store.place)
    code = HTTPStatus.SERVICE_UNAVAILABLE if status == "unavailable" else HTTPStatus.OK
    return jsonify(status=status, checks=checks), code


def _status(checks: Mapping[str, str], place: str) -> str:
    """Return what becomes of requests: ``ok``, ``unavailable``, or ``degraded`` where agents notice nothing.

    Args:
        place: where sessions are.
    """
    failing = {name: reason for name, reason in checks.items() if reason != "ok"}
    if not failing:
        return "ok"
    # A worker that serves has read all that sign-ins need of the database. Every replica would say the same of it, and
    # a balancer that believed them all would have nobody left.
    can_spare_it = place != "database" and failing.keys() == {"database"} and failing["database"] != _BEHIND
    return "degraded" if can_spare_it else "unavailable"


@ops.get("/metrics")
def metrics() -> Response:
    """Return the counters in Prometheus' text format."""
    return Response(services().metrics.exposition(), content_type=CONTENT_TYPE_LATEST)


def _readiness() -> Readiness:
    made: dict[str, Readiness] = current_app.extensions
    if _READINESS not in made:
        made[_READINESS] = _readiness_of(services())
    return made[_READINESS]


def _readiness_of(rooms: Services) -> Readiness:
    database, store = rooms.database, rooms.session_store

    def tables() -> str:
        return _BEHIND if database.is_behind() else "ok"

    def sessions() -> str:
        store.ping()
        return "ok"

    def both() -> str:
        behind = tables()
        return behind if behind != "ok" else sessions()

    if store.place == "database":
        return Readiness({"database": both})
    return Readiness({"database": tables, store.place: sessions})
