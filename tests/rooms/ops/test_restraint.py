"""What anybody can cause at will is a few lines a minute, and a number."""

from __future__ import annotations

import pytest

from bridge.ops.restraint import MANY, MOST_KINDS, SECONDS, PassedOver, Restraint
from tests.kit.clock import Clock

SPENT = ("sign_in", "globex", "rate_limited", "192.0.2.1")
ANOTHER = ("sign_in", "globex", "rate_limited", "192.0.2.2")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def restraint(clock: Clock) -> Restraint:
    return Restraint(clock)


def written(restraint: Restraint, *references: str, most: int = 1) -> list[bool]:
    return [restraint.hear(SPENT, one, most).is_written for one in references]


def test_so_many_lines_of_a_kind_are_written_in_a_minute(restraint: Restraint, clock: Clock) -> None:
    assert written(restraint, *"abcd", most=3) == [True, True, True, False]
    clock.advance(SECONDS - 1)
    assert written(restraint, "e", most=3) == [False]
    clock.advance(1)
    assert written(restraint, *"fghi", most=3) == [True, True, True, False]


def test_one_that_is_not_written_has_the_reference_of_one_that_was(restraint: Restraint) -> None:
    assert [restraint.hear(SPENT, one, 2).reference for one in "abcd"] == [*"abbb"]


def test_the_next_line_tells_how_many_were_passed_over(restraint: Restraint, clock: Clock) -> None:
    written(restraint, *"abcd")
    clock.advance(SECONDS)
    assert [restraint.hear(SPENT, one, 1).passed_over for one in "ef"] == [3, 0]


def test_kinds_that_came_no_more_are_told_by_whoever_comes_next(restraint: Restraint, clock: Clock) -> None:
    written(restraint, *"abc")
    assert restraint.hear(ANOTHER, "x", 1).others == ()
    clock.advance(SECONDS)
    assert [restraint.hear(ANOTHER, one, 1).others for one in "yz"] == [(PassedOver(SPENT, "a", 2),), ()]


def test_of_more_people_than_have_a_place_all_others_are_one(restraint: Restraint, clock: Clock) -> None:
    heard = [restraint.hear(("spent", str(number)), "a", 1).is_written for number in range(MOST_KINDS + 3)]
    assert heard == [True] * (MOST_KINDS + 1) + [False] * 2
    assert restraint.hear(("another", "x"), "b", 1).is_written, "whoever makes many hides nothing of another kind"
    clock.advance(SECONDS)
    told = [one for number in range(MOST_KINDS) for one in restraint.hear(("new", str(number)), "c", 1).others]
    assert told == [PassedOver(("spent", MANY), "a", 2)]
