"""The link that lets the first administrator in: made at the shell, good once and for a quarter of an hour."""

from __future__ import annotations

import hmac
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, Float, String, Table, and_, delete, func, insert, select, update

from bridge.core.gate_errors import AdminLinkInvalid
from bridge.db import Database, metadata

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.connections.secrets import KeyRing

LIFETIME: Final = 900
"""Seconds for which a link is good."""

_PURPOSE: Final = "admin link"

admin_links: Final = Table(
    "admin_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("expires_at", Float, nullable=False),
    Column("used_at", Float),
)


class AdminLinks:
    """Makes links and takes each of them once.

    Args:
        now: epoch seconds.
    """

    def __init__(self, database: Database, key_ring: KeyRing, now: Callable[[], float]) -> None:
        self._database = database
        self._key_ring = key_ring
        self._now = now

    def make(self) -> str:
        """Return the token of a fresh link; raises StoreUnavailable."""
        token, now = token_urlsafe(32), self._now()
        with self._database.transaction() as transaction:
            transaction.execute(delete(admin_links).where(admin_links.c.expires_at < now))
            transaction.execute(
                insert(admin_links).values(token_hash=self._hashes(token)[0], expires_at=now + LIFETIME)
            )
        return token

    def use(self, token: str) -> None:
        """Use a link up.

        Raises:
            AdminLinkInvalid: used already, too old, or never made.
            StoreUnavailable: it cannot be told now.
        """
        now, table = self._now(), admin_links
        good = and_(table.c.token_hash.in_(self._hashes(token)), table.c.used_at.is_(None), table.c.expires_at > now)
        with self._database.transaction() as transaction:
            if transaction.execute(select(table.c.token_hash).where(good)).first() is None:
                # Reading first: a stranger's invention must not wait for the lock that sign-ins write under.
                raise AdminLinkInvalid(expected="an unused link of the last 15 minutes", received="another")
            # One statement, so that of two that come together only one finds it unused.
            if not transaction.execute(update(table).where(good).values(used_at=now)).rowcount:
                raise AdminLinkInvalid(expected="an unused link of the last 15 minutes", received="another")

    def good_until(self) -> float:
        """Return until when the last link that is not used yet is good, 0 without one; raises StoreUnavailable."""
        table = admin_links
        unused = and_(table.c.used_at.is_(None), table.c.expires_at > self._now())
        with self._database.transaction() as transaction:
            return float(transaction.execute(select(func.max(table.c.expires_at)).where(unused)).scalar() or 0)

    def _hashes(self, token: str) -> list[str]:
        # Keyed: whoever can write rows must not be able to make a link of their own.
        keys = reversed(self._key_ring.signing_keys(_PURPOSE))
        return [hmac.new(key, token.encode(errors="replace"), sha256).hexdigest() for key in keys]
