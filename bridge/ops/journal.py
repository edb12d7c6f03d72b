"""The journal: one call an event makes its metric and its log line."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from bridge.core.errors import BridgeError
    from bridge.ops.metrics import Metrics

OK: Final = "ok"
_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


class Journal:
    """Records what happened, with the outcome's code and the reference that the person sees too."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._log = structlog.stdlib.get_logger("bridge")

    def record(
        self,
        event: str,
        *,
        connection: str = "",
        code: str = OK,
        reference: str = "",
        seconds: float | None = None,
        **details: object,
    ) -> None:
        """Record one event.

        Args:
            event: a plain name such as ``sign_in``.
            connection: the name of a known connection, or nothing; never what a stranger typed.
            code: ``ok`` or the error's code.
            reference: what the person was shown, if anything.
            seconds: how long it took.
            details: further fields of the log line; never a token.
        """
        self._metrics.count(event, connection, code, seconds)
        line = {name: value for name, value in details.items() if value not in ("", None)}
        if seconds is not None:
            line["seconds"] = round(seconds, 4)
        level = self._log.info if code == OK else self._log.warning
        level(event, connection=connection, code=code, reference=reference, **line)

    def record_failure(self, event: str, error: BridgeError, *, reference: str, connection: str = "") -> None:
        """Record a refusal with what was expected and what came."""
        self.record(
            event,
            connection=connection,
            code=error.code,
            reference=reference,
            description=error.description,
            expected=error.expected,
            received=error.received,
            cause=type(error.__cause__).__name__ if error.__cause__ else "",
        )


def new_reference() -> str:
    """Return a short text that a person can read out on the phone."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(10))
