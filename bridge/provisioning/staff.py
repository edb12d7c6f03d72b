"""Agents that somebody makes, changes and deletes: one road for the console, the command line and the API."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.core.contact_center_errors import AgentExists, ContactCenterUncertain
from bridge.core.errors import (
    AgentUnknown,
    BridgeError,
    ContactCenterError,
    ContactCenterUnreachable,
    StoreUnavailable,
    showable,
)
from bridge.provisioning.bulk import Profile, is_as

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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

    def create(
        self, charge: Charge, account_name: str, display_name: str, group_ids: Sequence[int], *, token: str = ""
    ) -> Agent:
        """Make an agent; raises as `Agents.create`.

        Args:
            token: ClientToken of a wish that may have been sent before: an agent who is there as wished is its outcome.
        """
        with self._noted_if_uncertain("agent_created", charge, account_name, groups=len(group_ids)):
            try:
                made = charge.agents.create(charge.instance, account_name, display_name, group_ids, token=token)
            except AgentExists:
                found = charge.agents.find(charge.instance, account_name) if token else None
                if found is None or not is_as(found, Profile(display_name, tuple(group_ids))):
                    raise
                made = found
        with suppress(StoreUnavailable):
            # It is made, and the first sign-in finds it.
            self._known.remember(charge.connection, account_name)
        self._note("agent_created", charge, account_name, groups=len(group_ids))
        return made

    def update(self, charge: Charge, account_name: str, display_name: str, group_ids: Sequence[int]) -> Agent:
        """Set an agent's display name and skill groups; raises as `Agents.update`."""
        with self._noted_if_uncertain("agent_updated", charge, account_name, groups=len(group_ids)):
            agent = charge.agents.update(charge.instance, account_name, display_name, group_ids)
        self._note("agent_updated", charge, account_name, groups=len(group_ids))
        return agent

    def delete(self, charge: Charge, account_name: str) -> None:
        """Delete an agent for good: no sign-in brings it back.

        Raises:
            AgentUnknown: there is none; whoever never had an agent may get one later.
            StoreUnavailable: nothing was done.
            BridgeError: as `Agents.delete`; where that says for sure that nothing was done, sign-ins go on as before.
        """
        if charge.agents.find(charge.instance, account_name) is None:
            raise AgentUnknown(expected=f"an agent with AccountName {showable(account_name)}", received="none")
        former = self._known.state(charge.connection, account_name)
        # Before it is deleted: afterwards nothing might be left that says so.
        self._known.bar(charge.connection, account_name)
        try:
            with self._noted_if_uncertain("agent_deleted", charge, account_name):
                charge.agents.delete(charge.instance, account_name)
        except ContactCenterError as refusal:
            if not refusal.may_be_done:
                with suppress(StoreUnavailable):
                    self._known.restore(charge.connection, account_name, former)
            raise
        self._note("agent_deleted", charge, account_name)

    def sign_out(self, charge: Charge, account_name: str) -> None:
        """Take an agent off the hotline; raises as `Agents.sign_out`."""
        charge.agents.sign_out(charge.instance, account_name)
        self._note("agent_signed_out", charge, account_name)

    @contextmanager
    def _noted_if_uncertain(self, event: str, charge: Charge, account_name: str, **details: Any) -> Iterator[None]:
        """Write down also what may have been done: whoever looks into the journal must not find nothing."""
        try:
            yield
        except BridgeError as fault:
            if _may_be_done(fault):
                self._note(event, charge, account_name, outcome="uncertain", **details)
            raise

    def _note(self, event: str, charge: Charge, account_name: str, **details: Any) -> None:
        self._journal.record_act(event, actor=charge.actor, connection=charge.connection, agent=account_name, **details)


def _may_be_done(fault: BridgeError) -> bool:
    # Also what the last attempt surely did not do: one before it may have, or the look at what was done failed.
    return isinstance(fault, (ContactCenterUncertain, ContactCenterUnreachable)) or (
        isinstance(fault, ContactCenterError) and fault.may_be_done
    )
