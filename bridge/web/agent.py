"""An agent's browser on its way in and out: sign-in page, departure, callback, logout."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

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
    BridgeError,
    CookiesRefused,
    IdpAnswerInvalid,
    RequestInvalid,
    SignInLoop,
    showable,
)
from bridge.core.landing import HOME, safe_landing
from bridge.http import cookies
from bridge.http.address import asked_host
from bridge.http.application import path_to
from bridge.http.current import services
from bridge.http.guard import AGENT_SESSION, forget_session, require_navigation, require_own_page, require_session
from bridge.http.limits import spend_on_departure, spend_on_failure
from bridge.http.parameters import single
from bridge.http.problem import Context, in_context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.core.model import Connection
    from bridge.signin.agent_session import AgentSession

agent = Blueprint("agent", __name__)

# OpenID Connect Core section 3.1.2.1
_PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})
_OTHER_ACCOUNT: Final = {"microsoft": "select_account"}
_PLATFORM: Final = "platform"


@agent.get("/")
def home() -> Response:
    """Lead to the phone, or from a connection's own host name to its sign-in."""
    own = _of_this_host()
    return _see(_from_its_host(own, HOME) if own else path_to("softphone.page"))


@agent.get("/login")
def sign_in() -> Response | str:
    """Show the ways in: one button, or the e-mail question; a known domain needs no question."""
    asked = single(request.args, "next", "login_hint")
    landing, login_hint = safe_landing(asked["next"]), asked["login_hint"].strip()
    if login_hint:
        require_navigation()
        spend_on_departure()
    own = _of_this_host()
    if own:
        return _see(_from_its_host(own, landing))
    ways = _ways_of(login_hint)
    if len(ways) == 1 and not _ends_elsewhere(ways[0]):
        return _see(_departure_url(ways[0], landing, login_hint))
    every = [connection for connection in services().connections.enabled() if _has_provider(connection)]
    offered = ways or (every if len(every) == 1 else [])
    by_platform = not ways and _is_by_platform(request.cookies.get(cookies.REMEMBERED, ""))
    return _page(
        offered,
        landing,
        login_hint,
        email_first=bool(every) and not offered,
        by_platform=by_platform or (not every and bool(services().connections.enabled())),
    )


@agent.get("/login/<name>/about")
def about(name: str) -> Response | str:
    """Explain a sign-in that ends at Fuyun before it begins; any other one needs no explanation and begins."""
    connection = services().connections.get(name)
    return _page([connection]) if _ends_elsewhere(connection) else _see(_departure_url(connection, HOME))


@agent.get("/login/<name>")
def depart(name: str) -> Response:
    """Send the browser to the connection's identity provider."""
    asked = single(request.args, "next", "login_hint", "prompt", "again", "person")
    _check_prompt(asked["prompt"])
    connection = services().connections.get(name)
    _check_cookies_come_back(asked["again"])
    landing, login_hint, prompt = safe_landing(asked["next"]), asked["login_hint"], asked["prompt"]
    if name != connection.name:
        # The cookie that counts the slots has the name in its path, letter by letter.
        return _see(_departure_url(connection, landing, login_hint, prompt))
    return _depart(connection, landing, login_hint, prompt, asked["person"])


@agent.route("/login/<name>/initiate", methods=["GET", "POST"])
def initiate(name: str) -> Response:
    """Begin a sign-in that the provider asks for (OpenID Connect Core section 4, third-party initiated login)."""
    brought = request.form if request.method == "POST" else request.args
    asked = single(brought, "iss", "login_hint", "target_link_uri")
    connection = services().connections.get(name)
    if not services().flow.is_issuer(connection, asked["iss"]):
        spend_on_failure()
        raise IdpAnswerInvalid(expected="iss of the connection", received="another", status=400)
    if request.method == "POST":
        # Another site's form brings no session cookie (SameSite=Lax); the navigation that we answer with does.
        hint, target = asked["login_hint"] or None, asked["target_link_uri"] or None
        again = url_for(
            "agent.initiate", name=connection.name, iss=asked["iss"], login_hint=hint, target_link_uri=target
        )
        return _see(again)
    wanted = asked["target_link_uri"].removeprefix(services().site.public_url)
    return _depart(connection, safe_landing(wanted), asked["login_hint"], "")


