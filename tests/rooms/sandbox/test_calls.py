"""The sandbox's call log: the days nobody watched, calls in any number, and those that ended at a softphone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from bridge.sandbox.call_search import Periodic, Wanted
from bridge.sandbox.call_stories import CHINA, phone_course
from bridge.sandbox.registrations import INSTANCE_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient

    from bridge.sandbox.calls import CallLog
    from bridge.sandbox.world import World
    from tests.rooms.sandbox.party import Party

LIN = "lin@contoso.example"
RESULTS = {
    "normal", "touchRouteError", "touchInQueue", "touchInLoss", "userHangup", "sysHangup", "transferAgent", "dailing",
    "TouchRingCallLoss",
}  # fmt: skip


@pytest.fixture
def past(world: World) -> CallLog:
    """Contoso's call log as it is at first, at the standing clock."""
    return world.calls[INSTANCE_ID]


def test_the_last_days_are_told_within_office_hours_and_with_every_result(past: CallLog, world: World) -> None:
    rows = past.search(Wanted())
    assert {row.call_result for row in rows} == RESULTS
    assert {row.call_type for row in rows} == {1, 2, 3}
    hours = {time.gmtime(row.created_at + CHINA).tm_hour for row in rows if row.call_type != 3}
    assert hours <= set(range(9, 18))
    assert all(world.now() - 8 * 86400 < row.created_at <= row.hung_up_at <= world.now() for row in rows)
    assert {row.evaluation_score for row in rows} >= {0, 4, 5}
    assert len({row.connection_id for row in rows}) == len({row.id for row in rows}) == len(rows)


def test_the_last_days_are_the_same_for_the_same_moment(past: CallLog, world: World) -> None:
    before = list(past.search(Wanted()))
    world.reset()
    assert list(world.calls[INSTANCE_ID].search(Wanted())) == before


def test_nobody_who_is_frozen_took_a_call(past: CallLog) -> None:
    assert len(past.search(Wanted(servicer_names=frozenset({"Kim"})))) == 0


def test_an_empty_contact_center_has_no_calls(past: CallLog) -> None:
    past.center.agents.clear()
    assert len(past.search(Wanted())) == 0


def test_a_million_calls_are_counted_paged_and_found_without_being_made(past: CallLog) -> None:
    past.clear()
    past.grow(1_000_000)
    begun = time.process_time()
    rows = past.search(Wanted())
    assert (len(rows), len(past.recorded())) == (1_000_000, 800_000)
    last = rows[-1]
    assert rows[500_000:500_002] == [rows[500_000], rows[500_001]]
    assert past.by_connection(last.connection_id) == last
    assert list(past.search(Wanted(acids=frozenset({last.acid, "x"})))) == [last]
    assert list(past.search(Wanted(ids=frozenset({last.id, "x"}), servicer_ids=frozenset({last.servicer_id})))) == [
        last
    ]
    assert past.by_connection("7") is past.by_connection("seven") is None
    assert time.process_time() - begun < 1


def test_numbers_that_come_back_each_period_are_counted_and_found() -> None:
    numbers = Periodic(2, 14, 5, [1, 3])
    assert (len(numbers), numbers[2], numbers[1:]) == (5, 8, [6, 8, 11, 13])


def test_grown_calls_are_searched_as_if_each_were_looked_at(past: CallLog) -> None:
    past.clear()
    past.grow(300, step=9)
    every = list(past.search(Wanted()))
    some = frozenset({every[7].servicer_id, every[50].servicer_id})
    since, until = every[211].created_at * 1000 - 1, every[13].created_at * 1000
    expected = [row for row in every if row.servicer_id in some and since <= row.created_at * 1000 <= until]
    assert list(past.search(Wanted(servicer_ids=some, since=since, until=until))) == expected
    ended = [row for row in every if row.picked_up_at and since <= row.hung_up_at * 1000 <= until]
    assert list(past.recorded(since, until)) == ended
    assert len(past.search(Wanted(since=until, until=since))) == 0


def test_grown_calls_stand_behind_the_others_or_before_them(past: CallLog) -> None:
    past.clear()
    past.grow(3)
    one = past.add(LIN)
    rows = list(past.search(Wanted()))
    past.newest_first = False
    assert rows[0] == one
    assert list(past.search(Wanted())) == rows[::-1]
    with pytest.raises(ValueError, match="count"):
        past.grow(-1)


def ended(http: FlaskClient, token: str, **changes: str) -> int:
    form = {
        "token": token, "acId": "10000000003", "connId": "10000000004", "direction": "in", "ended_by": "customer",
        "number": "13900001111", "line": "05710000001", "rang": "4", "talked": "20",
    } | changes  # fmt: skip
    return http.post("/sdk/calls", data=form).status_code


def test_a_call_of_the_softphone_is_in_the_log_of_the_tokens_agent(
    http: FlaskClient, past: CallLog, party: Callable[[str], Party]
) -> None:
    token = party("contoso").fuyun_token()
    past.clear()
    assert ended(http, token) == 200
    (row,) = past.search(Wanted())
    assert (row.acid, row.connection_id, row.account_name) == ("10000000003", "10000000004", LIN)
    assert (row.customer, row.hung_up_at - row.picked_up_at, row.call_result) == ("13900001111", 20, "normal")


def test_what_is_no_call_of_an_agent_is_refused(
    http: FlaskClient, past: CallLog, party: Callable[[str], Party]
) -> None:
    token = party("contoso").fuyun_token()
    assert ended(http, "garbage") == 401
    for wrong in ({"acId": "x"}, {"direction": "up"}, {"ended_by": "fate"}, {"rang": "-1"}, {"talked": "-1"}):
        assert ended(http, token, **wrong) == 400


@pytest.mark.parametrize(
    ("direction", "ended_by", "talked", "told"),
    [
        ("in", "agent", 9, (2, "normal", 3)),
        ("in", "transfer", 9, (2, "transferAgent", 3)),
        ("in", "customer", None, (2, "TouchRingCallLoss", 2)),
        ("out", "customer", 9, (1, "normal", 2)),
        ("out", "agent", None, (1, "userHangup", 0)),
    ],
    ids=["hung_up", "handed_on", "rang_in_vain", "dialled", "unanswered"],
)
def test_a_phone_call_is_told_by_its_course(
    direction: str, ended_by: str, talked: int | None, told: tuple[int, str, int]
) -> None:
    course = phone_course(direction, ended_by, 3, talked)
    assert (course.call_type, course.call_result, course.hang_up_role) == told
