"""The stores: whether they keep what they are given, whether their schema fits, and whether there is room."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, text

from bridge.checks.finding import Finding
from bridge.checks.lines import TO_POSTGRESQL, to_redis
from bridge.checks.machine import is_open
from bridge.checks.scene import milliseconds
from bridge.connections import register
from bridge.connections.rows import connection_versions
from bridge.core.database_faults import advice as advice_about
from bridge.core.errors import StoreUnavailable
from bridge.db import MIGRATIONS, revisions
from bridge.sessions.database import DatabaseSessions
from bridge.sessions.redis_address import read_redis_address
from bridge.sessions.redis_line import RedisLine
from bridge.sessions.rows import Blob

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from bridge.checks.scene import Scene
    from bridge.connections.secrets import KeyRing
    from bridge.db import Database
    from bridge.sessions.rows import SessionStore

_LIFE: Final = 60.0
"""Seconds after which what a round trip wrote would be gone by itself."""
_SLOW: Final = 0.25
_CLOCK: Final = 5.0
_AT_A_CHANGE: Final = 2
"""Replicas, or sets of workers, that there are at once while the old ones finish."""
_LITTLE: Final = 1_000_000_000
_NOTHING: Final = 100_000_000
_LIMITS: Final = text(
    "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,"
    " extract(epoch FROM clock_timestamp())::float8"
)
_AWAY: Final = "Look at the store's address in [store], at its log, and at the network between here and there."


# The database --------------------------------------------------------------------------------------------------------


def look_at_database(scene: Scene) -> Iterator[Finding]:
    """Yield how the database is: its schema, a round trip, what it keeps sealed, its room."""
    services = scene.services
    try:
        revision = services.database.revision()
        yield schema(revision, revisions())
        if revision:
            yield round_trip("store.database", DatabaseSessions(services.database), services.now())
            yield from _sealed(services.database, services.key_ring)
        if services.database.engine.dialect.name == "postgresql":
            yield from _postgresql(scene)
        else:
            yield from _sqlite(services.database)
    except StoreUnavailable as fault:
        yield _silent("store.database", fault)


def _silent(name: str, fault: StoreUnavailable) -> Finding:
    return Finding(name, str(fault), "fault", advice=advice_about(fault.received) or _AWAY)


def schema(present: str, known: tuple[str, ...]) -> Finding:
    """Return how the schema is, by what this release knows.

    Args:
        present: revision of the schema, empty before the first.
        known: revisions of this release, newest first.
    """
    if present == known[0]:
        return Finding("store.schema", f"{present}, as this release has it")
    if not present:
        return Finding("store.schema", "no tables yet", "warn", advice="The first start of `serve` makes them.")
    if present not in known:
        what = f"{present}, made by a newer release; this one has {known[0]}"
        advice = "Fine while replicas change over; else start the newer release again."
        return Finding("store.schema", what, "warn", advice=advice)
    pending = ", ".join(_names(reversed(known[: known.index(present)])))
    advice = "Run `hotline-bridge database upgrade`, or let the next start of `serve` do it."
    return Finding("store.schema", f"{present}; still to come: {pending}", "warn", advice=advice)


def _names(wanted: Iterator[str]) -> Iterator[str]:
    return (next((MIGRATIONS / "versions").glob(f"{one}_*.py")).stem for one in wanted)


def round_trip(name: str, store: SessionStore, now: float) -> Finding:
    """Write, read and delete a browser's session that belongs to nobody."""
    blob, began = Blob(token_hex(32), token_bytes(512)), time.perf_counter()
    try:
        store.put_blob(blob, until=now + _LIFE, now=now)
        kept = store.get_blob(blob.id_hash, now)
        store.delete_blob(blob.id_hash)
        is_gone = store.get_blob(blob.id_hash, now) is None
    except StoreUnavailable as fault:
        return _silent(name, fault)
    seconds = time.perf_counter() - began
    if kept != blob.sealed or not is_gone:
        what = "what was written did not come back" if is_gone else "what was deleted came back"
        return Finding(name, what, "fault", advice="Let [store] name the writable server itself, not a replica of it.")
    what = f"written, read and deleted in {milliseconds(began)}"
    if seconds > _SLOW:
        return Finding(name, what, "warn", advice="Every sign-in waits for that several times: bring the store nearer.")
    return Finding(name, what)


