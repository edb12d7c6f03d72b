"""A real PostgreSQL of our own: the binaries of the wheel pgserver, in a folder that goes when we go.

The package itself is not imported: as root it would make a system user and open folders of the machine to everybody.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg

from bridge.db import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE: Final = 60.0
_TICK: Final = 0.02
_READY: Final = "ready to accept connections"
_MIGRATED: Final = "migrated"
# A socket's path may have 107 characters, and root's TMPDIR may be closed to `nobody`.
_SHORT_AND_OPEN: Final = "/tmp"  # noqa: S108 — mkdtemp makes the folder, under a name nobody can guess
_ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C"}
_NEW: Final = [
    "--auth=trust",
    "--username=postgres",
    "--encoding=UTF8",
    "--no-locale",
    "--no-sync",
    "--no-instructions",
]
# Nothing here outlives its test, so nothing has to reach a disk.
_OPTIONS: Final = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "shared_buffers": "16MB",
}
# The pipe to its standard input closes however the tests end, be it by SIGKILL: then server and folder go too.
_KEEPER: Final = '"$@" & server=$!; read -r _; kill -QUIT $server; wait $server; rm -rf "$0"'


class PostgreSQLUnavailableError(RuntimeError):
    """PostgreSQL cannot be started here; tests that need it fail with the reason."""


# What a schema is: each column, constraint and index.
_SCHEMA: Final = """
    SELECT md5(string_agg(concat_ws(' ', told, name, kind, of), ',' ORDER BY told, of, name, kind)) FROM (
        SELECT 'column' AS told, attname::text AS name, concat_ws(' ', format_type(atttypid, atttypmod), attnotnull)
            AS kind, attrelid::regclass::text AS of FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid
            WHERE relnamespace = 'public'::regnamespace AND NOT attisdropped
        UNION ALL SELECT 'constraint', conname, pg_get_constraintdef(oid), conrelid::regclass::text
            FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT 'index', indexname::text, indexdef, tablename::text FROM pg_indexes WHERE schemaname = 'public'
    ) AS parts"""
_TABLES: Final = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
_HANG_UP: Final = """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
_COUNT_ANEW: Final = "SELECT setval(format('%I', sequencename)::regclass, start_value, false) FROM pg_sequences"


