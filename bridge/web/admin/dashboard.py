"""The console's dashboard: calls of a period and agents of this moment, as charts with a table behind each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flask import Blueprint, render_template, request
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from bridge.calls.figures import HOUR
from bridge.calls.overview import MOST_AGENTS, MOST_CALLS
from bridge.core.errors import BridgeError
from bridge.http import console
from bridge.http.contact_center import place_in_sight
from bridge.http.current import services
from bridge.web.admin import call_words, charts
from bridge.web.admin.call_search import DAY, period_of
from bridge.web.admin.call_words import Wall, span
from bridge.web.admin.charts import Chart, Series
from bridge.web.admin.contact_agents import BREAKS, STATES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask_babel.speaklater import LazyString

    from bridge.calls.figures import Figures
    from bridge.calls.overview import States
    from bridge.http.contact_center import Place

dashboard = Blueprint("dashboard", __name__)

MOST_DAYS: Final = 31
_LONGEST: Final = 10
_PERIODS: Final[dict[str, tuple[int, int, LazyString]]] = {
    "today": (0, 0, _("Today")),
    "yesterday": (-1, -1, _("Yesterday")),
    "week": (-6, 0, _("7 days")),
}
"""Name → first and last day, counted from today, and how the page calls it."""


@dataclass(frozen=True, slots=True)
class Period:
    """What the page is about: days on the contact center's clock; `since` and `until` in epoch seconds."""

    name: str
    first: str
    last: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Told:
    """A chart and the table behind it.

    Args:
        heads: of the columns; each of `rows` has as many cells.
    """

    chart: Chart
    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dashboard.get("/admin/connections/<name>/dashboard")
def overview(name: str) -> str:
    """Show the figures of today, or of another period."""
    place = place_in_sight(name)
    wall = Wall(place.instance.access.utc_offset)
    period = _period(request.args, wall)
    found = states = None
    if not isinstance(period, str):
        with console.slow_errand():
            found = services().overviews.of(place.name, place.instance, period.since, period.until)
            states = _states(place)
    return render_template(
        "admin/contact_center/dashboard.html",
        place=place,
        periods=_PERIODS,
        period=None if isinstance(period, str) else period,
        fault=period if isinstance(period, str) else "",
        typed=(request.args.get("since", "")[:_LONGEST], request.args.get("until", "")[:_LONGEST]),
        found=found,
        told=_told(found.figures, wall) if found else [],
        states=states,
        at_work=_at_work(states) if states else None,
        most_calls=MOST_CALLS,
        most_agents=MOST_AGENTS,
        drawn=charts.drawn,
        wall=wall,
        words=call_words,
    )


def _period(given: Mapping[str, str], wall: Wall) -> Period | str:
    """Return the period that an address asks for, or what is wrong with it."""
    name, now = given.get("period", ""), services().now()
    first, last = (given.get(field, "").strip()[:_LONGEST] for field in ("since", "until"))
    if name not in _PERIODS and (first or last):
        name, first, last = "", first or last, last or first
    else:
        name = name if name in _PERIODS else "today"
        first, last = (wall.day(now + days * DAY) for days in _PERIODS[name][:2])
    found = period_of(first, last, wall)
    if isinstance(found, str):
        return found
    if found[1] - found[0] > MOST_DAYS * DAY:
        return str(gettext("At most %(days)s days can be shown at once.", days=MOST_DAYS))
    return Period(name, first, last, *found)


def _states(place: Place) -> States | None:
    """Return what the agents do now, None where nobody can tell: the calls are shown all the same."""
    try:
        return services().overviews.states(place.name, place.instance)
    except BridgeError:
        return None


# Charts --------------------------------------------------------------------------------------------------------------


def _told(figures: Figures, wall: Wall) -> list[Told]:
    told = [_calls(figures, wall), _answered(figures, wall), _talk(figures, wall)]
    return [*told, _handed_on(figures, wall)] if figures.total.transferred else told


