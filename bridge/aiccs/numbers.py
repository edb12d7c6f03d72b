"""Hotline numbers of the contact center."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.aiccs.reading import Page, flag, number, part, rows_in, text
from bridge.core.contact_center_errors import HotlineNumberUnknown
from bridge.core.errors import ContactCenterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.aiccs.client import ContactCenter
    from bridge.aiccs.instance import Instance

_INBOUND, _OUTBOUND = 1, 2


@dataclass(frozen=True, slots=True)
class OutboundRange:
    """A department that may call with a number; without skill groups the whole of it."""

    department_id: int
    group_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class NumberSettings:
    """All that can be set of a number; whoever resets one sets all of it anew.

    Args:
        survey_levels: steps of the survey's scale, 2 to 5; None: not set, or not told: the contact center does not
            give back what was set.
        flow_id: of the IVR flow that answers; None: none.
        ranges: who may call with it, unless all departments may.
    """

    description: str
    inbound: bool = True
    outbound: bool = False
    inbound_survey: bool = False
    outbound_survey: bool = False
    survey_levels: int | None = None
    flow_id: int | None = None
    all_departments: bool = True
    ranges: tuple[OutboundRange, ...] = ()


@dataclass(frozen=True, slots=True)
class HotlineNumber:
    """A number as the contact center has it.

    Args:
        flow_name: of the IVR flow.
        location, carrier: as the contact center words them.
    """

    number: str
    settings: NumberSettings
    flow_name: str = ""
    location: str = ""
    carrier: str = ""


class HotlineNumbers:
    """Asks the contact center about its hotline numbers, and changes them."""

    def __init__(self, contact_center: ContactCenter) -> None:
        self._contact_center = contact_center

    def every(self, instance: Instance, like: str = "") -> Iterator[HotlineNumber]:
        """Yield all numbers, or those that hold some digits (QueryHotlineNumber).

        Raises:
            ContactCenterError, ContactCenterUnreachable: as `ContactCenter.read`.
        """
        rows = self._contact_center.pages(
            instance, "query_hotline_number", _page, page="current_page", hotline_number=like or None
        )
        return (_read(row) for row in rows if row.get("HotlineNumber"))

    def find(self, instance: Instance, hotline_number: str) -> HotlineNumber:
        """Return one number; raises HotlineNumberUnknown, and as `every`."""
        for found in self.every(instance, hotline_number):
            if found.number == hotline_number:
                return found
        raise HotlineNumberUnknown(expected="a number that the contact center has", received="another")

    def add(self, instance: Instance, hotline_number: str, settings: NumberSettings) -> None:
        """Add a number that the cloud account owns (AddHotlineNumber).

        Raises:
            ContactCenterUncertain: its answer was lost.
            BridgeError: as for `every`.
        """
        # Without ClientToken; whether adding a number twice does harm is not published.
        self._contact_center.write(
            instance, "add_hotline_number", can_repeat=False, hotline_number=hotline_number, **_fields(settings)
        )

    def reset(self, instance: Instance, hotline_number: str, settings: NumberSettings) -> None:
        """Set all of a number anew (ResetHotlineNumber); raises as `every`."""
        self._contact_center.write(instance, "reset_hotline_number", hotline_number=hotline_number, **_fields(settings))

    def delete(self, instance: Instance, hotline_number: str) -> None:
        """Take a number out of the contact center (DeleteHotlineNumber); raises as `every`."""
        try:
            self._contact_center.write(instance, "delete_hotline_number", hotline_number=hotline_number)
        except ContactCenterError as refusal:
            if not refusal.may_be_done or self._is_there(instance, hotline_number):
                raise

    def _is_there(self, instance: Instance, hotline_number: str) -> bool:
        return any(found.number == hotline_number for found in self.every(instance, hotline_number))


def _fields(settings: NumberSettings) -> dict[str, Any]:
    ranges = [{"DepartmentId": one.department_id, "GroupIdList": list(one.group_ids)} for one in settings.ranges]
    return {
        "description": settings.description,
        "enable_inbound": settings.inbound,
        "enable_outbound": settings.outbound,
        "enable_inbound_evaluation": settings.inbound_survey,
        "enable_outbound_evaluation": settings.outbound_survey,
        "evaluation_level": settings.survey_levels,
        "inbound_flow_id": settings.flow_id,
        "outbound_all_depart": settings.all_departments,
        "outbound_range_list": ranges if ranges and not settings.all_departments else None,
    }


def _page(answer: Mapping[str, Any]) -> Page:
    data = part(answer, "Data")
    return Page(data.get("HotlineNumList"), data.get("TotalCount"))


def _read(row: Mapping[str, Any]) -> HotlineNumber:
    surveys = number(row, "EvaluationStatus") or 0
    settings = NumberSettings(
        description=text(row, "Description"),
        inbound=flag(row, "InBoundEnabled"),
        outbound=flag(row, "OutboundEnabled"),
        inbound_survey=bool(surveys & _INBOUND),
        outbound_survey=bool(surveys & _OUTBOUND),
        flow_id=number(row, "FlowId"),
        all_departments=flag(row, "CalloutAllDepartment"),
        ranges=tuple(_range(one) for one in rows_in(row.get("CalloutRangeList"))),
    )
    return HotlineNumber(
        text(row, "HotlineNumber"), settings, text(row, "FlowName"), text(row, "Location"), text(row, "Sp")
    )


def _range(row: Mapping[str, Any]) -> OutboundRange:
    groups = [number(group, "GroupId") for group in rows_in(row.get("GroupDOList"))]
    return OutboundRange(number(row, "DepartmentId") or 0, tuple(one for one in groups if one is not None))
