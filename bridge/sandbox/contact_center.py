"""One contact center's state: its agents and their live states, skill groups, departments and hotline numbers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from bridge.sandbox.people import Agent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.sandbox.aiccs_wire import Given, Operation

HOTLINE: Final = 1
FLOWS: Final = {123456: "默认流程", 123457: "售后流程"}
"""IVR flows, which only the workbench can make: id → name."""
STATES: Final = {"AgentCheckout": 1, "AgentReady": 2, "AgentBreak": 3, "AgentAcw": 4, "AgentBusyForCall": 5}
"""Code → number; only the codes are published, the numbers are a guess."""
_REMEMBERED: Final = 5000
_FIRST_TENANT: Final = 905
_FIRST_DEPARTMENT: Final = 10
_FIRST_GROUP: Final = 1234001


@dataclass(frozen=True, slots=True)
class SkillGroup:
    """A skill group; `channel` is 1 hotline, 2 online chat, 3 ticket; `department_id` is 0 outside of all."""

    group_id: int
    name: str
    display_name: str
    description: str = ""
    channel: int = HOTLINE
    department_id: int = 0

    @property
    def channel_bit(self) -> int:
        """Return the channel as the queries' bit mask knows it."""
        return 1 << (self.channel - 1)


@dataclass(frozen=True, slots=True)
class OutboundRange:
    """Who of a department may show a number: the named skill groups, or all without one."""

    department_id: int
    group_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class HotlineNumber:
    """A hotline number as AddHotlineNumber sets it; `evaluation_level` is the steps of its survey, 0 unset."""

    number: str
    description: str
    inbound: bool = True
    outbound: bool = True
    inbound_evaluation: bool = False
    outbound_evaluation: bool = False
    outbound_all: bool = False
    ranges: tuple[OutboundRange, ...] = ()
    flow_id: int = 0
    evaluation_level: int = 0


class ContactCenter:
    """The state of one instance; whoever changes it holds the world's lock.

    Args:
        instance_id: its id.
        position: its place among the instances, from which its ids come.
        next_agent_id: gives the ids of agents, which are the world's.

    Attributes:
        agents, deleted: by account name; who is deleted keeps the id for a return.
        states: account name → a code of `STATES` and the kind of break; who is missing is checked out.
        lines: hotline numbers by number.
    """

    def __init__(self, instance_id: str, position: int, next_agent_id: Callable[[], int]) -> None:
        self.instance_id = instance_id
        self.tenant_id = _FIRST_TENANT + position
        self.agents: dict[str, Agent] = {}
        self.deleted: dict[str, Agent] = {}
        self.states: dict[str, tuple[str, int]] = {}
        self.departments: dict[int, str] = {}
        self.groups: dict[int, SkillGroup] = {}
        self.lines: dict[str, HotlineNumber] = {}
        self._answers: dict[tuple[str, str], dict[str, Any]] = {}
        self._next_agent_id = next_agent_id
        self._next_department_id = count(_FIRST_DEPARTMENT + 100 * position)
        self._next_group_id = count(_FIRST_GROUP + 1000 * position)

    # agents

    def hire(
        self,
        account_name: str,
        display_name: str,
        *,
        groups: Iterable[int] | None = None,
        frozen: bool = False,
        foreign_id: str = "",
    ) -> Agent:
        """Create an agent, or replace the one of this name; an account keeps its id even over its deletion.

        Args:
            groups: skill group ids; by default the first group there is.
            foreign_id: the account's id at a third party's single sign-on.
        """
        known = self.agents.get(account_name) or self.deleted.pop(account_name, None)
        agent = Agent(
            account_name,
            display_name,
            known.agent_id if known else self._next_agent_id(),
            self.instance_id,
            frozen,
            tuple(list(self.groups)[:1]) if groups is None else tuple(dict.fromkeys(groups)),
            foreign_id,
        )
        self.agents[account_name] = agent
        return agent

    def dismiss(self, account_name: str) -> None:
        """Delete an agent, who leaves all groups; nothing happens where there is none."""
        agent = self.agents.pop(account_name, None)
        self.states.pop(account_name, None)
        if agent is not None:
            self.deleted[account_name] = replace(agent, groups=())

    def change(self, account_name: str, **fields: Any) -> Agent:
        """Give an agent other fields."""
        self.agents[account_name] = replace(self.agents[account_name], **fields)
        return self.agents[account_name]

    def knows(self, account_name: str) -> bool:
        """Tell whether there is or was an agent of this name."""
        return account_name in self.agents or account_name in self.deleted

    def agent_of(self, agent_id: int) -> Agent | None:
        """Return the agent of an id."""
        return next((one for one in self.agents.values() if one.agent_id == agent_id), None)

    def members(self, group_id: int) -> list[Agent]:
        """Return who is in a skill group, in the order of their coming."""
        return [one for one in self.agents.values() if group_id in one.groups]

    def state_of(self, account_name: str) -> tuple[str, int]:
        """Return the code of `STATES` and the kind of break, 0 for none."""
        return self.states.get(account_name, ("AgentCheckout", 0))

    def heartbeat_token(self, agent: Agent) -> str:
        """Return the secret by which an agent's sign-in is kept alive."""
        return hashlib.sha256(f"heartbeat {self.instance_id} {agent.agent_id}".encode()).hexdigest()[:32]

    # skill groups and departments

    def add_department(self, name: str) -> int:
        """Create a department and return its id."""
        department_id = next(self._next_department_id)
        self.departments[department_id] = name
        return department_id

    def add_group(
        self,
        name: str,
        display_name: str = "",
        *,
        description: str = "",
        channel: int = HOTLINE,
        department_id: int = 0,
    ) -> SkillGroup:
        """Create a skill group; without a display name it shows its name."""
        group_id = next(self._next_group_id)
        group = SkillGroup(group_id, name, display_name or name, description, channel, department_id)
        self.groups[group_id] = group
        return group

    def groups_of(self, department_id: int) -> list[SkillGroup]:
        """Return the skill groups of a department."""
        return [one for one in self.groups.values() if one.department_id == department_id]

    # hotline numbers

    def may_show(self, line: HotlineNumber, group: SkillGroup) -> bool:
        """Tell whether a group's agents may show this number to whom they call."""
        of_department = [one for one in line.ranges if one.department_id == group.department_id]
        ranged = any(not one.group_ids or group.group_id in one.group_ids for one in of_department)
        return line.outbound and (line.outbound_all or ranged)

    # requests

    def once(self, action: str, given: Given, perform: Operation) -> dict[str, Any]:
        """Perform an operation, or repeat its answer where its ClientToken came before; refusals are not kept."""
        key = action, given.text("ClientToken")
        if not key[1]:
            return perform(given)
        if key not in self._answers:
            if len(self._answers) >= _REMEMBERED:
                self._answers.pop(next(iter(self._answers)))
            self._answers[key] = perform(given)
        return self._answers[key]
