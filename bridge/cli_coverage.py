"""The command line's part for the coverage report: who of the staff would arrive as which agent, before go-live."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bridge.aiccs.instance import instance_of
from bridge.cli_connections import ACTOR, in_force, opened
from bridge.provisioning import coverage_file
from bridge.provisioning.staff_list import read_staff_list
from bridge.provisioning.verdicts import MEANINGS
from bridge.running import CannotRun
from bridge.telling import config_option, moment, plain, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.core.model import Connection
    from bridge.provisioning.coverage import Coverage, Person
    from bridge.provisioning.verdicts import Verdict
    from bridge.services import Services

_DAY: Final = 86_400
_LONGEST_DAYS: Final = 3650
_HEADS: Final = ("ACCOUNT NAME", "AGENT", "LIKE", "STAFF", "LAST SIGN-IN")


@click.command()
@config_option
@click.option("--connection", "name", required=True, help="Whose people and agents.")
@click.option(
    "--staff",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A CSV file of everybody who shall work.",
)
@click.option("--column", help="Its column that should equal AccountName; else the likeliest is taken, and told.")
@click.option(
    "--days",
    type=click.IntRange(1, _LONGEST_DAYS),
    default=30,
    show_default=True,
    help="How far back sign-ins count.",
)
@click.option(
    "--csv", "csv_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the whole report there."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--all", "is_whole", is_flag=True, help="List those who map too.")
def coverage(
    config: Path,
    *,
    name: str,
    staff: Path | None,
    column: str | None,
    days: int,
    csv_file: Path | None,
    as_json: bool,
    is_whole: bool,
) -> None:
    """Tell who maps to which agent, who does not and who comes close, and which agents nobody is.

    All agents of the connection's instance are compared with the sign-ins of the last days and the staff list.
    Exit code 1 when somebody of the staff does not map to an agent who may work; 0 without a staff list.
    """
    if column is not None and staff is None:
        raise click.UsageError("--column names a column of the --staff file.")
    with opened(config) as services:
        entry = services.register.entry(name)
        connection = services.register.connection(entry.name, in_force(entry))
        found = _gathered(services, connection, _names(staff, column, connection.mapping_field), days)
        services.journal.record_act("coverage_report", actor=ACTOR, connection=entry.name, **found.summary())
    if csv_file is not None:
        csv_file.write_bytes(b"".join(coverage_file.lines(found)))
    if as_json:
        click.echo(json.dumps(coverage_file.document(found), indent=2, ensure_ascii=False))
    else:
        for line in _lines(found, is_whole=is_whole):
            click.echo(line)
    if found.staff_without_agent:
        sys.exit(1)


def _gathered(services: Services, connection: Connection, names: tuple[str, ...], days: int) -> Coverage:
    from bridge.provisioning.coverage import gather  # noqa: PLC0415 — loads the search for names alike

    arrivals = services.trail.arrivals(connection.name, services.now() - days * _DAY)
    return gather(services.contact_center.thorough(), instance_of(connection), arrivals, names)


def _names(staff: Path | None, column: str | None, mapping_field: str) -> tuple[str, ...]:
    if staff is None:
        return ()
    listed = read_staff_list(staff.read_bytes(), mapping_field)
    chosen = listed.likely_column(mapping_field) if column is None else listed.named(column)
    if chosen is None:
        columns = plain(", ".join(listed.columns))
        if column is None:
            raise CannotRun(f"{staff}: say with --column which one should equal AccountName: {columns}")
        raise CannotRun(f"{staff}: there is no column {plain(column)}, only: {columns}")
    if column is None and chosen:
        click.echo(f"{staff}: column {plain(chosen)} is taken for the AccountName; --column names another.", err=True)
    return listed.names(chosen)


def _lines(found: Coverage, *, is_whole: bool) -> Iterator[str]:
    yield f"{len(found.people)} people, {found.staff} of them in the staff list; {found.agents} agents."
    for verdict, count in found.counts().items():
        if count:
            yield from ("", *_section(found, verdict, count, is_whole=is_whole))
    if found.idle:
        yield f"\nAgents without a person: {len(found.idle)}"
        near = [(one.agent.account_name, one.agent.display_name, ", ".join(one.near) or "-") for one in found.idle]
        yield from _indented([("ACCOUNT NAME", "NAME", "NEAR"), *near])
    if found.repeated:
        names = ", ".join(map(plain, found.repeated))
        yield f"\nSeveral lines of the staff list have one name and would be one agent: {names}"
    if found.unasked:
        yield f"\n{found.unasked} people were not looked up one by one: agents in no skill group may be missing above."
    if found.uncompared:
        yield f"\n{found.uncompared} people were not compared letter by letter: their typing errors are not told above."


def _section(found: Coverage, verdict: Verdict, count: int, *, is_whole: bool) -> Iterator[str]:
    meaning = MEANINGS[verdict]
    yield f"{meaning.title}: {count}"
    if verdict == "maps" and not is_whole:
        yield "  --all lists them."
        return
    yield f"  {meaning.advice}"
    yield from _indented([_HEADS, *map(_row, found.of(verdict))])


def _row(person: Person) -> tuple[str, ...]:
    return (
        person.name,
        ", ".join(agent.account_name for agent in person.agents) or "-",
        "-" if person.score is None else f"{person.score}%",
        "yes" if person.is_staff else "no",
        moment(person.seen_at),
    )


def _indented(rows: list[tuple[str, ...]]) -> Iterator[str]:
    for line in table(rows):
        yield f"    {line}"
