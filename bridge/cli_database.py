"""The command line's part for the database: its schema, forward and back, and backups.

What loads Flask and the database is imported where it is needed, as in `cli`.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bridge import __version__, backup
from bridge.backup import BackupFault
from bridge.cli_connections import ACTOR, load_or_exit
from bridge.core.errors import StoreUnavailable
from bridge.running import CannotRun
from bridge.telling import ask, config_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.db import Database
    from bridge.services import Services
    from bridge.settings import Settings

_MEMORY: Final = {None, "", ":memory:"}
_POSTGRESQL: Final = "store.database is PostgreSQL: use pg_dump --format=custom, and pg_restore; see the README."
_AGAIN: Final = (
    "What was undone since the backup is back: revoke API keys again (`api-keys list`), and look at the connections"
    " (`connections list`) and at who was let go since."
)


@click.group()
def database() -> None:
    """The database: its schema (status, upgrade, downgrade), and backups (backup, restore, end-sessions)."""


@contextmanager
def _told() -> Iterator[None]:
    """Let refusals end the command."""
    try:
        yield
    except StoreUnavailable as refusal:
        raise CannotRun(f"store.database: {refusal}") from None
    except BackupFault as fault:
        raise CannotRun(str(fault)) from None


@contextmanager
def _opened(config: Path) -> Iterator[Database]:
    """Give the database with the schema that it has."""
    from bridge.db import Database  # noqa: PLC0415 — loads SQLAlchemy's drivers

    settings = load_or_exit(config)
    with _told():
        made = Database(settings.store.database)
        try:
            yield made
        finally:
            made.close()


# The schema ----------------------------------------------------------------------------------------------------------


@database.command()
@config_option
def status(config: Path) -> None:
    """Tell the schema's version and the one that this release knows; exit 1 where `upgrade` is to be run."""
    with _opened(config) as opened:
        present, behind = opened.revision(), opened.is_behind()
    click.echo(f"schema {present or 'none'}, release {__version__} has {_revisions()[0]}")
    if behind:
        raise CannotRun(
            "The schema is older than this release needs; `database upgrade`, or the next start, updates it."
        )
    if present != _revisions()[0]:
        click.echo("A newer release has changed the schema; this release works with it.")


@database.command()
@config_option
def upgrade(config: Path) -> None:
    """Bring the schema up to date, as `serve` does by itself; replicas of the release before may go on meanwhile."""
    with _opened(config) as opened:
        before = opened.revision()
        opened.upgrade()
        after = opened.revision()
    click.echo(f"schema {after}: nothing to do" if before == after else f"schema {before or 'none'} -> {after}")


@database.command()
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.argument("revision")
def downgrade(config: Path, revision: str, *, yes: bool) -> None:
    """Take the schema back to REVISION, before a release that is older than the one before this one.

    To go back to the release before this one needs no downgrade: that one works with this schema. End every replica
    first: the next start of this release would bring the schema forward again.
    """
    with _opened(config) as opened:
        present = opened.revision()
        steps = _steps_back(present, revision)
        for name, what in steps:
            click.echo(f"{name}  {what}")
        ask(f"Take the schema from {present} back to {revision}, and lose that?", yes=yes, is_grave=True)
        opened.downgrade(revision)
        click.echo(f"schema {present} -> {opened.revision()}: start the earlier release now")


