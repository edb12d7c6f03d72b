"""Rehearsals: a sign-in that tries a version out to its very end, by an administrator or by whoever holds a test link.

Who sees what: the claims of a rehearsal are for the connection's administrators; somebody who came by a test link reads
how it ended and which account it was, nothing else, for as long as the link would be good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from flask import Blueprint, Response, redirect, render_template, request, url_for

from bridge.core.errors import PageUnknown, RequestInvalid
from bridge.core.gate_errors import RehearsalLinkInvalid
from bridge.core.mapping import account_name_of
from bridge.core.trace import OK, Trace
from bridge.http import console, cookies
from bridge.http.console_pages import signed_in_admin
from bridge.http.current import services
from bridge.http.guard import require_navigation
from bridge.http.limits import spend_on_departure
from bridge.http.parameters import single, version_in
from bridge.http.problem import Context, in_context
from bridge.http.texts import explain
from bridge.signin import findings
from bridge.signin.candidates import candidates
from bridge.signin.claims import LARGEST, read_claims, rehearse_claims
from bridge.signin.rehearsal import LINK_LIFETIME, rehearse_account

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.access.rules import Administrator
    from bridge.connections.rows import Entry
    from bridge.core.model import Connection
    from bridge.signin.rehearsal import Rehearsal, RehearsalLink

rehearsals = Blueprint("rehearsals", __name__)

BY_LINK: Final = "test link of "
_LONGEST_TICKET: Final = 320


@rehearsals.get("/login/<name>/rehearsal")
def depart(name: str) -> Response:
    """Send the browser to the provider of any version, or to the result where the provider cannot be found."""
    in_context(Context("rehearsal", retry_url=url_for("door.console_home")))
    token = single(request.args, "link")["link"]
    require_navigation()
    if token and request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        # Whoever comes straight from elsewhere has not read yet who will see what.
        return _see(url_for("rehearsals.invite", token=token))
    version, ticket, link = _asked_for(name, token)
    connection = services().connections.version(name, version)
    if name != connection.name:
        return _see(url_for("rehearsals.depart", name=connection.name, version=version, link=token or None))
    if not _can_sign_in(connection) and not token:
        return _see(url_for("rehearsals.overview", name=connection.name, version=version))
    spend_on_departure()
    slot, trace = cookies.next_slot(request), Trace()
    departure = services().flow.begin_rehearsal(connection, slot=slot, ticket=ticket, link=link, trace=trace)
    if departure is None:
        digest = services().register.version(connection.name, version).digest
        done = services().rehearsals.keep(connection, digest, trace, by=ticket, link=link)
        return _see(url_for("rehearsals.result", rehearsal_id=done.id))
    response = cast("Response", redirect(departure.url, 302))
    cookies.set_pending(response, services().site, connection, slot, departure.sealed)
    return response


@rehearsals.get("/rehearsals/<rehearsal_id>")
def result(rehearsal_id: str) -> str:
    """Show how a rehearsal went: everything to the connection's administrators, the outcome to a colleague."""
    in_context(Context("rehearsal", retry_url=url_for("door.console_home")))
    done = services().rehearsals.get(rehearsal_id)
    if done.version < services().register.entry(done.key).first_version:
        raise PageUnknown
    admin = signed_in_admin()
    if not (admin and admin.may_see(done.key)) and _may_a_colleague_see(done):
        return _to_colleague(done)
    return _to_admin(console.require_sight(done.key), done)


@rehearsals.get("/admin/connections/<name>/rehearsals")
def overview(name: str) -> str:
    """Show the rehearsals of a connection, and the ways to a further one."""
    admin = console.require_sight(name)
    return _overview(admin, name, version_in(request.args))


@rehearsals.post("/admin/connections/<name>/rehearsals/claims")
def claims(name: str) -> str:
    """Try pasted claims out, as far as no provider is needed; counts as no rehearsal."""
    admin = console.require_sight(name)
    console.require_own_form()
    text = request.form.get("claims", "")
    pasted, fault = read_claims(text)
    asked = version_in(request.form)
    connection = _connection(services().register.entry(name), asked)
    trace = Trace()
    if fault is None:
        rehearse_claims(services().look_for_agent, services().just_in_time.foretell, connection, pasted, trace)
    tried = None if fault else _account(connection, trace)
    return _overview(admin, name, asked, typed=text, fault=fault, tried=tried)


@rehearsals.post("/admin/connections/<name>/rehearsals/account")
def account(name: str) -> Response | str:
    """Try out an account name where no provider can say one: the bridge vouches for it, and Fuyun answers."""
    admin = console.require_sight(name)
    console.require_own_form()
    asked, text = version_in(request.form), request.form.get("account_name", "")
    connection = _connection(services().register.entry(name), asked)
    if connection.idp.kind != "none":
        raise RequestInvalid(expected="a connection without identity provider", received=connection.idp.kind)
    try:
        account_name = account_name_of(text)
    except RequestInvalid as refused:
        return _overview(admin, name, asked, account=text, account_fault=refused)
    trace = Trace()
    with console.slow_errand():
        rehearse_account(services().issue.on_behalf, services().look_for_agent, connection, account_name, trace)
    code = trace.failed.code if trace.failed else OK
    services().journal.record("rehearsal", connection=connection.name, code=code)
    digest = services().register.version(connection.name, connection.version).digest
    done = services().rehearsals.keep(connection, digest, trace, by=admin.name[:_LONGEST_TICKET])
    return _see(url_for("rehearsals.result", rehearsal_id=done.id))


