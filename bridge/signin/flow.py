"""The verbs of the road: begin, complete, renew, end; each is a page of plain steps."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from bridge.core import protocol
from bridge.core.errors import (
    BridgeError,
    ExchangeRejected,
    IdpAnswerInvalid,
    IdpError,
    IdpUnreachable,
    IdTokenInvalid,
    Internal,
    LoginRequired,
    UserinfoInvalid,
    every_error,
    showable,
)
from bridge.core.mapping import as_text, display_name, find_field, map_account
from bridge.core.model import AccountName, Connection, FuyunToken, Identity, Mode, TokenSet, VerifiedClaims
from bridge.fuyun.exchange import FuyunExchange, check_agent
from bridge.signin.agent_session import AgentSession, AgentSessions
from bridge.signin.pending import PendingSignIn, PendingSignIns
from bridge.upstream.client import UpstreamClient, asks_for_id_token
from bridge.upstream.logout import end_session_url
from bridge.upstream.metadata import ProviderMetadata, issuer_matches
from bridge.upstream.tenant import check_tenant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.connections.store import ConnectionStore
    from bridge.fuyun.subject import SubjectStrategy
    from bridge.ops.journal import Journal

_YOUNG: Final = 10.0
_POLL: Final = 0.05
_PATIENCE: Final = 50.0
_BAD_REQUEST: Final = 400


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser, and the cookie's value to send along."""

    url: str
    sealed: str
    connection: Connection


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """What the browser brought back (RFC 6749 section 4.1.2, RFC 9207); missing parameters are empty."""

    state: str = ""
    code: str = ""
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
        self._now = now

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
        return Departure(url, self._pending.seal(pending), connection)

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
        identity, account_name = self._identify(connection, tokens, pending.nonce)
        fuyun = self._obtain(connection, tokens.access_token, account_name)
        session = self._sessions.begin(self._new_session(connection, identity, account_name, tokens, fuyun))
        for old in {pending.former, former} - {""}:
            self._sessions.end(old)
        self._journal.record("sign_in", connection=connection.name, seconds=time.monotonic() - started)
        return session, pending.landing

    def renew(self, session_id: str) -> AgentSession:
        """Return the session with a fresh Fuyun token: one renewal at a time, the others get its result or its failure.

        Raises:
            SessionMissing, SessionEnded: there is nothing to renew.
            LoginRequired: only the person can help.
            BridgeError: a passing failure; the session stays as it is.
        """
        give_up_at = time.monotonic() + _PATIENCE
        seen = self._sessions.load(session_id)
        session, failure = seen, ""
        while not self._is_young(session) and session.generation == seen.generation:
            if failure:
                raise every_error()[failure](received="the failure of the renewal that this one waited for")
            owner = self._sessions.claim_renewal(session_id, waited=session is not seen)
            if owner:
                return self._renew_alone(session_id, owner)
            if time.monotonic() > give_up_at:
                raise IdpUnreachable(expected="a finished renewal", received="one that never ends")
            time.sleep(_POLL)
            failure = self._sessions.renewal_failure(session_id)
            session = self._sessions.load(session_id)
        return session

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
        return Departure(url, "", connection)

    def _identify(self, connection: Connection, tokens: TokenSet, nonce: str) -> tuple[Identity, AccountName]:
        idp = connection.idp
        id_claims = self._upstream.verify(idp, tokens, nonce) if asks_for_id_token(idp) else None
        if connection.mode == "jwt" and id_claims is not None and _suffices(connection, id_claims):
            check_tenant(idp, id_claims)
            return self._identity(connection, id_claims, id_claims), map_account(id_claims, connection.mapping_field)
        userinfo = self._upstream.userinfo(idp, tokens.access_token)
        subject = _same_subject(connection, id_claims, userinfo)
        check_tenant(idp, {**(id_claims or {}), **_without(userinfo, "tid")})
        known = VerifiedClaims({**userinfo, **(id_claims or {}), "sub": subject})
        return self._identity(connection, known, id_claims), map_account(userinfo, connection.mapping_field)

    def _identity(self, connection: Connection, claims: VerifiedClaims, id_claims: VerifiedClaims | None) -> Identity:
        iss = str(id_claims["iss"]) if id_claims else connection.idp.issuer or connection.idp.token_endpoint
        sid = claims.get("sid")
        return Identity(
            iss=iss,
            sub=str(claims["sub"]),
            sid=sid if isinstance(sid, str) else "",
            display_name=display_name(claims),
            claims=claims,
        )

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

    def _is_young(self, session: AgentSession) -> bool:
        return self._now() - session.renewed_at < _YOUNG

    def _renew_alone(self, session_id: str, owner: str) -> AgentSession:
        failure = Internal.code
        try:
            renewed = self._renew_once(session_id, owner)
            failure = ""
        except BridgeError as fault:
            failure = fault.code
            raise
        finally:
            self._sessions.release_renewal(session_id, owner, failure)
        return renewed

    def _renew_once(self, session_id: str, owner: str) -> AgentSession:
        # Somebody may have finished between our reading and our claim.
        session = self._sessions.load(session_id)
        if self._is_young(session):
            return session
        started = time.monotonic()
        connection = self._connections.get(session.connection)
        tokens = self._fresh_tokens(connection, session)
        fuyun = self._obtain_again(connection, tokens, session)
        renewed = self._sessions.renewed(session, tokens, fuyun, owner)
        self._journal.record("renewal", connection=connection.name, seconds=time.monotonic() - started)
        return renewed

    def _fresh_tokens(self, connection: Connection, session: AgentSession) -> TokenSet:
        tokens = session.tokens
        if not tokens.refresh_token:
            return self._still_valid(connection, tokens)
        try:
            fresh = self._upstream.refresh(connection.idp, tokens.refresh_token)
        except IdpError as refusal:
            if refusal.received == protocol.INVALID_GRANT:
                self._sessions.end(session.id, LoginRequired)
                raise LoginRequired(received=protocol.INVALID_GRANT) from refusal
            raise
        if not fresh.unverified_id_token:
            return replace(fresh, unverified_id_token=tokens.unverified_id_token)
        claims = self._upstream.verify(connection.idp, fresh, nonce=None)
        if claims["sub"] != session.sub:
            raise IdTokenInvalid(expected="the sub of this session", received="another sub")
        return fresh

    def _still_valid(self, connection: Connection, tokens: TokenSet) -> TokenSet:
        expired = tokens.expires_at is not None and tokens.expires_at <= self._now()
        if connection.mode == "oauth" and expired:
            raise LoginRequired(expected="a refresh token or a valid access token", received="neither")
        return tokens

    def _obtain_again(self, connection: Connection, tokens: TokenSet, session: AgentSession) -> FuyunToken:
        try:
            return self._obtain(connection, tokens.access_token, session.account_name)
        except ExchangeRejected as refusal:
            # Without expires_in and without a refresh token this refusal is the only sign that the token is dead.
            if connection.mode == "oauth" and not tokens.refresh_token:
                raise LoginRequired(received=refusal.received) from refusal
            raise


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