@dataclass(frozen=True)
class Server:
    """A running server with as many databases as are asked for.

    Args:
        folder: of its socket.
    """

    folder: Path
    numbers: Iterator[int] = field(default_factory=count)
    used: list[str] = field(default_factory=list)
    at_the_start: dict[str, bytes] = field(default_factory=dict)

    @contextmanager
    def database(self, *, empty: bool = False) -> Iterator[str]:
        """Give the URL of a fresh database, with the newest schema or without any table.

        One that only its rows tell from a new one is given again without them: to make and to drop a database takes
        fifteen times as long.
        """
        name = self.used.pop() if self.used and not empty else self._made("template1" if empty else _MIGRATED)
        try:
            yield self._url(name)
        finally:
            if not empty and self._is_like_new(name):
                self.used.append(name)
            else:
                self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def _made(self, template: str) -> str:
        name = f"bridge_{next(self.numbers)}"
        self._do(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    def _is_like_new(self, name: str) -> bool:
        """Give a database the rows that it had when it was new; tell whether its schema is that one still."""
        with self._open(name) as connection:
            connection.execute(_HANG_UP)
            if self._schema(connection) != self.at_the_start["schema"]:
                return False
            with connection.transaction():
                connection.execute("SET LOCAL session_replication_role = replica")  # no foreign key is asked
                for (table,) in connection.execute(_TABLES).fetchall():
                    connection.execute(f"DELETE FROM {table}".encode())  # noqa: S608 — quoted
                    if rows := self.at_the_start.get(table):
                        with connection.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy:
                            copy.write(rows)
                connection.execute(_COUNT_ANEW)
        return True

    def _remember(self) -> None:
        with self._open(_MIGRATED) as connection:
            self.at_the_start["schema"] = self._schema(connection)
            for (table,) in connection.execute(_TABLES).fetchall():
                with connection.cursor().copy(f"COPY {table} TO STDOUT".encode()) as copy:
                    self.at_the_start[table] = b"".join(bytes(part) for part in copy)

    def _schema(self, connection: psycopg.Connection) -> bytes:
        ((found,),) = connection.execute(_SCHEMA).fetchall()
        return str(found).encode()

    def _open(self, name: str) -> psycopg.Connection:
        return psycopg.connect(host=str(self.folder), user="postgres", dbname=name, autocommit=True)

    def prepare(self) -> None:
        """Make the database with the newest schema, of which the others are copies."""
        self._do(f"CREATE DATABASE {_MIGRATED}")
        database = Database(self._url(_MIGRATED))
        database.upgrade()
        database.close()
        self._remember()

    def _url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def _do(self, statement: str) -> None:
        with self._open("postgres") as connection:
            connection.execute(statement.encode())


@contextmanager
def postgresql(**options: str) -> Iterator[Server]:
    """Start a server; it is gone at the end, and with this process whatever happens to it.

    Args:
        options: of its configuration, instead of the quick ones of tests.

    Raises:
        PostgreSQLUnavailableError: with what the server said.
    """
    folder = Path(tempfile.mkdtemp(prefix="bridge-", dir=_SHORT_AND_OPEN))
    try:
        who, programs = _unprivileged(folder)
        _make(programs, folder, who)
        with _kept(programs, folder, who, options):
            server = Server(folder)
            server.prepare()
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged(folder: Path) -> tuple[dict[str, Any], Path]:
    programs = Path("pginstall", "bin")
    wheel = find_spec("pgserver")
    if wheel is None or wheel.origin is None:
        raise PostgreSQLUnavailableError("the package pgserver, which holds PostgreSQL, is not installed")
    site = Path(wheel.origin).parents[1]
    if os.geteuid():
        return {}, site / "pgserver" / programs
    # PostgreSQL refuses to run as root, and nobody else may be able to reach a checkout below /root.
    leave_out = shutil.ignore_patterns("include", "*.a", "*.py", "__pycache__")
    for name in ("pgserver", "pgserver.libs"):
        shutil.copytree(site / name, folder / name, ignore=leave_out)
    nobody = pwd.getpwnam("nobody")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    return who, folder / "pgserver" / programs


def _make(programs: Path, folder: Path, who: dict[str, Any]) -> None:
    command = [f"{programs}/initdb", *_NEW, f"--pgdata={folder}/data"]
    made = subprocess.run(command, **who, cwd=folder, env=_ENVIRONMENT, capture_output=True, text=True, check=False)
    if made.returncode:
        raise PostgreSQLUnavailableError(f"initdb ended with {made.returncode}:\n{made.stdout}{made.stderr}")


@contextmanager
def _kept(programs: Path, folder: Path, who: dict[str, Any], chosen: dict[str, str]) -> Iterator[None]:
    options = [
        part
        for name, value in (_OPTIONS | {"unix_socket_directories": folder} | chosen).items()
        for part in ("-c", f"{name}={value}")
    ]
    command = ["/bin/sh", "-c", _KEEPER, str(folder), f"{programs}/postgres", "-D", f"{folder}/data", *options]
    log = folder / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            **who,
            cwd=folder,
            env=_ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as keeper,
    ):
        try:
            _wait(log)
            yield
        finally:
            keeper.communicate()


def _wait(log: Path) -> None:
    give_up_at = time.monotonic() + _PATIENCE
    while _READY not in (said := log.read_text("utf-8", "replace")):
        if "FATAL" in said or time.monotonic() > give_up_at:
            raise PostgreSQLUnavailableError(f"PostgreSQL does not start:\n{said}")
        time.sleep(_TICK)
