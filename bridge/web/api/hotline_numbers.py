"""Hotline numbers of the contact center, to read and to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from bridge.aiccs.numbers import NumberSettings, OutboundRange
from bridge.core.contact_center_errors import ContactCenterUncertain, HotlineNumberUnknown
from bridge.core.errors import RequestInvalid
from bridge.http.api import Call, Desk, Message, Nothing
from bridge.http.api_pages import Page, PageQuery, page_of
from bridge.http.api_places import LONGEST_DESCRIPTION, REFUSALS, Removed
from bridge.http.contact_center import own_instance
from bridge.http.current import services
from bridge.provisioning.hotline_numbers import lacks_levels, lacks_range

if TYPE_CHECKING:
    from bridge.aiccs.numbers import HotlineNumber

desk = Desk("hotline_numbers", "Hotline numbers")

_MOST_RANGES = 100


class NumberRange(Message):
    """A department that may call with the number."""

    department_id: int = Field(examples=[19])
    skill_group_ids: list[int] = Field(
        default_factory=list, max_length=_MOST_RANGES, description="Only these of it; empty: all of it.", examples=[[]]
    )


class NumberReset(Message):
    """All that can be set of a hotline number; what is left out is set to its default."""

    description: str = Field(min_length=1, max_length=LONGEST_DESCRIPTION, examples=["After-sales"])
    inbound: bool = Field(default=True, description="Whether it takes calls.")
    outbound: bool = Field(default=False, description="Whether agents may call with it.")
    inbound_survey: bool = Field(default=False, description="Whether callers are asked how satisfied they are.")
    outbound_survey: bool = Field(default=False, description="Whether those who were called are asked.")
    survey_levels: int | None = Field(
        default=None, ge=2, le=5, description="Steps of the survey's scale; needed with a survey.", examples=[None]
    )
    flow_id: int | None = Field(
        default=None, ge=1, description="IVR flow that answers, made in the workbench; null: none.", examples=[None]
    )
    all_departments: bool = Field(default=True, description="Whether all departments may call with it.")
    ranges: list[NumberRange] = Field(
        default_factory=list,
        max_length=_MOST_RANGES,
        description="Who may call with it, where not all departments may.",
        examples=[[]],
    )


class NewNumber(NumberReset):
    """A hotline number to take in."""

    number: str = Field(pattern="^[0-9]{3,20}$", description="Bought in the console.", examples=["4008000009"])


class NumberAnswer(Message):
    """A hotline number as the contact center has it."""

    number: str = Field(examples=["4008000003"])
    description: str = Field(examples=["After-sales"])
    inbound: bool
    outbound: bool
    inbound_survey: bool
    outbound_survey: bool
    survey_levels: int | None = Field(
        description="null where it is not known: the contact center does not tell it.", examples=[None]
    )
    flow_id: int | None = Field(examples=[None])
    flow_name: str = Field(examples=[""])
    all_departments: bool
    ranges: list[NumberRange] = Field(examples=[[]])
    location: str = Field(examples=["Hangzhou"])
    carrier: str = Field(examples=[""])


class NumberPage(Page):
    """Hotline numbers, by number."""

    items: list[NumberAnswer]


@desk.operation(
    "GET", "/connections/<connection>/numbers", scope="agents", query=PageQuery, gives=NumberPage, refuses=REFUSALS
)
def list_numbers(call: Call[Nothing, PageQuery]) -> NumberPage:
    """List the hotline numbers."""
    found = services().contact_center.numbers.every(own_instance(call.connection))
    items, following = page_of(sorted(found, key=_place), _place, call.query)
    return NumberPage(items=[_answer(one) for one in items], next_cursor=following)


@desk.operation(
    "POST",
    "/connections/<connection>/numbers",
    scope="agents:write",
    takes=NewNumber,
    gives=NumberAnswer,
    refuses=(ContactCenterUncertain, *REFUSALS),
)
def add_number(call: Call[NewNumber, Nothing]) -> NumberAnswer:
    """Take a number of the cloud account into the contact center.

    Numbers are bought in Alibaba Cloud's console only.
    """
    instance, numbers, settings = own_instance(call.connection), services().contact_center.numbers, _read(call.body)
    numbers.add(instance, call.body.number, settings)
    _record("hotline_number_added", call, call.body.number)
    return _told(call.body.number, settings)


@desk.operation(
    "PUT",
    "/connections/<connection>/numbers/<number>",
    scope="agents:write",
    takes=NumberReset,
    gives=NumberAnswer,
    refuses=(HotlineNumberUnknown, ContactCenterUncertain, *REFUSALS),
)
def reset_number(call: Call[NumberReset, Nothing]) -> NumberAnswer:
    """Set all of a number anew.

    What is left out does not stay as it was, but gets its default. The contact center does not tell how many steps the
    scale of a survey has, so `survey_levels` is needed each time a survey is on.
    """
    instance, numbers, settings = own_instance(call.connection), services().contact_center.numbers, _read(call.body)
    former = numbers.find(instance, call.path["number"])
    numbers.reset(instance, former.number, settings)
    _record("hotline_number_reset", call, former.number)
    return _told(former.number, settings, former)


@desk.operation(
    "DELETE",
    "/connections/<connection>/numbers/<number>",
    scope="agents:write",
    gives=Removed,
    refuses=(HotlineNumberUnknown, ContactCenterUncertain, *REFUSALS),
)
def delete_number(call: Call[Nothing, Nothing]) -> Removed:
    """Take a number out of the contact center.

    It stays in the cloud account.
    """
    instance, numbers = own_instance(call.connection), services().contact_center.numbers
    found = numbers.find(instance, call.path["number"])
    numbers.delete(instance, found.number)
    _record("hotline_number_deleted", call, found.number)
    return Removed(removed=1)


def _record(event: str, call: Call[Any, Any], number: str) -> None:
    services().journal.record_act(event, actor=call.actor, connection=call.connection.name, number=number)


def _read(given: NumberReset) -> NumberSettings:
    ranges = () if given.all_departments else given.ranges
    settings = NumberSettings(
        **given.model_dump(exclude={"ranges", "number"}),
        ranges=tuple(OutboundRange(one.department_id, tuple(one.skill_group_ids)) for one in ranges),
    )
    if lacks_levels(settings):
        raise RequestInvalid(expected="survey_levels: 2 to 5 where a survey is on", received="none")
    if lacks_range(settings):
        raise RequestInvalid(expected="ranges: a department that may call with the number", received="none")
    return settings


def _place(number: HotlineNumber) -> str:
    return number.number


def _answer(number: HotlineNumber) -> NumberAnswer:
    return _told(number.number, number.settings, number)


def _told(number: str, settings: NumberSettings, known: HotlineNumber | None = None) -> NumberAnswer:
    # The flow's name is that of the flow which was set before.
    is_same_flow = known is not None and known.settings.flow_id == settings.flow_id
    return NumberAnswer(
        number=number,
        description=settings.description,
        inbound=settings.inbound,
        outbound=settings.outbound,
        inbound_survey=settings.inbound_survey,
        outbound_survey=settings.outbound_survey,
        survey_levels=settings.survey_levels,
        flow_id=settings.flow_id,
        all_departments=settings.all_departments,
        ranges=[
            NumberRange(department_id=one.department_id, skill_group_ids=list(one.group_ids)) for one in settings.ranges
        ],
        flow_name=known.flow_name if known and is_same_flow else "",
        location=known.location if known else "",
        carrier=known.carrier if known else "",
    )
