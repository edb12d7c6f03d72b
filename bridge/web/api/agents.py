"""Agents of the contact center, for a platform that keeps them in step with its own people."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from bridge.core.contact_center_errors import (
    AgentExists,
    ContactCenterShared,
    ContactCenterThrottled,
    ContactCenterUncertain,
)
from bridge.core.errors import (
    AgentUnknown,
    ConnectionModeUnsuited,
    ContactCenterError,
    ContactCenterUnreachable,
    showable,
)
from bridge.core.mapping import account_name_of
from bridge.http.api import Call, Desk, Message, Nothing
from bridge.http.api_pages import Page, PageQuery, page_of
from bridge.http.contact_center import own_instance
from bridge.http.current import services
from bridge.provisioning.staff import Charge

if TYPE_CHECKING:
    from bridge.aiccs.agents import Agent

desk = Desk("agents", "Agents")

_NAMESPACE: Final = uuid.UUID("5f0c0f1e-53a5-4b0c-9a44-0b7f3c1f6a2d")
_REFUSALS = (
    ConnectionModeUnsuited,
    ContactCenterShared,
    ContactCenterError,
    ContactCenterThrottled,
    ContactCenterUnreachable,
)


class AgentQuery(Message):
    """Which agent."""

    account_name: str = Field(
        min_length=1, max_length=255, description="The agent's AccountName.", examples=["lin@contoso.example"]
    )


class AgentsQuery(PageQuery):
    """Which agents."""

    skill_group_id: int = Field(default=0, ge=0, description="Only those of this skill group; 0: of all.")


class AgentAnswer(Message):
    """An agent as the contact center has it."""

    account_name: str = Field(examples=["lin@contoso.example"])
    display_name: str = Field(examples=["Lin"])
    agent_id: str = Field(description="The contact center's number; a text, for it is large.", examples=["25780001"])
    is_active: bool = Field(description="Whether the agent may work.", examples=[True])
    is_frozen: bool
    groups: list[str] = Field(description="Display names of the skill groups.", examples=[["Support"]])
    skill_group_ids: list[int] = Field(description="Their ids, in the same order.", examples=[[1234001]])


class AgentPage(Page):
    """Agents, by account name."""

    items: list[AgentAnswer]


class LiveStateAnswer(Message):
    """What an agent does right now."""

    state: str = Field(
        description="The contact center's word: AgentCheckout, AgentReady, AgentBreak, AgentAcw, AgentBusyForCall.",
        examples=["AgentReady"],
    )
    rest_type: int | None = Field(
        description="Of a break: 1 short, 2 meal, 3 meeting, 4 coaching, 5 training.", examples=[None]
    )
    is_assigned: bool = Field(description="Whether a call is on its way to the agent.", examples=[False])


class NewAgent(Message):
    """An agent to make."""

    account_name: str = Field(
        min_length=1, max_length=255, description="Cannot be changed later.", examples=["nora@contoso.example"]
    )
    display_name: str = Field(min_length=1, max_length=120, examples=["Nora"])
    skill_group_ids: list[int] = Field(default_factory=list, max_length=100, examples=[[1234001]])


class AgentChange(Message):
    """What an agent shall be like."""

    display_name: str = Field(min_length=1, max_length=120, examples=["Nora"])
    skill_group_ids: list[int] = Field(
        max_length=100, description="All skill groups that the agent shall have.", examples=[[1234001]]
    )


class Deleted(Message):
    """What was deleted."""

    deleted: int = Field(description="How many.", examples=[1])


@desk.operation(
    "GET",
    "/connections/<connection>/agents",
    scope="agents",
    query=AgentsQuery,
    gives=AgentPage,
    refuses=_REFUSALS,
)
def list_agents(call: Call[Nothing, AgentsQuery]) -> AgentPage:
    """List the agents of all skill groups, or of one.

    The contact center has no list of all agents: who is in no skill group is found by name only. With `skill_group_id`
    each agent tells that group alone.
    """
    instance, agents = own_instance(call.connection), services().contact_center.agents
    wanted = call.query.skill_group_id
    found = agents.in_group(instance, wanted) if wanted else agents.everyone(instance)
    items, following = page_of(sorted(found, key=_place), _place, call.query)
    return AgentPage(items=[_answer(agent) for agent in items], next_cursor=following)


@desk.operation(
    "POST",
    "/connections/<connection>/agents",
    scope="agents:write",
    takes=NewAgent,
    gives=AgentAnswer,
    refuses=(AgentExists, ContactCenterUncertain, *_REFUSALS),
    is_repeatable=True,
)
def create_agent(call: Call[NewAgent, Nothing]) -> AgentAnswer:
    """Make an agent.

    An account that was deleted before and is made again is the same agent with the same number. With an
    `Idempotency-Key` the same request may be sent again after `contact_center_uncertain`: it makes no second agent, and
    an agent who is there exactly as wished is the answer.
    """
    account_name, charge = account_name_of(call.body.account_name), _charge(call)
    agent = services().staff.create(
        charge,
        account_name,
        call.body.display_name,
        call.body.skill_group_ids,
        token=_token(call, charge, account_name),
    )
    return _answer(agent)


@desk.operation(
    "GET",
    "/connections/<connection>/agent/state",
    scope="agents",
    query=AgentQuery,
    gives=LiveStateAnswer,
    refuses=_REFUSALS,
    not_found=(AgentUnknown,),
)
def show_agent_state(call: Call[Nothing, AgentQuery]) -> LiveStateAnswer:
    """Tell what an agent does right now."""
    account_name = account_name_of(call.query.account_name)
    state = services().contact_center.agents.live_state(own_instance(call.connection), account_name)
    return LiveStateAnswer(state=state.code, rest_type=state.rest_type, is_assigned=state.is_assigned)


@desk.operation(
    "GET",
    "/connections/<connection>/agent",
    scope="agents",
    query=AgentQuery,
    gives=AgentAnswer,
    refuses=_REFUSALS,
    not_found=(AgentUnknown,),
)
def show_agent(call: Call[Nothing, AgentQuery]) -> AgentAnswer:
    """Look an agent up in the contact center.

    The connection needs access to the contact center's OpenAPI.
    """
    account_name = account_name_of(call.query.account_name)
    agent = services().contact_center.agents.find(own_instance(call.connection), account_name)
    if agent is None:
        raise AgentUnknown(expected=f"an agent with AccountName {showable(account_name)}", received="none")
    return _answer(agent)


@desk.operation(
    "PUT",
    "/connections/<connection>/agent",
    scope="agents:write",
    query=AgentQuery,
    takes=AgentChange,
    gives=AgentAnswer,
    refuses=(ContactCenterUncertain, *_REFUSALS),
    not_found=(AgentUnknown,),
)
def change_agent(call: Call[AgentChange, AgentQuery]) -> AgentAnswer:
    """Set an agent's display name and skill groups.

    Skill groups that are left out lose the agent.
    """
    account_name = account_name_of(call.query.account_name)
    agent = services().staff.update(_charge(call), account_name, call.body.display_name, call.body.skill_group_ids)
    return _answer(agent)


@desk.operation(
    "DELETE",
    "/connections/<connection>/agent",
    scope="agents:write",
    query=AgentQuery,
    gives=Deleted,
    refuses=(ContactCenterUncertain, *_REFUSALS),
    not_found=(AgentUnknown,),
)
def delete_agent(call: Call[Nothing, AgentQuery]) -> Deleted:
    """Delete an agent.

    No sign-in brings the agent back by itself. The phone of the agent is signed out by
    `DELETE /connections/{connection}/sessions`.
    """
    account_name = account_name_of(call.query.account_name)
    services().staff.delete(_charge(call), account_name)
    return Deleted(deleted=1)


def _token(call: Call[Any, Any], charge: Charge, account_name: str) -> str:
    """Return the ClientToken by which a request that is sent again is known; empty: it never is."""
    if not call.once:
        return ""
    return str(uuid.uuid5(_NAMESPACE, f"{call.key.id}\n{call.once}\n{charge.instance.id}\n{account_name}"))


def _charge(call: Call[Any, Any]) -> Charge:
    instance = own_instance(call.connection)
    return Charge(call.connection.name, instance, services().contact_center.agents, call.actor)


def _place(agent: Agent) -> str:
    return agent.account_name


def _answer(agent: Agent) -> AgentAnswer:
    return AgentAnswer(
        account_name=agent.account_name,
        display_name=agent.display_name,
        agent_id=agent.agent_id,
        is_active=agent.is_active,
        is_frozen=agent.is_frozen,
        groups=list(agent.groups),
        skill_group_ids=list(agent.group_ids),
    )
