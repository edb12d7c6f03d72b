"""What was counted, and whether it is what was promised."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.shift.wire import Reply


@dataclass
class Tally:
    """The figures of a shift; nothing stands here that did not happen.

    Args:
        asked: agents who were asked to sign in again, with the hour and the reason; leavers are no such agents.
        interrupted: calls during which the tab's token ran out or its session ended, leavers' apart.
        still_working: leavers who could still do something when they must not.
        lost: agents without a session at the end of the shift, leavers apart.
        renewed: renewals that came to a good end, and `refreshed` refreshes that the provider granted for them.
        in_vain: tokens that expired while Fuyun was down, before they could be exchanged.
        late: the longest time from a renewal's due moment to its good end, in seconds of the shift.
        wait: the longest time for one answer, in real seconds.
    """

    asked: list[str] = field(default_factory=list)
    interrupted: list[str] = field(default_factory=list)
    still_working: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    superfluous: list[str] = field(default_factory=list)
    split: list[str] = field(default_factory=list)
    most_at_once: int = 0
    renewed: int = 0
    refreshed: int = 0
    in_vain: int = 0
    together: int = 0
    calls: int = 0
    leavers: int = 0
    noticed: int = 0
    late: float = 0.0
    wait: float = 0.0
    replies: Counter[int] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, reply: Reply) -> None:
        """Count an answer."""
        with self._lock:
            self.replies[reply.status] += 1
            self.wait = max(self.wait, reply.seconds)

    def renewal(self, late: float) -> None:
        """Count a renewal that came to a good end so many seconds after it was due."""
        with self._lock:
            self.renewed += 1
            self.late = max(self.late, late)

    def faults(self) -> Iterator[str]:
        """Return what was not as promised, in lines."""
        promises = {
            "asked to sign in": self.asked,
            "call interrupted": self.interrupted,
            "leaver still working": self.still_working,
            "session lost": self.lost,
            "refreshes and renewals differ": self.superfluous,
            "tabs got different answers": self.split,
        }
        for promise, broken in promises.items():
            yield from (f"{promise}: {one}" for one in broken)
        if self.most_at_once > 1:
            yield f"{self.most_at_once} refreshes of one session at the same time"
        if self.noticed != self.leavers:
            yield f"{self.leavers - self.noticed} leavers never heard that it is over"
        if not self.renewed:
            yield "nothing was renewed"

    def report(self) -> list[str]:
        """Return the figures, one a line."""
        answers = ", ".join(f"{status}: {count:,}" for status, count in sorted(self.replies.items()))
        expiries = self.renewed + self.in_vain
        ratio = self.refreshed / expiries if expiries else 0
        return [
            f"sign-ins asked         {len(self.asked)}",
            f"refreshes per expiry   {ratio:.4f}  ({self.refreshed:,} for {expiries:,})",
            f"expired without Fuyun  {self.in_vain:,} of them",
            f"asked by all tabs      {self.together:,} times at the same moment",
            f"at most at once        {self.most_at_once} refresh of one session",
            f"calls interrupted      {len(self.interrupted)} of {self.calls:,}",
            f"leavers still working  {len(self.still_working)} of {self.leavers}",
            f"sessions lost          {len(self.lost)}",
            f"requests               {sum(self.replies.values()):,}  ({answers})",
            f"latest renewal         {self.late:.0f} s of the shift after it was due",
            f"longest wait           {self.wait * 1000:.0f} ms for one answer",
        ]
