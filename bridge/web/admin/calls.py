"""The console's calls: found by day, agent, direction, group, result and number; one call whole, and its sound."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, cast

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_babel import gettext

from bridge.calls import rows
from bridge.calls.figures import distinct
from bridge.calls.listeners import Listener
from bridge.calls.masking import without_numbers
from bridge.core.contact_center_errors import CallUnknown
from bridge.core.errors import BridgeError, ContactCenterUnreachable
from bridge.core.spreadsheet import csv_line
from bridge.http import headers
from bridge.http.audio import audio_answer
from bridge.http.contact_center import place_in_sight, place_to_change
from bridge.http.current import services
from bridge.web.admin import call_search, call_story, call_words
from bridge.web.admin.call_words import Wall

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.aiccs.calls import Call, CallSearch, Said
    from bridge.calls.recordings import Held
    from bridge.http.contact_center import Place
    from bridge.ops.journal import Journal
    from bridge.web.admin.call_search import Asked

calls = Blueprint("calls", __name__)

MOST_EXPORTED: Final = 10_000
"""Rows of a file that a page gives; what is more is a job for the command line."""
_LONGEST_EXPORT: Final = 300.0
_GROUPS: Final = 3
"""Skill groups that are asked for the agents of one call."""
_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_ENDINGS: Final = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/ogg": "ogg", "audio/mp4": "m4a"}


# The search ----------------------------------------------------------------------------------------------------------


@calls.get("/admin/connections/<name>/calls")
def overview(name: str) -> str:
    """Show the calls of today, or those that the address asks for."""
    place = place_in_sight(name)
    return _found(place, call_search.asked_at(request.args, _wall(place)))


@calls.post("/admin/connections/<name>/calls")
def search(name: str) -> str | Response:
    """Show the calls that a form asks for; a search that names no phone number gets an address of its own."""
    place = place_to_change(name)
    asked = call_search.asked_in(request.form, _wall(place))
    _journal_numbers(place, asked)
    if request.form.get("unmask"):
        _journal_unmasking(place, since=asked.since, until=asked.until, page=asked.number_of_page)
        return _found(place, asked, unmasked=True)
    if not asked.names_numbers:
        return _see(url_for("calls.overview", name=place.name, **asked.address()))
    return _found(place, asked)


@calls.post("/admin/connections/<name>/calls.csv")
def export(name: str) -> str | Response:
    """Send what a search finds as a file for spreadsheets, with masked numbers, a page of rows in memory at a time."""
    place = place_to_change(name)
    wall = _wall(place)
    asked = call_search.asked_in(request.form, wall)
    _journal_numbers(place, asked)
    wanted = call_search.wanted(asked, place.instance, wall)
    if isinstance(wanted, str) or _how_many(place, wanted) > MOST_EXPORTED:
        return _found(place, asked)
    with ExitStack() as held:
        # Whoever reads slowly holds a thread as a listener does, and no errand of the console.
        held.enter_context(services().listeners.seat(_listener(place)))
        found = _masked(place, islice(_every(place, wanted), MOST_EXPORTED))
        # The first row is asked for now: an outage is told by a page, not by a file that breaks off.
        first = list(islice(found, 1))
        services().journal.record_act(
            "calls_exported", actor=place.admin.name, connection=place.name, since=asked.since, until=asked.until
        )
        unfinished = gettext("This file is not whole: the contact center stopped answering. Please export again.")
        file = _file(chain(first, found), place, services().journal, unfinished)
        response = Response(file, mimetype="text/csv")
        response.call_on_close(held.pop_all().close)
    name_of_file = f"calls-{place.name}-{asked.since}-{asked.until}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name_of_file}"'
    return response


def _found(place: Place, asked: Asked, *, unmasked: bool = False) -> str:
    wall, desk = _wall(place), services().contact_center
    landmarks = services().overviews.landmarks(place.name, place.instance)
    wanted = call_search.wanted(asked, place.instance, wall)
    shown: list[Call] = []
    total = 0
    if not isinstance(wanted, str):
        shown, total = desk.calls.page(place.instance, wanted, asked.number_of_page, call_search.PAGE)
    return render_template(
        "admin/contact_center/calls.html",
        place=place,
        asked=asked,
        fault=wanted if isinstance(wanted, str) else "",
        rows=[one if unmasked else without_numbers(one, landmarks.lines) for one in shown],
        total=total,
        is_today=(asked.since, asked.until) == _quick_days(wall)["today"],
        last=max(-(-total // call_search.PAGE), 1),
        unmasked=unmasked,
        groups=landmarks.groups,
        most_exported=MOST_EXPORTED,
        wall=wall,
        words=call_words,
        quick=_quick_days(wall),
    )


def _quick_days(wall: Wall) -> dict[str, tuple[str, str]]:
    now = services().now()
    return {
        "today": (wall.day(now), wall.day(now)),
        "yesterday": (wall.day(now - call_search.DAY),) * 2,
        "week": (wall.day(now - 6 * call_search.DAY), wall.day(now)),
    }


def _how_many(place: Place, wanted: CallSearch) -> int:
    return services().contact_center.calls.page(place.instance, wanted, 1, 1)[1]


def _every(place: Place, wanted: CallSearch) -> Iterator[Call]:
    return distinct(services().contact_center.calls.search(place.instance, wanted))


def _file(found: Iterable[Call], place: Place, journal: Journal, unfinished: str) -> Iterator[bytes]:
    """Yield the lines of a file, and at last `unfinished` where some are missing: its head is sent by then."""
    utc_offset, until = place.instance.access.utc_offset, time.monotonic() + _LONGEST_EXPORT
    yield rows.head("csv")
    try:
        for call in found:
            yield rows.lines([call], "csv", utc_offset)
            if time.monotonic() > until:
                raise ContactCenterUnreachable(expected=f"all calls in {_LONGEST_EXPORT:.0f} seconds", received="some")
    except BridgeError as fault:
        yield csv_line([unfinished]).encode()
        journal.record("export_broken_off", connection=place.name, code=fault.code, received=fault.received)


def _masked(place: Place, found: Iterable[Call]) -> Iterator[Call]:
    lines = services().overviews.landmarks(place.name, place.instance).lines
    return (without_numbers(one, lines) for one in found)


# One call ------------------------------------------------------------------------------------------------------------


@calls.get("/admin/connections/<name>/calls/<call_id>")
def page(name: str, call_id: str) -> str:
    """Show one call: all its parts, what was said, its recordings."""
    return _call(place_in_sight(name), call_id)


@calls.post("/admin/connections/<name>/calls/<call_id>")
def page_with_numbers(name: str, call_id: str) -> str:
    """Show the same with whole numbers, and keep in the journal who wanted to see them."""
    place = place_to_change(name)
    return _call(place, call_id, unmasked=True)


def _call(place: Place, call_id: str, *, unmasked: bool = False) -> str:
    found = services().contact_center.calls.find(place.instance, _checked(call_id))
    if unmasked:
        _journal_unmasking(place, call=call_id)
    landmarks = services().overviews.landmarks(place.name, place.instance)
    said, wall = _said(place, found), _wall(place)
    back = call_search.way_back(request.args, wall)
    headers.allow_media()
    return render_template(
        "admin/contact_center/call.html",
        place=place,
        call_id=call_id,
        legs=[one if unmasked else without_numbers(one, landmarks.lines) for one in found],
        held=_held(place, found),
        said=said if unmasked or said is None else call_story.without_spoken_numbers(said),
        unmasked=unmasked,
        groups={str(group_id): group_id for group_id in landmarks.groups},
        accounts=_accounts(place, found),
        back=back,
        is_numbered="numbered" in request.args,
        trail=back.address() | ({"numbered": "yes"} if "numbered" in request.args else {}) if back else {},
        wall=wall,
        words=call_words,
        story=call_story,
    )


def _accounts(place: Place, found: list[Call]) -> dict[str, str]:
    """Return number → account name of the agents; of calls numbers alone are told, of skill groups both."""
    groups = sorted({int(one.group_id) for one in found if one.agent_id and call_search.is_id(one.group_id)})
    agents = services().contact_center.agents
    try:
        members = chain.from_iterable(agents.in_group(place.instance, group_id) for group_id in groups[:_GROUPS])
        return {agent.agent_id: agent.account_name for agent in members if agent.agent_id}
    except BridgeError:
        return {}


def _held(place: Place, found: list[Call]) -> Held | None:
    """Return the recordings, None where nobody can tell now: the rest of the page does without."""
    try:
        return services().recordings.of(place.instance, found)
    except BridgeError:
        return None


def _said(place: Place, found: list[Call]) -> list[Said] | None:
    """Return what was said, nothing where nobody spoke, None where nobody can tell now."""
    if not any(one.was_answered for one in found):
        return []
    try:
        return services().contact_center.calls.words(place.instance, found[0].call_id)
    except BridgeError:
        return None


@calls.get("/admin/connections/<name>/calls/<call_id>/recordings/<connection_id>")
def recording(name: str, call_id: str, connection_id: str) -> Response:
    """Send the sound of a recording, or the part of it that a player asks for; where it really lies nobody is told."""
    place, is_download = place_in_sight(name), "download" in request.args
    response = audio_answer(place.instance, _checked(call_id), _checked(connection_id), _listener(place))
    file = f"call-{call_id}-{connection_id}.{_ENDINGS.get(response.mimetype or '', 'wav')}"
    response.headers["Content-Disposition"] = f'{"attachment" if is_download else "inline"}; filename="{file}"'
    return response


def _listener(place: Place) -> Listener:
    return Listener("administrator", place.name, place.admin.name)


def _checked(an_id: str) -> str:
    if not _ID.fullmatch(an_id):
        raise CallUnknown(expected="the id of a call", received="another text")
    return an_id


def _journal_unmasking(place: Place, **details: Any) -> None:
    services().journal.record_act("numbers_unmasked", actor=place.admin.name, connection=place.name, **details)


def _journal_numbers(place: Place, asked: Asked) -> None:
    """Keep who searches by a whole number, which is one way to find out what is masked; never the number."""
    if asked.names_numbers:
        services().journal.record_act(
            "calls_searched_by_number",
            actor=place.admin.name,
            connection=place.name,
            since=asked.since,
            until=asked.until,
        )


def _wall(place: Place) -> Wall:
    return Wall(place.instance.access.utc_offset)


def _see(url: str) -> Response:
    return cast("Response", redirect(url, 303))
