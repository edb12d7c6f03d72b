"""The softphone page and the JSON that its script asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, render_template, request

from bridge.aiccs.instance import reachable_instance
from bridge.core.errors import ConnectionDisabled, ConnectionUnknown, StoreUnavailable
from bridge.http.application import path_to
from bridge.http.cookies import forget_tries, set_ac_token, tries_in
from bridge.http.current import services
from bridge.http.guard import csrf_token, require_own_page, require_session
from bridge.http.headers import allow_sdk
from bridge.http.language import language_tag
from bridge.http.limits import spend_on_session
from bridge.http.problem import Context, in_context
from bridge.signin.forecast import renew_at, signed_in_until

if TYPE_CHECKING:
    from bridge.core.model import Connection, Mode
    from bridge.signin.agent_session import AgentSession

softphone = Blueprint("softphone", __name__)


@softphone.get("/softphone")
def page() -> Response:
    """Show the phone; the token is never part of the page."""
    current = require_session()
    connection = services().connections.get(current.connection)
    allow_sdk(current.end_session_origin)
    sdk = services().site.sdk
    shown = render_template(
        "softphone/softphone.html",
        boot=_boot(current, connection),
        workbench_url=_workbench_url(current, connection),
        sdk_scripts=sdk.scripts,
        sdk_styles=sdk.styles,
    )
    response = Response(shown, mimetype="text/html")
    if tries_in(request, services().site):
        forget_tries(response, services().site)
    return response


@softphone.get("/session")
def show() -> Response:
    """Say who is signed in and until when."""
    current = require_session()
    mode = _mode_of(current)
    return jsonify(
        connection=current.connection,
        account_name=current.account_name,
        display_name=current.display_name,
        expires_at=current.fuyun.expires_at,
        session_expires_at=int(current.expires_at),
        signed_in_until=signed_in_until(current, mode),
        renew_at=renew_at(current, mode),
        csrf_token=csrf_token(),
    )


@softphone.post("/session/token")
def token() -> Response:
    """Hand the page's own script the Fuyun token."""
    current = require_session()
    require_own_page()
    spend_on_session(current.id)
    return _token_answer(current)


@softphone.post("/session/renew")
def renew() -> Response:
    """Hand the page's own script a fresh Fuyun token, and renew the cookie."""
    current = require_session()
    require_own_page()
    in_context(Context("renewal", current.connection))
    spend_on_session(current.id)
    renewed = services().flow.renew(current.id)
    response = _token_answer(renewed)
    set_ac_token(response, services().site, renewed, services().now())
    return response


def _mode_of(current: AgentSession) -> Mode:
    try:
        return services().connections.get(current.connection).mode
    except (ConnectionUnknown, ConnectionDisabled, StoreUnavailable):
        # Who is signed in does not depend on it.
        return "oauth"


def _token_answer(current: AgentSession) -> Response:
    connection = services().connections.get(current.connection)
    return jsonify(
        access_token=current.fuyun.access_token,
        token_type=current.fuyun.token_type,
        expires_in=max(int(current.fuyun.expires_at - services().now()), 0),
        instance_id=connection.instance_id,
    )


def _boot(current: AgentSession, connection: Connection) -> dict[str, Any]:
    sdk = services().site.sdk
    return {
        "instance_id": connection.instance_id,
        "api_host": sdk.api_host,
        "ws_host": sdk.ws_host,
        "session_url": path_to("softphone.show"),
        "token_url": path_to("softphone.token"),
        "renew_url": path_to("softphone.renew"),
        "logout_url": path_to("agent.sign_out"),
        "calls_url": path_to("own_calls.show") if reachable_instance(connection) else "",
        "login_url": _login_url(connection),
        "silent_login_url": _silent_login_url(current, connection),
        "connection": connection.name,
        "connection_title": connection.title,
        "account_name": current.account_name,
        "display_name": current.display_name,
        "signed_in_until": signed_in_until(current, connection.mode),
        "locale": language_tag(),
    }


def _login_url(connection: Connection) -> str:
    """Return where the agent signs in again; nothing where only the platform's own software opens the phone again."""
    if connection.idp.kind == "none":
        return ""
    return path_to("agent.depart", name=connection.name, next=path_to("softphone.page"))


def _silent_login_url(current: AgentSession, connection: Connection) -> str:
    if not current.tokens.access_token:
        # Handed over by the platform: no provider knows the person, so nobody can answer in silence.
        return _login_url(connection)
    # The session may be over by then, so the address itself has to say for whom it is, without telling who that is.
    person = services().agent_sessions.person_key(current)
    query = {"login_hint": _hint(current), "prompt": "none", "person": person}
    asked = urlencode({name: value for name, value in query.items() if value is not None}, safe="@")
    return f"{path_to('agent.depart', name=connection.name)}?{asked}"


def _workbench_url(current: AgentSession, connection: Connection) -> str:
    if connection.idp.kind == "none" or not connection.fuyun.workbench_redirect_url:
        return ""
    return path_to("agent.open_workbench", name=connection.name, login_hint=_hint(current))


def _hint(current: AgentSession) -> str | None:
    """Return whom the provider should look for (``login_hint``), where the account is an address as people type it."""
    return current.account_name if "@" in current.account_name else None
