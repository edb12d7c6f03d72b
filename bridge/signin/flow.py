"""The verbs of the road: begin, complete, renew, end; each is a page of plain steps."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bridge.core.errors import (
    BridgeError,
    IdpAnswerInvalid,
    IdpError,
    showable,
)
from bridge.fuyun.exchange import FuyunExchange, check_agent
from bridge.signin.agent_session import AgentSession, AgentSessions
from bridge.signin.identity import identify
from bridge.signin.pending import PendingSignIn, PendingSignIns
from bridge.signin.renewal import Renewal
from bridge.upstream.logout import end_session_url
from bridge.upstream.metadata import ProviderMetadata, issuer_matches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.connections.store import ConnectionStore
    from bridge.core.model import AccountName, Connection, FuyunToken, Identity, Mode, TokenSet
    from bridge.fuyun.subject import SubjectStrategy
    from bridge.ops.journal import Journal
    from bridge.upstream.client import UpstreamClient

_BAD_REQUEST: Final = 400


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser, and the cookie's value to send along."""

    url: str
    sealed: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """What the browser brought back (RFC 6749 section 4.1.2, RFC 9207); missing parameters are empty."""

    state: str = ""
    code: str = field(default="", repr=False)
    error: str = ""
    iss: str = ""


class SignInFlow:
    """Leads an agent from the sign-in page to a Fuyun token, and keeps that token good.

    Args:
        public_url: where the world reaches the bridge; every redirect URI is built from it alone.
        now: epoch seconds.
    """

    def __init__(
        self,
        *,
        public_url: str,
        connections: ConnectionStore,
        upstream: UpstreamClient,
        subjects: Mapping[Mode, SubjectStrategy],
        exchange: FuyunExchange,
        pending: PendingSignIns,
        sessions: AgentSessions,
        journal: Journal,
        now: Callable[[], float],
    ) -> None:
        self._public_url = public_url
        self._connections = connections
        self._upstream = upstream
        self._subjects = subjects
        self._exchange = exchange
        self._pending = pending
        self._sessions = sessions
        self._journal = journal
        self._renewal = Renewal(
            connections=connections,
            upstream=upstream,
            obtain=self._obtain,
            sessions=sessions,
            journal=journal,
            now=now,
        )

    def redirect_uri(self, connection: Connection) -> str:
        """Return the connection's own redirect URI: one for each provider stops mix-up (RFC 9700 section 4.4)."""
        return f"{self._public_url}/callback/{connection.name}"

    def begin(
        self, name: str, *, slot: int, landing: str, login_hint: str = "", prompt: str = "", former: str = ""
    ) -> Departure:
        """Begin a sign-in; remembers nothing but what the browser takes along.

        Args:
            slot: which of the browser's eight places for pending sign-ins to use.
            landing: a path of our own.
            former: the agent session that the browser has now; the new one will end it.

        Raises:
            ConnectionUnknown, ConnectionDisabled: no such way in.
            IdpUnreachable, IdpAnswerInvalid: the provider's metadata cannot be had.
        """
        connection = self._connections.get(name)
        metadata = self._upstream.metadata(connection.idp)
        if connection.mode == "frontend":
            return self._begin_at_fuyun(connection, login_hint, prompt)
        pending = PendingSignIn(
            connection=connection.name,
            state=self._pending.new_state(slot),
            nonce=secrets.token_urlsafe(24),
            code_verifier=secrets.token_urlsafe(48),
            landing=landing,
            former=former,
            issuer=metadata.issuer,
            expects_iss=metadata.sends_iss_parameter,
        )
        url = self._upstream.authorize(
            connection.idp,
            self.redirect_uri(connection),
            pending.state,
            pending.nonce,
            pending.code_verifier,
            login_hint=login_hint,
            prompt=prompt,
        )
        return Departure(url, self._pending.seal(pending))

    def complete(
        self, name: str, response: AuthorizationResponse, cookie_of: Callable[[int], str], *, former: str = ""
    ) -> tuple[AgentSession, str]:
        """Complete a sign-in: judge each answer before the next request goes out.

        Args:
            cookie_of: gives the sealed pending sign-in of a slot.
            former: the agent session that the browser has now; the new one ends it.

        Returns:
            The new session and the path to land on.

        Raises:
            BridgeError: the first check that failed; nothing is kept then.
        """
        started = time.monotonic()
        connection = self._connections.get(name)
        pending = self._pending.find(connection.name, response.state, cookie_of)
        code = _code(pending, response)
        tokens = self._upstream.redeem(connection.idp, code, pending.code_verifier, self.redirect_uri(connection))
        identity, account_name = identify(self._upstream, connection, tokens, pending.nonce)
        fuyun = self._obtain(connection, tokens.access_token, account_name)
        session = self._sessions.begin(self._new_session(connection, identity, account_name, tokens, fuyun))
        for old in {pending.former, former} - {""}:
            self._sessions.end(old, replaced=True)
        # The token cannot be recalled for 30 days: its id is what is left to name it by once the session is over.
        seconds = time.monotonic() - started
        self._journal.record("sign_in", connection=connection.name, seconds=seconds, fuyun_jti=fuyun.jti)
        return session, pending.landing

    def renew(self, session_id: str) -> AgentSession:
        """Return the session with a fresh Fuyun token; see `Renewal.renew`."""
        return self._renewal.renew(session_id)

    def end(self, session: AgentSession) -> str:
        """End the session, here and as far as the provider lets us.

        Returns:
            Where to send the browser for the provider's own logout; empty where it has none.
        """
        self._sessions.end(session.id)
        self._journal.record("sign_out", connection=session.connection)
        # Our own session is over whatever the provider says now.
        self._at_provider(session, lambda connection: self._revoke(connection, session.tokens.refresh_token))
        return self._at_provider(session, lambda connection: self._end_session_url(connection, session)) or ""

    def _at_provider(self, session: AgentSession, act: Callable[[Connection], str | None]) -> str | None:
        try:
            return act(self._connections.get(session.connection))
        except BridgeError as fault:
            self._journal.record_failure("sign_out_at_provider", fault, reference="", connection=session.connection)
            return None

    def _revoke(self, connection: Connection, refresh_token: str) -> None:
        if refresh_token:
            self._upstream.revoke(connection.idp, refresh_token)

    def _end_session_url(self, connection: Connection, session: AgentSession) -> str:
        return end_session_url(
            self._upstream.metadata(connection.idp),
            connection.idp,
            post_logout_redirect_uri=f"{self._public_url}/logged-out",
            id_token_hint=session.tokens.unverified_id_token,
            state=secrets.token_urlsafe(16),
        )

    def is_issuer(self, connection: Connection, iss: str) -> bool:
        """Say whether `iss` is the connection's provider; raises IdpUnreachable or IdpAnswerInvalid."""
        issuer = self._upstream.metadata(connection.idp).issuer
        return bool(issuer) and issuer_matches(issuer, iss)

    def _begin_at_fuyun(self, connection: Connection, login_hint: str, prompt: str) -> Departure:
        # Fuyun's own callback redeems the code and knows no code_verifier, and it never comes back to us.
        url = self._upstream.authorize(
            connection.idp,
            connection.fuyun.frontend_redirect_url,
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(24),
            code_verifier="",
            login_hint=login_hint,
            prompt=prompt,
        )
        return Departure(url, "")

    def _obtain(self, connection: Connection, access_token: str, account_name: AccountName) -> FuyunToken:
        subject = self._subjects[connection.mode].subject_token(connection, access_token, account_name)
        fuyun = self._exchange.exchange(connection.fuyun, subject)
        check_agent(fuyun, account_name)
        return fuyun

    def _new_session(
        self, connection: Connection, identity: Identity, account_name: AccountName, tokens: TokenSet, fuyun: FuyunToken
    ) -> AgentSession:
        return AgentSession(
            id="",
            connection=connection.name,
            iss=identity.iss,
            sub=identity.sub,
            sid=identity.sid,
            account_name=account_name,
            display_name=identity.display_name or account_name,
            tokens=tokens,
            fuyun=fuyun,
            created_at=0,
            expires_at=0,
            end_session_origin=_origin(self._upstream.metadata(connection.idp)),
        )


def _code(pending: PendingSignIn, response: AuthorizationResponse) -> str:
    _check_iss(pending, response.iss)
    if response.error:
        raise IdpError("The identity provider ended the sign-in.", received=showable(response.error))
    if not response.code:
        raise IdpAnswerInvalid(expected="code", received="neither code nor error", status=_BAD_REQUEST)
    return response.code


def _check_iss(pending: PendingSignIn, iss: str) -> None:
    # Mix-up (RFC 9207 section 2.4): an answer that another provider made must not be redeemed here.
    if (iss or pending.expects_iss) and not (pending.issuer and issuer_matches(pending.issuer, iss)):
        raise IdpAnswerInvalid(expected=f"iss {pending.issuer}", received=f"iss {showable(iss)}" if iss else "no iss")


def _origin(metadata: ProviderMetadata) -> str:
    parts = urlsplit(metadata.end_session_endpoint)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
