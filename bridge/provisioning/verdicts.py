"""What the coverage report says of somebody, in words, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from bridge.core.wording import said

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.core.wording import Sentence

Verdict = Literal["nobody", "unnamed", "typo", "domain", "case", "ambiguous", "deleted", "frozen", "maps"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """A verdict in words, and what to do about it."""

    title: Sentence
    advice: Sentence


MEANINGS: Final[Mapping[Verdict, Meaning]] = {
    "nobody": Meaning(
        said("No agent"),
        said("Create an agent with exactly this AccountName, or let the first sign-in create it."),
    ),
    "unnamed": Meaning(
        said("No AccountName"),
        said(
            "The mapping field was empty at the sign-in: fill it in for this person at the identity provider, or "
            "choose a mapping field that everybody has."
        ),
    ),
    "typo": Meaning(
        said("Probably mistyped"),
        said(
            "An AccountName cannot be changed: correct the name at the identity provider where it is the wrong one, "
            "else create an agent with the right name and delete the mistyped one."
        ),
    ),
    "domain": Meaning(
        said("Other domain"),
        said(
            "Only the domain differs: choose a mapping field that holds the address which the agents have, or create "
            "agents with this one."
        ),
    ),
    "case": Meaning(
        said("Differs in case or spelling"),
        said(
            "It is not published whether Fuyun compares letter for letter: sign in once as this person to find out, "
            "or choose a mapping field that is written as the agents are."
        ),
    ),
    "ambiguous": Meaning(
        said("Several agents come close"),
        said("Find out which of these agents is this person's, then treat it as a mistyped one."),
    ),
    "deleted": Meaning(
        said("Agent was deleted"),
        said("Create the agent again if this person shall work: it comes back with its number."),
    ),
    "frozen": Meaning(
        said("Agent is frozen"),
        said("Unfreeze the agent in the contact center's own console; the OpenAPI cannot."),
    ),
    "maps": Meaning(said("Maps"), said("There is nothing to do.")),
}
"""Every verdict, those that keep somebody from working first."""
