"""An SQLite database as one file that can be carried away, and back into its place.

PostgreSQL has `pg_dump` and `pg_restore`; nothing here is for it. Needs the standard library alone.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_VERSION: Final = "SELECT version_num FROM schema_version"
_PARTS: Final = ("", "-wal", "-shm")
_PATIENCE: Final = 30.0
"""Seconds for which a lock of those who work meanwhile is waited for."""


class BackupFault(Exception):
    """Why nothing was saved or put back, in a sentence for the operator; what was there before is there still."""


def save(database: Path, target: Path) -> None:
    """Copy a database, as it is at one moment, while others go on reading and writing.

    Args:
        target: a file that is not there yet; nobody but its owner may read it.

    Raises:
        BackupFault: it is there already, or the copy cannot be made or is not whole.
    """
    if not database.is_file():
        raise BackupFault(f"There is no database at {database}.")
    partial = target.with_name(f"{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        _copy(database, partial)
        examine(partial)
        os.link(partial, target)  # which, unlike renaming, never takes the place of another file
    except FileExistsError:
        raise BackupFault(f"{target} is there already; choose another name.") from None
    except (OSError, sqlite3.Error) as fault:
        raise BackupFault(f"{target} cannot be written: {fault}.") from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _copy(database: Path, target: Path) -> None:
    with closing(sqlite3.connect(database, timeout=_PATIENCE)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    with target.open("rb") as written:
        os.fsync(written.fileno())


def examine(saved: Path) -> str:
    """Return the schema's revision of a saved database that is whole.

    Raises:
        BackupFault: it is no such file, or damaged.
    """
    try:
        with closing(sqlite3.connect(f"{saved.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            verdict = [row[0] for row in database.execute("PRAGMA integrity_check(1)")]
            if verdict != ["ok"]:
                raise BackupFault(f"{saved} is damaged: {verdict[0]}.")
            found = database.execute(_VERSION).fetchone()
    except sqlite3.Error as fault:
        raise BackupFault(f"{saved} is no database of the bridge: {fault}.") from None
    if not found:
        raise BackupFault(f"{saved} is no database of the bridge: it has no version.")
    return str(found[0])


def close_for_all(database: Path) -> None:
    """Write the log of a database into its file, and see that nobody has it open.

    Raises:
        BackupFault: somebody has: a replica that runs.
    """
    if not database.exists():
        return
    try:
        with closing(sqlite3.connect(database, timeout=0)) as alone:
            alone.execute("PRAGMA journal_mode=DELETE")  # leaves the shared log, which takes being alone
    except sqlite3.Error as fault:
        # A database that is damaged is no obstacle to its replacement.
        if fault.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise BackupFault(f"{database} is in use: end every replica first.") from None


def replace(database: Path, restored: Path, aside: Path) -> None:
    """Put a restored database into its place, and what was there aside.

    Raises:
        BackupFault: somebody uses what is there, or the folder cannot be written.
    """
    close_for_all(database)
    try:
        _give(restored, database)
        for part in _PARTS:
            with suppress(FileNotFoundError):
                database.with_name(database.name + part).rename(aside.with_name(aside.name + part))
        restored.rename(database)
    except OSError as fault:
        raise BackupFault(f"{database} cannot be replaced: {fault.strerror}.") from None


def _give(restored: Path, database: Path) -> None:
    """Let a restored database belong to whom the former one belongs: the service, where root puts it back."""
    with suppress(FileNotFoundError):
        of = database.stat()
        restored.chmod(of.st_mode & 0o777)
        os.chown(restored, of.st_uid, of.st_gid)
