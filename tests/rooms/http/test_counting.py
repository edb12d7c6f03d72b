"""Counts in this process: as the library counts, and nobody waits while old ones go."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

import pytest
from limits import RateLimitItemPerDay, RateLimitItemPerMinute
from limits.storage import MemoryStorage

from bridge.http.counting import CountsHere, Wanted

if TYPE_CHECKING:
    from limits import RateLimitItem

_NOON: Final = 1_800_014_400.0
_MINUTE: Final = RateLimitItemPerMinute(5)


class Moment:
    def __init__(self) -> None:
        self.now = _NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def moment() -> Moment:
    return Moment()


def one_more(counts: CountsHere, key: str = "a", item: RateLimitItem = _MINUTE) -> bool:
    return counts.take([Wanted(item, key)])[0].is_counted


def test_who_has_room_and_what_is_left_is_as_the_library_says(moment: Moment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limits.storage.memory.time.time", moment)
    theirs, ours, chance = MemoryStorage(), CountsHere(moment), random.Random(7)  # noqa: S311 — a test's own dice
    theirs.timer.join()
    for _ in range(400):
        moment.now += chance.choice((0, 0.5, 3, 20, 59, 60, 61, 119, 200))
        had = ours.take([Wanted(_MINUTE, "a")])[0]
        assert had.is_counted == theirs.acquire_sliding_window_entry("a", _MINUTE.amount, _MINUTE.get_expiry())
        assert had.window == pytest.approx(theirs.get_sliding_window("a", _MINUTE.get_expiry()))


def test_a_clock_that_is_set_back_shuts_nobody_out(moment: Moment) -> None:
    counts = CountsHere(moment)
    assert [one_more(counts) for _ in range(6)] == [True] * 5 + [False]
    moment.now -= 3600
    assert one_more(counts)


def test_old_counts_go_few_at_a_time_and_all_in_the_end(moment: Moment) -> None:
    counts = CountsHere(moment)
    for number in range(1000):
        one_more(counts, str(number))
    moment.now += 86_400
    day = RateLimitItemPerDay(9)
    left = []
    for _ in range(300):
        one_more(counts)
        one_more(counts, "b", day)
        left.append(sum(map(len, counts._old)))
    assert left[-1] == 0
    assert all(before - after <= 20 for before, after in zip([1000, *left], left, strict=False))
