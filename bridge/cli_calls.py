"""The command line's part for calls: which there were, and how one went; exports stand in `cli_calls_export`."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import click

from bridge.aiccs.calls import RESULTS, CallSearch
from bridge.aiccs.instance import Instance, instance_of, reachable_instance
from bridge.aiccs.reading import zone
from bridge.calls.export import Period
from bridge.calls.listing import Listing
from bridge.calls.masking import without_numbers
from bridge.calls.rows import as_told
from bridge.cli_connections import ACTOR, in_force, opened
from bridge.core.errors import AgentUnknown, ContactCenterError, showable
from bridge.running import CannotRun
from bridge.telling import config_option, plain, table

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.aiccs.calls import Call, Direction
    from bridge.services import Services

_HEADS: Final = ("BEGAN", "DIRECTION", "RESULT", "FROM", "TO", "AGENT", "SKILL GROUP", "TALKED", "CALL")
_STAGES: Final = (
    ("created_at", "came up"),
    ("queued_at", "in the queue"),
    ("left_queue_at", "out of the queue"),
    ("ring_began_at", "rings"),
    ("ring_ended_at", "rings no more"),
    ("answered_at", "answered"),
    ("ended_at", "over"),
)
_HELD: Final = {"not_ready": "not ready yet", "none": "none"}
_A_DAY: Final = 86_400
_A_WEEK: Final = re.compile(r"[0-9]{4}-?W[0-9]{2}")

connection_option: Final = click.option("--connection", default="", help="Where only one has a contact center: that.")
unmasked_option: Final = click.option(
    "--unmasked", is_flag=True, help="Whole phone numbers; the journal keeps that they were shown."
)


@click.group()
def calls() -> None:
    """Calls and their recordings: list, show, export."""


# What all commands share ---------------------------------------------------------------------------------------------


class Desk:
    """The contact center of one connection, and how its calls are shown."""

    def __init__(self, services: Services, name: str, *, unmasked: bool) -> None:
        self.services = services
        self.name, self.instance = _place(services, name)
        self.zone = zone(self.instance.access.utc_offset)
        self.unmasked = unmasked
        self.center = services.contact_center.thorough()

    def own_numbers(self) -> frozenset[str]:
        """Return the company's hotline numbers; none, so that all are masked, where the access key may not see them."""
        try:
            return frozenset(one.number for one in self.center.numbers.every(self.instance))
        except ContactCenterError:
            return frozenset()

    def shown(self, found: list[Call]) -> list[Call]:
        """Return calls as they may be shown, masked unless somebody asked for whole numbers."""
        if self.unmasked:
            return found
        own = self.own_numbers()
        return [without_numbers(call, own) for call in found]

    def confess(self, what: str) -> None:
        """Let the journal keep that whole numbers were shown."""
        if self.unmasked:
            self.services.journal.record_act("numbers_unmasked", actor=ACTOR, connection=self.name, shown=what)

    def moment(self, text: str, option: str, *, days_later: int = 0) -> float:
        """Return epoch seconds; a date is the beginning of a day here, so many days later."""
        try:
            if day := _day(text):
                day += timedelta(days=days_later)
                return datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp()
            read = datetime.fromisoformat(text)
            return (read if read.tzinfo else read.replace(tzinfo=self.zone)).timestamp()
        except (ValueError, OverflowError):
            raise click.UsageError(f"{option} must be a date, 2026-11-01, or a moment, 2026-11-01T08:00.") from None

    def period(self, since: str, until: str) -> Period:
        """Return what two options mean; an empty `since` is a day ago, an empty `until` now; raises UsageError."""
        now = self.services.now()
        found = Period(
            self.moment(since, "--from") if since else now - _A_DAY,
            self.moment(until, "--to", days_later=1) if until else now,
        )
        if not found.since < found.until:
            raise click.UsageError("--from must lie before --to.")
        if not found.since < now:
            raise click.UsageError("--from must lie before now.")
        return found

    def told(self, at: float | None, form: str = "%Y-%m-%d %H:%M:%S") -> str:
        """Return epoch seconds as people here write them."""
        return "-" if at is None else datetime.fromtimestamp(at, self.zone).strftime(form)

    def exactly(self, at: float | None) -> str:
        """Return epoch seconds with their offset."""
        return self.told(at, "%Y-%m-%d %H:%M:%S %z")


def _day(text: str) -> date | None:
    """Return the day that an ISO 8601 date names, also a compact one or one by week; None for a moment."""
    if _A_WEEK.fullmatch(text):
        raise ValueError("a week is no day")
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _place(services: Services, name: str) -> tuple[str, Instance]:
    register = services.register
    if name:
        entry = register.entry(name)
        return entry.name, instance_of(register.connection(entry.name, in_force(entry)))
    found = {
        entry.name: instance
        for entry in register.entries()
        if (instance := reachable_instance(register.connection(entry.name, in_force(entry))))
    }
    if len(found) != 1:
        told = f"these have a contact center: {', '.join(found)}" if found else "none has a contact center"
        raise CannotRun(f"Name a --connection; {told}.")
    return next(iter(found.items()))


