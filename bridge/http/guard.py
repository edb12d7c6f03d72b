"""The checks before a view: is there a session, and did the request come from our own page."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast

from flask import Request, current_app, request, session
from flask_wtf.csrf import generate_csrf, validate_csrf
from itsdangerous import URLSafeTimedSerializer
from wtforms import ValidationError

from bridge.core.errors import CsrfFailed, LoginRequired, SessionMissing
from bridge.http.current import services
from bridge.http.parameters import single
from bridge.signin import browser_session

if TYPE_CHECKING:
    from flask.sessions import SessionMixin

    from bridge.http.session import BrowserSession
    from bridge.signin.agent_session import AgentSession

AGENT_SESSION: Final = browser_session.AGENT_SESSION
CSRF_PURPOSE: Final = "csrf"
"""What the key ring signs CSRF tokens for."""


def require_session() -> AgentSession:
    """Return the agent session of this request.

    Raises:
        SessionMissing: nobody is signed in.
        SessionEnded, LoginRequired: somebody was.
        StoreUnavailable: it cannot be told now; the cookie stays.
    """
    browser = _browser()
    _require_store(browser)
    session_id = browser.get(AGENT_SESSION, "")
    if not session_id:
        raise SessionMissing
    return services().agent_sessions.load(session_id, getattr(browser, "beside", None))


def require_store() -> None:
    """Raise StoreUnavailable where the browser's session could not be read."""
    _require_store(_browser())


def _require_store(browser: SessionMixin) -> None:
    fault = getattr(browser, "unavailable", None)
    if fault is not None:
        raise fault


def _browser() -> SessionMixin:
    """Return the browser's session itself; Flask's stand-in finds it anew at each look."""
    return cast("SessionMixin", session._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001 — documented


def forget_session() -> None:
    """Take the session's cookie from the browser."""
    if AGENT_SESSION in session:
        cast("BrowserSession", session).forgotten = True


def require_own_page() -> None:
    """Refuse a POST that no page of ours sent: same-origin ``Origin`` and the session's CSRF token, both.

    Raises:
        CsrfFailed: says which of the two is missing or foreign.
    """
    origin = request.headers.get("Origin", "")
    if origin != services().site.public_url:
        raise CsrfFailed(expected="Origin of the bridge", received="none" if not origin else "another origin")
    token = request.headers.get("X-CSRF-Token") or single(request.form, "csrf_token")["csrf_token"]
    try:
        _validate(token)
    except ValidationError as fault:
        raise CsrfFailed(expected="the session's CSRF token", received="another" if token else "none") from fault


def _validate(token: str) -> None:
    # The newest key of the ring signs; pages that were open when the keys changed stay good.
    *older, newest = services().key_ring.signing_keys(CSRF_PURPOSE)
    for key in older:
        with suppress(ValidationError):
            validate_csrf(token, secret_key=key)
            return
    validate_csrf(token, secret_key=newest)


def require_navigation() -> None:
    """Refuse to begin a sign-in for a script, which cannot show the provider's page; raises LoginRequired."""
    if request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
        raise LoginRequired(expected="a navigation", received="a request of a script")


def csrf_token() -> str:
    """Return the session's CSRF token for its pages, an empty text where nobody is signed in."""
    browser = _browser()
    if not browser.get(AGENT_SESSION):
        return ""
    # Flask-WTF makes a signer for each request; the session's own text never changes.
    secret = browser.get("csrf_token")
    return _signed(current_app.secret_key, str(secret)) if secret else str(generate_csrf())


@lru_cache(maxsize=1024)
def _signed(key: str | bytes | None, secret: str) -> str:
    return str(URLSafeTimedSerializer(key or b"", salt="wtf-csrf-token").dumps(secret))


def wants_page(asked: Request) -> bool:
    """Say whether a page or JSON is the right answer: ``Sec-Fetch-*`` first, then ``Accept``."""
    mode = asked.headers.get("Sec-Fetch-Mode")
    if mode is not None:
        return mode == "navigate"
    accepted = asked.accept_mimetypes
    return "text/html" in accepted.values() and accepted.quality("text/html") >= accepted.quality("application/json")