@rehearsals.post("/admin/connections/<name>/test-link")
def new_link(name: str) -> str:
    """Make a test link and show it this once."""
    admin = console.require_sight(name)
    console.require_own_form()
    asked = version_in(request.form)
    connection = _connection(services().register.entry(name), asked)
    if not _can_sign_in(connection):
        raise RequestInvalid(expected="a connection whose sign-ins come back here", received="another")
    token = services().rehearsals.new_link(connection.name, connection.version, made_by=admin.name)
    services().journal.record_act(
        "test_link_made", actor=admin.name, connection=connection.name, version=connection.version
    )
    link = f"{services().site.public_url}{url_for('rehearsals.invite', token=token)}"
    return _overview(admin, name, asked, link=link)


@rehearsals.get("/test/<token>")
def invite(token: str) -> str:
    """Tell a colleague what this is and who will see what; nothing happens before they press the button."""
    in_context(Context("rehearsal"))
    link = _link(token)
    connection = services().connections.version(link.key, link.version)
    departure_url = url_for("rehearsals.depart", name=connection.name, link=token)
    return render_template(
        "admin/rehearsals/invite.html", connection=connection, link=link, departure_url=departure_url
    )


def _asked_for(name: str, token: str) -> tuple[int, str, str]:
    """Return the version to try out, who asked for it, and the mark of the test link, if it is by one."""
    if not token:
        admin = console.require_sight(name)
        newest = services().register.entry(name).newest_version
        return version_in(request.args) or newest, admin.name[:_LONGEST_TICKET], ""
    link = _link(token)
    if link.key != name.lower():
        raise RehearsalLinkInvalid(expected="a link of this connection", received="one of another")
    return link.version, f"{BY_LINK}{link.made_by}"[:_LONGEST_TICKET], link.mark


def _link(token: str) -> RehearsalLink:
    link = services().rehearsals.link(token)
    if link.version < services().register.entry(link.key).first_version:
        raise RehearsalLinkInvalid(expected="a link of this connection", received="one of another that had its name")
    return link


def _can_sign_in(connection: Connection) -> bool:
    """Say whether a test sign-in comes back to us."""
    return connection.mode != "frontend" and connection.idp.kind != "none"


def _connection(entry: Entry, version: int) -> Connection:
    return services().connections.version(entry.name, version or entry.newest_version)


def _overview(admin: Administrator, name: str, version: int, **more: Any) -> str:
    entry = services().register.entry(name)
    connection = _connection(entry, version)
    return render_template(
        "admin/rehearsals/overview.html",
        entry=entry,
        connection=connection,
        # What people said of themselves to another connection that once had the name is nobody's business here.
        rehearsals=[one for one in services().rehearsals.of(entry.name) if one.version >= entry.first_version],
        proven=_proven(connection),
        redirect_uri=services().flow.redirect_uri(connection),
        largest=LARGEST,
        may_change=_may_change(admin, entry),
        by_link=BY_LINK,
        **{"typed": "", "fault": None, "tried": None, "link": "", "account": "", "account_fault": None} | more,
    )


def _to_admin(admin: Administrator, done: Rehearsal) -> str:
    entry = services().register.entry(done.key)
    connection = services().connections.version(entry.name, done.version)
    trace = Trace(
        steps=list(done.steps),
        claims=dict(done.claims),
        account_name=done.account_name,
        user_name=done.user_name,
        new_agent=done.new_agent,
    )
    return render_template(
        "admin/rehearsals/result.html",
        entry=entry,
        connection=connection,
        done=done,
        by_link=BY_LINK,
        may_change=_may_change(admin, entry),
        is_live=entry.state == "active" and entry.active_version == done.version,
        proven=_proven(connection),
        **_account(connection, trace),
    )


def _to_colleague(done: Rehearsal) -> str:
    connection = services().connections.version(done.key, done.version)
    return render_template(
        "admin/rehearsals/told.html",
        connection=connection,
        done=done,
        text=None if done.is_good else explain(done.code),
        made_by=done.by.removeprefix(BY_LINK),
    )


def _account(connection: Connection, trace: Trace) -> Mapping[str, Any]:
    """Return what a page tells of a walk, finished or not."""
    told = findings.tell(
        connection,
        trace.steps,
        redirect_uri=services().flow.redirect_uri(connection),
        account_name=trace.account_name,
    )
    return {
        "steps": told,
        "failed": next((step for step in told if step.state == "failed"), None),
        "next_step": findings.next_step(trace.steps),
        "account_name": trace.account_name,
        "user_name": trace.user_name,
        "new_agent": trace.new_agent,
        "standing": findings.standing(trace.steps, trace.new_agent) if trace.new_agent else "",
        "mapped_value": trace.account_name or _value_of(connection, trace),
        "candidates": candidates(connection, trace.claims),
        "documents": {source: findings.rows(said) for source, said in trace.claims.items()},
        "seconds": sum(step.seconds for step in trace.steps),
    }


def _value_of(connection: Connection, trace: Trace) -> str:
    """Return what stands in the mapping field where it is no account name."""
    chosen = (one.value for one in candidates(connection, trace.claims) if one.is_chosen)
    return next(chosen, "")


def _proven(connection: Connection) -> bool:
    version = services().register.version(connection.name, connection.version)
    return services().changes.is_proven(version)


def _may_a_colleague_see(done: Rehearsal) -> bool:
    return bool(done.link) and services().now() - done.at < LINK_LIFETIME


def _may_change(admin: Administrator, entry: Entry) -> bool:
    trusted_with_more = services().admin_rules.is_trusted_with_more(entry.name)
    return not entry.is_read_only and (admin.is_operator or not trusted_with_more)


def _see(url: str) -> Response:
    return cast("Response", redirect(url, 303))
