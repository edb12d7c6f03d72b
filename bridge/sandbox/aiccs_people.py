"""The OpenAPI's operations about agents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.sandbox.aiccs_wire import ApiRefusal, succeeded, succeeded_briefly
from bridge.sandbox.contact_center import STATES

if TYPE_CHECKING:
    from bridge.sandbox.aiccs_wire import Given, Operation, Operations
    from bridge.sandbox.contact_center import ContactCenter
    from bridge.sandbox.people import Agent
    from bridge.sandbox.world import World

NORMAL: Final = 0
FROZEN: Final = 1
DELETED: Final = 2
_ROLES: Final = {1: ("AGENT", "坐席"), 2: ("SUPERVISOR", "主管")}


def people_operations(world: World) -> Operations:
    """Return the operations about agents."""
    desk = People(world)
    return {
        ("POST", "CreateAgent"): desk.once("CreateAgent", desk.create),
        ("PUT", "UpdateAgent"): desk.once("UpdateAgent", desk.update),
        ("DELETE", "DeleteAgent"): desk.once("DeleteAgent", desk.delete),
        ("POST", "CreateThirdSsoAgent"): desk.once("CreateThirdSsoAgent", desk.create_third_sso),
        ("GET", "GetAgent"): desk.get,
        ("POST", "GetAgentById"): desk.get_by_id,
        ("GET", "ListAgentBySkillGroupId"): desk.list_by_group,
        ("GET", "ListRoles"): desk.list_roles,
        ("GET", "GetHotlineAgentDetail"): desk.detail,
        ("POST", "FinishHotlineService"): desk.finish,
    }


def no_group() -> ApiRefusal:
    """Return the refusal of an unknown skill group; its code is a guess after ``Department.NotFound``."""
    return ApiRefusal("SkillGroup.NotFound", "The specified skill group does not exist.", 500)


def named_agent(center: ContactCenter, given: Given, account_name: str) -> Agent:
    """Return the agent of this name; raises `ApiRefusal` (NoAgentFound)."""
    agent = center.agents.get(account_name)
    if agent is None or "unknown_agent" in given.drawn:
        raise no_agent()
    return agent


@dataclass(frozen=True, slots=True)
class People:
    """Performs the operations, each on the contact center that the request names."""

    world: World

    def once(self, action: str, perform: Operation) -> Operation:
        """Return an operation that a ClientToken lets happen once."""
        return lambda given: self.center(given).once(action, given, perform)

    def center(self, given: Given) -> ContactCenter:
        """Return the contact center in question."""
        return self.world.contact_centers[given.instance_id]

    def create(self, given: Given) -> dict[str, Any]:
        """Create an agent; who was deleted comes back with the same id."""
        center, account_name = self.center(given), given.demand("AccountName")
        display_name, groups = given.demand("DisplayName"), _groups(center, given)
        if account_name in center.agents:
            raise _existed()
        return succeeded(Data=center.hire(account_name, display_name, groups=groups or ()).agent_id)

    def create_third_sso(self, given: Given) -> dict[str, Any]:
        """Create an agent who signs in by an application of the developer portal."""
        center, account_name = self.center(given), given.demand("AccountName")
        foreign_id, client_id = given.demand("AccountId"), given.demand("ClientId")
        roles, groups = given.numbers("RoleIds"), _known(center, given.numbers("SkillGroupIds"))
        if client_id not in self.world.fuyun_apps or not _ROLES.keys() >= set(roles):
            raise ApiRefusal("ParameterError", "The parameter ClientId or RoleIds is wrong.", 400)
        if account_name in center.agents:
            raise _existed()
        display_name = given.text("DisplayName", account_name)
        agent = center.hire(account_name, display_name, groups=groups, foreign_id=foreign_id)
        return succeeded(Data=agent.agent_id)

    def update(self, given: Given) -> dict[str, Any]:
        """Change the display name; a list of skill groups takes the place of the old one, which is a guess."""
        center = self.center(given)
        agent = named_agent(center, given, given.demand("AccountName"))
        display_name, groups = given.demand("DisplayName"), _groups(center, given)
        kept = agent.groups if groups is None else groups
        center.change(agent.account_name, display_name=display_name, groups=kept)
        return succeeded()

    def delete(self, given: Given) -> dict[str, Any]:
        """Delete an agent."""
        center = self.center(given)
        center.dismiss(named_agent(center, given, given.demand("AccountName")).account_name)
        return succeeded()

    def get(self, given: Given) -> dict[str, Any]:
        """Tell of an agent; that deleted ones are told of, with their status, is a guess."""
        center, account_name = self.center(given), given.demand("AccountName")
        deleted = center.deleted.get(account_name)
        if deleted is None or "unknown_agent" in given.drawn:
            agent = named_agent(center, given, account_name)
            status = DELETED if "deleted_agent" in given.drawn else _status(agent, given)
        else:
            agent, status = deleted, DELETED
        told = {} if "no_data" in given.drawn else {"Data": _whole(center, agent, status)}
        answer = {**succeeded(), **told}
        del answer["Message"]  # the response has no such member
        return answer

    def get_by_id(self, given: Given) -> dict[str, Any]:
        """Tell an agent's names."""
        agent = self.center(given).agent_of(given.demand_number("AgentId"))
        if agent is None:
            raise no_agent()
        data = {
            "AgentId": agent.agent_id,
            "CreateUserName": "admin",
            "ForeignKey": agent.foreign_id,
            "ForeignNick": agent.account_name,
            "RealName": agent.display_name,
            "ServicerType": 1,
            "ShowName": agent.display_name,
        }
        return succeeded_briefly(Data=data)

    def list_by_group(self, given: Given) -> dict[str, Any]:
        """List the agents of a skill group."""
        center, group_id = self.center(given), given.demand_number("SkillGroupId")
        _known(center, [group_id])
        rows = [_row(center, one, _status(one, given)) for one in center.members(group_id)]
        return succeeded_briefly(Data=rows)

    def list_roles(self, given: Given) -> dict[str, Any]:
        """List the roles."""
        tenant = self.center(given).tenant_id
        rows = [
            {
                "BuId": tenant,
                "Code": code,
                "CreateTime": "2026-01-05 09:00:00",
                "Description": "",
                "RoleGroupId": 1,
                "RoleGroupName": "默认",
                "RoleId": role_id,
                "Title": title,
            }
            for role_id, (code, title) in _ROLES.items()
        ]
        answer = succeeded(Data=rows)
        del answer["Code"]  # the response has no such member
        return answer

    def detail(self, given: Given) -> dict[str, Any]:
        """Tell an agent's live state."""
        center = self.center(given)
        agent = named_agent(center, given, given.demand("AccountName"))
        code, rest_type = center.state_of(agent.account_name)
        data = {
            "AgentId": agent.agent_id,
            "AgentStatus": STATES[code],
            "AgentStatusCode": code,
            "Assigned": code == "AgentBusyForCall",
            "RestType": rest_type,
            "TenantId": center.tenant_id,
            "Token": center.heartbeat_token(agent),
        }
        return succeeded(Data=data)

    def finish(self, given: Given) -> dict[str, Any]:
        """Check an agent out."""
        center = self.center(given)
        center.states.pop(named_agent(center, given, given.demand("AccountName")).account_name, None)
        return succeeded()


