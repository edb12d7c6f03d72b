"""How sessions end before their time: by the agent, by the provider, by an administrator, with their connection."""

from __future__ import annotations

import secrets
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from bridge.connections.document import counterparts
from bridge.core.errors import BridgeError, IdpError, LogoutTokenInvalid, RequestInvalid, StoreUnavailable
from bridge.upstream.logout import end_session_url
from bridge.upstream.metadata import issuer_matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bridge.connections.store import ConnectionStore
    from bridge.core.model import Connection, Identity
    from bridge.ops.journal import Journal
    from bridge.outbound import Outbound
    from bridge.sessions.rows import SessionStore
    from bridge.signin.agent_session import AgentSession, AgentSessions, LiveSession
    from bridge.upstream.client import UpstreamClient
    from bridge.upstream.logout_token import LogoutToken

_FAREWELL: Final = 3.0
"""Seconds that an agent who signs out waits for the provider, whatever state that is in."""
_ON_THE_WAY: Final = 60.0
"""Seconds for which no sign-in may come out of a provider's session that was ended.

Longer than the way from a redeemed code to a session takes where everybody answers, and not much: a provider may use
a `sid` again.
"""
_NAMED: Final = 5
"""People whom the journal names when an administrator ends sessions."""
_LATE: Final = 120.0
"""Seconds by which a session may look newer than a logout token that means it: two clocks, as for ID tokens."""


