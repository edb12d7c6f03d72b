"""The console's calls: found by day, agent, direction, group, result and number; one call whole, and its sound."""

from __future__ import annotations

import re
from contextlib import ExitStack
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, cast

from flask import Blueprint, Response, redirect, render_template, request, url_for

from bridge.calls import rows
from bridge.calls.figures import distinct
from bridge.calls.masking import without_numbers
from bridge.core.contact_center_errors import CallUnknown
from bridge.core.errors import BridgeError
from bridge.http import console, headers
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
_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_FROM_THE_BEGINNING: Final = ("", "bytes=0-")
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
    wanted = call_search.wanted(asked, place.instance, wall)
    if isinstance(wanted, str) or _how_many(place, wanted) > MOST_EXPORTED:
        return _found(place, asked)
    found = _masked(place, islice(_every(place, wanted), MOST_EXPORTED))
    # The first row is asked for now: an outage is told by a page, not by a file that breaks off.
    first = list(islice(found, 1))
    services().journal.record_act(
        "calls_exported", actor=place.admin.name, connection=place.name, since=asked.since, until=asked.until
    )
    utc_offset = place.instance.access.utc_offset
    lines = (rows.lines([call], "csv", utc_offset) for call in chain(first, found))
    response = Response(chain([rows.head("csv")], lines), mimetype="text/csv")
    file = f"calls-{place.name}-{asked.since}-{asked.until}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{file}"'
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
    found = distinct(services().contact_center.calls.search(place.instance, wanted))
    with console.slow_errand():
        yield from found


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
    lines = services().overviews.landmarks(place.name, place.instance).lines
    said = _said(place, found)
    headers.allow_media()
    return render_template(
        "admin/contact_center/call.html",
        place=place,
        call_id=call_id,
        legs=[one if unmasked else without_numbers(one, lines) for one in found],
        held=_held(place, found),
        said=said if unmasked or said is None else call_story.without_spoken_numbers(said),
        unmasked=unmasked,
        wall=_wall(place),
        words=call_words,
        story=call_story,
    )


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
    place = place_in_sight(name)
    wanted, is_download = request.headers.get("Range", ""), "download" in request.args
    with ExitStack() as held:
        held.enter_context(console.slow_errand())
        sound = held.enter_context(
            services().recordings.open(place.instance, _checked(call_id), _checked(connection_id), byte_range=wanted)
        )
        if wanted in _FROM_THE_BEGINNING:
            services().journal.record_act(
                "recording_opened", actor=place.admin.name, connection=place.name, call=call_id
            )
        response = Response(_flowing(sound.chunks, place, services().journal), sound.status)
        response.call_on_close(held.pop_all().close)
    response.headers["Content-Type"] = sound.content_type
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Accept-Ranges"] = "bytes"
    if sound.length is not None:
        response.headers["Content-Length"] = str(sound.length)
    if sound.content_range:
        response.headers["Content-Range"] = sound.content_range
    file = f"call-{call_id}-{connection_id}.{_ENDINGS.get(sound.content_type, 'wav')}"
    response.headers["Content-Disposition"] = f'{"attachment" if is_download else "inline"}; filename="{file}"'
    return response


def _flowing(chunks: Iterable[bytes], place: Place, journal: Journal) -> Iterator[bytes]:
    try:
        yield from chunks
    except BridgeError as fault:
        # The head is sent: whoever listens notices by the length that something is missing.
        journal.record("recording_broken_off", connection=place.name, code=fault.code, received=fault.received)


def _checked(an_id: str) -> str:
    if not _ID.fullmatch(an_id):
        raise CallUnknown(expected="the id of a call", received="another text")
    return an_id


def _journal_unmasking(place: Place, **details: Any) -> None:
    services().journal.record_act("numbers_unmasked", actor=place.admin.name, connection=place.name, **details)


def _wall(place: Place) -> Wall:
    return Wall(place.instance.access.utc_offset)


def _see(url: str) -> Response:
    return cast("Response", redirect(url, 303))
