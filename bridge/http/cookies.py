"""The cookies of sign-ins: eight sealed slots a connection, the AC_TOKEN, and the remembered choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from bridge.core.protocol import AC_TOKEN, FORM_POST
from bridge.signin.pending import LIFETIME, SLOTS

if TYPE_CHECKING:
    from flask import Request, Response

    from bridge.core.model import Connection
    from bridge.services import Site
    from bridge.signin.agent_session import AgentSession

REMEMBERED: Final = "bridge_connection"
_SLOT: Final = "bridge_signin_slot"
_TRIES: Final = "bridge_tries"
_NO_SIBLINGS: Final = "__Host-"
_PROBE: Final = "bridge_probe"
MOST_TRIES: Final = 6
"""Sign-ins in a row that may leave no session behind before somebody is told why; the first one is not counted."""
_TRIES_COUNT_FOR: Final = 120
_A_YEAR: Final = 365 * 86_400

SameSite = Literal["Lax", "None"]


def one_of(header: str, name: str) -> str:
    """Return one of the cookies that were sent, the first of its name; empty: none.

    Where no other is asked for: Werkzeug reads them all, and takes more time for it than the session behind this one.
    """
    for pair in header.split(";"):
        found, _, value = pair.partition("=")
        # Of these blanks alone (RFC 6265, section 5.2): a sibling host may set names that begin with other ones.
        if found.strip(" \t") == name:
            return value.strip(" \t")
    return ""


def next_slot(request: Request) -> int:
    """Return the slot that the next sign-in at this connection takes; the oldest one goes."""
    value = request.cookies.get(_SLOT, "")
    return int(value) % SLOTS if value.isascii() and value.isdecimal() and len(value) == 1 else 0


def set_pending(response: Response, site: Site, connection: Connection, slot: int, sealed: str) -> None:
    """Keep the pending sign-in where only its own callback sees it, and say which slot comes next."""
    samesite: SameSite = "None" if connection.idp.response_mode == FORM_POST else "Lax"
    secure = site.is_secure or samesite == "None"
    path = f"/callback/{connection.name}"
    response.set_cookie(_name(slot), sealed, LIFETIME, path=path, secure=secure, httponly=True, samesite=samesite)
    following = str((slot + 1) % SLOTS)
    path = f"/login/{connection.name}"
    response.set_cookie(_SLOT, following, LIFETIME, path=path, secure=site.is_secure, httponly=True, samesite="Lax")


def pending_in(request: Request, slot: int) -> str:
    """Return the sealed sign-in of a slot, or an empty text."""
    return request.cookies.get(_name(slot), "")


def clear_pending(response: Response, site: Site, connection: Connection, slot: int) -> None:
    """Forget a pending sign-in: its code can be redeemed only once."""
    samesite: SameSite = "None" if connection.idp.response_mode == FORM_POST else "Lax"
    path = f"/callback/{connection.name}"
    secure = site.is_secure or samesite == "None"
    response.delete_cookie(_name(slot), path=path, secure=secure, httponly=True, samesite=samesite)


def set_ac_token(response: Response, site: Site, session: AgentSession, now: float) -> None:
    """Hand the Fuyun token to the browser, never for longer than the session: it lives 30 days, beyond recall."""
    rest = int(min(session.fuyun.expires_at, session.expires_at) - now)
    response.set_cookie(
        AC_TOKEN,
        session.fuyun.access_token,
        max(rest, 0),
        path="/",
        domain=site.ac_token_domain or None,
        secure=site.is_secure,
        httponly=site.ac_token_http_only,
        samesite="Lax",
    )


def clear_ac_token(response: Response, site: Site) -> None:
    """Take the Fuyun token back."""
    response.delete_cookie(
        AC_TOKEN,
        path="/",
        domain=site.ac_token_domain or None,
        secure=site.is_secure,
        httponly=site.ac_token_http_only,
        samesite="Lax",
    )


def remember_connection(response: Response, site: Site, connection: str) -> None:
    """Remember the choice of this browser for the next sign-in page."""
    response.set_cookie(
        REMEMBERED, connection, _A_YEAR, path="/login", secure=site.is_secure, httponly=True, samesite="Lax"
    )


def _tries(site: Site) -> str:
    # With the prefix no sibling host can set it, and so lock somebody out.
    return _NO_SIBLINGS + _TRIES if site.is_secure else _TRIES


def tries_in(request: Request, site: Site) -> int:
    """Return how many sign-ins of this browser went well, one soon after another, and left no session behind."""
    value = request.cookies.get(_tries(site), "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) == 1 else 0


def count_try(response: Response, request: Request, site: Site) -> None:
    """Count a sign-in that found no session; the count is forgotten two minutes after the last one."""
    tries = str(min(tries_in(request, site) + 1, MOST_TRIES))
    response.set_cookie(_tries(site), tries, _TRIES_COUNT_FOR, secure=site.is_secure, httponly=True, samesite="Lax")


def forget_tries(response: Response, site: Site) -> None:
    """Begin to count anew."""
    response.delete_cookie(_tries(site), secure=site.is_secure, httponly=True, samesite="Lax")


def set_probe(response: Response, site: Site) -> None:
    """Give a browser that sent no cookie one that its next sign-in has to bring."""
    response.set_cookie(_PROBE, "1", LIFETIME, path="/login", secure=site.is_secure, httponly=True, samesite="Lax")


def _name(slot: int) -> str:
    return f"bridge_signin_{slot}"
