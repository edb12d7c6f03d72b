"""Moments as programs send them: RFC 3339 with its offset, or seconds since the epoch."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from bridge.core.errors import RequestInvalid

_SECONDS: Final = re.compile("[0-9]{1,10}", re.ASCII)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EXPECTED: Final = "2026-11-20T09:00:00+08:00 (with + as %2B) or seconds since the epoch"


def moment_in(text: str, name: str) -> float:
    """Return a parameter's moment as epoch seconds; raises RequestInvalid, which names the parameter."""
    if _SECONDS.fullmatch(text):
        return float(text)
    if _MOMENT.fullmatch(text):
        try:
            return max(datetime.fromisoformat(text.upper()).timestamp(), 0.0)
        except (ValueError, OverflowError):
            pass
    raise RequestInvalid(expected=f"{name}: {_EXPECTED}", received="another text")
