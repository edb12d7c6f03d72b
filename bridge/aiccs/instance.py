"""Which contact center is meant, and with whose access key it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.core.errors import ConnectionModeUnsuited

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.core.model import AiccsAccess, Connection


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of the contact center; `id` as ``ccc_xp_…``."""

    access: AiccsAccess
    id: str

    @property
    def key(self) -> tuple[str, str]:
        """What two connections have in common that reach one instance with one access key."""
        return self.access.access_key_id.reveal(), self.id


def instance_of(connection: Connection) -> Instance:
    """Return the contact center of a connection; raises ConnectionModeUnsuited where it has no access to one."""
    found = reachable_instance(connection)
    if found is None:
        raise ConnectionModeUnsuited(
            "The connection has no access to the contact center's OpenAPI.",
            expected="[connections.aiccs] and instance_id",
            received="none",
        )
    return found


def reachable_instance(connection: Connection) -> Instance | None:
    """Return the contact center of a connection, None where it has no access to one."""
    if connection.aiccs is None or not connection.instance_id:
        return None
    return Instance(connection.aiccs, connection.instance_id)


def is_shared(connection: Connection, others: Iterable[Connection]) -> bool:
    """Say whether another connection reaches the same instance with the same access key.

    With another key of its own it could look into the instance anyway: then the cloud account decides, not the bridge.
    """
    own = reachable_instance(connection)
    found = (reachable_instance(one) for one in others if one.name != connection.name)
    return own is not None and any(one is not None and one.key == own.key for one in found)
