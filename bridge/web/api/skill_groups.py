"""Skill groups of the contact center, to read and to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from bridge.core.contact_center_errors import ContactCenterUncertain, SkillGroupInUse, SkillGroupUnknown
from bridge.core.errors import RequestInvalid
from bridge.http.api import Call, Desk, Message, Nothing
from bridge.http.api_pages import Page, PageQuery, page_of
from bridge.http.api_places import LONGEST_DESCRIPTION, LONGEST_NAME, REFUSALS, number_in_path
from bridge.http.contact_center import own_instance
from bridge.http.current import services
from bridge.provisioning import places

if TYPE_CHECKING:
    from bridge.aiccs.skill_groups import SkillGroup

desk = Desk("skill_groups", "Skill groups")

_AT_ONCE = 50
"""Agents that one request leads out: each takes the contact center two or three questions."""


class SkillGroupsQuery(PageQuery):
    """Which skill groups."""

    department_id: int = Field(default=0, ge=0, description="Only those of this department; 0: of all.")


class SkillGroupAnswer(Message):
    """A skill group as the contact center has it."""

    skill_group_id: int = Field(examples=[1234009])
    name: str = Field(examples=["support-de"])
    display_name: str = Field(examples=["Support (German)"])
    description: str = Field(examples=["Calls from Germany, Austria and Switzerland"])


class SkillGroupPage(Page):
    """Skill groups, by number."""

    items: list[SkillGroupAnswer]


class NewSkillGroup(Message):
    """A skill group to make."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME, description="Stays for ever.", examples=["support-de"])
    display_name: str = Field(
        default="", max_length=LONGEST_NAME, description="What people read; empty: the name.", examples=["Support"]
    )
    description: str = Field(default="", max_length=LONGEST_DESCRIPTION, examples=["Calls from Germany"])
    department_id: int = Field(
        default=0, ge=0, description="Where it belongs, which no operation changes later; 0: nowhere.", examples=[0]
    )


class SkillGroupChange(Message):
    """What a skill group is to be."""

    display_name: str = Field(min_length=1, max_length=LONGEST_NAME, examples=["Support (German)"])
    description: str = Field(max_length=LONGEST_DESCRIPTION, examples=["Calls from Germany, Austria and Switzerland"])


class SkillGroupRemoval(Message):
    """What becomes of its agents."""

    move_to: int = Field(default=0, ge=0, description="Number of the skill group that its agents come into; 0: none.")
    take_out: bool = Field(default=False, description="`true`: its agents just leave it.")


class AgentRefused(Message):
    """An agent who could not leave."""

    account_name: str = Field(examples=["lin@contoso.example"])
    code: str = Field(description="Why not.", examples=["contact_center_error"])


class SkillGroupRemoved(Message):
    """What became of the skill group and its agents."""

    removed: int = Field(description="1, or 0 where it is still there.", examples=[1])
    led_out: int = Field(description="How many agents left it.", examples=[0])
    waiting: int = Field(description="How many more are still in it and were not tried.", examples=[0])
    refused: list[AgentRefused] = Field(description="Who could not leave.", examples=[[]])


@desk.operation(
    "GET",
    "/connections/<connection>/skill-groups",
    scope="agents",
    query=SkillGroupsQuery,
    gives=SkillGroupPage,
    refuses=REFUSALS,
)
def list_skill_groups(call: Call[Nothing, SkillGroupsQuery]) -> SkillGroupPage:
    """List the skill groups of all departments, or of one."""
    found = services().contact_center.skill_groups.every(
        own_instance(call.connection), call.query.department_id or None
    )
    items, following = page_of(sorted(found, key=_place), _place, call.query)
    return SkillGroupPage(items=[_answer(group) for group in items], next_cursor=following)


