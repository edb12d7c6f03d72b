"""The command line's part for calls: which there were, how one went, and all of a period with their recordings."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bridge.aiccs.calls import RESULTS, CallSearch
from bridge.aiccs.instance import Instance, instance_of, reachable_instance
from bridge.aiccs.reading import zone
from bridge.calls.export import Export, Manner, Period
from bridge.calls.gathering import Gathering
from bridge.calls.keeping import CannotExport
from bridge.calls.ledger import opened_ledger
from bridge.calls.listing import Listing
from bridge.calls.masking import without_numbers
from bridge.calls.rows import as_told
from bridge.cli_connections import ACTOR, in_force, opened
from bridge.core.errors import AgentUnknown, ContactCenterError, showable
from bridge.running import CannotRun
from bridge.telling import ask, config_option, plain, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.aiccs.calls import Call, Direction
    from bridge.calls.rows import Format
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

_connection_option: Final = click.option("--connection", default="", help="Where only one has a contact center: that.")
_unmasked_option: Final = click.option(
    "--unmasked", is_flag=True, help="Whole phone numbers; the journal keeps that they were shown."
)


@click.group()
def calls() -> None:
    """Calls and their recordings: list, show, export."""


# What all commands share ---------------------------------------------------------------------------------------------


class _Desk:
    """The contact center of one connection, and how its calls are shown."""

    def __init__(self, services: Services, name: str, *, unmasked: bool) -> None:
        self.services = services
        self.name, self.instance = _place(services, name)
        self.zone = zone(self.instance.access.utc_offset)
        self.unmasked = unmasked

    def own_numbers(self) -> frozenset[str]:
        """Return the company's hotline numbers; none, so that all are masked, where the access key may not see them."""
        try:
            return frozenset(one.number for one in self.services.contact_center.numbers.every(self.instance))
        except ContactCenterError:
            return frozenset()

    def shown(self, found: list[Call]) -> list[Call]:
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
            if len(text) == len("2026-11-01"):
                day = date.fromisoformat(text) + timedelta(days=days_later)
                return datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp()
            read = datetime.fromisoformat(text)
            return (read if read.tzinfo else read.replace(tzinfo=self.zone)).timestamp()
        except (ValueError, OverflowError):
            raise click.UsageError(f"{option} must be a date, 2026-11-01, or a moment, 2026-11-01T08:00.") from None

    def told(self, at: float | None, form: str = "%Y-%m-%d %H:%M:%S") -> str:
        return "-" if at is None else datetime.fromtimestamp(at, self.zone).strftime(form)


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
@_connection_option
@click.option("--from", "since", default="", help="Date or moment; a day ago where it is left out.")
@click.option("--to", "until", default="", help="Date, which is included, or moment; now where it is left out.")
@click.option("--agent", default="", help="Account name of the agent.")
@click.option("--group", default="", help="Name of the skill group.")
@click.option("--direction", type=click.Choice(["inbound", "outbound", "transferred"]))
@click.option("--result", type=click.Choice(RESULTS))
@click.option("--number", default="", help="The whole phone number of either side.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="As JSON, with all that is known of each.")
@_unmasked_option
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
        desk = _Desk(services, connection, unmasked=unmasked)
        now = services.now()
        wanted = CallSearch(
            since=desk.moment(since, "--from") if since else now - _A_DAY,
            until=desk.moment(until, "--to", days_later=1) - 1 if until else now,
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
    for line in table([_HEADS, *(_row(desk, call) for call in found)]):
        click.echo(line)
    if are_more:
        click.echo(f"There are more than these {len(found)}: see --limit.", err=True)


def _agent_id(desk: _Desk, account: str) -> str:
    agent = desk.services.contact_center.agents.look_up(desk.instance, account)
    if agent is None:
        raise AgentUnknown(expected="the account name of an agent")
    return agent.agent_id


def _group_ids(desk: _Desk, name: str) -> tuple[int, ...]:
    groups = desk.services.contact_center.skill_groups.every(desk.instance)
    found = tuple(one.id for one in groups if name.casefold() in {one.name.casefold(), one.display_name.casefold()})
    if not found:
        raise CannotRun("No skill group has this name.")
    return found


def _found(desk: _Desk, wanted: CallSearch, number: str, limit: int) -> tuple[list[Call], bool]:
    searches = [wanted]
    if number:
        # The contact center looks for both numbers at once, never for either.
        searches = [replace(wanted, caller=number), replace(wanted, callee=number)]
    found: dict[str, Call] = {}
    are_more = False
    for search in searches:
        page, place = Listing(desk.services.contact_center.calls, desk.instance, search).page(limit)
        found |= {call.id: call for call in page}
        are_more |= place is not None
    newest_first = sorted(found.values(), key=lambda call: -(call.created_at or 0))
    return newest_first[:limit], are_more or len(newest_first) > limit


def _row(desk: _Desk, call: Call) -> tuple[str, ...]:
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
@_connection_option
@_unmasked_option
@click.argument("call_id")
def show(config: Path, connection: str, call_id: str, *, unmasked: bool) -> None:
    """Tell how the call CALL_ID went, and whether there are recordings of it."""
    with opened(config) as services:
        desk = _Desk(services, connection, unmasked=unmasked)
        found = services.contact_center.calls.find(desk.instance, call_id)
        held = services.recordings.of(desk.instance, found)
        desk.confess(f"call {showable(call_id)}")
        found = desk.shown(found)
    for call in found:
        names = {"agent": call.agent_name, "skill group": call.group_name, "hung up by": call.hung_up_by}
        click.echo(plain(f"{call.direction or 'call'}, {call.result}: {call.caller} -> {call.callee}"))
        for at, what in _timeline(call):
            click.echo(f"    {desk.told(at)}  {what}")
        for name, value in names.items():
            if value:
                click.echo(f"    {name}: {plain(value)}")
    told = ", ".join(f"{one.connection_id} from {desk.told(one.began_at)}" for one in held.recordings)
    click.echo(f"recordings: {_HELD.get(held.state) or plain(told)}")


def _timeline(call: Call) -> list[tuple[float, str]]:
    stages = [(at, what) for name, what in _STAGES if (at := getattr(call, name)) is not None]
    return sorted(stages, key=lambda stage: stage[0])


# export --------------------------------------------------------------------------------------------------------------


@calls.command("export")
@config_option
@_connection_option
@click.option("--from", "since", required=True, help="Date or moment, in the connection's utc_offset.")
@click.option("--to", "until", required=True, help="Date, which is included, or moment, which is not.")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File; named after the period otherwise.")
@click.option("--recordings", type=click.Path(path_type=Path, file_okay=False), help="Folder for the recordings too.")
@_unmasked_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def export(
    config: Path,
    *,
    connection: str,
    since: str,
    until: str,
    form: Format,
    out: Path | None,
    recordings: Path | None,
    unmasked: bool,
    yes: bool,
) -> None:
    """Write all calls of a period into a file, and their recordings into a folder.

    The same command goes on where an interrupted one ended, and fetches only what is missing. What is missing still at
    the end is told, with exit code 1.
    """
    with opened(config) as services, _refusals():
        desk = _Desk(services, connection, unmasked=unmasked)
        period = Period(desk.moment(since, "--from"), desk.moment(until, "--to", days_later=1))
        if not period.since < min(period.until, services.now()):
            raise click.UsageError("--from must lie before --to, and before now.")
        path = out or Path(f"calls-{desk.name}-{_in_names(since)}-{_in_names(until)}.{form}")
        if unmasked:
            ask(f"Write whole phone numbers into {path}?", yes=yes)
        desk.confess(f"calls from {_exactly(desk, period.since)} to {_exactly(desk, period.until)} in a file")
        own = frozenset() if unmasked else desk.own_numbers()
        missing = _export(desk, period, Manner(form, unmasked, own), path, recordings)
    if missing:
        raise CannotRun(f"Missing: {'; '.join(missing)}. The same command fetches what is missing.")


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except CannotExport as refusal:
        raise CannotRun(plain(str(refusal))) from None
    except OSError as fault:
        # What was kept by then stays: the disk may be full.
        raise CannotRun(plain(f"{fault.filename or 'The disk'}: {fault.strerror or fault}")) from None


def _in_names(moment: str) -> str:
    return "".join(letter for letter in moment if letter.isalnum())


def _export(desk: _Desk, period: Period, manner: Manner, path: Path, folder: Path | None) -> list[str]:
    """Write it all, tell what there is, and return what is missing."""
    thorough = desk.services.contact_center.thorough().calls
    now = desk.services.now
    with opened_ledger(folder, desk.instance) if folder else nullcontext() as ledger:
        job = Export(thorough, desk.instance, period, manner, path, noted=ledger, now=now, pause=time.sleep)
        with _bar("calls", period.until - period.since) as move:
            done = job.run(lambda progress: move(progress.until - period.since))
        click.echo(
            f"{done.rows} calls from {_exactly(desk, period.since)} to {_exactly(desk, done.until)} are in {path}."
        )
        missing = [f"calls from {_exactly(desk, done.until)} on"] if done.until < period.until else []
        if ledger is None or folder is None:
            return missing
        recordings = desk.services.recordings.asking(thorough)
        gathering = Gathering(recordings, desk.instance, folder, ledger, now=now, pause=time.sleep)
        with _bar("recordings", 0) as move:
            counts = gathering.run(move)
    return [*missing, *_lacking(counts, folder)]


def _exactly(desk: _Desk, at: float) -> str:
    return desk.told(at, "%Y-%m-%d %H:%M:%S %z")


def _lacking(counts: dict[str, int], folder: Path) -> list[str]:
    saved, none = counts.get("saved", 0), counts.get("none", 0)
    click.echo(f"Recordings of {saved} calls are in {folder}; {none} answered calls have none.")
    reasons = {
        "not_ready": "that are not ready yet",
        "failed": "that failed (see the manifest)",
        "wanted": "not asked for",
    }
    return [f"recordings of {counts[state]} calls {why}" for state, why in reasons.items() if counts.get(state)]


@contextmanager
def _bar(label: str, length: float) -> Iterator[Callable[..., None]]:
    """Give what moves a bar on a terminal to so many done, of so many where it is told; without a terminal nothing."""
    if not _is_watched():
        yield lambda *_: None
        return
    with click.progressbar(length=max(int(length), 1), label=label, file=sys.stderr) as bar:

        def move(done: float, total: float = 0) -> None:
            bar.length = max(int(total), 1) if total else bar.length
            bar.update(int(done) - bar.pos)

        yield move


def _is_watched() -> bool:
    return sys.stderr.isatty()
