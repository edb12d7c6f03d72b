"""The database: engine, tables' metadata, transactions, and the way to the newest schema."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from sqlalchemy import Connection, Engine, MetaData, Select, column, create_engine, event, inspect, select, table, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import StaticPool

from bridge.core.database_faults import told
from bridge.core.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import URL

metadata: Final = MetaData()
MIGRATIONS: Final = Path(__file__).parent / "migrations"
_IN_MEMORY: Final = {None, "", ":memory:"}
# A database that does not answer must cost seconds, not the minutes after which the kernel gives up.
_POSTGRESQL: Final = {"connect_timeout": 3, "tcp_user_timeout": 5000, "options": "-c statement_timeout=5000"}
# What is done at a start may take, and be waited for, longer than a request.
_NO_HURRY: Final = text(
    "SELECT set_config('statement_timeout', '10min', true),"
    " set_config('idle_in_transaction_session_timeout', '0', true)"
)
# Whoever waits for a table's lock lets everybody wait who comes after: shorter than a request's statement may take.
_LOCK_WAIT: Final = text("SELECT set_config('lock_timeout', '2s', true)")
_LOCK_TRIES: Final = 60
_LOCK_REST: Final = 1.0
_NO_LOCK: Final = "55P03"
_PORT: Final = 5432
_SILENT: Final = "The database does not answer."
VERSION_TABLE: Final = "schema_version"
_REVISION: Final[Select[Any]] = select(column("version_num")).select_from(table(VERSION_TABLE))
_START_UP: Final = 4_715_510_623


class Observer(Protocol):
    """Looks on at transactions."""

    def stored(self, store: str, operation: str, began: float, *, failed: bool) -> None:
        """Learn that one ended; `began` in monotonic seconds."""
        ...


class Database:
    """One engine, and transactions whose failures are `StoreUnavailable`.

    Args:
        url: ``sqlite:///path`` or ``postgresql+psycopg://…``; a missing folder of an SQLite file is made.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self._observer: Observer | None = None

    def observed_by(self, observer: Observer) -> None:
        """Tell `observer` of every transaction from now on."""
        self._observer = observer

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection whose work is committed at the end, or rolled back on an error.

        Raises:
            StoreUnavailable: the database does not answer, is locked, full or without the tables.
        """
        began, failed = time.monotonic(), False
        try:
            with self.engine.connect() as connection:
                yield connection
                connection.commit()
        except IntegrityError:
            raise
        except (DBAPIError, PoolTimeoutError) as fault:
            failed = True
            raise self._silent(fault) from fault
        finally:
            if self._observer:
                self._observer.stored("database", "transaction", began, failed=failed)

    def upgrade(self) -> None:
        """Bring the schema up to date; replicas that start together wait for one another.

        Raises:
            StoreUnavailable: the database does not answer or refuses the change.
        """
        with self.exclusively():
            try:
                _migrate(self.engine)
            except (SQLAlchemyError, OSError) as fault:
                raise self._silent(fault) from fault

    def downgrade(self, revision: str) -> None:
        """Take the schema back to an earlier release's; what that release did not know is dropped.

        Args:
            revision: of the schema, older than the present one.

        Raises:
            StoreUnavailable: the database does not answer or refuses the change; then it is as before.
        """
        with self.exclusively():
            try:
                _patiently(self.engine, lambda connection: _alembic(connection, "downgrade", revision))
            except (SQLAlchemyError, OSError) as fault:
                raise self._silent(fault) from fault

    @contextmanager
    def exclusively(self, key: int = _START_UP) -> Iterator[None]:
        """Let one replica at a time do what each does as it starts; whoever nests this waits for itself.

        Args:
            key: of the work; on PostgreSQL other keys do not wait.

        Raises:
            StoreUnavailable: the database, or the folder of an SQLite file, gives no lock.
        """
        path = self.engine.url.database
        if self.engine.dialect.name == "postgresql":
            with self.transaction() as connection:
                connection.execute(_NO_HURRY)
                # Ends with its transaction, also where the work fails; a pooled connection would keep any other lock.
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
                yield
        elif path in _IN_MEMORY:
            yield
        else:
            with _locked(Path(f"{path}.lock")):
                yield

    def ping(self) -> None:
        """Ask the database for one row; raises StoreUnavailable."""
        with self.transaction() as connection:
            connection.execute(text("SELECT 1"))

    def revision(self) -> str:
        """Return the schema's revision, an empty text before the first; raises StoreUnavailable."""
        with self.transaction() as connection:
            return _revision(connection)

    def is_behind(self) -> bool:
        """Say whether the schema is older than this release needs; raises StoreUnavailable."""
        with self.transaction() as connection:
            return _is_behind(connection)

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()

    def _silent(self, fault: Exception) -> StoreUnavailable:
        return StoreUnavailable(_SILENT, received=told(fault), where=place(self.engine.url))


