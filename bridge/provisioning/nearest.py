"""The agent that somebody probably means, where no AccountName is exactly theirs."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from rapidfuzz import process
from rapidfuzz.distance import OSA

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from bridge.aiccs.agents import Agent

Likeness = Literal["case", "domain", "typo"]

ALIKE_FROM: Final = 0.8
"""One mistake in five letters, a swap of neighbours counted as one."""
_MOST_HITS: Final = 8
LONGEST: Final = 255
"""Characters of an account name; what is longer is nobody's."""
MOST_WORK: Final = 200_000_000
"""Letters that one report may lay beside an agent's name, some six seconds: 4,000 names among 4,000 agents."""
_PHONE: Final = re.compile(r"(?:\+|00)?[0-9][0-9 ().-]{5,}[0-9]")
_CHINA: Final = "86"
_MOBILE: Final = 11
_WHOLE: Final = 100
_MISTAKES: Final = 2
_LONG_DOMAIN: Final = 10
_BETWEEN_NAMES: Final = re.compile(r"[._\- ]+")


@dataclass(frozen=True, slots=True)
class Hit:
    """Agents who are alike to a name in the same way and to the same degree.

    Args:
        agents: one, or several among whom nobody can choose.
        score: percent by which the parts before the domain agree, for typos; None where it is no matter of degree.
    """

    likeness: Likeness
    agents: tuple[Agent, ...]
    score: int | None = None


class Nearest:
    """Finds who is alike among the agents of one instance.

    Args:
        agents: all of them.
        taken: the AccountNames that somebody has exactly; these are nobody else's typing errors.
        work: see `MOST_WORK`.

    Attributes:
        uncompared: names for which typing errors were not looked for any more, since there was too much to compare.
    """

    def __init__(self, agents: Iterable[Agent], taken: Container[str], work: int = MOST_WORK) -> None:
        self.uncompared = 0
        self._work = work
        everybody = [one for one in agents if len(one.account_name) <= LONGEST]
        self._by_spelling = _grouped(everybody, spelling)
        self._by_local = _grouped(everybody, _local)
        self._free = [one for one in everybody if one.account_name not in taken]
        self._free_locals = [_local(one.account_name) for one in self._free]
        self._free_domains = [_domain(one.account_name) for one in self._free]
        self._by_order = _grouped(self._free, _in_order)

    def find(self, name: str) -> Hit | None:
        """Return who is alike: in case or spelling, else in all but the domain, else but for a typing error."""
        if len(name) > LONGEST:
            return None
        local = _local(name)
        if found := self._by_spelling.get(spelling(name)):
            return Hit("case", found)
        if found := self._by_local.get(local):
            return self._of_domain(found, _domain(name))
        # The next number is the next colleague's: among digits there are no typing errors to be guessed.
        return None if local.isdecimal() else self._mistyped(name, local)

    @staticmethod
    def _of_domain(found: tuple[Agent, ...], domain: str) -> Hit:
        """Return who has the same name in another domain: by a typing error in it, else in a real other one."""
        mistyped = tuple(one for one in found if _is_mistyped(_domain(one.account_name), domain))
        return Hit("typo", mistyped, _WHOLE) if mistyped else Hit("domain", found)

    def _mistyped(self, name: str, local: str) -> Hit | None:
        domain = _domain(name)
        swapped = self._by_order.get(_in_order(name), ())
        if found := tuple(one for one in swapped if _is_one_domain(_domain(one.account_name), domain)):
            return Hit("typo", found)
        return self._compared(local, domain)

    def _compared(self, local: str, domain: str) -> Hit | None:
        self._work -= len(local) * len(self._free)
        if self._work < 0:
            self.uncompared += 1
            return None
        hits = process.extract(
            local,
            self._free_locals,
            scorer=OSA.normalized_similarity,
            processor=None,
            limit=_MOST_HITS,
            score_cutoff=ALIKE_FROM,
        )
        near = [
            (score, self._free[place]) for _, score, place in hits if _is_one_domain(self._free_domains[place], domain)
        ]
        best = max((score for score, _ in near), default=0.0)
        found = tuple(agent for score, agent in near if score == best)
        return Hit("typo", found, round(best * 100)) if found else None


def spelling(name: str) -> str:
    """Return a name without what people take for the same: case, full-width letters, how a phone number is written."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    if not _PHONE.fullmatch(folded):
        return folded
    digits = re.sub(r"[^0-9]", "", folded).removeprefix("00")
    is_chinese = digits.startswith(_CHINA) and len(digits) == len(_CHINA) + _MOBILE
    return digits.removeprefix(_CHINA) if is_chinese else digits


def _local(name: str) -> str:
    """Return what stands before the domain, all of it where there is no domain."""
    spelt = spelling(name)
    return spelt.rpartition("@")[0] or spelt


def _domain(name: str) -> str:
    """Return what stands behind the last ``@``, nothing where there is none."""
    return spelling(name).rpartition("@")[2] if "@" in name else ""


def _in_order(name: str) -> str:
    """Return first and last name in one order, nothing for a name of one part."""
    parts = _BETWEEN_NAMES.split(_local(name))
    return " ".join(sorted(parts)) if len(parts) > 1 else ""


def _is_one_domain(one: str, other: str) -> bool:
    """Say whether the domains are the same but for a typing error, or one of the two is none."""
    return one == other or not one or not other or OSA.normalized_similarity(one, other) >= ALIKE_FROM


def _is_mistyped(one: str, other: str) -> bool:
    """Say whether two domains differ by one typing error, or by two under the same top: ``.cn`` is no ``.com``."""
    if not one or not other:
        return False
    is_one_top = one.rpartition(".")[2] == other.rpartition(".")[2]
    most = _MISTAKES if is_one_top and min(len(one), len(other)) >= _LONG_DOMAIN else 1
    return OSA.distance(one, other, score_cutoff=most) <= most


def _grouped(agents: Iterable[Agent], key: Callable[[str], str]) -> dict[str, tuple[Agent, ...]]:
    groups: dict[str, list[Agent]] = {}
    for agent in agents:
        if found := key(agent.account_name):
            groups.setdefault(found, []).append(agent)
    return {one: tuple(group) for one, group in groups.items()}
