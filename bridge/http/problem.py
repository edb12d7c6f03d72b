"""Refusals as people and scripts see them: an error page, or a problem document (RFC 9457)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import structlog
from flask import Flask, Response, g, jsonify, redirect, render_template, request, session, url_for
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from bridge.core.errors import (
    BridgeError,
    ConnectionUnknown,
    CsrfFailed,
    Internal,
    LogoutTokenInvalid,
    PageUnknown,
    RateLimited,
    RequestInvalid,
    StateExpired,
    StateUnknown,
)
from bridge.core.gate_errors import (
    AdminLinkInvalid,
    AdminSignInRequired,
    ApiKeyForbidden,
    ApiKeyInvalid,
    HandoffInvalid,
    RehearsalLinkInvalid,
)
from bridge.core.protocol import AC_TOKEN
from bridge.http.address import client_address
from bridge.http.cookies import clear_ac_token
from bridge.http.current import services
from bridge.http.guard import AGENT_SESSION, forget_session, wants_page
from bridge.http.limits import source_of, spend_on_failure
from bridge.http.surroundings import surroundings
from bridge.http.texts import explain
from bridge.ops.journal import new_reference
from bridge.ops.under_way import is_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.core.trace import Trace

_UNAUTHORIZED: Final = 401
_NOT_FOUND: Final = 404
_TOO_LARGE: Final = 413
_API: Final = "/api/"
# What somebody brings who guesses, or who has a broken link; an outage is nobody's fault who is asked here.
_TRIED_IN_VAIN: Final = (
    AdminLinkInvalid,
    ConnectionUnknown,
    CsrfFailed,
    HandoffInvalid,
    LogoutTokenInvalid,
    RehearsalLinkInvalid,
    RequestInvalid,
    StateExpired,
    StateUnknown,
)
_SCRIPTS_ONLY: Final = ("/session", _API, "/backchannel-logout/")


@dataclass(frozen=True, slots=True)
class Problem:
    """What the error page shows; all texts are in the reader's language."""

    code: str
    status: int
    reference: str
    title: str
    detail: str
    advice: str
    who: str
    expected: str
    received: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class Context:
    """What a failing view was about.

    Args:
        event: its name in the journal.
        connection: a known one.
        retry_url: where the error page leads on; so does `other_account_url`.
        details: further fields of the log line; never a token.
    """

    event: str
    connection: str = ""
    retry_url: str = ""
    other_account_url: str = ""
    trace: Trace | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def in_context(context: Context) -> None:
    """Say what this request is about, for the case that it fails."""
    g.problem_context = context
    if context.connection:
        is_for(context.connection)


def install(app: Flask) -> None:
    """Let every failure of `app` end in `refuse`."""
    app.register_error_handler(BridgeError, refuse)
    app.register_error_handler(HTTPException, _refuse_http)
    app.register_error_handler(Exception, _refuse_surprise)


def refuse(error: BridgeError) -> Response:
    """Answer a refusal as a page or as JSON, after one line in the journal with the same reference."""
    error = _charged(error)
    context: Context = g.get("problem_context") or Context("request")
    reference = _recorded(error, context)
    as_page = wants_page(request) and not request.path.startswith(_SCRIPTS_ONLY)
    if isinstance(error, ApiKeyInvalid | ApiKeyForbidden):
        return _challenge(error, _as_json(error, reference))
    if error.status == _UNAUTHORIZED:
        response = _to_sign_in(_door(error)) if as_page else _as_json(error, reference)
        return _forget_session(response) if error.ends_session else response
    response = _as_page(error, reference, context) if as_page else _as_json(error, reference)
    if error.retryable:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _recorded(error: BridgeError, context: Context) -> str:
    """Write a refusal down, and return its reference; what anybody can cause at will must not fill the log."""
    journal, connection = services().journal, context.connection
    if _is_at_will(error, context):
        return journal.record_refusal(
            context.event, error, source=source_of(client_address()), connection=connection, **context.details
        )
    reference = new_reference()
    journal.record_failure(
        context.event, error, reference=reference, connection=connection, trace=context.trace, **context.details
    )
    return reference


def _is_at_will(error: BridgeError, context: Context) -> bool:
    if isinstance(error, RateLimited):
        return True
    # Behind these stand a sign-in that has come back, an agent, a platform's key, or a fault of ours.
    trace = context.trace
    is_known = (trace and (trace.steps or trace.vouched)) or AGENT_SESSION in session or "api_key" in context.details
    return not is_known and not isinstance(error, Internal)


