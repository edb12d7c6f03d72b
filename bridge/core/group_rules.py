"""Who comes into which skill groups when an agent is made; a rule reads ``groups = sales-emea -> Sales, Support``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.core.mapping import as_text, find_field
from bridge.core.wording import said

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ANY: Final = "*"
_ARROWS: Final = ("->", "→")
_COMMAS: Final = str.maketrans("，、", ",,")  # noqa: RUF001 — as Chinese keyboards type them


@dataclass(frozen=True, slots=True)
class GroupRule:
    """One rule.

    Args:
        claim: dotted path into what is known of the person, such as ``groups``.
        value: what stands there, or in the list that stands there; ``*``: whatever.
        skill_groups: names of skill groups.
    """

    claim: str
    value: str
    skill_groups: tuple[str, ...]

    def fits(self, claims: Mapping[str, Any]) -> bool:
        """Say whether the rule speaks of a person; upper and lower case do not differ."""
        found = find_field(claims, self.claim)
        texts = {as_text(one).casefold() for one in (found if isinstance(found, list) else [found])} - {""}
        return bool(texts) if self.value == ANY else self.value.casefold() in texts


def read_group_rule(line: str) -> GroupRule:
    """Read a rule; raises ValueError with a sentence that says what is missing."""
    arrow = next((one for one in _ARROWS if one in line), "")
    condition, _, groups = line.partition(arrow) if arrow else (line, "", "")
    claim, equals, value = (one.strip() for one in condition.partition("="))
    names = tuple(name.strip() for name in groups.translate(_COMMAS).split(",") if name.strip())
    if not (arrow and equals and claim and value and names) or not all(claim.split(".")) or " " in claim:
        raise ValueError(said('must be a rule such as "groups = sales -> Sales, Support"'))
    return GroupRule(claim, value, names)


def skill_groups_of(claims: Mapping[str, Any], for_all: Iterable[str], rules: Iterable[GroupRule]) -> tuple[str, ...]:
    """Return the names of the skill groups of a person, each once, those of everybody first."""
    fitting = [name for rule in rules if rule.fits(claims) for name in rule.skill_groups]
    return tuple(dict.fromkeys([*for_all, *fitting]))
