"""The OpenAPI's operations about calls, asked through the vendor's SDK over the loopback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from bridge.sandbox.call_stories import DIALLED, GAVE_UP_IN_QUEUE, HANDED_ON, UNANSWERED, Call
from tests.rooms.sandbox.vendor import FIXTURES, refused, shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.sandbox.calls import CallLog
    from tests.rooms.sandbox.vendor import Vendor

LIN = "lin@contoso.example"
FANG = "wang.fang@contoso.example"


@pytest.fixture
def log(vendor: Vendor) -> CallLog:
    """Contoso's call log, without a call."""
    found = vendor.world.calls[vendor.instance_id]
    found.clear()
    return found


def queried(vendor: Vendor, **fields: Any) -> list[str]:
    """Return the ids of the rows that a query finds."""
    return [row["Id"] for row in vendor.do("hotline_session_query", **fields)["Data"]["CallDetailRecord"]]


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


def test_call_details_have_the_members_of_the_known_answer(vendor: Vendor, log: CallLog) -> None:
    log.newest_first = False
    log.add(LIN, ended=900, evaluation_score=5)
    log.add(LIN, ended=300, course=UNANSWERED)
    answer, known = vendor.do("hotline_session_query"), fixture("HotlineSessionQuery")
    assert shape(answer) == shape(known)
    assert shape(answer["Data"]["CallDetailRecord"][1]) == shape(known["Data"]["CallDetailRecord"][1])


@pytest.mark.parametrize(
    ("operation", "fields", "name"),
    [
        ("list_hotline_record", {"call_id": "7"}, "ListHotlineRecord"),
        ("list_hotline_record", {"call_id": "8"}, "ListHotlineRecord_empty"),
        ("list_hotline_record_detail", {}, "ListHotlineRecordDetail"),
        ("get_record_url", {"acid": "7", "record_type": "DUP_CALL"}, "GetRecordUrl"),
        ("get_hotline_message_log", {"acid": "7"}, "GetHotlineMessageLog"),
    ],
    ids=["recordings", "none", "period", "link", "words"],
)
def test_answers_about_a_call_have_the_documented_members(
    vendor: Vendor, log: CallLog, operation: str, fields: dict[str, Any], name: str
) -> None:
    log.add(LIN, acid="7")
    assert shape(vendor.do(operation, **fields)) == shape(fixture(name))


def test_a_call_without_a_recording_has_an_empty_list(vendor: Vendor, log: CallLog) -> None:
    missed, fresh = log.add(LIN, course=GAVE_UP_IN_QUEUE), log.add(LIN, ended=5)
    for acid in (missed.acid, fresh.acid, "10047951283"):
        assert vendor.do("list_hotline_record", call_id=acid)["Data"] == []
    assert vendor.do("get_record_data", acid=fresh.acid)["Data"] == {"Acid": fresh.acid}
    assert vendor.do("get_hotline_message_log", acid=missed.acid)["Data"] == []
    log.recording_delay = 0
    assert len(vendor.do("list_hotline_record", call_id=fresh.acid)["Data"]) == 1


def test_a_transferred_call_has_a_recording_for_each_connection(vendor: Vendor, log: CallLog) -> None:
    first, second = log.transfer(log.add(LIN, ended=600, course=HANDED_ON), FANG)
    rows = vendor.do("list_hotline_record", call_id=first.acid)["Data"]
    assert [row["ConnectionId"] for row in rows] == [first.connection_id, second.connection_id]
    found = vendor.do("hotline_session_query", acid=first.acid)["Data"]["CallDetailRecord"]
    assert {(row["CallType"], row["CallResult"], row["ServicerName"]) for row in found} == {
        (2, "transferAgent", "小林"),
        (3, "normal", "王芳"),
    }


