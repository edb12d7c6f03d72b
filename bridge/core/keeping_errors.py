"""The part of the tree of errors about how a connection is kept; see ``errors``."""

from __future__ import annotations

from bridge.core.errors import BridgeError


class ConnectionReadOnly(BridgeError):
    """The connection comes from the configuration file, which alone can change it."""

    code = "connection_read_only"
    status = 409
    default = "This connection comes from the configuration file and is changed there."


class ConnectionChanged(BridgeError):
    """Somebody else saved a newer version meanwhile; nothing was overwritten."""

    code = "connection_changed"
    status = 409
    default = "The connection was changed meanwhile by somebody else."


class RehearsalMissing(BridgeError):
    """The version has no good rehearsal, so it cannot be activated without a deliberate override."""

    code = "rehearsal_missing"
    status = 409
    default = "The last rehearsal of this version failed, or there was none."
