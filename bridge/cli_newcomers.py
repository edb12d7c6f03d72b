"""The command line's part for agents who are made at their first sign-in: a preview, and leave to make one again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bridge.cli_connections import ACTOR, opened
from bridge.core.errors import RequestInvalid
from bridge.core.mapping import account_name_of
from bridge.core.trace import Trace
from bridge.running import CannotRun
from bridge.telling import ask, config_option, plain, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.core.model import Connection
    from bridge.core.new_agent import NewAgent
    from bridge.services import Services
    from bridge.signin.findings import Standing

_STANDINGS: Final[dict[Standing, str]] = {
    "new": "The contact center has no such agent. The first sign-in would make this one:",
    "gone": "This account had an agent before, and no sign-in brings it back. Somebody new would get:",
    "there": "This person has an agent already. Somebody new with the same claims would get:",
    "open": "It was not found out whether this person has an agent. Without one, the first sign-in would make:",
}


@click.command("preview")
@config_option
@click.option(
    "--claims",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    required=True,
    help="What the provider says of one person, as a JSON object; - for standard input.",
)
@click.argument("name")
def preview(config: Path, file: Path, name: str) -> None:
    """Tell which agent the first sign-in of a person would make through a connection's newest version; makes none."""
    with opened(config) as services:
        entry = services.register.entry(name)
        connection = services.register.connection(entry.name, entry.newest_version)
        if connection.provisioning is None:
            raise CannotRun(f"{entry.name} has no [connections.provisioning].")
        new, standing = _foretold(services, connection, file)
    if not connection.provisioning.create_agents:
        click.echo(f"{entry.name} makes no agents: create_agents is not true. With it:", err=True)
    if new.unknown_groups:
        click.echo(f"The contact center has no skill group {plain(', '.join(new.unknown_groups))}.", err=True)
    click.echo(_STANDINGS[standing])
    for line in table(list(_rows(new))):
        click.echo(line)


def _foretold(services: Services, connection: Connection, file: Path) -> tuple[NewAgent, Standing]:
    from bridge.signin.claims import read_claims, rehearse_claims  # noqa: PLC0415 — loads the database
    from bridge.signin.findings import standing  # noqa: PLC0415 — likewise

    with click.open_file(str(file), encoding="utf-8", errors="replace") as opened_file:
        claims, fault = read_claims(opened_file.read())
    if fault is not None:
        raise CannotRun(str(fault))
    trace = Trace()
    rehearse_claims(services.look_for_agent, services.just_in_time.foretell, connection, claims, trace)
    new = trace.new_agent or services.just_in_time.preview(connection, claims, trace.account_name)
    if new is None or not trace.account_name:
        failed = trace.failed
        received = f": {plain(failed.received)}" if failed else ""
        raise CannotRun(f"The mapping field {connection.mapping_field} names no account{received}.")
    return new, standing(trace.steps, new)


def _rows(new: NewAgent) -> Iterator[tuple[str, str]]:
    yield "AccountName", new.account_name
    yield "Display name", new.display_name
    yield "Skill groups", ", ".join(name for name in new.skill_groups if name not in new.unknown_groups) or "none"
    if new.unknown_groups:
        yield "Do not exist", ", ".join(new.unknown_groups)
    elif new.skill_groups and not new.is_checked:
        yield "", "(the contact center did not tell which skill groups it has)"
    for rule in new.rules:
        yield "Rule that fits", rule
    for one in new.misfits:
        found = ", ".join(one.found) + (" …" if one.count > len(one.found) else "")
        yield "Does not fit", f"{one.rule} ({one.claim}: {found or 'no text'})"


@click.command("allow-agent")
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.argument("name")
@click.argument("account")
def allow_agent(config: Path, name: str, account: str, *, yes: bool) -> None:
    """Let the next sign-in of ACCOUNT make an agent, although there was one that is deleted now.

    By itself no sign-in brings an agent back. One who is frozen stays frozen: thaw it in the contact center.
    """
    try:
        account_name = account_name_of(account)
    except RequestInvalid as refusal:
        raise CannotRun(plain(str(refusal))) from None
    with opened(config) as services:
        entry = services.register.entry(name)
        ask(f"May the next sign-in of {plain(account_name)} through {entry.name} make an agent?", yes=yes)
        services.known_agents.forget(entry.name, account_name)
        services.journal.record_act("agent_allowed", actor=ACTOR, connection=entry.name, account_name=account_name)
    click.echo(f"{entry.name}: the next sign-in of {plain(account_name)} may make an agent.")
