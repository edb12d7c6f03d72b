"""One thing that was looked at: how it is, what came, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bridge.connections.keys import KeyUnusable
from bridge.core.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Callable

Level = Literal["ok", "warn", "fault"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Args:
        name: stable, for whoever reads the JSON; never with a value in it.
        what: what came, in a few words, without a secret.
        connection: whose it is; empty for what belongs to the bridge itself.
        advice: one sentence that says what to do; empty where nothing is.
        seconds: how long it took to find out.
    """

    name: str
    what: str
    level: Level = "ok"
    connection: str = ""
    advice: str = ""
    seconds: float = 0.0

    @property
    def title(self) -> str:
        """Its name behind the connection's."""
        return f"{self.connection}: {self.name}" if self.connection else self.name


def asked(name: str, ask: Callable[[], str], connection: str = "", advice: str = "") -> Finding:
    """Return what `ask` returns as a good finding, and what it raises of ours as a fault.

    Args:
        advice: what to do about a fault.
    """
    try:
        return Finding(name, ask(), connection=connection)
    except (BridgeError, KeyUnusable) as fault:
        return Finding(name, str(fault), "fault", connection, advice)
