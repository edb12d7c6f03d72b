"""Hotline numbers, several at once: what shall change of each, and what came of each."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final

from bridge.core.contact_center_errors import HotlineNumberUnknown
from bridge.core.errors import RequestInvalid
from bridge.provisioning.one_by_one import one_by_one

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bridge.aiccs.contact_center import ContactCenterDesk
    from bridge.aiccs.instance import Instance
    from bridge.aiccs.numbers import HotlineNumber, NumberSettings, OutboundRange
    from bridge.provisioning.one_by_one import Outcome

LEVELS: Final = (2, 3, 4, 5)
"""Steps that a survey's scale can have (AddHotlineNumber, EvaluationLevel)."""


@dataclass(frozen=True, slots=True)
class NumberChanges:
    """What shall be another way than it is; None stays as it is.

    Args:
        survey_levels: one of `LEVELS`; the contact center does not tell what is set, so that it cannot stay.
        flow_id: 0: no IVR flow.
        ranges: with these, not all departments may call.
    """

    description: str | None = None
    inbound: bool | None = None
    outbound: bool | None = None
    inbound_survey: bool | None = None
    outbound_survey: bool | None = None
    survey_levels: int | None = None
    flow_id: int | None = None
    all_departments: bool | None = None
    ranges: tuple[OutboundRange, ...] | None = None

    def applied(self, settings: NumberSettings) -> NumberSettings:
        """Return the settings with the changes; all of them are sent, for a reset sets all anew."""
        given = {one.name: value for one in fields(self) if (value := getattr(self, one.name)) is not None}
        changed = replace(settings, **given)
        has_survey = changed.inbound_survey or changed.outbound_survey
        return replace(
            changed,
            flow_id=changed.flow_id or None,
            ranges=() if changed.all_departments else changed.ranges,
            survey_levels=changed.survey_levels if has_survey else None,
        )


def lacks_levels(settings: NumberSettings) -> bool:
    """Say whether a survey is on and nobody said how many steps its scale has."""
    return (settings.inbound_survey or settings.outbound_survey) and settings.survey_levels is None


def lacks_range(settings: NumberSettings) -> bool:
    """Say whether agents shall call with the number, and nobody may."""
    return settings.outbound and not settings.all_departments and not settings.ranges


def known_numbers(
    desk: ContactCenterDesk, instance: Instance, numbers: Iterable[str] | None = None
) -> dict[str, HotlineNumber]:
    """Return the contact center's numbers by number, of the given ones those that it has.

    Raises:
        ContactCenterError, ContactCenterUnreachable: as `ContactCenter.read`.
    """
    wanted = None if numbers is None else set(numbers)
    return {one.number: one for one in desk.numbers.every(instance) if wanted is None or one.number in wanted}


def reset_numbers(
    desk: ContactCenterDesk, instance: Instance, numbers: Sequence[str], changes: NumberChanges
) -> Iterator[Outcome]:
    """Set some of each number anew and the rest as it is, one by one.

    Raises:
        RequestInvalid: before any is changed: one would have a survey without the steps of its scale, or agents who
            shall call with it and nobody who may.
        BridgeError: as for `known_numbers`.
    """
    known = known_numbers(desk, instance, numbers)
    wanted = {one.number: changes.applied(one.settings) for one in known.values()}
    _refuse_incomplete(wanted)

    def reset(number: str) -> None:
        if number not in wanted:
            raise _unknown()
        desk.numbers.reset(instance, number, wanted[number])

    return one_by_one(dict.fromkeys(numbers), str, reset)


def delete_numbers(desk: ContactCenterDesk, instance: Instance, numbers: Sequence[str]) -> Iterator[Outcome]:
    """Take numbers out of the contact center, one by one; raises as `known_numbers`."""
    known = known_numbers(desk, instance, numbers)

    def delete(number: str) -> None:
        if number not in known:
            raise _unknown()
        desk.numbers.delete(instance, number)

    return one_by_one(dict.fromkeys(numbers), str, delete)


def _refuse_incomplete(wanted: Mapping[str, NumberSettings]) -> None:
    if without := [number for number, settings in wanted.items() if lacks_levels(settings)]:
        raise RequestInvalid(
            "A survey is on, and the contact center does not tell its scale: say how many steps it has.",
            expected="2, 3, 4 or 5 steps",
            received=f"none for {', '.join(without)}",
        )
    if without := [number for number, settings in wanted.items() if lacks_range(settings)]:
        raise RequestInvalid(
            "Agents shall call with the number: say which departments may.",
            expected="a range",
            received=f"none for {', '.join(without)}",
        )


def _unknown() -> HotlineNumberUnknown:
    return HotlineNumberUnknown(expected="a number that the contact center has", received="another")
