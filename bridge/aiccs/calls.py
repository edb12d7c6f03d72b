"""Calls that were made and taken: their details, their recordings, what was said."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal

from bridge.aiccs.reading import Page, milliseconds, moment, number, part, rows_in, text
from bridge.core.contact_center_errors import CallUnknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.aiccs.client import ContactCenter
    from bridge.aiccs.instance import Instance

Direction = Literal["outbound", "inbound", "transferred", ""]
"""Empty where the contact center names none that is known."""

_DIRECTIONS: Final[dict[int | None, Direction]] = {1: "outbound", 2: "inbound", 3: "transferred"}
_NUMBERS: Final = {name: number for number, name in _DIRECTIONS.items()}
_HUNG_UP_BY: Final = {"1": "system", "2": "customer", "3": "agent"}
RESULTS: Final = (
    "normal",
    "touchRouteError",
    "touchInQueue",
    "touchInLoss",
    "userHangup",
    "sysHangup",
    "transferAgent",
    "dailing",
    "TouchRingCallLoss",
)
"""How a call can end, in the contact center's own words."""


@dataclass(frozen=True, slots=True)
class Call:
    """One row of the call details; moments are epoch seconds, None where there was none.

    Args:
        id: of this row; a transferred call has several rows.
        call_id: of the whole call (Acid).
        result: the contact center's word, see `RESULTS`.
        caller, callee: phone numbers as they came.
        hung_up_by: ``system``, ``customer``, ``agent`` or nothing.
        talk_seconds, queue_seconds, ring_seconds: None where it was not told.
        agent_id, agent_name: of the agent, empty where nobody answered.
        score, score_levels: what the customer gave, on a scale of so many steps.
    """

    id: str
    call_id: str
    direction: Direction
    result: str
    caller: str
    callee: str
    created_at: float | None
    queued_at: float | None = None
    left_queue_at: float | None = None
    ring_began_at: float | None = None
    ring_ended_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    queue_seconds: int | None = None
    ring_seconds: int | None = None
    talk_seconds: int | None = None
    hung_up_by: str = ""
    group_id: str = ""
    group_name: str = ""
    agent_id: str = ""
    agent_name: str = ""
    member_id: str = ""
    member_name: str = ""
    score: int | None = None
    score_levels: int | None = None
    transferred_from: str = ""
    transferred_to: str = ""
    trunk: str = ""

    @property
    def was_answered(self) -> bool:
        """Whether somebody spoke."""
        return self.answered_at is not None or bool(self.talk_seconds)


