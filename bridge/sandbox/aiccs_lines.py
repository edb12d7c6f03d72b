"""The OpenAPI's operations about hotline numbers and instances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.sandbox.aiccs_people import named_agent, no_group
from bridge.sandbox.aiccs_wire import ApiRefusal, one_page, succeeded, succeeded_briefly
from bridge.sandbox.contact_center import FLOWS, HotlineNumber, OutboundRange
from bridge.sandbox.registrations import instance_of

if TYPE_CHECKING:
    from bridge.sandbox.aiccs_wire import Given, Operations
    from bridge.sandbox.contact_center import ContactCenter
    from bridge.sandbox.world import World

_LEVELS: Final = frozenset({0, 2, 3, 4, 5})
_INBOUND: Final = 1
_OUTBOUND: Final = 2
_PLACES: Final = {"0571": "浙江 杭州", "010": "北京", "021": "上海", "400": "全国"}


def line_operations(world: World) -> Operations:
    """Return the operations about hotline numbers and instances."""
    desk = Lines(world)
    return {
        ("POST", "AddHotlineNumber"): desk.add,
        ("POST", "ResetHotlineNumber"): desk.reset,
        ("POST", "DeleteHotlineNumber"): desk.delete,
        ("GET", "QueryHotlineNumber"): desk.query,
        ("GET", "GetConfigNumList"): desk.configured,
        ("GET", "ListOutboundPhoneNumber"): desk.outbound,
        ("POST", "GetInstanceList"): desk.instances,
    }


def no_department() -> ApiRefusal:
    """Return the refusal of an unknown department; published for GetConfigNumList alone, there with HTTP 400."""
    return ApiRefusal("Department.NotFound", "The specified department does not exist.", 500)


@dataclass(frozen=True, slots=True)
class Lines:
    """Performs the operations, each on the contact center that the request names."""

    world: World

    def center(self, given: Given) -> ContactCenter:
        """Return the contact center in question."""
        return self.world.contact_centers[given.instance_id]

    def add(self, given: Given) -> dict[str, Any]:
        """Take a number of the account into the instance."""
        center, line = self.center(given), _line(self.center(given), given)
        if line.number in center.lines:
            # Not published: a guess.
            raise ApiRefusal("HotlineNumber.Existed", "The specified hotline number already exists.", 500)
        center.lines[line.number] = line
        return succeeded()

    def reset(self, given: Given) -> dict[str, Any]:
        """Overwrite everything about a number."""
        center, line = self.center(given), _line(self.center(given), given)
        _demand(center, line.number)
        center.lines[line.number] = line
        return succeeded()

    def delete(self, given: Given) -> dict[str, Any]:
        """Take a number out of the instance."""
        center = self.center(given)
        del center.lines[_demand(center, given.demand("HotlineNumber")).number]
        return succeeded()

    def query(self, given: Given) -> dict[str, Any]:
        """Return a page of numbers, of those that contain some digits and concern a department or skill groups."""
        center, page, size = self.center(given), given.demand_number("CurrentPage"), given.demand_number("PageSize")
        department_id, groups = given.number("DepartmentId"), set(given.numbers("GroupIds"))
        lines = [
            one
            for one in center.lines.values()
            if given.text("HotlineNumber") in one.number
            and (not department_id or _concerns(one, department_id))
            and (not groups or any(center.may_show(one, center.groups[group]) for group in groups & set(center.groups)))
        ]
        rows = [_row(center, one) for one in one_page(lines, page, size)]
        data = {"CurrentPage": page, "HotlineNumList": rows, "PageSize": size, "TotalCount": len(lines)}
        return succeeded_briefly(Data=data)

    def configured(self, given: Given) -> dict[str, Any]:
        """Return the numbers that a department or an agent may use; all without either."""
        center, department_id = self.center(given), given.number("DepartmentId")
        lines = _shown_to(center, given) if given.text("AccountName") else list(center.lines.values())
        if department_id and department_id not in center.departments:
            raise no_department()
        return succeeded_briefly(
            Data=[one.number for one in lines if not department_id or _concerns(one, department_id)]
        )

    def outbound(self, given: Given) -> dict[str, Any]:
        """Return the numbers that an agent, or anybody, may show."""
        center = self.center(given)
        lines = _shown_to(center, given) if given.text("AccountName") else center.lines.values()
        return succeeded(Data=[one.number for one in lines if one.outbound])

    def instances(self, given: Given) -> dict[str, Any]:
        """Return the account's one instance; what Name is for is documented nowhere, so it excludes nothing."""
        page, size = given.number("PageNumber", 1), given.number("PageSize", 20)
        own = instance_of(given.account)
        rows = [{"InstanceId": own, "Name": own}]
        shown = one_page(rows, page, size)
        return succeeded(CommodityInstances=shown, PageNumber=page, PageSize=size, TotalCount=len(rows))


