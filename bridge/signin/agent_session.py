"""What is remembered of a signed-in agent: who it is, the tokens (sealed), and who is renewing them."""

from __future__ import annotations

import hmac
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache, partial
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, Final

from bridge.connections.secrets import KeyRing, SealBroken
from bridge.core.errors import BridgeError, LoginRequired, SessionEnded, SessionMissing, StoreUnavailable
from bridge.core.model import AccountName, FuyunToken, TokenSet
from bridge.sessions.rows import FAILED, Content, Resealed, SessionRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bridge.sessions.rows import SessionStore

PURPOSE: Final = "agent session"
"""What the key ring seals these records for."""
_ABOUT: Final = "agent session device"
_INDEX_PURPOSE: Final = "agent session index"
_FORMAT: Final = 1
"""A newer format adds members, which an older release passes over, and can live without those that it drops."""
_TOUCH_EVERY: Final = 60.0
_LOCK_FOR: Final = 90.0
"""Seconds after which a renewal that died no longer blocks.

More than all calls between two rewrites take on clocks that differ: stale metadata, the token endpoint with the present
and with the former secret, 20 seconds each. A second refresh with the same token would be the end of the session.
"""
_OPENED: Final = 256
"""Sessions whose content a process holds open: those that it was asked for last, about 2 MB."""
_REPLACED: Final = "session_replaced"
_COLUMNS: Final = ("generation", "expires_at")


