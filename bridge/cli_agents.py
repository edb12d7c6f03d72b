"""The command line's part for agents of the contact center: list, show, create, update, delete, export."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from bridge.aiccs.instance import Instance, instance_of
from bridge.cli_connections import ACTOR, in_force, opened
from bridge.core.errors import AgentUnknown
from bridge.core.mapping import account_name_of
from bridge.provisioning.bulk import Ground
from bridge.provisioning.roster_file import write_roster
from bridge.provisioning.staff import Charge
from bridge.running import CannotRun
from bridge.telling import advised, ask, config_option, plain, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.aiccs.agents import Agent, LiveState
    from bridge.aiccs.contact_center import ContactCenterDesk
    from bridge.services import Services

_HEADS: Final = ("ACCOUNT", "NAME", "STATUS", "SKILL GROUPS")
_STATUS: Final = {"0": "active", "1": "frozen", "2": "deleted"}
_STATES: Final = {
    "AgentCheckout": "signed out",
    "AgentReady": "ready for calls",
    "AgentBreak": "on a break",
    "AgentAcw": "after-call work",
    "AgentBusyForCall": "in a call",
}
_BREAKS: Final = {1: "short break", 2: "meal", 3: "meeting", 4: "coaching", 5: "training"}

connection_option: Final = click.option("--connection", "name", required=True, help="Whose contact center.")
also_frozen_option: Final = click.option(
    "--also-frozen", is_flag=True, help="Change frozen agents too. They stay frozen: only the console thaws them."
)
_yes_option: Final = click.option("--yes", is_flag=True, help="Do not ask.")
_json_option: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_groups_option: Final = click.option(
    "--group", "groups", multiple=True, help="A skill group's name, or # and its number; may be given several times."
)


@dataclass(frozen=True, slots=True)
class Place:
    """The contact center that a command speaks of."""

    services: Services
    connection: str
    instance: Instance

    @property
    def desk(self) -> ContactCenterDesk:
        """Everything that can be asked, with the patience of a command."""
        return self.services.contact_center.thorough()

    @property
    def charge(self) -> Charge:
        """What the command line changes agents with."""
        return Charge(self.connection, self.instance, self.desk.agents, ACTOR)

    def note(self, event: str, **details: Any) -> None:
        """Write an act of the command line into the journal."""
        self.services.journal.record_act(event, actor=ACTOR, connection=self.connection, **details)

    def group_ids(self, names: tuple[str, ...]) -> tuple[int, ...]:
        """Return the numbers of skill groups; raises CannotRun where one of them is none."""
        if not names:
            return ()
        try:
            return Ground((), self.desk.skill_groups.every(self.instance)).ids_of(names)
        except ValueError as fault:
            raise CannotRun(f"{plain(str(fault))}\n`groups list` tells which skill groups there are.") from None

    def agent(self, account_name: str) -> Agent:
        """Return an agent who is not deleted; raises AgentUnknown."""
        found = self.desk.agents.find(self.instance, account_name)
        if found is None:
            raise AgentUnknown(expected="an account name exactly as the contact center has it", received="another")
        return found


@contextmanager
def place_of(config: Path, name: str) -> Iterator[Place]:
    """Give the contact center of a connection; refusals of the bridge end the command."""
    with opened(config) as services:
        entry = services.register.entry(name)
        connection = services.register.connection(entry.name, in_force(entry))
        try:
            yield Place(services, entry.name, instance_of(connection))
        except AgentUnknown as refusal:
            advice = "`agents list` tells the names of all agents in skill groups; a name has to be exact."
            raise CannotRun(f"{advised(refusal)}\n{advice}") from None


@click.group()
def agents() -> None:
    """Agents of the contact center: list, show, create, update, delete, import, export, coverage.

    Freezing and thawing, real names and permissions are set in Alibaba Cloud's console only: its OpenAPI cannot.
    """


@agents.command("list")
@config_option
@connection_option
@click.option("--group", help="Only those of this skill group: its name, or # and its number.")
@_json_option
def list_(config: Path, name: str, *, group: str | None, as_json: bool) -> None:
    """List the agents of all skill groups; the OpenAPI tells of nobody who is in none."""
    with place_of(config, name) as place:
        found = place.desk.agents.everyone(place.instance)
        wanted = place.group_ids((group,) if group else ())
    chosen = [agent for agent in found if not wanted or set(wanted) & set(agent.group_ids)]
    if as_json:
        click.echo(_json([_document(agent) for agent in chosen]))
        return
    for line in table([_HEADS, *map(_row, chosen)]):
        click.echo(line)


@agents.command()
@config_option
@connection_option
@_json_option
@click.argument("account")
def show(config: Path, name: str, account: str, *, as_json: bool) -> None:
    """Show the agent ACCOUNT and what it does right now; the name has to be exact."""
    with place_of(config, name) as place:
        agent = place.agent(account)
        state = place.desk.agents.live_state(place.instance, account)
    if as_json:
        live = {"code": state.code, "rest_type": state.rest_type, "is_assigned": state.is_assigned}
        click.echo(_json({**_document(agent), "live_state": live}))
        return
    told = zip((*_HEADS, "NUMBER", "NOW"), (*_row(agent), agent.agent_id or "-", _now(state)), strict=True)
    for line in table(list(told)):
        click.echo(line)


@agents.command()
@config_option
@connection_option
@click.option("--name", "display_name", required=True, help="What others see.")
@_groups_option
@click.argument("account")
def create(config: Path, name: str, account: str, display_name: str, groups: tuple[str, ...]) -> None:
    """Make the agent ACCOUNT, which must equal what the mapping field says of the person, letter for letter.

    A deleted agent's account gets its old number back.
    """
    _demand_name(display_name)
    with place_of(config, name) as place:
        account_name, group_ids = account_name_of(account), place.group_ids(groups)
        made = place.services.staff.create(place.charge, account_name, display_name, group_ids)
    click.echo(f"Agent {plain(account_name)} is made{f', number {made.agent_id}' if made.agent_id else ''}.")


@agents.command()
@config_option
@connection_option
@click.option("--name", "display_name", help="What others see.")
@_groups_option
@click.option("--no-groups", is_flag=True, help="Take it out of all skill groups.")
@also_frozen_option
@click.argument("account")
def update(
    config: Path,
    name: str,
    account: str,
    *,
    display_name: str | None,
    groups: tuple[str, ...],
    no_groups: bool,
    also_frozen: bool,
) -> None:
    """Give the agent ACCOUNT another display name, or exactly these skill groups; what is not said stays.

    The account name cannot be changed.
    """
    if (groups and no_groups) or (display_name is None and not groups and not no_groups):
        raise click.UsageError("Say what to change: --name, and --group or --no-groups.")
    _demand_name(display_name)
    with place_of(config, name) as place:
        former = place.agent(account)
        if not former.is_active and not also_frozen:
            raise CannotRun(f"Agent {plain(account)} is {_status(former)}; --also-frozen changes it, and it stays so.")
        group_ids = place.group_ids(groups) if groups or no_groups else former.group_ids
        place.services.staff.update(place.charge, account, display_name or former.display_name, group_ids)
    click.echo(f"Agent {plain(account)} is changed.")


@agents.command()
@config_option
@connection_option
@_yes_option
@click.argument("account")
def delete(config: Path, name: str, account: str, *, yes: bool) -> None:
    """Delete the agent ACCOUNT, who cannot take calls any more; made again, it has the same number."""
    with place_of(config, name) as place:
        agent = place.agent(account)
        ask(f"Delete agent {plain(account)} ({plain(agent.display_name)}) of {place.connection}?", yes=yes)
        place.services.staff.delete(place.charge, account)
    click.echo(f"Agent {plain(account)} is deleted.")


@agents.command()
@config_option
@connection_option
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path), default="-")
def export(config: Path, name: str, file: Path) -> None:
    """Write the agents of all skill groups to FILE as CSV, by default to standard output; `import` takes it."""
    with place_of(config, name) as place:
        found = place.desk.agents.everyone(place.instance)
        groups = list(place.desk.skill_groups.every(place.instance))
        place.note("agents_exported", agents=len(found))
    content = b"".join(write_roster(found, groups))
    if str(file) == "-":
        click.echo(content, nl=False)
    else:
        file.write_bytes(content)
        click.echo(f"{len(found)} agents are in {file}.", err=True)


def _demand_name(text: str | None) -> None:
    if text is not None and not text.strip():
        raise click.UsageError("--name is empty: an agent has a display name.")


def _row(agent: Agent) -> tuple[str, ...]:
    return agent.account_name, agent.display_name, _status(agent), ", ".join(agent.groups) or "-"


def _status(agent: Agent) -> str:
    return _STATUS.get(agent.status, agent.status or "unknown")


def _now(state: LiveState) -> str:
    told = _STATES.get(state.code, state.code or "unknown")
    rest = _BREAKS.get(state.rest_type or 0)
    return f"{told} ({rest})" if rest and state.code == "AgentBreak" else told


def _document(agent: Agent) -> dict[str, Any]:
    return {
        "account_name": agent.account_name,
        "display_name": agent.display_name,
        "agent_id": agent.agent_id or None,
        "status": _status(agent),
        "skill_groups": [
            {"id": group_id, "display_name": group}
            for group_id, group in zip(agent.group_ids, agent.groups, strict=False)
        ],
    }


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
