"""Whether agents may be made where several connections share a contact center: an operator has to have said so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.aiccs.instance import is_shared

if TYPE_CHECKING:
    from bridge.connections.document import Document
    from bridge.connections.register import ConnectionRegister
    from bridge.connections.store import ConnectionStore
    from bridge.core.model import Connection

_OPERATORS: Final = ("vouched", "applied", "provisioned")


class Consent:
    """Asks the connections' history who let a connection make agents."""

    def __init__(self, connections: ConnectionStore, register: ConnectionRegister) -> None:
        self._connections = connections
        self._register = register

    def may_make_agents(self, connection: Connection) -> bool:
        """Say whether a connection may make agents in its contact center.

        It may where it is the only one there. Else an operator must have written, in the file, at the shell or in the
        console, a version of it that makes agents in this very contact center.

        Raises:
            ConnectionUnknown, StoreUnavailable: nobody can tell.
        """
        if not is_shared(connection, self._connections.active_and_newest()):
            return True
        history = self._register.history(connection.name)
        grounds = [_ground(one.document) for one in history if one.number == connection.version]
        return any(_ground(one.document) in grounds for one in history if one.act in _OPERATORS)


def _ground(document: Document) -> tuple[object, object, bool]:
    """Return where a version makes agents, with which access key, and whether it does."""
    wanted = document.get("provisioning") or {}
    return document.get("instance_id"), document.get("aiccs"), bool(wanted.get("create_agents"))
