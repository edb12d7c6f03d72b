"""How often the log repeats itself: a few lines a minute of each kind are written, and the others are counted."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Kind: TypeAlias = tuple[str, ...]
"""What lines that are alike have in common, and at its end whoever caused them."""
MANY: Final = ""
"""Whoever finds no place among those who are kept apart; what their lines are about stays apart even so."""
MOST_KINDS: Final = 1000
"""Strangers may come from as many addresses as they like; a kind takes half a kilobyte."""
SECONDS: Final = 60.0
_SWEPT_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Lines of one kind that were not written within a minute.

    Args:
        reference: that of the last line of its kind that was.
    """

    kind: Kind
    reference: str
    number: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What becomes of a line.

    Args:
        reference: its own, or where it is not written that of the line which stands for it.
        passed_over: how many of its kind were in the minute before.
        others: of other kinds, whose minute is over.
    """

    is_written: bool
    reference: str
    passed_over: int
    others: tuple[PassedOver, ...]


@dataclass(slots=True)
class _Minute:
    until: float
    reference: str = ""
    lines: int = 0
    passed_over: int = 0


class Restraint:
    """Says which lines are to be written, in this process.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._minutes: OrderedDict[Kind, _Minute] = OrderedDict()
        self._turn = Lock()

    def hear(self, kind: Kind, reference: str, most: int) -> Heard:
        """Take down one more line of a kind.

        Args:
            reference: its own.
            most: lines of this kind that may be written in a minute.
        """
        with self._turn:
            now = self._clock()
            place = self._place(kind)
            before = self._ended(place, now)
            others = tuple(self._sweep(now))
            minute = self._minutes.setdefault(place, _Minute(now + SECONDS))
            if minute.lines < most:
                minute.lines, minute.reference = minute.lines + 1, reference
                return Heard(is_written=True, reference=reference, passed_over=before, others=others)
            minute.passed_over += 1
            return Heard(is_written=False, reference=minute.reference, passed_over=before, others=others)

    def _ended(self, kind: Kind, now: float) -> int:
        minute = self._minutes.get(kind)
        return self._minutes.pop(kind).passed_over if minute and minute.until <= now else 0

    def _sweep(self, now: float) -> Iterator[PassedOver]:
        # The oldest is first; few at once, so that nobody pays for all.
        for _ in range(_SWEPT_AT_ONCE):
            if not self._minutes:
                return
            kind, minute = next(iter(self._minutes.items()))
            if minute.until > now:
                return
            del self._minutes[kind]
            if minute.passed_over:
                yield PassedOver(kind, minute.reference, minute.passed_over)

    def _place(self, kind: Kind) -> Kind:
        return kind if kind in self._minutes or len(self._minutes) < MOST_KINDS else (*kind[:-1], MANY)