# list ----------------------------------------------------------------------------------------------------------------


@calls.command("list")
@config_option
@connection_option
@click.option("--from", "since", default="", help="Date or moment; a day ago where it is left out.")
@click.option("--to", "until", default="", help="Date, which is included, or moment; now where it is left out.")
@click.option("--agent", default="", help="Account name of the agent.")
@click.option("--group", default="", help="Name of the skill group.")
@click.option("--direction", type=click.Choice(["inbound", "outbound", "transferred"]))
@click.option("--result", type=click.Choice(RESULTS))
@click.option("--number", default="", help="The whole phone number of either side.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="As JSON, with all that is known of each.")
@unmasked_option
def list_(
    config: Path,
    *,
    connection: str,
    since: str,
    until: str,
    agent: str,
    group: str,
    direction: Direction | None,
    result: str | None,
    number: str,
    limit: int,
    as_json: bool,
    unmasked: bool,
) -> None:
    """List calls, newest first."""
    with opened(config) as services:
        desk = Desk(services, connection, unmasked=unmasked)
        period = desk.period(since, until)
        wanted = CallSearch(
            since=period.since,
            until=period.until - 1 if until else period.until,
            agent_ids=(_agent_id(desk, agent),) if agent else (),
            group_ids=_group_ids(desk, group) if group else (),
            directions=(direction,) if direction else (),
            results=(result,) if result else (),
        )
        found, are_more = _found(desk, wanted, number, limit)
        desk.confess(f"{len(found)} calls in a list")
        found = desk.shown(found)
    if as_json:
        click.echo(json.dumps([as_told(call, desk.zone) for call in found], ensure_ascii=False, indent=2))
        return
    began, *heads = _HEADS
    for line in table(
        [(f"{began} ({desk.instance.access.utc_offset})", *heads), *(_row(desk, call) for call in found)]
    ):
        click.echo(line)
    if are_more:
        click.echo(f"There are more than these {len(found)}: see --limit.", err=True)


def _agent_id(desk: Desk, account: str) -> str:
    agent = desk.center.agents.look_up(desk.instance, account)
    if agent is None or not agent.agent_id:
        # Without a number nothing would be searched by, and everybody's calls be found.
        raise AgentUnknown(expected="the account name of an agent")
    return agent.agent_id


def _group_ids(desk: Desk, name: str) -> tuple[int, ...]:
    groups = desk.center.skill_groups.every(desk.instance)
    found = tuple(one.id for one in groups if name.casefold() in {one.name.casefold(), one.display_name.casefold()})
    if not found:
        raise CannotRun("No skill group has this name; `groups list` tells which there are.")
    return found


def _found(desk: Desk, wanted: CallSearch, number: str, limit: int) -> tuple[list[Call], bool]:
    searches = [wanted]
    if number:
        # The contact center looks for both numbers at once, never for either.
        searches = [replace(wanted, caller=number), replace(wanted, callee=number)]
    found: dict[str, Call] = {}
    are_more = False
    for search in searches:
        page, place = Listing(desk.center.calls, desk.instance, search).page(limit)
        found |= {call.id: call for call in page}
        are_more |= place is not None
    newest_first = sorted(found.values(), key=lambda call: -(call.created_at or 0))
    return newest_first[:limit], are_more or len(newest_first) > limit


def _row(desk: Desk, call: Call) -> tuple[str, ...]:
    return (
        desk.told(call.created_at),
        call.direction or "-",
        call.result or "-",
        call.caller or "-",
        call.callee or "-",
        call.agent_name or "-",
        call.group_name or "-",
        "-" if call.talk_seconds is None else str(timedelta(seconds=call.talk_seconds)),
        call.call_id,
    )


# show ----------------------------------------------------------------------------------------------------------------


@calls.command("show")
@config_option
@connection_option
@unmasked_option
@click.argument("call_id")
def show(config: Path, connection: str, call_id: str, *, unmasked: bool) -> None:
    """Tell how the call CALL_ID went, and whether there are recordings of it."""
    with opened(config) as services:
        desk = Desk(services, connection, unmasked=unmasked)
        found = desk.center.calls.find(desk.instance, call_id)
        held = services.recordings.asking(desk.center.calls).of(desk.instance, found)
        desk.confess(f"call {showable(call_id)}")
        found = desk.shown(found)
    for call in found:
        names = {"agent": call.agent_name, "skill group": call.group_name, "hung up by": call.hung_up_by}
        click.echo(plain(f"{call.direction or 'call'}, {call.result}: {call.caller} -> {call.callee}"))
        for at, what in _timeline(call):
            click.echo(f"    {desk.exactly(at)}  {what}")
        for name, value in names.items():
            if value:
                click.echo(f"    {name}: {plain(value)}")
    told = ", ".join(f"{one.connection_id} from {desk.exactly(one.began_at)}" for one in held.recordings)
    click.echo(f"recordings: {_HELD.get(held.state) or plain(told)}")


def _timeline(call: Call) -> list[tuple[float, str]]:
    stages = [(at, what) for name, what in _STAGES if (at := getattr(call, name)) is not None]
    return sorted(stages, key=lambda stage: stage[0])
