"""Which e-mail domains a connection was found to own: only these lead people to it.

Otherwise an administrator of one customer could claim another's domain and be sent its people.
"""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal

from sqlalchemy import Column, Float, String, Table, and_, delete, insert, select

from bridge.connections.rows import connection_versions, connections, tell
from bridge.db import metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.connections.secrets import KeyRing
    from bridge.db import Database

How = Literal["record", "operator"]

_PURPOSE: Final = "domain record"
_MARK: Final = "hotline-bridge="

connection_domains: Final = Table(
    "connection_domains",
    metadata,
    Column("key", String(16), primary_key=True),
    Column("domain", String(255), primary_key=True),
    Column("verified_at", Float, nullable=False),
    Column("how", String(16), nullable=False),
)


def domains_in(document: str) -> list[str]:
    """Return the domains that a kept document names; nothing where it cannot be read."""
    try:
        found = json.loads(document).get("domains", ())
    except (ValueError, AttributeError):
        return []
    return [one for one in found if isinstance(one, str)]


class ConnectionDomains:
    """Remembers who owns a domain, and finds it out from the domain's own TXT record.

    Args:
        look_up: gives the TXT records of a domain; raises nothing, an empty list where there are none.
        now: epoch seconds.
    """

    def __init__(
        self,
        database: Database,
        key_ring: KeyRing,
        look_up: Callable[[str], Sequence[str]],
        now: Callable[[], float],
    ) -> None:
        self._database = database
        self._key_ring = key_ring
        self._look_up = look_up
        self._now = now

    def verified(self, name: str) -> dict[str, How]:
        """Return the verified domains of a connection and how each was; raises StoreUnavailable."""
        table = connection_domains
        with self._database.transaction() as transaction:
            rows = transaction.execute(select(table).where(table.c.key == name.lower())).all()
        return {row.domain: row.how for row in rows}

    def unproven(self) -> int:
        """Return how many domains wait for their record, of all connections; raises StoreUnavailable."""
        table, own = connections, connection_domains
        newest = and_(connection_versions.c.key == table.c.key, connection_versions.c.number == table.c.newest_version)
        asked = select(table.c.key, connection_versions.c.document).join(connection_versions, newest)
        asked = asked.where(table.c.origin == "console", table.c.state != "removed")
        with self._database.transaction() as transaction:
            rows = transaction.execute(asked).all()
            proven = {tuple(row) for row in transaction.execute(select(own.c.key, own.c.domain)).all()}
        return len({(row.key, domain) for row in rows for domain in domains_in(row.document)} - proven)

    def record(self, name: str, domain: str) -> str:
        """Return the TXT record that proves that whoever set up the connection owns the domain."""
        return self._records(name, domain)[0]

    def check(self, name: str, domain: str) -> bool:
        """Ask the domain for its record, and remember the domain where it is there; raises StoreUnavailable."""
        wanted = self._records(name, domain)
        found = any(
            hmac.compare_digest(told.strip().encode(), one.encode()) for told in self._look_up(domain) for one in wanted
        )
        if found:
            self.accept(name, domain, "record")
        return found

    def accept(self, name: str, domain: str, how: How) -> None:
        """Remember a domain as owned; raises StoreUnavailable."""
        table, key = connection_domains, name.lower()
        with self._database.transaction() as transaction:
            transaction.execute(delete(table).where(and_(table.c.key == key, table.c.domain == domain)))
            transaction.execute(insert(table).values(key=key, domain=domain, verified_at=self._now(), how=how))
            tell(transaction)

    def forget(self, name: str, domain: str) -> None:
        """Forget that a domain was owned; raises StoreUnavailable."""
        table = connection_domains
        with self._database.transaction() as transaction:
            transaction.execute(delete(table).where(and_(table.c.key == name.lower(), table.c.domain == domain)))
            tell(transaction)

    def _records(self, name: str, domain: str) -> list[str]:
        # The newest key of the ring makes the record; records made with an older one stay good.
        keys = reversed(self._key_ring.signing_keys(_PURPOSE))
        # Not those of a removed connection of the same name: it may have been another customer's.
        table = connections
        with self._database.transaction() as transaction:
            first = transaction.execute(select(table.c.first_version).where(table.c.key == name.lower())).scalar()
        told = f"{name.lower()}\n{first or 0}\n{domain}".encode()
        return [_MARK + hmac.new(key, told, sha256).hexdigest()[:40] for key in keys]
