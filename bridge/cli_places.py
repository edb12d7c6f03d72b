"""The command line's part for skill groups and departments of the contact center."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click

from bridge.cli_agents import connection_option, place_of
from bridge.core.contact_center_errors import DepartmentInUse, SkillGroupInUse
from bridge.provisioning.places import branches, delete_department, dissolve_department, dissolve_group, remove_group
from bridge.running import CannotRun
from bridge.telling import ask, config_option, plain, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from bridge.aiccs.departments import Department
    from bridge.aiccs.skill_groups import SkillGroup
    from bridge.cli_agents import Place
    from bridge.provisioning.one_by_one import Outcome
    from bridge.provisioning.places import Branch, Removal

_GROUP_HEADS: Final = ("ID", "DISPLAY NAME", "NAME", "DEPARTMENT", "CHANNELS", "AGENTS", "DESCRIPTION")
_DEPARTMENT_HEADS: Final = ("ID", "NAME", "SKILL GROUPS")
_CHANNELS: Final = {1: "hotline", 2: "chat", 4: "tickets"}

_yes_option: Final = click.option("--yes", is_flag=True, help="Do not ask.")
_json_option: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def tell_outcomes(outcomes: Iterable[Outcome], done_word: str) -> int:
    """Print a line for each outcome as it comes, a refusal on standard error, and return how many were not done."""
    failures = 0
    for one in outcomes:
        failures += not one.is_done
        click.echo(f"{plain(one.subject)}: {done_word if one.is_done else _why_not(one)}", err=not one.is_done)
    return failures


def _why_not(outcome: Outcome) -> str:
    return (
        plain(f"refused: {outcome.refusal}") if outcome.was_tried else "not tried: the contact center does not answer"
    )


# Skill groups --------------------------------------------------------------------------------------------------------


@click.group()
def groups() -> None:
    """Skill groups of the contact center: list, create, update, remove.

    GROUP is a name, a display name, or # and the number. A group's name, its channel and its department cannot be
    changed through the OpenAPI.
    """


@groups.command("list")
@config_option
@connection_option
@_json_option
def list_groups(config: Path, name: str, *, as_json: bool) -> None:
    """List all skill groups with the number of their agents."""
    with place_of(config, name) as place:
        desk = place.desk
        found = [
            (group, branch, len(desk.agents.in_group(place.instance, group.id)))
            for branch in branches(desk, place.instance)
            for group in branch.groups
        ]
    if as_json:
        click.echo(_json([_group_document(*one) for one in found]))
        return
    for line in table([_GROUP_HEADS, *(_group_row(*one) for one in found)]):
        click.echo(line)


@groups.command("create")
@config_option
@connection_option
@click.option("--display-name", default="", help="What people read; by default NAME.")
@click.option("--description", default="", help="In your words.")
@click.option("--department", help="A department's name, or # and its number; it cannot be changed later.")
@click.argument("group_name", metavar="NAME")
def create_group(
    config: Path, *, name: str, group_name: str, display_name: str, description: str, department: str | None
) -> None:
    """Make the skill group NAME for the hotline and print its number; the name cannot be changed later."""
    _demand_words(group_name)
    with place_of(config, name) as place:
        known = [
            one.id
            for one in place.desk.skill_groups.every(place.instance)
            if {one.name, one.display_name} & {group_name, display_name or group_name}
        ]
        _warn_of_twins("skill group", display_name or group_name, known)
        group_id = place.desk.skill_groups.create(
            place.instance,
            group_name,
            display_name=display_name,
            description=description,
            department_id=_department(place, department).id if department else None,
        )
        place.note("skill_group_created", skill_group=group_name, skill_group_id=group_id)
    click.echo(f"Skill group {plain(group_name)} is made:", err=True)
    click.echo(f"#{group_id}")


@groups.command("update")
@config_option
@connection_option
@click.option("--display-name", help="What people read.")
@click.option("--description", help="In your words.")
@click.argument("group")
def update_group(config: Path, name: str, group: str, display_name: str | None, description: str | None) -> None:
    """Give a skill group another display name or description; what is not said stays."""
    if display_name is None and description is None:
        raise click.UsageError("Say what to change: --display-name, --description.")
    with place_of(config, name) as place:
        former = _group(place, group)
        place.desk.skill_groups.update(
            place.instance,
            former.id,
            display_name=display_name or former.display_name,
            description=former.description if description is None else description,
        )
        place.note("skill_group_changed", skill_group=former.name, skill_group_id=former.id)
    click.echo(f"Skill group {plain(former.display_name)} is changed.")


@groups.command("remove")
@config_option
@connection_option
@click.option("--move-to", help="The skill group that its agents come into before.")
@click.option("--take-out", is_flag=True, help="Take its agents out before; who is in no other group gets no calls.")
@_yes_option
@click.argument("group")
def remove(config: Path, *, name: str, group: str, move_to: str | None, take_out: bool, yes: bool) -> None:
    """Remove a skill group. While agents are in it, say where they go; it stays where one of them cannot leave."""
    if move_to and take_out:
        raise click.UsageError("Say one of --move-to and --take-out.")
    with place_of(config, name) as place:
        chosen, target = _group(place, group), _group(place, move_to) if move_to else None
        ask(f"Remove skill group {plain(chosen.display_name)} of {place.connection}?", yes=yes)
        try:
            if target is None and not take_out:
                remove_group(place.desk, place.instance, chosen.id)
                removal = None
            else:
                removal = dissolve_group(place.desk, place.instance, chosen.id, move_to=target.id if target else None)
        except SkillGroupInUse as refusal:
            raise CannotRun(
                f"{refusal}\nThe contact center removes only empty skill groups. --move-to GROUP moves its agents "
                "before, --take-out takes them out."
            ) from None
        _end_group(place, chosen, removal)
    click.echo(f"Skill group {plain(chosen.display_name)} is removed.")


# Departments ---------------------------------------------------------------------------------------------------------


@click.group()
def departments() -> None:
    """Departments of the contact center: list, create, rename, delete.

    DEPARTMENT is a name, or # and the number. The OpenAPI knows no description of departments and moves no skill group
    from one to another.
    """


@departments.command("list")
@config_option
@connection_option
@_json_option
def list_departments(config: Path, name: str, *, as_json: bool) -> None:
    """List all departments with their skill groups."""
    with place_of(config, name) as place:
        found = branches(place.desk, place.instance)
    if as_json:
        click.echo(_json([_department_document(one) for one in found if one.department]))
        return
    for line in table([_DEPARTMENT_HEADS, *map(_department_row, found)]):
        click.echo(line)


@departments.command("create")
@config_option
@connection_option
@click.argument("department_name", metavar="NAME")
def create_department(config: Path, name: str, department_name: str) -> None:
    """Make the department NAME and print its number."""
    _demand_words(department_name)
    with place_of(config, name) as place:
        every = place.desk.departments.every(place.instance)
        _warn_of_twins("department", department_name, [one.id for one in every if one.name == department_name])
        department_id = place.desk.departments.create(place.instance, department_name)
        place.note("department_created", department=department_name, department_id=department_id)
    click.echo(f"Department {plain(department_name)} is made:", err=True)
    click.echo(f"#{department_id}")


@departments.command("rename")
@config_option
@connection_option
@click.argument("department")
@click.argument("new_name")
def rename(config: Path, name: str, department: str, new_name: str) -> None:
    """Give DEPARTMENT the name NEW_NAME."""
    _demand_words(new_name)
    with place_of(config, name) as place:
        former = _department(place, department)
        place.desk.departments.rename(place.instance, former.id, new_name)
        place.note("department_renamed", department=new_name, department_id=former.id, former=former.name)
    click.echo(f"Department {plain(former.name)} is now {plain(new_name)}.")


@departments.command("delete")
@config_option
@connection_option
@click.option("--with-empty-groups", is_flag=True, help="Remove its skill groups before, if nobody is in them.")
@_yes_option
@click.argument("department")
def delete(config: Path, *, name: str, department: str, with_empty_groups: bool, yes: bool) -> None:
    """Delete a department. It stays where a skill group in it cannot be removed."""
    with place_of(config, name) as place:
        chosen = _department(place, department)
        ask(f"Delete department {plain(chosen.name)} of {place.connection}?", yes=yes)
        removal = None
        try:
            if with_empty_groups:
                removal = dissolve_department(place.desk, place.instance, chosen.id)
            else:
                delete_department(place.desk, place.instance, chosen.id)
        except DepartmentInUse as refusal:
            raise CannotRun(
                f"{refusal}\nThe contact center deletes only departments without skill groups. --with-empty-groups "
                "removes those that nobody is in; `groups remove` the others."
            ) from None
        _end_department(place, chosen, removal)
    click.echo(f"Department {plain(chosen.name)} is deleted.")


# What commands share -------------------------------------------------------------------------------------------------


def _end_group(place: Place, group: SkillGroup, removal: Removal | None) -> None:
    """Tell who left the skill group; raises CannotRun where one could not."""
    gone, is_removed = _counted(removal)
    event = "skill_group_removed" if is_removed else "skill_group_emptied"
    place.note(event, skill_group=group.name, skill_group_id=group.id, agents=gone)
    _demand_all(removal, "has left")


def _end_department(place: Place, department: Department, removal: Removal | None) -> None:
    """Tell which skill groups were removed; raises CannotRun where one could not."""
    gone, is_removed = _counted(removal)
    event = "department_deleted" if is_removed else "department_emptied"
    place.note(event, department=department.name, department_id=department.id, skill_groups=gone)
    _demand_all(removal, "is removed")


def _counted(removal: Removal | None) -> tuple[int, bool]:
    return (len(removal.outcomes) - removal.failures, removal.is_removed) if removal else (0, True)


def _demand_all(removal: Removal | None, done_word: str) -> None:
    failures = tell_outcomes(removal.outcomes, done_word) if removal else 0
    if failures:
        raise CannotRun(f"It stays: {failures} could not make way.")


def _group(place: Place, wanted: str) -> SkillGroup:
    (group_id,) = place.group_ids((wanted,))
    return place.desk.skill_groups.find(place.instance, group_id)


def _department(place: Place, wanted: str) -> Department:
    """Return the department of a name, or of # and a number; raises CannotRun where it is none, or several."""
    every = place.desk.departments.every(place.instance)
    found = [one for one in every if wanted in (one.name, f"#{one.id}")]
    if not found:
        raise CannotRun(f"There is no department {plain(wanted)}; `departments list` tells which there are.")
    if len(found) > 1:
        numbers = ", ".join(f"#{one.id}" for one in found)
        raise CannotRun(f"Several departments are called {plain(wanted)}: {numbers}.")
    return found[0]


