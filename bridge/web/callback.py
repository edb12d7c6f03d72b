"""A browser that comes back from an identity provider: an agent, an administrator, or somebody who tries out."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from flask import Blueprint, Response, after_this_request, redirect, request, session, url_for

from bridge.connections.document import provider_of
from bridge.core.errors import (
    IdpAnswerInvalid,
    IdpError,
    LoginRequired,
    SessionEnded,
    SessionMissing,
    StateExpired,
    StateUnknown,
)
from bridge.core.landing import HOME, safe_landing
from bridge.core.protocol import INVALID_GRANT
from bridge.core.trace import REDEEM, Trace
from bridge.http import console, cookies
from bridge.http.application import path_to
from bridge.http.arrival import replace_former, welcome
from bridge.http.current import services
from bridge.http.devices import device_of
from bridge.http.guard import AGENT_SESSION, require_session, require_store
from bridge.http.limits import await_turn, count_redeemed, count_refused_code, spend_on_failure
from bridge.http.parameters import single
from bridge.http.problem import Context, in_context
from bridge.signin.arrival import AnotherPerson
from bridge.signin.authorization import AuthorizationResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.datastructures import MultiDict

    from bridge.core.model import Connection
    from bridge.signin.pending import PendingSignIn

callback = Blueprint("callback", __name__)

_OTHER_ACCOUNT: Final = {"microsoft": "select_account"}
# OpenID Connect Core section 3.1.2.6
_NEEDS_THE_PERSON: Final = frozenset(
    {"login_required", "interaction_required", "consent_required", "account_selection_required"}
)


@callback.route("/callback/<name>", methods=["GET", "POST"])
def arrive(name: str) -> Response:
    """Complete what this browser began, with what it brought back."""
    require_store()
    # A HEAD request, which has neither here, redeems nothing.
    brought = request.args if request.method == "GET" else request.form
    found = services().pending.peek(brought.get("state", ""), _pending_cookie)
    purpose = found[1].purpose if found else "agent"
    if purpose == "rehearsal" and found:
        return _show_rehearsal(name, brought, found[1], found[0])
    connection = services().connections.get(name)
    if found:
        _forget_afterwards(connection, found[0])
    trace = Trace()
    if purpose == "admin":
        return _let_into_console(connection, _response_in(brought), trace)
    landing = safe_landing(found[1].landing if found else "")
    in_context(_arrival_context(connection, landing, trace))
    response = _response_in(brought)
    if found and found[1].prompt == "none" and response.error in _NEEDS_THE_PERSON:
        # OpenID Connect Core section 3.1.2.6: the provider would have had to show something, so it may now.
        return _see(url_for("agent.depart", name=connection.name, next=landing if landing != HOME else None))
    return _let_agent_in(connection, response, trace, found[1] if found else None)


def _let_agent_in(
    connection: Connection, response: AuthorizationResponse, trace: Trace, begun: PendingSignIn | None
) -> Response:
    former = str(session.get(AGENT_SESSION, ""))
    try:
        with _redeeming(connection, trace, response.state):
            arrival = services().flow.complete(
                connection.name, response, _pending_cookie, trace, former=former, device=device_of(request)
            )
    except AnotherPerson:
        # Whom the provider remembers is not whose phone this is: the person says who it shall be.
        prompt = _OTHER_ACCOUNT.get(connection.idp.kind, "login")
        landing = safe_landing(begun.landing if begun else "")
        return _see(url_for("agent.depart", name=connection.name, next=landing, prompt=prompt))
    except (StateUnknown, StateExpired):
        # Another tab finished meanwhile: a person who is signed in wants the page, not an account of what was late.
        if _is_signed_in():
            return _see(HOME)
        if request.method == "POST":
            # Another site's form brings no session cookie (SameSite=Lax); the navigation that we answer with does.
            return _see(url_for("callback.arrive", name=connection.name, state=response.state))
        if not request.cookies and services().pending.is_genuine(response.state):
            _probe_for_cookies(connection)
        raise
    answer = welcome(arrival)
    cookies.remember_connection(answer, services().site, connection.name)
    if begun and begun.is_return and not former:
        cookies.count_try(answer, request, services().site)
    replace_former(arrival)
    return answer


def _let_into_console(connection: Connection, response: AuthorizationResponse, trace: Trace) -> Response:
    in_context(Context("admin_sign_in", connection.name, retry_url=url_for("door.sign_in"), trace=trace))
    with _redeeming(connection, trace, response.state):
        found, landing = services().flow.recognise(connection.name, response, _pending_cookie, trace)
    admin = services().admin_rules.recognise(connection.name, found.claims, services().now())
    admin = replace(admin, provider=provider_of(connection))
    answer = _see(landing)
    console.let_in(answer, admin)
    services().journal.record_act("admin_sign_in", actor=admin.name, connection=connection.name, role=admin.role)
    return answer


def _show_rehearsal(name: str, brought: MultiDict[str, str], pending: PendingSignIn, slot: int) -> Response:
    in_context(Context("rehearsal", pending.connection, retry_url=url_for("door.console_home")))
    connection = services().connections.version(pending.connection, pending.version)
    _forget_afterwards(connection, slot)
    trace = Trace()
    with _redeeming(connection, trace, pending.state):
        services().flow.rehearse(name, _response_in(brought), _pending_cookie, trace)
    digest = services().register.version(connection.name, connection.version).digest
    done = services().rehearsals.keep(connection, digest, trace, by=pending.ticket, link=pending.link)
    return _see(url_for("rehearsals.result", rehearsal_id=done.id))


@contextmanager
def _redeeming(connection: Connection, trace: Trace, state: str) -> Iterator[None]:
    """Let a sign-in come back in its turn, and once with a refused code, and count afterwards what it was.

    Strangers can begin sign-ins and invent answers as often as they like: such are charged to their address alone, and
    to the connection only what its provider took for its own.
    """
    await_turn(connection.name, state)
    try:
        yield
    except (IdpAnswerInvalid, IdpError):
        if not trace.has_done(REDEEM):
            spend_on_failure()
        raise
    finally:
        if trace.has_done(REDEEM):
            count_redeemed(connection.name)
        elif trace.failed and trace.failed.received == INVALID_GRANT:
            count_refused_code(connection.name, state)


def _response_in(brought: MultiDict[str, str]) -> AuthorizationResponse:
    found = single(brought, "state", "code", "error", "iss", refuse_as=IdpAnswerInvalid)
    single(brought, "error_description", refuse_as=IdpAnswerInvalid)
    return AuthorizationResponse(**found)


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


def _probe_for_cookies(connection: Connection) -> None:
    """Find out whether the browser of a sign-in that really was begun keeps any cookie, at its next try."""
    in_context(Context("sign_in", connection.name, url_for("agent.depart", name=connection.name, again="1")))

    @after_this_request
    def probe(response: Response) -> Response:
        cookies.set_probe(response, services().site)
        return response


def _pending_cookie(slot: int) -> str:
    return cookies.pending_in(request, slot)


def _arrival_context(connection: Connection, landing: str, trace: Trace) -> Context:
    wanted = landing if landing != HOME else None
    prompt = _OTHER_ACCOUNT.get(connection.idp.kind, "login")
    return Context(
        "sign_in",
        connection.name,
        retry_url=path_to("agent.depart", name=connection.name, next=wanted),
        other_account_url=path_to("agent.depart", name=connection.name, next=wanted, prompt=prompt),
        trace=trace,
    )


def _see(url: str) -> Response:
    return cast("Response", redirect(url, 303))
