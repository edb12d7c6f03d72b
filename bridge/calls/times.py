"""When calls were over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bridge.aiccs.calls import Call

_LONGEST_CALL: Final = 86_400


def over_at(call: Call) -> float:
    """Return the epoch seconds at which a call was over, or will be at the latest; of one without times 0."""
    if call.ended_at is not None:
        return call.ended_at
    began_at = call.answered_at or call.created_at
    if began_at is None:
        return 0.0
    return began_at + (_LONGEST_CALL if call.talk_seconds is None else call.talk_seconds)
