"""What a rehearsal showed: remembered for a while, sealed, for those who set the connection up."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, Final, Protocol

from sqlalchemy import Column, Float, Index, Integer, String, Table, Text, and_, delete, insert, select

from bridge.connections.secrets import KeyRing, SealBroken
from bridge.core.errors import BridgeError, PageUnknown
from bridge.core.gate_errors import RehearsalLinkInvalid
from bridge.core.new_agent import Misfit, NewAgent
from bridge.core.trace import OK, Step, Trace, bounded
from bridge.db import Database, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection as Transaction

    from bridge.core.model import AccountName, Connection

LINK_LIFETIME: Final = 86_400
"""Seconds for which a test link is good."""

_KEPT_FOR: Final = 30 * 86_400
_KEPT_PER_CONNECTION: Final = 50
PURPOSE: Final = "rehearsal"

rehearsals: Final = Table(
    "rehearsals",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("key", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("at", Float, nullable=False),
    Column("code", String(48), nullable=False),
    Column("by", String(320), nullable=False),
    Column("link", String(64), nullable=False),
    Column("sealed", Text, nullable=False),
    Index("ix_rehearsals_key_at", "key", "at"),
)
rehearsal_links: Final = Table(
    "rehearsal_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("key", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("made_by", String(320), nullable=False),
    Column("expires_at", Float, nullable=False),
)


class Vouch(Protocol):
    """Obtains a Fuyun token for an agent whom nobody but the platform vouches for."""

    def __call__(self, connection: Connection, account_name: AccountName, trace: Trace) -> object:
        """Take down the steps; raises BridgeError where one fails."""


class LookForAgent(Protocol):
    """Asks the contact center whether it has the agent."""

    def __call__(self, connection: Connection, account_name: AccountName, trace: Trace) -> None:
        """Take down the step; nothing where the connection has no access to the contact center."""


class Foretell(Protocol):
    """Says which agent a first sign-in would make."""

    def __call__(
        self, connection: Connection, claims: Mapping[str, Any], account_name: AccountName, trace: Trace
    ) -> None:
        """Put it into the trace; nothing where the connection makes no agents."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One rehearsal of one version.

    Args:
        key: the connection's name in lower case.
        at: epoch seconds.
        code: ``ok``, or the code of the first step that failed.
        by: who asked for it.
        link: which test link it came by; empty for an administrator's own.
        steps: in the order of the road, as far as it came.
        claims: what the provider said, by the step that brought it, whole.
        account_name: what the mapping field gave; empty where it gave nothing.
        user_name: what Fuyun's token names; empty before there was one.
        new_agent: what a first sign-in would make; None where the connection makes no agents.
    """

    id: str
    key: str
    version: int
    digest: str
    at: float
    code: str
    by: str
    link: str = ""
    steps: tuple[Step, ...] = ()
    claims: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    account_name: str = ""
    user_name: str = ""
    new_agent: NewAgent | None = None

    @property
    def is_good(self) -> bool:
        """Whether every step went well."""
        return self.code == OK


@dataclass(frozen=True, slots=True)
class RehearsalLink:
    """Lets somebody else try a version out, without any right to change it; `mark` tells links apart."""

    key: str
    version: int
    made_by: str
    expires_at: float
    mark: str = ""


def rehearse_account(
    vouch: Vouch, look_for_agent: LookForAgent, connection: Connection, account_name: AccountName, trace: Trace
) -> None:
    """Go the road of a platform's request with the very steps of one, and keep nothing: no session and no token.

    Args:
        trace: tells how far it came.
    """
    trace.account_name = account_name
    with suppress(BridgeError):
        look_for_agent(connection, account_name, trace)
        vouch(connection, account_name, trace)


class Rehearsals:
    """Keeps rehearsals and test links.

    Args:
        now: epoch seconds.
    """

    def __init__(self, database: Database, key_ring: KeyRing, now: Callable[[], float]) -> None:
        self._database = database
        self._key_ring = key_ring
        self._now = now

    def keep(self, connection: Connection, digest: str, trace: Trace, *, by: str, link: str = "") -> Rehearsal:
        """Remember how a rehearsal went; raises StoreUnavailable.

        Args:
            digest: of the version, for `last_of`.
            link: which test link it came by; empty for an administrator's own.
        """
        failed = trace.failed
        done = Rehearsal(
            id=token_urlsafe(24),
            key=connection.name.lower(),
            version=connection.version,
            digest=digest,
            at=self._now(),
            code=failed.code if failed else OK,
            by=by,
            link=link,
            steps=tuple(trace.steps),
            claims={source: bounded(claims) for source, claims in trace.claims.items()},
            account_name=trace.account_name,
            user_name=trace.user_name,
            new_agent=trace.new_agent,
        )
        columns = ("id", "key", "version", "digest", "at", "code", "by", "link")
        row = {name: getattr(done, name) for name in columns}
        # Left out where there is none: an older release knows no such member.
        shown = {name: value for name, value in asdict(done).items() if name not in columns[1:] and value is not None}
        with self._database.transaction() as transaction:
            transaction.execute(insert(rehearsals).values(**row, sealed=self._key_ring.seal(PURPOSE, shown)))
            self._tidy(transaction, done)
        return done

    def get(self, rehearsal_id: str) -> Rehearsal:
        """Return a rehearsal; raises PageUnknown where it is gone or was never made."""
        if not rehearsal_id.isprintable():
            raise PageUnknown
        with self._database.transaction() as transaction:
            row = transaction.execute(select(rehearsals).where(rehearsals.c.id == rehearsal_id)).first()
        return self._opened(row)

    def of(self, name: str) -> list[Rehearsal]:
        """Return the rehearsals of a connection, newest first, without what the provider said."""
        table = rehearsals
        outline = [column for column in table.c if column.name != "sealed"]
        found = select(*outline).where(table.c.key == name.lower()).order_by(table.c.at.desc())
        with self._database.transaction() as transaction:
            rows = transaction.execute(found).all()
        return [_outline(row) for row in rows]

    def last_of(self, name: str, digest: str) -> Rehearsal | None:
        """Return an administrator's last rehearsal of whatever signs people in as `digest` says; None without one.

        Who holds a test link may try it out, but decides about nothing.
        """
        return next((done for done in self.of(name) if done.digest == digest and not done.link), None)

    def forget(self, name: str) -> None:
        """Forget the rehearsals and test links of a connection that is gone; raises StoreUnavailable."""
        with self._database.transaction() as transaction:
            for table in (rehearsals, rehearsal_links):
                transaction.execute(delete(table).where(table.c.key == name.lower()))

    def new_link(self, name: str, version: int, *, made_by: str) -> str:
        """Return the token of a fresh test link, good for a day; raises StoreUnavailable."""
        token, now = token_urlsafe(32), self._now()
        values = {
            "token_hash": _hash(token),
            "key": name.lower(),
            "version": version,
            "made_by": made_by,
            "expires_at": now + LINK_LIFETIME,
        }
        with self._database.transaction() as transaction:
            transaction.execute(delete(rehearsal_links).where(rehearsal_links.c.expires_at < now))
            transaction.execute(insert(rehearsal_links).values(values))
        return token

    def link(self, token: str) -> RehearsalLink:
        """Return what a test link leads to; raises RehearsalLinkInvalid."""
        table = rehearsal_links
        with self._database.transaction() as transaction:
            row = transaction.execute(select(table).where(table.c.token_hash == _hash(token))).first()
        if row is None or row.expires_at <= self._now():
            raise RehearsalLinkInvalid(expected="a link of the last 24 hours", received="another")
        return RehearsalLink(row.key, row.version, row.made_by, row.expires_at, row.token_hash)

    def _opened(self, row: Any) -> Rehearsal:
        if row is None:
            raise PageUnknown
        try:
            shown = self._key_ring.open(PURPOSE, row.sealed)
        except SealBroken as fault:
            raise PageUnknown from fault
        if shown.pop("id") != row.id:
            raise PageUnknown
        shown["steps"] = tuple(Step(**step) for step in shown["steps"])
        if "new_agent" in shown:
            shown["new_agent"] = _new_agent(shown["new_agent"])
        return replace(_outline(row), **shown)

    def _tidy(self, transaction: Transaction, done: Rehearsal) -> None:
        table = rehearsals
        transaction.execute(delete(table).where(table.c.at < self._now() - _KEPT_FOR))
        # Those by links push out those by links only.
        alike = and_(table.c.key == done.key, table.c.link != "" if done.link else table.c.link == "")
        newest = select(table.c.id).where(alike).order_by(table.c.at.desc()).offset(_KEPT_PER_CONNECTION)
        surplus = [row.id for row in transaction.execute(newest.limit(_KEPT_PER_CONNECTION)).all()]
        if surplus:
            transaction.execute(delete(table).where(table.c.id.in_(surplus)))


def _new_agent(shown: Mapping[str, Any]) -> NewAgent:
    # JSON knows no tuples.
    members = _with_tuples(shown)
    misfits = tuple(Misfit(**_with_tuples(one)) for one in members.pop("misfits", ()))
    return NewAgent(**members, misfits=misfits)


def _with_tuples(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in shown.items()}


def _outline(row: Any) -> Rehearsal:
    return Rehearsal(row.id, row.key, row.version, row.digest, row.at, row.code, row.by, row.link)


def _hash(token: str) -> str:
    return sha256(token.encode(errors="replace")).hexdigest()
