"""The long-term record: one row a sign-in and one an administrator's act, searchable, bounded, without secrets."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from bridge.core.mapping import folded
from bridge.core.trace import MAPPING, OK
from bridge.db import Database, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy import Connection as Transaction

_SELDOM: Final = 60.0
_TIDY_EVERY: Final = 256
_LONGEST_NAME: Final = 320
_PAGE: Final = 500
_ARRIVALS: Final = ("sign_in", "handoff")
_FOR_AGENTS: Final = (*_ARRIVALS, "token_issued")
_BEYOND_ASCII: Final = "[^ -~]"

journal: Final = Table(
    "journal",
    metadata,
    # SQLite counts rows only in columns of its own kind of integer.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("event", String(48), nullable=False),
    Column("connection", String(16), nullable=False),
    Column("code", String(48), nullable=False),
    Column("reference", String(32), nullable=False),
    Column("person", String(320), nullable=False),
    Column("actor", String(320), nullable=False),
    Column("seconds", Float),
    Column("details", Text, nullable=False),
    Index("ix_journal_connection_at", "connection", "at"),
    Index("ix_journal_connection_id", "connection", "id"),
    Index("ix_journal_reference", "reference"),
    Index("ix_journal_at", "at"),
)

_ADD: Final = insert(journal)


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the journal.

    Args:
        at: epoch seconds.
        code: ``ok`` or the error's code.
        person: who signed in, as far as it was known.
        actor: the administrator who acted; empty for sign-ins.
        seconds: how long it took, None where nobody measured.
        details: whatever else is worth knowing, as JSON: steps, fields by type, before and after.
    """

    at: float
    event: str
    connection: str
    code: str
    reference: str = ""
    person: str = ""
    actor: str = ""
    seconds: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for; empty fields match everything.

    Args:
        connections: names that may be seen; None: all.
        text: a reference, or part of a person's or an administrator's name.
        detail: name of a detail that a record has.
        since: epoch seconds, as `until`.
        before_id: only older rows than this one, for the next page.
    """

    connections: Sequence[str] | None = None
    text: str = ""
    detail: str = ""
    event: str = ""
    code: str = ""
    since: float = 0.0
    until: float = 0.0
    before_id: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """The last time that somebody came with one outcome.

    Args:
        person: the AccountName where `is_mapped`, else the best name that was known.
        at: epoch seconds.
        code: ``ok`` or the error's code.
        is_mapped: whether the sign-in came so far that it named an AccountName.
    """

    person: str
    at: float
    code: str
    is_mapped: bool


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept of a connection's sign-ins and refusals, which newer ones push out.

    Args:
        oldest: epoch seconds.
    """

    rows: int
    oldest: float


