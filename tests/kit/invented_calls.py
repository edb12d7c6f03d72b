"""Calls of a contact center that asks nobody: one every so many seconds, told in pages as the real ones are."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from bridge.aiccs.calls import Call

if TYPE_CHECKING:
    from bridge.aiccs.calls import CallSearch
    from bridge.aiccs.instance import Instance

BEGAN = 1_793_500_000
"""Epoch seconds of the first call."""


class InventedCalls:
    """Stands in for `Calls.page`.

    Args:
        step: seconds between two calls.

    Attributes:
        asked: pages that were asked for.
        breaks_at: the page, counted from 1, whose answer does not come; 0: none.
        is_killed: the process dies there.
        more: calls that come up while their pages are read, by the page before which they do.
    """

    def __init__(self, step: int = 30) -> None:
        self.step = step
        self.asked: list[tuple[float, int]] = []
        self.breaks_at = 0
        self.is_killed = False
        self.more: dict[int, Call] = {}
        self._late: list[Call] = []

    def page(self, _instance: Instance, wanted: CallSearch, number: int, size: int) -> tuple[list[Call], int]:
        self.asked.append((wanted.since, number))
        if len(self.asked) == self.breaks_at:
            if self.is_killed:
                os.kill(os.getpid(), signal.SIGKILL)
            raise InterruptedError("a test breaks off here")
        if len(self.asked) in self.more:
            self._late.append(self.more[len(self.asked)])
        late = [call for call in self._late if wanted.since <= (call.created_at or 0) <= wanted.until]
        first = max(0, -int((BEGAN - wanted.since) // self.step))
        last = int((wanted.until - BEGAN) // self.step)
        total = max(last - first + 1, 0) + len(late)
        begin = (number - 1) * size
        rows = [self._call(index) for index in range(first + max(begin - len(late), 0), last + 1)]
        return (late[begin:] + rows)[:size], total

    def _call(self, index: int) -> Call:
        return invented_call(index, BEGAN + index * self.step)


def invented_call(index: int, created_at: float) -> Call:
    """Return the call of an index; each third one was answered."""
    answered = created_at + 10 if index % 3 == 0 else None
    return Call(
        id=f"row-{index}",
        call_id=f"{7_000_000 + index}",
        direction="inbound",
        result="normal",
        caller=f"138{index:08}",
        callee="05710000001",
        created_at=created_at,
        answered_at=answered,
        ended_at=created_at + 60,
        talk_seconds=50 if answered else None,
    )