@desk.operation(
    "POST",
    "/connections/<connection>/skill-groups",
    scope="agents:write",
    takes=NewSkillGroup,
    gives=SkillGroupAnswer,
    refuses=(ContactCenterUncertain, *REFUSALS),
)
def create_skill_group(call: Call[NewSkillGroup, Nothing]) -> SkillGroupAnswer:
    """Make a skill group that takes calls."""
    wanted = call.body
    group_id = services().contact_center.skill_groups.create(
        own_instance(call.connection),
        wanted.name,
        display_name=wanted.display_name,
        description=wanted.description,
        department_id=wanted.department_id or None,
    )
    _record("skill_group_created", call, group_id, skill_group=wanted.name)
    return SkillGroupAnswer(
        skill_group_id=group_id,
        name=wanted.name,
        display_name=wanted.display_name or wanted.name,
        description=wanted.description,
    )


@desk.operation(
    "PUT",
    "/connections/<connection>/skill-groups/<skill_group_id>",
    scope="agents:write",
    takes=SkillGroupChange,
    gives=SkillGroupAnswer,
    refuses=(SkillGroupUnknown, ContactCenterUncertain, *REFUSALS),
)
def change_skill_group(call: Call[SkillGroupChange, Nothing]) -> SkillGroupAnswer:
    """Set a skill group's display name and description.

    Its name and its department cannot be changed.
    """
    instance, groups, wanted = own_instance(call.connection), services().contact_center.skill_groups, call.body
    group = groups.find(instance, _named(call))
    groups.update(instance, group.id, display_name=wanted.display_name, description=wanted.description)
    _record("skill_group_changed", call, group.id, skill_group=group.name)
    return SkillGroupAnswer(
        skill_group_id=group.id,
        name=group.name,
        display_name=wanted.display_name,
        description=wanted.description,
    )


@desk.operation(
    "DELETE",
    "/connections/<connection>/skill-groups/<skill_group_id>",
    scope="agents:write",
    query=SkillGroupRemoval,
    gives=SkillGroupRemoved,
    refuses=(SkillGroupUnknown, SkillGroupInUse, ContactCenterUncertain, *REFUSALS),
)
def remove_skill_group(call: Call[Nothing, SkillGroupRemoval]) -> SkillGroupRemoved:
    """Remove a skill group.

    Its agents must leave it before. Say where they go, by `move_to`, or that they just leave, by `take_out`; with
    neither, a skill group with agents is refused with `skill_group_in_use`. It stays where one of them could not leave,
    or where there are more than can be led out at once: then ask again until `removed` is 1.
    """
    removal, group_id = call.query, _named(call)
    if removal.move_to and removal.take_out:
        raise RequestInvalid(expected="move_to or take_out", received="both")
    instance, center = own_instance(call.connection), services().contact_center
    if not removal.move_to and not removal.take_out:
        places.remove_group(center, instance, group_id)
        _record("skill_group_removed", call, group_id)
        return SkillGroupRemoved(removed=1, led_out=0, waiting=0, refused=[])
    done = places.dissolve_group(center, instance, group_id, move_to=removal.move_to or None, most=_AT_ONCE)
    led_out = len(done.outcomes) - done.failures
    if done.is_removed or led_out:
        event = "skill_group_removed" if done.is_removed else "skill_group_emptied"
        _record(event, call, group_id, agents=led_out, move_to=removal.move_to or "")
    return SkillGroupRemoved(
        removed=int(done.is_removed),
        led_out=led_out,
        waiting=done.waiting,
        refused=[AgentRefused(account_name=one.subject, code=one.refusal.code) for one in done.outcomes if one.refusal],
    )


def _named(call: Call[Any, Any]) -> int:
    return number_in_path(call.path["skill_group_id"], SkillGroupUnknown)


def _record(event: str, call: Call[Any, Any], group_id: int, **more: Any) -> None:
    services().journal.record_act(
        event, actor=call.actor, connection=call.connection.name, skill_group_id=group_id, **more
    )


def _place(group: SkillGroup) -> str:
    return f"{group.id:020}"


def _answer(group: SkillGroup) -> SkillGroupAnswer:
    return SkillGroupAnswer(
        skill_group_id=group.id, name=group.name, display_name=group.display_name, description=group.description
    )
