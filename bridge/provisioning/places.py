"""Skill groups and departments: what has to leave one before it can go, and how it is led out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.core.contact_center_errors import DepartmentInUse, SkillGroupInUse, SkillGroupUnknown
from bridge.core.errors import ContactCenterError, RequestInvalid
from bridge.provisioning.one_by_one import Outcome, one_by_one

if TYPE_CHECKING:
    from bridge.aiccs.agents import Agent
    from bridge.aiccs.contact_center import ContactCenterDesk
    from bridge.aiccs.departments import Department
    from bridge.aiccs.instance import Instance
    from bridge.aiccs.skill_groups import SkillGroup


@dataclass(frozen=True, slots=True)
class Branch:
    """A department with its skill groups; `department` is None for those outside of all departments."""

    department: Department | None
    groups: tuple[SkillGroup, ...]


@dataclass(frozen=True, slots=True)
class Removal:
    """What came of a removal that others had to make way for.

    Args:
        outcomes: of each that was to make way.
        is_removed: whether the skill group or department itself is gone; it stays where one could not leave.
        waiting: how many more there are, beyond what was asked to be done at once.
    """

    outcomes: tuple[Outcome, ...]
    is_removed: bool
    waiting: int = 0

    @property
    def failures(self) -> int:
        """How many could not make way."""
        return sum(not one.is_done for one in self.outcomes)


def branches(desk: ContactCenterDesk, instance: Instance) -> list[Branch]:
    """Return all departments with their skill groups, and last those outside; one question for each department.

    Raises:
        ContactCenterError, ContactCenterUnreachable: as `ContactCenter.read`.
    """
    every = list(desk.skill_groups.every(instance))
    found = [Branch(one, tuple(desk.skill_groups.every(instance, one.id))) for one in desk.departments.every(instance)]
    inside = {group.id for branch in found for group in branch.groups}
    outside = tuple(group for group in every if group.id not in inside)
    return [*found, Branch(None, outside)] if outside else found


# Skill groups --------------------------------------------------------------------------------------------------------


def remove_group(desk: ContactCenterDesk, instance: Instance, group_id: int) -> None:
    """Remove a skill group that nobody is in (document, "技能组管理").

    Raises:
        SkillGroupInUse: agents belong to it.
        SkillGroupUnknown: there is none.
        BridgeError: as for `branches`.
    """
    desk.skill_groups.find(instance, group_id)
    _remove_known(desk, instance, group_id)


def dissolve_group(
    desk: ContactCenterDesk, instance: Instance, group_id: int, *, move_to: int | None = None, most: int | None = None
) -> Removal:
    """Lead the agents out of a skill group, one by one, and remove it; it stays where one of them could not leave.

    Args:
        move_to: the skill group that they come into; None: they are only taken out.
        most: agents to be led out at once; it stays where there are more.

    Raises:
        RequestInvalid: they should move to where they are.
        BridgeError: as for `remove_group`, SkillGroupInUse only where somebody came in meanwhile.
    """
    known = {group.id for group in desk.skill_groups.every(instance)}
    if move_to == group_id:
        raise RequestInvalid(expected="another skill group", received="the same one")
    if strangers := {group_id, move_to} - known - {None}:
        raise SkillGroupUnknown(expected="the id of a skill group", received=str(strangers.pop()))
    members = desk.agents.in_group(instance, group_id)
    chosen = members[:most]

    def lead_out(agent: Agent) -> None:
        if move_to is None:
            _take_out(desk, instance, agent, group_id)
        else:
            _move(desk, instance, agent, group_id, move_to)

    outcomes = tuple(one_by_one(chosen, lambda agent: agent.account_name, lead_out))
    waiting = len(members) - len(chosen)
    if waiting or not all(one.is_done for one in outcomes):
        return Removal(outcomes, is_removed=False, waiting=waiting)
    _remove_known(desk, instance, group_id)
    return Removal(outcomes, is_removed=True)


def _remove_known(desk: ContactCenterDesk, instance: Instance, group_id: int) -> None:
    _refuse_members(desk, instance, group_id)
    try:
        desk.skill_groups.remove(instance, group_id)
    except ContactCenterError:
        # Which code says that somebody came in meanwhile is published nowhere.
        _refuse_members(desk, instance, group_id)
        raise


def _refuse_members(desk: ContactCenterDesk, instance: Instance, group_id: int) -> None:
    if members := desk.agents.in_group(instance, group_id):
        raise SkillGroupInUse(expected="a skill group without agents", received=f"agents in it: {len(members)}")


def _take_out(desk: ContactCenterDesk, instance: Instance, agent: Agent, group_id: int) -> None:
    if not agent.agent_id:
        raise ContactCenterError("The contact center did not tell the agent's number.", expected="AgentId")
    if not desk.skill_groups.remove_agents(instance, group_id, [agent.agent_id]):
        raise _still_inside()


def _move(desk: ContactCenterDesk, instance: Instance, agent: Agent, group_id: int, target_id: int) -> None:
    # The list of a group does not tell the other groups of its agents, which they shall keep.
    present = desk.agents.find(instance, agent.account_name)
    if present is None:
        return
    wanted = [*dict.fromkeys([*(one for one in present.group_ids if one != group_id), target_id])]
    shown = present.display_name or present.account_name
    moved = desk.agents.update(instance, present.account_name, shown, wanted)
    if group_id in moved.group_ids or target_id not in moved.group_ids:
        raise _still_inside()


def _still_inside() -> ContactCenterError:
    return ContactCenterError(
        "The contact center left the agent where it was.", expected="another skill group", received="the same"
    )


# Departments ---------------------------------------------------------------------------------------------------------


def delete_department(desk: ContactCenterDesk, instance: Instance, department_id: int) -> None:
    """Delete a department that has no skill groups (document, "部门管理").

    Raises:
        DepartmentInUse: skill groups belong to it.
        DepartmentUnknown: there is none.
        BridgeError: as for `branches`.
    """
    desk.departments.find(instance, department_id)
    _delete_known(desk, instance, department_id)


def dissolve_department(desk: ContactCenterDesk, instance: Instance, department_id: int) -> Removal:
    """Remove a department's empty skill groups, one by one, and delete it; it stays where a group has agents.

    Raises:
        BridgeError: as for `delete_department`, DepartmentInUse only where a group was made meanwhile.
    """
    desk.departments.find(instance, department_id)
    groups = list(desk.skill_groups.every(instance, department_id))

    def remove(group: SkillGroup) -> None:
        _remove_known(desk, instance, group.id)

    outcomes = tuple(one_by_one(groups, lambda group: group.display_name, remove))
    if not all(one.is_done for one in outcomes):
        return Removal(outcomes, is_removed=False)
    _delete_known(desk, instance, department_id)
    return Removal(outcomes, is_removed=True)


def _delete_known(desk: ContactCenterDesk, instance: Instance, department_id: int) -> None:
    _refuse_groups(desk, instance, department_id)
    try:
        desk.departments.delete(instance, department_id)
    except ContactCenterError:
        _refuse_groups(desk, instance, department_id)
        raise


def _refuse_groups(desk: ContactCenterDesk, instance: Instance, department_id: int) -> None:
    if groups := list(desk.skill_groups.every(instance, department_id)):
        raise DepartmentInUse(
            expected="a department without skill groups", received=f"skill groups in it: {len(groups)}"
        )
