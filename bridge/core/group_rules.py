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
# Those that stand around a word, straight or not: who copies an example takes them along.
_QUOTES: Final = '"“”„«»「」『』＂'  # noqa: RUF001 — likewise
_APOSTROPHES: Final = ("''", "‘’", "’’")  # noqa: RUF001 — likewise


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
        texts = {text.casefold() for text in self.found(claims)}
        return bool(texts) if self.value == ANY else self.value.casefold() in texts

    def found(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the texts that stand in the claim, each once: none where it is absent or holds something else."""
        value = find_field(claims, self.claim)
        texts = map(as_text, value if isinstance(value, list) else [value])
        return tuple(dict.fromkeys(text for text in texts if text))


def read_group_rule(line: str) -> GroupRule:
    """Read a rule; raises ValueError with a sentence that says how one reads.

    Args:
        line: quotation marks around the claim, the value or a name are no part of it.
    """
    arrow = next((one for one in _ARROWS if one in line), "")
    condition, _, groups = line.partition(arrow) if arrow else (line, "", "")
    claim, equals, value = map(_bare, condition.partition("="))
    names = tuple(filter(None, map(_bare, groups.translate(_COMMAS).split(","))))
    if not (arrow and equals and claim and value and names) or not all(claim.split(".")) or " " in claim:
        raise ValueError(said("must be a rule such as: groups = sales -> Sales, Support"))
    return GroupRule(claim, value, names)


def _bare(text: str) -> str:
    """Return a word without white space and quotation marks around it; an apostrophe alone is a part of it."""
    bare = text.strip().strip(_QUOTES).strip()
    in_apostrophes = len(bare) > 1 and bare[0] + bare[-1] in _APOSTROPHES
    return bare[1:-1].strip() if in_apostrophes else bare


def skill_groups_of(claims: Mapping[str, Any], for_all: Iterable[str], rules: Iterable[GroupRule]) -> tuple[str, ...]:
    """Return the names of the skill groups of a person, each once, those of everybody first."""
    fitting = [name for rule in rules if rule.fits(claims) for name in rule.skill_groups]
    return tuple(dict.fromkeys([*for_all, *fitting]))