def _steps_back(present: str, revision: str) -> list[tuple[str, str]]:
    """Return the steps between two versions, newest first, and what each loses in its own words."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 — 10 MB that no other command needs

    from bridge.db import MIGRATIONS  # noqa: PLC0415 — loads SQLAlchemy's drivers

    known = _revisions()
    if present not in known:
        raise CannotRun(
            f"This release does not know schema {present or 'none'}: only the release that made it goes back."
        )
    if revision not in known[known.index(present) + 1 :]:
        earlier = ", ".join(known[known.index(present) + 1 :])
        raise CannotRun(f"The schema is {present}: it can go back to {earlier or 'nothing earlier'}.")
    scripts = ScriptDirectory(str(MIGRATIONS)).iterate_revisions(present, revision)
    return [(step.revision, (step.module.downgrade.__doc__ or "").strip()) for step in scripts]


def _revisions() -> tuple[str, ...]:
    from bridge.db import revisions  # noqa: PLC0415 — loads SQLAlchemy's drivers

    return revisions()


# Backups -------------------------------------------------------------------------------------------------------------


@database.command("backup")
@config_option
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup_(config: Path, file: Path) -> None:
    """Copy the SQLite database into FILE while replicas go on; it is looked through before it gets its name.

    The copy is worth nothing without secret_keys, which are not in it: keep them, and the configuration, elsewhere.
    """
    path = _sqlite_file(load_or_exit(config))
    with _told():
        backup.save(path, file)
    click.echo(f"{file}: whole, {file.stat().st_size:,} bytes. Keep secret_keys and {config} elsewhere.")


@database.command()
@config_option
@click.option("--keep-sessions", is_flag=True, help="For a move, right after the last replica ended: sessions go on.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def restore(config: Path, file: Path, *, keep_sessions: bool, yes: bool) -> None:
    """Put a backup of the SQLite database into its place, while no replica runs; what was there is kept beside it.

    The sessions in it end, so that nobody who has signed out since is signed in again. A backup that secret_keys do
    not open is refused.
    """
    settings = load_or_exit(config)
    path = _sqlite_file(settings)
    with _told():
        revision = backup.examine(file)
        backup.close_for_all(path)
        ask(f"Put {file} (schema {revision}) into the place of {path}?", yes=yes, is_grave=True)
        aside = path.with_name(f"{path.name}.before-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f"{path.name}.restoring-") as folder:
            staged = Path(folder, path.name)
            backup.save(file, staged)
            ended = _made_good(settings, staged, file, keep_sessions=keep_sessions)
            backup.close_for_all(staged)
            backup.replace(path, staged, aside)
    click.echo(f"{path} is {file}{ended}." + (f" What was there is {aside}." if aside.exists() else ""))
    click.echo(_AGAIN)


def _made_good(settings: Settings, staged: Path, file: Path, *, keep_sessions: bool) -> str:
    """Bring a copy of a backup up to date, see that it can be read, and end what it would bring back."""
    from bridge.signin.clean_slate import end_everything  # noqa: PLC0415 — loads the database
    from bridge.signin.resealing import Resealing  # noqa: PLC0415 — likewise

    store = settings.store.model_copy(update={"database": f"sqlite:///{staged.absolute()}", "sessions": "database"})
    with _rooms(replace(settings, store=store)) as rooms:
        rooms.database.upgrade()
        sessions = (rooms.session_store, rooms.agent_sessions)
        lost = sum(one.lost for one in Resealing(rooms.database, rooms.key_ring, *sessions).count())
        if lost:
            raise CannotRun(
                f"{file} has {lost} records that none of secret_keys opens: put the keys of its time behind the first."
            )
        ended = (0, 0) if keep_sessions else end_everything(rooms.database, *sessions)
        rooms.journal.record_act("database_restored", actor=ACTOR, backup=file.name)
    return "" if keep_sessions else f"; sessions ended: {ended[0]} of agents, {ended[1]} of administrators"


@database.command("end-sessions")
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def end_sessions(config: Path, *, yes: bool) -> None:
    """End every session of agents and administrators, as after pg_restore; everybody signs in again."""
    from bridge.signin.clean_slate import end_everything  # noqa: PLC0415 — loads the database

    settings = load_or_exit(config)
    ask("End every session of agents and administrators?", yes=yes, is_grave=True)
    with _told(), _rooms(settings) as rooms:
        agents, administrators = end_everything(rooms.database, rooms.session_store, rooms.agent_sessions)
        rooms.journal.record_act("sessions_ended", actor=ACTOR, sessions=agents)
    click.echo(f"Sessions ended: {agents} of agents, {administrators} of administrators.")


@contextmanager
def _rooms(settings: Settings) -> Iterator[Services]:
    from bridge.ops.logs import configure_logs  # noqa: PLC0415 — loads Flask and the database
    from bridge.rooms import build_services, make_outbound  # noqa: PLC0415 — likewise

    configure_logs("error")
    rooms = build_services(settings, make_outbound(settings), time.time)
    try:
        yield rooms
    finally:
        rooms.session_store.close()
        rooms.database.close()


def _sqlite_file(settings: Settings) -> Path:
    from sqlalchemy.engine import make_url  # noqa: PLC0415 — no other command needs it before the database

    url = make_url(settings.store.database)
    if url.get_backend_name() != "sqlite":
        raise CannotRun(_POSTGRESQL)
    if url.database in _MEMORY:
        raise CannotRun("store.database is in memory: there is nothing to keep.")
    return Path(str(url.database))
