"""How commands tell things at a terminal: findings, tables, moments, and foreign text without what terminals obey."""

from __future__ import annotations

import signal
import sys
import unicodedata
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

from bridge.running import CannotRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bridge.connections.document import Change
    from bridge.core.errors import BridgeError

CONFIG_VARIABLE: Final = "BRIDGE_CONFIG"
DEFAULT_CONFIG: Final = "config/bridge.toml"
_ADVICE: Final = {
    "agent_exists": "`agents update` changes an agent who is there, `agents show` tells how it is.",
    "call_unknown": "`calls list` tells the ids of calls; --from reaches further back.",
    "contact_center_error": "Look at the access key, its rights and instance_id of this connection.",
    "contact_center_shared": "Give this connection an instance or an access key of its own.",
    "contact_center_throttled": "Wait a minute and try again; requests_per_second of this connection is its pace.",
    "contact_center_uncertain": "Look whether the change is there before you repeat it.",
    "contact_center_unreachable": "Try again in a moment; if it stays so, look at the endpoint of this connection.",
    "department_in_use": "Remove its skill groups first: `groups remove`.",
    "department_unknown": "`departments list` tells which there are.",
    "hotline_number_unknown": "`numbers list` tells which there are.",
    "recording_invalid": "Look at recording_hosts of this connection.",
    "recording_missing": "Calls that nobody answered have no recording, and old ones may have been deleted.",
    "recording_not_ready": "Try again in a minute or two.",
    "recording_unreachable": "Wait a moment and try again.",
    "skill_group_in_use": "Move its agents or take them out: `groups remove` with --move-to or --take-out.",
    "skill_group_unknown": "`groups list` tells which there are.",
}
"""What to do about refusals of the contact center, by code."""
COLOURS: Final = {"ok": "green", "warn": "yellow", "fault": "red"}

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
        click.echo(f"{click.style(f'{state:5}', fg=COLOURS[state])}  {f'{name}:':{width + 1}} {what}")
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


def ask(question: str, *, yes: bool, is_grave: bool = False) -> None:
    """Ask at a terminal and end the command at a no; where nobody is there to answer, go on.

    Args:
        is_grave: without somebody to answer, only ``--yes`` lets it go on.
    """
    if yes:
        return
    if is_terminal():
        click.confirm(question, abort=True)
    elif is_grave:
        raise CannotRun(f"{question} Nobody is here to answer: say --yes.")


def is_terminal() -> bool:
    """Say whether somebody sits at standard input."""
    return sys.stdin.isatty()


def advised(refusal: BridgeError) -> str:
    """Return what a refusal says and, where something can be done about it at the command line, what."""
    advice = _ADVICE.get(refusal.code)
    return plain(str(refusal)) + (f"\n{advice}" if advice else "")


@contextmanager
def going_on_later() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end a command that goes on where it was with a word about that."""
    former = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        raise CannotRun("Interrupted: the same command goes on where it was.") from None
    finally:
        signal.signal(signal.SIGTERM, former)


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def told(changes: Iterable[Change]) -> Iterator[str]:
    """Yield one line for each change."""
    for change in changes:
        before, after = plain(change.before), plain(change.after) or "(empty)"
        # A secret's masks are alike: that it differs is all that may be said.
        note = " (another value)" if change.is_secret and before and change.after else ""
        yield f"    {change.key}: {f'{before} -> ' if before else ''}{after}{note}"