def _warn_of_twins(kind: str, name: str, known: Sequence[int]) -> None:
    if known:
        numbers = ", ".join(f"#{one}" for one in known)
        click.echo(f"warning: there is a {kind} {plain(name)} already, {numbers}; this is another one.", err=True)


def _demand_words(text: str) -> None:
    if not text.strip() or not text.isprintable():
        raise click.UsageError("A name is a line of readable characters.")


def _group_row(group: SkillGroup, branch: Branch, members: int) -> tuple[str, ...]:
    department = branch.department.name if branch.department else "-"
    channels = ", ".join(_channels(group)) or "-"
    return f"#{group.id}", group.display_name, group.name, department, channels, str(members), group.description


def _group_document(group: SkillGroup, branch: Branch, members: int) -> dict[str, Any]:
    return {
        "id": group.id,
        "name": group.name,
        "display_name": group.display_name,
        "description": group.description,
        "channels": list(_channels(group)),
        "department": _department_name(branch.department),
        "agents": members,
    }


def _channels(group: SkillGroup) -> Iterator[str]:
    return (word for bit, word in _CHANNELS.items() if (group.channels or 0) & bit)


def _department_name(department: Department | None) -> dict[str, Any] | None:
    return {"id": department.id, "name": department.name} if department else None


def _department_row(branch: Branch) -> tuple[str, ...]:
    shown = ", ".join(group.display_name for group in branch.groups) or "-"
    if branch.department is None:
        return "-", "(outside of all departments)", shown
    return f"#{branch.department.id}", branch.department.name, shown


def _department_document(branch: Branch) -> dict[str, Any]:
    inside = [{"id": group.id, "display_name": group.display_name} for group in branch.groups]
    return {**(_department_name(branch.department) or {}), "skill_groups": inside}


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
