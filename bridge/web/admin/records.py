"""What happened and what will end: the journal with its search, the page behind a reference, and the calendar."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, render_template, request, url_for

from bridge.connections.document import Change
from bridge.connections.expiry import api_key, certificate, deadlines, in_order, provider_address, switch_overs
from bridge.core.errors import ConnectionUnknown
from bridge.core.trace import OK
from bridge.http import console
from bridge.http.current import services
from bridge.http.texts import explain, explained_codes
from bridge.ops.trail import Search
from bridge.outbound import host_of
from bridge.web.admin import spreadsheet, told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bridge.access.rules import Administrator
    from bridge.connections.expiry import Deadline
    from bridge.core.model import Connection
    from bridge.http.error_text import ErrorText
    from bridge.ops.trail import Record

records = Blueprint("records", __name__)

_PAGE: Final = 50
_LONGEST: Final = 320
_A_DAY: Final = 86_400.0
_LOOKERS: Final = 8
_PATIENCE: Final = 4.0
"""Certificates that are looked up at the same time."""
_REFERENCE: Final = re.compile(r"[0-9A-Z]{1,32}")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_SPACES: Final = re.compile(r"[\s-]+")
_TOLD_ELSEWHERE: Final = frozenset({"steps", "claims", "changes"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for, as the form has it; empty fields match everything.

    Args:
        text: a reference, or part of a name.
        code: ``ok``, ``failed`` or an error's code.
        since: the first day (``2026-11-22``, UTC), `until` the last one.
        before: number of the row above which the page ends.
    """

    text: str = ""
    connection: str = ""
    event: str = ""
    code: str = ""
    since: str = ""
    until: str = ""
    before: str = ""

    def filters(self) -> dict[str, Any]:
        """Return what was filled in, without the page."""
        return {name: value for name, value in asdict(self).items() if value and name != "before"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of a sign-in as it is drawn; `start` and `width` in percent of the whole."""

    name: str
    start: float
    width: float
    seconds: float
    code: str
    expected: str = ""
    received: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """One record as its page tells it.

    Args:
        remedy: what to do about a failure; None where all went well.
        facts: what else is known, by name.
    """

    record: Record
    bars: list[Bar]
    claims: Mapping[str, Mapping[str, str]]
    changes: list[Change]
    remedy: ErrorText | None
    facts: Mapping[str, str]


# The journal ---------------------------------------------------------------------------------------------------------


@records.get("/admin/journal")
def overview() -> str:
    """Show sign-ins and administrators' acts, newest first."""
    admin, asked = console.current_admin(), _asked()
    found = services().trail.search(_search(asked, admin), _PAGE + 1)
    shown, has_more = found[:_PAGE], len(found) > _PAGE
    return render_template(
        "admin/records/overview.html",
        records=shown,
        asked=asked,
        names=_names(admin),
        events=told.EVENTS,
        codes={code: explain(code).title for code in sorted(explained_codes())},
        older_url=url_for("records.overview", **asked.filters(), before=shown[-1].id) if has_more else "",
        newest_url=url_for("records.overview", **asked.filters()) if asked.before else "",
        export_url=url_for("records.export", **asked.filters()),
        told=told,
    )


@records.get("/admin/journal.csv")
def export() -> Response:
    """Send everything that matches as a file for spreadsheets, a page of rows in memory at a time."""
    admin, asked = console.current_admin(), _asked()
    found = services().trail.every(_search(asked, admin))
    # The first row is asked for now: an outage is told by a page, not by a file that breaks off.
    first = [record for record in [next(found, None)] if record]
    services().journal.record_act("journal_exported", actor=admin.name)
    day = datetime.fromtimestamp(services().now(), UTC).date().isoformat()
    response = Response(spreadsheet.lines(chain(first, found)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="journal-{day}.csv"'
    return response


@records.get("/admin/journal/<reference>")
def trace(reference: str) -> Response:
    """Show everything that is known under a reference, however it was typed."""
    admin, wanted = console.current_admin(), _as_reference(reference)
    found = [one for one in services().trail.under(wanted) if _may_see(admin, one)] if wanted else []
    if not found:
        page = render_template("admin/records/unknown.html", reference=wanted or reference[:_LONGEST])
        return Response(page, 404, mimetype="text/html")
    accounts = [_account(record) for record in found]
    return Response(render_template("admin/records/trace.html", reference=wanted, accounts=accounts, told=told))


def _asked() -> Asked:
    # PostgreSQL keeps no NUL, so nothing with one in it can be found.
    given = {name: request.args.get(name, "").replace("\0", "").strip()[:_LONGEST] for name in Asked.__slots__}
    return Asked(**given)


def _search(asked: Asked, admin: Administrator) -> Search:
    return Search(
        connections=_in_sight(asked.connection, admin),
        text=_text(asked.text),
        event=asked.event,
        code=asked.code,
        since=_day(asked.since),
        until=_day(asked.until, days_later=1),
        before_id=int(asked.before) if _NUMBER.fullmatch(asked.before) else 0,
    )


def _in_sight(name: str, admin: Administrator) -> list[str] | None:
    """Return the names that records may have, as written and as kept; None: any, for operators alone."""
    if name:
        console.require_sight(name)
        return [name, *(one for one in _names(admin) if one.lower() == name.lower())]
    return None if admin.is_operator else [*admin.connections, *_names(admin)]


def _names(admin: Administrator) -> list[str]:
    return [entry.name for entry in services().register.entries() if admin.may_see(entry.name)]


def _may_see(admin: Administrator, record: Record) -> bool:
    return admin.may_see(record.connection) if record.connection else admin.is_operator


def _text(text: str) -> str:
    """Return what to look for; a reference that was read out in pieces is put together."""
    reference = _as_reference(text)
    return reference if reference and services().trail.under(reference) else text


def _as_reference(text: str) -> str:
    joined = _SPACES.sub("", text).upper()
    return joined if _REFERENCE.fullmatch(joined) else ""


def _day(text: str, *, days_later: int = 0) -> float:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() + days_later * _A_DAY
    except (ValueError, OverflowError):
        return 0.0


# The page behind a reference -----------------------------------------------------------------------------------------


def _account(record: Record) -> Account:
    details = record.details
    return Account(
        record=record,
        bars=_bars(details.get("steps", [])),
        claims=details.get("claims", {}),
        changes=[Change(**change) for change in details.get("changes", [])],
        remedy=None if record.code == OK else explain(record.code),
        facts={name: str(value) for name, value in details.items() if name not in _TOLD_ELSEWHERE},
    )


def _bars(steps: Iterable[Mapping[str, Any]]) -> list[Bar]:
    taken, passed = list(steps), 0.0
    whole = sum(step["seconds"] for step in taken) or 1.0
    bars = list[Bar]()
    for step in taken:
        # A step that took no time is a line that can still be seen.
        start, width = passed / whole * 100, max(step["seconds"] / whole * 100, 0.7)
        bars.append(Bar(start=round(min(start, 99.3), 2), width=round(width, 2), **step))
        passed += step["seconds"]
    return bars


# The calendar --------------------------------------------------------------------------------------------------------


@records.get("/admin/calendar")
def calendar() -> str:
    """Show what ends and when: secrets, keys, certificates; soonest first."""
    admin, now = console.current_admin(), services().now()
    connections = [one for name in _names(admin) if (one := _connection(name))]
    ends = [*deadlines(connections, now), *switch_overs(connections, now), *_api_keys(admin, now)]
    found = in_order([*ends, *_certificates(connections, admin, now)])
    return render_template(
        "admin/records/calendar.html",
        dated=[one for one in found if one.ends_at is not None],
        undated=[one for one in found if one.ends_at is None],
        due=[one for one in found if one.needs_attention],
        labels={key.id: key.label for key in services().api_keys.every()},
        told=told,
    )


def _connection(name: str) -> Connection | None:
    """Return what is in force of a connection, else its newest draft; None where it cannot be read."""
    entry = services().register.entry(name)
    number = entry.active_version if entry.state == "active" else entry.newest_version
    try:
        return services().register.connection(entry.name, number)
    except ConnectionUnknown:
        return None


def _api_keys(admin: Administrator, now: float) -> Iterator[Deadline]:
    """Yield when living keys end that are for connections of this administrator alone."""
    firsts = {entry.name: entry.first_version for entry in services().register.entries()}
    for key in services().api_keys.every():
        names = [name for name, first in key.connections.items() if firsts.get(name) == first]
        if names and key.is_alive(now) and all(map(admin.may_see, names)):
            yield api_key(names[0] if len(names) == 1 else "", key.id, key.expires_at, now)


def _certificates(connections: Iterable[Connection], admin: Administrator, now: float) -> list[Deadline]:
    """Look the certificates up side by side, each server once; servers without one are left out."""
    asked = [(one.name, provider_address(one), one.idp.public_only) for one in connections if one.enabled]
    if admin.is_operator:
        asked.insert(0, ("", services().site.public_url, False))
    asked = [one for one in asked if one[1].startswith("https://")]
    places = list(dict.fromkeys((host_of(address), public_only) for _, address, public_only in asked))
    outbound = services().outbound
    threads = ThreadPoolExecutor(_LOOKERS)
    looks = {place: threads.submit(outbound.certificate_expiry, place[0], public_only=place[1]) for place in places}
    wait(looks.values(), timeout=_PATIENCE)
    # Whoever has not answered by now is told without a date; what comes later is kept for the next look.
    threads.shutdown(wait=False, cancel_futures=True)
    by_place = {place: look.result() if look.done() and not look.cancelled() else None for place, look in looks.items()}
    return [
        certificate(name, _host(address), by_place[host_of(address), public_only], now)
        for name, address, public_only in asked
    ]


def _host(address: str) -> str:
    return host_of(address).removeprefix("https://")
