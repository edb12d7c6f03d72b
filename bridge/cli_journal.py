"""The command line's part for the journal: all of it, or a period, as a file for a SIEM or a spreadsheet."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import click

from bridge.cli_connections import ACTOR, opened
from bridge.ops.trail import Search
from bridge.telling import config_option

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bridge.ops.trail import Record

_A_DAY: Final = timedelta(days=1)
_DATE: Final = len("2027-01-31")


@click.group()
def journal() -> None:
    """The journal of sign-ins and administrators' acts."""


@journal.command("export")
@config_option
@click.option("--from", "since", default="", help="Date or moment; UTC by default.")
@click.option("--to", "until", default="", help="Date, which is included, or moment, which is not.")
@click.option("--connection", "names", multiple=True, help="Only of this one; may be given several times.")
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
def export(config: Path, *, since: str, until: str, names: tuple[str, ...], form: str) -> None:
    """Write the journal to standard output: JSON Lines oldest first for a SIEM, or CSV newest first.

    Periods may overlap: a row is known by its `id` and `reference`.
    """
    begins, ends = _moment(since), _moment(until, ends=True)
    if ends and begins > ends:
        raise click.BadParameter(f"--from {since} is later than --to {until}: no row can lie between them.")
    with opened(config) as services:
        wanted = [services.register.entry(name).name for name in names] or None
        search = Search(connections=wanted, since=begins, until=ends or services.now())
        services.journal.record_act("journal_exported", actor=ACTOR, since=int(begins))
        records = services.trail.oldest_first(search) if form == "jsonl" else services.trail.every(search)
        sys.stdout.buffer.writelines(_lines(records) if form == "jsonl" else _sheet(records))


def _moment(text: str, *, ends: bool = False) -> float:
    """Read a date or a moment, in UTC where it names no offset, as epoch seconds; nothing is 0."""
    if not text:
        return 0.0
    try:
        read = datetime.fromisoformat(text)
        moment = read if read.tzinfo else read.replace(tzinfo=UTC)
        return (moment + _A_DAY if ends and len(text) == _DATE else moment).timestamp()
    except (ValueError, OverflowError):
        expected = "a date such as 2027-01-31 or a moment such as 2027-01-31T08:00:00+08:00"
        raise click.BadParameter(f"{text!r} is not {expected}") from None


def _lines(records: Iterable[Record]) -> Iterator[bytes]:
    for record in records:
        moment = datetime.fromtimestamp(record.at, UTC).isoformat(timespec="milliseconds")
        yield json.dumps({"id": record.id, "time": moment, **asdict(record)}).encode() + b"\n"


def _sheet(records: Iterable[Record]) -> Iterator[bytes]:
    from bridge.web.admin import spreadsheet  # noqa: PLC0415 — loads Flask's room

    return spreadsheet.lines(records)
