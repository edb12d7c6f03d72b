"""What the contact center's codes about calls mean, in the reader's language; and times as its own clock shows them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from bridge.aiccs.reading import zone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask_babel.speaklater import LazyString

    from bridge.aiccs.calls import Call

DIRECTIONS: Final[dict[str, LazyString]] = {
    "inbound": _("Inbound"),
    "outbound": _("Outbound"),
    "transferred": _("Handed on"),
}
RESULTS: Final[dict[str, LazyString]] = {
    "normal": _("Answered and ended"),
    "transferAgent": _("Handed on to another agent"),
    "TouchRingCallLoss": _("Rang, nobody answered"),
    "touchInQueue": _("Caller gave up in the queue"),
    "touchInLoss": _("Caller gave up in the menu"),
    "touchRouteError": _("No way led to an agent"),
    "sysHangup": _("Ended by the system"),
    "userHangup": _("Not answered by the customer"),
    "dailing": _("Ended while dialling"),
}
ENDED_BY: Final[dict[str, LazyString]] = {
    "system": _("The system ended the call"),
    "customer": _("The customer hung up"),
    "agent": _("The agent hung up"),
}
_MINUTE: Final = 60
_HOUR: Final = 3600


def direction(call: Call) -> str:
    """Return the way that a call went."""
    return str(DIRECTIONS.get(call.direction) or gettext("Not told"))


def result(call: Call) -> str:
    """Return how a call ended; a word that nobody documents stays as it is."""
    return str(RESULTS.get(call.result, call.result))


def mark(call: Call) -> tuple[str, str]:
    """Return the colour and the word of what came of a call."""
    if call.was_answered:
        return "good", str(gettext("answered"))
    if call.direction == "outbound":
        return "idle", str(gettext("not reached"))
    return "stop", str(gettext("missed"))


def span(seconds: float | None) -> str:
    """Return a duration as people read it: ``0:07``, ``12:30``, ``1:02:03``; empty where there is none."""
    if seconds is None:
        return ""
    whole = round(seconds)
    minutes, rest = divmod(whole, _MINUTE)
    if whole < _HOUR:
        return f"{minutes}:{rest:02}"
    return f"{minutes // _MINUTE}:{minutes % _MINUTE:02}:{rest:02}"


def group(group_id: str, names: Iterable[str], *, is_removed: bool) -> str:
    """Return what a skill group that the list of them lacks is called.

    Args:
        names: what calls call it, where any do.
        is_removed: whether it is gone; else nobody could tell the list.
    """
    named = next((name for name in names if name and name != group_id), "")
    name = named or gettext("Skill group %(id)s", id=group_id)
    return str(gettext("%(name)s (removed)", name=name) if is_removed else name)


class Wall:
    """The clock on the contact center's wall.

    Args:
        utc_offset: such as ``+08:00``.
    """

    def __init__(self, utc_offset: str) -> None:
        self.utc_offset = utc_offset
        self._zone = zone(utc_offset)

    def at(self, epoch: float) -> datetime:
        """Return what it shows."""
        return datetime.fromtimestamp(epoch, self._zone)

    def day(self, epoch: float) -> str:
        """Return the day, ``2026-11-22``."""
        return self.at(epoch).date().isoformat()

    def time(self, epoch: float) -> str:
        """Return the time of the day, ``14:06:09``."""
        return self.at(epoch).strftime("%H:%M:%S")

    def moment(self, epoch: float) -> str:
        """Return day and time."""
        return self.at(epoch).strftime("%Y-%m-%d %H:%M:%S")

    def iso(self, epoch: float) -> str:
        """Return the moment for ``<time datetime>``."""
        return self.at(epoch).isoformat()

    def beginning(self, day: str) -> float | None:
        """Return when a day begins here, in epoch seconds; None for a text that is no day."""
        try:
            return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=self._zone).timestamp()
        except (ValueError, OverflowError):
            return None
