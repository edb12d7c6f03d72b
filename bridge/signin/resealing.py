"""All that the bridge keeps sealed: which key each record needs, and how it gets the newest.

What travels instead of being kept cannot be rewritten: sign-ins under way (see `pending`) and what was typed into a
form. A domain that was proven stays so, whichever key made its record.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Select, Table, literal, select, tuple_, update

from bridge.access import api_keys
from bridge.access import sessions as console
from bridge.connections import register
from bridge.connections.rows import connection_versions
from bridge.connections.secrets import SealBroken
from bridge.provisioning.known_agents import KnownAgents, known_agents
from bridge.signin import browser_session, rehearsal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bridge.connections.secrets import KeyRing
    from bridge.db import Database
    from bridge.sessions.rows import Blob, SessionRow, SessionStore
    from bridge.signin.agent_session import AgentSessions

_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Count:
    """How many records of a kind there are.

    Args:
        kind: ``agent_sessions``, ``browser_sessions`` or the name of a table.
        by_key: how many need each key and no older one, the newest key's first.
        lost: how many no key opens.
        stale: how many are not wholly made with the newest key.
    """

    kind: str
    by_key: Sequence[int]
    lost: int
    stale: int


@dataclass(frozen=True, slots=True)
class _Record:
    """One record; `oldest` is the position of the oldest key that it needs, None where no key opens it."""

    oldest: int | None
    is_current: bool
    reseal: Callable[[], bool]


class Resealing:
    """Counts and rewrites what is sealed, page by page, beside replicas that go on working."""

    def __init__(self, database: Database, key_ring: KeyRing, store: SessionStore, sessions: AgentSessions) -> None:
        self._database = database
        self._key_ring = key_ring
        self._store = store
        self._sessions = sessions
        self._kinds: dict[str, Callable[[], Iterator[_Record]]] = {
            "agent_sessions": self._agent_sessions,
            "browser_sessions": self._browser_sessions,
            "connection_secrets": partial(self._rows, connection_versions, register.PURPOSE),
            "rehearsals": partial(self._rows, rehearsal.rehearsals, rehearsal.PURPOSE),
            "admin_sessions": partial(self._rows, console.admin_sessions, console.PURPOSE),
            "api_keys": partial(self._rows, api_keys.api_keys, api_keys.PURPOSE),
            "known_agents": self._known_agents,
        }

    def count(self) -> list[Count]:
        """Return how many records of each kind need which key; raises StoreUnavailable."""
        return [self._count(kind, records()) for kind, records in self._kinds.items()]

    def reseal(self, kind: str) -> Iterator[bool]:
        """Rewrite what is not made with the newest key, and yield for each record whether that was done.

        Yields:
            False where the record has changed, or gone, since it was read: the next run finds it as it is then.

        Raises:
            StoreUnavailable: what was yielded is done, the rest is as before.
        """
        for record in self._kinds[kind]():
            if record.oldest is not None and not record.is_current:
                yield record.reseal()

    def _count(self, kind: str, records: Iterator[_Record]) -> Count:
        needs = Counter[int | None]()
        stale = 0
        for record in records:
            needs[record.oldest] += 1
            stale += record.oldest is not None and not record.is_current
        return Count(kind, [needs[one] for one in range(len(self._key_ring.fingerprints()))], needs[None], stale)

    # Kinds -----------------------------------------------------------------------------------------------------------

    def _agent_sessions(self) -> Iterator[_Record]:
        for row in self._store.every():
            try:
                keys = self._sessions.keys_of(row)
            except SealBroken:
                if not self._sessions.is_over(row):
                    yield _lost()
            else:
                yield _Record(keys.oldest, keys.is_current, partial(self._reseal_session, row))

    def _reseal_session(self, row: SessionRow) -> bool:
        return self._store.reseal(row, self._sessions.resealed(row))

    def _browser_sessions(self) -> Iterator[_Record]:
        for blob in self._store.every_blob():
            oldest = self._key_ring.key_of(browser_session.PURPOSE, blob.sealed.decode("ascii", "replace"))
            yield _Record(oldest, oldest == 0, partial(self._reseal_blob, blob))

    def _reseal_blob(self, blob: Blob) -> bool:
        sealed = self._key_ring.resealed(browser_session.PURPOSE, blob.sealed.decode("ascii"))
        return self._store.reseal_blob(blob, sealed.encode("ascii"))

    def _known_agents(self) -> Iterator[_Record]:
        known = KnownAgents(self._database, self._key_ring, lambda: 0.0)
        for account_hash, sealed in self._pages(known_agents):
            oldest = known.oldest_key(account_hash, sealed)
            yield _Record(oldest, oldest == 0, partial(known.rekey, account_hash, sealed))

    def _rows(self, table: Table, purpose: str) -> Iterator[_Record]:
        """Yield the rows of a table with a column `sealed`."""
        for row in self._pages(table):
            oldest = self._key_ring.key_of(purpose, row[-1])
            yield _Record(oldest, oldest == 0, partial(self._reseal_row, table, purpose, row))

    def _pages(self, table: Table) -> Iterator[Sequence[Any]]:
        # No transaction stays open while somebody works on what was found.
        key = tuple_(*table.primary_key)
        query: Select[Any] = select(*table.primary_key, table.c.sealed).order_by(*table.primary_key).limit(_PAGE)
        page = query
        while True:
            with self._database.transaction() as transaction:
                rows = transaction.execute(page).all()
            yield from rows
            if len(rows) < _PAGE:
                return
            page = query.where(key > tuple_(*map(literal, rows[-1][:-1])))

    def _reseal_row(self, table: Table, purpose: str, row: Sequence[Any]) -> bool:
        *key, sealed = row
        same = [column == value for column, value in zip(table.primary_key, key, strict=True)]
        anew = (
            update(table).where(*same, table.c.sealed == sealed).values(sealed=self._key_ring.resealed(purpose, sealed))
        )
        with self._database.transaction() as transaction:
            return bool(transaction.execute(anew).rowcount)


def _lost() -> _Record:
    return _Record(None, is_current=False, reseal=lambda: False)
