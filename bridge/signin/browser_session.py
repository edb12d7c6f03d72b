"""What is remembered of a browser: rows under the hash of the session id, sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Column, Float, LargeBinary, String, Table, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bridge.db import Database, metadata

if TYPE_CHECKING:
    from collections.abc import Callable

AFTERLIFE: Final = 86_400
"""Seconds for which ended sessions are still known as ended."""

browser_sessions: Final = Table(
    "browser_sessions",
    metadata,
    Column("id_hash", String(64), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", Float, nullable=False, index=True),
)

# Made once: to build a statement takes SQLAlchemy twice as long as to carry it out.
_WANTED: Final = browser_sessions.c.id_hash == bindparam("wanted")
_GET: Final = select(browser_sessions.c.sealed).where(_WANTED, browser_sessions.c.expires_at > bindparam("moment"))
_CHANGE: Final = update(browser_sessions).where(_WANTED)
_ADD: Final = insert(browser_sessions)
_FORGET: Final = delete(browser_sessions).where(_WANTED)
_TIDY: Final = delete(browser_sessions).where(browser_sessions.c.expires_at < bindparam("moment"))


class BrowserSessions:
    """Keeps sealed session blobs; whoever reads the table can neither open one nor use its id.

    Rows stay a day longer than the session, so that an old id is told from an invented one.

    Args:
        now: epoch seconds.
    """

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def get(self, id_hash: str) -> bytes | None:
        """Return the blob, or None where there is none or it is too old; raises StoreUnavailable."""
        with self._database.transaction() as connection:
            row: Any = connection.execute(_GET, {"wanted": id_hash, "moment": self._now()}).first()
        return bytes(row.sealed) if row else None

    def ping(self) -> None:
        """Read the table; raises StoreUnavailable."""
        self.get("")

    def put(self, id_hash: str, sealed: bytes, lifetime: float) -> None:
        """Keep the blob for `lifetime` seconds; raises StoreUnavailable."""
        try:
            self._put(id_hash, sealed, lifetime)
        except IntegrityError:
            # PostgreSQL lets two that come together find no row; whoever adds it second finds the other's now.
            self._put(id_hash, sealed, lifetime)

    def _put(self, id_hash: str, sealed: bytes, lifetime: float) -> None:
        values = {"sealed": sealed, "expires_at": self._now() + lifetime + AFTERLIFE}
        with self._database.transaction() as connection:
            changed = connection.execute(_CHANGE, {"wanted": id_hash, **values})
            if not changed.rowcount:
                connection.execute(_ADD, {"id_hash": id_hash, **values})
                connection.execute(_TIDY, {"moment": self._now()})

    def delete(self, id_hash: str) -> None:
        """Forget the blob; raises StoreUnavailable."""
        with self._database.transaction() as connection:
            connection.execute(_FORGET, {"wanted": id_hash})
