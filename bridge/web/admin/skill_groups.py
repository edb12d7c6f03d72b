"""The contact center's skill groups in the console: who is in them, what can be changed, and how one is removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from bridge.core.contact_center_errors import SkillGroupInUse
from bridge.core.errors import RequestInvalid
from bridge.http import console
from bridge.http.contact_center import place_in_sight, place_to_change
from bridge.provisioning.places import branches, dissolve_group, remove_group
from bridge.web.admin import places
from bridge.web.admin.places import desk, see

if TYPE_CHECKING:
    from bridge.aiccs.departments import Department
    from bridge.aiccs.skill_groups import SkillGroup
    from bridge.http.contact_center import Place
    from bridge.provisioning.places import Removal

skill_groups = Blueprint("skill_groups", __name__)

_BASE: Final = "/admin/connections/<name>/skill-groups"
_ONE: Final = f"{_BASE}/<int:group_id>"
_AT_ONCE: Final = 25
"""Agents that one press of the button leads out: each takes several questions, and somebody waits."""
_DONE: Final[places.Done] = {
    "created": ("good", _("The skill group was created.")),
    "changed": ("good", _("The skill group was changed.")),
    "removed": ("good", _("The skill group was removed.")),
    "moved": ("good", _("Its agents were led out, and the skill group was removed.")),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A skill group of the list; `department` is None outside of all departments."""

    group: SkillGroup
    department: Department | None
    members: int


@dataclass(frozen=True, slots=True)
class Typed:
    """The form, as it was typed; `department` is the id of one, empty: none."""

    name: str = ""
    display_name: str = ""
    description: str = ""
    department: str = ""


@skill_groups.get(_BASE)
def overview(name: str) -> str:
    """Show all skill groups with the number of their agents."""
    place = place_in_sight(name)
    with console.slow_errand():
        rows = [
            Row(group, branch.department, len(desk().agents.in_group(place.instance, group.id)))
            for branch in branches(desk(), place.instance)
            for group in branch.groups
        ]
    return render_template("admin/contact_center/skill_groups.html", place=place, rows=rows, done=places.done_of(_DONE))


@skill_groups.route(f"{_BASE}/new", methods=["GET", "POST"])
def new(name: str) -> str | Response:
    """Ask for a new skill group, and make it."""
    if request.method == "GET":
        return _form(place_in_sight(name), Typed(department=request.args.get("department", "")), {})
    place, typed = place_to_change(name), _typed()
    faults = _faults(typed, is_new=True)
    if faults or places.is_second((typed.name, typed.display_name), _names(place)):
        return Response(_form(place, typed, faults, is_second=not faults), 422, mimetype="text/html")
    department = places.id_of(typed.department) if typed.department else None
    if department is not None:
        desk().departments.find(place.instance, department)
    group_id = desk().skill_groups.create(
        place.instance,
        typed.name,
        display_name=typed.display_name,
        description=typed.description,
        department_id=department,
    )
    places.journaled(place, "skill_group_created", skill_group=typed.name, skill_group_id=group_id)
    return _to_list(place, "created")


@skill_groups.route(_ONE, methods=["GET", "POST"])
def edit(name: str, group_id: int) -> str | Response:
    """Show a skill group's form, and change what the contact center lets change."""
    if request.method == "GET":
        place = place_in_sight(name)
        group = desk().skill_groups.find(place.instance, group_id)
        return _form(place, Typed(group.name, group.display_name, group.description), {}, group)
    place, typed = place_to_change(name), _typed()
    group = desk().skill_groups.find(place.instance, group_id)
    if faults := _faults(typed, is_new=False):
        return Response(_form(place, typed, faults, group), 422, mimetype="text/html")
    desk().skill_groups.update(place.instance, group_id, display_name=typed.display_name, description=typed.description)
    places.journaled(place, "skill_group_changed", skill_group=group.name, skill_group_id=group_id)
    return _to_list(place, "changed")


