"""What an agent looks like that is made for somebody who signs in for the first time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.core.group_rules import read_group_rule, skill_groups_of
from bridge.core.mapping import as_text, display_name, find_field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.core.group_rules import GroupRule
    from bridge.core.model import Provisioning

_LONGEST_NAME: Final = 255
_MOST_SHOWN: Final = 10
_LONGEST_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Misfit:
    """A rule that does not speak of somebody, and what stands in its claim.

    Args:
        rule: as it is written.
        claim: dotted path.
        found: some of the texts that stand there.
        count: of all of them; 0 where the claim is absent or holds no text.
    """

    rule: str
    claim: str
    found: tuple[str, ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True)
class NewAgent:
    """An agent as it is made, or would be.

    Args:
        skill_groups: names of the skill groups that are asked for, also those that do not exist.
        rules: those that speak of the person, as they are written.
        misfits: the others.
        unknown_groups: those of the skill groups that the contact center does not have.
        is_checked: whether the contact center was asked for its skill groups.
        was_known: whether this account had an agent before, which is never made again by itself.
    """

    account_name: str
    display_name: str
    skill_groups: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    misfits: tuple[Misfit, ...] = ()
    unknown_groups: tuple[str, ...] = ()
    is_checked: bool = False
    was_known: bool = False


def new_agent(wanted: Provisioning, claims: Mapping[str, Any], account_name: str) -> NewAgent:
    """Return the agent that a person with these claims gets; asks nobody.

    Args:
        claims: all that is known of the person.
    """
    rules = [(line, read_group_rule(line)) for line in wanted.rules]
    return NewAgent(
        account_name=account_name,
        display_name=_display_name(wanted, claims) or account_name,
        skill_groups=skill_groups_of(claims, wanted.skill_groups, (rule for _, rule in rules)),
        rules=tuple(line for line, rule in rules if rule.fits(claims)),
        misfits=tuple(_misfit(line, rule, claims) for line, rule in rules if not rule.fits(claims)),
    )


def _misfit(line: str, rule: GroupRule, claims: Mapping[str, Any]) -> Misfit:
    found = rule.found(claims)
    shown = tuple(text[:_LONGEST_SHOWN] for text in found[:_MOST_SHOWN])
    return Misfit(line, rule.claim, shown, len(found))


def _display_name(wanted: Provisioning, claims: Mapping[str, Any]) -> str:
    chosen = as_text(find_field(claims, wanted.display_name)) if wanted.display_name else ""
    # Half a character breaks the wire, and marks of the writing direction would let a name read as another one.
    printable = "".join(letter for letter in chosen or display_name(claims) if letter.isprintable())
    return printable.strip()[:_LONGEST_NAME]
