"""The console's sessions: sealed rows under the hash of an id that only the browser has."""

from __future__ import annotations

import hmac
from dataclasses import asdict
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, Float, String, Table, Text, delete, insert, select

from bridge.access.rules import Administrator
from bridge.connections.secrets import KeyRing, SealBroken
from bridge.core.gate_errors import AdminNotAllowed, AdminSignInRequired
from bridge.db import Database, metadata

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.access.rules import AdminRules

PURPOSE: Final = "admin session"
_BY_LINK: Final = 3600
"""Seconds for which the link of the command line opens the console."""

admin_sessions: Final = Table(
    "admin_sessions",
    metadata,
    Column("id_hash", String(64), primary_key=True),
    Column("key", String(16), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("expires_at", Float, nullable=False),
)


class AdminSessions:
    """Keeps who is in the console; each request asks the rules anew.

    Args:
        lifetime: absolute, in seconds.
        now: epoch seconds.
    """

    def __init__(
        self, database: Database, key_ring: KeyRing, rules: AdminRules, *, lifetime: float, now: Callable[[], float]
    ) -> None:
        self._database = database
        self._key_ring = key_ring
        self._rules = rules
        self._lifetime = lifetime
        self._now = now

    def begin(self, admin: Administrator, *, former: str = "") -> tuple[str, int]:
        """Keep a new session and end the browser's former one; raises StoreUnavailable.

        Returns:
            The id for the cookie, and its lifetime in seconds.
        """
        session_id, now = token_urlsafe(32), self._now()
        lifetime = int(self._lifetime if admin.connection else min(self._lifetime, _BY_LINK))
        record = {"id": _hash(session_id), "until": now + lifetime, **asdict(admin)}
        sealed = self._key_ring.seal(PURPOSE, record)
        table = admin_sessions
        with self._database.transaction() as transaction:
            transaction.execute(delete(table).where(table.c.expires_at < now))
            transaction.execute(delete(table).where(table.c.id_hash == _hash(former)))
            values = {
                "id_hash": _hash(session_id),
                "key": admin.connection.lower(),
                "sealed": sealed,
                "expires_at": now + lifetime,
            }
            transaction.execute(insert(table).values(values))
        return session_id, lifetime

    def load(self, session_id: str) -> Administrator:
        """Return who is in the console, with the rights of today.

        Raises:
            AdminSignInRequired: nobody, or not any more.
            StoreUnavailable: it cannot be told now.
        """
        table = admin_sessions
        found = select(table).where(table.c.id_hash == _hash(session_id))
        with self._database.transaction() as transaction:
            row = transaction.execute(found).first() if session_id else None
        if row is None or row.expires_at <= self._now():
            raise AdminSignInRequired(expected="an administrator's session", received="none")
        try:
            record = self._key_ring.open(PURPOSE, row.sealed)
            if record.pop("id") != row.id_hash or record.pop("until") <= self._now():
                raise AdminSignInRequired(expected="this session's record", received="another's")
            record["connections"] = tuple(record["connections"])
            return self._rules.confirm(Administrator(**record))
        except (SealBroken, TypeError, KeyError, AdminNotAllowed) as fault:
            raise AdminSignInRequired(expected="an administrator", received="a right that has ended") from fault

    def end(self, session_id: str) -> None:
        """Forget the session; raises StoreUnavailable."""
        with self._database.transaction() as transaction:
            transaction.execute(delete(admin_sessions).where(admin_sessions.c.id_hash == _hash(session_id)))

    def end_all(self, connection: str) -> None:
        """Forget the sessions of everybody who came through a connection; raises StoreUnavailable."""
        with self._database.transaction() as transaction:
            transaction.execute(delete(admin_sessions).where(admin_sessions.c.key == connection.lower()))

    def csrf_token(self, session_id: str) -> str:
        """Return the token that this session's forms carry."""
        return self._csrf_tokens(session_id)[0]

    def owns(self, session_id: str, csrf_token: str) -> bool:
        """Say whether a form came from a page of this session."""
        return any(hmac.compare_digest(csrf_token.encode(), one.encode()) for one in self._csrf_tokens(session_id))

    def _csrf_tokens(self, session_id: str) -> list[str]:
        # The newest key first; pages that were open when the keys changed stay good.
        keys = reversed(self._key_ring.signing_keys("admin csrf"))
        return [hmac.new(key, session_id.encode(), sha256).hexdigest() for key in keys]


def _hash(session_id: str) -> str:
    return sha256(session_id.encode(errors="replace")).hexdigest()