@agent.get("/login/<name>/workbench")
def open_workbench(name: str) -> Response:
    """Send the browser into Fuyun's own workbench, from where it does not come back: nothing is remembered here."""
    asked = single(request.args, "login_hint", "prompt")
    _check_prompt(asked["prompt"])
    require_navigation()
    connection = services().connections.get(name)
    in_context(Context("sign_in", connection.name, retry_url=path_to("agent.sign_in")))
    spend_on_departure(connection.name, asked["login_hint"])
    departure = services().flow.begin_at_workbench(
        connection.name, login_hint=asked["login_hint"], prompt=asked["prompt"]
    )
    return cast("Response", redirect(departure.url, 302))


@agent.post("/logout")
def sign_out() -> Response:
    """End the session here, and send the browser to end it at the provider."""
    # Whoever could not be signed out is led back to the phone, which says so, and not to a page that looks signed out.
    in_context(Context("sign_out", retry_url=path_to("softphone.page")))
    current = require_session()
    require_own_page()
    onward = services().flow.end(current)
    forget_session()
    by = _PLATFORM if _is_by_platform(current.connection) else None
    response = _see(onward or url_for("agent.signed_out", by=by))
    cookies.clear_ac_token(response, services().site)
    if cookies.tries_in(request, services().site):
        cookies.forget_tries(response, services().site)
    return response


@agent.get("/logged-out")
def signed_out() -> str:
    """Say that it is over; nothing here signs back in by itself."""
    by_platform = request.args.get("by") == _PLATFORM
    return render_template("agent/signed_out.html", sign_in_url=path_to("agent.sign_in"), by_platform=by_platform)


def _depart(connection: Connection, landing: str, login_hint: str, prompt: str, person: str = "") -> Response:
    require_navigation()
    in_context(Context("sign_in", connection.name, retry_url=path_to("agent.sign_in")))
    spend_on_departure(connection.name, login_hint)
    if _has_provider(connection) and not _ends_elsewhere(connection):
        _check_session_is_kept()
        left = _would_leave(connection)
        if left is not None:
            return _ask_before_leaving(left, connection, _departure_url(connection, landing, login_hint, prompt))
    slot = cookies.next_slot(request)
    former = _session_now()
    departure = services().flow.begin(
        connection.name,
        slot=slot,
        landing=landing,
        login_hint=login_hint,
        prompt=prompt,
        former=former,
        is_return=not former and cookies.REMEMBERED in request.cookies,
        person=person,
    )
    response = cast("Response", redirect(departure.url, 302))
    if departure.sealed:
        cookies.set_pending(response, services().site, connection, slot, departure.sealed)
    return response


def _page(
    offered: Sequence[Connection],
    landing: str = HOME,
    login_hint: str = "",
    *,
    email_first: bool = False,
    by_platform: bool = False,
) -> str:
    return render_template(
        "agent/sign_in.html",
        connections=[_offer(connection, landing, login_hint) for connection in offered],
        email_first=email_first,
        by_platform=by_platform,
        unknown_domain=bool(login_hint) and not offered,
        remembered=None if offered else _remembered(landing),
        next=landing if landing != HOME else "",
    )


def _check_prompt(prompt: str) -> None:
    if not _PROMPTS.issuperset(prompt.split()):
        raise RequestInvalid(expected=f"prompt of {', '.join(sorted(_PROMPTS))}", received=showable(prompt))


def _check_cookies_come_back(again: str) -> None:
    # A callback without any cookie gave this browser one, and a link that says so.
    if not again or request.cookies:
        return

    @after_this_request
    def probe(response: Response) -> Response:
        # Once more, for whoever allows cookies now and loads this page again.
        cookies.set_probe(response, services().site)
        return response

    # The server hands over none of them where one holds a byte beyond ASCII; a parent domain's may.
    received = "a cookie that is not ASCII, which spoils all" if "HTTP_COOKIE" in request.environ else "no cookie"
    raise CookiesRefused(expected="the cookie of the page before", received=received)


