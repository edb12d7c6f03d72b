"""The command line's part for agents' sessions: who is signed in, and the end of one session, of a person's, of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from bridge.cli_connections import ACTOR, opened
from bridge.running import CannotRun
from bridge.telling import ask, config_option, moment, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bridge.services import Services
    from bridge.signin.agent_session import LiveSession

_HEADS: Final = ("CONNECTION", "ACCOUNT", "NAME", "DEVICE", "SIGNED IN", "LAST SEEN", "ENDS AT THE LATEST", "HANDLE")


@click.group()
def sessions() -> None:
    """Sessions of agents: list, end."""


@sessions.command("list")
@config_option
@click.argument("names", nargs=-1)
def list_(config: Path, names: tuple[str, ...]) -> None:
    """List who is signed in, at the connections NAMES or at all of them."""
    with opened(config) as services:
        register = services.register
        entries = [register.entry(name) for name in names] if names else register.entries()
        found = [live for entry in entries for live in services.agent_sessions.of_connection(entry.name)]
    for line in table([_HEADS, *(_row(live) for live in sorted(found, key=_place))]):
        click.echo(line)


def _place(live: LiveSession) -> tuple[str, str, float]:
    return live.session.connection, live.session.account_name, live.session.created_at


def _row(live: LiveSession) -> tuple[str, ...]:
    session = live.session
    return (
        session.connection,
        session.account_name,
        session.display_name,
        live.device or "-",
        moment(session.created_at),
        moment(live.seen_at),
        moment(session.expires_at),
        session.handle,
    )


@sessions.command("end")
@config_option
@click.option("--account", help="Every session of this account.")
@click.option("--all", "everybody", is_flag=True, help="Every session of the connection.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.argument("connection")
@click.argument("handles", nargs=-1)
def end(
    config: Path, connection: str, handles: tuple[str, ...], account: str | None, *, everybody: bool, yes: bool
) -> None:
    """End sessions of CONNECTION: those with the HANDLES that `sessions list` tells, an account's, or all.

    An open page notices it within 30 seconds; a call goes on until it is over.
    """
    if sum((bool(handles), account is not None, everybody)) != 1:
        raise click.UsageError("Say which sessions: HANDLES, --account or --all, one of the three.")
    with opened(config) as services:
        name = services.register.entry(connection).name
        found = _handles(services, name, account)
        chosen = [one for one in handles if one in found] if handles else found
        if missing := set(handles) - set(chosen):
            raise CannotRun(f"No session alive at {name} has the handle {', '.join(sorted(missing))}.")
        if not chosen:
            who = "Nobody" if account is None else "Nobody of this account"
            raise CannotRun(f"{who} is signed in at {name}.")
        if not handles:
            ask(f"End {len(chosen)} sessions at {name}?", yes=yes)
        ended = services.endings.by_admin(name, None if everybody else chosen, actor=ACTOR)
    click.echo(f"Sessions ended at {name}: {ended}.")


def _handles(services: Services, name: str, account: str | None) -> Sequence[str]:
    """Return the handles of an account, or of everybody; upper and lower case do not matter."""
    found = (live.session for live in services.agent_sessions.of_connection(name))
    return [one.handle for one in found if account is None or one.account_name.casefold() == account.casefold()]
