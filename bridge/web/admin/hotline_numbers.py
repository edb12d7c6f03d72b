"""The contact center's hotline numbers in the console: added, reset and deleted, one or several at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from bridge.aiccs.numbers import NumberSettings
from bridge.core.contact_center_errors import HotlineNumberUnknown
from bridge.core.errors import RequestInvalid
from bridge.http import console
from bridge.http.contact_center import place_in_sight, place_to_change
from bridge.provisioning.hotline_numbers import LEVELS, delete_numbers, reset_numbers
from bridge.provisioning.places import branches
from bridge.web.admin import number_form, places
from bridge.web.admin.number_form import Typed
from bridge.web.admin.places import desk, see

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.aiccs.numbers import HotlineNumber
    from bridge.http.contact_center import Place
    from bridge.provisioning.one_by_one import Outcome
    from bridge.provisioning.places import Branch

hotline_numbers = Blueprint("hotline_numbers", __name__)

_BASE: Final = "/admin/connections/<name>/numbers"
_LONGEST: Final = 32
_NUMBER: Final = re.compile(r"[0-9+*#-]{1,32}")
_BETWEEN: Final = re.compile(r"[\s,;、，；]+")  # noqa: RUF001 — commas and semicolons as Chinese keyboards type them
_CONFLICT: Final = 409
_AT_ONCE: Final = 50
_DONE: Final[places.Done] = {
    "added": ("good", _("The number was added.")),
    "reset": ("good", _("The number has its new settings.")),
    "reset_all": ("good", _("All chosen numbers have their new settings.")),
    "none": ("info", _("Tick the numbers that are meant first.")),
    "deleted": ("good", _("The number was deleted from the contact center. You still own it.")),
    "deleted_all": ("good", _("All chosen numbers were deleted from the contact center. You still own them.")),
}


@dataclass(frozen=True, slots=True)
class AtHand:
    """What a form is filled and judged with: all numbers, and the departments with their skill groups."""

    place: Place
    numbers: tuple[HotlineNumber, ...]
    branches: list[Branch]

    def number(self, wanted: str) -> HotlineNumber | None:
        """Return this number, None where it is not there."""
        return next((one for one in self.numbers if one.number == wanted), None)

    def demanded(self, wanted: str) -> HotlineNumber:
        """Return this number; raises HotlineNumberUnknown."""
        found = self.number(wanted)
        if found is None:
            raise HotlineNumberUnknown(expected="a number that the contact center has", received="another")
        return found

    def choices(self) -> dict[str, Any]:
        """Return what can be chosen: flows are told only by the numbers that have them."""
        flows = {one.settings.flow_id: one.flow_name for one in self.numbers if one.settings.flow_id}
        return {"place": self.place, "flows": flows, "branches": self.branches, "levels": LEVELS}


@hotline_numbers.get(_BASE)
def overview(name: str) -> str:
    """Show all numbers, or those that hold some digits."""
    place, q = place_in_sight(name), request.args.get("q", "").strip()[:_LONGEST]
    found = list(desk().numbers.every(place.instance, q))
    ranges = branches(desk(), place.instance) if any(one.settings.ranges for one in found) else []
    return render_template(
        "admin/contact_center/numbers.html",
        place=place,
        numbers=found,
        q=q,
        departments={one.department.id: one.department.name for one in ranges if one.department},
        groups={group.id: group.display_name for one in ranges for group in one.groups},
        done=places.done_of(_DONE),
    )


@hotline_numbers.route(f"{_BASE}/new", methods=["GET", "POST"])
def new(name: str) -> str | Response:
    """Ask for a number that the cloud account owns, and add it."""
    if request.method == "GET":
        return _form(_at_hand(place_in_sight(name)), Typed(number=request.args.get("number", "")[:_LONGEST]), {})
    place, typed = place_to_change(name), number_form.of_form(request.form)
    at_hand = _at_hand(place)
    wanted = typed.changes(at_hand.branches).applied(NumberSettings(""))
    faults = number_form.faults_of(typed, [wanted])
    if fault := number_form.number_fault(typed.number, is_there=at_hand.number(typed.number) is not None):
        faults["number"] = fault
    if faults:
        return Response(_form(at_hand, typed, faults), 422, mimetype="text/html")
    desk().numbers.add(place.instance, typed.number, wanted)
    places.journaled(place, "hotline_number_added", number=typed.number)
    return _to_list(place, "added")


@hotline_numbers.route(f"{_BASE}/<number>", methods=["GET", "POST"])
def edit(name: str, number: str) -> str | Response:
    """Show all that can be set of a number, and set all of it anew."""
    if request.method == "GET":
        at_hand = _at_hand(place_in_sight(name))
        found = at_hand.demanded(number)
        return _form(at_hand, number_form.of_number(found), {}, found)
    place, typed = place_to_change(name), number_form.of_form(request.form)
    at_hand = _at_hand(place)
    found = at_hand.demanded(number)
    wanted = typed.changes(at_hand.branches).applied(NumberSettings(""))
    if faults := number_form.faults_of(typed, [wanted]):
        return Response(_form(at_hand, typed, faults, found), 422, mimetype="text/html")
    desk().numbers.reset(place.instance, found.number, wanted)
    places.journaled(place, "hotline_number_reset", number=found.number)
    return _to_list(place, "reset")


@hotline_numbers.route(f"{_BASE}/reset", methods=["GET", "POST"])
def reset(name: str) -> str | Response:
    """Ask what shall be another way at several numbers, and reset them one by one."""
    if request.method == "GET":
        place = place_in_sight(name)
        if not request.args.getlist("number"):
            return _to_list(place, "none")
        blank = Typed(inbound="", outbound="", inbound_survey="", outbound_survey="", scope="")
        at_hand = _at_hand(place)
        return _batch_form(at_hand, _chosen(at_hand.numbers, request.args.getlist("number")), blank, {})
    place, typed = place_to_change(name), number_form.of_form(request.form, is_batch=True)
    at_hand = _at_hand(place)
    found = _chosen(at_hand.numbers, request.form.getlist("number"))
    changes = typed.changes(at_hand.branches)
    wanted = [changes.applied(one.settings) for one in found]
    if faults := number_form.faults_of(typed, wanted, is_batch=True):
        return Response(_batch_form(at_hand, found, typed, faults), 422, mimetype="text/html")
    with console.slow_errand():
        outcomes = list(reset_numbers(desk(), place.instance, [one.number for one in found], changes))
    return _finished(place, "hotline_number_reset", outcomes, "reset_all")


@hotline_numbers.route(f"{_BASE}/delete", methods=["GET", "POST"])
def delete(name: str) -> str | Response:
    """Ask to type the numbers that shall go, and delete them one by one."""
    if request.method == "GET":
        place = place_in_sight(name)
        if not request.args.getlist("number"):
            return _to_list(place, "none")
        return _deleting(place, _chosen(_every(place), request.args.getlist("number")), "")
    place = place_to_change(name)
    found = _chosen(_every(place), request.form.getlist("number"))
    numbers = [one.number for one in found]
    typed = {one for one in _BETWEEN.split(request.form.get("typed", "")) if one}
    if typed != set(numbers):
        fault = gettext("This is not what is going to be deleted. Please type it exactly.")
        return Response(_deleting(place, found, fault), 422, mimetype="text/html")
    with console.slow_errand():
        outcomes = list(delete_numbers(desk(), place.instance, numbers))
    return _finished(place, "hotline_number_deleted", outcomes, "deleted" if len(outcomes) == 1 else "deleted_all")


# What the pages show -------------------------------------------------------------------------------------------------


def _every(place: Place) -> tuple[HotlineNumber, ...]:
    return tuple(desk().numbers.every(place.instance))


def _at_hand(place: Place) -> AtHand:
    return AtHand(place, _every(place), [one for one in branches(desk(), place.instance) if one.department])


def _chosen(every: Iterable[HotlineNumber], numbers: list[str]) -> list[HotlineNumber]:
    """Return the numbers that were ticked and are there; raises RequestInvalid where it is none, or too many."""
    if not all(map(_NUMBER.fullmatch, numbers)):
        raise RequestInvalid(expected="hotline numbers", received="another text")
    found = [one for one in every if one.number in numbers]
    if not 0 < len(found) <= _AT_ONCE:
        raise RequestInvalid(expected=f"1 to {_AT_ONCE} numbers that are there", received=str(len(found)))
    return found


def _finished(place: Place, event: str, outcomes: Iterable[Outcome], done: str) -> Response:
    outcomes = list(outcomes)
    for one in outcomes:
        if one.is_done:
            places.journaled(place, event, number=one.subject)
    if all(one.is_done for one in outcomes):
        return _to_list(place, done)
    page = render_template(
        "admin/contact_center/numbers_told.html", place=place, told=places.told(outcomes), event=event
    )
    return Response(page, _CONFLICT, mimetype="text/html")


def _form(at_hand: AtHand, typed: Typed, faults: places.Faults, found: HotlineNumber | None = None) -> str:
    return render_template(
        "admin/contact_center/number.html", found=found, typed=typed, faults=faults, **at_hand.choices()
    )


def _batch_form(at_hand: AtHand, found: list[HotlineNumber], typed: Typed, faults: places.Faults) -> str:
    return render_template(
        "admin/contact_center/numbers_reset.html", numbers=found, typed=typed, faults=faults, **at_hand.choices()
    )


def _deleting(place: Place, found: list[HotlineNumber], fault: str) -> str:
    return render_template("admin/contact_center/numbers_delete.html", place=place, numbers=found, fault=fault)


def _to_list(place: Place, done: str) -> Response:
    return see(url_for("hotline_numbers.overview", name=place.name, done=done))
