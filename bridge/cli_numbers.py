"""The command line's part for hotline numbers of the contact center."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from bridge.aiccs.numbers import NumberSettings, OutboundRange
from bridge.cli_agents import connection_option, place_of
from bridge.cli_places import tell_outcomes
from bridge.provisioning.hotline_numbers import (
    LEVELS,
    NumberChanges,
    delete_numbers,
    known_numbers,
    lacks_levels,
    lacks_range,
    reset_numbers,
)
from bridge.provisioning.places import branches
from bridge.running import CannotRun
from bridge.telling import ask, config_option, plain, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bridge.aiccs.numbers import HotlineNumber
    from bridge.cli_agents import Place
    from bridge.provisioning.one_by_one import Outcome

_HEADS: Final = ("NUMBER", "DESCRIPTION", "INBOUND", "OUTBOUND", "FLOW", "SURVEYS", "LOCATION", "CARRIER")
_DIGITS: Final = re.compile(r"[0-9]{3,20}")

_yes_option: Final = click.option("--yes", is_flag=True, help="Do not ask.")


def _settings_options(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take everything that can be set of a number."""
    for option in reversed(
        (
            click.option("--description", help="In your words."),
            click.option("--inbound/--no-inbound", default=None, help="Whether customers call it."),
            click.option("--outbound/--no-outbound", default=None, help="Whether agents call with it."),
            click.option(
                "--inbound-survey/--no-inbound-survey", default=None, help="A survey after calls that came in."
            ),
            click.option("--outbound-survey/--no-outbound-survey", default=None, help="After calls that went out."),
            click.option(
                "--survey-levels",
                type=click.IntRange(min(LEVELS), max(LEVELS)),
                help="Steps of the survey's scale; needed while a survey is on: the contact center does not tell it.",
            ),
            click.option(
                "--flow", type=click.IntRange(0), help="Id of the IVR flow, as the workbench tells it; 0: none."
            ),
            click.option("--all-departments", is_flag=True, help="Everybody may call with it."),
            click.option(
                "--range",
                "ranges",
                multiple=True,
                metavar="DEPARTMENT[/GROUP]",
                help="Who may call with it: a department, or one of its skill groups; by name, or # and the number. "
                "May be given several times; nobody else may then.",
            ),
        )
    ):
        command = option(command)
    return command


@click.group()
def numbers() -> None:
    """Hotline numbers of the contact center: list, add, reset, delete.

    Numbers are bought in Alibaba Cloud's console, and IVR flows are made in the workbench: the OpenAPI can do neither.
    """


@numbers.command("list")
@config_option
@connection_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("digits", default="")
def list_(config: Path, name: str, digits: str, *, as_json: bool) -> None:
    """List all numbers, or those that hold some DIGITS."""
    with place_of(config, name) as place:
        found = list(place.desk.numbers.every(place.instance, digits))
    if as_json:
        click.echo(json.dumps([_document(one) for one in found], indent=2, ensure_ascii=False))
        return
    for line in table([_HEADS, *map(_row, found)]):
        click.echo(line)


@numbers.command()
@config_option
@connection_option
@_settings_options
@click.argument("number")
def add(config: Path, name: str, number: str, **given: Any) -> None:
    """Add NUMBER, which the cloud account owns; by default customers call it and nobody calls with it."""
    if not _DIGITS.fullmatch(number):
        raise click.UsageError("A number is written in digits only.")
    if not given["description"]:
        raise click.UsageError("--description is needed: the contact center demands one.")
    with place_of(config, name) as place:
        settings = _changes(place, given).applied(NumberSettings(""))
        _demand_whole({number: settings})
        if known_numbers(place.desk, place.instance, [number]):
            raise CannotRun(f"The contact center has {number} already; `numbers reset` changes it.")
        place.desk.numbers.add(place.instance, number, settings)
        place.note("hotline_number_added", number=number)
    click.echo(f"{number} is added.")


@numbers.command()
@config_option
@connection_option
@_settings_options
@_yes_option
@click.argument("chosen", metavar="NUMBER…", nargs=-1, required=True)
def reset(config: Path, *, name: str, chosen: tuple[str, ...], yes: bool, **given: Any) -> None:
    """Set what the options say of each NUMBER; the rest is sent as it is, for a reset sets everything anew.

    Exit code 1 when one of them was refused.
    """
    with place_of(config, name) as place:
        changes = _changes(place, given)
        if changes == NumberChanges():
            raise click.UsageError("Say what to change.")
        known = known_numbers(place.desk, place.instance, chosen)
        _demand_whole({one.number: changes.applied(one.settings) for one in known.values()})
        ask(f"Reset {len(set(chosen))} numbers of {place.connection}?", yes=yes)
        outcomes = reset_numbers(place.desk, place.instance, chosen, changes)
        failures = tell_outcomes(_noted(place, "hotline_number_reset", outcomes), "reset")
    if failures:
        sys.exit(1)


