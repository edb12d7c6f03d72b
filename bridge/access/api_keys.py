"""Keys of the server-to-server API: shown once, kept as a hash, bound to connections, abilities and networks."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Column, Float, String, Table, Text, and_, delete, insert, or_, select, update

from bridge.connections.rows import connections
from bridge.connections.secrets import KeyRing, SealBroken
from bridge.core.errors import StoreUnavailable
from bridge.core.gate_errors import ApiKeyForbidden, ApiKeyInvalid
from bridge.core.scopes import SCOPES
from bridge.db import Database, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sqlalchemy import Connection as Transaction

    from bridge.core.model import Connection

PURPOSE: Final = "api key"
"""What the key ring seals these records for."""
PREFIX: Final = "hlb_"
"""Begins every key, so that scanners for leaked secrets can tell one."""
_USED_EVERY: Final = 60.0
"""Seconds between two notes of when a key was used."""
_KEPT_FOR: Final = 90 * 86_400
"""Seconds for which a key that has ended is still listed."""
_LONGEST: Final = 128
LONGEST_LABEL: Final = 80

api_keys: Final = Table(
    "api_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("sealed", Text, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("revoked_at", Float),
    Column("used_at", Float),
)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key; times are epoch seconds.

    Args:
        id: names it to people; stands in the key's own text too.
        connections: names, each with the first version of the connection that was meant: another one that takes the
            name later is not.
        networks: from which it may be used (``203.0.113.0/24``); empty: from everywhere.
        used_at: of the last use, to the minute.
    """

    id: str
    label: str
    connections: Mapping[str, int]
    scopes: tuple[str, ...]
    networks: tuple[str, ...]
    made_at: float
    made_by: str
    expires_at: float
    revoked_at: float | None = None
    used_at: float | None = None

    def is_alive(self, now: float) -> bool:
        """Say whether it can be used."""
        return self.revoked_at is None and now < self.expires_at

    def reaches(self, name: str) -> bool:
        """Say whether it is for a connection."""
        return name.lower() in {one.lower() for one in self.connections}

    def is_for(self, connection: Connection) -> bool:
        """Say whether it is for this very connection, and not for another one that has, or had, its name."""
        first = {name.lower(): number for name, number in self.connections.items()}.get(connection.name.lower())
        return first is not None and first <= connection.version

    def check_scope(self, scope: str) -> None:
        """Raise ApiKeyForbidden where the key is not good for that."""
        if scope not in self.scopes:
            raise ApiKeyForbidden(expected=f"scope {scope}", received=f"scope {' '.join(self.scopes) or 'none'}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants a key for; see `ApiKey`.

    Args:
        lifetime: seconds.
        author: who makes it.
    """

    connections: Mapping[str, int]
    scopes: Iterable[str]
    lifetime: float
    author: str
    label: str = ""
    networks: tuple[str, ...] = field(default=())


class ApiKeys:
    """Makes keys and judges those that are brought; every replica asks the database, so a revoked key ends at once.

    Args:
        now: epoch seconds.
    """

    def __init__(self, database: Database, key_ring: KeyRing, now: Callable[[], float]) -> None:
        self._database = database
        self._key_ring = key_ring
        self._now = now

    def make(self, wanted: Wanted) -> tuple[ApiKey, str]:
        """Keep a new key.

        Returns:
            The key, and its text, which nobody can tell later.

        Raises:
            StoreUnavailable: nothing was kept.
        """
        now = self._now()
        key = ApiKey(
            id=token_hex(6),
            label=wanted.label,
            connections=dict(wanted.connections),
            scopes=tuple(scope for scope in SCOPES if scope in set(wanted.scopes)),
            networks=wanted.networks,
            made_at=now,
            made_by=wanted.author,
            expires_at=now + wanted.lifetime,
        )
        text = f"{PREFIX}{key.id}_{token_hex(32)}"
        # Sealed with its own hash inside: whoever can write rows can neither make a key nor widen one. They can bring
        # a revoked one back, whose row the list then shows as good.
        sealed = self._key_ring.seal(PURPOSE, {**asdict(key), "key_hash": _hash(text)})
        table = api_keys
        with self._database.transaction() as transaction:
            transaction.execute(delete(table).where(table.c.expires_at < now - _KEPT_FOR))
            values = {"id": key.id, "key_hash": _hash(text), "sealed": sealed, "expires_at": key.expires_at}
            transaction.execute(insert(table).values(values))
        return key, text

    def check(self, text: str, address: str) -> ApiKey:
        """Return the key with this text, its connections as far as they are still those that were meant.

        Args:
            address: of whoever brings it.

        Raises:
            ApiKeyInvalid: unknown, revoked or past its end.
            ApiKeyForbidden: it may not be used from there.
            StoreUnavailable: nobody can tell now.
        """
        if not text.startswith(PREFIX) or len(text) > _LONGEST:
            raise ApiKeyInvalid(expected=f"an API key ({PREFIX}…)", received="another text" if text else "none")
        with self._database.transaction() as transaction:
            row = transaction.execute(select(api_keys).where(api_keys.c.key_hash == _hash(text))).first()
            key = self._opened(row) if row is not None else None
            present = _present(transaction, key) if key else {}
        if key is None:
            raise ApiKeyInvalid(expected="an API key of this bridge", received="an unknown one")
        if not key.is_alive(self._now()):
            received = "a revoked one" if key.revoked_at is not None else "one that has expired"
            raise ApiKeyInvalid(expected="a living API key", received=received)
        _check_network(key, address)
        self._note_use(key)
        return replace(key, connections=present)

    def find(self, key_id: str) -> ApiKey:
        """Return a key by its id, also one that has ended.

        Raises:
            ApiKeyInvalid: there is none.
            StoreUnavailable: nobody can tell now.
        """
        with self._database.transaction() as transaction:
            row = transaction.execute(select(api_keys).where(api_keys.c.id == key_id)).first()
        key = self._opened(row) if row is not None else None
        if key is None:
            raise ApiKeyInvalid(expected="the id of an API key", received="another", status=404)
        return key

    def still(self, key_id: str) -> ApiKey | None:
        """Return the living key with this id as `check` does, for what was begun with it; None where it has ended.

        Raises:
            StoreUnavailable: nobody can tell now.
        """
        with self._database.transaction() as transaction:
            row = transaction.execute(select(api_keys).where(api_keys.c.id == key_id)).first()
            key = self._opened(row) if row is not None else None
            present = _present(transaction, key) if key else {}
        return replace(key, connections=present) if key and key.is_alive(self._now()) else None

    def every(self) -> list[ApiKey]:
        """Return all keys, the newest first, also those that have ended lately; raises StoreUnavailable."""
        with self._database.transaction() as transaction:
            rows = transaction.execute(select(api_keys)).all()
        return sorted(self._readable(rows), key=lambda key: key.made_at, reverse=True)

    def revoke(self, key_id: str) -> bool:
        """End a key for good; says whether it had not been revoked yet; raises StoreUnavailable."""
        table = api_keys
        alive = and_(table.c.id == key_id, table.c.revoked_at.is_(None))
        with self._database.transaction() as transaction:
            return bool(transaction.execute(update(table).where(alive).values(revoked_at=self._now())).rowcount)

    def _readable(self, rows: Iterable[Any]) -> Iterator[ApiKey]:
        for row in rows:
            key = self._opened(row)
            if key is not None:
                yield key

    def _opened(self, row: Any) -> ApiKey | None:
        with suppress(SealBroken, TypeError, KeyError):
            record = self._key_ring.open(PURPOSE, row.sealed)
            # A row whose sealed part was copied from another row would be that other key.
            if record.pop("key_hash") != row.key_hash or record["id"] != row.id:
                return None
            known = {name: record[name] for name in _KEPT if name in record}
            known |= {"scopes": tuple(record["scopes"]), "networks": tuple(record["networks"])}
            return ApiKey(**known, revoked_at=row.revoked_at, used_at=row.used_at)
        return None

    def _note_use(self, key: ApiKey) -> None:
        now, table = self._now(), api_keys
        if key.used_at is not None and abs(now - key.used_at) < _USED_EVERY:
            return
        unnoted = or_(table.c.used_at.is_(None), table.c.used_at == key.used_at)
        # A store that can be read and not written must not take the API away.
        with suppress(StoreUnavailable), self._database.transaction() as transaction:
            transaction.execute(update(table).where(table.c.id == key.id, unnoted).values(used_at=now))


_KEPT: Final = frozenset(
    ("id", "label", "connections", "scopes", "networks", "made_at", "made_by", "expires_at"),
)


def _present(transaction: Transaction, key: ApiKey) -> dict[str, int]:
    """Return those of a key's connections that are still the same ones."""
    wanted = {name.lower(): (name, first) for name, first in key.connections.items()}
    table = connections
    found = select(table.c.key, table.c.first_version).where(table.c.key.in_(wanted), table.c.state != "removed")
    rows = transaction.execute(found).all()
    return {wanted[row.key][0]: row.first_version for row in rows if wanted[row.key][1] == row.first_version}


def _check_network(key: ApiKey, address: str) -> None:
    if not key.networks:
        return
    try:
        source = ipaddress.ip_address(address)
    except ValueError:
        raise ApiKeyForbidden(expected="an address of the key's networks", received="no address") from None
    source = getattr(source, "ipv4_mapped", None) or source
    if not any(source in ipaddress.ip_network(network) for network in key.networks):
        raise ApiKeyForbidden(expected="an address of the key's networks", received=str(source))


def _hash(text: str) -> str:
    # 256 random bits: nobody guesses what this is the hash of, so that a slow hash would protect nothing.
    return sha256(text.encode(errors="replace")).hexdigest()