def _line(center: ContactCenter, given: Given) -> HotlineNumber:
    """Read the members that adding and overwriting have in common."""
    number, level = given.demand("HotlineNumber"), given.number("EvaluationLevel")
    if not number.isdecimal() or level not in _LEVELS:
        raise ApiRefusal("ParameterError", "The parameter HotlineNumber or EvaluationLevel is wrong.", 400)
    return HotlineNumber(
        number,
        given.demand("Description"),
        _demand_flag(given, "EnableInbound"),
        _demand_flag(given, "EnableOutbound"),
        _demand_flag(given, "EnableInboundEvaluation"),
        _demand_flag(given, "EnableOutboundEvaluation"),
        _demand_flag(given, "OutboundAllDepart"),
        tuple(_range(center, one) for one in given.rows("OutboundRangeList")),
        given.number("InboundFlowId"),
        level,
    )


def _demand_flag(given: Given, name: str) -> bool:
    given.demand(name)
    return given.flag(name)


def _range(center: ContactCenter, row: dict[str, Any]) -> OutboundRange:
    department_id, groups = row.get("DepartmentId"), tuple(row.get("GroupIdList") or ())
    if department_id not in center.departments:
        raise no_department()
    if not {group.group_id for group in center.groups_of(department_id)} >= set(groups):
        raise no_group()
    return OutboundRange(department_id, groups)


def _demand(center: ContactCenter, number: str) -> HotlineNumber:
    if number not in center.lines:
        # Not published: a guess.
        raise ApiRefusal("HotlineNumber.NotFound", "The specified hotline number does not exist.", 500)
    return center.lines[number]


def _shown_to(center: ContactCenter, given: Given) -> list[HotlineNumber]:
    agent = named_agent(center, given, given.text("AccountName"))
    groups = [center.groups[one] for one in agent.groups]
    return [line for line in center.lines.values() if any(center.may_show(line, group) for group in groups)]


def _concerns(line: HotlineNumber, department_id: int) -> bool:
    return line.outbound_all or any(one.department_id == department_id for one in line.ranges)


def _row(center: ContactCenter, line: HotlineNumber) -> dict[str, Any]:
    ranges = [one for one in line.ranges if _stands(center, one)]
    return {
        "CalloutAllDepartment": line.outbound_all,
        "CalloutRangeList": [_range_row(center, one) for one in ranges],
        "Description": line.description,
        "EvaluationStatus": _INBOUND * line.inbound_evaluation + _OUTBOUND * line.outbound_evaluation,
        "FlowId": line.flow_id,
        "FlowName": FLOWS.get(line.flow_id, ""),
        "HotlineNumber": line.number,
        "InBoundEnabled": line.inbound,
        "Location": next((place for code, place in _PLACES.items() if line.number.startswith(code)), ""),
        "OutboundEnabled": line.outbound,
        "Sp": "电信",
    }


def _stands(center: ContactCenter, one: OutboundRange) -> bool:
    # Without its groups, gone meanwhile, it would read as the whole department's.
    return one.department_id in center.departments and (
        not one.group_ids or not center.groups.keys().isdisjoint(one.group_ids)
    )


def _range_row(center: ContactCenter, one: OutboundRange) -> dict[str, Any]:
    groups = [center.groups[group_id] for group_id in one.group_ids if group_id in center.groups]
    return {
        "DepartmentId": one.department_id,
        "DepartmentName": center.departments[one.department_id],
        "GroupDOList": [{"GroupId": group.group_id, "GroupName": group.name} for group in groups],
    }