@numbers.command()
@config_option
@connection_option
@_yes_option
@click.argument("chosen", metavar="NUMBER…", nargs=-1, required=True)
def delete(config: Path, name: str, chosen: tuple[str, ...], *, yes: bool) -> None:
    """Take each NUMBER out of the contact center; it stays with the cloud account, which pays for it.

    Exit code 1 when one of them was refused.
    """
    with place_of(config, name) as place:
        told = ", ".join(plain(one) for one in dict.fromkeys(chosen))
        ask(f"Delete {told} of {place.connection}? Calls to it reach nobody then.", yes=yes)
        outcomes = delete_numbers(place.desk, place.instance, chosen)
        failures = tell_outcomes(_noted(place, "hotline_number_deleted", outcomes), "deleted")
    if failures:
        sys.exit(1)


def _noted(place: Place, event: str, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    for one in outcomes:
        if one.is_done:
            place.note(event, number=one.subject)
        yield one


def _demand_whole(settings: Mapping[str, NumberSettings]) -> None:
    """Raise UsageError, with the numbers, where something has to be said of them that is not."""
    if surveyed := [number for number, one in settings.items() if lacks_levels(one)]:
        raise click.UsageError(
            f"--survey-levels is needed: {', '.join(surveyed)} has a survey, and the contact center does not tell its "
            "scale. --no-inbound-survey and --no-outbound-survey switch it off."
        )
    if unsaid := [number for number, one in settings.items() if lacks_range(one)]:
        raise click.UsageError(f"Who may call with {', '.join(unsaid)}? Say --all-departments or --range.")


def _changes(place: Place, given: dict[str, Any]) -> NumberChanges:
    """Return what the options say; raises CannotRun for a range that is not there."""
    if given["all_departments"] and given["ranges"]:
        raise click.UsageError("Say one of --all-departments and --range.")
    ranges = _ranges(place, given["ranges"]) if given["ranges"] else None
    return NumberChanges(
        description=given["description"] or None,
        inbound=given["inbound"],
        outbound=given["outbound"],
        inbound_survey=given["inbound_survey"],
        outbound_survey=given["outbound_survey"],
        survey_levels=given["survey_levels"],
        flow_id=given["flow"],
        all_departments=True if given["all_departments"] else False if ranges else None,
        ranges=ranges,
    )


def _ranges(place: Place, wanted: Sequence[str]) -> tuple[OutboundRange, ...]:
    """Return ranges such as ``Sales`` or ``Sales/Hotline``; a department that is named alone is meant as a whole."""
    known = [branch for branch in branches(place.desk, place.instance) if branch.department]
    chosen: dict[int, set[int] | None] = {}
    for one in wanted:
        department, _, group = one.partition("/")
        branch = _only(
            one, (b for b in known if b.department and department in (b.department.name, f"#{b.department.id}"))
        )
        number = branch.department.id if branch.department else 0
        if not group:
            chosen[number] = None
            continue
        groups = chosen.setdefault(number, set())
        found = _only(one, (g for g in branch.groups if group in (g.name, g.display_name, f"#{g.id}")))
        if groups is not None:
            groups.add(found.id)
    return tuple(OutboundRange(number, tuple(sorted(groups or ()))) for number, groups in chosen.items())


def _only(wanted: str, found: Iterable[Any]) -> Any:
    every = list(found)
    if len(every) != 1:
        raise CannotRun(f"--range {plain(wanted)} names {'nothing that is there' if not every else 'several'}.")
    return every[0]


def _row(one: HotlineNumber) -> tuple[str, ...]:
    settings = one.settings
    return (
        one.number,
        settings.description,
        "yes" if settings.inbound else "no",
        _range_words(settings),
        one.flow_name or str(settings.flow_id or "-"),
        ", ".join(_surveys(settings)) or "-",
        one.location or "-",
        one.carrier or "-",
    )


def _range_words(settings: NumberSettings) -> str:
    if not settings.outbound:
        return "no"
    if settings.all_departments:
        return "all departments"
    told = (f"#{one.department_id}" + "".join(f"/#{group}" for group in one.group_ids) for one in settings.ranges)
    return ", ".join(told) or "nobody"


def _surveys(settings: NumberSettings) -> list[str]:
    both = {"inbound": settings.inbound_survey, "outbound": settings.outbound_survey}
    return [word for word, is_on in both.items() if is_on]


def _document(one: HotlineNumber) -> dict[str, Any]:
    settings = one.settings
    return {
        "number": one.number,
        "description": settings.description,
        "inbound": settings.inbound,
        "outbound": settings.outbound,
        "flow": {"id": settings.flow_id, "name": one.flow_name} if settings.flow_id else None,
        "surveys": _surveys(settings),
        "all_departments": settings.all_departments,
        "ranges": [
            {"department": scope.department_id, "skill_groups": list(scope.group_ids)} for scope in settings.ranges
        ],
        "location": one.location,
        "carrier": one.carrier,
    }
