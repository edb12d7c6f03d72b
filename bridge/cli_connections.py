"""The command line's part for connections, on the same rows as the console; and the first administrator's link.

What loads Flask and the database is imported where it is needed, as in `cli`.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

import click

from bridge import running
from bridge.connections import document as documents
from bridge.core.errors import BridgeError, ConnectionUnknown, StoreUnavailable
from bridge.core.keeping_errors import ConnectionReadOnly
from bridge.settings import SettingsError, connection_toml, load, read_connections_file
from bridge.telling import advised, ask, config_option, moment, plain, table, tell, told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bridge.connections.document import Change
    from bridge.connections.draft import Draft
    from bridge.connections.rows import Entry, Version
    from bridge.core.model import Connection, Secret
    from bridge.services import Services
    from bridge.settings import Settings

ACTOR: Final = "operator at the command line"
_HEADS: Final = ("NAME", "TITLE", "KIND", "MODE", "STATE", "ACTIVE", "NEWEST", "ORIGIN", "LAST SUCCESS")

_yes_option: Final = click.option("--yes", is_flag=True, help="Do not ask.")


# What all commands share ---------------------------------------------------------------------------------------------


def load_or_exit(config: Path) -> Settings:
    """Return the settings, or tell every fault of the file and end with exit code 1."""
    try:
        return load(config, os.environ)
    except SettingsError as refusal:
        _refuse(map(str, refusal.faults))


@contextmanager
def opened(config: Path, *, provisions: bool = False) -> Iterator[Services]:
    """Give the rooms over an up-to-date database; refusals of the bridge end the command.

    Args:
        provisions: lets the register say what the file says, as `serve` does. A command that only looks does so where
            the register is empty: an old file at hand must not take a connection out of use.
    """
    from bridge.app import provision  # noqa: PLC0415 — loads Flask and the database
    from bridge.ops.logs import configure_logs  # noqa: PLC0415 — likewise
    from bridge.rooms import build_services, make_outbound  # noqa: PLC0415 — likewise

    settings = load_or_exit(config)
    # Standard output belongs to what the commands tell; the journal's rows say the same as its lines.
    configure_logs("error")
    services = build_services(settings, make_outbound(settings), time.time)
    try:
        services.database.upgrade()
        if provisions or not services.register.entries():
            provision(settings, services)
        yield services
    except StoreUnavailable as refusal:
        # The sessions' own store says that it is the one.
        place = "" if refusal.expected else "store.database: "
        raise running.CannotRun(f"{place}{refusal}") from None
    except BridgeError as refusal:
        raise running.CannotRun(advised(refusal)) from None
    finally:
        services.database.close()


def _refuse(faults: Iterable[str]) -> NoReturn:
    for fault in faults:
        click.echo(plain(fault), err=True)
    sys.exit(1)


# connections ---------------------------------------------------------------------------------------------------------


@click.group()
def connections() -> None:
    """Connections, in the file and in the console: list, apply, export, test, history, rollback."""


@connections.command("list")
@config_option
def list_(config: Path) -> None:
    """List all connections with their state."""
    with opened(config) as services:
        successes = services.trail.last_success()
        rows = [_row(services, entry, successes) for entry in services.register.entries()]
    for line in table([_HEADS, *rows]):
        click.echo(line)


def _row(services: Services, entry: Entry, successes: Mapping[str, float]) -> tuple[str, ...]:
    newest = services.register.version(entry.name, entry.newest_version).document
    return (
        entry.name,
        newest["title"],
        newest["idp"]["kind"],
        newest["mode"],
        entry.state,
        str(entry.active_version or "-"),
        str(entry.newest_version),
        entry.origin,
        moment(successes.get(entry.name)),
    )


@connections.command("export")
@config_option
@click.argument("names", nargs=-1)
def export(config: Path, names: tuple[str, ...]) -> None:
    """Print connections as TOML for `apply`, without secrets; without NAMES all of them.

    Of an active connection the active version is printed, of any other the newest.
    """
    with opened(config) as services:
        register = services.register
        entries = [register.entry(name) for name in names] if names else register.entries()
        chosen = (register.connection(entry.name, in_force(entry)) for entry in entries)
        tables = [services.entry.table(connection) for connection in chosen]
    click.echo(connection_toml(tables), nl=False)


def in_force(entry: Entry) -> int:
    """Return the number of the version that people mean: the active one, or the newest where none is in use."""
    return entry.active_version if entry.state == "active" else entry.newest_version


@connections.command("history")
@config_option
@click.argument("name")
def history(config: Path, name: str) -> None:
    """Tell every version of a connection, newest first, and what each changed."""
    with opened(config) as services:
        entry, versions = services.register.entry(name), services.register.history(name)
    lines = table([_outline(version, entry) for version in versions])
    for line, version, former in zip(lines, versions, [*versions[1:], None], strict=True):
        click.echo(line)
        for change in told(documents.changes(former.document, version.document)) if former else ():
            click.echo(change)


def _outline(version: Version, entry: Entry) -> tuple[str, ...]:
    mark = "in use" if entry.state == "active" and version.number == entry.active_version else ""
    return (f"version {version.number}", moment(version.made_at), version.act, version.author, mark)


@connections.command("rollback")
@config_option
@_yes_option
@click.argument("name")
@click.argument("version", type=click.IntRange(min=1))
def rollback(config: Path, name: str, version: int, *, yes: bool) -> None:
    """Make an old version the newest again; an active connection uses it at once.

    As with apply, the operator's own word is enough: no rehearsal is asked for, and the journal keeps it.
    """
    with opened(config) as services:
        entry = services.register.entry(name)
        if entry.is_read_only:
            raise ConnectionReadOnly(received=entry.name)
        for line in told(services.register.changes(entry.name, entry.newest_version, version)):
            click.echo(line)
        ask(f"Bring version {version} of {entry.name} back?", yes=yes)
        again = services.changes.roll_back(entry.name, version, actor=ACTOR, without_rehearsal=True)
    click.echo(f"{entry.name}: version {again.number} says what version {version} said.")


# connections test ----------------------------------------------------------------------------------------------------


@connections.command("test")
@config_option
@click.option("--link", is_flag=True, help="Print a link at the end with which anybody can rehearse it for 24 hours.")
@click.argument("name")
def test(config: Path, name: str, *, link: bool) -> None:
    """Ask everybody whom a connection's newest version needs, and tell how its last rehearsal went."""
    with opened(config) as services:
        entry = services.register.entry(name)
        if link and services.register.connection(entry.name, entry.newest_version).idp.kind == "none":
            raise running.CannotRun(
                f"{entry.name} has no provider that a colleague could sign in at: test it in the console with an "
                f"account name, or with `hotline-bridge token --connection {entry.name} --user ACCOUNT`."
            )
        rows = [*_findings(services, entry), _rehearsed(services, entry)]
        url = f"{services.site.public_url}/test/{_new_link(services, entry)}" if link else ""
    try:
        tell(rows)
    finally:
        if url:
            click.echo(url)


