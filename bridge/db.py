"""The database: engine, tables' metadata, transactions, and the way to the newest schema."""

from __future__ import annotations

import fcntl
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import StaticPool

from bridge.core.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

metadata: Final = MetaData()
_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_IN_MEMORY: Final = {None, "", ":memory:"}
# A database that does not answer must cost seconds, not the minutes after which the kernel gives up.
_POSTGRESQL: Final = {"connect_timeout": 3, "tcp_user_timeout": 5000, "options": "-c statement_timeout=5000"}
# What is done at a start may take, and be waited for, longer than a request.
_NO_HURRY: Final = text(
    "SELECT set_config('statement_timeout', '10min', true),"
    " set_config('idle_in_transaction_session_timeout', '0', true)"
)
VERSION_TABLE: Final = "schema_version"
_START_UP: Final = 4_715_510_623


class Database:
    """One engine, and transactions whose failures are `StoreUnavailable`.

    Args:
        url: ``sqlite:///path`` or ``postgresql+psycopg://…``; a missing folder of an SQLite file is made.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection whose work is committed at the end, or rolled back on an error.

        Raises:
            StoreUnavailable: the database does not answer, is locked, full or without the tables.
        """
        try:
            with self.engine.connect() as connection:
                yield connection
                connection.commit()
        except IntegrityError:
            raise
        except (DBAPIError, PoolTimeoutError) as fault:
            raise StoreUnavailable(received=type(fault).__name__) from fault

    def upgrade(self) -> None:
        """Bring the schema up to date; replicas that start together wait for one another.

        Raises:
            StoreUnavailable: the database does not answer or refuses the change.
        """
        with self.exclusively():
            try:
                _migrate(self.engine)
            except (SQLAlchemyError, OSError) as fault:
                raise StoreUnavailable(received=type(fault).__name__) from fault

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

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


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
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(raw: Any, _record: object) -> None:
    # WAL lets readers go on beside a writer; NORMAL syncs at checkpoints, and loses nothing when the process dies.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        raw.execute(f"PRAGMA {pragma}")


def _migrate(engine: Engine) -> None:
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(_NO_HURRY)
        if _is_behind(connection):
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        connection.commit()


def _is_behind(connection: Connection) -> bool:
    """Say whether there is a step to take; a newer release's schema serves this one too: replicas may take turns."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    revision = context.get_current_revision()
    return revision is None or revision in _revisions()[1:]


@cache
def _revisions() -> tuple[str, ...]:
    """Return what this release knows, newest first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with ExitStack() as held:
        try:
            lock = held.enter_context(path.open("w", encoding="utf-8"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as fault:
            raise StoreUnavailable(received=type(fault).__name__) from fault
        yield
