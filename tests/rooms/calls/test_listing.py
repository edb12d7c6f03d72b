"""Calls a page at a time: each once, newest first, whatever the order and whatever comes in meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.aiccs.calls import Call, CallSearch
from bridge.aiccs.instance import Instance
from bridge.calls.listing import Listing, Place
from bridge.core.errors import ContactCenterError
from bridge.core.model import AiccsAccess, Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTANCE = Instance(AiccsAccess(Secret("id"), Secret("secret"), page_size=10), "ccc_xp_demo")
PERIOD = CallSearch(since=1000, until=9999)


def call_at(moment: float, name: str = "") -> Call:
    return Call(name or f"r{moment}", "7", "inbound", "normal", "1", "2", moment)


class Log:
    """A contact center's calls, in an order that nobody can tell."""

    def __init__(self, rows: list[Call]) -> None:
        self.rows = rows
        self.asked = 0

    def page(self, _instance: Any, wanted: CallSearch, number: int, size: int) -> tuple[list[Call], int]:
        self.asked += 1
        found = sorted(
            (row for row in self.rows if wanted.since <= (row.created_at or 0) <= wanted.until),
            key=lambda row: hash((row.id, "order")),
        )
        return found[(number - 1) * size : number * size], len(found)

    def search(self, instance: Any, wanted: CallSearch) -> Iterator[Call]:
        number = 1
        while rows := self.page(instance, wanted, number, 10)[0]:
            yield from rows
            number += 1


def pages(log: Any, limit: int, between: Any = lambda: None) -> list[Call]:
    """Read all pages, and let something happen between them."""
    told: list[Call] = []
    after: Place | None = None
    while True:
        rows, after = Listing(log, INSTANCE, PERIOD).page(limit, after)
        told += rows
        if after is None:
            return told
        assert len(rows) == limit
        between()


@pytest.mark.parametrize("limit", [1, 7, 10, 60])
def test_each_call_comes_once_and_the_newest_first(limit: int) -> None:
    rows = [call_at(moment) for moment in [*range(9000, 9040), *range(2000, 8000, 300), 1000, 9999]]
    assert pages(Log(rows), limit) == sorted(rows, key=lambda row: -(row.created_at or 0))


def test_more_calls_in_one_second_than_an_answer_holds_are_all_told() -> None:
    rows = [call_at(5000, f"r{number:02}") for number in range(25)]
    assert pages(Log(rows), 4) == rows


def test_a_second_with_more_calls_than_there_can_be_is_an_error_and_not_read_to_its_end() -> None:
    log = Log([call_at(5000, f"r{number}") for number in range(3000)])
    with pytest.raises(ContactCenterError):
        Listing(log, INSTANCE, PERIOD).page(10)  # type: ignore[arg-type]
    assert log.asked < 300


def test_a_call_that_begins_within_the_last_part_of_a_second_is_in_the_period() -> None:
    rows = [call_at(9999.75), call_at(4321.5)]
    assert pages(Log(rows), 1) == rows


def test_what_comes_in_meanwhile_moves_nothing() -> None:
    rows = [call_at(moment) for moment in range(3000, 6000, 50)]
    log = Log(list(rows))
    moments = iter(range(1001, 9999, 130))

    def come_in() -> None:
        log.rows += [call_at(moment, f"late{moment}") for moment in [next(moments), next(moments), 5999, 3001]]

    told = pages(log, 7, come_in)
    assert len({row.id for row in told}) == len(told)
    assert {row.id for row in rows} <= {row.id for row in told}


def test_a_period_without_many_calls_is_one_question() -> None:
    log = Log([call_at(2000), call_at(9000)])
    assert len(pages(log, 5)) == 2
    assert log.asked == 1


def test_a_call_whose_moment_cannot_be_read_is_told_too() -> None:
    log = Log([call_at(2000)])
    log.page = lambda *_: ([replace(call_at(2000), created_at=None)], 1)  # type: ignore[method-assign]
    assert len(pages(log, 5)) == 1