@dataclass(frozen=True, slots=True)
class AgentSession:
    """One signed-in agent in one browser; times are epoch seconds.

    Args:
        generation: counts the changes of the tokens.
        renewed_at: of the last renewal, 0 before the first.
        refreshed_at: when the provider gave these tokens in a renewal that came no further; 0 where none did.
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
    refreshed_at: float = 0.0

    @property
    def handle(self) -> str:
        """What names the session to an administrator; the id itself never leaves the bridge's own records."""
        return sha256(self.id.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session that is alive, when its browser was last heard of, and what that browser said it was."""

    session: AgentSession
    seen_at: float
    device: str = ""


@dataclass(frozen=True, slots=True)
class RowKeys:
    """Which keys a row needs.

    Args:
        oldest: position of the oldest one, 0 for the newest.
        is_current: whether each part of the row is made with the newest.
    """

    oldest: int
    is_current: bool


class AgentSessions:
    """Keeps agent sessions; an ended one leaves a tombstone, so that no request in flight can bring it back.

    Args:
        lifetime: absolute, in seconds.
        idle: seconds without any request after which a session ends.
        now: epoch seconds.
    """

    def __init__(
        self, store: SessionStore, key_ring: KeyRing, *, lifetime: float, idle: float, now: Callable[[], float]
    ) -> None:
        self._store = store
        self._key_ring = key_ring
        self._lifetime = lifetime
        self._idle = idle
        self._touch_every = min(_TOUCH_EVERY, idle / 4)
        # Only what stood in a row, by those very letters: whether it still counts is asked of the store each time.
        self._opened = lru_cache(maxsize=_OPENED)(partial(_opened, key_ring))
        self._now = now

    def begin(self, session: AgentSession, device: str = "") -> AgentSession:
        """Keep a new session under an id of its own.

        Args:
            device: browser and system, in words that an administrator understands.

        Raises:
            StoreUnavailable: nothing was kept.
        """
        now = self._now()
        new = replace(session, id=token_urlsafe(32), created_at=now, expires_at=now + self._lifetime)
        sealed = self._sealed(new, device)
        row = SessionRow(
            id=new.id,
            format=_FORMAT,
            generation=new.generation,
            expires_at=new.expires_at,
            seen_at=now,
            sealed=sealed.sealed,
            about=sealed.about,
            sub_key=sealed.sub_key,
            sid_key=sealed.sid_key,
            connection_key=sealed.connection_key,
        )
        self._store.add(row, now)
        return new

    def load(self, session_id: str, beside: SessionRow | None = None) -> AgentSession:
        """Return a living session and count this as activity.

        Args:
            beside: a row that this request has read already; of another session it counts for nothing.

        Raises:
            SessionMissing: there is no such session.
            SessionEnded: ended by logout, by age or by idleness.
            LoginRequired: the identity provider ended it.
            StoreUnavailable: the store does not answer.
        """
        row = beside if beside is not None and beside.id == session_id else self._store.get(session_id)
        session = self._living(row)
        if row is not None and abs(self._now() - row.seen_at) >= self._touch_every:
            # A store that can be read and not written, as with a full disk, must not take the phone away.
            with suppress(StoreUnavailable):
                self._store.touch(session_id, self._now())
        return session

    # One renewal at a time ------------------------------------------------------------------------------------------

    def claim_renewal(self, session_id: str, *, waited: bool = False) -> str:
        """Return a fresh owner's mark if this caller may renew now, an empty text if somebody else does.

        Args:
            waited: for another renewal, whose failure is the answer then; see `renewal_failure`.
        """
        owner = token_urlsafe(16)
        claimed = self._store.claim(session_id, owner, now=self._now(), seconds=_LOCK_FOR, waited=waited)
        return owner if claimed else ""

    def release_renewal(self, session_id: str, owner: str, failure: str = "") -> None:
        """Let the next caller renew, and tell those who waited the code of the failure, if it was one."""
        self._store.release(session_id, owner, FAILED + failure if failure else "")

    def renewal_failure(self, session_id: str) -> str:
        """Return the code with which the last renewal failed; nothing after a success and while one is under way."""
        row = self._store.get(session_id)
        left = row.lock_owner if row else ""
        return left.removeprefix(FAILED) if left.startswith(FAILED) else ""

    def renewed(self, session: AgentSession, tokens: TokenSet, fuyun: FuyunToken, owner: str) -> AgentSession:
        """Keep renewed tokens and return the session; where another renewal took over meanwhile, return what that kept.

        Raises:
            SessionEnded, LoginRequired: logout wins over a renewal in flight.
        """
        new = replace(
            session,
            tokens=tokens,
            fuyun=fuyun,
            renewed_at=self._now(),
            refreshed_at=0.0,
            generation=session.generation + 1,
        )
        return self._rewrite(session, new, owner)

    def refreshed(self, session: AgentSession, tokens: TokenSet, owner: str) -> AgentSession:
        """Keep the provider's new tokens before anything is done with them; the renewal itself goes on.

        Raises:
            SessionEnded, LoginRequired: logout wins over a renewal in flight.
        """
        return self._rewrite(session, replace(session, tokens=tokens), owner)

    def _rewrite(self, session: AgentSession, new: AgentSession, owner: str) -> AgentSession:
        content = Content(_FORMAT, self._seal(new), new.generation)
        until = self._now() + _LOCK_FOR
        kept = self._store.rewrite(new.id, owner, session.generation, content, until=until)
        return new if kept else self.load(session.id)

    # Endings ---------------------------------------------------------------------------------------------------------

    def end(self, session_id: str, reason: type[BridgeError] = SessionEnded, *, replaced: bool = False) -> bool:
        """End the session for good and erase its tokens; ending twice is no fault.

        Args:
            replaced: by a newer sign-in of the same browser.

        Returns:
            Whether it was alive.
        """
        return self._store.bury(session_id, _REPLACED if replaced else reason.code, self._now())

    def end_all(self, connection: str) -> int:
        """End every session of a connection; returns how many."""
        return sum(self.end(live.session.id) for live in list(self.of_connection(connection)))

    def of_person(self, connection: str, iss: str, sub: str) -> Iterator[LiveSession]:
        """Return the living sessions of a person at a connection."""
        return self._found(connection, _person(iss, sub), lambda one: (one.iss, one.sub) == (iss, sub))

    def of_provider_session(self, connection: str, iss: str, sid: str) -> Iterator[LiveSession]:
        """Return the living sessions that came out of one session at the provider."""
        return self._found(connection, _person(iss, sid), lambda one: (one.iss, one.sid) == (iss, sid))

    def of_connection(self, connection: str) -> Iterator[LiveSession]:
        """Return all living sessions of a connection."""
        return self._found(connection, _of_connection(connection), lambda _: True)

    def count(self, connections: Iterable[str]) -> dict[str, int]:
        """Return how many sessions of each connection are alive; raises StoreUnavailable."""
        keys = {name: self._index_keys(_of_connection(name)) for name in connections}
        now = self._now()
        wanted = [key for some in keys.values() for key in some]
        found = self._store.count(wanted, now=now, seen_since=now - self._idle)
        return {name: sum(found[key] for key in some) for name, some in keys.items()}

    def _found(self, connection: str, name: str, is_meant: Callable[[AgentSession], bool]) -> Iterator[LiveSession]:
        seen: set[str] = set()
        # The oldest secret's hash first: whoever reseals meanwhile moves rows towards the newest, never past us.
        for key in reversed(self._index_keys(name)):
            for row in self._store.find(key, self._now()):
                if row.id in seen:
                    continue
                seen.add(row.id)
                with suppress(SessionEnded, LoginRequired):
                    session = self._living(row)
                    # A person's and a provider session's hash are of one kind: the record itself says which it was.
                    if session.connection.lower() == connection.lower() and is_meant(session):
                        yield LiveSession(session, row.seen_at, self._device(row))

    def person_key(self, session: AgentSession) -> str:
        """Return a keyed hash of the session's person, which tells nobody who it is."""
        return self._index_keys(_person(session.iss, session.sub))[0]

    def is_person(self, key: str, iss: str, sub: str) -> bool:
        """Say whether `person_key` made this hash of this person, with any of the keys."""
        return key in self._index_keys(_person(iss, sub))

    # Keys ------------------------------------------------------------------------------------------------------------

    def keys_of(self, row: SessionRow) -> RowKeys:
        """Return which keys a row needs, to be opened and to be found; raises SealBroken."""
        session = _opened(self._key_ring, row.id, row.sealed, row.generation, row.expires_at)
        names = {
            _person(session.iss, session.sub): row.sub_key,
            _of_connection(session.connection): row.connection_key,
        }
        if session.sid:
            names[_person(session.iss, session.sid)] = row.sid_key
        found = [self._key_ring.key_of(PURPOSE, row.sealed), self._key_ring.key_of(_ABOUT, row.about)]
        for name, key in names.items():
            keys = self._index_keys(name)
            found.append(keys.index(key) if key in keys else None)
        return RowKeys(max(one for one in found if one is not None), is_current=all(one == 0 for one in found))

    def resealed(self, row: SessionRow) -> Resealed:
        """Return the row's sealed parts with the newest key; raises SealBroken."""
        anew = self._sealed(
            _opened(self._key_ring, row.id, row.sealed, row.generation, row.expires_at), self._device(row)
        )
        # Letter by letter: a newer release may have written members that this one does not know.
        return replace(anew, sealed=self._key_ring.resealed(PURPOSE, row.sealed))

    def is_over(self, row: SessionRow) -> bool:
        """Say whether a row's session has ended by age or idleness, whatever its content says."""
        now = self._now()
        return row.expires_at <= now or row.seen_at + self._idle <= now

    def _index_keys(self, name: str) -> list[str]:
        """Return the keyed hashes of a name, the newest secret's first; rows of older secrets are found by theirs."""
        given = name.encode(errors="surrogatepass")
        keys = reversed(self._key_ring.signing_keys(_INDEX_PURPOSE))
        return [hmac.new(key, given, sha256).hexdigest() for key in keys]

    def _living(self, row: SessionRow | None) -> AgentSession:
        if row is None:
            raise SessionMissing(received="an unknown session")
        if row.ended_at is not None:
            if row.ended_code == LoginRequired.code:
                raise LoginRequired(ended=True)
            raise SessionEnded(replaced=row.ended_code == _REPLACED)
        if self.is_over(row):
            is_old = row.expires_at <= self._now()
            raise SessionEnded(received="a session past its lifetime" if is_old else "an idle session")
        try:
            session = self._opened(row.id, row.sealed, row.generation, row.expires_at)
        except SealBroken as fault:
            raise SessionEnded(received="a record that no key opens") from fault
        if session.created_at + self._lifetime <= self._now():
            # Whoever can write the store can change its columns, but not what is sealed.
            raise SessionEnded(received="a session past its lifetime")
        return session

    def _sealed(self, session: AgentSession, device: str) -> Resealed:
        return Resealed(
            sealed=self._seal(session),
            about=self._key_ring.seal(_ABOUT, {"id": session.id, "device": device}),
            sub_key=self._index_keys(_person(session.iss, session.sub))[0],
            sid_key=self._index_keys(_person(session.iss, session.sid))[0] if session.sid else "",
            connection_key=self._index_keys(_of_connection(session.connection))[0],
        )

    def _seal(self, session: AgentSession) -> str:
        record = {name: getattr(session, name) for name in _MEMBERS[AgentSession] if name not in _COLUMNS}
        record |= {"tokens": _members(session.tokens), "fuyun": _members(session.fuyun)}
        if not session.refreshed_at:
            # A replica of the release before refuses a member that it does not know.
            del record["refreshed_at"]
        return self._key_ring.seal(PURPOSE, record)

    def _device(self, row: SessionRow) -> str:
        with suppress(SealBroken):
            about = self._key_ring.open(_ABOUT, row.about)
            return str(about.get("device", "")) if about.get("id") == row.id else ""
        return ""


def _person(iss: str, value: str) -> str:
    return f"{iss}\n{value}"


def _of_connection(name: str) -> str:
    return f"connection\n{name.lower()}"


def _opened(key_ring: KeyRing, session_id: str, sealed: str, generation: int, expires_at: float) -> AgentSession:
    """Return the session of a row; members that a newer release added to its sealed part are passed over."""
    record = key_ring.open(PURPOSE, sealed)
    if record.get("id") != session_id:
        # A row whose sealed part was copied from another row would be that other person.
        raise SealBroken(PURPOSE)
    try:
        record |= {
            "tokens": TokenSet(**_known(TokenSet, record["tokens"])),
            "fuyun": FuyunToken(**_known(FuyunToken, record["fuyun"])),
            "generation": generation,
            "expires_at": expires_at,
        }
        return AgentSession(**_known(AgentSession, record))
    except (TypeError, KeyError, AttributeError) as fault:
        raise SealBroken(PURPOSE) from fault


def _members(noun: TokenSet | FuyunToken) -> dict[str, Any]:
    return {name: getattr(noun, name) for name in _MEMBERS[type(noun)]}


def _known(noun: type[Any], record: dict[str, Any]) -> dict[str, Any]:
    names = _MEMBERS[noun]
    return {name: value for name, value in record.items() if name in names}


_MEMBERS: Final = {noun: {one.name: None for one in fields(noun)} for noun in (AgentSession, TokenSet, FuyunToken)}
