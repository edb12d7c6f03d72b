"""What is remembered of a signed-in agent: who it is, the tokens (sealed), and who is renewing them."""

from __future__ import annotations

import hmac
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from bridge.connections.secrets import KeyRing, SealBroken
from bridge.core.errors import BridgeError, LoginRequired, SessionEnded, SessionMissing
from bridge.core.model import AccountName, FuyunToken, TokenSet
from bridge.db import Database, metadata
from bridge.signin.browser_session import AFTERLIFE

if TYPE_CHECKING:
    from collections.abc import Callable

_PURPOSE: Final = "agent session"
_INDEX_PURPOSE: Final = "agent session index"
_FORMAT: Final = 1
_TOUCH_EVERY: Final = 60.0
_FAILED: Final = "failed: "
_LOCK_FOR: Final = 90.0
"""Seconds after which a renewal that died no longer blocks; more than its four calls with 20 seconds each can take."""
_REPLACED: Final = "session_replaced"

agent_sessions: Final = Table(
    "agent_sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("format", Integer, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("sub_key", String(64), nullable=False),
    Column("sid_key", String(64), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("ended_code", String(32), nullable=False),
    Column("lock_owner", String(64), nullable=False),
    Column("lock_until", Float, nullable=False),
    Index("ix_agent_sessions_sub_key", "sub_key"),
    Index("ix_agent_sessions_sid_key", "sid_key"),
    Index("ix_agent_sessions_expires_at", "expires_at"),
)

# Made once, as every request runs them: to build a statement takes SQLAlchemy twice as long as to carry it out.
_ADD: Final = insert(agent_sessions)
_GET: Final = select(agent_sessions).where(agent_sessions.c.id == bindparam("wanted"))
_TOUCH: Final = update(agent_sessions).where(agent_sessions.c.id == bindparam("wanted"))
_TIDY: Final = delete(agent_sessions).where(agent_sessions.c.expires_at < bindparam("moment"))


@dataclass(frozen=True, slots=True)
class AgentSession:
    """One signed-in agent in one browser; times are epoch seconds.

    Args:
        generation: counts the changes of the tokens.
        renewed_at: of the last renewal, 0 before the first.
        counterparts: whom the tokens belong to; they go to nobody else, wherever the connection leads later.
        end_session_origin: where logout sends the browser, for the page's policy; empty where nowhere.
    """

    id: str
    connection: str
    iss: str
    sub: str
    sid: str
    account_name: AccountName
    display_name: str
    tokens: TokenSet = field(repr=False)
    fuyun: FuyunToken = field(repr=False)
    created_at: float
    expires_at: float
    renewed_at: float = 0.0
    generation: int = 0
    end_session_origin: str = ""
    counterparts: str = ""


class AgentSessions:
    """Keeps agent sessions; an ended one leaves a tombstone, so that no request in flight can bring it back.

    Args:
        lifetime: absolute, in seconds.
        idle: seconds without any request after which a session ends.
        now: epoch seconds.
    """

    def __init__(
        self, database: Database, key_ring: KeyRing, *, lifetime: float, idle: float, now: Callable[[], float]
    ) -> None:
        self._database = database
        self._key_ring = key_ring
        self._lifetime = lifetime
        self._idle = idle
        self._touch_every = min(_TOUCH_EVERY, idle / 4)
        self._now = now

    def begin(self, session: AgentSession) -> AgentSession:
        """Keep a new session under an id of its own; raises StoreUnavailable."""
        now = self._now()
        new = replace(session, id=token_urlsafe(32), created_at=now, expires_at=now + self._lifetime)
        row = {
            "id": new.id,
            "sub_key": self.index_key(new.iss, new.sub),
            "sid_key": self.index_key(new.iss, new.sid) if new.sid else "",
            "expires_at": new.expires_at,
            "seen_at": now,
            "ended_code": "",
            "lock_owner": "",
            "lock_until": 0.0,
            **self._sealed(new),
        }
        with self._database.transaction() as connection:
            connection.execute(_ADD, row)
            connection.execute(_TIDY, {"moment": now - AFTERLIFE})
        return new

    def load(self, session_id: str) -> AgentSession:
        """Return a living session and count this as activity.

        Raises:
            SessionMissing: there is no such session.
            SessionEnded: ended by logout, by age or by idleness.
            LoginRequired: the identity provider ended it.
            StoreUnavailable: the database does not answer.
        """
        with self._database.transaction() as connection:
            row = connection.execute(_GET, {"wanted": session_id}).first()
            session = self._living(row)
            if row is not None and self._now() - row.seen_at >= self._touch_every:
                connection.execute(_TOUCH, {"wanted": session_id, "seen_at": self._now()})
        return session

    def ping(self) -> None:
        """Read the table; raises StoreUnavailable."""
        with self._database.transaction() as connection:
            connection.execute(_GET, {"wanted": ""}).first()

    def claim_renewal(self, session_id: str, *, waited: bool = False) -> str:
        """Return a fresh owner's mark if this caller may renew now, an empty text if somebody else does.

        Args:
            waited: for another renewal, whose failure is the answer then; see `renewal_failure`.
        """
        owner, now = token_urlsafe(16), self._now()
        table = agent_sessions
        free = and_(table.c.id == session_id, table.c.ended_at.is_(None), table.c.lock_until < now)
        if waited:
            free = and_(free, table.c.lock_owner.not_like(f"{_FAILED}%"))
        claim = update(table).where(free).values(lock_owner=owner, lock_until=now + _LOCK_FOR)
        with self._database.transaction() as connection:
            return owner if connection.execute(claim).rowcount else ""

    def release_renewal(self, session_id: str, owner: str, failure: str = "") -> None:
        """Let the next caller renew, and tell those who waited the code of the failure, if it was one."""
        mine = and_(agent_sessions.c.id == session_id, agent_sessions.c.lock_owner == owner)
        left = {"lock_owner": _FAILED + failure if failure else "", "lock_until": 0.0}
        with self._database.transaction() as connection:
            connection.execute(update(agent_sessions).where(mine).values(left))

    def renewal_failure(self, session_id: str) -> str:
        """Return the code with which the last renewal failed; nothing after a success and while one is under way."""
        owner = select(agent_sessions.c.lock_owner).where(agent_sessions.c.id == session_id)
        with self._database.transaction() as connection:
            left = str(connection.execute(owner).scalar() or "")
        return left.removeprefix(_FAILED) if left.startswith(_FAILED) else ""

    def renewed(self, session: AgentSession, tokens: TokenSet, fuyun: FuyunToken, owner: str) -> AgentSession:
        """Keep renewed tokens and return the session; where another renewal took over meanwhile, return what that kept.

        Raises:
            SessionEnded, LoginRequired: logout wins over a renewal in flight.
        """
        new = replace(session, tokens=tokens, fuyun=fuyun, renewed_at=self._now(), generation=session.generation + 1)
        return (
            new if self._keep(new, agent_sessions.c.generation == session.generation, owner) else self.load(session.id)
        )

    def refreshed(self, session: AgentSession, tokens: TokenSet, owner: str) -> AgentSession:
        """Keep the provider's new tokens before anything is done with them; the renewal itself goes on.

        Raises:
            SessionEnded, LoginRequired: logout wins over a renewal in flight.
        """
        new = replace(session, tokens=tokens)
        return (
            new if self._keep(new, agent_sessions.c.generation == session.generation, owner) else self.load(session.id)
        )

    def _keep(self, new: AgentSession, unchanged: ColumnElement[bool], owner: str) -> bool:
        table = agent_sessions
        mine = and_(table.c.id == new.id, table.c.ended_at.is_(None), table.c.lock_owner == owner, unchanged)
        with self._database.transaction() as connection:
            return bool(connection.execute(update(table).where(mine).values(self._sealed(new))).rowcount)

    def end(self, session_id: str, reason: type[BridgeError] = SessionEnded, *, replaced: bool = False) -> None:
        """End the session for good and erase its tokens; ending twice is no fault.

        Args:
            replaced: by a newer sign-in of the same browser.
        """
        alive = and_(agent_sessions.c.id == session_id, agent_sessions.c.ended_at.is_(None))
        with self._database.transaction() as connection:
            _bury(connection, alive, self._now(), _REPLACED if replaced else reason.code)

    def index_key(self, iss: str, value: str) -> str:
        """Return the keyed hash under which sessions of a person (`sub`) or provider session (`sid`) are found."""
        key = self._key_ring.signing_keys(_INDEX_PURPOSE)[0]
        return hmac.new(key, f"{iss}\n{value}".encode(errors="surrogatepass"), sha256).hexdigest()

    def _living(self, row: Any) -> AgentSession:
        if row is None:
            raise SessionMissing(received="an unknown session")
        if row.ended_at is not None:
            if row.ended_code == LoginRequired.code:
                raise LoginRequired(ended=True)
            raise SessionEnded(replaced=row.ended_code == _REPLACED)
        now = self._now()
        if row.expires_at <= now or row.seen_at + self._idle <= now:
            raise SessionEnded(received="a session past its lifetime" if row.expires_at <= now else "an idle session")
        try:
            record = self._key_ring.open(_PURPOSE, row.sealed)
            return _from_record(record, row)
        except (SealBroken, TypeError, KeyError) as fault:
            raise SessionEnded(received="a record that no key opens") from fault

    def _sealed(self, session: AgentSession) -> dict[str, object]:
        record = asdict(session)
        for column in ("generation", "expires_at"):
            del record[column]
        sealed = self._key_ring.seal(_PURPOSE, record)
        return {"sealed": sealed, "format": _FORMAT, "generation": session.generation}


def _bury(connection: Connection, where: Any, now: float, code: str) -> None:
    tombstone = {"ended_at": now, "ended_code": code, "sealed": "", "lock_owner": "", "lock_until": 0.0}
    connection.execute(update(agent_sessions).where(where).values(tombstone))


def _from_record(record: dict[str, Any], row: Any) -> AgentSession:
    if record["id"] != row.id:
        # A row whose sealed part was copied from another row would be that other person.
        raise SealBroken(_PURPOSE)
    record |= {
        "tokens": TokenSet(**record["tokens"]),
        "fuyun": FuyunToken(**record["fuyun"]),
        "generation": row.generation,
        "expires_at": row.expires_at,
    }
    return AgentSession(**record)
