"""The command line's part for exports of calls: all of a period with their recordings, gone on with at any time."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bridge.calls.export import Export, Manner
from bridge.calls.gathering import Gathering
from bridge.calls.keeping import CannotExport
from bridge.calls.ledger import opened_ledger
from bridge.cli_calls import Desk, connection_option, unmasked_option
from bridge.cli_connections import ACTOR, opened
from bridge.core.contact_center_errors import RecordingUnreachable
from bridge.core.errors import ContactCenterUnreachable
from bridge.running import CannotRun
from bridge.telling import advised, ask, config_option, going_on_later, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.calls.export import Period, Progress
    from bridge.calls.ledger import Ledger
    from bridge.calls.rows import Format


@click.command("export")
@config_option
@connection_option
@click.option("--from", "since", required=True, help="Date or moment, in the connection's utc_offset.")
@click.option("--to", "until", required=True, help="Date, which is included, or moment, which is not.")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File; named after the period otherwise.")
@click.option("--recordings", type=click.Path(path_type=Path, file_okay=False), help="Folder for the recordings too.")
@unmasked_option
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
    the end is told, with exit code 1; calls that are yet to come are not missing.
    """
    with going_on_later(), opened(config) as services, _refusals():
        desk = Desk(services, connection, unmasked=unmasked)
        period = desk.period(since, until)
        path = out or Path(f"calls-{desk.name}-{_in_names(since)}-{_in_names(until)}.{form}")
        if unmasked:
            ask(f"Write whole phone numbers into {path}?", yes=yes)
        desk.confess(f"calls from {desk.exactly(period.since)} to {desk.exactly(period.until)} in a file")
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
    except (ContactCenterUnreachable, RecordingUnreachable) as fault:
        raise CannotRun(f"{advised(fault)}\nThe same command goes on where it was.") from None
    except OSError as fault:
        # What was kept by then stays: the disk may be full.
        raise CannotRun(plain(f"{fault.filename or 'The disk'}: {fault.strerror or fault}")) from None


def _in_names(moment: str) -> str:
    return "".join(letter for letter in moment if letter.isalnum())


def _export(desk: Desk, period: Period, manner: Manner, path: Path, folder: Path | None) -> list[str]:
    """Write it all, tell what there is, and return what is missing."""
    ledger_of = opened_ledger(folder, desk.instance) if folder else nullcontext()
    with ledger_of as ledger, _journaled(desk, period, manner) as note:
        now, calls = desk.services.now, desk.center.calls
        job = Export(calls, desk.instance, period, manner, path, noted=ledger, now=now, pause=time.sleep)
        _write_calls(desk, job, period, path, note)
        if ledger is None or folder is None:
            return []
        counts = _gather(desk, folder, ledger)
        note["recordings"] = counts.get("saved", 0)
    return _lacking(counts, folder)


def _write_calls(desk: Desk, job: Export, period: Period, path: Path, note: dict[str, Any]) -> None:
    """Write the calls and tell how far that came; `note` is kept up to date."""
    with _bar("calls", period.until - period.since) as move:

        def tell(progress: Progress) -> None:
            note["rows"] = progress.rows
            move(progress.until - period.since)

        done = job.run(tell)
    click.echo(f"{done.rows} calls from {desk.exactly(period.since)} to {desk.exactly(done.until)} are in {path}.")
    if done.until < period.until:
        rest = f"What is left of the period, until {desk.exactly(period.until)}, is yet to come"
        click.echo(f"{rest}: the same command adds it then.", err=True)


def _gather(desk: Desk, folder: Path, ledger: Ledger) -> dict[str, int]:
    recordings = desk.services.recordings.asking(desk.center.calls)
    gathering = Gathering(recordings, desk.instance, folder, ledger, now=desk.services.now, pause=time.sleep)
    with _bar("recordings", 0) as move:
        return gathering.run(move)


@contextmanager
def _journaled(desk: Desk, period: Period, manner: Manner) -> Iterator[dict[str, Any]]:
    """Let the journal keep what was exported, also where it was broken off; give what is to be counted."""
    counts: dict[str, Any] = {}
    try:
        yield counts
    finally:
        if counts:
            span = {"since": int(period.since), "until": int(period.until), "unmasked": manner.unmasked}
            told = {"rows": 0, "recordings": 0, **counts, **span}
            desk.services.journal.record_act("calls_exported", actor=ACTOR, connection=desk.name, **told)


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