def _charged(error: BridgeError) -> BridgeError:
    """Let an address pay for what it tried in vain; once it cannot, it is told so instead."""
    if isinstance(error, _TRIED_IN_VAIN) and not request.path.startswith(_API):
        try:
            spend_on_failure()
        except RateLimited as spent:
            return spent
    return error


def _challenge(error: BridgeError, response: Response) -> Response:
    """Say how to come in (RFC 6750 section 3)."""
    what = "insufficient_scope" if isinstance(error, ApiKeyForbidden) else "invalid_token"
    brought = f', error="{what}"' if request.headers.get("Authorization") else ""
    response.headers["WWW-Authenticate"] = f'Bearer realm="hotline-bridge"{brought}'
    return response


def _refuse_http(fault: HTTPException) -> Response:
    response = refuse(_from_http(fault))
    if isinstance(fault, MethodNotAllowed) and fault.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(fault.valid_methods))
    return response


def _refuse_surprise(fault: Exception) -> Response:
    structlog.get_logger("bridge").error("surprise", exc_info=fault)
    internal = Internal(received=type(fault).__name__)
    internal.__cause__ = fault
    try:
        return refuse(internal)
    except Exception as second:  # noqa: BLE001 — whatever broke the error page must not break this too
        reference = new_reference()
        structlog.get_logger("bridge").error("surprise", exc_info=second, reference=reference)
        return Response(f"{Internal.code} {reference}\n", Internal.status, mimetype="text/plain")


def _from_http(fault: HTTPException) -> BridgeError:
    # A body over the limit is one oversized parameter more, and these are 400 everywhere.
    status = 400 if fault.code == _TOO_LARGE else fault.code or Internal.status
    if status == _NOT_FOUND:
        return PageUnknown()
    if status < Internal.status:
        return RequestInvalid(received=fault.name, status=status)
    return Internal(received=fault.name)


def _as_page(error: BridgeError, reference: str, context: Context) -> Response:
    text = explain(error.code)
    problem = Problem(
        code=error.code,
        status=error.status,
        reference=reference,
        title=str(text.title),
        detail=str(text.detail),
        advice=str(text.advice),
        who=str(text.who),
        expected=error.expected,
        received=error.received,
        retryable=error.retryable,
    )
    place = surroundings(error, context.connection, context.retry_url)
    if place is not None:
        page = render_template("errors/console.html", problem=problem, place=place)
        return Response(page, error.status, mimetype="text/html")
    page = render_template(
        "errors/error.html",
        problem=problem,
        retry_url=context.retry_url or url_for("agent.sign_in"),
        other_account_url=context.other_account_url,
    )
    return Response(page, error.status, mimetype="text/html")


def _as_json(error: BridgeError, reference: str) -> Response:
    # Agents read pages; whoever asks the API is a program, and its reader a developer.
    title = type(error).default if request.path.startswith(_API) else str(explain(error.code).title)
    members: dict[str, Any] = {
        "type": f"urn:hotline-bridge:problem:{error.code}",
        "title": title,
        "status": error.status,
        "code": error.code,
        "detail": error.description,
        "reference": reference,
        "expected": error.expected,
        "received": error.received,
    }
    if error.status == _UNAUTHORIZED and not isinstance(error, ApiKeyInvalid):
        members["login_url"] = f"{services().site.public_url}{url_for(_door(error))}"
    response = jsonify({name: value for name, value in members.items() if value != ""})
    response.status_code = error.status
    response.mimetype = "application/problem+json"
    return response


def _door(error: BridgeError) -> str:
    return "door.sign_in" if isinstance(error, AdminSignInRequired) else "agent.sign_in"


def _to_sign_in(door: str) -> Response:
    if request.method != "GET":
        return redirect(url_for(door), 303)  # type: ignore[return-value]
    wanted = quote(request.full_path.rstrip("?"), safe="")
    return redirect(f"{url_for(door)}?next={wanted}", 303)  # type: ignore[return-value]


def _forget_session(response: Response) -> Response:
    """Take back what an ended session left in the browser; an outage never comes here."""
    forget_session()
    if AC_TOKEN in request.cookies:
        clear_ac_token(response, services().site)
    return response
