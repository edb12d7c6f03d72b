"""Departments of the contact center, to read and to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from bridge.core.contact_center_errors import ContactCenterUncertain, DepartmentInUse, DepartmentUnknown
from bridge.http.api import Call, Desk, Message, Nothing
from bridge.http.api_pages import Page, PageQuery, page_of
from bridge.http.api_places import LONGEST_NAME, REFUSALS, Removed, number_in_path
from bridge.http.contact_center import own_instance
from bridge.http.current import services
from bridge.provisioning import places

if TYPE_CHECKING:
    from bridge.aiccs.departments import Department

desk = Desk("departments", "Departments")


class DepartmentAnswer(Message):
    """A department as the contact center has it."""

    department_id: int = Field(examples=[19])
    name: str = Field(examples=["Support"])


class DepartmentPage(Page):
    """Departments, by number."""

    items: list[DepartmentAnswer]


class DepartmentName(Message):
    """What a department is to be called."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME, examples=["Support"])


@desk.operation(
    "GET",
    "/connections/<connection>/departments",
    scope="agents",
    query=PageQuery,
    gives=DepartmentPage,
    refuses=REFUSALS,
)
def list_departments(call: Call[Nothing, PageQuery]) -> DepartmentPage:
    """List the departments."""
    found = services().contact_center.departments.every(own_instance(call.connection))
    items, following = page_of(sorted(found, key=_place), _place, call.query)
    return DepartmentPage(items=[_answer(one) for one in items], next_cursor=following)


@desk.operation(
    "POST",
    "/connections/<connection>/departments",
    scope="agents:write",
    takes=DepartmentName,
    gives=DepartmentAnswer,
    refuses=(ContactCenterUncertain, *REFUSALS),
)
def create_department(call: Call[DepartmentName, Nothing]) -> DepartmentAnswer:
    """Make a department.

    Where the answer of the contact center was lost, look at the list before you ask again: it could be made twice.
    """
    name = call.body.name
    department_id = services().contact_center.departments.create(own_instance(call.connection), name)
    _record("department_created", call, department_id, department=name)
    return DepartmentAnswer(department_id=department_id, name=name)


@desk.operation(
    "PUT",
    "/connections/<connection>/departments/<department_id>",
    scope="agents:write",
    takes=DepartmentName,
    gives=DepartmentAnswer,
    refuses=(DepartmentUnknown, ContactCenterUncertain, *REFUSALS),
)
def rename_department(call: Call[DepartmentName, Nothing]) -> DepartmentAnswer:
    """Rename a department."""
    instance, departments = own_instance(call.connection), services().contact_center.departments
    department = departments.find(instance, _named(call))
    departments.rename(instance, department.id, call.body.name)
    _record("department_renamed", call, department.id, department=call.body.name, former=department.name)
    return DepartmentAnswer(department_id=department.id, name=call.body.name)


@desk.operation(
    "DELETE",
    "/connections/<connection>/departments/<department_id>",
    scope="agents:write",
    gives=Removed,
    refuses=(DepartmentUnknown, DepartmentInUse, ContactCenterUncertain, *REFUSALS),
)
def delete_department(call: Call[Nothing, Nothing]) -> Removed:
    """Delete a department.

    Its skill groups must be removed before: no operation moves a skill group into another department.
    """
    department_id = _named(call)
    places.delete_department(services().contact_center, own_instance(call.connection), department_id)
    _record("department_deleted", call, department_id)
    return Removed(removed=1)


def _named(call: Call[Any, Any]) -> int:
    return number_in_path(call.path["department_id"], DepartmentUnknown)


def _record(event: str, call: Call[Any, Any], department_id: int, **more: Any) -> None:
    services().journal.record_act(
        event, actor=call.actor, connection=call.connection.name, department_id=department_id, **more
    )


def _place(department: Department) -> str:
    return f"{department.id:020}"


def _answer(department: Department) -> DepartmentAnswer:
    return DepartmentAnswer(department_id=department.id, name=department.name)
