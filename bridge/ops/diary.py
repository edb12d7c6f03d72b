"""The server's own life in the log: that it serves, drains and has ended, and what became of its workers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.core.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Diary:
    """Where it is written down that a server serves, drains, ended, and what became of its workers.

    Args:
        log: of structlog; None: nobody wants to know.
        facts: what the line `serving` says beside workers and threads.
    """

    log: Any = None
    facts: Mapping[str, str] = field(default_factory=dict)

    def tell(self, event: str, **fields: object) -> None:
        """Write down what went as it should."""
        if self.log:
            self.log.info(event, **fields)

    def fault(self, event: str, **fields: object) -> None:
        """Write down what somebody has to look at."""
        if self.log:
            self.log.error(event, **fields)

    def load(self, load: Callable[[], Any]) -> Any:
        """Return the program that a worker serves.

        Raises:
            SystemExit: it cannot be loaded; one line says why. The server tries again each second.
        """
        try:
            return load()
        except Exception as fault:
            if not self.log:
                raise
            if isinstance(fault, BridgeError):
                self.fault("worker_refused", code=fault.code, reason=str(fault))
            else:
                self.fault("worker_refused", exc_info=fault)
            raise SystemExit(1) from None
