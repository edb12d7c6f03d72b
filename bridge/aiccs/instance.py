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
    Whoever names the key's id without knowing its secret reaches nothing, and shares nothing. The endpoint makes no
    difference: one key leads to one account, whichever of its addresses is asked.

    Args:
        others: versions of any connections, also of this one.
    """
    own = reachable_instance(connection)
    if own is None:
        return False
    name = connection.name.lower()
    found = (reachable_instance(one) for one in others if one.name.lower() != name)
    return any(one is not None and _is_same(one, own) for one in found)


def _is_same(one: Instance, other: Instance) -> bool:
    return one.key == other.key and one.access.access_key_secret == other.access.access_key_secret