def _findings(services: Services, entry: Entry) -> Iterator[tuple[str, str, str]]:
    from bridge.checks.connection import probe_connection  # noqa: PLC0415 — loads the room upstream
    from bridge.upstream.metadata import KeyCache, MetadataCache  # noqa: PLC0415 — likewise

    connection, outbound = services.register.connection(entry.name, entry.newest_version), services.outbound
    for found in probe_connection(services, connection, outbound, MetadataCache(outbound), KeyCache(outbound)):
        yield found.level, found.title, plain(found.what)


def _rehearsed(services: Services, entry: Entry) -> tuple[str, str, str]:
    version = services.register.version(entry.name, entry.newest_version)
    last, name = services.rehearsals.last_of(entry.name, version.digest), f"{entry.name}: rehearsal"
    if last is None:
        return "warn", name, f"version {version.number} was never rehearsed"
    return "ok" if last.is_good else "fault", name, f"{last.code} at {moment(last.at)}, by {plain(last.by)}"


def _new_link(services: Services, entry: Entry) -> str:
    token = services.rehearsals.new_link(entry.name, entry.newest_version, made_by=ACTOR)
    services.journal.record_act("test_link_made", actor=ACTOR, connection=entry.name, version=entry.newest_version)
    return token


# connections apply ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Step:
    """What applying one connection of the file does.

    Args:
        entry: as it is kept now; None for a new one.
    """

    connection: Connection
    entry: Entry | None
    changes: Sequence[Change]

    @property
    def switch(self) -> Literal["activate", "deactivate", ""]:
        """What becomes of its state."""
        entry = self.entry
        if not self.connection.enabled:
            return "deactivate" if entry and entry.state == "active" else ""
        is_in_use = entry and entry.state == "active" and not entry.has_draft and not self.changes
        return "" if is_in_use else "activate"

    @property
    def is_needed(self) -> bool:
        """Whether anything is different afterwards."""
        return bool(self.changes or self.switch)

    def account(self) -> Iterator[str]:
        """Say what is going to happen."""
        yield f"{self.connection.name}: {'changes' if self.entry else 'is new'}"
        yield from told(self.changes)
        if self.switch:
            yield f"    {'is activated' if self.switch == 'activate' else 'is switched off'}"


