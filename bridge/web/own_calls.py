"""What the softphone page tells an agent of the own calls of today, and the recordings of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, jsonify, url_for

from bridge.aiccs.instance import instance_of
from bridge.calls.listeners import Listener
from bridge.http.audio import audio_answer
from bridge.http.current import services
from bridge.http.guard import require_session
from bridge.http.problem import Context, in_context

if TYPE_CHECKING:
    from bridge.aiccs.calls import Call, Recording
    from bridge.core.model import Connection

own_calls = Blueprint("own_calls", __name__, url_prefix="/session/calls")

_PATIENCE: Final = 12.0
"""Seconds for all questions to the contact center together; the page waits 15."""


@own_calls.get("")
def show() -> Response:
    """List the calls of today, newest first."""
    connection, account_name = _asker()
    with services().outbound.in_a_hurry(_PATIENCE):
        found = services().own_calls.of_today(connection, account_name)
    return jsonify(calls=[_told(call) for call in found])


@own_calls.get("/<call_id>/recordings")
def recordings(call_id: str) -> Response:
    """Say whether a call has recordings by now, and where they are heard."""
    connection, account_name = _asker()
    with services().outbound.in_a_hurry(_PATIENCE):
        held = services().own_calls.recordings(connection, account_name, call_id)
    return jsonify(state=held.state, recordings=[_heard(call_id, one) for one in held.recordings])


@own_calls.get("/<call_id>/recordings/<connection_id>")
def recording(call_id: str, connection_id: str) -> Response:
    """Let the agent hear a recording of an own call."""
    connection, account_name = _asker()
    with services().outbound.in_a_hurry(_PATIENCE):
        services().own_calls.check(connection, account_name, call_id, connection_id)
    listener = Listener("agent", connection.name, account_name)
    return audio_answer(instance_of(connection), call_id, connection_id, listener)


def _asker() -> tuple[Connection, str]:
    """Return the connection and the AccountName of whoever is signed in; raises as `require_session`."""
    current = require_session()
    in_context(Context("own_calls", current.connection))
    return services().connections.get(current.connection), current.account_name


def _told(call: Call) -> dict[str, Any]:
    # With whom is all that the agent needs of the two numbers.
    return {
        "call_id": call.call_id,
        "direction": call.direction,
        "number": call.callee if call.direction == "outbound" else call.caller,
        "created_at": call.created_at,
        "is_answered": call.was_answered,
        "talk_seconds": call.talk_seconds,
        "recordings_url": url_for("own_calls.recordings", call_id=call.call_id) if call.was_answered else "",
    }


def _heard(call_id: str, one: Recording) -> dict[str, Any]:
    return {
        "began_at": one.began_at,
        "url": url_for("own_calls.recording", call_id=call_id, connection_id=one.connection_id),
    }
