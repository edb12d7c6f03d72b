"""Which accounts have had an agent, and who is making one right now: so that none is made twice or brought back.

No account name lies open in the database: rows are found by a keyed hash of it, and say it under a seal only, from
which the hash is made anew when the key changes.
"""

from __future__ import annotations

import hmac
import uuid
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import Column, Float, String, Table, Text, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from bridge.connections.rows import connections
from bridge.connections.secrets import KeyRing, SealBroken
from bridge.core.mapping import folded
from bridge.db import Database, metadata

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection as Transaction

State = Literal["claimed", "known", "barred", "free"]
"""``claimed``: somebody is making the agent; ``known``: it is there; ``barred``: it was there, and only an
administrator makes it again; ``free``: an administrator has said that the next sign-in may do so."""

PURPOSE: Final = "known agent"
_INDEX: Final = "known agent index"
_CLAIMED_FOR: Final = 30.0
"""Seconds after which the claim of a sign-in that died is another's."""

known_agents: Final = Table(
    "known_agents",
    metadata,
    Column("account_hash", String(64), primary_key=True),
    Column("connection", String(16), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("client_token", String(36), nullable=False),
    Column("claimed_at", Float, nullable=False),
    Column("sealed", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to make an agent.

    Args:
        client_token: for CreateAgent; whoever takes the claim over has the same, so that two of them make one agent.
        claimed_at: epoch seconds; tells this claim from a later one.
    """

    account_hash: str
    client_token: str
    claimed_at: float


@dataclass(frozen=True, slots=True)
class _Account:
    """An account of one connection, and not of another one that had its name before; `first` is its first version."""

    connection: str
    first: int
    name: str


class KnownAgents:
    """Remembers accounts, each by the connection's name and the account's, however that is spelled (`folded`).

    Args:
        now: epoch seconds.
    """

    def __init__(self, database: Database, key_ring: KeyRing, now: Callable[[], float]) -> None:
        self._database = database
        self._key_ring = key_ring
        self._now = now

    def state(self, connection: str, account_name: str) -> State | None:
        """Return what is known of an account, None where nothing is; raises StoreUnavailable."""
        with self._database.transaction() as transaction:
            row = self._row(transaction, _account(transaction, connection, account_name))
        return row.state if row is not None else None

    def remember(self, connection: str, account_name: str) -> None:
        """Note that the account has an agent; raises StoreUnavailable."""
        self._note(connection, account_name, state="known")

    def bar(self, connection: str, account_name: str) -> None:
        """Note that the account had an agent which is frozen or gone, and comes back by no sign-in.

        Raises:
            StoreUnavailable: nothing was noted.
        """
        self._note(connection, account_name, state="barred")

    def forget(self, connection: str, account_name: str) -> None:
        """Let the next sign-in make the agent although it had been there before; raises StoreUnavailable.

        Only an administrator's word is a reason for it.
        """
        # With the token of the first time, CreateAgent would repeat its first answer and make nothing.
        self._note(connection, account_name, state="free", client_token=str(uuid.uuid4()))

    def restore(self, connection: str, account_name: str, state: State | None) -> None:
        """Let an account be what it was before a change that came to nothing; raises StoreUnavailable.

        Args:
            state: as `state` told it then.
        """
        if state is not None:
            self._note(connection, account_name, state=state)
            return
        with self._database.transaction() as transaction:
            hashes = self._hashes(_account(transaction, connection, account_name))
            transaction.execute(delete(known_agents).where(known_agents.c.account_hash.in_(hashes)))

    def claim(self, connection: str, account_name: str) -> Claim | None:
        """Return the right to make the agent, or None: somebody else has it, or there is or was one.

        A claim that is older than 30 seconds is taken over.

        Raises:
            StoreUnavailable: nobody may make it now.
        """
        now, table = self._now(), known_agents
        is_open = or_(
            table.c.state == "free", and_(table.c.state == "claimed", table.c.claimed_at < now - _CLAIMED_FOR)
        )
        with self._database.transaction() as transaction:
            account = _account(transaction, connection, account_name)
            taken = update(table).where(table.c.account_hash.in_(self._hashes(account)), is_open)
            has_taken = transaction.execute(taken.values(state="claimed", claimed_at=now)).rowcount
            row = self._row(transaction, account)
        if row is None:
            return self._first_claim(account, now)
        return Claim(row.account_hash, row.client_token, now) if has_taken else None

    def release(self, claim: Claim) -> None:
        """Let somebody else have a claim at once, with the same token; raises StoreUnavailable."""
        table = known_agents
        own = and_(
            table.c.account_hash == claim.account_hash,
            table.c.state == "claimed",
            table.c.claimed_at == claim.claimed_at,
        )
        with self._database.transaction() as transaction:
            transaction.execute(update(table).where(own).values(claimed_at=0.0))

    def forget_all(self, connection: str) -> None:
        """Forget the accounts of a connection that is gone; raises StoreUnavailable."""
        with self._database.transaction() as transaction:
            transaction.execute(delete(known_agents).where(known_agents.c.connection == connection.lower()))

    # Keys that change ------------------------------------------------------------------------------------------------

    def oldest_key(self, account_hash: str, sealed: str) -> int | None:
        """Return the position of the oldest secret that a row needs, None where no secret opens it."""
        account, position = self._opened(sealed), self._key_ring.key_of(PURPOSE, sealed)
        hashes = self._hashes(account) if account else []
        return max(position, hashes.index(account_hash)) if position is not None and account_hash in hashes else None

    def rekey(self, account_hash: str, sealed: str) -> bool:
        """Write a row anew with the newest secret; False where it has changed meanwhile; raises StoreUnavailable."""
        account, table = self._opened(sealed), known_agents
        if account is None:
            return False
        same = and_(table.c.account_hash == account_hash, table.c.sealed == sealed)
        anew = {"account_hash": self._hashes(account)[0], "sealed": self._key_ring.resealed(PURPOSE, sealed)}
        try:
            with self._database.transaction() as transaction:
                return bool(transaction.execute(update(table).where(same).values(anew)).rowcount)
        except IntegrityError:
            # A replica that knew the newest secret only has made its own row: that one is younger.
            with self._database.transaction() as transaction:
                return bool(transaction.execute(delete(table).where(same)).rowcount)

    def _opened(self, sealed: str) -> _Account | None:
        try:
            return _Account(**self._key_ring.open(PURPOSE, sealed))
        except (SealBroken, TypeError):
            return None

    # Rows ------------------------------------------------------------------------------------------------------------

    def _note(self, connection: str, account_name: str, **values: str) -> None:
        with self._database.transaction() as transaction:
            account = _account(transaction, connection, account_name)
        if self._change(account, values):
            return
        row = {"client_token": str(uuid.uuid4()), "claimed_at": 0.0, **values}
        if not self._add(account, row):
            self._change(account, values)

    def _change(self, account: _Account, values: dict[str, str]) -> bool:
        table = known_agents
        changed = update(table).where(table.c.account_hash.in_(self._hashes(account))).values(values)
        with self._database.transaction() as transaction:
            return bool(transaction.execute(changed).rowcount)

    def _first_claim(self, account: _Account, now: float) -> Claim | None:
        token = str(uuid.uuid4())
        if not self._add(account, {"state": "claimed", "client_token": token, "claimed_at": now}):
            return None
        return Claim(self._hashes(account)[0], token, now)

    def _add(self, account: _Account, values: dict[str, Any]) -> bool:
        """Say whether the row is new."""
        record = {name: getattr(account, name) for name in _Account.__dataclass_fields__}
        row = {
            "account_hash": self._hashes(account)[0],
            "connection": account.connection,
            "sealed": self._key_ring.seal(PURPOSE, record),
            **values,
        }
        try:
            with self._database.transaction() as transaction:
                transaction.execute(insert(known_agents).values(row))
        except IntegrityError:
            return False
        return True

    def _row(self, transaction: Transaction, account: _Account) -> Any:
        return transaction.execute(
            select(known_agents).where(known_agents.c.account_hash.in_(self._hashes(account)))
        ).first()

    def _hashes(self, account: _Account) -> list[str]:
        """Return the account's hash by each secret, the newest first; names are too few for a hash without a key."""
        said = f"{account.connection}\n{account.first}\n{folded(account.name)}".encode(errors="surrogatepass")
        keys = reversed(self._key_ring.signing_keys(_INDEX))
        return [hmac.new(key, said, sha256).hexdigest() for key in keys]


def _account(transaction: Transaction, connection: str, account_name: str) -> _Account:
    key, table = connection.lower(), connections
    first = transaction.execute(select(table.c.first_version).where(table.c.key == key)).scalar()
    return _Account(key, first or 0, account_name)
