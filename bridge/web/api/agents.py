"""Agents of the contact center, for a platform that wants to know before it asks for a token."""

from __future__ import annotations

from pydantic import Field

from bridge.core.errors import (
    AgentUnknown,
    ConnectionModeUnsuited,
    ContactCenterError,
    ContactCenterUnreachable,
    showable,
)
from bridge.core.mapping import account_name_of
from bridge.http.api import Call, Desk, Message, Nothing
from bridge.http.current import services

desk = Desk("agents", "Agents")


class AgentQuery(Message):
    """Which agent."""

    account_name: str = Field(
        min_length=1, max_length=255, description="The agent's AccountName.", examples=["lin@contoso.example"]
    )


class AgentAnswer(Message):
    """An agent as the contact center has it."""

    account_name: str = Field(examples=["lin@contoso.example"])
    display_name: str = Field(examples=["Lin"])
    is_active: bool = Field(description="Whether the agent may work.", examples=[True])
    is_frozen: bool
    groups: list[str] = Field(description="Display names of the skill groups.", examples=[["Support"]])


@desk.operation(
    "GET",
    "/connections/<connection>/agent",
    scope="agents",
    query=AgentQuery,
    gives=AgentAnswer,
    refuses=(AgentUnknown, ConnectionModeUnsuited, ContactCenterError, ContactCenterUnreachable),
)
def show_agent(call: Call[Nothing, AgentQuery]) -> AgentAnswer:
    """Look an agent up in the contact center.

    The connection needs access to the contact center's OpenAPI.
    """
    account_name, connection = account_name_of(call.query.account_name), call.connection
    if connection.aiccs is None or not connection.instance_id:
        raise ConnectionModeUnsuited(
            "The connection has no access to the contact center's OpenAPI.",
            expected="[connections.aiccs] and instance_id",
            received="none",
        )
    agent = services().agents.find(connection.aiccs, connection.instance_id, account_name)
    if agent is None:
        raise AgentUnknown(expected=f"an agent with AccountName {showable(account_name)}", received="none")
    return AgentAnswer(
        account_name=agent.account_name,
        display_name=agent.display_name,
        is_active=agent.is_active,
        is_frozen=agent.is_frozen,
        groups=list(agent.groups),
    )
