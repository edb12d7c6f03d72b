"""Agents who are made just in time: at the first sign-in of somebody whom the contact center does not know."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from bridge.access.rules import is_mailbox, is_unvouched_mailbox
from bridge.aiccs.instance import reachable_instance
from bridge.core import trace as steps
from bridge.core.contact_center_errors import AgentExists
from bridge.core.errors import (
    AgentFrozen,
    AgentUnknown,
    BridgeError,
    ContactCenterError,
    ContactCenterUnreachable,
    StoreUnavailable,
    showable,
)
from bridge.core.mapping import as_text, find_field, folded
from bridge.core.new_agent import NewAgent, new_agent
from bridge.provisioning.spellings import Spellings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.aiccs.agents import Agent, Agents
    from bridge.aiccs.instance import Instance
    from bridge.aiccs.skill_groups import SkillGroups
    from bridge.core.model import AccountName, Connection
    from bridge.core.trace import Trace
    from bridge.ops.journal import Journal
    from bridge.ops.trail import Trail
    from bridge.provisioning.known_agents import Claim, KnownAgents, State

_LOOK_EVERY: Final = 0.1
"""Seconds between two looks of one who waits for another sign-in's agent."""
_LOOKS: Final = 100


@dataclass(frozen=True, slots=True)
class _Newcomer:
    """Somebody who may need an agent, and what was known of the account before."""

    connection: Connection
    instance: Instance
    new: NewAgent
    state: State | None

    @property
    def name(self) -> str:
        """The connection's."""
        return self.connection.name

    @property
    def account_name(self) -> str:
        """As the mapping field gave it."""
        return self.new.account_name


