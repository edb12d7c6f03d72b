"""Agents of the contact center."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from bridge.aiccs.reading import flag, number, part, rows_in, text
from bridge.core.contact_center_errors import AgentExists
from bridge.core.errors import AgentUnknown, BridgeError, ContactCenterError, showable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.aiccs.client import ContactCenter
    from bridge.aiccs.instance import Instance
    from bridge.aiccs.skill_groups import SkillGroups

_NORMAL: Final = "0"
_FROZEN: Final = "1"
_DELETED: Final = "2"
_NO_SUCH_AGENT: Final = "NoAgentFound"


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as the contact center has it.

    Args:
        account_name: as the contact center spells it.
        agent_id: its number as text; empty where it was not told. A long does not fit into JavaScript's numbers.
        status: the contact center's number as text: ``0`` normal, ``1`` frozen, ``2`` deleted. Anything else is kept as
            it came, and such an agent is neither active nor frozen: what it may do is not known.
        groups: display names of the skill groups.
        group_ids: their numbers, in the same order.
    """

    account_name: str
    display_name: str
    agent_id: str
    status: str
    groups: tuple[str, ...] = ()
    group_ids: tuple[int, ...] = ()

    @property
    def is_active(self) -> bool:
        """Whether the agent may work; only status normal may."""
        return self.status == _NORMAL

    @property
    def is_frozen(self) -> bool:
        """Whether somebody froze the agent."""
        return self.status == _FROZEN

    @property
    def is_deleted(self) -> bool:
        """Whether the agent is told of although somebody deleted it."""
        return self.status == _DELETED


@dataclass(frozen=True, slots=True)
class LiveState:
    """What an agent does right now.

    Args:
        code: the contact center's word: AgentCheckout, AgentReady, AgentBreak, AgentAcw or AgentBusyForCall; anything
            else is kept as it came.
        rest_type: of a break: 1 short, 2 meal, 3 meeting, 4 coaching, 5 training; None where it is no break.
        is_assigned: whether a call is on its way to the agent.
    """

    code: str
    rest_type: int | None = None
    is_assigned: bool = False


