"""A browser that a platform sends with a hand-off: it gets a session, once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from flask import Blueprint, Response, render_template, request, session, url_for

from bridge.core.errors import LoginRequired, RequestInvalid, SessionEnded, SessionMissing
from bridge.core.trace import Trace
from bridge.http.arrival import replace_former, welcome
from bridge.http.cookies import remember_connection
from bridge.http.current import services
from bridge.http.devices import device_of
from bridge.http.guard import AGENT_SESSION, require_navigation, require_own_page, require_session, require_store
from bridge.http.problem import Context, in_context

if TYPE_CHECKING:
    from bridge.signin.agent_session import AgentSession
    from bridge.signin.handoff import Handoff

handoff = Blueprint("handoff", __name__)


@handoff.get("/handoff/<name>/<code>")
def take(name: str, code: str) -> Response:
    """Take the hand-off and open the phone; somebody else who is signed in is asked first.

    Where the link was followed says nothing: the switch of the language leads here too, from a page of our own.
    """
    require_store()
    _require_the_person()
    current = _session_now()
    offered = _look(name, code, current)
    if current is not None and not services().handoffs.is_for(offered, current):
        return _ask_before_replacing(current, offered)
    return _take(offered, current)


@handoff.post("/handoff/<name>/<code>")
def go_on(name: str, code: str) -> Response:
    """Take the hand-off in place of the session that there is, as its person has agreed to by the question's button."""
    require_store()
    _require_the_person()
    require_own_page()
    current = _session_now()
    return _take(_look(name, code, current), current)


def _look(name: str, code: str, current: AgentSession | None) -> Handoff:
    in_context(Context("request", retry_url=_phone_of(current)))
    return services().handoffs.look(name, code)


def _take(offered: Handoff, current: AgentSession | None) -> Response:
    trace, details = Trace(), {"api_key": offered.api_key}
    in_context(Context("handoff", offered.connection, retry_url=_phone_of(current), trace=trace, details=details))
    former = str(session.get(AGENT_SESSION, ""))
    arrival = services().handoffs.take(offered, trace, former=former, device=device_of(request))
    answer = welcome(arrival)
    remember_connection(answer, services().site, arrival.session.connection)
    replace_former(arrival)
    return answer


def _require_the_person() -> None:
    """Refuse whoever only looks ahead, and frames, which nobody sees: they would use the hand-off up."""
    require_navigation()
    if request.headers.get("Sec-Fetch-Dest", "document") != "document":
        raise RequestInvalid(expected="a page of its own", received="a part of another page")
    ahead = f"{request.headers.get('Sec-Purpose', '')} {request.headers.get('Purpose', '')}"
    if request.method == "HEAD" or "prefetch" in ahead.lower():
        raise RequestInvalid(expected="a person's own navigation", received="a look ahead")


def _session_now() -> AgentSession | None:
    """Return the living session of this browser, with which its person may be in a call."""
    with suppress(SessionMissing, SessionEnded, LoginRequired):
        return require_session()
    return None


def _phone_of(current: AgentSession | None) -> str:
    return "" if current is None else url_for("softphone.page")


def _ask_before_replacing(left: AgentSession, offered: Handoff) -> Response:
    page = render_template(
        "agent/replace.html",
        account_name=left.account_name,
        other_name=offered.display_name or offered.account_name,
        stay_url=url_for("softphone.page"),
        onward_url=request.path,
    )
    return Response(page, mimetype="text/html")
