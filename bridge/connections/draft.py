"""A connection as somebody wrote it, with everything that was found in it; what the console and the commands show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.core.model import Connection


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to put right before the connection can be used; neither field ever holds a secret's value.

    Args:
        key: dotted and relative to the connection: ``name``, ``idp.client_secret``, ``domains[0]``.
        message: a `core.wording.Sentence` where it can be said in another language.
    """

    key: str
    message: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What reading one connection's tables gave.

    Args:
        connection: completed by its preset; None as long as there are faults.
        faults: everything that is wrong, at once.
        doubts: key (as in `Fault`) and sentence of what is allowed but seldom meant; found in whole connections only.
        place: what to call the connection before its name is known to be good: ``connections.contoso`` or
            ``connections[0]``, counted as in its file.
    """

    connection: Connection | None
    faults: tuple[Fault, ...] = ()
    doubts: tuple[tuple[str, str], ...] = ()
    place: str = ""
