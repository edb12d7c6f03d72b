"""The console's coverage report: who would arrive as which agent, before anybody depends on it.

The staff list is read in the request that sends it and forgotten with it: whoever wants the table first and the file
then sends it twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, render_template, request
from flask_babel import gettext as _
from werkzeug.exceptions import RequestEntityTooLarge

from bridge.core.contact_center_errors import RosterInvalid
from bridge.http import console
from bridge.http.contact_center import place_in_sight
from bridge.http.current import services
from bridge.provisioning import coverage_file
from bridge.provisioning.coverage import gather
from bridge.provisioning.staff_list import read_staff_list
from bridge.provisioning.verdicts import MEANINGS

if TYPE_CHECKING:
    from bridge.http.contact_center import Place
    from bridge.provisioning.coverage import Coverage

coverage = Blueprint("coverage", __name__)

MOST_SHOWN: Final = 200
"""Rows of one verdict on the page; the file has all of them."""
DAYS: Final = (7, 30, 90, 365)
_USUAL_DAYS: Final = 30
_DAY: Final = 86_400
_PATIENCE: Final = 60.0
_LARGEST_UPLOAD: Final = 6 * 1024 * 1024
_LONGEST: Final = 320


class _NoReport(Exception):
    """The form cannot be answered; `columns` are those to choose from."""

    def __init__(self, fault: str, columns: tuple[str, ...] = ()) -> None:
        super().__init__(fault)
        self.fault = fault
        self.columns = columns


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form says.

    Args:
        column: the head of the column that should equal AccountName; empty: the likeliest.
        days: how far back sign-ins count.
        columns: the heads to choose from, once a file was seen in which none was likely.
        fault: why there is no report, in the reader's language.
    """

    column: str = ""
    days: int = _USUAL_DAYS
    columns: tuple[str, ...] = ()
    fault: str = ""


@coverage.get("/admin/connections/<name>/coverage")
def overview(name: str) -> str:
    """Offer the report; to look at the page asks nobody."""
    return _page(place_in_sight(name), Asked())


@coverage.post("/admin/connections/<name>/coverage")
def make(name: str) -> Response:
    """Make the report and show it, or send it as a file."""
    # A staff list is larger than any other form; nobody but an administrator comes as far as reading it.
    request.max_content_length = _LARGEST_UPLOAD
    place = place_in_sight(name)
    try:
        console.require_own_form()
    except RequestEntityTooLarge:
        return _refused(place, Asked(fault=_("The file is larger than 5 MB.")))
    asked = Asked(request.form.get("column", "").strip()[:_LONGEST], _days(request.form.get("days", "")))
    try:
        # The file counts as much as the answers: to read a large one takes as long as they do.
        with console.slow_errand():
            column, names = _staff(asked.column, place.connection.mapping_field)
            found = _report(place, names, asked.days)
    except _NoReport as refusal:
        return _refused(place, Asked(asked.column, asked.days, refusal.columns, refusal.fault))
    if request.form.get("format") == "csv":
        return _file(place, found)
    return Response(_page(place, Asked(column, asked.days), found), mimetype="text/html")


def _refused(place: Place, asked: Asked) -> Response:
    return Response(_page(place, asked), 400, mimetype="text/html")


def _days(text: str) -> int:
    return int(text) if text in map(str, DAYS) else _USUAL_DAYS


def _staff(column: str, mapping_field: str) -> tuple[str, tuple[str, ...]]:
    """Return the column's head and what stands in it; nothing where no file was sent."""
    sent = request.files.get("staff")
    data = sent.read() if sent else b""
    if not data:
        return "", ()
    try:
        listed = read_staff_list(data, mapping_field)
    except RosterInvalid as refusal:
        raise _NoReport(_("The file cannot be read as a table: %(why)s.", why=refusal.received)) from refusal
    chosen = listed.named(column) if column else listed.likely_column(mapping_field)
    if chosen is None:
        fault = _("The file has no column of this name.") if column else _("No column is surely the right one.")
        raise _NoReport(f"{fault} {_('Choose it below and send the file again.')}", listed.columns)
    return chosen, listed.names(chosen)


def _report(place: Place, names: tuple[str, ...], days: int) -> Coverage:
    arrivals = services().trail.arrivals(place.name, services().now() - days * _DAY)
    with services().outbound.in_a_hurry(_PATIENCE):
        found = gather(services().contact_center.thorough(), place.instance, arrivals, names)
    services().journal.record_act("coverage_report", actor=place.admin.name, connection=place.name, **found.summary())
    return found


def _file(place: Place, found: Coverage) -> Response:
    day = datetime.fromtimestamp(services().now(), UTC).date().isoformat()
    response = Response(coverage_file.lines(found), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="coverage-{place.name}-{day}.csv"'
    return response


def _page(place: Place, asked: Asked, found: Coverage | None = None) -> str:
    return render_template(
        "admin/contact_center/coverage.html",
        place=place,
        asked=asked,
        found=found,
        meanings=MEANINGS,
        days=DAYS,
        most=MOST_SHOWN,
    )
