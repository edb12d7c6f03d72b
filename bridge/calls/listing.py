"""Calls a page at a time, newest first, and none twice, whatever order the contact center has and whatever comes in.

The contact center counts pages, and each call that it adds moves all calls after it to other pages. Here the period is
cut into windows instead, each small enough for one answer, and sorted; a place says in which window somebody was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from bridge.core.errors import ContactCenterError

if TYPE_CHECKING:
    from bridge.aiccs.calls import Call, Calls, CallSearch
    from bridge.aiccs.instance import Instance

_SHARE: Final = 0.6
"""How much of one answer a window is meant to fill: the calls of a day do not come evenly."""
_END_OF_SECOND: Final = 0.9995
_MOST_ROWS: Final = 2000
"""Calls of a window that can be no smaller: of one second, or as the page before has begun it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: at a call of a window of whole epoch seconds, both of which belong to it."""

    begin: int
    end: int
    created_at: int
    id: str


class Listing:
    """Reads one period from its end to its beginning.

    Args:
        wanted: the period, in whole seconds, and what else a call must have.
    """

    def __init__(self, calls: Calls, instance: Instance, wanted: CallSearch) -> None:
        self._calls, self._instance, self._wanted = calls, instance, wanted

    def page(self, limit: int, after: Place | None = None) -> tuple[list[Call], Place | None]:
        """Return the next calls, and their place where more follow.

        Args:
            limit: calls at most.
            after: place of the page before; None: from the newest call on.

        Raises:
            ContactCenterError: as `Calls.search`; also where more calls come than a window can hold.
            ContactCenterUnreachable: as `Calls.search`.
        """
        first, end = int(self._wanted.since), int(after.end if after else self._wanted.until)
        begin = after.begin if after else first
        found: list[tuple[Call, Place]] = []
        while end >= first and len(found) <= limit:
            begin, rows = self._window(max(begin, first), end, is_chosen=after is not None)
            placed = [(call, Place(begin, end, int(call.created_at or 0), call.id)) for call in rows]
            found += [one for one in placed if after is None or _rank(one[1]) > _rank(after)]
            begin, end, after = begin - 2 * (end - begin + 1), begin - 1, None
        page = found[:limit]
        return [call for call, _ in page], page[-1][1] if len(found) > len(page) else None

    def _window(self, begin: int, end: int, *, is_chosen: bool) -> tuple[int, list[Call]]:
        """Return all calls of the end of a window that is not too large, newest first, and where that begins.

        Args:
            is_chosen: the page before has begun with this very window, so that it must stay as it is.
        """
        size = self._instance.access.page_size
        calls, total = self._calls.page(self._instance, self._between(begin, end), 1, size)
        while total > size and begin < end and not is_chosen:
            share = max(int((end - begin + 1) * _SHARE * size / total), 1)
            begin = max(end - share + 1, begin + 1)
            calls, total = self._calls.page(self._instance, self._between(begin, end), 1, size)
        if total > len(calls):
            calls = list(islice(self._calls.search(self._instance, self._between(begin, end)), _MOST_ROWS + 1))
        if len(calls) > _MOST_ROWS:
            raise ContactCenterError(expected=f"at most {_MOST_ROWS} calls in a window", received="more")
        return begin, sorted({call.id: call for call in calls}.values(), key=_order)

    def _between(self, begin: int, end: int) -> CallSearch:
        # Whether calls begin at whole seconds is published nowhere: the last one is searched to its end.
        return replace(self._wanted, since=begin, until=end + _END_OF_SECOND)


def _order(call: Call) -> tuple[int, str]:
    return -int(call.created_at or 0), call.id


def _rank(place: Place) -> tuple[int, str]:
    return -place.created_at, place.id
