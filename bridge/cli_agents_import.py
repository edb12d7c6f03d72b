"""The command line's part for many agents at once: `agents import`, which goes on where it was interrupted."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import nullcontext
from dataclasses import asdict
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from bridge.cli_agents import also_frozen_option, connection_option, place_of
from bridge.provisioning.bulk import Plan, Step, Wishes, deletions, steps, survey
from bridge.provisioning.carrying_out import Hands, Outcome, carry_out
from bridge.provisioning.lines import LARGEST
from bridge.provisioning.progress import ProgressInUse, key_of, progress_of
from bridge.provisioning.report import report
from bridge.provisioning.roster_file import read_roster
from bridge.running import CannotRun
from bridge.telling import ask, config_option, going_on_later, plain, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from bridge.cli_agents import Place
    from bridge.provisioning.bulk import Profile
    from bridge.provisioning.progress import Progress
    from bridge.provisioning.roster_file import Row

Item = TypeVar("Item")

_NO_GROUP: Final = "there is no skill group"
_WORDS: Final = {
    "create": "create",
    "update": "change",
    "delete": "delete",
    "unchanged": "as it is",
    "frozen": "frozen, left alone",
    "deleted": "deleted before, left alone",
    "faulty": "faulty",
}


@click.command("import")
@config_option
@connection_option
@click.option("--dry-run", is_flag=True, help="Tell what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--delete-missing", is_flag=True, help="Delete whoever is in a skill group and not in FILE.")
@click.option("--delete-many", is_flag=True, help="With --delete-missing: even more than half of all agents.")
@also_frozen_option
@click.option("--also-deleted", is_flag=True, help="Make agents again that were deleted before.")
@click.option(
    "--report", "report_file", type=click.Path(dir_okay=False, path_type=Path), help="Write what came of each line."
)
@click.option(
    "--progress",
    "progress_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to note how far it came; by default FILE.progress.",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_agents(
    config: Path,
    *,
    name: str,
    file: Path,
    dry_run: bool,
    yes: bool,
    delete_missing: bool,
    delete_many: bool,
    also_frozen: bool,
    also_deleted: bool,
    report_file: Path | None,
    progress_file: Path | None,
) -> None:
    """Make the contact center's agents as the CSV FILE has them: account_name, display_name, skill_groups.

    Skill groups are separated by semicolons. A column that is not there changes nothing; an empty cell of skill_groups
    means none. Where agents are to be deleted and nobody can be asked, --yes is needed. Interrupted, the same command
    goes on where it was. Exit code 1 when a line is faulty or was refused, or when it came to no end.
    """
    if delete_many and not delete_missing:
        raise click.UsageError("--delete-many needs --delete-missing.")
    wishes = Wishes(delete_missing, also_frozen, also_deleted, delete_many)
    with file.open("rb") as opened:
        data = opened.read(LARGEST + 1)
    with going_on_later(), place_of(config, name) as place:
        rows = read_roster(data)
        if dry_run:
            outcomes = [Outcome(step, "skipped", step.act) for step in _plan(place, rows, wishes, rows).steps]
            _write(report_file, outcomes)
            sys.exit(any(one.step.act == "faulty" for one in outcomes))
        path = progress_file or file.with_name(f"{file.name}.progress")
        digest = sha256(f"{place.instance.id} {asdict(wishes)}".encode() + data).hexdigest()
        try:
            with progress_of(path, digest) as progress:
                outcomes, is_over = _import(place, rows, wishes, progress, yes=yes)
        except ProgressInUse:
            raise CannotRun(f"{path}: another command is at this import.") from None
        except OSError as fault:
            raise CannotRun(f"{path}: {fault.strerror}; --progress names another place.") from None
        if is_over:
            path.unlink()
        _write(report_file, outcomes)
        _tell(outcomes, is_over=is_over)


def _import(
    place: Place, rows: Sequence[Row], wishes: Wishes, progress: Progress, *, yes: bool
) -> tuple[list[Outcome], bool]:
    """Return what came of each line, and whether nothing is left to do."""
    left = [row for row in rows if row.fault or key_of(row.account_name) not in progress.done]
    if progress.done:
        click.echo(f"Going on: {len(progress.done)} were done before.", err=True)
    plan = _plan(place, left, wishes, rows)
    outcomes = [*_done_before(rows, progress), *_left_alone(place, plan, progress)]
    if not plan.needed:
        return outcomes, True
    _ask(place, plan, yes=yes)
    begun = len(outcomes)
    place.note("agents_import_begun", rows=len(rows), needed=len(plan.needed))
    unsettled = [one.account_name for one in plan.needed if key_of(one.account_name) in progress.unsettled]
    hands = Hands(place.services.contact_center, place.instance, wishes, progress.run)
    try:
        with _bar(plan.needed, len(plan.needed), "Changing agents") as waiting:
            for outcome in carry_out(hands, _begun(waiting, progress), unsettled):
                progress.settle(outcome)
                _remember(place, outcome)
                outcomes.append(outcome)
    finally:
        done = Counter(one.step.act for one in outcomes[begun:] if one.result == "done")
        place.note("agents_imported", created=done["create"], updated=done["update"], deleted=done["delete"])
    return outcomes, outcomes[-1].is_final and len(outcomes) == begun + len(plan.needed)


def _ask(place: Place, plan: Plan, *, yes: bool) -> None:
    gone = plan.counts()["delete"]
    told = f", deleting {gone} of them" if gone else ""
    ask(f"Change {len(plan.needed)} agents of {place.connection}{told}?", yes=yes, is_grave=bool(gone))


def _begun(waiting: Iterable[Step], progress: Progress) -> Iterator[Step]:
    for step in waiting:
        progress.begin(step)
        yield step


def _done_before(rows: Iterable[Row], progress: Progress) -> Iterator[Outcome]:
    for row in rows:
        act = progress.done.get(key_of(row.account_name))
        if act is not None and not row.fault:
            yield Outcome(Step(row.line, row.account_name, act), "done", "earlier")


def _left_alone(place: Place, plan: Plan, progress: Progress) -> Iterator[Outcome]:
    for step in plan.steps:
        if step.act == "unchanged" and key_of(step.account_name) in progress.unsettled:
            # What was sent before the interruption has arrived.
            outcome = Outcome(step, "done", "earlier")
            _remember(place, outcome)
            yield outcome
        elif not step.is_needed:
            yield Outcome(step, "skipped", step.act)


def _remember(place: Place, outcome: Outcome) -> None:
    """Let sign-ins that make agents know what was done on purpose."""
    known, account_name = place.services.known_agents, outcome.step.account_name
    if outcome.result == "done" and outcome.step.act == "delete":
        known.bar(place.connection, account_name)
    elif outcome.result == "done":
        known.remember(place.connection, account_name)


def _plan(place: Place, left: Sequence[Row], wishes: Wishes, rows: Sequence[Row]) -> Plan:
    """Return what is to be done for the rows that are left, and tell it."""
    desk = place.desk
    click.echo(f"Looking up the agents of {len(left)} lines …", err=True)
    ground = survey(desk, place.instance, rows, wishes)
    own = steps(
        desk, place.instance, left, ground, Wishes(also_frozen=wishes.also_frozen, also_deleted=wishes.also_deleted)
    )
    with _bar(own, len(left), "Looking agents up") as judged:
        plan = Plan(tuple(chain(judged, deletions(rows, ground, wishes))))
    for line in _account(plan):
        click.echo(line)
    if any(getattr(step.why, "template", "").startswith(_NO_GROUP) for step in plan.steps):
        click.echo("`groups list` tells which skill groups there are, `groups create` makes one.", err=True)
    return plan


def _account(plan: Plan) -> Iterator[str]:
    told = [step for step in plan.steps if step.act != "unchanged"]
    yield from table([_told(step) for step in told]) if told else ()
    counts = plan.counts()
    yield ", ".join(f"{word}: {counts[act]}" for act, word in _WORDS.items() if counts[act]) or "There is no line."


def _told(step: Step) -> tuple[str, ...]:
    where = f"line {step.line}" if step.line else "-"
    return where, _WORDS[step.act], step.account_name, str(step.why) or _change(step.before, step.after)


def _change(before: Profile | None, after: Profile | None) -> str:
    old, new = _profile(before), _profile(after)
    return f"{old} -> {new}" if old and new else old or new


def _profile(profile: Profile | None) -> str:
    return f"{profile.display_name} ({', '.join(profile.groups) or 'no skill group'})" if profile else ""


def _bar(items: Iterable[Item], length: int, label: str) -> AbstractContextManager[Iterable[Item]]:
    if not sys.stderr.isatty():
        return nullcontext(items)
    return click.progressbar(items, length=length, label=label, file=sys.stderr)


def _write(path: Path | None, outcomes: Iterable[Outcome]) -> None:
    if path is not None:
        path.write_bytes(b"".join(report(sorted(outcomes, key=lambda one: (not one.step.line, one.step.line)))))


def _tell(outcomes: Sequence[Outcome], *, is_over: bool) -> None:
    """Say what came of it; ends with exit code 1 where not all is well."""
    refused = [one for one in outcomes if one.result not in {"done", "skipped"}]
    for one in refused:
        account = plain(one.step.account_name)
        click.echo(f"{account}: {one.result}: {one.code}{f' ({plain(one.told)})' if one.told else ''}", err=True)
    click.echo(f"Done: {sum(one.result == 'done' for one in outcomes)}.")
    if not is_over:
        raise CannotRun("It came to no end: the same command goes on where it was.")
    if refused or any(one.step.act == "faulty" for one in outcomes):
        sys.exit(1)
