"""Seats: nobody waits, nobody sits on all of them, and whoever leaves makes room."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from bridge.core.errors import RateLimited
from bridge.core.seats import Seats


@pytest.mark.parametrize(
    ("taken", "next_one", "is_free"),
    [
        ((), "a", True),
        (("a",), "a", True),
        (("a", "a"), "a", False),
        (("a", "a"), "b", True),
        (("a", "a", "b"), "b", False),
        ((None, None), None, True),
        ((None, None, None), None, False),
    ],
    ids=["empty", "second", "third-of-one", "of-another", "none-left", "unnamed", "no-unnamed-left"],
)
def test_a_seat_is_free_or_refused_at_once(
    taken: tuple[str | None, ...], next_one: str | None, *, is_free: bool
) -> None:
    seats = Seats(3, each=2)
    with ExitStack() as held:
        for whose in taken:
            held.enter_context(seats.one(whose))
        if is_free:
            held.enter_context(seats.one(next_one))
        else:
            with pytest.raises(RateLimited):
                held.enter_context(seats.one(next_one))
    with ExitStack() as held:
        for whose in ("a", "a", "b"):
            held.enter_context(seats.one(whose))
