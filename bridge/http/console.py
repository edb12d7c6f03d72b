"""The console's doorkeeper: its own cookie, its own CSRF token, and what each administrator may do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, cast

from flask import g, has_request_context, request

from bridge.access.rules import FRESH_FOR
from bridge.connections.document import provider_of
from bridge.core.errors import ConnectionDisabled, ConnectionUnknown, CsrfFailed, StoreUnavailable
from bridge.core.gate_errors import AdminNotAllowed, AdminSignInRequired
from bridge.core.seats import Seats
from bridge.http.current import services
from bridge.http.parameters import single

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Response

    from bridge.access.rules import Administrator
    from bridge.services import Site

_ADMIN: Final = "/admin"
_ERRANDS: Final = Seats(4, each=2)


def current_admin() -> Administrator:
    """Return who is in the console.

    Raises:
        AdminSignInRequired: nobody.
        StoreUnavailable: it cannot be told now.
    """
    if "admin" not in g:
        admin = services().admin_sessions.load(session_id())
        _require_way_in(admin)
        g.admin = admin
    return cast("Administrator", g.admin)


def _require_way_in(admin: Administrator) -> None:
    try:
        if admin.connection and provider_of(services().connections.get(admin.connection)) != admin.provider:
            raise AdminSignInRequired(expected="the provider that vouched for this session", received="another")
    except (ConnectionUnknown, ConnectionDisabled) as fault:
        # Whoever switches a way in off shuts out those who came by it, too.
        raise AdminSignInRequired(expected="a connection that is in use", received=admin.connection) from fault


def require_operator() -> Administrator:
    """Return the operator who is in the console; raises AdminSignInRequired, AdminNotAllowed."""
    admin = current_admin()
    if not admin.is_operator:
        raise AdminNotAllowed(expected="an operator", received="an administrator of single connections")
    return admin


def require_sight(name: str) -> Administrator:
    """Return the administrator, if the connection is theirs to see; raises AdminSignInRequired, AdminNotAllowed."""
    admin = current_admin()
    if not admin.may_see(name):
        # The same answer whether it exists or not: names of customers are nobody else's business.
        raise AdminNotAllowed(expected="a connection of this administrator", received="another")
    return admin


def require_change(name: str) -> Administrator:
    """Return the administrator, if the connection is theirs to change.

    Raises:
        AdminSignInRequired: nobody is in the console.
        AdminNotAllowed: it is another's, or its provider vouches for people with more rights than theirs.
    """
    admin = require_sight(name)
    if not admin.is_operator and services().admin_rules.is_trusted_with_more(name):
        # A provider of their own could say that they are the operator.
        raise AdminNotAllowed(expected="an operator", received="a connection through which operators come in")
    return admin


def is_fresh(admin: Administrator) -> bool:
    """Say whether the administrator signed in recently enough to change secrets."""
    return services().now() - admin.signed_in_at < FRESH_FOR


def require_own_form() -> None:
    """Refuse a POST that no page of this console session sent; raises AdminSignInRequired, CsrfFailed."""
    current_admin()
    origin = request.headers.get("Origin", "")
    if origin != services().site.public_url:
        raise CsrfFailed(expected="Origin of the bridge", received="none" if not origin else "another origin")
    token = request.headers.get("X-CSRF-Token") or single(request.form, "csrf_token")["csrf_token"]
    if not services().admin_sessions.owns(session_id(), token):
        raise CsrfFailed(expected="the console's CSRF token", received="another" if token else "none")


def form_token() -> str:
    """Return the CSRF token for this session's forms; empty where nobody is in the console."""
    try:
        current_admin()
    except (AdminSignInRequired, StoreUnavailable):
        return ""
    return services().admin_sessions.csrf_token(session_id())


def session_id() -> str:
    """Return what the browser's console cookie holds."""
    return request.cookies.get(_name(services().site), "")


def let_in(response: Response, admin: Administrator) -> None:
    """Begin a session in the console and hand its cookie to the browser; raises StoreUnavailable."""
    site = services().site
    new_id, lifetime = services().admin_sessions.begin(admin, former=session_id())
    response.set_cookie(_name(site), new_id, lifetime, path="/", secure=site.is_secure, httponly=True, samesite="Lax")


def let_out(response: Response) -> None:
    """End the session in the console and take its cookie back; raises StoreUnavailable."""
    site = services().site
    services().admin_sessions.end(session_id())
    response.delete_cookie(_name(site), path="/", secure=site.is_secure, httponly=True, samesite="Lax")


def _name(site: Site) -> str:
    return "__Host-bridge_admin" if site.is_secure else "bridge_admin"


@contextmanager
def slow_errand() -> Iterator[None]:
    """Let few administrators at once wait for a stranger's server, so that agents find a free thread.

    Those of one connection, which the address names, never leave the others without.

    Raises:
        RateLimited: enough of them wait already.
    """
    named = (request.view_args or {}).get("name", "") if has_request_context() else ""
    with _ERRANDS.one(named.lower() or None):
        yield


def is_console(path: str) -> bool:
    """Say whether a path belongs to the console."""
    return path == _ADMIN or path.startswith(f"{_ADMIN}/")