def _sealed(database: Database, ring: KeyRing) -> Iterator[Finding]:
    with database.transaction() as connection:
        rows = connection.execute(select(connection_versions.c.sealed)).scalars().all()
    lost = sum(ring.key_of(register.PURPOSE, one) is None for one in rows)
    if lost:
        what = f"none of secret_keys opens {lost} of {len(rows)} kept versions of connections"
        advice = "Put the key back that sealed them, behind the first; `hotline-bridge keys status` counts the rest."
        yield Finding("keys.lost", what, "fault", advice=advice)
    else:
        yield Finding("keys.opens", f"secret_keys open all {len(rows)} kept versions of connections")


def _postgresql(scene: Scene) -> Iterator[Finding]:
    with scene.services.database.transaction() as connection:
        most, epoch = connection.execute(_LIMITS).one()
    yield capacity("store.database.connections", most, scene.deployment.workers * TO_POSTGRESQL)
    offset = scene.services.now() - epoch
    if abs(offset) > _CLOCK:
        what = f"our clock differs from PostgreSQL's by {offset:+.0f} seconds"
        advice = "Let both machines keep their time by NTP."
        yield Finding("store.database.clock", what, "warn", advice=advice)


def capacity(name: str, most: int, wanted: int) -> Finding:
    """Return whether a store takes the connections that this replica may open.

    Args:
        most: connections that the store takes.
        wanted: connections of all workers of one replica.
    """
    what, fitting = f"this replica opens up to {wanted} connections, the store takes {most}", most // wanted
    if fitting < _AT_A_CHANGE:
        what += ": enough for one such replica" if fitting else ""
        advice = (
            "A reload and a rolling restart run two of them for a while. Raise max_connections (PostgreSQL) or"
            " maxclients (Redis), put a pooler before it, or lower workers."
        )
        return Finding(name, what, "warn", advice=advice)
    return Finding(name, f"{what}: enough for {fitting} such replicas")


def _sqlite(database: Database) -> Iterator[Finding]:
    path = Path(database.engine.url.database or ":memory:")
    if path.name == ":memory:":
        yield Finding("store.disk", "in memory", "warn", advice="Name a file or PostgreSQL: a restart forgets all.")
        return
    if not path.is_absolute():
        what = f"{path} is relative: from here it is {path.absolute()}"
        advice = (
            "Name the whole path in store.database, with four slashes: another working directory is another database."
        )
        yield Finding("store.path", what, "warn", advice=advice)
    free = shutil.disk_usage(path.absolute().parent).free
    yield disk(str(path), free)
    if is_open(path):
        what = f"everybody on this machine can read {path}"
        yield Finding("store.file", what, "warn", advice=f"chmod 600 {path}: it names people and when they signed in.")


def disk(path: str, free: int) -> Finding:
    """Return whether the file system of the database file has room.

    Args:
        free: bytes.
    """
    what = f"{free / 1e9:.1f} GB free beside {path}"
    if free >= _LITTLE:
        return Finding("store.disk", what)
    advice = "Make room, or lower journal.retention; a full disk ends every sign-in."
    return Finding("store.disk", what, "fault" if free < _NOTHING else "warn", advice=advice)


# Redis ---------------------------------------------------------------------------------------------------------------


def look_at_redis(scene: Scene) -> Iterator[Finding]:
    """Yield how the Redis with the sessions is; nothing where they are in the database."""
    store = scene.services.session_store
    if store.place == "database":
        return
    trip = round_trip("store.sessions", store, scene.services.now())
    yield trip
    if trip.level == "fault":
        return
    try:
        for doubt in store.doubts():
            what, _, advice = doubt.partition(": ")
            yield Finding("store.sessions.settings", what, "warn", advice=f"{advice[:1].upper()}{advice[1:]}.")
        yield from _redis(scene)
    except StoreUnavailable as fault:
        yield Finding("store.sessions.settings", str(fault), "warn", advice=_AWAY)


def _redis(scene: Scene) -> Iterator[Finding]:
    line = RedisLine(read_redis_address(scene.deployment.sessions_url), ca_bundle=scene.deployment.ca_bundle)
    try:
        most, epoch = line.ask(_clients_and_time)
    finally:
        line.close()
    if most:
        wanted = scene.deployment.workers * to_redis(scene.deployment.threads)
        yield capacity("store.sessions.connections", most, wanted)
    offset = scene.services.now() - epoch
    if abs(offset) > _CLOCK:
        what = f"our clock differs from Redis's by {offset:+.0f} seconds"
        yield Finding("store.sessions.clock", what, "warn", advice="Let both machines keep their time by NTP.")


def _clients_and_time(client: Any) -> tuple[int, float]:
    info: dict[str, Any] = client.info("clients")
    seconds, micros = client.time()
    return int(info.get("maxclients", 0)), seconds + micros / 1e6
