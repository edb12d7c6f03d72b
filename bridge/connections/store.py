"""The connections that sign-ins use, by name and by e-mail domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.core.errors import ConnectionDisabled, ConnectionUnknown, showable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.core.model import Connection


class ConnectionStore:
    """Finds connections; names are compared without regard to case, since people type them."""

    def __init__(self, connections: Iterable[Connection]) -> None:
        self._by_name = {connection.name.lower(): connection for connection in connections}

    def get(self, name: str) -> Connection:
        """Return an enabled connection.

        Raises:
            ConnectionUnknown: nobody has this name.
            ConnectionDisabled: it is switched off.
        """
        connection = self._by_name.get(name.lower())
        if connection is None:
            raise ConnectionUnknown(received=showable(name))
        if not connection.enabled:
            raise ConnectionDisabled(received=connection.name)
        return connection

    def enabled(self) -> Sequence[Connection]:
        """Return all connections that sign-ins may use, in the configuration's order."""
        return [connection for connection in self._by_name.values() if connection.enabled]

    def for_email(self, address: str) -> Sequence[Connection]:
        """Return the connections that claim the address's domain (home-realm discovery)."""
        domain = address.rpartition("@")[2].strip().lower()
        return [connection for connection in self.enabled() if domain and domain in connection.domains]
