"""One rule of advice: when it holds, and what it says as a template."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.core.wording import Sentence, said

if TYPE_CHECKING:
    from bridge.core.model import Connection
    from bridge.core.trace import Step


@dataclass(frozen=True, slots=True)
class Rule:
    """When to say what; an empty condition is always met.

    Args:
        advice: its template is filled in by `advise`.
        codes: of the error.
        received, expected: patterns that the step's words begin with.
        kind, mode: of the connection.
        makes_agents: only where the connection makes agents at the first sign-in.
    """

    advice: Sentence
    codes: tuple[str, ...] = ()
    received: str = ""
    expected: str = ""
    kind: str = ""
    mode: str = ""
    makes_agents: bool = False

    def fits(self, connection: Connection, step: Step) -> bool:
        """Say whether the rule speaks of this failure."""
        wanted = connection.provisioning
        return (
            (not self.makes_agents or (wanted is not None and wanted.create_agents))
            and (not self.codes or step.code in self.codes)
            and bool(re.match(self.received, step.received, re.IGNORECASE))
            and bool(re.match(self.expected, step.expected, re.IGNORECASE))
            and self.kind in {"", connection.idp.kind}
            and self.mode in {"", connection.mode}
        )


PRIVATE: Final = Rule(
    said(
        "The address leads into a private network, which connections made in the console do not reach. Enter the "
        "public address, or ask the operator to set the connection up on the command line."
    ),
    received="a private",
)
NO_PROVIDER: Final = Rule(
    said(
        "The provider gave no answer. Check its address for a typing mistake. If it is right, the bridge's network "
        "must let it out to that address; if the provider has an outage, test again later."
    ),
    codes=("idp_unreachable",),
)
