"""The contact center's departments in the console: their skill groups, their names, and how one is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import lazy_gettext as _

from bridge.core.contact_center_errors import DepartmentInUse
from bridge.core.errors import RequestInvalid
from bridge.http import console
from bridge.http.contact_center import place_in_sight, place_to_change
from bridge.provisioning.places import branches, delete_department, dissolve_department
from bridge.web.admin import places
from bridge.web.admin.places import desk, see

if TYPE_CHECKING:
    from bridge.aiccs.departments import Department
    from bridge.http.contact_center import Place
    from bridge.provisioning.places import Removal

departments = Blueprint("departments", __name__)

_BASE: Final = "/admin/connections/<name>/departments"
_ONE: Final = f"{_BASE}/<int:department_id>"
_DONE: Final[places.Done] = {
    "created": ("good", _("The department was created.")),
    "renamed": ("good", _("The department has its new name.")),
    "deleted": ("good", _("The department was deleted.")),
    "dissolved": ("good", _("The empty skill groups were removed, and the department was deleted.")),
}


@departments.get(_BASE)
def overview(name: str) -> str:
    """Show all departments with their skill groups."""
    place = place_in_sight(name)
    with console.slow_errand():
        found = branches(desk(), place.instance)
    return render_template(
        "admin/contact_center/departments.html", place=place, branches=found, done=places.done_of(_DONE)
    )


@departments.route(f"{_BASE}/new", methods=["GET", "POST"])
def new(name: str) -> str | Response:
    """Ask for a new department, and make it."""
    if request.method == "GET":
        return _form(place_in_sight(name), "", {})
    place, typed = place_to_change(name), places.text_of(request.form, "name")
    faults = places.only_faults(name=places.name_fault(typed))
    if faults or _is_second(place, typed):
        return Response(_form(place, typed, faults, is_second=not faults), 422, mimetype="text/html")
    department_id = desk().departments.create(place.instance, typed)
    places.journaled(place, "department_created", department=typed, department_id=department_id)
    return _to_list(place, "created")


@departments.route(_ONE, methods=["GET", "POST"])
def edit(name: str, department_id: int) -> str | Response:
    """Show a department's form, and give it another name."""
    if request.method == "GET":
        place = place_in_sight(name)
        department = desk().departments.find(place.instance, department_id)
        return _form(place, department.name, {}, department)
    place, typed = place_to_change(name), places.text_of(request.form, "name")
    department = desk().departments.find(place.instance, department_id)
    faults = places.only_faults(name=places.name_fault(typed))
    if faults or _is_second(place, typed, department):
        return Response(_form(place, typed, faults, department, is_second=not faults), 422, mimetype="text/html")
    desk().departments.rename(place.instance, department_id, typed)
    places.journaled(place, "department_renamed", department=typed, department_id=department_id, former=department.name)
    return _to_list(place, "renamed")


@departments.get(f"{_ONE}/delete")
def ask_to_delete(name: str, department_id: int) -> str:
    """Ask whether to delete a department, and say what has to go first."""
    place = place_in_sight(name)
    return _asking(place, desk().departments.find(place.instance, department_id))


@departments.post(f"{_ONE}/delete")
def delete(name: str, department_id: int) -> str | Response:
    """Delete a department; on demand its empty skill groups are removed before."""
    place = place_to_change(name)
    department, how = desk().departments.find(place.instance, department_id), request.form.get("how", "")
    if how == "empty_groups":
        return _dissolve(place, department)
    if how:
        raise RequestInvalid(expected="empty_groups or nothing", received="another word")
    try:
        delete_department(desk(), place.instance, department_id)
    except DepartmentInUse:
        return Response(_asking(place, department), DepartmentInUse.status, mimetype="text/html")
    return _deleted(place, department, "deleted", 0)


# What the pages show -------------------------------------------------------------------------------------------------


def _dissolve(place: Place, department: Department) -> Response:
    with console.slow_errand():
        removal = dissolve_department(desk(), place.instance, department.id)
    if removal.is_removed:
        return _deleted(place, department, "dissolved", len(removal.outcomes))
    gone = len(removal.outcomes) - removal.failures
    places.journaled(
        place, "department_emptied", department=department.name, department_id=department.id, skill_groups=gone
    )
    return Response(_asking(place, department, removal), DepartmentInUse.status, mimetype="text/html")


def _deleted(place: Place, department: Department, done: str, groups: int) -> Response:
    places.journaled(
        place, "department_deleted", department=department.name, department_id=department.id, skill_groups=groups
    )
    return _to_list(place, done)


def _asking(place: Place, department: Department, removal: Removal | None = None) -> str:
    groups = desk().skill_groups.every(place.instance, department.id)
    inside: list[Any] = [(group, len(desk().agents.in_group(place.instance, group.id))) for group in groups]
    return render_template(
        "admin/contact_center/department_delete.html",
        place=place,
        department=department,
        inside=inside,
        are_empty=not any(members for _, members in inside),
        lines=places.lines_that(place, lambda part: part.department_id == department.id),
        removal=removal,
        told=places.told(removal.outcomes) if removal else [],
    )


def _is_second(place: Place, name: str, itself: Department | None = None) -> bool:
    return places.is_second((name,), [one.name for one in desk().departments.every(place.instance) if one != itself])


def _form(
    place: Place, typed: str, faults: places.Faults, department: Department | None = None, *, is_second: bool = False
) -> str:
    return render_template(
        "admin/contact_center/department.html",
        place=place,
        department=department,
        typed=typed,
        faults=faults,
        is_second=is_second,
    )


def _to_list(place: Place, done: str) -> Response:
    return see(url_for("departments.overview", name=place.name, done=done))