def _groups(center: ContactCenter, given: Given) -> tuple[int, ...] | None:
    """Return the skill groups asked for, in either spelling; None where the request speaks of none."""
    asked = given.numbers("SkillGroupIdList") or given.numbers("SkillGroupId")
    return _known(center, asked) if asked else None


def _known(center: ContactCenter, group_ids: list[int]) -> tuple[int, ...]:
    if not center.groups.keys() >= set(group_ids):
        raise no_group()
    return tuple(dict.fromkeys(group_ids))


def no_agent() -> ApiRefusal:
    """Return the refusal of an unknown agent; published for some operations, that all say the same is a guess."""
    return ApiRefusal("NoAgentFound", "The specified agent does not exist.", 500)


def _existed() -> ApiRefusal:
    # What an existing account is answered is not published: the code is a guess, HTTP 500 the rule of the others.
    return ApiRefusal("AgentExisted", "The specified agent already exists.", 500)


def _status(agent: Agent, given: Given) -> int:
    return FROZEN if agent.frozen or "frozen_agent" in given.drawn else NORMAL


def _row(center: ContactCenter, agent: Agent, status: int) -> dict[str, Any]:
    return {
        "AccountName": agent.account_name,
        "AgentId": agent.agent_id,
        "DisplayName": agent.display_name,
        "Status": status,
        "TenantId": center.tenant_id,
    }


def _whole(center: ContactCenter, agent: Agent, status: int) -> dict[str, Any]:
    groups = [
        {
            "ChannelType": one.channel,
            "Description": one.description,
            "DisplayName": one.display_name,
            "Name": one.name,
            "SkillGroupId": one.group_id,
        }
        for one in (center.groups[group_id] for group_id in agent.groups)
    ]
    return {**_row(center, agent, status), "GroupList": groups}
