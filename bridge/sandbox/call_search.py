"""How calls are searched: what is wanted, and how rows that repeat are counted without looking at each."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from bridge.sandbox.call_stories import Call


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched for; an empty set excludes nothing.

    Args:
        callers, callees: telephone numbers, of who called and of who was called.
        since, until: epoch milliseconds of the beginning, both included; None for no bound.
    """

    ids: frozenset[str] = frozenset()
    acids: frozenset[str] = frozenset()
    call_types: frozenset[int] = frozenset()
    call_results: frozenset[str] = frozenset()
    callers: frozenset[str] = frozenset()
    callees: frozenset[str] = frozenset()
    group_ids: frozenset[int] = frozenset()
    group_names: frozenset[str] = frozenset()
    servicer_ids: frozenset[str] = frozenset()
    servicer_names: frozenset[str] = frozenset()
    member_ids: frozenset[str] = frozenset()
    member_names: frozenset[str] = frozenset()
    since: int | None = None
    until: int | None = None

    def suits(self, call: Call) -> bool:
        """Tell whether a call has all that is asked, its ids and its time aside."""
        return all(
            not wanted or value in wanted
            for wanted, value in (
                (self.call_types, call.call_type),
                (self.call_results, call.call_result),
                (self.callers, call.calling_number),
                (self.callees, call.called_number),
                (self.group_ids, call.group_id),
                (self.group_names, call.group_name),
                (self.servicer_ids, call.servicer_id),
                (self.servicer_names, call.servicer_name),
                (self.member_ids, call.member_id),
                (self.member_names, call.member_name),
            )
        )

    def names(self, call: Call) -> bool:
        """Tell whether a call is among the ids, and in the time."""
        return (
            (not self.ids or call.id in self.ids)
            and (not self.acids or call.acid in self.acids)
            and is_within(call.created_at, self.since, self.until)
        )


class Periodic(Sequence[int]):
    """The numbers from `start` to before `stop` whose remainder by `period` is among the sorted `offsets`."""

    def __init__(self, start: int, stop: int, period: int, offsets: list[int]) -> None:
        self._period, self._offsets = period, offsets
        self._skipped = self._below(start)
        self._length = self._below(stop) - self._skipped

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, position: int) -> int: ...
    @overload
    def __getitem__(self, position: slice) -> list[int]: ...
    def __getitem__(self, position: int | slice) -> int | list[int]:
        if isinstance(position, slice):
            return [self[one] for one in range(*position.indices(self._length))]
        rounds, rest = divmod(self._skipped + position, len(self._offsets))
        return rounds * self._period + self._offsets[rest]

    def _below(self, number: int) -> int:
        rounds, rest = divmod(number, self._period)
        return rounds * len(self._offsets) + bisect_left(self._offsets, rest)


def is_within(at: int, since: int | None, until: int | None) -> bool:
    """Tell whether a moment lies between two epoch milliseconds, both included; None for no bound."""
    return (since is None or since <= at * 1000) and (until is None or at * 1000 <= until)
