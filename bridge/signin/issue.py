"""From a person whom somebody vouches for to a Fuyun token: the last steps of every road."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.core import trace as steps
from bridge.core.errors import AgentFrozen, AgentUnknown, BridgeError, ConnectionModeUnsuited, ExchangeRejected
from bridge.fuyun.exchange import FuyunExchange, check_agent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.core.model import AccountName, Connection, FuyunToken, Mode
    from bridge.core.trace import Trace
    from bridge.fuyun.subject import SubjectStrategy
    from bridge.signin.rehearsal import LookForAgent


_OF_AGENTS: Final[Mapping[str, type[BridgeError]]] = {"NoAgentFound": AgentUnknown, "AgentFrozen": AgentFrozen}
"""Codes of the contact center that speak of the agent, where Fuyun passes them on."""


class Issue:
    """Obtains Fuyun tokens.

    Args:
        subjects: what makes the subject token in each mode.
        look_for_agent: asks the contact center, once Fuyun has refused.
    """

    def __init__(
        self,
        subjects: Mapping[Mode, SubjectStrategy],
        exchange: FuyunExchange,
        look_for_agent: LookForAgent,
    ) -> None:
        self._subjects = subjects
        self._look_for_agent = look_for_agent
        self._exchange = exchange

    def get_ready(self, connection: Connection) -> None:
        """Open a line to Fuyun in the background; see `FuyunExchange.get_ready`."""
        self._exchange.get_ready(connection.fuyun)

    def obtain(self, connection: Connection, access_token: str, account_name: AccountName, trace: Trace) -> FuyunToken:
        """Return the Fuyun token of an agent.

        Args:
            access_token: the provider's, for mode oauth.
            trace: takes down both steps.

        Raises:
            ExchangeRejected, ExchangeUnreachable, ExchangeAnswerInvalid: Fuyun gave none.
            AgentMismatch: it gave one for somebody else.
        """
        with trace.step(steps.EXCHANGE):
            fuyun = self._exchanged(connection, access_token, account_name)
        trace.user_name = fuyun.unverified_user_name or ""
        with trace.step(steps.USER_NAME):
            check_agent(fuyun, account_name)
        return fuyun

    def on_behalf(self, connection: Connection, account_name: AccountName, trace: Trace) -> FuyunToken:
        """Return the Fuyun token of an agent for whom the platform itself vouches.

        Raises:
            BridgeError: as for `obtain`.
            AgentUnknown, AgentFrozen: why Fuyun refused, where the connection can ask the contact center.
            ConnectionModeUnsuited: only in mode jwt the bridge can speak for somebody who is not here.
        """
        if connection.mode != "jwt":
            raise ConnectionModeUnsuited(
                "Only in mode jwt the bridge can vouch for an agent.",
                expected="mode jwt",
                received=f"mode {connection.mode}",
            )
        trace.account_name, trace.vouched = account_name, True
        try:
            return self.obtain(connection, "", account_name, trace)
        except ExchangeRejected as refusal:
            # Nobody publishes which code Fuyun has for an account without an agent; the contact center knows.
            self._look_for_agent(connection, account_name, trace)
            told = _OF_AGENTS.get(refusal.received)
            if told is None:
                raise
            raise told(expected="an agent who may work", received=refusal.received) from refusal

    def _exchanged(self, connection: Connection, access_token: str, account_name: AccountName) -> FuyunToken:
        refusal: ExchangeRejected | None = None
        for subject in self._subjects[connection.mode].subject_tokens(connection, access_token, account_name):
            try:
                return self._exchange.exchange(connection.fuyun, subject)
            except ExchangeRejected as fault:
                if fault.received in _OF_AGENTS:
                    # It got as far as the agent, so the key was the right one.
                    raise
                # The key that is due by our clock is the one whose refusal is told.
                refusal = refusal or fault
        raise refusal or ExchangeRejected(expected="a subject token", received="none")
