"""How commands tell things at a terminal: findings, tables, moments, and foreign text without what terminals obey."""

from __future__ import annotations

import sys
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bridge.running import CannotRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bridge.connections.document import Change

CONFIG_VARIABLE: Final = "BRIDGE_CONFIG"
DEFAULT_CONFIG: Final = "config/bridge.toml"
_COLOURS: Final = {"ok": "green", "warn": "yellow", "fault": "red"}

config_option: Final = click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar=CONFIG_VARIABLE,
    default=DEFAULT_CONFIG,
    show_default=True,
    help=f"Configuration file; also from {CONFIG_VARIABLE}.",
)


def tell(rows: Sequence[tuple[str, str, str]]) -> None:
    """Print what was looked at, and raise CannotRun when there is a fault among it.

    Args:
        rows: ``ok``, ``warn`` or ``fault``; what was looked at; what came.
    """
    width = max(len(name) for _, name, _ in rows)
    for state, name, what in rows:
        click.echo(f"{click.style(f'{state:5}', fg=_COLOURS[state])}  {f'{name}:':{width + 1}} {what}")
    if faults := sum(state == "fault" for state, _, _ in rows):
        raise CannotRun(f"{faults} to put right." if faults > 1 else "One to put right.")


def plain(text: str) -> str:
    """Return foreign text without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield one line for each row, in columns."""
    shown = [[plain(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def moment(epoch: float | None) -> str:
    """Return epoch seconds as people write them, in UTC; "never" for none."""
    return f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%d %H:%M} UTC" if epoch else "never"


def ask(question: str, *, yes: bool) -> None:
    """Ask at a terminal and end the command at a no; where nobody is there to answer, go on."""
    if not yes and is_terminal():
        click.confirm(question, abort=True)


def is_terminal() -> bool:
    """Say whether somebody sits at standard input."""
    return sys.stdin.isatty()


def told(changes: Iterable[Change]) -> Iterator[str]:
    """Yield one line for each change."""
    for change in changes:
        before, after = plain(change.before), plain(change.after) or "(empty)"
        # A secret's masks are alike: that it differs is all that may be said.
        note = " (another value)" if change.is_secret and before and change.after else ""
        yield f"    {change.key}: {f'{before} -> ' if before else ''}{after}{note}"
