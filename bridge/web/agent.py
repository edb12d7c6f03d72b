"""An agent's browser on its way in and out: sign-in page, departure, callback, logout."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final, cast

from flask import (
    Blueprint,
    Response,
    after_this_request,
    current_app,
    redirect,
    render_template,
    request,
    session,
    url_for,
)

from bridge.core.errors import (
    IdpAnswerInvalid,
    LoginRequired,
    RequestInvalid,
    SessionEnded,
    SessionMissing,
    StateExpired,
    StateUnknown,
    showable,
)
from bridge.core.landing import HOME, safe_landing
from bridge.http import cookies
from bridge.http.current import services
from bridge.http.guard import AGENT_SESSION, forget_session, require_own_page, require_session, require_store
from bridge.http.parameters import single
from bridge.http.problem import Context, in_context
from bridge.signin.flow import AuthorizationResponse

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

    from bridge.core.model import Connection
    from bridge.http.session import BrowserSession, BrowserSessionInterface
    from bridge.signin.agent_session import AgentSession

agent = Blueprint("agent", __name__)

# OpenID Connect Core section 3.1.2.1
_PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})
_OTHER_ACCOUNT: Final = {"microsoft": "select_account"}


@agent.get("/")
def home() -> Response:
    """Lead to the phone."""
    return _see(url_for("softphone.page"))


@agent.get("/login")
def sign_in() -> Response | str:
    """Show the ways in: one button, or the e-mail question; a known domain needs no question."""
    asked = single(request.args, "next", "login_hint")
    landing, login_hint = safe_landing(asked["next"]), asked["login_hint"].strip()
    ways = services().connections.for_email(login_hint) if "@" in login_hint else []
    if len(ways) == 1:
        return _see(_departure_url(ways[0], landing, login_hint))
    every = services().connections.enabled()
    offered = ways or (every if len(every) == 1 else [])
    return render_template(
        "agent/sign_in.html",
        connections=[_offer(connection, landing, login_hint) for connection in offered],
        email_first=not offered,
        unknown_domain=bool(login_hint) and not offered,
        remembered=None if offered else _remembered(landing),
        next=landing if landing != HOME else "",
    )


@agent.get("/login/<name>")
def depart(name: str) -> Response:
    """Send the browser to the connection's identity provider."""
    asked = single(request.args, "next", "login_hint", "prompt")
    if not _PROMPTS.issuperset(asked["prompt"].split()):
        raise RequestInvalid(expected=f"prompt of {', '.join(sorted(_PROMPTS))}", received=showable(asked["prompt"]))
    connection = services().connections.get(name)
    landing, login_hint, prompt = safe_landing(asked["next"]), asked["login_hint"], asked["prompt"]
    if name != connection.name:
        # The cookie that counts the slots has the name in its path, letter by letter.
        return _see(_departure_url(connection, landing, login_hint, prompt))
    return _depart(connection, landing, login_hint, prompt)


@agent.get("/login/<name>/initiate")
def initiate(name: str) -> Response:
    """Begin a sign-in that the provider asks for (OpenID Connect Core section 4, third-party initiated login)."""
    asked = single(request.args, "iss", "login_hint", "target_link_uri")
    connection = services().connections.get(name)
    if not services().flow.is_issuer(connection, asked["iss"]):
        raise IdpAnswerInvalid(expected="iss of the connection", received="another", status=400)
    wanted = asked["target_link_uri"].removeprefix(services().site.public_url)
    return _depart(connection, safe_landing(wanted), asked["login_hint"], "")


@agent.route("/callback/<name>", methods=["GET", "POST"])
def arrive(name: str) -> Response:
    """Complete the sign-in with what the browser brought back."""
    require_store()
    connection = services().connections.get(name)
    brought = request.args if request.method == "GET" else request.form
    slot, wanted = services().pending.peek(brought.get("state", ""), _pending_cookie)
    in_context(_arrival_context(connection, safe_landing(wanted)))
    if slot is not None:
        _forget_afterwards(connection, slot)
    response = _response_in(brought)
    try:
        arrived, landing = services().flow.complete(name, response, _pending_cookie, former=_session_now())
    except (StateUnknown, StateExpired):
        # Another tab finished meanwhile: a person who is signed in wants the page, not an account of what was late.
        if _is_signed_in():
            return _see(HOME)
        if request.method == "POST":
            # Another site's form brings no session cookie (SameSite=Lax); the navigation that we answer with does.
            return _see(url_for("agent.arrive", name=connection.name, state=response.state))
        raise
    return _let_in(connection, arrived, landing)