FILTERS: dict[str, Callable[[Call], dict[str, Any]]] = {
    "row": lambda call: {"id": call.id},
    "session": lambda call: {"acid": call.acid},
    "sessions": lambda call: {"acid_list": [call.acid, "1"]},
    "result": lambda _: {"call_result": "normal", "call_type": 1},
    "results": lambda _: {"call_result_list": ["normal"], "call_type_list": [1, 3]},
    "caller_by_the_name_of_the_called": lambda call: {"called_number": call.calling_number},
    "callers": lambda call: {"called_number_list": [call.calling_number]},
    "callee_by_the_name_of_the_caller": lambda call: {"calling_number": call.called_number},
    "callees": lambda call: {"calling_number_list": [call.called_number]},
    "agent": lambda call: {"servicer_id": call.servicer_id},
    "agents": lambda call: {"servicer_id_list": [call.servicer_id]},
    "agents_name": lambda call: {"servicer_name": call.servicer_name},
    "member": lambda call: {"member_id": call.member_id},
    "members": lambda call: {"member_id_list": [call.member_id], "member_name": call.member_name},
    "time": lambda call: {
        "query_start_time": call.created_at * 1000,
        "query_end_time": call.created_at * 1000,
    },
}


@pytest.mark.parametrize("wanted", FILTERS.values(), ids=FILTERS.keys())
def test_each_filter_finds_the_one_call(vendor: Vendor, log: CallLog, wanted: Callable[[Call], dict[str, Any]]) -> None:
    one = log.add(LIN, course=DIALLED, ended=600, line="05710000002", customer="13800000002")
    log.add(FANG, course=GAVE_UP_IN_QUEUE, ended=60)
    assert queried(vendor, **wanted(one)) == [one.id]


def test_skill_groups_are_filtered_by_id_list_and_name(vendor: Vendor, log: CallLog) -> None:
    one, _ = log.add(LIN), log.add(LIN, course=DIALLED)
    for wanted in (
        {"group_id": one.group_id},
        {"group_id_list": [one.group_id, 5]},
        {"group_name": one.group_name},
    ):
        assert queried(vendor, **wanted) == [one.id]
    assert queried(vendor, group_id=7) == []


def test_pages_hold_a_hundred_rows_at_most(vendor: Vendor, log: CallLog) -> None:
    rows = [log.add(LIN, ended=ended).id for ended in (50, 60, 70)]
    assert queried(vendor, page_size=2, page_no=2) == rows[2:]
    assert queried(vendor, page_size=100, page_no=3) == []
    for wrong in ({"page_size": 101}, {"page_size": 0}, {"page_no": 0}):
        assert refused(vendor, "hotline_session_query", **wrong) == (400, "ParameterError")


def test_recordings_are_found_by_the_end_of_the_call(vendor: Vendor, log: CallLog) -> None:
    old, new = log.add(LIN, ended=5000), log.add(FANG, ended=100)
    answer = vendor.do("list_hotline_record_detail", close_time_start=new.hung_up_at * 1000)["ResultData"]
    assert [row["ServicerName"] for row in answer["Data"]] == [FANG]
    answer = vendor.do("list_hotline_record_detail", close_time_end=old.hung_up_at * 1000, page_size=1)["ResultData"]
    assert (answer["TotalPage"], answer["Data"][0]["EndTime"]) == (1, old.hung_up_at * 1000)


def test_the_queue_says_its_success_in_a_text(vendor: Vendor, log: CallLog) -> None:
    answer = vendor.do("get_hotline_waiting_number", account_name=LIN)
    assert (answer["Success"], type(answer["Data"])) == ("true", int)
    assert refused(vendor, "get_hotline_waiting_number", account_name="nobody") == (500, "NoAgentFound")
    assert refused(vendor, "get_record_url", acid="1", record_type="VIDEO") == (500, "ParameterError")


def test_touches_tell_calls_as_contacts(vendor: Vendor, log: CallLog) -> None:
    one, other = log.add(LIN, ended=600), log.add(FANG, ended=60)
    answer = vendor.do("query_touch_list", servicer_id=[int(one.servicer_id)])["ResultData"]
    assert [row["ChannelId"] for row in answer["Data"]] == [one.acid]
    answer = vendor.do("query_touch_list", close_time_start=other.hung_up_at * 1000)["ResultData"]
    (row,) = answer["Data"]
    assert (row["ChannelId"], row["ExtAttrs"]["Ani"]) == (other.acid, other.calling_number)
    assert (answer["TotalResults"], answer["Empty"], answer["NextPage"]) == (1, False, 1)