class Trail:
    """Keeps records for a while.

    Args:
        retention: seconds after which a record goes.
        per_connection: sign-ins kept of each connection at most.
        now: epoch seconds.
    """

    def __init__(self, database: Database, *, retention: float, per_connection: int, now: Callable[[], float]) -> None:
        self._database = database
        self._retention = retention
        self._per_connection = per_connection
        self._now = now
        self._added = 0

    def add(self, record: Record, *, seldom: bool = False, once_in: float = 0.0) -> None:
        """Keep a record; raises StoreUnavailable.

        Args:
            seldom: at most one a minute of the same connection, event and code; for what strangers can cause.
            once_in: seconds in which one row is enough for all workers that have the same to tell.
        """
        with self._database.transaction() as transaction:
            if (seldom and _has_lately(transaction, record)) or (once_in and _has_same(transaction, record, once_in)):
                return
            transaction.execute(_ADD, _row(record))
            self._added += 1
            if self._added % _TIDY_EVERY == 1:
                self._tidy(transaction, record.connection)

    def search(self, search: Search, limit: int = _PAGE) -> list[Record]:
        """Return the newest records that match; raises StoreUnavailable."""
        found = select(journal).where(and_(true(), *_conditions(search))).order_by(journal.c.id.desc()).limit(limit)
        with self._database.transaction() as transaction:
            return [_record(row) for row in transaction.execute(found).all()]

    def every(self, search: Search) -> Iterator[Record]:
        """Yield all records that match, newest first, a page of rows in memory at a time."""
        page = self.search(search)
        while page:
            yield from page
            search = replace(search, before_id=page[-1].id)
            page = self.search(search) if len(page) == _PAGE else []

    def oldest_first(self, search: Search) -> Iterator[Record]:
        """Yield all records that match, a page of rows in memory at a time; raises StoreUnavailable."""
        last = 0
        while True:
            wanted = and_(journal.c.id > last, *_conditions(search))
            found = select(journal).where(wanted).order_by(journal.c.id).limit(_PAGE)
            with self._database.transaction() as transaction:
                page = [_record(row) for row in transaction.execute(found).all()]
            yield from page
            if len(page) < _PAGE:
                return
            last = page[-1].id

    def under(self, reference: str) -> list[Record]:
        """Return what is known under a reference, oldest first; raises StoreUnavailable."""
        found = select(journal).where(journal.c.reference == reference).order_by(journal.c.id)
        with self._database.transaction() as transaction:
            return [_record(row) for row in transaction.execute(found).all()]

    def sign_ins(self, since: float) -> list[tuple[str, float, bool]]:
        """Return connection, epoch seconds and success of each sign-in since then; raises StoreUnavailable."""
        table = journal
        found = select(table.c.connection, table.c.at, table.c.code).where(
            and_(table.c.at >= since, table.c.event.in_(_ARRIVALS))
        )
        with self._database.transaction() as transaction:
            return [(row.connection, row.at, row.code == "ok") for row in transaction.execute(found).all()]

    def arrivals(self, connection: str, since: float) -> list[Arrival]:
        """Return who came for an agent since then, once for each outcome, newest first; raises StoreUnavailable.

        Args:
            connection: its name, as it is kept.
            since: epoch seconds.
        """
        table = journal
        came = and_(
            table.c.connection == connection,
            table.c.at >= since,
            table.c.event.in_(_FOR_AGENTS),
            table.c.person != "",
        )
        newest = select(func.max(table.c.id)).where(came).group_by(table.c.person, table.c.code)
        found = select(journal).where(table.c.id.in_(newest)).order_by(table.c.id.desc())
        with self._database.transaction() as transaction:
            records = [_record(row) for row in transaction.execute(found).all()]
        return [Arrival(one.person, one.at, one.code, _is_mapped(one)) for one in records]

    def has_arrived(self, connection: str, person: str) -> bool:
        """Say whether somebody is remembered to have got a Fuyun token by a connection; raises StoreUnavailable.

        Args:
            person: the account name in any spelling (`folded`).
        """
        table, wanted = journal, folded(_writable(person))
        # SQLite folds ASCII only; the few names that hold more are compared here.
        alike = or_(func.lower(table.c.person) == wanted, table.c.person.regexp_match(_BEYOND_ASCII))
        found = select(table.c.person).where(
            table.c.connection == connection, table.c.code == "ok", table.c.event.in_(_FOR_AGENTS), alike
        )
        with self._database.transaction() as transaction:
            return any(folded(name) == wanted for name in transaction.execute(found.distinct()).scalars())

    def last_success(self) -> dict[str, float]:
        """Return when somebody last signed in through each connection; raises StoreUnavailable."""
        table = journal
        found = select(table.c.connection, func.max(table.c.at)).where(
            and_(table.c.event.in_(_ARRIVALS), table.c.code == "ok")
        )
        with self._database.transaction() as transaction:
            return {row[0]: row[1] for row in transaction.execute(found.group_by(table.c.connection)).all()}

    def bounds(self) -> dict[str, Bounds]:
        """Return how many rows of each connection there are, and since when; raises StoreUnavailable."""
        table = journal
        found = select(table.c.connection, func.count(), func.min(table.c.at)).where(table.c.actor == "")
        with self._database.transaction() as transaction:
            rows = transaction.execute(found.group_by(table.c.connection)).all()
        return {row[0]: Bounds(row[1], row[2]) for row in rows}

    def rename(self, connection: str, name: str) -> None:
        """Let the records of a connection stand under another name; raises StoreUnavailable."""
        with self._database.transaction() as transaction:
            transaction.execute(update(journal).where(journal.c.connection == connection).values(connection=name))

    def _tidy(self, transaction: Transaction, connection: str) -> None:
        transaction.execute(delete(journal).where(journal.c.at < self._now() - self._retention))
        # What administrators did is not pushed out by however many sign-ins.
        sign_ins = and_(journal.c.connection == connection, journal.c.actor == "")
        newest = select(journal.c.id).where(sign_ins).order_by(journal.c.id.desc())
        oldest_kept = transaction.execute(newest.offset(self._per_connection - 1).limit(1)).scalar()
        if oldest_kept is not None:
            transaction.execute(delete(journal).where(and_(sign_ins, journal.c.id < oldest_kept)))


