"""Does the contact center have the agent: a rehearsal asks, where the connection has access to the OpenAPI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.aiccs.instance import reachable_instance
from bridge.core import trace as steps
from bridge.core.errors import AgentFrozen, AgentUnknown, ContactCenterError, ContactCenterUnreachable, showable

if TYPE_CHECKING:
    from bridge.aiccs.agents import Agents
    from bridge.aiccs.instance import Instance
    from bridge.core.model import AccountName, Connection
    from bridge.core.trace import Trace


class AgentCheck:
    """Looks for the agent that a mapping names."""

    def __init__(self, agents: Agents) -> None:
        self._agents = agents

    def __call__(self, connection: Connection, account_name: AccountName, trace: Trace) -> None:
        """Take down whether the agent exists and may work.

        Raises:
            AgentUnknown, AgentFrozen: what an agent's sign-in would meet with too.
        """
        instance = reachable_instance(connection)
        if instance is None:
            return
        try:
            with trace.step(steps.AGENT):
                self._look(instance, account_name)
        except (ContactCenterError, ContactCenterUnreachable):
            # The sign-in itself needs no access to the OpenAPI: its failure is told, and the walk goes on.
            return

    def _look(self, instance: Instance, account_name: AccountName) -> None:
        agent = self._agents.look_up(instance, account_name)
        if agent is None or agent.is_deleted:
            received = "none" if agent is None else "deleted"
            raise AgentUnknown(expected=f"an agent with AccountName {showable(account_name)}", received=received)
        if agent.is_frozen:
            raise AgentFrozen(expected="an agent who is not frozen", received=showable(account_name))