def _suffices(connection: Connection, claims: VerifiedClaims) -> bool:
    needs_organization = connection.idp.kind == "salesforce" and connection.idp.organization_id
    if needs_organization and "organization_id" not in claims:
        return False
    return bool(as_text(find_field(claims, connection.mapping_field)))


def _same_subject(connection: Connection, id_claims: VerifiedClaims | None, userinfo: Mapping[str, Any]) -> str:
    if id_claims is None:
        return _plain_subject(connection, userinfo)
    # Token substitution: another subject means that the answer is for another person's token (OIDC Core 5.3.2).
    if userinfo.get("sub") != id_claims["sub"]:
        received = "another sub" if "sub" in userinfo else "no sub"
        raise UserinfoInvalid(expected="the sub of the ID token", received=received)
    return str(id_claims["sub"])


def _plain_subject(connection: Connection, userinfo: Mapping[str, Any]) -> str:
    paths = [connection.idp.subject_field] if connection.idp.subject_field else ["sub", "id"]
    for path in paths:
        subject = as_text(find_field(userinfo, path))
        if subject:
            return subject
    raise UserinfoInvalid(expected=" or ".join(paths), received="an answer without a subject")


def _without(claims: Mapping[str, Any], name: str) -> dict[str, Any]:
    # `tid` decides about the tenant and counts only where it was signed: in the ID token.
    return {key: value for key, value in claims.items() if key != name}


def _origin(metadata: ProviderMetadata) -> str:
    parts = urlsplit(metadata.end_session_endpoint)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
