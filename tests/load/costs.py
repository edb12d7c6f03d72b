"""What one sign-in, one look at a session and one renewal cost, in CPU seconds of whatever serves them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tests.load.agent import PAGE, RENEWAL, SESSION
from tests.load.census import BRIDGE, NGINX, POSTGRESQL, REDIS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.load.course import Course

SERVING: Final = (BRIDGE, NGINX, REDIS, POSTGRESQL)
SIGN_IN, LOOK, RENEW = "a sign-in", "a look at the session", "a renewal"


def of(course: Course) -> dict[str, Counter[str]]:
    """Return the costs by part.

    They come from the trial, where everybody did the same; a sign-in is all that belongs to it.
    """
    return {
        SIGN_IN: _each(course.trial.cpu, course.trial.tally.count(PAGE)),
        LOOK: _each(course.looks.cpu, course.looks.tally.count(SESSION)),
        RENEW: _each(course.renewals.cpu, course.renewals.tally.count(RENEWAL)),
    }


def _each(cpu: Mapping[str, float], count: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for part in SERVING:
        found[part] = max(cpu[part], 0.0) / max(count, 1)  # type: ignore[assignment]
    return found
