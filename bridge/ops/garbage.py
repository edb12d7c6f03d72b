"""When a process that serves looks for garbage: what is loaded is none, and requests leave little."""

from __future__ import annotations

import gc
from typing import Final

_MADE_BEFORE_A_LOOK: Final = 5_000


def pass_over_what_is_loaded() -> None:
    """Let no collection look at what there is now; its pages stay shared with processes that are forked then."""
    gc.collect()
    gc.freeze()


def look_seldom() -> None:
    """Look after more has been made than Python would wait for: reference counts find nearly all that requests leave.

    Python's own threshold of 700 costs a sign-in a twentieth of its CPU.
    """
    gc.set_threshold(_MADE_BEFORE_A_LOOK)
