"""The connections that sign-ins use, by name and by e-mail domain: a snapshot that follows the register."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from bridge.core.errors import ConnectionDisabled, ConnectionUnknown, StoreUnavailable, showable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from bridge.connections.rows import Entry
    from bridge.core.model import Connection

LOOK_EVERY: Final = 2.0
"""Seconds between two looks whether something changed."""
_PATIENCE: Final = 8.0
"""Seconds that whoever comes after a quiet time waits for another one's look, rather than believe what is old."""


class Source(Protocol):
    """Where connections are kept."""

    def revision(self) -> int:
        """Return a number that grows with every change."""

    def live(self) -> Sequence[Connection]:
        """Return the connections that sign-ins use, and those that are switched off."""

    def connection(self, name: str, number: int) -> Connection:
        """Return one version of a connection, whatever its state."""

    def entries(self) -> Sequence[Entry]:
        """Return all connections, drafts too, but none that was removed."""

    def verified_domains(self) -> Mapping[str, frozenset[str]]:
        """Return the e-mail domains that each connection was found to own, by lower-case name."""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    revision: int = -1
    by_name: Mapping[str, Connection] = field(default_factory=dict)
    by_domain: Mapping[str, Sequence[Connection]] = field(default_factory=dict)
    by_host: Mapping[str, Connection] = field(default_factory=dict)


class ConnectionStore:
    """Finds connections; names are compared without regard to case, since people type them.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, source: Source, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._lock = threading.Lock()
        self._snapshot = _Snapshot()
        self._versions: tuple[int, Sequence[Connection]] = (-1, ())
        self._look_at = float("-inf")

    def get(self, name: str) -> Connection:
        """Return an enabled connection.

        Raises:
            ConnectionUnknown: nobody has this name.
            ConnectionDisabled: it is switched off.
            StoreUnavailable: nothing was ever read.
        """
        connection = self._current().by_name.get(name.lower())
        if connection is None:
            raise ConnectionUnknown(received=showable(name))
        if not connection.enabled:
            raise ConnectionDisabled(received=connection.name)
        return connection

    def at(self, name: str, version: int) -> Connection:
        """Return the version under which a sign-in began, so that no change reaches it half-way.

        Raises:
            ConnectionUnknown, ConnectionDisabled: the connection was switched off meanwhile, which ends it at once.
            StoreUnavailable: an older version cannot be read now.
        """
        current = self.get(name)
        return current if current.version == version else self._source.connection(name, version)

    def version(self, name: str, number: int) -> Connection:
        """Return any version of a connection, whatever its state: for rehearsals.

        Raises:
            ConnectionUnknown: there is no such version.
            StoreUnavailable: it cannot be read now.
        """
        return self._source.connection(name, number)

    def enabled(self) -> Sequence[Connection]:
        """Return all connections that sign-ins may use, in the configuration's order."""
        return [connection for connection in self._current().by_name.values() if connection.enabled]

    def active_and_newest(self) -> Sequence[Connection]:
        """Return every connection as it is used, or was last, and beside it as its draft has it.

        Raises:
            StoreUnavailable: drafts cannot be read now.
        """
        now = self._current()
        if self._versions[0] != now.revision:
            self._versions = (now.revision, (*now.by_name.values(), *self._drafts()))
        return self._versions[1]

    def _drafts(self) -> Iterator[Connection]:
        for entry in self._source.entries():
            if entry.has_draft:
                # What cannot be read cannot be used either.
                with suppress(ConnectionUnknown):
                    yield self._source.connection(entry.name, entry.newest_version)

    def for_email(self, address: str) -> Sequence[Connection]:
        """Return the connections that own the address's domain (home-realm discovery)."""
        domain = address.rpartition("@")[2].strip().lower()
        return self._current().by_domain.get(domain, ())

    def for_host(self, host: str) -> Connection | None:
        """Return the connection that a host name of its own leads to."""
        return self._current().by_host.get(host.lower())

    def refresh(self) -> None:
        """Read anew at once, for whoever has just changed something; raises StoreUnavailable."""
        with self._lock:
            self._read()

    def _current(self) -> _Snapshot:
        overdue = self._clock() - self._look_at
        if overdue >= 0 and self._lock.acquire(timeout=_PATIENCE if overdue > LOOK_EVERY else 0):
            try:
                self._look()
            finally:
                self._lock.release()
        if self._snapshot.revision < 0:
            raise StoreUnavailable(expected="the connections", received="no answer yet")
        return self._snapshot

    def _look(self) -> None:
        try:
            if self._clock() >= self._look_at and self._source.revision() != self._snapshot.revision:
                self._read()
        except StoreUnavailable:
            # An outage is no change: what was read before serves on.
            if self._snapshot.revision < 0:
                raise
        self._look_at = self._clock() + LOOK_EVERY

    def _read(self) -> None:
        revision = self._source.revision()
        found = self._source.live()
        enabled = [connection for connection in found if connection.enabled]
        self._snapshot = _Snapshot(
            revision=revision,
            by_name={connection.name.lower(): connection for connection in found},
            by_domain=_by_domain(enabled, self._source.verified_domains()),
            by_host=_by_host(enabled),
        )


class FixedConnections:
    """Connections that never change: a configuration file read for a command."""

    def __init__(self, connections: Iterable[Connection]) -> None:
        self._connections = tuple(connections)

    def revision(self) -> int:
        """Return always the same."""
        return 0

    def live(self) -> Sequence[Connection]:
        """Return what was given."""
        return self._connections

    def connection(self, name: str, number: int) -> Connection:
        """Raise ConnectionUnknown: there is no history."""
        raise ConnectionUnknown(expected="the one version", received=f"version {number} of {showable(name)}")

    def entries(self) -> Sequence[Entry]:
        """Return none: there are no drafts."""
        return ()

    def verified_domains(self) -> Mapping[str, frozenset[str]]:
        """Return every domain: the operator wrote them."""
        return {one.name.lower(): frozenset(one.domains) for one in self._connections}


def _by_host(enabled: Sequence[Connection]) -> dict[str, Connection]:
    found: dict[str, list[Connection]] = {}
    for connection in enabled:
        for host in connection.hosts:
            found.setdefault(host, []).append(connection)
    # A host that two claim leads to neither: one of them is not its owner.
    return {host: claimants[0] for host, claimants in found.items() if len(claimants) == 1}


def _by_domain(
    enabled: Sequence[Connection], verified: Mapping[str, frozenset[str]]
) -> dict[str, Sequence[Connection]]:
    found: dict[str, list[Connection]] = {}
    for connection in enabled:
        for domain in connection.domains:
            if domain in verified.get(connection.name.lower(), ()):
                found.setdefault(domain, []).append(connection)
    return dict(found)