@skill_groups.get(f"{_ONE}/remove")
def ask_to_remove(name: str, group_id: int) -> str:
    """Ask whether to remove a skill group, and where its agents shall go."""
    place = place_in_sight(name)
    return _asking(place, desk().skill_groups.find(place.instance, group_id))


@skill_groups.post(f"{_ONE}/remove")
def remove(name: str, group_id: int) -> str | Response:
    """Remove a skill group; on demand its agents are moved to another or taken out before."""
    place = place_to_change(name)
    group = desk().skill_groups.find(place.instance, group_id)
    how = request.form.get("how", "")
    if how == "move" and not request.form.get("to"):
        fault = gettext("Choose the skill group that they go into.")
        return Response(_asking(place, group, faults={"to": fault}), 422, mimetype="text/html")
    if how in {"move", "take_out"}:
        return _dissolve(place, group, places.id_of(request.form.get("to", "")) if how == "move" else None)
    if how:
        raise RequestInvalid(expected="move, take_out or nothing", received="another word")
    try:
        remove_group(desk(), place.instance, group_id)
    except SkillGroupInUse:
        # Somebody came in since the page was opened: the page says it, and what can be done.
        return Response(_asking(place, group), SkillGroupInUse.status, mimetype="text/html")
    return _removed(place, group, "removed", 0)


# What the pages show -------------------------------------------------------------------------------------------------


def _dissolve(place: Place, group: SkillGroup, move_to: int | None) -> Response:
    with console.slow_errand():
        removal = dissolve_group(desk(), place.instance, group.id, move_to=move_to, most=_AT_ONCE)
    if removal.is_removed:
        return _removed(place, group, "moved", len(removal.outcomes))
    led_out = len(removal.outcomes) - removal.failures
    places.journaled(place, "skill_group_emptied", skill_group=group.name, skill_group_id=group.id, agents=led_out)
    page = _asking(place, group, removal, move_to)
    return Response(page, SkillGroupInUse.status, mimetype="text/html")


def _removed(place: Place, group: SkillGroup, done: str, agents: int) -> Response:
    places.journaled(place, "skill_group_removed", skill_group=group.name, skill_group_id=group.id, agents=agents)
    return _to_list(place, done)


def _asking(
    place: Place,
    group: SkillGroup,
    removal: Removal | None = None,
    move_to: int | None = None,
    faults: places.Faults | None = None,
) -> str:
    return render_template(
        "admin/contact_center/skill_group_remove.html",
        place=place,
        group=group,
        members=desk().agents.in_group(place.instance, group.id),
        others=[one for one in desk().skill_groups.every(place.instance) if one.id != group.id],
        lines=places.lines_that(place, lambda part: group.id in part.group_ids),
        faults=faults or {},
        removal=removal,
        told=places.told(removal.outcomes) if removal else [],
        move_to=move_to,
        at_once=_AT_ONCE,
    )


def _form(
    place: Place, typed: Typed, faults: places.Faults, group: SkillGroup | None = None, *, is_second: bool = False
) -> str:
    return render_template(
        "admin/contact_center/skill_group.html",
        place=place,
        group=group,
        typed=typed,
        faults=faults,
        is_second=is_second,
        departments=[] if group else desk().departments.every(place.instance),
    )


def _names(place: Place) -> list[str]:
    return [name for one in desk().skill_groups.every(place.instance) for name in (one.name, one.display_name)]


def _typed() -> Typed:
    form = request.form
    return Typed(
        places.text_of(form, "name"),
        places.text_of(form, "display_name"),
        places.text_of(form, "description"),
        form.get("department", ""),
    )


def _faults(typed: Typed, *, is_new: bool) -> places.Faults:
    return places.only_faults(
        name=places.name_fault(typed.name) if is_new else "",
        display_name=places.name_fault(typed.display_name) if typed.display_name or not is_new else "",
        description=places.text_fault(typed.description),
    )


def _to_list(place: Place, done: str) -> Response:
    return see(url_for("skill_groups.overview", name=place.name, done=done))