@connections.command("apply")
@config_option
@_yes_option
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.argument("file", type=click.Path(path_type=Path))
def apply(config: Path, file: Path, *, yes: bool, dry_run: bool) -> None:
    """Save and activate the [[connections]] of FILE; with any fault in it nothing at all is done.

    What a connection does not need to change is left alone, so that the same file can be applied again and again.
    Activating needs no rehearsal here: it is the operator's own word, and the journal keeps it.
    """
    with opened(config, provisions=True) as services:
        steps = _plan(services, _drafts(file, services), file)
        needed = [step for step in steps if step.is_needed]
        for line in (line for step in needed for line in step.account()):
            click.echo(line)
        if not needed:
            click.echo("There is nothing to change.")
        elif not dry_run:
            ask("Apply this?", yes=yes)
            for step in needed:
                _carry_out(services, step)
            click.echo("Applied; every running server follows within seconds.")


def _drafts(file: Path, services: Services) -> list[Draft]:
    def kept_of(name: str) -> Mapping[str, Secret]:
        entry = _entry(services, name)
        return services.register.secrets(entry.name, entry.newest_version) if entry else {}

    try:
        return read_connections_file(file, os.environ, public_url=services.site.public_url, kept_of=kept_of)
    except SettingsError as refusal:
        _refuse(map(str, refusal.faults))


def _plan(services: Services, drafts: Sequence[Draft], file: Path) -> list[_Step]:
    """Return what is to be done, or tell every fault of every connection and end."""
    steps, faults = list[_Step](), list[str]()
    for draft in drafts:
        faults += [f"{file}: {draft.place}.{fault.key}: {fault.message}" for fault in draft.faults]
        if draft.connection is None:
            continue
        entry = _entry(services, draft.connection.name)
        faults += [f"{file}: {draft.place}: {refusal}" for refusal in _refusals(draft.connection, entry)]
        faults += [f"{file}: {draft.place}.hosts: {fault}" for fault in _taken_hosts(services, draft.connection, entry)]
        steps.append(_Step(draft.connection, entry, _changes(services, draft.connection, entry)))
    if faults:
        _refuse(faults)
    for draft in drafts:
        for key, doubt in draft.doubts:
            click.echo(f"warning: {file}: {draft.place}.{key}: {doubt}", err=True)
    return steps


def _refusals(connection: Connection, entry: Entry | None) -> Iterator[str]:
    if entry and entry.is_read_only:
        yield "the configuration file has this connection; it is changed there"
    elif entry and entry.name != connection.name:
        yield f"is kept as {entry.name}; write the name in the same upper and lower case"


def _taken_hosts(services: Services, connection: Connection, entry: Entry | None) -> list[str]:
    former = services.register.connection(entry.name, entry.newest_version) if entry else None
    return [fault.message for fault in services.changes.hosts_of_others(connection, former)]


def _entry(services: Services, name: str) -> Entry | None:
    try:
        return services.register.entry(name)
    except ConnectionUnknown:
        return None


def _changes(services: Services, connection: Connection, entry: Entry | None) -> list[Change]:
    former: documents.Document = services.register.version(entry.name, entry.newest_version).document if entry else {}
    kept = services.register.secrets(entry.name, entry.newest_version) if entry else {}
    if connection.fuyun.redirect_url == f"{services.site.public_url}/callback/{connection.name}":
        # The default is not kept: it follows the bridge's own address.
        connection = replace(connection, fuyun=replace(connection.fuyun, redirect_url=""))
    document, _ = documents.split(connection, former, {key: secret.reveal() for key, secret in kept.items()})
    found = documents.changes(former, document)
    if entry:
        return found
    # Of a new one only what was written is told, not every default beside it.
    written = services.entry.table(connection)
    return [one for one in found if _is_written(one.key, written)]


def _is_written(key: str, written: Mapping[str, Any]) -> bool:
    part, dot, name = key.partition(".")
    return name in written.get(part, {}) if dot else part in written


def _carry_out(services: Services, step: _Step) -> None:
    name, number = step.connection.name, step.entry.newest_version if step.entry else 0
    if step.changes:
        number = services.changes.save(step.connection, actor=ACTOR, based_on=number, at_the_shell=True).number
    if step.switch == "activate":
        services.changes.activate(name, number, actor=ACTOR, without_rehearsal=True)
    elif step.switch == "deactivate":
        services.changes.deactivate(name, actor=ACTOR)


# admin ---------------------------------------------------------------------------------------------------------------


@click.group()
def admin() -> None:
    """Administrators of the console."""


@admin.command("link")
@config_option
def link(config: Path) -> None:
    """Print a link that lets whoever opens it into the console, once and within 15 minutes."""
    with opened(config) as services:
        token = services.admin_links.make()
        services.journal.record_act("admin_link_made", actor=ACTOR)
        url = f"{services.site.public_url}/admin/enter/{token}"
    click.echo("Whoever opens this link is the console's operator. It works once, for 15 minutes:", err=True)
    click.echo(url)