@agent.post("/logout")
def sign_out() -> Response:
    """End the session here, and send the browser to end it at the provider."""
    current = require_session()
    require_own_page()
    onward = services().flow.end(current)
    forget_session()
    response = _see(onward or url_for("agent.signed_out"))
    cookies.clear_ac_token(response, services().site)
    return response


@agent.get("/logged-out")
def signed_out() -> str:
    """Say that it is over; nothing here signs back in by itself."""
    return render_template("agent/signed_out.html", sign_in_url=url_for("agent.sign_in"))


def _depart(connection: Connection, landing: str, login_hint: str, prompt: str) -> Response:
    if request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
        # A script cannot show the provider's page; each of its tries would only use up a slot.
        raise LoginRequired(expected="a navigation", received="a request of a script")
    in_context(Context("sign_in", connection.name, url_for("agent.sign_in")))
    slot = cookies.next_slot(request)
    departure = services().flow.begin(
        connection.name, slot=slot, landing=landing, login_hint=login_hint, prompt=prompt, former=_session_now()
    )
    response = cast("Response", redirect(departure.url, 302))
    if departure.sealed:
        cookies.set_pending(response, services().site, connection, slot, departure.sealed)
    return response


def _response_in(brought: MultiDict[str, str]) -> AuthorizationResponse:
    found = single(brought, "state", "code", "error", "iss", refuse_as=IdpAnswerInvalid)
    single(brought, "error_description", refuse_as=IdpAnswerInvalid)
    return AuthorizationResponse(**found)


def _let_in(connection: Connection, arrived: AgentSession, landing: str) -> Response:
    interface = cast("BrowserSessionInterface", current_app.session_interface)
    interface.start(cast("BrowserSession", session), {AGENT_SESSION: arrived.id, "csrf_token": secrets.token_hex(20)})
    response = _see(landing)
    cookies.set_ac_token(response, services().site, arrived, services().now())
    cookies.remember_connection(response, services().site, connection.name)
    return response


def _session_now() -> str:
    return str(session.get(AGENT_SESSION, ""))


def _is_signed_in() -> bool:
    try:
        require_session()
    except (SessionMissing, SessionEnded, LoginRequired):
        return False
    return True


def _forget_afterwards(connection: Connection, slot: int) -> None:
    @after_this_request
    def forget(response: Response) -> Response:
        cookies.clear_pending(response, services().site, connection, slot)
        return response


def _pending_cookie(slot: int) -> str:
    return cookies.pending_in(request, slot)


def _arrival_context(connection: Connection, landing: str) -> Context:
    prompt = _OTHER_ACCOUNT.get(connection.idp.kind, "login")
    return Context(
        "sign_in",
        connection.name,
        retry_url=_departure_url(connection, landing),
        other_account_url=_departure_url(connection, landing, prompt=prompt),
    )


def _offer(connection: Connection, landing: str, login_hint: str) -> dict[str, str]:
    return {
        "name": connection.name,
        "title": connection.title,
        "kind": connection.idp.kind,
        "url": _departure_url(connection, landing, login_hint),
    }


def _departure_url(connection: Connection, landing: str, login_hint: str = "", prompt: str = "") -> str:
    wanted = landing if landing != HOME else None
    return url_for(
        "agent.depart", name=connection.name, next=wanted, login_hint=login_hint or None, prompt=prompt or None
    )


def _remembered(landing: str) -> dict[str, str] | None:
    name = request.cookies.get(cookies.REMEMBERED, "")
    known = {connection.name: connection for connection in services().connections.enabled()}
    return _offer(known[name], landing, "") if name in known else None


def _see(url: str) -> Response:
    return cast("Response", redirect(url, 303))
