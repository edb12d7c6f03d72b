"""A fresh Fuyun token for a living session: one renewal at a time, through the provider wherever it can be asked."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from bridge.connections.document import counterparts
from bridge.core import protocol
from bridge.core.errors import (
    BridgeError,
    ExchangeRejected,
    ExchangeUnreachable,
    IdpError,
    IdpUnreachable,
    IdTokenInvalid,
    Internal,
    LoginRequired,
    SessionEnded,
    StoreUnavailable,
)
from bridge.core.every_error import every_error
from bridge.core.trace import Trace
from bridge.sessions.rows import SKEW
from bridge.upstream.id_token import check_renewed

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.connections.store import ConnectionStore
    from bridge.core.model import AccountName, Connection, FuyunToken, TokenSet
    from bridge.ops.journal import Journal
    from bridge.signin.agent_session import AgentSession, AgentSessions
    from bridge.upstream.client import UpstreamClient

Result = TypeVar("Result")

_YOUNG: Final = 10.0
"""Seconds for which a result is answered again."""
_POLL: Final = (0.05, 0.5)
"""Seconds between two looks of one who waits, first and later."""
_STORE_TAKES: Final = 20.0
"""Seconds for which what a renewal brought is offered to a store that does not answer."""
_RELEASE_TAKES: Final = 2.0
_REFRESHED_FOR: Final = 120.0
"""Seconds for which a refresh need not be repeated because Fuyun failed after it; then the provider has its say."""
_SPARE: Final = 30.0
"""Seconds that an access token has to live on for the exchange."""
_PATIENCE: Final = 25.0
"""Seconds that one waits for another's renewal: longer than one call outside, shorter than a page's threads allow."""


class Renewal:
    """Renews sessions.

    Args:
        obtain: exchanges an access token of a connection for the Fuyun token of an account.
        now: epoch seconds.
    """

    def __init__(
        self,
        *,
        connections: ConnectionStore,
        upstream: UpstreamClient,
        obtain: Callable[[Connection, str, AccountName, Trace], FuyunToken],
        sessions: AgentSessions,
        journal: Journal,
        now: Callable[[], float],
    ) -> None:
        self._connections = connections
        self._upstream = upstream
        self._obtain = obtain
        self._sessions = sessions
        self._journal = journal
        self._now = now

    def renew(self, session_id: str) -> AgentSession:
        """Return the session with a fresh Fuyun token: one renewal at a time, the others get its result or its failure.

        Raises:
            SessionMissing, SessionEnded: there is nothing to renew.
            LoginRequired: only the person can help.
            BridgeError: a passing failure; the session stays as it is.
        """
        give_up_at = time.monotonic() + _PATIENCE
        seen = self._sessions.load(session_id)
        session, failure, pause = seen, "", _POLL[0]
        while not self._is_young(session) and session.generation == seen.generation:
            if failure:
                # The code may be one of a newer release.
                refusal = every_error().get(failure, IdpUnreachable)
                raise refusal(received="the failure of the renewal that this one waited for")
            owner = self._sessions.claim_renewal(session_id, waited=session is not seen)
            if owner:
                return self._renew_alone(session_id, owner)
            if time.monotonic() > give_up_at:
                raise IdpUnreachable(expected="a finished renewal", received="one that never ends")
            time.sleep(pause)
            pause = min(2 * pause, _POLL[1])
            failure = self._sessions.renewal_failure(session_id)
            session = self._sessions.load(session_id)
        return session

    def _is_young(self, session: AgentSession) -> bool:
        # A clock that was put back must not make a renewal look young for hours.
        return -SKEW <= self._now() - session.renewed_at < _YOUNG

    def _renew_alone(self, session_id: str, owner: str) -> AgentSession:
        failure = Internal.code
        try:
            renewed = self._renew_once(session_id, owner)
            failure = ""
        except BridgeError as fault:
            failure = fault.code
            raise
        finally:
            # Not for long: a claim lapses by itself.
            _insist(lambda: self._sessions.release_renewal(session_id, owner, failure), _RELEASE_TAKES)
        return renewed

    def _renew_once(self, session_id: str, owner: str) -> AgentSession:
        # Somebody may have finished between our reading and our claim.
        session = self._sessions.load(session_id)
        if self._is_young(session):
            return session
        started = time.monotonic()
        connection = self._connections.get(session.connection)
        if session.counterparts != counterparts(connection):
            # Tokens of one provider must not be sent to another, whoever changed the connection meanwhile.
            raise LoginRequired(expected="the provider of this sign-in", received="another")
        if connection.mode == "frontend" or (connection.mode == "oauth" and not session.tokens.access_token):
            # The mode was changed since: what this session has is of no use in it.
            raise LoginRequired(expected=f"a sign-in of mode {connection.mode}", received="one of another mode")
        session = self._refresh(connection, session, owner)
        try:
            fuyun = self._obtain_again(connection, session)
        except ExchangeUnreachable:
            self._note_refresh(session, owner)
            raise
        renewed = _insist(lambda: self._sessions.renewed(session, session.tokens, fuyun, owner))
        seconds = time.monotonic() - started
        self._journal.record("renewal", connection=connection.name, seconds=seconds, fuyun_jti=fuyun.jti)
        return renewed

    def _refresh(self, connection: Connection, session: AgentSession, owner: str) -> AgentSession:
        tokens = session.tokens
        if not tokens.refresh_token:
            self._check_still_valid(connection, tokens)
            return session
        if connection.mode == "oauth" and self._is_refreshed(session):
            return session
        fresh = self._ask_provider(connection, session)
        # A provider that rotates has forgotten the old refresh token: whatever fails next must not lose the new one.
        kept = replace(fresh, unverified_id_token=tokens.unverified_id_token)
        session = self._keep(connection, session, kept, owner)
        if not fresh.unverified_id_token:
            return session
        claims = self._upstream.verify(connection.idp, fresh, nonce=None)
        if claims["sub"] != session.sub:
            raise IdTokenInvalid(expected="the sub of this session", received="another sub")
        check_renewed(claims, tokens.unverified_id_token)
        return replace(session, tokens=fresh)

    def _keep(self, connection: Connection, session: AgentSession, fresh: TokenSet, owner: str) -> AgentSession:
        try:
            # Nobody else has the new token: a store that restarts now must not cost the agent the session.
            return _insist(lambda: self._sessions.refreshed(session, fresh, owner))
        except (SessionEnded, LoginRequired):
            # Logout came meanwhile and revoked the old refresh token only.
            with suppress(BridgeError):
                self._upstream.revoke(connection.idp, fresh.refresh_token)
            raise

    def _is_refreshed(self, session: AgentSession) -> bool:
        """Say whether the renewal before came as far as a good access token, so that only the exchange is missing."""
        ends_at, age = session.tokens.expires_at, self._now() - session.refreshed_at
        is_good = ends_at is not None and ends_at > self._now() + _SPARE
        return is_good and session.refreshed_at > session.renewed_at and -SKEW <= age < _REFRESHED_FOR

    def _note_refresh(self, session: AgentSession, owner: str) -> None:
        # While Fuyun is down the provider need not pay for every try.
        if session.tokens.refresh_token and not self._is_refreshed(session):
            with suppress(BridgeError):
                self._sessions.refreshed(replace(session, refreshed_at=self._now()), session.tokens, owner)

    def _ask_provider(self, connection: Connection, session: AgentSession) -> TokenSet:
        try:
            return self._upstream.refresh(connection.idp, session.tokens.refresh_token)
        except IdpError as refusal:
            if refusal.received == protocol.INVALID_GRANT:
                self._end_unless_replaced(session, refusal)
            raise

    def _end_unless_replaced(self, session: AgentSession, refusal: IdpError) -> None:
        """End the session, whose refresh token is dead, unless another renewal has put a newer one in its place."""
        if self._sessions.load(session.id).tokens.refresh_token != session.tokens.refresh_token:
            raise IdpUnreachable(expected="the refresh token of this renewal", received="a newer one") from refusal
        if self._sessions.end(session.id, LoginRequired):
            self._journal.record_end(
                "renewal_refused", connection=session.connection, person=session.account_name, code=LoginRequired.code
            )
        raise LoginRequired(received=protocol.INVALID_GRANT, ended=True) from refusal

    def _check_still_valid(self, connection: Connection, tokens: TokenSet) -> None:
        expired = tokens.expires_at is not None and tokens.expires_at <= self._now()
        if connection.mode == "oauth" and expired:
            raise LoginRequired(expected="a refresh token or a valid access token", received="neither")

    def _obtain_again(self, connection: Connection, session: AgentSession) -> FuyunToken:
        tokens = session.tokens
        try:
            return self._obtain(connection, tokens.access_token, session.account_name, Trace())
        except ExchangeRejected as refusal:
            # Without expires_in and without a refresh token this refusal is the only sign that the token is dead.
            unknown_age = not tokens.refresh_token and tokens.expires_at is None
            if connection.mode == "oauth" and unknown_age and refusal.received == protocol.INVALID_GRANT:
                raise LoginRequired(received=refusal.received) from refusal
            raise


def _insist(act: Callable[[], Result], seconds: float = _STORE_TAKES) -> Result:
    """Do something at a store, again and again for a while where it does not answer; raises as `act`."""
    give_up_at = time.monotonic() + seconds
    while True:
        try:
            return act()
        except StoreUnavailable:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(_POLL[1])
