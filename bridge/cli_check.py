"""The command line's part that looks at everything before the first agent does."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import click

from bridge import __version__
from bridge.core.errors import StoreUnavailable
from bridge.running import CannotRun
from bridge.settings import Fault, Settings, SettingsError, load
from bridge.telling import COLOURS, config_option, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bridge.checks.finding import Finding

_WIDEST: Final = 120
_LEVEL: Final = 5
_NARROWEST: Final = 20


@click.command()
@config_option
@click.option("--offline", is_flag=True, help="Look at the configuration only; ask no server and no store.")
@click.option("--connection", metavar="NAME", help="Look at this connection only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(config: Path, *, offline: bool, connection: str | None, as_json: bool) -> None:
    """Ask everybody whom the bridge needs, and tell what is wrong and what to do; exit 1 on any fault.

    It looks at the configuration, the keys, the stores, public_url with the proxy before it, the hotline's SDK, and for
    each connection at its provider, Fuyun and the contact center. Nothing is changed, and nobody is signed in.
    """
    findings = _findings(config, offline=offline, connection=connection)
    if as_json:
        click.echo(json.dumps(document(findings), indent=2))
    else:
        for line in told(findings, _width()):
            click.echo(line)
    if any(one.level == "fault" for one in findings):
        sys.exit(1)


def _findings(config: Path, *, offline: bool, connection: str | None) -> list[Finding]:
    from bridge.checks.finding import Finding  # noqa: PLC0415 — loads the keys' library, which other commands do without

    try:
        settings = load(config, os.environ)
    except SettingsError as refusal:
        return [_of_file(fault) for fault in refusal.faults]
    found = [Finding("configuration", f"every key of {config} is understood")]
    found += [Finding("configuration.doubt", f"{key} {doubt}", "warn") for key, doubt in settings.doubts]
    return found if offline else found + _probe(settings, config, connection)


def _of_file(fault: Fault) -> Finding:
    from bridge.checks.finding import Finding  # noqa: PLC0415 — likewise

    what = ": ".join(filter(None, (fault.file, fault.key, str(fault.message))))
    return Finding("configuration", what, "fault", advice="The README has a table of all keys.")


def _probe(settings: Settings, config: Path, connection: str | None) -> list[Finding]:
    from bridge.app import probe  # noqa: PLC0415 — loads Flask and the database

    try:
        return probe(settings, config, connection)
    except LookupError as unknown:
        raise CannotRun(str(unknown.args[0])) from None
    except StoreUnavailable as refusal:
        raise CannotRun(f"store.database: {refusal}") from None


# Telling -------------------------------------------------------------------------------------------------------------


def document(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return findings as one JSON document, whose names stay as they are from release to release."""
    return {
        "version": __version__,
        "faults": _number(findings, "fault"),
        "warnings": _number(findings, "warn"),
        "findings": [
            {
                "name": one.name,
                "level": one.level,
                "connection": one.connection or None,
                "what": plain(one.what),
                "advice": one.advice or None,
                "seconds": one.seconds,
            }
            for one in findings
        ],
    }


def told(findings: Sequence[Finding], width: int | None) -> Iterator[str]:
    """Yield the lines for a terminal: the bridge's own findings, each connection's, and a summary.

    Args:
        width: columns to keep to; None: one line for each text, however long.
    """
    names = max(len(one.name) for one in findings)
    for whose, group in groupby(findings, lambda one: one.connection):
        yield click.style(whose or "The bridge", bold=True)
        for one in group:
            yield from _row(one, names, width)
        yield ""
    yield summary(findings)


def _row(finding: Finding, names: int, width: int | None) -> Iterator[str]:
    margin = " " * (2 + _LEVEL + 2 + names + 2)
    room = max(width - len(margin), _NARROWEST) if width else None
    level = click.style(f"{finding.level:{_LEVEL}}", fg=COLOURS[finding.level])
    first, *rest = _wrapped(plain(finding.what), room)
    yield f"  {level}  {finding.name:{names}}  {first}"
    yield from (f"{margin}{line}" for line in rest)
    if finding.advice:
        first, *rest = _wrapped(finding.advice, room and room - 2)
        yield f"{margin}> {first}"
        yield from (f"{margin}  {line}" for line in rest)


def _wrapped(text: str, room: int | None) -> list[str]:
    return textwrap.wrap(text, room, break_on_hyphens=False) or [""] if room else [text]


def summary(findings: Sequence[Finding]) -> str:
    """Return the last line: how many faults and warnings there are."""
    faults, warnings = _number(findings, "fault"), _number(findings, "warn")
    if not faults and not warnings:
        return "All is well."
    counted = [(faults, "fault", "red"), (warnings, "warning", "yellow")]
    parts = [
        click.style(f"{number} {word}{'' if number == 1 else 's'}", fg=colour)
        for number, word, colour in counted
        if number
    ]
    return ", ".join(parts)


def _number(findings: Sequence[Finding], level: str) -> int:
    return sum(one.level == level for one in findings)


def _width() -> int | None:
    return min(shutil.get_terminal_size().columns, _WIDEST) if sys.stdout.isatty() else None
