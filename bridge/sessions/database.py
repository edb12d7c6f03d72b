"""Sessions in the database: one table for agents, one for browsers, one for what may happen once."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from bridge.db import Database, metadata
from bridge.sessions.rows import AFTERLIFE, FAILED, JUMP, Blob, SessionRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Select

    from bridge.sessions.rows import Content, Resealed

_PAGE: Final = 200

agent_sessions: Final = Table(
    "agent_sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("format", Integer, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("about", Text, nullable=False, server_default=""),
    Column("sub_key", String(64), nullable=False),
    Column("sid_key", String(64), nullable=False),
    Column("connection_key", String(64), nullable=False, server_default=""),
    Column("generation", Integer, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("ended_code", String(32), nullable=False),
    Column("lock_owner", String(64), nullable=False),
    Column("lock_until", Float, nullable=False),
    Index("ix_agent_sessions_sub_key", "sub_key"),
    Index("ix_agent_sessions_sid_key", "sid_key"),
    Index("ix_agent_sessions_connection_key", "connection_key"),
    Index("ix_agent_sessions_expires_at", "expires_at"),
)
browser_sessions: Final = Table(
    "browser_sessions",
    metadata,
    Column("id_hash", String(64), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", Float, nullable=False, index=True),
)
used_marks: Final = Table(
    "used_marks",
    metadata,
    Column("mark", String(64), primary_key=True),
    Column("expires_at", Float, nullable=False, index=True),
)

# Made once, as every request runs them: to build a statement takes SQLAlchemy twice as long as to carry it out.
_A, _B = agent_sessions.c, browser_sessions.c
_ADD: Final = insert(agent_sessions)
_GET: Final = select(*(_A[one.name] for one in fields(SessionRow))).where(_A.id == bindparam("wanted"))
_TOUCH: Final = update(agent_sessions).where(_A.id == bindparam("wanted"), _A.ended_at.is_(None))
_TIDY: Final = delete(agent_sessions).where(_A.expires_at < bindparam("moment"))
_BY_KEY: Final = select(*_GET.selected_columns).where(
    or_(*(column == bindparam("key") for column in (_A.sub_key, _A.sid_key, _A.connection_key))),
    _A.ended_at.is_(None),
    _A.expires_at > bindparam("moment"),
)
_COUNT: Final = (
    select(_A.connection_key, func.count())
    .where(
        _A.connection_key.in_(bindparam("keys", expanding=True)),
        _A.ended_at.is_(None),
        _A.expires_at > bindparam("moment"),
        _A.seen_at > bindparam("since"),
    )
    .group_by(_A.connection_key)
)
_EVERY: Final = select(*_GET.selected_columns).where(_A.sealed != "")
_BLOB: Final = select(_B.sealed).where(_B.id_hash == bindparam("wanted"), _B.expires_at > bindparam("moment"))
_CHANGE_BLOB: Final = update(browser_sessions).where(_B.id_hash == bindparam("wanted"))
_ADD_BLOB: Final = insert(browser_sessions)
_FORGET_BLOB: Final = delete(browser_sessions).where(_B.id_hash == bindparam("wanted"))
_TIDY_BLOBS: Final = delete(browser_sessions).where(_B.expires_at < bindparam("moment"))
_EVERY_BLOB: Final = select(_B.id_hash, _B.sealed)


class DatabaseSessions:
    """The session store that needs nothing but the database; see `SessionStore` for its verbs."""

    place = "database"

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, row: SessionRow, now: float) -> None:
        """Keep a new row, and sweep old ones."""
        with self._database.transaction() as connection:
            connection.execute(_ADD, asdict(row))
            connection.execute(_TIDY, {"moment": now - AFTERLIFE})

    def get(self, session_id: str) -> SessionRow | None:
        """Return a row."""
        with self._database.transaction() as connection:
            found = connection.execute(_GET, {"wanted": session_id}).first()
        return _row(found) if found else None

    def touch(self, session_id: str, seen_at: float) -> None:
        """Note activity."""
        with self._database.transaction() as connection:
            connection.execute(_TOUCH, {"wanted": session_id, "seen_at": seen_at})

    def claim(self, session_id: str, owner: str, *, now: float, seconds: float, waited: bool) -> bool:
        """Let `owner` renew."""
        # A claim from further ahead than any clock may be was made before the clock was put back.
        is_free = or_(_A.lock_until < now, _A.lock_until > now + seconds + JUMP)
        free = and_(_A.id == session_id, _A.ended_at.is_(None), is_free)
        if waited:
            free = and_(free, _A.lock_owner.not_like(f"{FAILED}%"))
        return self._change(update(agent_sessions).where(free).values(lock_owner=owner, lock_until=now + seconds))

    def release(self, session_id: str, owner: str, left: str) -> None:
        """End a claim."""
        mine = and_(_A.id == session_id, _A.lock_owner == owner)
        self._change(update(agent_sessions).where(mine).values(lock_owner=left, lock_until=0.0))

    def rewrite(self, session_id: str, owner: str, generation: int, content: Content, *, until: float) -> bool:
        """Change the content of a claimed session."""
        mine = and_(_A.id == session_id, _A.ended_at.is_(None), _A.lock_owner == owner, _A.generation == generation)
        values = {**asdict(content), "lock_until": until}
        return self._change(update(agent_sessions).where(mine).values(values))

    def bury(self, session_id: str, code: str, now: float) -> bool:
        """End a living session."""
        alive = and_(_A.id == session_id, _A.ended_at.is_(None))
        tombstone = {"ended_at": now, "ended_code": code, "sealed": "", "about": "", "lock_owner": "", "lock_until": 0}
        return self._change(update(agent_sessions).where(alive).values(tombstone))

    def find(self, key: str, now: float) -> Iterator[SessionRow]:
        """Return living sessions by a keyed hash."""
        return self._pages(_BY_KEY, _A.id, {"key": key, "moment": now}, _row) if key else iter(())

    def count(self, keys: Sequence[str], *, now: float, seen_since: float) -> Mapping[str, int]:
        """Count living sessions by the keyed hashes of connections."""
        with self._database.transaction() as connection:
            found = connection.execute(_COUNT, {"keys": list(keys), "moment": now, "since": seen_since}).all()
        return dict.fromkeys(keys, 0) | {row[0]: row[1] for row in found}

    def every(self) -> Iterator[SessionRow]:
        """Return all rows with content."""
        return self._pages(_EVERY, _A.id, {}, _row)

    def reseal(self, row: SessionRow, resealed: Resealed) -> bool:
        """Replace sealed parts."""
        unchanged = and_(_A.id == row.id, _A.sealed == row.sealed, _A.about == row.about)
        return self._change(update(agent_sessions).where(unchanged).values(asdict(resealed)))

    def get_blob(self, id_hash: str, now: float) -> bytes | None:
        """Return a browser's session."""
        with self._database.transaction() as connection:
            row: Any = connection.execute(_BLOB, {"wanted": id_hash, "moment": now}).first()
        return bytes(row.sealed) if row else None

    def get_both(self, id_hash: str, now: float) -> tuple[bytes | None, None]:
        """Return a browser's session alone: its table does not tell whose agent session it is."""
        return self.get_blob(id_hash, now), None

    def put_blob(self, blob: Blob, *, until: float, now: float) -> None:
        """Keep a browser's session."""
        try:
            self._put_blob(blob, until, now)
        except IntegrityError:
            # PostgreSQL lets two that come together find no row; whoever adds it second finds the other's now.
            self._put_blob(blob, until, now)

    def _put_blob(self, blob: Blob, until: float, now: float) -> None:
        values = {"sealed": blob.sealed, "expires_at": until}
        with self._database.transaction() as connection:
            if not connection.execute(_CHANGE_BLOB, {"wanted": blob.id_hash, **values}).rowcount:
                connection.execute(_ADD_BLOB, {"id_hash": blob.id_hash, **values})
                connection.execute(_TIDY_BLOBS, {"moment": now})

    def delete_blob(self, id_hash: str) -> None:
        """Forget a browser's session."""
        with self._database.transaction() as connection:
            connection.execute(_FORGET_BLOB, {"wanted": id_hash})

    def every_blob(self) -> Iterator[Blob]:
        """Return all browsers' sessions."""
        return self._pages(_EVERY_BLOB, _B.id_hash, {}, lambda row: Blob(row.id_hash, bytes(row.sealed)))

    def reseal_blob(self, blob: Blob, sealed: bytes) -> bool:
        """Replace a browser's session."""
        unchanged = and_(_B.id_hash == blob.id_hash, _B.sealed == blob.sealed)
        return self._change(update(browser_sessions).where(unchanged).values(sealed=sealed))

    def is_first_use(self, mark: str, *, until: float, now: float) -> bool:
        """Remember a mark."""
        try:
            with self._database.transaction() as connection:
                connection.execute(delete(used_marks).where(used_marks.c.expires_at < now))
                connection.execute(insert(used_marks).values(mark=mark, expires_at=until))
        except IntegrityError:
            return False
        return True

    def is_used(self, mark: str, now: float) -> bool:
        """Look for a mark."""
        known = select(used_marks.c.mark).where(used_marks.c.mark == mark, used_marks.c.expires_at > now)
        with self._database.transaction() as connection:
            return connection.execute(known).first() is not None

    def ping(self) -> None:
        """Read every table: a file that lost its tables still answers ``SELECT 1``."""
        with self._database.transaction() as connection:
            connection.execute(_GET, {"wanted": ""}).first()
            connection.execute(_BLOB, {"wanted": "", "moment": 0}).first()
            connection.execute(select(used_marks.c.mark).limit(1)).first()

    def doubts(self) -> list[str]:
        """Return nothing: a database forgets nothing by itself."""
        return []

    def close(self) -> None:
        """Do nothing: the database belongs to everybody."""

    def _change(self, statement: Any) -> bool:
        with self._database.transaction() as connection:
            return bool(connection.execute(statement).rowcount)

    def _pages(self, query: Select[Any], order: Any, values: dict[str, object], read: Any) -> Iterator[Any]:
        # Page by page: no transaction stays open while somebody works on what was found.
        last = ""
        while True:
            page = query.where(order > last).order_by(order).limit(_PAGE)
            with self._database.transaction() as connection:
                rows = connection.execute(page, values).all()
            yield from map(read, rows)
            if len(rows) < _PAGE:
                return
            last = rows[-1][0]


def _row(found: Any) -> SessionRow:
    return SessionRow(**found._mapping)  # noqa: SLF001 — SQLAlchemy's public name for it
