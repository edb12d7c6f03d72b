"""The browser's session: Flask-Session, with sealed JSON instead of pickle and hashed ids."""

from __future__ import annotations

from functools import lru_cache, partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response, current_app
from flask_session.base import Serializer, ServerSideSession, ServerSideSessionInterface

from bridge.connections.secrets import KeyRing, SealBroken
from bridge.core.errors import StoreUnavailable
from bridge.http.cookies import one_of
from bridge.signin.browser_session import AGENT_SESSION, PURPOSE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from bridge.sessions.rows import SessionRow
    from bridge.signin.browser_session import BrowserSessions

_ID_BYTES = 32
_OPENED = 256
_ROW = "row"
"""The member of a sealed session that says which row it belongs to."""
_WITHOUT_SESSION = ("/static/", "/bootstrap/static/", "/healthz", "/readyz", "/metrics", "/.well-known/", "/api/")


class BrowserSession(ServerSideSession):  # type: ignore[misc]
    """A session that knows when its store did not answer, when it is kept already, and when its cookie must go.

    `beside` is the row of its agent session where the store brought it along.

    The row of a forgotten session stays until it is swept: whoever brings the old id again hears that it has ended.
    """

    unavailable: StoreUnavailable | None = None
    beside: SessionRow | None = None
    kept = False
    forgotten = False


class SealedSerializer(Serializer):  # type: ignore[misc]
    """Seals the blob with the key ring; Flask-Session's own reader would fall back to pickle."""

    def __init__(self, key_ring: KeyRing) -> None:
        self._key_ring = key_ring
        # Only what was sealed, by those very letters: whether it still counts is asked of the store each time.
        self._opened = lru_cache(maxsize=_OPENED)(partial(key_ring.open, PURPOSE))

    def encode(self, session: Mapping[str, Any]) -> bytes:
        """Return the sealed session."""
        return self._key_ring.seal(PURPOSE, dict(session)).encode("ascii")

    def decode(self, serialized_data: bytes) -> dict[str, Any]:
        """Return the session's content, nothing where no key opens it."""
        try:
            return dict(self._opened(serialized_data.decode("ascii", "replace")))
        except SealBroken:
            return {}


class BrowserSessionInterface(ServerSideSessionInterface):  # type: ignore[misc]
    """Opens and keeps sessions; an outage of the store is never a logout."""

    session_class = BrowserSession
    ttl = True

    def __init__(self, app: Flask, key_ring: KeyRing, store: BrowserSessions) -> None:
        super().__init__(app, key_prefix="", use_signer=False, permanent=True, sid_length=_ID_BYTES)
        self.serializer = SealedSerializer(key_ring)
        self._store = store

    def open_session(self, app: Flask, request: Request) -> BrowserSession:
        """Return the browser's session; one that could not be read says so instead of being new."""
        if request.path.startswith(_WITHOUT_SESSION):
            return BrowserSession(sid="", permanent=False)
        sid = one_of(request.environ.get("HTTP_COOKIE", ""), app.config["SESSION_COOKIE_NAME"])
        try:
            session = self._find(sid) if sid else None
        except StoreUnavailable as fault:
            session = BrowserSession(sid="", permanent=False)
            session.unavailable = fault
        if session is None:
            session = BrowserSession(sid=self._generate_sid(self.sid_length), permanent=self.permanent)
        return session

    def _find(self, sid: str) -> BrowserSession | None:
        store_id = self._get_store_id(sid)
        sealed, beside = self._store.get_both(store_id)
        if sealed is None:
            return None
        session = BrowserSession(self._content(sealed, store_id), sid=sid)
        session.beside = beside
        return session

    def _content(self, sealed: bytes, store_id: str) -> dict[str, Any]:
        content: dict[str, Any] = self.serializer.decode(sealed)
        # A row whose sealed part was copied from another row would be that other browser.
        return content if content.pop(_ROW, "") == store_id else {}

    def save_session(self, app: Flask, session: ServerSideSession, response: Response) -> None:
        """Keep a changed session and set its cookie; leave the cookie alone while the store is down."""
        if not isinstance(session, BrowserSession) or session.unavailable is not None:
            return
        if session.forgotten:
            # Flask-Session deletes without Secure, and browsers refuse that for a `__Host-` cookie.
            response.delete_cookie(
                self.get_cookie_name(app), path="/", secure=self.get_cookie_secure(app), httponly=True, samesite="Lax"
            )
            return
        if session.modified:
            super().save_session(app, session, response)
        elif session.accessed:
            response.headers.add("Vary", "Cookie")

    def start(self, session: BrowserSession, content: dict[str, Any]) -> None:
        """Give the browser a new session under a new id and keep it at once, so that a failure is noticed in time.

        Raises:
            StoreUnavailable: nothing was kept, and no cookie will be set.
        """
        session.sid = self._generate_sid(self.sid_length)
        session.clear()
        session.update(content)
        try:
            self._upsert_session(current_app.permanent_session_lifetime, session, self._get_store_id(session.sid))
        except StoreUnavailable as fault:
            session.unavailable = fault
            raise
        session.kept = True

    def _get_store_id(self, sid: str) -> str:
        return sha256(sid.encode()).hexdigest()

    def _retrieve_session_data(self, store_id: str) -> dict[str, Any] | None:
        sealed = self._store.get(store_id)
        return None if sealed is None else self._content(sealed, store_id)

    def _upsert_session(self, session_lifetime: timedelta, session: ServerSideSession, store_id: str) -> None:
        if not getattr(session, "kept", False):
            sealed = self.serializer.encode({**session, _ROW: store_id})
            agent_session = str(session.get(AGENT_SESSION, ""))
            self._store.put(store_id, sealed, session_lifetime.total_seconds(), agent_session)

    def _delete_session(self, store_id: str) -> None:
        self._store.delete(store_id)
