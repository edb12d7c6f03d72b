"""The way in for people whom the platform itself has signed in: a link that its back end asks for, good once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, Final

from bridge.connections.secrets import KeyRing, SealBroken
from bridge.core.errors import BridgeError, ConnectionModeUnsuited, StoreUnavailable
from bridge.core.gate_errors import HandoffInvalid
from bridge.core.model import AccountName, Identity
from bridge.signin.arrival import Arrival, new_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.access.api_keys import ApiKeys
    from bridge.connections.store import ConnectionStore
    from bridge.core.model import Connection
    from bridge.core.trace import Trace
    from bridge.ops.journal import Journal
    from bridge.sessions.rows import SessionStore
    from bridge.signin.agent_session import AgentSession, AgentSessions
    from bridge.signin.issue import Issue

LIFETIME: Final = 60
"""Seconds within which a hand-off is taken, or never."""
_PURPOSE: Final = "handoff"
_SKEW: Final = 30
"""Seconds by which the clocks of two replicas may differ."""


@dataclass(frozen=True, slots=True)
class Handoff:
    """Somebody whom a platform vouches for, on the way to the phone.

    Args:
        landing: a path of our own.
        api_key: id of the key with which the platform asked.
        expires_at: epoch seconds.
        mark: what is remembered once it was taken.
    """

    connection: str
    account_name: AccountName
    display_name: str
    landing: str
    api_key: str
    expires_at: int
    mark: str


class Handoffs:
    """Makes hand-offs and takes each of them once.

    All that a hand-off says is sealed inside it, so that making one writes nothing; only taking it leaves a mark.

    Args:
        marks: remembers which were taken.
        now: epoch seconds.
    """

    def __init__(
        self,
        *,
        key_ring: KeyRing,
        connections: ConnectionStore,
        api_keys: ApiKeys,
        issue: Issue,
        sessions: AgentSessions,
        marks: SessionStore,
        journal: Journal,
        now: Callable[[], float],
    ) -> None:
        self._key_ring = key_ring
        self._connections = connections
        self._api_keys = api_keys
        self._issue = issue
        self._sessions = sessions
        self._marks = marks
        self._journal = journal
        self._now = now

    def offer(
        self, connection: Connection, account_name: AccountName, *, display_name: str, landing: str, api_key: str
    ) -> tuple[str, int]:
        """Return the code of a fresh hand-off, and the epoch second after which it is worthless.

        Args:
            landing: a path of our own.
            api_key: id of the key with which the platform asks.

        Raises:
            ConnectionModeUnsuited: only in mode jwt the bridge can speak for somebody who is not here.
        """
        if connection.mode != "jwt":
            raise ConnectionModeUnsuited(
                "Only in mode jwt the bridge can vouch for an agent.",
                expected="mode jwt",
                received=f"mode {connection.mode}",
            )
        expires_at = int(self._now()) + LIFETIME
        record = {
            "connection": connection.name,
            "account_name": account_name,
            "display_name": display_name,
            "landing": landing,
            "api_key": api_key,
            "expires_at": expires_at,
            "mark": token_urlsafe(16),
        }
        return self._key_ring.seal(_PURPOSE, record), expires_at

    def look(self, name: str, code: str) -> Handoff:
        """Return what a code says, without taking it.

        Raises:
            HandoffInvalid: too old, for another connection, or never made here.
        """
        try:
            handoff = _read(self._key_ring.open(_PURPOSE, code))
        except (SealBroken, TypeError, KeyError) as fault:
            raise HandoffInvalid(expected="a hand-off of this bridge", received="another text") from fault
        if handoff.connection.lower() != name.lower():
            raise HandoffInvalid(expected="a hand-off for this connection", received="one for another")
        if handoff.expires_at <= self._now():
            raise HandoffInvalid(expected=f"a hand-off of the last {LIFETIME} seconds", received="an older one")
        return handoff

    def take(self, handoff: Handoff, trace: Trace, *, former: str, device: str) -> Arrival:
        """Take a hand-off and begin its agent's session.

        Args:
            trace: takes down each step, however it ends.
            former: the agent session that the browser has now.
            device: browser and system, for administrators.

        Raises:
            HandoffInvalid: taken before, or the platform's key has ended since, or no longer reaches the connection.
            BridgeError: the connection is off, or Fuyun gave no token; the hand-off is used up all the same.
        """
        connection = self._connections.get(handoff.connection)
        self._check_key(handoff, connection)
        trace.account_name = handoff.account_name
        until = handoff.expires_at + _SKEW
        # First the mark, then the token: of two that come together one gets nothing, whatever happens to the other.
        if not self._marks.is_first_use(_hash(handoff.mark), until=until, now=self._now()):
            raise HandoffInvalid(expected="an unused hand-off", received="one that was used already")
        fuyun = self._issue.on_behalf(connection, handoff.account_name, trace)
        identity = Identity(_issuer(connection), handoff.account_name, "", handoff.display_name)
        session = self._sessions.begin(new_session(connection, identity, handoff.account_name, fuyun), device)
        self._check_still(handoff, session)
        self._journal.record_sign_in("handoff", connection.name, trace, fuyun_jti=fuyun.jti, api_key=handoff.api_key)
        return Arrival(session, handoff.landing, frozenset({former} - {""}))

    def _check_still(self, handoff: Handoff, session: AgentSession) -> None:
        """End a session whose connection or key has ended while Fuyun was asked; raises as `take`."""
        try:
            self._check_key(handoff, self._connections.get(handoff.connection))
        except BridgeError:
            with suppress(StoreUnavailable):
                self._sessions.end(session.id)
            raise

    def is_for(self, handoff: Handoff, session: AgentSession) -> bool:
        """Say whether a session is that of the agent who is handed over, however that one came in."""
        return (session.connection, session.account_name) == (handoff.connection, handoff.account_name)

    def _check_key(self, handoff: Handoff, connection: Connection) -> None:
        key = self._api_keys.still(handoff.api_key)
        # Somebody else may have taken the connection's name meanwhile.
        if key is None or not key.is_for(connection):
            raise HandoffInvalid(expected="a hand-off of a living API key", received="one of a key that has ended")


def _read(record: dict[str, Any]) -> Handoff:
    return Handoff(**{name: record[name] for name in Handoff.__dataclass_fields__})


def _issuer(connection: Connection) -> str:
    # No provider's: a logout token can never mean somebody who came by a hand-off.
    return f"urn:hotline-bridge:platform:{connection.name.lower()}"


def _hash(mark: str) -> str:
    return sha256(f"handoff\n{mark}".encode()).hexdigest()