class JustInTime:
    """Makes agents where the connection says so; whoever was deleted or frozen stays that way.

    Args:
        may_make: whether a connection may make agents in its contact center at all; see `Consent`.
        pause: sleeps for seconds.
    """

    def __init__(
        self,
        *,
        agents: Agents,
        skill_groups: SkillGroups,
        known: KnownAgents,
        trail: Trail,
        journal: Journal,
        may_make: Callable[[Connection], bool],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._agents = agents
        self._skill_groups = skill_groups
        self._known = known
        self._trail = trail
        self._journal = journal
        self._may_make = may_make
        self._pause = pause
        self._spellings = Spellings(agents)

    def ensure(
        self, connection: Connection, claims: Mapping[str, Any], account_name: AccountName, trace: Trace
    ) -> None:
        """See to it that somebody who signs in has an agent.

        Nothing is asked or read where the connection makes no agents, or the provider does not vouch for the address
        that would be the agent's; one row is read where the agent is known.

        Args:
            claims: all that is known of the person.
            trace: takes down the step, where there is anything to ask.

        Raises:
            AgentFrozen, AgentUnknown: there was an agent, whom no sign-in brings back, or is one of another spelling.
            ContactCenterUnreachable, ContactCenterError: the agent could not be made. Where not even the look-up was
                answered, nothing is raised: Fuyun knows whether there is an agent.
            StoreUnavailable: nobody can tell whether another sign-in is making it.
        """
        wanted, instance = connection.provisioning, reachable_instance(connection)
        if wanted is None or not wanted.create_agents or instance is None:
            return
        if not _is_vouched(connection, claims, account_name):
            return
        try:
            state = self._known.state(connection.name, account_name)
        except StoreUnavailable:
            # None is made blindly, and most who come have an agent.
            return
        if state == "known":
            return
        one = _Newcomer(connection, instance, new_agent(wanted, claims, account_name), state)
        was_answered = False
        try:
            with trace.step(steps.PROVISIONING):
                agent = self._agents.look_up(instance, account_name)
                was_answered = True
                self._settle(one, agent)
        except (ContactCenterError, ContactCenterUnreachable):
            if was_answered:
                raise

    def preview(self, connection: Connection, claims: Mapping[str, Any], account_name: str) -> NewAgent | None:
        """Return the agent that a first sign-in would make, and make none; None without ``[connections.provisioning]``.

        Which skill groups exist is told where the contact center can be asked; nothing is raised where it cannot.
        """
        if connection.provisioning is None:
            return None
        new = new_agent(connection.provisioning, claims, account_name)
        with suppress(StoreUnavailable):
            state = self._known.state(connection.name, account_name)
            had_one = state is None and self._trail.has_arrived(connection.name, account_name)
            new = replace(new, was_known=had_one or state in {"known", "barred"})
        instance = reachable_instance(connection)
        if instance is None:
            return new
        with suppress(BridgeError):
            _, unknown = self._group_ids(instance, new.skill_groups)
            new = replace(new, unknown_groups=unknown, is_checked=True)
        return new

    def foretell(
        self, connection: Connection, claims: Mapping[str, Any], account_name: AccountName, trace: Trace
    ) -> None:
        """Put the preview into a rehearsal's trace, where the connection makes agents."""
        if connection.provisioning is not None and connection.provisioning.create_agents:
            trace.new_agent = self.preview(connection, claims, account_name)

    # What is there already -------------------------------------------------------------------------------------------

    def _settle(self, one: _Newcomer, agent: Agent | None) -> None:
        if agent is not None and not (agent.is_deleted and one.state == "free"):
            self._recognise(one, agent)
            return
        if self._is_past(one):
            self._refuse_for_good(one)
        if not self._may_make(one.connection):
            return
        self._refuse_another_spelling(one)
        for _ in range(_LOOKS):
            claim = self._known.claim(one.name, one.account_name)
            if claim is not None:
                self._make(one, claim)
                return
            if self._is_made(one):
                return
            self._pause(_LOOK_EVERY)
        raise ContactCenterUnreachable(
            "Another sign-in of this person is making the agent.", expected="the agent", received="none in time"
        )

    def _is_made(self, one: _Newcomer) -> bool:
        """Say whether the sign-in that was faster has made the agent."""
        state = self._known.state(one.name, one.account_name)
        if state == "barred":
            raise _deleted(one.account_name)
        return state == "known"

    def _recognise(self, one: _Newcomer, agent: Agent) -> None:
        """Take an agent for what it is; raises AgentFrozen or AgentUnknown where it may not work."""
        if agent.is_deleted:
            self._refuse_for_good(one)
        if agent.is_frozen:
            self._bar(one)
            raise AgentFrozen(expected="an agent who is not frozen", received=showable(one.account_name))
        if not agent.is_active:
            return
        with suppress(StoreUnavailable):
            if one.state == "claimed" and self._known.claim(one.name, one.account_name):
                # Whoever made it never learnt that.
                self._tell(one, agent.groups, ())
            self._known.remember(one.name, one.account_name)

    def _refuse_for_good(self, one: _Newcomer) -> None:
        self._bar(one)
        raise _deleted(one.account_name)

    def _bar(self, one: _Newcomer) -> None:
        with suppress(StoreUnavailable):
            self._known.bar(one.name, one.account_name)

    def _is_past(self, one: _Newcomer) -> bool:
        """Say whether somebody without an agent had one."""
        if one.state is not None:
            return one.state == "barred"
        # Agents were made before there were such rows. In this order: an agent that is made this very moment is known
        # before its sign-in stands in the journal.
        has_arrived = self._trail.has_arrived(one.name, one.account_name)
        return has_arrived and self._known.state(one.name, one.account_name) is None

    def _refuse_another_spelling(self, one: _Newcomer) -> None:
        """Make none beside an agent whose name is spelled another way: that one may be frozen, or is the same person.

        Raises:
            AgentUnknown: there is such an agent.
        """
        usual, is_there = folded(one.account_name), False
        if usual != one.account_name:
            # Whoever is in no skill group stands in no list, and whoever was deleted neither.
            found = self._agents.look_up(one.instance, usual)
            is_there = found is not None and not (found.is_deleted and one.state == "free")
        if is_there or self._spellings.has_another(one.instance, one.account_name):
            raise AgentUnknown(
                "An agent of this name is there in another spelling: upper and lower case, or how it is written.",
                expected=f"the spelling of the contact center, not {showable(one.account_name)}",
                received="another spelling",
            )

    # Making one ------------------------------------------------------------------------------------------------------

    def _make(self, one: _Newcomer, claim: Claim) -> None:
        try:
            self._create(one, claim)
        except (AgentFrozen, AgentUnknown):
            raise
        except BridgeError:
            with suppress(StoreUnavailable):
                self._known.release(claim)
            raise

    def _create(self, one: _Newcomer, claim: Claim) -> None:
        new = one.new
        group_ids, unknown = self._group_ids(one.instance, new.skill_groups)
        try:
            self._agents.create(one.instance, one.account_name, new.display_name, group_ids, token=claim.client_token)
        except AgentExists:
            # Somebody was faster by another way: the vendor's console, or another connection.
            agent = self._agents.look_up(one.instance, one.account_name)
            if agent is None:
                raise
            self._recognise(one, agent)
            return
        with suppress(StoreUnavailable):
            self._known.remember(one.name, one.account_name)
        self._tell(one, [name for name in new.skill_groups if name not in unknown], unknown, new.rules)

    def _group_ids(self, instance: Instance, names: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
        """Return the ids of skill groups, and the names that none has; display names count too."""
        if not names:
            return [], ()
        ids: dict[str, int] = {}
        shown: dict[str, int] = {}
        for group in self._skill_groups.every(instance):
            ids.setdefault(group.name.casefold(), group.id)
            shown.setdefault(group.display_name.casefold(), group.id)
        by_name = shown | ids
        found = {name: by_name.get(name.casefold()) for name in names}
        known = [group_id for group_id in found.values() if group_id is not None]
        return list(dict.fromkeys(known)), tuple(name for name, group_id in found.items() if group_id is None)

    def _tell(self, one: _Newcomer, groups: Sequence[str], unknown: Sequence[str], rules: Sequence[str] = ()) -> None:
        details: dict[str, Any] = {
            "skill_groups": ", ".join(groups),
            "unknown_groups": ", ".join(unknown),
            "rules": "; ".join(rules),
        }
        self._journal.record_issue(
            "agent_created",
            connection=one.name,
            person=one.account_name,
            **{name: told for name, told in details.items() if told},
        )


def _is_vouched(connection: Connection, claims: Mapping[str, Any], account_name: str) -> bool:
    """Say whether an agent may be made for this address: who may register with any must not get anybody's agent.

    In mode jwt `signin.identity` has refused it already, or `jwt.accept_unverified_email` lets it pass.
    """
    field = connection.mapping_field
    if connection.mode == "jwt" or not is_mailbox(field):
        return True
    # The ID token may vouch for another address than the one that UserInfo has in the mapping field.
    return not is_unvouched_mailbox(field, claims) and as_text(find_field(claims, field)) == account_name


def _deleted(account_name: str) -> AgentUnknown:
    return AgentUnknown(
        "This account had an agent, who is gone; no sign-in brings it back.",
        expected=f"an agent with AccountName {showable(account_name)}",
        received="deleted",
    )