def _check_session_is_kept() -> None:
    if cookies.tries_in(request, services().site) + 1 < cookies.MOST_TRIES or _session_now():
        return

    @after_this_request
    def begin_anew(response: Response) -> Response:
        cookies.forget_tries(response, services().site)
        return response

    raise SignInLoop(
        expected=f"the cookie {current_app.config['SESSION_COOKIE_NAME']} that each sign-in sets",
        received=f"{cookies.MOST_TRIES} sign-ins without it",
    )


def _would_leave(connection: Connection) -> AgentSession | None:
    """Return the session of another connection that a link from elsewhere would replace, and its call with it."""
    if request.headers.get("Sec-Fetch-Site") != "cross-site" or not _session_now():
        return None
    with suppress(BridgeError):
        current = require_session()
        return current if current.connection != connection.name else None
    return None


def _ask_before_leaving(left: AgentSession, connection: Connection, onward: str) -> Response:
    titles = {one.name: one.title for one in services().connections.enabled()}
    page = render_template(
        "agent/leave.html",
        here=titles.get(left.connection, left.connection),
        there=connection.title,
        account_name=left.account_name,
        stay_url=path_to("softphone.page"),
        onward_url=onward,
    )
    return Response(page, mimetype="text/html")


def _session_now() -> str:
    return str(session.get(AGENT_SESSION, ""))


def _has_provider(connection: Connection) -> bool:
    """Say whether people can sign in with it at all, or come from their platform's own software."""
    return connection.idp.kind != "none"


def _is_by_platform(name: str) -> bool:
    """Say whether the people of a connection come from their platform's own software, and cannot sign in here."""
    return any(one.name == name and not _has_provider(one) for one in services().connections.enabled())


def _ends_elsewhere(connection: Connection) -> bool:
    """Say whether a sign-in ends at Fuyun's host, and so has to be explained before it begins."""
    return connection.mode == "frontend"


def _of_this_host() -> Connection | None:
    own = services().connections.for_host(asked_host())
    return own if own and _has_provider(own) else None


def _ways_of(login_hint: str) -> list[Connection]:
    found = services().connections.for_email(login_hint) if "@" in login_hint else []
    return [connection for connection in found if _has_provider(connection)]


def _offer(connection: Connection, landing: str, login_hint: str) -> dict[str, Any]:
    offer = {"name": connection.name, "title": connection.title, "kind": connection.idp.kind}
    if not _ends_elsewhere(connection):
        return {**offer, "url": _departure_url(connection, landing, login_hint)}
    fuyun, hint = connection.fuyun, login_hint or None
    return {
        **offer,
        "url": _departure_url(connection, HOME, login_hint),
        "ends_at": urlsplit(fuyun.frontend_redirect_url).hostname,
        "workbench_url": fuyun.workbench_redirect_url
        and url_for("agent.open_workbench", name=connection.name, login_hint=hint),
    }


def _departure_url(connection: Connection, landing: str, login_hint: str = "", prompt: str = "") -> str:
    wanted = landing if landing != HOME else None
    return url_for(
        "agent.depart", name=connection.name, next=wanted, login_hint=login_hint or None, prompt=prompt or None
    )


def _remembered(landing: str) -> dict[str, Any] | None:
    name = request.cookies.get(cookies.REMEMBERED, "")
    known = {one.name: one for one in services().connections.enabled() if _has_provider(one)}
    return _offer(known[name], landing, "") if name in known else None


def _from_its_host(connection: Connection, landing: str) -> str:
    # Cookies and redirect URIs belong to public_url alone: another host name is a way in, never a place to stay.
    explained = url_for("agent.about", name=connection.name)
    way = explained if _ends_elsewhere(connection) else _departure_url(connection, landing)
    return f"{services().site.public_url}{way}"


def _see(url: str) -> Response:
    return cast("Response", redirect(url, 303))
