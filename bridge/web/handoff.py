"""A browser that a platform sends with a hand-off: it gets a session, once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from flask import Blueprint, Response, render_template, request, session, url_for

from bridge.core.errors import LoginRequired, RequestInvalid, SessionEnded, SessionMissing
from bridge.core.trace import Trace
from bridge.http.arrival import replace_former, welcome
from bridge.http.current import services
from bridge.http.devices import device_of
from bridge.http.guard import AGENT_SESSION, require_navigation, require_session, require_store
from bridge.http.problem import Context, in_context

if TYPE_CHECKING:
    from bridge.signin.agent_session import AgentSession
    from bridge.signin.handoff import Handoff

handoff = Blueprint("handoff", __name__)


@handoff.get("/handoff/<name>/<code>")
def take(name: str, code: str) -> Response:
    """Take the hand-off and open the phone."""
    require_store()
    _require_the_person()
    offered = services().handoffs.look(name, code)
    trace = Trace()
    in_context(Context("handoff", offered.connection, trace=trace, details={"api_key": offered.api_key}))
    left = _would_replace(offered)
    if left is not None:
        return _ask_before_replacing(left, offered)
    former = str(session.get(AGENT_SESSION, ""))
    arrival = services().handoffs.take(offered, trace, former=former, device=device_of(request))
    answer = welcome(arrival)
    replace_former(arrival)
    return answer


def _require_the_person() -> None:
    """Refuse whoever only looks ahead, and frames, which nobody sees: they would use the hand-off up."""
    require_navigation()
    if request.headers.get("Sec-Fetch-Dest", "document") != "document":
        raise RequestInvalid(expected="a page of its own", received="a part of another page")
    ahead = f"{request.headers.get('Sec-Purpose', '')} {request.headers.get('Purpose', '')}"
    if request.method != "GET" or "prefetch" in ahead.lower():
        raise RequestInvalid(expected="a person's own navigation", received="a look ahead")


def _would_replace(offered: Handoff) -> AgentSession | None:
    """Return the session of somebody else that a link from elsewhere would replace, and its call with it."""
    # Ours: the question's own button. Also a sibling host may be anybody's, and "none" a link in a mail or a chat.
    if request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin" or not session.get(AGENT_SESSION):
        return None
    with suppress(SessionMissing, SessionEnded, LoginRequired):
        current = require_session()
        return None if services().handoffs.is_for(offered, current) else current
    return None


def _ask_before_replacing(left: AgentSession, offered: Handoff) -> Response:
    page = render_template(
        "agent/replace.html",
        account_name=left.account_name,
        other_name=offered.display_name or offered.account_name,
        stay_url=url_for("softphone.page"),
        onward_url=request.path,
    )
    return Response(page, mimetype="text/html")
