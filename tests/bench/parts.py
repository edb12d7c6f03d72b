"""What a profile says by part: the bridge's rooms, each library, Python itself."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pstats

_MOST: Final = 20
_PACKAGE: Final = re.compile(r".*/site-packages/([^/]+)")
_STANDARD: Final = re.compile(r".*/lib/python3\.[0-9]+/([a-z_]+)")
_ROOM: Final = re.compile(r".*/(bridge/[a-z_]+/|bridge/|templates/|tests/)")
_BUILT_IN: Final = "~"
_WORKS: Final = {
    "calls to the provider and to Fuyun": (("bridge/outbound.py", "send"),),
    "pages": (("flask/templating.py", "render_template"),),
    "sealing and opening": (("connections/secrets.py", "seal"), ("connections/secrets.py", "open")),
    "the journal's row and line": (("ops/journal.py", "record_sign_in"),),
    "Redis": (("sessions/redis_line.py", "ask"),),
    "the ID token's checks": (("upstream/client.py", "verify"),),
}


def parts(stats: pstats.Stats) -> str:
    """Return a table of each part's own CPU, that of the built-in functions which it calls included."""
    own: defaultdict[str, float] = defaultdict(float)
    told: dict[Any, Any] = stats.stats  # type: ignore[attr-defined]
    for (file, _, _), (_, _, seconds, _, callers) in told.items():
        if file != _BUILT_IN:
            own[_part(file)] += seconds
            continue
        of_callers = sum(call[2] for call in callers.values()) or 1.0
        for (caller, _, _), call in callers.items():
            own[_part(caller)] += seconds * call[2] / of_callers
    total = sum(own.values()) or 1.0
    largest = sorted(own.items(), key=lambda one: -one[1])[:_MOST]
    return "\n".join(f"{100 * seconds / total:6.1f} %  {name}" for name, seconds in largest)


def works(stats: pstats.Stats) -> str:
    """Return a table of what some works take with all that they call; one may be part of another."""
    told: dict[Any, Any] = stats.stats  # type: ignore[attr-defined]
    total = sum(own for _, _, own, _, _ in told.values()) or 1.0
    lines = []
    for work, verbs in _WORKS.items():
        seconds = sum(
            whole
            for (file, _, name), (_, _, _, whole, _) in told.items()
            if any(file.endswith(end) and name == verb for end, verb in verbs)
        )
        if seconds:
            lines.append(f"{100 * seconds / total:6.1f} %  {work}")
    return "\n".join(lines)


def _part(file: str) -> str:
    if found := _PACKAGE.match(file) or _ROOM.match(file):
        return found[1].removesuffix("/")
    found = _STANDARD.match(file)
    return f"Python's {found[1]}" if found else "Python"
