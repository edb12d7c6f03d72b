"""Agents that somebody makes, changes and deletes: one road for the console, the command line and the API."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.core.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.aiccs.agents import Agent, Agents
    from bridge.aiccs.instance import Instance
    from bridge.ops.journal import Journal
    from bridge.provisioning.known_agents import KnownAgents


@dataclass(frozen=True, slots=True)
class Charge:
    """Whose agents are changed, and by whom.

    Args:
        connection: its name.
        agents: asks with the patience that suits whoever waits.
        actor: as the journal names them.
    """

    connection: str
    instance: Instance
    agents: Agents
    actor: str


class Staff:
    """Changes agents, notes who may come back by a sign-in and who may not, and writes down who did it."""

    def __init__(self, known: KnownAgents, journal: Journal) -> None:
        self._known = known
        self._journal = journal

    def create(self, charge: Charge, account_name: str, display_name: str, group_ids: Sequence[int]) -> Agent:
        """Make an agent; raises as `Agents.create`."""
        made = charge.agents.create(charge.instance, account_name, display_name, group_ids)
        with suppress(StoreUnavailable):
            # It is made, and the first sign-in finds it.
            self._known.remember(charge.connection, account_name)
        self._note("agent_created", charge, account_name, groups=len(group_ids))
        return made

    def update(self, charge: Charge, account_name: str, display_name: str, group_ids: Sequence[int]) -> Agent:
        """Set an agent's display name and skill groups; raises as `Agents.update`."""
        agent = charge.agents.update(charge.instance, account_name, display_name, group_ids)
        self._note("agent_updated", charge, account_name, groups=len(group_ids))
        return agent

    def delete(self, charge: Charge, account_name: str) -> None:
        """Delete an agent for good: no sign-in brings it back; raises StoreUnavailable, and as `Agents.delete`."""
        # Before it is deleted: afterwards nothing might be left that says so.
        self._known.bar(charge.connection, account_name)
        charge.agents.delete(charge.instance, account_name)
        self._note("agent_deleted", charge, account_name)

    def sign_out(self, charge: Charge, account_name: str) -> None:
        """Take an agent off the hotline; raises as `Agents.sign_out`."""
        charge.agents.sign_out(charge.instance, account_name)
        self._note("agent_signed_out", charge, account_name)

    def _note(self, event: str, charge: Charge, account_name: str, **details: Any) -> None:
        self._journal.record_act(event, actor=charge.actor, connection=charge.connection, agent=account_name, **details)
