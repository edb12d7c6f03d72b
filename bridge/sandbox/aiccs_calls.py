"""The OpenAPI's operations about calls and their recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.sandbox.aiccs_wire import ApiRefusal, one_page, pages_of, succeeded_200, succeeded_briefly
from bridge.sandbox.call_search import Wanted, is_within
from bridge.sandbox.call_stories import NOBODY, OUTBOUND, china_time
from bridge.sandbox.recordings import recording_url

if TYPE_CHECKING:
    from bridge.sandbox.aiccs_wire import Given, Operations
    from bridge.sandbox.call_stories import Call
    from bridge.sandbox.calls import CallLog
    from bridge.sandbox.world import World

_SURVEY_STEPS: Final = 5
_LARGEST_PAGE: Final = 100
_RECORD_TYPES: Final = frozenset({"DUP_CALL", "IVR_CALL", "SMART_CALL"})
_BUSY: Final = "AgentBusyForCall"
_MEMBER, _AGENT = 1, 2
_LINES: Final = (
    (_AGENT, "您好。请问有什么可以帮您。"),
    (_MEMBER, "你好。我想查一下我的订单。"),
    (_AGENT, "好的。请您提供一下订单号。"),
    (_MEMBER, "是二零二六零零一。"),
    (_AGENT, "您的订单今天已经发货。感谢您的来电。"),
)
_HOTLINE_CHANNEL: Final = 3
_ENDED: Final = 4


def call_operations(world: World) -> Operations:
    """Return the operations about calls, recordings and the queue."""
    desk = _CallDesk(world)
    return {
        ("POST", "HotlineSessionQuery"): desk.query,
        ("GET", "ListHotlineRecord"): desk.recordings_of_call,
        ("GET", "ListHotlineRecordDetail"): desk.recordings_of_time,
        ("GET", "GetRecordUrl"): desk.record_url,
        ("POST", "GetRecordData"): desk.record_data,
        ("GET", "GetHotlineMessageLog"): desk.message_log,
        ("GET", "GetHotlineWaitingNumber"): desk.waiting_number,
        ("POST", "QueryTouchList"): desk.touches,
    }


class _CallDesk:
    def __init__(self, world: World) -> None:
        self.world = world

    def query(self, given: Given) -> dict[str, Any]:
        page, size = _paging(given, "PageNo", 20)
        found = self._log(given).search(_wanted(given))
        rows = [_detail(row) for row in one_page(found, page, size)]
        paging = {"PageNumber": page, "PageSize": size, "TotalCount": len(found)}
        return succeeded_briefly(Data={**paging, "CallDetailRecord": rows})

    def recordings_of_call(self, given: Given) -> dict[str, Any]:
        log = self._log(given)
        # What is not recorded yet and what nobody knows are answered alike: with nothing.
        rows = [
            {
                "CallId": row.acid,
                "ConnectionId": row.connection_id,
                "StartTime": row.picked_up_at * 1000,
                "EndTime": row.hung_up_at * 1000,
                "Url": recording_url(self.world, log, row),
            }
            for row in log.legs_of(given.demand("CallId"))
            if log.has_recording(row)
        ]
        return succeeded_briefly(Data=rows)

    def recordings_of_time(self, given: Given) -> dict[str, Any]:
        page, size = _paging(given, "CurrentPage", 100)
        log = self._log(given)
        found = log.recorded(_moment(given, "CloseTimeStart"), _moment(given, "CloseTimeEnd"))
        rows = [
            {
                "StartTime": row.picked_up_at * 1000,
                "EndTime": row.hung_up_at * 1000,
                "ServicerName": row.account_name,
                "OssUrl": recording_url(self.world, log, row),
            }
            for row in one_page(found, page, size)
        ]
        paging = {"CurrentPage": page, "OnePageSize": size}
        totals = {"TotalPage": pages_of(found, size), "TotalResults": len(found)}
        return succeeded_200(ResultData={**paging, **totals, "Data": rows})

    def record_url(self, given: Given) -> dict[str, Any]:
        if given.demand("RecordType") not in _RECORD_TYPES:
            raise ApiRefusal("ParameterError", "The parameter RecordType is not valid.", 500)
        return {"Success": True, "Message": "OK", "Data": self._link(given)}

    def record_data(self, given: Given) -> dict[str, Any]:
        return succeeded_200(Data=self._link(given))

    def _link(self, given: Given) -> dict[str, str]:
        log, acid = self._log(given), given.demand("Acid")
        recorded = [row for row in log.legs_of(acid) if log.has_recording(row)]
        # What is said of a call without a recording is a guess: the session alone.
        return {"Acid": acid} | ({"OssLink": recording_url(self.world, log, recorded[0])} if recorded else {})

    def message_log(self, given: Given) -> dict[str, Any]:
        legs = self._log(given).legs_of(given.demand("Acid"))
        return succeeded_briefly(Data=[line for leg in legs if leg.picked_up_at for line in _spoken(leg)])

    def waiting_number(self, given: Given) -> dict[str, Any]:
        center = self.world.contact_centers[given.instance_id]
        if given.demand("AccountName") not in center.agents:
            raise ApiRefusal("NoAgentFound", "The specified agent does not exist.", 500)
        busy = sum(state == _BUSY for state, _ in center.states.values())
        return {"Code": "Success", "Message": "OK", "Success": "true", "Data": busy // 2}

    def touches(self, given: Given) -> dict[str, Any]:
        page, size = _paging(given, "CurrentPage", 20)
        since, until = _moment(given, "CloseTimeStart"), _moment(given, "CloseTimeEnd")
        found = self._log(given).search(_touched(given))
        if (since, until) != (None, None):
            found = [row for row in found if is_within(row.hung_up_at, since, until)]
        rows = [_touch(row) for row in one_page(found, page, size)]
        pages = pages_of(found, size)
        return succeeded_briefly(
            ResultData={
                "CurrentPage": page,
                "Data": rows,
                "Empty": not rows,
                "NextPage": min(page + 1, max(pages, 1)),
                "OnePageSize": size,
                "PreviousPage": max(page - 1, 1),
                "TotalPage": pages,
                "TotalResults": len(found),
            }
        )

    def _log(self, given: Given) -> CallLog:
        return self.world.calls[given.instance_id]


def _wanted(given: Given) -> Wanted:
    def either(name: str) -> frozenset[str]:
        return frozenset([*given.texts(f"{name}List"), *filter(None, [given.text(name)])])

    def number_or(name: str) -> frozenset[int]:
        return frozenset([*given.numbers(f"{name}List"), *([given.number(name)] if given.text(name) else [])])

    return Wanted(
        ids=frozenset(filter(None, [given.text("Id")])),
        acids=either("Acid"),
        call_types=number_or("CallType"),
        call_results=either("CallResult"),
        # The request's names mean the other side than the answer's: CalledNumber is documented as who calls.
        callers=either("CalledNumber"),
        callees=either("CallingNumber"),
        group_ids=number_or("GroupId"),
        group_names=frozenset(filter(None, [given.text("GroupName")])),
        servicer_ids=either("ServicerId"),
        servicer_names=frozenset(filter(None, [given.text("ServicerName")])),
        member_ids=either("MemberId"),
        member_names=frozenset(filter(None, [given.text("MemberName")])),
        since=_moment(given, "QueryStartTime"),
        until=_moment(given, "QueryEndTime"),
    )


def _paging(given: Given, page: str, size: int) -> tuple[int, int]:
    number, wanted = given.number(page, 1), given.number("PageSize", size)
    if number < 1 or not 1 <= wanted <= _LARGEST_PAGE:
        # Neither the largest page nor the code is published; the code is the one of the calls of robots.
        raise ApiRefusal("ParameterError", f"{page} must be from 1, PageSize from 1 to {_LARGEST_PAGE}.", 400)
    return number, wanted


def _moment(given: Given, name: str) -> int | None:
    return given.number(name) if given.text(name) else None


def _detail(row: Call) -> dict[str, Any]:
    """Return a row as it is answered: what did not happen is left out."""
    inbound = row.call_type != OUTBOUND
    members: dict[str, Any] = {
        "Id": row.id,
        "Acid": row.acid,
        "CallType": row.call_type,
        "CallResult": row.call_result,
        "CallingNumber": row.calling_number,
        "CalledNumber": row.called_number,
        "CreateTime": china_time(row.created_at),
        **_stages(row),
        "HangUpTime": china_time(row.hung_up_at),
        "GroupId": row.group_id,
        "GroupName": row.group_name,
        "ServicerId": row.servicer_id,
        "ServicerName": row.servicer_name,
        "MemberId": row.member_id,
        "MemberName": row.member_name,
        "EvaluationLevel": _SURVEY_STEPS if row.evaluation_score else 0,
        "EvaluationScore": row.evaluation_score,
        "ActiveTransferId": row.active_transfer_id,
        "PassiveTransferId": row.passive_transfer_id,
    }
    told = {name: value for name, value in members.items() if value not in {"", 0}}
    told["HangUpRole"] = str(row.hang_up_role) if row.hang_up_role != NOBODY else None
    return told | ({"TrunkCall": ""} if inbound else {})


def _stages(row: Call) -> dict[str, Any]:
    stages: dict[str, Any] = {}
    if row.queued_at:
        stages |= {"InQueueTime": china_time(row.queued_at), "OutQueueTime": china_time(row.dequeued_at)}
        stages |= {"QueueUpContinueTime": row.dequeued_at - row.queued_at}
    if row.ring_started_at:
        stages |= {"RingStartTime": china_time(row.ring_started_at), "RingEndTime": china_time(row.ring_ended_at)}
        stages |= {"RingContinueTime": row.ring_ended_at - row.ring_started_at}
    if row.picked_up_at:
        stages |= {"PickUpTime": china_time(row.picked_up_at)}
        stages |= {"CallContinueTime": row.hung_up_at - row.picked_up_at}
    return stages


def _spoken(leg: Call) -> list[dict[str, Any]]:
    step = max((leg.hung_up_at - leg.picked_up_at) * 1000 // len(_LINES), 1)
    begins = (leg.picked_up_at * 1000 + number * step for number in range(len(_LINES)))
    return [
        {
            "Mid": f"{leg.connection_id}-{number}",
            "Acid": leg.acid,
            "SenderType": sender,
            "Content": content,
            "StartTime": begin,
            "EndTime": begin + step * 3 // 4,
        }
        for number, (begin, (sender, content)) in enumerate(zip(begins, _LINES, strict=True), 1)
    ]


def _touched(given: Given) -> Wanted:
    return Wanted(
        acids=frozenset(given.texts("ChannelId")),
        group_ids=frozenset(given.numbers("QueueId")),
        servicer_ids=frozenset(given.texts("ServicerId")),
        servicer_names=frozenset(given.texts("ServicerName")),
        member_ids=frozenset(given.texts("MemberId")),
        member_names=frozenset(given.texts("MemberName")),
        since=_moment(given, "FirstTimeStart"),
        until=_moment(given, "FirstTimeEnd"),
    )


def _touch(row: Call) -> dict[str, Any]:
    evaluation = {"EvaluationScore": row.evaluation_score, "EvaluationStatus": int(bool(row.evaluation_score))}
    return {
        "ChannelId": row.acid,
        "ChannelType": _HOTLINE_CHANNEL,
        "CloseTime": row.hung_up_at * 1000,
        "CommonQueueName": row.group_name,
        "ExtAttrs": {"Ani": row.calling_number, "Dnis": row.called_number, **evaluation},
        "FirstTime": row.created_at * 1000,
        "GmtCreate": row.created_at * 1000,
        "GmtModified": row.hung_up_at * 1000,
        "MemberId": int(row.member_id),
        "MemberName": row.member_name,
        "QueueId": row.group_id,
        "ServicerId": int(row.servicer_id or 0),
        "ServicerName": row.servicer_name,
        "Status": _ENDED,
        "TouchId": row.connection_id,
        "TouchType": 1 if row.call_type == OUTBOUND else 2,
    }
