"""The figures of a period: what counts as a call, where it belongs, and what a handed-on call adds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from bridge.aiccs.calls import Call
from bridge.calls.figures import DAY, HOUR, MOST_ROWS, Figures, distinct, figures, waited

if TYPE_CHECKING:
    from collections.abc import Iterable

MIDNIGHT = datetime(2026, 11, 22, tzinfo=timezone(timedelta(hours=8))).timestamp()


def row(number: int = 1, direction: Any = "inbound", *, at: float = 0, talked: int | None = 60, **fields: Any) -> Call:
    created_at = MIDNIGHT + at
    answered_at = None if talked is None else created_at + 20
    call = Call(f"row-{number}", f"call-{number}", direction, "normal", "13800000000", "4008000003", created_at)
    return replace(call, answered_at=answered_at, talk_seconds=talked, **fields)


def counted(calls: Iterable[Call], days: int = 1, utc_offset: str = "+08:00") -> Figures:
    return figures(calls, MIDNIGHT, MIDNIGHT + days * DAY, utc_offset)


def test_a_call_is_counted_once_and_its_further_parts_add_their_talk() -> None:
    found = counted([row(1, talked=60), row(2, "transferred", at=90, talked=30), row(3, "outbound", talked=None)])
    total = found.total
    assert (total.calls, total.inbound, total.outbound, total.transferred) == (2, 1, 1, 1)
    assert (total.answered, total.missed, total.reached, total.talk_seconds, found.rows) == (1, 0, 0, 90, 3)
    assert total.mean_talk == 90


def test_an_outbound_call_that_nobody_took_is_not_missed_and_an_unknown_way_is_still_a_call() -> None:
    total = counted([row(1, "outbound", talked=None), row(2, ""), row(3, talked=None), row(4, "outbound")]).total
    assert (total.missed, total.reached, total.other, total.calls) == (1, 1, 1, 4)


def test_an_hour_begins_on_the_clock_of_the_contact_center() -> None:
    found = counted([row(1), row(2, at=HOUR - 1), row(3, at=HOUR), row(4, at=23.9 * HOUR)])
    assert (found.slot, len(found.slots), found.slots[0].since) == (HOUR, 24, MIDNIGHT)
    assert [slot.tally.inbound for slot in found.slots] == [2, 1, *[0] * 21, 1]
    assert counted([], utc_offset="+05:30").slots[0].since == MIDNIGHT - HOUR / 2
    assert counted([], utc_offset="-03:00").slots[0].since == MIDNIGHT


@pytest.mark.parametrize(("days", "slot", "many"), [(1, HOUR, 24), (2, HOUR, 48), (3, DAY, 3), (31, DAY, 31)])
def test_more_than_two_days_are_told_by_days(days: int, slot: int, many: int) -> None:
    found = counted([row(1, at=days * DAY - 1)], days)
    assert (found.slot, len(found.slots), found.slots[-1].tally.calls) == (slot, many, 1)


@pytest.mark.parametrize("strange", [row(at=-1), row(at=DAY), replace(row(), created_at=None)], ids=range(3))
def test_what_came_up_at_another_time_is_in_the_sum_and_in_no_hour(strange: Call) -> None:
    found = counted([strange])
    assert (found.total.calls, sum(slot.tally.calls for slot in found.slots)) == (1, 0)


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"queue_seconds": 12, "ring_seconds": 3}, 15),
        ({"ring_seconds": 3}, 3),
        ({"queued_at": MIDNIGHT + 5}, 15),
        ({"ring_began_at": MIDNIGHT + 12}, 8),
        ({}, None),
    ],
    ids=["both", "ringing", "queue by its moments", "ringing by its moments", "unknown"],
)
def test_a_wait_is_queue_and_ringing_without_the_menu(fields: dict[str, Any], seconds: float | None) -> None:
    assert waited(row(**fields)) == seconds


def test_the_mean_wait_leaves_out_what_nobody_knows_and_who_gave_up() -> None:
    calls = [row(1, queue_seconds=10), row(2, queue_seconds=20), row(3), row(4, talked=None, queue_seconds=500)]
    assert counted(calls).total.mean_wait == 15
    assert (counted([]).total.mean_wait, counted([]).total.mean_talk) == (None, None)


def test_agents_and_groups_have_their_parts_with_the_most_talk_first() -> None:
    lin: dict[str, Any] = {"agent_id": "7", "agent_name": "Lin"}
    wang: dict[str, Any] = {"agent_id": "8", "agent_name": "Wang"}
    sales: dict[str, Any] = {"group_id": "1", "group_name": "Sales"}
    calls = [
        row(1, talked=10, **lin, **sales),
        row(2, "transferred", talked=50, **wang),
        row(3, "outbound", talked=None, **lin),
        row(4, talked=None, **lin, **sales),
    ]
    found = counted(calls)
    assert [(one.name, one.taken, one.missed, one.dialled, one.talk_seconds) for one in found.agents] == [
        ("Wang", 1, 0, 0, 50),
        ("Lin", 1, 1, 1, 10),
    ]
    assert [(one.id, one.taken, one.missed) for one in found.groups] == [("1", 1, 1)]


def test_long_tables_end_and_say_how_much_is_missing() -> None:
    found = counted(row(number, agent_id=str(number), group_id=str(number % 3)) for number in range(MOST_ROWS + 5))
    assert (len(found.agents), found.more_agents, len(found.groups), found.more_groups) == (MOST_ROWS, 5, 3, 0)


def test_a_row_that_comes_again_on_the_next_page_is_one_row() -> None:
    assert [one.id for one in distinct([row(1), row(2), row(1)])] == ["row-1", "row-2"]
