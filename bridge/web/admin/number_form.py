"""What somebody wants of hotline numbers: the form as it came in, of one number or of several, and what is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from flask_babel import gettext

from bridge.aiccs.numbers import OutboundRange
from bridge.core.errors import RequestInvalid
from bridge.provisioning.hotline_numbers import LEVELS, NumberChanges, lacks_levels, lacks_range
from bridge.web.admin import places

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from werkzeug.datastructures import MultiDict

    from bridge.aiccs.numbers import HotlineNumber, NumberSettings
    from bridge.provisioning.places import Branch

Choice = Literal["on", "off", ""]
"""Whether something shall be; empty: as it is, which only the form of several numbers has."""

_NUMBER: Final = re.compile(r"[0-9]{3,20}")
_FLOW: Final = re.compile(r"[0-9]{1,18}")
_CHOICES: Final[dict[str, Choice]] = {"on": "on", "off": "off", "": ""}
_WANTED: Final = {"on": True, "off": False, "": None}


@dataclass(frozen=True, slots=True)
class Typed:
    """The form, as it was typed.

    Args:
        levels: steps of the survey's scale; empty: not chosen.
        flow: id of the IVR flow, ``0`` for none; empty: as it is.
        scope: ``all`` departments, ``chosen`` ones, or empty: as it is.
        departments: those that may call as a whole; `groups`: skill groups that may.
    """

    number: str = ""
    description: str = ""
    inbound: Choice = "on"
    outbound: Choice = "off"
    inbound_survey: Choice = "off"
    outbound_survey: Choice = "off"
    levels: str = ""
    flow: str = ""
    scope: str = "all"
    departments: tuple[int, ...] = ()
    groups: tuple[int, ...] = ()

    def changes(self, branches: Sequence[Branch]) -> NumberChanges:
        """Return what the form asks for; raises RequestInvalid for departments and groups that are not there."""
        return NumberChanges(
            description=self.description or None,
            inbound=_WANTED[self.inbound],
            outbound=_WANTED[self.outbound],
            inbound_survey=_WANTED[self.inbound_survey],
            outbound_survey=_WANTED[self.outbound_survey],
            survey_levels=int(self.levels) if self.levels else None,
            flow_id=int(self.flow) if _FLOW.fullmatch(self.flow) else None,
            all_departments=self.scope == "all" if self.scope else None,
            ranges=self._ranges(branches) if self.scope == "chosen" else None,
        )

    def _ranges(self, branches: Sequence[Branch]) -> tuple[OutboundRange, ...]:
        known = {branch.department.id: [one.id for one in branch.groups] for branch in branches if branch.department}
        places.among(self.departments, known)
        places.among(self.groups, [one for groups in known.values() for one in groups])
        chosen = {
            department: () if department in self.departments else tuple(one for one in groups if one in self.groups)
            for department, groups in known.items()
        }
        return tuple(
            OutboundRange(department, groups)
            for department, groups in chosen.items()
            if groups or department in self.departments
        )


def of_number(found: HotlineNumber) -> Typed:
    """Return the form filled with what a number has; the survey's scale is told by nobody."""
    settings = found.settings
    return Typed(
        number=found.number,
        description=settings.description,
        inbound=_choice(settings.inbound),
        outbound=_choice(settings.outbound),
        inbound_survey=_choice(settings.inbound_survey),
        outbound_survey=_choice(settings.outbound_survey),
        flow=str(settings.flow_id or ""),
        scope="all" if settings.all_departments else "chosen",
        departments=tuple(one.department_id for one in settings.ranges if not one.group_ids),
        groups=tuple(group for one in settings.ranges for group in one.group_ids),
    )


def of_form(form: MultiDict[str, str], *, is_batch: bool = False) -> Typed:
    """Return the form of one number, whose boxes are ticked or not, or of several, which leaves what is not chosen.

    Raises:
        RequestInvalid: it holds what no page of the console sends.
    """
    flow, scope = places.text_of(form, "flow"), form.get("scope", "")
    if is_batch and form.get("no_flow"):
        flow = "0"
    levels = form.get("levels", "")
    if levels and levels not in map(str, LEVELS):
        raise RequestInvalid(expected="2, 3, 4 or 5 steps", received="another text")
    return Typed(
        number=places.text_of(form, "number"),
        description=places.text_of(form, "description"),
        inbound=_ticked(form, "inbound", is_batch=is_batch),
        outbound=_ticked(form, "outbound", is_batch=is_batch),
        inbound_survey=_ticked(form, "inbound_survey", is_batch=is_batch),
        outbound_survey=_ticked(form, "outbound_survey", is_batch=is_batch),
        levels=levels,
        flow=flow or ("" if is_batch else "0"),
        scope=scope if scope in {"all", "chosen"} else "" if is_batch else "all",
        departments=places.ids_of(form, "department"),
        groups=places.ids_of(form, "group"),
    )


def faults_of(typed: Typed, wanted: Iterable[NumberSettings], *, is_batch: bool = False) -> places.Faults:
    """Return what is wrong with the form.

    Args:
        wanted: what each of the numbers would have.
    """
    settings = list(wanted)
    description = places.text_fault(typed.description)
    if not is_batch and not typed.description:
        description = gettext("Please enter a description: the contact center demands one.")
    levels = gettext("A survey is on: choose the steps of its scale.") if any(map(lacks_levels, settings)) else ""
    scope = gettext("Agents may call with it: choose who.") if any(map(lacks_range, settings)) else ""
    if typed.scope == "chosen" and not typed.departments and not typed.groups:
        scope = gettext("Choose a department or a skill group.")
    return places.only_faults(
        description=description,
        levels=levels,
        scope=scope if typed.outbound != "off" else "",
        flow="" if _FLOW.fullmatch(typed.flow or "0") else gettext("The id of a flow is a number."),
    )


def number_fault(number: str, *, is_there: bool) -> str:
    """Return what is wrong with a number that shall be added; empty: nothing."""
    if not _NUMBER.fullmatch(number):
        return str(gettext("Digits only, as in the list of numbers that you bought."))
    return str(gettext("The contact center has this number already.")) if is_there else ""


def _choice(value: bool) -> Choice:  # noqa: FBT001 — it is the value
    return "on" if value else "off"


def _ticked(form: MultiDict[str, str], name: str, *, is_batch: bool) -> Choice:
    given = _CHOICES.get(form.get(name, ""), "")
    return given if is_batch else _choice(given == "on")
