"""The OpenAPI's operations about skill groups and departments; those about numbers are joined to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox.aiccs_lines import line_operations, no_department
from bridge.sandbox.aiccs_people import no_agent, no_group
from bridge.sandbox.aiccs_wire import ApiRefusal, one_page, pages_of, succeeded_200, succeeded_briefly

if TYPE_CHECKING:
    from bridge.sandbox.aiccs_wire import Given, Operation, Operations
    from bridge.sandbox.contact_center import ContactCenter, SkillGroup
    from bridge.sandbox.world import World


def place_operations(world: World) -> Operations:
    """Return the operations about skill groups, departments, hotline numbers and instances."""
    desk = Places(world)
    return {
        ("POST", "CreateSkillGroup"): desk.once("CreateSkillGroup", desk.create_group),
        ("POST", "UpdateSkillGroup"): desk.once("UpdateSkillGroup", desk.update_group),
        ("POST", "RemoveSkillGroup"): desk.once("RemoveSkillGroup", desk.remove_group),
        ("POST", "QuerySkillGroups"): desk.query_groups,
        ("GET", "ListSkillGroup"): desk.list_groups,
        ("POST", "RemoveAgentFromSkillGroup"): desk.remove_agents,
        ("POST", "CreateDepartment"): desk.create_department,
        ("POST", "UpdateDepartment"): desk.update_department,
        ("POST", "DeleteDepartment"): desk.delete_department,
        ("GET", "GetAllDepartment"): desk.all_departments,
        ("GET", "GetDepGroupTreeData"): desk.tree,
        **line_operations(world),
    }


@dataclass(frozen=True, slots=True)
class Places:
    """Performs the operations, each on the contact center that the request names."""

    world: World

    def once(self, action: str, perform: Operation) -> Operation:
        """Return an operation that a ClientToken lets happen once."""
        return lambda given: self.center(given).once(action, given, perform)

    def center(self, given: Given) -> ContactCenter:
        """Return the contact center in question."""
        return self.world.contact_centers[given.instance_id]

    def create_group(self, given: Given) -> dict[str, Any]:
        """Create a skill group; two of one name are let through, which is a guess."""
        center, channel = self.center(given), given.demand_number("ChannelType")
        department_id = given.number("DepartmentId")
        if channel not in {1, 2, 3}:
            raise ApiRefusal("InvalidParameter", "The parameter ChannelType is not valid.", 400)
        if department_id:
            _department(center, department_id)
        group = center.add_group(
            given.demand("SkillGroupName"),
            given.text("DisplayName"),
            description=given.text("Description"),
            channel=channel,
            department_id=department_id,
        )
        return succeeded_briefly(Data=group.group_id)

    def update_group(self, given: Given) -> dict[str, Any]:
        """Change what a skill group shows and how it is described; its name stays, whatever is asked."""
        center = self.center(given)
        group = _group(center, given)
        description = given.values.get("Description", group.description)
        display_name = given.text("DisplayName", group.display_name)
        center.groups[group.group_id] = replace(group, display_name=display_name, description=description)
        return succeeded_briefly()

    def remove_group(self, given: Given) -> dict[str, Any]:
        """Delete a skill group that nobody is in."""
        center = self.center(given)
        group = _group(center, given)
        if center.members(group.group_id):
            # The console demands that members go first; the code of the refusal is a guess.
            raise ApiRefusal("SkillGroup.NotEmpty", "The specified skill group still has agents.", 500)
        del center.groups[group.group_id]
        return succeeded_briefly()

    def query_groups(self, given: Given) -> dict[str, Any]:
        """Return a page of skill groups; the answer has no sign of success at all."""
        page, size = given.demand_number("PageNo"), given.demand_number("PageSize")
        department_id = given.number("DepartmentId")
        groups = _of_channels(self.center(given), given)
        rows = [
            _group_row(one, "SkillGroupName")
            for one in groups
            if not department_id or one.department_id == department_id
        ]
        return {
            "CurrentPage": page,
            "Data": one_page(rows, page, size),
            "OnePageSize": size,
            "TotalPage": pages_of(rows, size),
            "TotalResults": len(rows),
        }

    def list_groups(self, given: Given) -> dict[str, Any]:
        """Return all skill groups."""
        return succeeded_briefly(Data=[_group_row(one, "Name") for one in _of_channels(self.center(given), given)])

    def remove_agents(self, given: Given) -> dict[str, Any]:
        """Take agents out of a skill group, and count those that were in it."""
        center, asked = self.center(given), set(given.numbers("AgentIds"))
        group_id = _group(center, given).group_id
        leaving = [one for one in center.members(group_id) if one.agent_id in asked]
        for agent in leaving:
            center.change(agent.account_name, groups=tuple(one for one in agent.groups if one != group_id))
        return succeeded_briefly(Data={"SuccessCount": len(leaving)})

    def create_department(self, given: Given) -> dict[str, Any]:
        """Create a department."""
        return succeeded_200(Data=self.center(given).add_department(given.demand("DepartmentName")))

    def update_department(self, given: Given) -> dict[str, Any]:
        """Rename a department."""
        center, name = self.center(given), given.demand("DepartmentName")
        center.departments[_department(center, given.demand_number("DepartmentId"))] = name
        return succeeded_200(Data=True)

    def delete_department(self, given: Given) -> dict[str, Any]:
        """Delete a department without skill groups."""
        center = self.center(given)
        department_id = _department(center, given.demand_number("DepartmentId"))
        if center.groups_of(department_id):
            # The console demands that groups go first; the code of the refusal is a guess.
            raise ApiRefusal("Department.NotEmpty", "The specified department still has skill groups.", 500)
        del center.departments[department_id]
        return succeeded_200(Data=True)

    def all_departments(self, given: Given) -> dict[str, Any]:
        """Return all departments."""
        departments = self.center(given).departments.items()
        rows = [{"DepartmentId": one, "DepartmentName": name} for one, name in departments]
        return succeeded_200(Data=rows)

    def tree(self, given: Given) -> dict[str, Any]:
        """Return the departments with their skill groups; ids and Success are texts here."""
        center = self.center(given)
        if center.agent_of(given.demand_number("AgentId")) is None:
            raise no_agent()
        rows = [
            {
                "DepGroupId": str(department_id),
                "DepGroupName": name,
                "GroupDTOS": [
                    {"Name": one.name, "SkillGroupId": one.group_id} for one in center.groups_of(department_id)
                ],
            }
            for department_id, name in center.departments.items()
        ]
        return succeeded_briefly(Data=rows, Success="true")


def _group(center: ContactCenter, given: Given) -> SkillGroup:
    group = center.groups.get(given.demand_number("SkillGroupId"))
    if group is None:
        raise no_group()
    return group


def _department(center: ContactCenter, department_id: int) -> int:
    if department_id not in center.departments:
        raise no_department()
    return department_id


def _of_channels(center: ContactCenter, given: Given) -> list[SkillGroup]:
    mask = given.number("ChannelType")
    return [one for one in center.groups.values() if not mask or one.channel_bit & mask]


def _group_row(group: SkillGroup, name_field: str) -> dict[str, Any]:
    return {
        "ChannelType": group.channel,
        "Description": group.description,
        "DisplayName": group.display_name,
        name_field: group.name,
        "SkillGroupId": group.group_id,
    }
