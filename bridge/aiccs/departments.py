"""Departments of the contact center; they have a name, and through the OpenAPI no description."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.aiccs.reading import demanded_id, number, rows_in, text
from bridge.core.contact_center_errors import DepartmentUnknown
from bridge.core.errors import ContactCenterError

if TYPE_CHECKING:
    from bridge.aiccs.client import ContactCenter
    from bridge.aiccs.instance import Instance


@dataclass(frozen=True, slots=True)
class Department:
    """A department as the contact center has it."""

    id: int
    name: str


class Departments:
    """Asks the contact center about its departments, and changes them."""

    def __init__(self, contact_center: ContactCenter) -> None:
        self._contact_center = contact_center

    def every(self, instance: Instance) -> list[Department]:
        """Return all departments (GetAllDepartment).

        Raises:
            ContactCenterError, ContactCenterUnreachable: as `ContactCenter.read`.
        """
        answer = self._contact_center.read(instance, "get_all_department")
        found = [(number(row, "DepartmentId"), text(row, "DepartmentName")) for row in rows_in(answer.get("Data"))]
        return [Department(department_id, name) for department_id, name in found if department_id is not None]

    def find(self, instance: Instance, department_id: int) -> Department:
        """Return one department; raises DepartmentUnknown, and as `every`."""
        for department in self.every(instance):
            if department.id == department_id:
                return department
        raise DepartmentUnknown(expected="the id of a department", received=str(department_id))

    def create(self, instance: Instance, name: str) -> int:
        """Make a department and return its id (CreateDepartment); raises ContactCenterUncertain, and as `every`."""
        # Without ClientToken: sent twice, it could make two.
        answer = self._contact_center.write(instance, "create_department", can_repeat=False, department_name=name)
        return demanded_id(answer, "CreateDepartment")

    def rename(self, instance: Instance, department_id: int, name: str) -> None:
        """Give a department another name (UpdateDepartment); raises as `every`."""
        self._contact_center.write(instance, "update_department", department_id=department_id, department_name=name)

    def delete(self, instance: Instance, department_id: int) -> None:
        """Delete a department (DeleteDepartment); its skill groups must have gone before; raises as `every`."""
        try:
            self._contact_center.write(instance, "delete_department", department_id=department_id)
        except ContactCenterError as refusal:
            if not refusal.may_be_done or any(one.id == department_id for one in self.every(instance)):
                raise
