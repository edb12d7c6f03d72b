"""Every error that there is, by its code."""

from __future__ import annotations

from bridge.core import contact_center_errors, gate_errors, keeping_errors
from bridge.core.errors import BridgeError

__all__ = ["contact_center_errors", "every_error", "gate_errors", "keeping_errors"]


def every_error(root: type[BridgeError] = BridgeError) -> dict[str, type[BridgeError]]:
    """Return every error class below `root` by its code."""
    found: dict[str, type[BridgeError]] = {}
    for child in root.__subclasses__():
        found[child.code] = child
        found.update(every_error(child))
    return found
