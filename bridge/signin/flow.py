"""The verbs of the road: begin, complete, recognise, rehearse, renew, end; each is a page of plain steps."""

from __future__ import annotations

import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bridge.core import trace as steps
from bridge.core.errors import BridgeError, IdpError, NoIdentityProvider, RequestInvalid, StateUnknown
from bridge.signin.arrival import AnotherPerson, Arrival, check_same_person, new_session
from bridge.signin.authorization import AuthorizationResponse, code_in
from bridge.signin.identity import authenticate, identify
from bridge.signin.pending import PendingSignIn, PendingSignIns, Purpose
from bridge.signin.renewal import Renewal
from bridge.upstream.metadata import ProviderMetadata, issuer_matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.connections.store import ConnectionStore
    from bridge.core.model import Connection, TokenSet
    from bridge.core.trace import Trace
    from bridge.ops.journal import Journal
    from bridge.provisioning.jit import JustInTime
    from bridge.signin.agent_session import AgentSession, AgentSessions
    from bridge.signin.endings import Endings
    from bridge.signin.identity import Authenticated
    from bridge.signin.issue import Issue
    from bridge.signin.rehearsal import LookForAgent
    from bridge.upstream.client import UpstreamClient


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser, and the cookie's value to send along."""

    url: str
    sealed: str = field(repr=False)


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
        issue: Issue,
        look_for_agent: LookForAgent,
        just_in_time: JustInTime,
        pending: PendingSignIns,
        sessions: AgentSessions,
        endings: Endings,
        journal: Journal,
        now: Callable[[], float],
    ) -> None:
        self._public_url = public_url
        self._connections = connections
        self._upstream = upstream
        self._issue = issue
        self._look_for_agent = look_for_agent
        self._just_in_time = just_in_time
        self._pending = pending
        self._sessions = sessions
        self._endings = endings
        self._journal = journal
        self._renewal = Renewal(
            connections=connections,
            upstream=upstream,
            obtain=issue.obtain,
            sessions=sessions,
            journal=journal,
            now=now,
        )

    def redirect_uri(self, connection: Connection) -> str:
        """Return the connection's own redirect URI: one for each provider stops mix-up (RFC 9700 section 4.4)."""
        return f"{self._public_url}/callback/{connection.name}"

    def begin(
        self,
        name: str,
        *,
        slot: int,
        landing: str,
        login_hint: str = "",
        prompt: str = "",
        former: str = "",
        is_return: bool = False,
        person: str = "",
    ) -> Departure:
        """Begin an agent's sign-in; remembers nothing but what the browser takes along.

        Args:
            slot: which of the browser's eight places for pending sign-ins to use.
            landing: a path of our own.
            former: the agent session that the browser has now; the new one will end it.
            is_return: this browser was signed in before and has no session any more.
            person: for whom a silent sign-in is meant; see `AgentSessions.person_key`.

        Raises:
            ConnectionUnknown, ConnectionDisabled: no such way in.
            NoIdentityProvider: people of this connection come from the platform's software.
            IdpUnreachable, IdpAnswerInvalid: the provider's metadata cannot be had.
        """
        connection = self._connections.get(name)
        _check_has_provider(connection)
        if connection.mode == "frontend":
            return self._begin_at_fuyun(connection, connection.fuyun.frontend_redirect_url, login_hint, prompt)
        departure = self._depart(
            connection,
            "agent",
            slot=slot,
            landing=landing,
            former=former,
            is_return=is_return,
            person=person,
            login_hint=login_hint,
            prompt=prompt,
        )
        # While the person is at the provider's page: a callback that connects first takes twice as long.
        self._upstream.get_ready(connection.idp)
        self._issue.get_ready(connection)
        return departure

    def begin_as_admin(self, name: str, *, slot: int, landing: str) -> Departure:
        """Begin an administrator's sign-in, which ends in the console and at no Fuyun token; raises as `begin`."""
        connection = self._connections.get(name)
        _check_comes_back(connection)
        # A provider that remembers the browser would make an old sign-in look like a new one.
        return self._depart(connection, "admin", slot=slot, landing=landing, prompt="login")

    def begin_rehearsal(
        self, connection: Connection, *, slot: int, ticket: str, trace: Trace, link: str = ""
    ) -> Departure | None:
        """Begin a sign-in that tries a version of a connection out, also one that is no more than a draft.

        Args:
            ticket: who asked for it, as the result will tell.
            link: the mark of the test link, if it comes by one.
            trace: tells what failed where nobody can be sent anywhere.

        Returns:
            None where the provider's metadata cannot be had: the rehearsal is over, and has failed.

        Raises:
            RequestInvalid: a connection in mode frontend never comes back to us.
        """
        _check_comes_back(connection)
        if self.look_up(connection, trace) is None:
            self._record_rehearsal(connection, trace)
            return None
        return self._depart(connection, "rehearsal", slot=slot, landing="/", ticket=ticket, link=link)

    def look_up(self, connection: Connection, trace: Trace) -> ProviderMetadata | None:
        """Return what the provider publishes; None where that cannot be had, as `trace` tells."""
        with suppress(BridgeError), trace.step(steps.DISCOVERY):
            return self._upstream.metadata(connection.idp)
        return None

    def complete(
        self,
        name: str,
        response: AuthorizationResponse,
        cookie_of: Callable[[int], str],
        trace: Trace,
        *,
        former: str = "",
        device: str = "",
    ) -> Arrival:
        """Complete an agent's sign-in: judge each answer before the next request goes out.

        Args:
            cookie_of: gives the sealed pending sign-in of a slot.
            trace: takes down each step, however it ends.
            former: the agent session that the browser has now.
            device: browser and system, for administrators.

        Returns:
            The new session, for which `replace_former` makes room as soon as the browser has it.

        Raises:
            AnotherPerson: the sign-in was a silent one, meant for somebody else.
            BridgeError: the first check that failed; no session is kept then.
        """
        connection, pending = self._find(name, response.state, cookie_of, "agent")
        tokens = self._redeem(connection, pending, response, trace)
        found, account_name = identify(self._upstream, connection, tokens, pending.nonce, trace)
        identity = found.identity
        with self._revoked_if_refused(connection, tokens):
            check_same_person(self._sessions, pending, identity)
            self._endings.check_not_ended(connection.name, identity)
        self._just_in_time.ensure(connection, found.claims, account_name, trace)
        fuyun = self._issue.obtain(connection, tokens.access_token, account_name, trace)
        end_session_endpoint = self._upstream.metadata(connection.idp).end_session_endpoint
        new = new_session(
            connection,
            identity,
            account_name,
            fuyun,
            tokens=tokens,
            end_session_endpoint=end_session_endpoint,
        )
        session = self._sessions.begin(new, device)
        self._endings.check_begun(session, identity)
        # The token cannot be recalled for 30 days: its id is what is left to name it by once the session is over.
        self._journal.record_sign_in("sign_in", connection.name, trace, fuyun_jti=fuyun.jti)
        return Arrival(session, pending.landing, frozenset({pending.former, former} - {""}))

    @contextmanager
    def _revoked_if_refused(self, connection: Connection, tokens: TokenSet) -> Iterator[None]:
        try:
            yield
        except (IdpError, AnotherPerson):
            with suppress(BridgeError):
                self._endings.revoke(connection, tokens.refresh_token)
            raise

    def replace_former(self, arrival: Arrival) -> None:
        """End the sessions that this browser had before; raises StoreUnavailable."""
        for old in arrival.former:
            self._sessions.end(old, replaced=True)

    def recognise(
        self, name: str, response: AuthorizationResponse, cookie_of: Callable[[int], str], trace: Trace
    ) -> tuple[Authenticated, str]:
        """Say who an administrator's provider says that they are, and where they wanted to go.

        No agent and no Fuyun token are asked for: whoever may enter the console need not be an agent.

        Raises:
            BridgeError: the first check that failed.
        """
        connection, pending = self._find(name, response.state, cookie_of, "admin")
        tokens = self._redeem(connection, pending, response, trace)
        with self._forgotten_afterwards(connection, tokens):
            found = authenticate(self._upstream, connection, tokens, pending.nonce, trace, asks_userinfo=True)
        return found, pending.landing

    def rehearse(
        self,
        name: str,
        response: AuthorizationResponse,
        cookie_of: Callable[[int], str],
        trace: Trace,
    ) -> tuple[Connection, PendingSignIn]:
        """Go the whole road with the very steps of a sign-in, and keep nothing: no session, no token, no agent.

        A step that fails ends the walk, as it would end a sign-in; `trace` tells how far it came.

        Raises:
            StateUnknown, StateExpired: this browser began no rehearsal.
        """
        connection, pending = self._find(name, response.state, cookie_of, "rehearsal")
        with suppress(BridgeError):
            with trace.step(steps.DISCOVERY):
                self._upstream.metadata(connection.idp)
            tokens = self._redeem(connection, pending, response, trace)
            with self._forgotten_afterwards(connection, tokens):
                found, account_name = identify(self._upstream, connection, tokens, pending.nonce, trace)
                self._just_in_time.foretell(connection, found.claims, account_name, trace)
                self._look_for_agent(connection, account_name, trace)
                self._issue.obtain(connection, tokens.access_token, account_name, trace)
        self._record_rehearsal(connection, trace)
        return connection, pending

    @contextmanager
    def _forgotten_afterwards(self, connection: Connection, tokens: TokenSet) -> Iterator[None]:
        try:
            yield
        finally:
            # Nobody will renew what was given here; a provider that does not listen changes no result.
            with suppress(BridgeError):
                self._endings.revoke(connection, tokens.refresh_token)

    def _record_rehearsal(self, connection: Connection, trace: Trace) -> None:
        code = trace.failed.code if trace.failed else steps.OK
        self._journal.record("rehearsal", connection=connection.name, code=code)

    def renew(self, session_id: str) -> AgentSession:
        """Return the session with a fresh Fuyun token; see `Renewal.renew`."""
        return self._renewal.renew(session_id)

    def end(self, session: AgentSession) -> str:
        """End a session as its agent asks; see `Endings.by_agent`."""
        return self._endings.by_agent(session)

    def is_issuer(self, connection: Connection, iss: str) -> bool:
        """Say whether `iss` is the connection's provider; raises IdpUnreachable or IdpAnswerInvalid."""
        issuer = self._upstream.metadata(connection.idp).issuer
        return bool(issuer) and issuer_matches(issuer, iss)

    def begin_at_workbench(self, name: str, *, login_hint: str = "", prompt: str = "") -> Departure:
        """Send an agent into Fuyun's own workbench by the portal's second redirect URL.

        Raises:
            BridgeError: as for `begin`.
            RequestInvalid: the connection has no such redirect URL.
        """
        connection = self._connections.get(name)
        _check_has_provider(connection)
        if not connection.fuyun.workbench_redirect_url:
            raise RequestInvalid(expected="a connection with fuyun.workbench_redirect_url", received="one without")
        return self._begin_at_fuyun(connection, connection.fuyun.workbench_redirect_url, login_hint, prompt)

    def _begin_at_fuyun(self, connection: Connection, redirect_uri: str, login_hint: str, prompt: str) -> Departure:
        # Fuyun's own callback redeems the code and knows no code_verifier nor form_post, and never comes back to us.
        url = self._upstream.authorize(
            replace(connection.idp, response_mode=""),
            redirect_uri,
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(24),
            code_verifier="",
            login_hint=login_hint,
            prompt=prompt,
        )
        return Departure(url, "")

    def _depart(
        self,
        connection: Connection,
        purpose: Purpose,
        *,
        slot: int,
        landing: str,
        former: str = "",
        ticket: str = "",
        link: str = "",
        is_return: bool = False,
        person: str = "",
        **hints: str,
    ) -> Departure:
        metadata = self._upstream.metadata(connection.idp)
        pending = PendingSignIn(
            connection=connection.name,
            state=self._pending.new_state(slot),
            nonce=secrets.token_urlsafe(24),
            code_verifier=secrets.token_urlsafe(48),
            landing=landing,
            former=former,
            issuer=metadata.issuer,
            expects_iss=metadata.sends_iss_parameter,
            purpose=purpose,
            version=connection.version,
            ticket=ticket,
            link=link,
            prompt=hints.get("prompt", ""),
            is_return=is_return,
            person=person,
        )
        url = self._upstream.authorize(
            connection.idp,
            self.redirect_uri(connection),
            pending.state,
            pending.nonce,
            pending.code_verifier,
            **hints,
        )
        return Departure(url, self._pending.seal(pending))

    def _find(
        self, name: str, state: str, cookie_of: Callable[[int], str], purpose: Purpose
    ) -> tuple[Connection, PendingSignIn]:
        pending = self._pending.find(name, state, cookie_of)
        if pending.purpose != purpose:
            # Who tries a connection out must not end with a session, nor an agent in the console.
            raise StateUnknown(expected=f"a sign-in of purpose {purpose}", received="another")
        choose = self._connections.version if purpose == "rehearsal" else self._connections.at
        return choose(pending.connection, pending.version), pending

    def _redeem(
        self, connection: Connection, pending: PendingSignIn, response: AuthorizationResponse, trace: Trace
    ) -> TokenSet:
        with trace.step(steps.RESPONSE):
            code = code_in(pending, response)
        with trace.step(steps.REDEEM):
            return self._upstream.redeem(connection.idp, code, pending.code_verifier, self.redirect_uri(connection))


def _check_has_provider(connection: Connection) -> None:
    if connection.idp.kind == "none":
        raise NoIdentityProvider(received=connection.name)


def _check_comes_back(connection: Connection) -> None:
    _check_has_provider(connection)
    if connection.mode == "frontend":
        raise RequestInvalid(expected="mode oauth or jwt", received="mode frontend, in which Fuyun redeems the code")