class Agents:
    """Asks the contact center about its agents, and changes them."""

    def __init__(self, contact_center: ContactCenter, skill_groups: SkillGroups) -> None:
        self._contact_center = contact_center
        self._skill_groups = skill_groups

    def find(self, instance: Instance, account_name: str) -> Agent | None:
        """Return the agent with this AccountName, or None where there is none or it is deleted; see `look_up`."""
        agent = self.look_up(instance, account_name)
        return None if agent is None or agent.is_deleted else agent

    def look_up(self, instance: Instance, account_name: str) -> Agent | None:
        """Return the agent with this AccountName, a deleted one too where the contact center tells of it (GetAgent).

        What GetAgent says about an unknown account is published nowhere; two answers are taken for it: the code
        ``NoAgentFound`` that its sister DeleteAgent has, and success without data.

        Raises:
            ContactCenterError: refused, such as ``NoTenantFound`` for an unknown instance, or an unusable answer.
            ContactCenterUnreachable: no answer.
        """
        try:
            answer = self._contact_center.read(instance, "get_agent", account_name=account_name)
        except ContactCenterError as refusal:
            if refusal.received == _NO_SUCH_AGENT:
                return None
            raise
        agent = _read(part(answer, "Data"))
        if not agent.account_name and (agent.agent_id or "Success" not in answer):
            raise ContactCenterError("The contact center's answer is not usable.", expected="AccountName of the agent")
        return agent if agent.account_name else None

    def in_group(self, instance: Instance, group_id: int) -> list[Agent]:
        """Return the agents of one skill group who are not deleted (ListAgentBySkillGroupId); raises as `look_up`."""
        answer = self._contact_center.read(instance, "list_agent_by_skill_group_id", skill_group_id=group_id)
        found = (_read(row) for row in rows_in(answer.get("Data")))
        return [agent for agent in found if agent.account_name and not agent.is_deleted]

    def everyone(self, instance: Instance) -> list[Agent]:
        """Return the agents of all skill groups, each once with its groups, by account name; raises as `look_up`.

        There is no operation that lists all agents: who is in no skill group is not found here.
        """
        known: dict[str, Agent] = {}
        for group in self._skill_groups.every(instance):
            for agent in self.in_group(instance, group.id):
                former = known.get(agent.account_name, agent)
                groups, group_ids = (*former.groups, group.display_name), (*former.group_ids, group.id)
                known[agent.account_name] = replace(agent, groups=groups, group_ids=group_ids)
        return sorted(known.values(), key=lambda agent: agent.account_name.casefold())

    def live_state(self, instance: Instance, account_name: str) -> LiveState:
        """Return what an agent does now (GetHotlineAgentDetail); its heartbeat token is left where it is.

        Raises:
            AgentUnknown: there is no such agent.
            BridgeError: as for `look_up`.
        """
        answer = self._told_of(
            account_name,
            lambda: self._contact_center.read(instance, "get_hotline_agent_detail", account_name=account_name),
        )
        data = part(answer, "Data")
        return LiveState(text(data, "AgentStatusCode"), number(data, "RestType"), flag(data, "Assigned"))

    def create(
        self, instance: Instance, account_name: str, display_name: str, group_ids: Sequence[int], *, token: str = ""
    ) -> Agent:
        """Make an agent and return it as the contact center has it then (CreateAgent).

        Args:
            token: ClientToken under which the same wish is known again; empty: a new one.

        Raises:
            AgentExists: the contact center refused, and has an agent of this name.
            BridgeError: as for `look_up`.
        """
        try:
            self._contact_center.write(
                instance,
                "create_agent",
                account_name=account_name,
                display_name=display_name,
                skill_group_id_list=list(group_ids) or None,
                client_token=token or None,
            )
        except ContactCenterError as refusal:
            # Which code says so is published nowhere; that the agent is there says it as well.
            if self._is_there(instance, account_name):
                raise AgentExists(
                    expected=f"no agent with AccountName {showable(account_name)}", received=refusal.received
                ) from refusal
            raise
        made = self.look_up(instance, account_name)
        # The contact center may need a moment until it tells of what it made.
        return made or Agent(account_name, display_name, "", _NORMAL, (), tuple(group_ids))

    def update(self, instance: Instance, account_name: str, display_name: str, group_ids: Sequence[int]) -> Agent:
        """Give an agent another display name and these skill groups, no others (UpdateAgent).

        Nobody publishes whether UpdateAgent replaces the skill groups or adds to them, so that what should have gone
        and has not is taken away by itself.

        Returns:
            The agent as the contact center has it then.

        Raises:
            AgentUnknown: there is no such agent.
            BridgeError: as for `look_up`.
        """
        self._told_of(
            account_name,
            lambda: self._contact_center.write(
                instance,
                "update_agent",
                account_name=account_name,
                display_name=display_name,
                skill_group_id_list=list(group_ids) or None,
            ),
        )
        agent = self._demanded(instance, account_name)
        surplus = set(agent.group_ids) - set(group_ids)
        if not surplus:
            return agent
        for group_id in sorted(surplus):
            self._skill_groups.remove_agents(instance, group_id, [agent.agent_id])
        return self._demanded(instance, account_name)

    def delete(self, instance: Instance, account_name: str) -> None:
        """Delete an agent (DeleteAgent); an account made again later is the same agent with the same number.

        Raises:
            AgentUnknown: there is no such agent.
            BridgeError: as for `look_up`.
        """
        try:
            self._contact_center.write(instance, "delete_agent", account_name=account_name)
        except ContactCenterError as refusal:
            if refusal.received != _NO_SUCH_AGENT:
                raise
            if not refusal.may_be_done:
                raise _unknown(account_name) from refusal

    def sign_out(self, instance: Instance, account_name: str) -> None:
        """Take an agent off the hotline (FinishHotlineService); raises as `delete`."""
        self._told_of(
            account_name,
            lambda: self._contact_center.write(instance, "finish_hotline_service", account_name=account_name),
        )

    def _demanded(self, instance: Instance, account_name: str) -> Agent:
        agent = self.find(instance, account_name)
        if agent is None:
            raise _unknown(account_name)
        return agent

    def _is_there(self, instance: Instance, account_name: str) -> bool:
        try:
            return self.find(instance, account_name) is not None
        except BridgeError:
            return False

    @staticmethod
    def _told_of(account_name: str, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return ask()
        except ContactCenterError as refusal:
            if refusal.received == _NO_SUCH_AGENT:
                raise _unknown(account_name) from refusal
            raise


def _unknown(account_name: str) -> AgentUnknown:
    return AgentUnknown(expected=f"an agent with AccountName {showable(account_name)}", received="none")


def _read(data: Mapping[str, Any]) -> Agent:
    groups = [
        (text(group, "DisplayName") or text(group, "Name"), number(group, "SkillGroupId"))
        for group in rows_in(data.get("GroupList"))
    ]
    return Agent(
        account_name=text(data, "AccountName"),
        display_name=text(data, "DisplayName"),
        agent_id=text(data, "AgentId"),
        status=text(data, "Status"),
        groups=tuple(name for name, _ in groups if name),
        group_ids=tuple(group_id for _, group_id in groups if group_id is not None),
    )
