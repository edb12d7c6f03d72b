"""What was counted while replicas were replaced, and whether it is what was promised."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Tally:
    """The figures; nothing stands here that did not happen.

    Args:
        answers: requests by what was asked and the release that answered.
        faults: what went wrong, in words.
        lost: agents who were told that their session is over.
        renewed: fresh tokens by the release that the session began on, and the one that renewed it.
        finished: sign-ins by the release that they left from, and the one that they came back to.
        kept: looks of the administrator's browser and calls with the API key that went well, by release.
        schema: the version of the schema at each step.
    """

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    renewed: Counter[tuple[str, str]] = field(default_factory=Counter)
    finished: Counter[tuple[str, str]] = field(default_factory=Counter)
    kept: Counter[tuple[str, str]] = field(default_factory=Counter)
    schema: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def report(self) -> Iterator[str]:
        """Yield the figures, one a line."""
        yield f"requests            {sum(self.answers.values()):,}"
        for (what, release), number in sorted(self.answers.items()):
            yield f"  {what:<18}{number:>7,}  answered by {release}"
        yield f"errors              {sum(self.faults.values())}"
        yield f"sign-ins lost       {len(self.lost)}"
        yield from _crossings("sign-ins", self.finished, "left from", "came back to")
        yield from _crossings("renewals", self.renewed, "begun on", "renewed by")
        for (what, release), number in sorted(self.kept.items()):
            yield f"{what:<20}{number:>5,}  good with {release}"
        for when, version in self.schema:
            yield f"schema {version}         {when}"
        if len({version for _, version in self.schema}) == 1:
            yield "No step of the schema lies between the two; tests/contracts/test_schema.py plays those that are."
        yield from (f"FAULT  {number} x {what}" for what, number in self.faults.items())
        yield from (f"LOST   {who}" for who in self.lost)

    def broken(self, releases: tuple[str, str]) -> Iterator[str]:
        """Yield what was not as promised: each way between the two releases must have been gone, without a fault."""
        if self.faults or self.lost:
            yield "something failed"
        ways = {(one, other) for one in releases for other in releases}
        for what, seen in (("renewal", self.renewed), ("sign-in", self.finished)):
            yield from (f"no {what} from {one} to {other}" for one, other in sorted(ways - seen.keys()))
        for what in ("console session", "API key"):
            yield from (f"{what} never seen by {one}" for one in releases if not self.kept[what, one])


def _crossings(what: str, seen: Counter[tuple[str, str]], first: str, second: str) -> Iterator[str]:
    for (one, other), number in sorted(seen.items()):
        yield f"{what:<20}{number:>5,}  {first} {one}, {second} {other}"
