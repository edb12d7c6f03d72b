"""What is remembered of a browser: blobs under the hash of the session id, sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.sessions.rows import AFTERLIFE, Blob

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.sessions.rows import SessionRow, SessionStore

PURPOSE: Final = "browser session"
"""What the key ring seals these blobs for."""
AGENT_SESSION: Final = "agent_session"
"""The one entry of a browser session that names the agent session."""


class BrowserSessions:
    """Keeps sealed session blobs; whoever reads the store can neither open one nor use its id.

    They stay a day longer than the session, so that an old id is told from an invented one.

    Args:
        now: epoch seconds.
    """

    def __init__(self, store: SessionStore, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now

    def get(self, id_hash: str) -> bytes | None:
        """Return the blob, or None where there is none or it is too old; raises StoreUnavailable."""
        return self._store.get_blob(id_hash, self._now())

    def get_both(self, id_hash: str) -> tuple[bytes | None, SessionRow | None]:
        """Return the blob, and the row of its agent session where the store brings it along; raises as `get`."""
        return self._store.get_both(id_hash, self._now())

    def put(self, id_hash: str, sealed: bytes, lifetime: float, agent_session: str = "") -> None:
        """Keep the blob for `lifetime` seconds; raises StoreUnavailable.

        Args:
            agent_session: the id of the agent session that is named in it.
        """
        now = self._now()
        self._store.put_blob(Blob(id_hash, sealed, agent_session), until=now + lifetime + AFTERLIFE, now=now)

    def delete(self, id_hash: str) -> None:
        """Forget the blob; raises StoreUnavailable."""
        self._store.delete_blob(id_hash)