def _has_lately(transaction: Transaction, record: Record) -> bool:
    same = and_(
        journal.c.connection == record.connection,
        journal.c.event == record.event,
        journal.c.code == record.code,
        journal.c.at > record.at - _SELDOM,
    )
    return transaction.execute(select(journal.c.id).where(same).limit(1)).first() is not None


def _has_same(transaction: Transaction, record: Record, seconds: float) -> bool:
    told = _row(record)
    same = [journal.c[name] == told[name] for name in ("connection", "event", "code", "person", "actor", "details")]
    found = select(journal.c.id).where(and_(*same, journal.c.at > record.at - seconds))
    return transaction.execute(found.limit(1)).first() is not None


def _conditions(search: Search) -> Iterator[ColumnElement[bool]]:
    if search.connections is not None:
        yield journal.c.connection.in_(list(search.connections))
    if search.text:
        part = journal.c.person.icontains(search.text, autoescape=True)
        actor = journal.c.actor.icontains(search.text, autoescape=True)
        yield or_(journal.c.reference == search.text.strip().upper(), part, actor)
    if search.detail:
        # In JSON quotes stand bare around names and whole texts alone, and only names are followed by a colon.
        yield journal.c.details.contains(f'"{search.detail}": ', autoescape=True)
    if search.event:
        yield journal.c.event == search.event
    if search.code:
        yield journal.c.code == search.code if search.code != "failed" else journal.c.code != "ok"
    if search.since:
        yield journal.c.at >= search.since
    if search.until:
        yield journal.c.at < search.until
    if search.before_id:
        yield journal.c.id < search.before_id


def _row(record: Record) -> dict[str, Any]:
    return {
        "at": record.at,
        "event": record.event,
        "connection": record.connection,
        "code": record.code,
        "reference": record.reference,
        "person": _writable(record.person),
        "actor": _writable(record.actor),
        "seconds": record.seconds,
        "details": json.dumps(record.details, ensure_ascii=True),
    }


def _is_mapped(record: Record) -> bool:
    # Whoever is vouched for is named by the AccountName itself.
    steps = record.details.get("steps", [])
    return record.event != "sign_in" or any((step["name"], step["code"]) == (MAPPING, OK) for step in steps)


def _writable(name: str) -> str:
    # JSON can name half a character or NUL, which PostgreSQL cannot keep.
    return name[:_LONGEST_NAME].replace("\0", "").encode(errors="replace").decode()


def _record(row: Any) -> Record:
    return Record(
        at=row.at,
        event=row.event,
        connection=row.connection,
        code=row.code,
        reference=row.reference,
        person=row.person,
        actor=row.actor,
        seconds=row.seconds,
        details=json.loads(row.details),
        id=row.id,
    )