def _labels(figures: Figures, wall: Wall) -> list[str]:
    if figures.slot != HOUR:
        return [wall.at(slot.since).strftime("%m-%d") for slot in figures.slots]
    is_one_day = len(figures.slots) * HOUR <= DAY
    return [wall.at(slot.since).strftime("%H:00" if is_one_day else "%m-%d %H:00") for slot in figures.slots]


def _calls(figures: Figures, wall: Wall) -> Told:
    total, labels = figures.total, _labels(figures, wall)
    tallies = [slot.tally for slot in figures.slots]
    series = [
        Series(gettext("Inbound"), "in", [one.inbound for one in tallies]),
        Series(gettext("Outbound"), "out", [one.outbound for one in tallies]),
    ]
    if total.other:
        series.append(Series(gettext("Direction not told"), "on", [one.other for one in tallies]))
    title = gettext("Calls by the hour") if figures.slot == HOUR else gettext("Calls by the day")
    said = gettext(
        "%(inbound)s inbound and %(outbound)s outbound calls; %(transferred)s times a call was handed on.",
        inbound=total.inbound,
        outbound=total.outbound,
        transferred=total.transferred,
    )
    return _with_table(Chart("calls", title, said, labels, series), figures)


def _answered(figures: Figures, wall: Wall) -> Told:
    tallies = [slot.tally for slot in figures.slots]
    series = [
        Series(gettext("Answered"), "good", [one.answered for one in tallies]),
        Series(gettext("Missed"), "stop", [one.missed for one in tallies]),
    ]
    said = gettext(
        "Of the inbound calls %(answered)s were answered and %(missed)s missed.",
        answered=figures.total.answered,
        missed=figures.total.missed,
    )
    return _with_table(Chart("answered", gettext("Answered and missed"), said, _labels(figures, wall), series), figures)


def _handed_on(figures: Figures, wall: Wall) -> Told:
    """Return it as a chart of its own: it happens within calls, which are counted already."""
    series = [Series(gettext("Handed on"), "on", [slot.tally.transferred for slot in figures.slots])]
    said = gettext("%(count)s times a call was handed on to another agent.", count=figures.total.transferred)
    title = gettext("Calls handed on")
    return _with_table(Chart("handed-on", title, said, _labels(figures, wall), series), figures)


def _talk(figures: Figures, wall: Wall) -> Told:
    minutes = [round(slot.tally.talk_seconds / 60) for slot in figures.slots]
    said = gettext("Talked for %(time)s in all.", time=span(figures.total.talk_seconds))
    series = [Series(gettext("Minutes"), "accent", minutes)]
    return _with_table(Chart("talk", gettext("Talk time in minutes"), said, _labels(figures, wall), series), figures)


def _with_table(chart: Chart, figures: Figures) -> Told:
    head = gettext("From") if figures.slot == HOUR else gettext("Day")
    columns = zip(*(one.values for one in chart.series), strict=True)
    rows = [(label, *(f"{value:.0f}" for value in column)) for label, column in zip(chart.labels, columns, strict=True)]
    return Told(chart, (str(head), *(one.name for one in chart.series)), rows)


def _at_work(states: States) -> Told:
    """Return the agents by what they do; breaks come apart in the table only."""
    totals: dict[str, int] = {}
    for (code, _kind), count in states.counts.items():
        totals[code] = totals.get(code, 0) + count
    codes = [*STATES, *sorted(set(totals) - set(STATES))]
    labels, counts = [_state(code) for code in codes], [totals.get(code, 0) for code in codes]
    said = gettext("%(asked)s agents were asked about.", asked=states.asked)
    series = [Series(gettext("Agents"), "accent", counts)]
    chart = Chart("states", gettext("Agents at this moment"), said, labels, series, is_lying=True)
    rows = [(label, str(count)) for label, count in zip(labels, counts, strict=True)]
    rows += [
        (gettext("of these: %(kind)s", kind=BREAKS[kind]), str(count))
        for (_code, kind), count in sorted(states.counts.items(), key=str)
        if kind in BREAKS
    ]
    return Told(chart, (gettext("State"), gettext("Agents")), rows)


def _state(code: str) -> str:
    return str(STATES[code][1]) if code in STATES else code or str(gettext("Not told"))
