"""A browser whose agent has just arrived: its new session, its cookies, and the end of whom it had before."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from flask import Response, current_app, redirect, session

from bridge.core.errors import StoreUnavailable
from bridge.http import cookies
from bridge.http.current import services
from bridge.http.guard import AGENT_SESSION

if TYPE_CHECKING:
    from bridge.http.session import BrowserSession, BrowserSessionInterface
    from bridge.signin.arrival import Arrival


def welcome(arrival: Arrival) -> Response:
    """Return the way to where the agent wanted to go, with a new session under a new id and the Fuyun token.

    Raises:
        StoreUnavailable: the browser got nothing.
    """
    interface = cast("BrowserSessionInterface", current_app.session_interface)
    content = {AGENT_SESSION: arrival.session.id, "csrf_token": secrets.token_hex(20)}
    try:
        interface.start(cast("BrowserSession", session), content)
    except StoreUnavailable:
        # Nobody will ever come with it.
        with suppress(StoreUnavailable):
            services().agent_sessions.end(arrival.session.id)
        raise
    answer = cast("Response", redirect(arrival.landing, 303))
    cookies.set_ac_token(answer, services().site, arrival.session, services().now())
    return answer


def replace_former(arrival: Arrival) -> None:
    """End the sessions that this browser had before: last of all, once it has the new one and its token."""
    try:
        services().flow.replace_former(arrival)
    except StoreUnavailable as fault:
        connection = arrival.session.connection
        services().journal.record_failure("replacement", fault, reference="", connection=connection)
