"""Inputs for the targets: seeds with a few parts exchanged, which hypothesis can make smaller again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

from tests.fuzz.targets import LONGEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

_PARTS: Final = re.compile(rb'"(?:[^"\\\n]|\\.)*"|[\w.-]+|\s+|.', re.DOTALL)
"""Texts in quotation marks, words and numbers, white space, and each sign by itself: what most of the readers read."""
_MOST_EDITS: Final = 4
_MOST_PARTS: Final = 4000
_EDITS: Final = ("put", "put", "replace", "replace", "remove", "twice", "exchange", "cut", "octet")


@st.composite
def mutated(draw: DrawFn, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """Draw a seed with up to four edits: whole parts of it are exchanged, so that it stays nearly well-formed."""
    parts: list[bytes] = _PARTS.findall(draw(st.sampled_from(seeds)), 0, LONGEST)[:_MOST_PARTS]
    for _ in range(draw(st.integers(1, _MOST_EDITS))):
        place = draw(st.integers(0, max(len(parts) - 1, 0)))
        _edit(parts, draw(st.sampled_from(_EDITS)), place, draw(st.sampled_from(words)))
    return b"".join(parts)[:LONGEST]


def inputs(seeds: Sequence[bytes], words: Sequence[bytes]) -> SearchStrategy[bytes]:
    """Return seeds that were changed, now and then words alone, and whatever else."""
    alone = st.lists(st.sampled_from(words), max_size=6).map(b"".join)
    changed = mutated(seeds, words)
    return st.one_of(changed, changed, changed, changed, alone, st.binary(max_size=300))


def _edit(parts: list[bytes], edit: str, place: int, word: bytes) -> None:
    if edit == "put" or not parts:
        parts.insert(place, word)
    elif edit == "replace":
        parts[place] = word
    elif edit == "remove":
        del parts[place]
    elif edit == "twice":
        parts[place:place] = parts[place : place + 1 + len(word) % 7]
    elif edit == "exchange":
        other = (place * 31 + len(word)) % len(parts)
        parts[place], parts[other] = parts[other], parts[place]
    elif edit == "cut":
        del parts[place:]
    else:
        parts[place] = bytes(octet ^ (1 << len(word) % 8) for octet in parts[place][:1]) + parts[place][1:]