class Endings:
    """Ends agents' sessions; what ended stays ended, whoever is still on the way with it.

    Args:
        marks: remembers logout tokens that were used.
        now: epoch seconds.
    """

    def __init__(
        self,
        *,
        public_url: str,
        connections: ConnectionStore,
        upstream: UpstreamClient,
        outbound: Outbound,
        sessions: AgentSessions,
        marks: SessionStore,
        journal: Journal,
        now: Callable[[], float],
    ) -> None:
        self._public_url = public_url
        self._connections = connections
        self._upstream = upstream
        self._outbound = outbound
        self._sessions = sessions
        self._marks = marks
        self._journal = journal
        self._now = now

    def by_agent(self, session: AgentSession) -> str:
        """End the session, here and as far as the provider lets us within three seconds.

        Returns:
            Where to send the browser for the provider's own logout; empty where it has none.
        """
        self._sessions.end(session.id)
        self._journal.record_end("sign_out", connection=session.connection, person=session.account_name)
        if not session.tokens.access_token:
            # The platform vouched for them: no provider knows of this session, and the phone's policy leads to none.
            return ""
        # Our own session is over whatever the provider says now.
        with self._outbound.in_a_hurry(_FAREWELL):
            onward = self._at_provider(session, lambda connection: self._end_session_url(connection, session))
            self._at_provider(session, lambda connection: self.revoke(connection, session.tokens.refresh_token))
        return onward or ""

    def by_provider(self, name: str, logout_token: str) -> int:
        """End what a provider's logout token means (OpenID Connect Back-Channel Logout 1.0 section 2.7).

        Args:
            name: of the connection whose address the provider called.

        Returns:
            How many sessions ended.

        Raises:
            ConnectionUnknown, ConnectionDisabled: no such connection.
            LogoutTokenInvalid: the first check that failed, or a token that was used before.
            StoreUnavailable: the provider may come again.
        """
        connection = self._connections.get(name)
        told = self._upstream.verify_logout(connection.idp, logout_token)
        mark = _mark("logout token", connection.name, told.jti)
        if self._marks.is_used(mark, self._now()):
            raise LogoutTokenInvalid(expected="a jti that was not used before", received="one that was")
        self._forbid(connection.name, told.iss, told.sid)
        # First the ends, then the mark: a provider that was told of an outage may come again with the same token.
        ended = self._end(self._meant(connection.name, told), "back_channel_logout", connection.name)
        self._marks.is_first_use(mark, until=told.expires_at, now=self._now())
        return ended

    def check_not_ended(self, name: str, identity: Identity) -> None:
        """Refuse a sign-in out of a provider's session that was ended while it was under way.

        A logout that names the person alone says nothing about who is just signing in.

        Raises:
            IdpError: it was ended.
            StoreUnavailable: nobody can tell.
        """
        mark = _mark("provider session", name, identity.iss, identity.sid)
        if identity.sid and self._marks.is_used(mark, self._now()):
            raise IdpError("The provider ended this sign-in.", received="the end of its session")

    def check_begun(self, session: AgentSession, identity: Identity) -> None:
        """End a session that has just begun where `check_not_ended` refuses it; raises as that."""
        try:
            self.check_not_ended(session.connection, identity)
        except BridgeError:
            with suppress(StoreUnavailable):
                self._sessions.end(session.id)
            raise

    def _forbid(self, name: str, iss: str, sid: str) -> None:
        if sid:
            now = self._now()
            self._marks.is_first_use(_mark("provider session", name, iss, sid), until=now + _ON_THE_WAY, now=now)

    def by_frame(self, name: str, iss: str, sid: str) -> int:
        """End a provider's session as its own logout page asks (OpenID Connect Front-Channel Logout 1.0 section 3).

        The browser need not send our cookie: in a frame of another site it seldom does.

        Returns:
            How many sessions ended.

        Raises:
            ConnectionUnknown, ConnectionDisabled: no such connection.
            RequestInvalid: another provider's issuer, or one of the two is missing.
            IdpUnreachable, IdpAnswerInvalid: the provider's issuer cannot be had.
        """
        connection = self._connections.get(name)
        issuer = self._upstream.metadata(connection.idp).issuer
        if not sid or not issuer or not issuer_matches(issuer, iss):
            raise RequestInvalid(expected="iss and sid of the connection's provider", received="others")
        meant = self._sessions.of_provider_session(connection.name, iss, sid)
        ended = self._end(meant, "front_channel_logout", connection.name)
        if ended:
            # Only then: anybody may ask for a frame with an invented session, and must write nothing here.
            self._forbid(connection.name, iss, sid)
        return ended

    def by_frame_of_browser(self, session: AgentSession) -> None:
        """End the session of the very browser in which the provider's logout page stands, naming no session."""
        self._sessions.end(session.id)
        self._journal.record_end("front_channel_logout", connection=session.connection, person=session.account_name)

    def by_admin(self, name: str, handles: Iterable[str] | None, *, actor: str) -> int:
        """End sessions of a connection for an administrator.

        Args:
            handles: which; None: all of them.

        Returns:
            How many ended.
        """
        wanted = None if handles is None else set(handles)
        meant = [live.session for live in self._sessions.of_connection(name)]
        return self._end_and_tell(name, [one for one in meant if wanted is None or one.handle in wanted], actor)

    def _end_and_tell(self, name: str, chosen: Sequence[AgentSession], actor: str) -> int:
        people = {one.account_name for one in chosen if self._sessions.end(one.id)}
        if people:
            who = ", ".join(sorted(people)[:_NAMED])
            self._journal.record_act("sessions_ended", actor=actor, connection=name, sessions=len(chosen), people=who)
        return len(chosen)

    def by_platform(self, name: str, account_name: str, *, actor: str) -> int:
        """End an agent's sessions as the platform asks; returns how many ended."""
        found = self._sessions.of_connection(name)
        meant = [live.session for live in found if live.session.account_name == account_name]
        return self._end_and_tell(name, meant, actor)

    def revoke(self, connection: Connection, refresh_token: str) -> None:
        """Ask the provider to forget a refresh token; raises BridgeError."""
        if refresh_token:
            self._upstream.revoke(connection.idp, refresh_token)

    def _meant(self, name: str, told: LogoutToken) -> Iterator[LiveSession]:
        newest = told.issued_at + _LATE
        found = (
            self._sessions.of_provider_session(name, told.iss, told.sid)
            if not told.sub
            else self._sessions.of_person(name, told.iss, told.sub)
        )
        for live in found:
            # A session whose ID token named no sid may be the one that is meant, so it ends with its person's.
            is_meant = not told.sid or live.session.sid in {"", told.sid}
            if is_meant and live.session.created_at <= newest:
                yield live

    def _end(self, meant: Iterable[LiveSession], event: str, connection: str) -> int:
        ended = [live.session for live in meant if self._sessions.end(live.session.id)]
        # All are of one person at the provider, who is one agent.
        person = ended[0].account_name if ended else ""
        self._journal.record_end(event, connection=connection, person=person, sessions=len(ended))
        return len(ended)

    def _at_provider(self, session: AgentSession, act: Callable[[Connection], str | None]) -> str | None:
        try:
            connection = self._connections.get(session.connection)
            return act(connection) if session.counterparts == counterparts(connection) else None
        except BridgeError as fault:
            self._journal.record_failure("sign_out_at_provider", fault, reference="", connection=session.connection)
            return None

    def _end_session_url(self, connection: Connection, session: AgentSession) -> str:
        return end_session_url(
            self._upstream.metadata(connection.idp),
            connection.idp,
            post_logout_redirect_uri=f"{self._public_url}/logged-out",
            id_token_hint=session.tokens.unverified_id_token,
            state=secrets.token_urlsafe(16),
        )


def _mark(*parts: str) -> str:
    return sha256("\n".join(parts).encode(errors="surrogatepass")).hexdigest()
