"""The console's door: the first administrator's link, the sign-in through a connection, and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import Blueprint, Response, redirect, render_template, request, url_for

from bridge.access.rules import Administrator
from bridge.core.gate_errors import AdminNotAllowed
from bridge.core.landing import own_path
from bridge.http import console, cookies
from bridge.http.current import services
from bridge.http.guard import require_navigation
from bridge.http.limits import spend_on_departure
from bridge.http.parameters import single
from bridge.http.problem import Context, in_context

if TYPE_CHECKING:
    from bridge.core.model import Connection

door = Blueprint("door", __name__)

_BY_LINK = "operator at the command line"


@door.get("/admin")
def console_home() -> Response:
    """Lead to the connections, or to the sign-in."""
    console.current_admin()
    return _see(url_for("connections.overview"))


@door.get("/admin/sign-in")
def sign_in() -> Response | str:
    """Ask by e-mail whose administrator it is; where there is one way in only, show its button."""
    asked = single(request.args, "next", "login_hint")
    landing, login_hint = own_path(asked["next"], "/admin"), asked["login_hint"].strip()
    ways = _ways_in()
    chosen = [one for one in services().connections.for_email(login_hint) if one in ways] if login_hint else []
    if len(chosen) == 1:
        return _see(_departure_url(chosen[0], landing))
    return render_template(
        "admin/sign_in.html",
        ways=[(one.title, _departure_url(one, landing)) for one in (chosen or (ways if len(ways) == 1 else []))],
        has_ways=bool(ways),
        are_named=bool(services().admin_rules.ways_in),
        unknown=bool(login_hint) and not chosen,
        next=landing,
    )


@door.get("/login/<name>/admin")
def depart(name: str) -> Response:
    """Send an administrator to the connection's provider, to prove who they are now, not some time before."""
    require_navigation()
    asked = single(request.args, "next")
    connection = services().connections.get(name)
    if connection.name.lower() not in services().admin_rules.ways_in:
        raise AdminNotAllowed(expected="a connection that [admin] allow names", received=connection.name)
    if name != connection.name:
        return _see(url_for("door.depart", name=connection.name, next=asked["next"]))
    in_context(Context("admin_sign_in", connection.name, retry_url=url_for("door.sign_in")))
    spend_on_departure()
    slot = cookies.next_slot(request)
    landing = own_path(asked["next"], "/admin")
    departure = services().flow.begin_as_admin(connection.name, slot=slot, landing=landing)
    response = cast("Response", redirect(departure.url, 302))
    cookies.set_pending(response, services().site, connection, slot, departure.sealed)
    return response


@door.get("/admin/enter/<token>")
def enter(token: str) -> Response:
    """Let in whoever holds the link that was made at the command line."""
    in_context(Context("admin_link", retry_url=url_for("door.sign_in")))
    if request.method == "HEAD":
        # Whatever looks at links ahead of the person must not use this one up.
        return _see(url_for("door.sign_in"))
    services().admin_links.use(token)
    admin = Administrator(_BY_LINK, "operator", services().now())
    response = _see(url_for("door.console_home"))
    console.let_in(response, admin)
    services().journal.record_act("admin_sign_in", actor=admin.name, role=admin.role)
    return response


@door.get("/admin/again")
def again() -> str:
    """Ask the administrator to sign in anew, so that secrets may be changed; back to where they were.

    A page, not a redirect: Chromium holds a form to ``form-action`` through all its redirects, so whoever came here by
    a form would never reach the provider.
    """
    admin = console.current_admin()
    landing = own_path(single(request.args, "next")["next"], "/admin")
    if admin.connection:
        onward = url_for("door.depart", name=admin.connection, next=landing)
        return render_template("admin/again.html", title=_title_of(admin.connection), onward_url=onward)
    return render_template(
        "admin/sign_in.html", ways=[], has_ways=bool(_ways_in()), are_named=True, unknown=False, next=landing
    )


@door.post("/admin/sign-out")
def sign_out() -> Response:
    """End the session in the console."""
    console.require_own_form()
    admin = console.current_admin()
    response = _see(url_for("door.sign_in"))
    console.let_out(response)
    services().journal.record_act("admin_sign_out", actor=admin.name, connection=admin.connection)
    return response


def _ways_in() -> list[Connection]:
    names = services().admin_rules.ways_in
    return [one for one in services().connections.enabled() if one.name.lower() in names]


def _title_of(name: str) -> str:
    return next((one.title for one in services().connections.enabled() if one.name == name), name)


def _departure_url(connection: Connection, landing: str) -> str:
    return url_for("door.depart", name=connection.name, next=landing)


def _see(url: str) -> Response:
    return cast("Response", redirect(url, 303))