@dataclass(frozen=True, slots=True)
class CallSearch:
    """What to look for; empty fields match everything.

    Args:
        since, until: epoch seconds; a call belongs to the moment at which it came up.
        agent_ids: numbers of agents, any of which it may be.
        caller, callee: whole phone numbers.
    """

    since: float
    until: float
    agent_ids: tuple[str, ...] = ()
    group_ids: tuple[int, ...] = ()
    directions: tuple[Direction, ...] = ()
    results: tuple[str, ...] = ()
    caller: str = ""
    callee: str = ""
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording of one connection of a call; moments are epoch seconds.

    Args:
        link: where it lies, signed and good for a while that is published nowhere: a secret.
    """

    call_id: str
    connection_id: str
    began_at: float | None
    ended_at: float | None
    link: str


@dataclass(frozen=True, slots=True)
class Said:
    """One line of what was said; `who` is ``customer`` or ``agent``, moments are epoch seconds."""

    who: str
    words: str
    began_at: float | None
    ended_at: float | None


class Calls:
    """Asks the contact center about calls."""

    def __init__(self, contact_center: ContactCenter) -> None:
        self._contact_center = contact_center

    def search(self, instance: Instance, wanted: CallSearch) -> Iterator[Call]:
        """Yield the calls that match, in the contact center's order, a page in memory at a time (HotlineSessionQuery).

        Raises:
            ContactCenterError, ContactCenterUnreachable: as `ContactCenter.read`.
        """
        rows = self._contact_center.pages(
            instance, "hotline_session_query", _page, page="page_no", **_parameters(wanted)
        )
        return (_read(row, instance.access.utc_offset) for row in rows)

    def page(self, instance: Instance, wanted: CallSearch, number_of_page: int, size: int) -> tuple[list[Call], int]:
        """Return one page of the calls that match, from 1, and how many match in all; raises as `search`."""
        answer = self._contact_center.read(
            instance, "hotline_session_query", page_no=number_of_page, page_size=size, **_parameters(wanted)
        )
        page = _page(answer)
        calls = [_read(row, instance.access.utc_offset) for row in page.rows]
        return calls, page.total if page.total is not None else len(calls)

    def find(self, instance: Instance, call_id: str) -> list[Call]:
        """Return the rows of one call, oldest first; raises CallUnknown, and as `search`."""
        pages = self._contact_center.pages(instance, "hotline_session_query", _page, page="page_no", acid=call_id)
        rows = islice(pages, _MOST_ROWS)
        found = [call for call in (_read(row, instance.access.utc_offset) for row in rows) if call.call_id == call_id]
        if not found:
            raise CallUnknown(expected="the id of a call", received="another")
        return sorted(found, key=lambda call: call.created_at or 0)

    def recordings(self, instance: Instance, call_id: str) -> list[Recording]:
        """Return the recordings of one call, one for each connection; none so soon after it (ListHotlineRecord).

        Raises:
            ContactCenterError, ContactCenterUnreachable: as `ContactCenter.read`.
        """
        answer = self._contact_center.read(instance, "list_hotline_record", call_id=call_id)
        return [
            Recording(
                call_id=text(row, "CallId") or call_id,
                connection_id=text(row, "ConnectionId"),
                began_at=milliseconds(row, "StartTime"),
                ended_at=milliseconds(row, "EndTime"),
                link=text(row, "Url"),
            )
            for row in rows_in(answer.get("Data"))
            if row.get("Url")
        ]

    def words(self, instance: Instance, call_id: str) -> list[Said]:
        """Return what was said, where it was written down (GetHotlineMessageLog); raises as `recordings`."""
        answer = self._contact_center.read(instance, "get_hotline_message_log", acid=call_id)
        rows = sorted(rows_in(answer.get("Data")), key=lambda row: number(row, "StartTime") or 0)
        return [
            Said(
                "agent" if number(row, "SenderType") == _AGENT else "customer",
                text(row, "Content"),
                milliseconds(row, "StartTime"),
                milliseconds(row, "EndTime"),
            )
            for row in rows
        ]


_AGENT: Final = 2
_MOST_ROWS: Final = 200
"""Rows that are looked at for one call, however many a contact center tells that finds others, too."""


def _parameters(wanted: CallSearch) -> dict[str, object]:
    directions = [_NUMBERS[one] for one in wanted.directions if one in _NUMBERS]
    return {
        "query_start_time": int(wanted.since * 1000),
        "query_end_time": int(wanted.until * 1000),
        "servicer_id_list": list(wanted.agent_ids) or None,
        "group_id_list": list(wanted.group_ids) or None,
        "call_type_list": directions or None,
        "call_result_list": list(wanted.results) or None,
        # In the request the two names are documented the other way round than in the answer.
        "called_number": wanted.caller or None,
        "calling_number": wanted.callee or None,
        "acid": wanted.call_id or None,
    }


def _page(answer: Mapping[str, Any]) -> Page:
    data = part(answer, "Data")
    return Page(data.get("CallDetailRecord"), data.get("TotalCount"))


def _read(row: Mapping[str, Any], utc_offset: str) -> Call:
    def at(name: str) -> float | None:
        return moment(row, name, utc_offset)

    return Call(
        id=text(row, "Id"),
        call_id=text(row, "Acid"),
        direction=_DIRECTIONS.get(number(row, "CallType"), ""),
        result=text(row, "CallResult"),
        caller=text(row, "CallingNumber"),
        callee=text(row, "CalledNumber"),
        created_at=at("CreateTime"),
        queued_at=at("InQueueTime"),
        left_queue_at=at("OutQueueTime"),
        ring_began_at=at("RingStartTime"),
        ring_ended_at=at("RingEndTime"),
        answered_at=at("PickUpTime"),
        ended_at=at("HangUpTime"),
        queue_seconds=number(row, "QueueUpContinueTime"),
        ring_seconds=number(row, "RingContinueTime"),
        talk_seconds=number(row, "CallContinueTime"),
        hung_up_by=_HUNG_UP_BY.get(text(row, "HangUpRole"), ""),
        group_id=text(row, "GroupId"),
        group_name=text(row, "GroupName"),
        agent_id=text(row, "ServicerId"),
        agent_name=text(row, "ServicerName"),
        member_id=text(row, "MemberId"),
        member_name=text(row, "MemberName"),
        score=number(row, "EvaluationScore"),
        score_levels=number(row, "EvaluationLevel"),
        transferred_from=text(row, "PassiveTransferId"),
        transferred_to=text(row, "ActiveTransferId"),
        trunk=text(row, "TrunkCall"),
    )