def place(url: URL) -> str:
    """Return where a database is, as operators are told: host and port, or the file."""
    if url.get_backend_name() == "sqlite":
        return "memory" if url.database in _IN_MEMORY else str(Path(str(url.database)).absolute())
    named = url.query.get("host", "")
    if not url.host:  # a socket's folder, or several hosts
        return named if isinstance(named, str) else ", ".join(named)
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{host}:{url.port or _PORT}"


def _engine(url: str) -> Engine:
    # Parameters hold session ids: they must stand neither in the log at debug level nor in an exception's text.
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(
            url,
            pool_size=16,
            max_overflow=16,
            pool_timeout=3,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args=_POSTGRESQL,
        )
    path = make_url(url).database
    if path in _IN_MEMORY:
        engine = create_engine(
            url, poolclass=StaticPool, connect_args={"check_same_thread": False}, hide_parameters=True
        )
    else:
        with suppress(OSError):  # then connecting fails, as a database that does not answer
            Path(str(path)).absolute().parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            url, pool_size=32, max_overflow=32, pool_timeout=3, connect_args={"timeout": 5}, hide_parameters=True
        )
        event.listen(engine, "do_connect", partial(_make_file, str(path)))
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _make_file(path: str, *_: object) -> None:
    # SQLite's own would be anybody's to read; what it puts beside the file gets the permissions of the file.
    with suppress(OSError):  # is there, as somebody wanted it; or cannot be, which connecting tells
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))


def _prepare_sqlite(raw: Any, _record: object) -> None:
    # WAL lets readers go on beside a writer; NORMAL syncs at checkpoints, and loses nothing when the process dies.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        raw.execute(f"PRAGMA {pragma}")


def _migrate(engine: Engine) -> None:
    with engine.connect() as connection:
        is_behind = _is_behind(connection)
    if is_behind:
        _patiently(engine, lambda connection: _alembic(connection, "upgrade", "head"))


def _patiently(engine: Engine, change: Callable[[Connection], None]) -> None:
    """Change the schema in one transaction; a lock that somebody holds is waited for in turns with everybody else."""
    for tries in count(1):
        try:
            return _at_once(engine, change)
        except DBAPIError as fault:
            if getattr(fault.orig, "sqlstate", "") != _NO_LOCK or tries >= _LOCK_TRIES:
                raise
        time.sleep(_LOCK_REST)
    return None


def _at_once(engine: Engine, change: Callable[[Connection], None]) -> None:
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(_NO_HURRY)
            connection.execute(_LOCK_WAIT)
        else:
            # Python's driver begins none before it changes a table: a power cut would leave half a step behind.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        change(connection)
        connection.commit()


def _alembic(connection: Connection, verb: Literal["upgrade", "downgrade"], revision: str) -> None:
    from alembic import command  # noqa: PLC0415 — 10 MB, which a worker that finds the newest schema does without
    from alembic.config import Config  # noqa: PLC0415 — likewise

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    getattr(command, verb)(config, revision)


def _is_behind(connection: Connection) -> bool:
    """Say whether there is a step to take; a newer release's schema serves this one too: replicas may take turns."""
    revision = _revision(connection)
    return not revision or revision in revisions()[1:]


def _revision(connection: Connection) -> str:
    if not inspect(connection).has_table(VERSION_TABLE):
        return ""
    return str(connection.execute(_REVISION).scalar() or "")


@cache
def revisions() -> tuple[str, ...]:
    """Return what this release knows, newest first; their files are named after them, each in its turn."""
    steps = (MIGRATIONS / "versions").glob("[0-9]*_*.py")
    return tuple(sorted((step.name.partition("_")[0] for step in steps), reverse=True))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with ExitStack() as held:
        try:
            lock = held.enter_context(path.open("w", encoding="utf-8"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as fault:
            raise StoreUnavailable(_SILENT, received=type(fault).__name__, where=str(path)) from fault
        yield
