"""Whose clock is wrong: one server's, or ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.checks.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TOLERABLE: Final = 60
"""Seconds of clock offset that are still good: ID tokens are judged with 120."""
_NOTABLE: Final = 5
_ALIKE: Final = 10
_WITNESSES: Final = 2


def of_this_machine(offsets: Mapping[str, float]) -> Iterator[Finding]:
    """Yield what several servers together say about our own clock; nothing where fewer than two told theirs.

    Args:
        offsets: by host, the seconds that our clock is ahead of its.
    """
    told = sorted(offsets.values())
    if len(told) < _WITNESSES:
        return
    middle = told[len(told) // 2]
    if abs(middle) > _NOTABLE and told[-1] - told[0] < _ALIKE:
        what = f"{len(told)} servers agree that this machine's clock is {abs(middle):.0f} seconds "
        what += "fast" if middle > 0 else "slow"
        advice = "Let this machine keep its time by NTP: `timedatectl` tells whether it does."
        yield Finding("machine.clock", what, "fault" if abs(middle) > TOLERABLE else "warn", advice=advice)
    elif abs(middle) <= _NOTABLE:
        agreeing = sum(abs(one) <= _NOTABLE for one in told)
        yield Finding("machine.clock", f"agrees with {agreeing} of {len(told)} servers")
