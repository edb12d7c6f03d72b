"""Calls and recordings of the contact center: phone numbers masked, unless the key may see them and asks for them."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import astuple, replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from pydantic import Field

from bridge.aiccs.calls import RESULTS, CallSearch
from bridge.calls.listeners import Listener
from bridge.calls.listing import Listing, Place
from bridge.calls.masking import without_numbers
from bridge.connections.secrets import SealBroken
from bridge.core.contact_center_errors import (
    CallUnknown,
    RecordingInvalid,
    RecordingMissing,
    RecordingNotReady,
    RecordingUnreachable,
)
from bridge.core.errors import AgentUnknown, RequestInvalid, showable
from bridge.core.mapping import account_name_of
from bridge.http.api import PREFIX, Call, Desk, Message, Nothing
from bridge.http.api_pages import Page, PageQuery
from bridge.http.api_places import REFUSALS
from bridge.http.audio import audio_answer
from bridge.http.contact_center import own_instance
from bridge.http.current import services
from bridge.http.moments import moment_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask import Response

    from bridge.aiccs.calls import Call as CallRow
    from bridge.aiccs.calls import Recording
    from bridge.aiccs.instance import Instance

desk = Desk("calls", "Calls")

_DAY = 86_400
_NUMBER = r"^\+?[0-9]{2,20}$"
_WHOLE = "calls:numbers"
_BY_NUMBER = f"Needs the scope `{_WHOLE}`, and each request with it is journaled."
_PURPOSE = "calls-cursor"
_ID = re.compile("[0-9]{1,18}", re.ASCII)


class NumbersQuery(Message):
    """How phone numbers are told."""

    numbers: Literal["masked", "whole"] = Field(
        default="masked",
        description=f"`whole` needs the scope `{_WHOLE}`, and each request for it is journaled.",
    )


class CallsQuery(PageQuery, NumbersQuery):
    """Which calls."""

    since: str = Field(
        default="",
        alias="from",
        max_length=40,
        description="The first moment, as RFC 3339 with its offset or as seconds since the epoch; left out: a day "
        "before `to`.",
    )
    until: str = Field(
        default="", alias="to", max_length=40, description="The moment after the last one; left out: now."
    )
    account_name: str = Field(default="", max_length=255, description="Only this agent's.")
    direction: Literal["", "inbound", "outbound", "transferred"] = Field(default="", description="Only these.")
    result: str = Field(
        default="",
        pattern=f"^({'|'.join(RESULTS)}|)$",
        description="Only those that ended so, in the contact center's own words.",
    )
    skill_group_id: int = Field(default=0, ge=0, description="Only those of this skill group.")
    caller: str = Field(default="", pattern=f"{_NUMBER}|^$", description=f"Whole number of who called. {_BY_NUMBER}")
    callee: str = Field(
        default="", pattern=f"{_NUMBER}|^$", description=f"Whole number of who was called. {_BY_NUMBER}"
    )


class CallAnswer(Message):
    """One row of the call details: a call, or one leg of a transferred one; moments are seconds since the epoch."""

    id: str = Field(description="Of this row.", examples=["acc1c58d255a0a961"])
    call_id: str = Field(description="Of the whole call.", examples=["10009060001"])
    direction: Literal["inbound", "outbound", "transferred", ""] = Field(examples=["inbound"])
    result: str = Field(description="The contact center's word.", examples=["normal"])
    is_answered: bool = Field(description="Whether an agent spoke.", examples=[True])
    caller: str = Field(examples=["139****0001"])
    callee: str = Field(examples=["057****0001"])
    created_at: int | None = Field(examples=[1795378628])
    queued_at: int | None = Field(examples=[1795378633])
    ring_began_at: int | None = Field(examples=[1795378648])
    answered_at: int | None = Field(examples=[1795378653])
    ended_at: int | None = Field(examples=[1795378833])
    queue_seconds: int | None = Field(examples=[15])
    ring_seconds: int | None = Field(examples=[5])
    talk_seconds: int | None = Field(examples=[180])
    hung_up_by: str = Field(description="`system`, `customer`, `agent` or empty.", examples=["customer"])
    skill_group_id: int | None = Field(description="null: none, or none that can be read.", examples=[1234001])
    skill_group_name: str = Field(examples=["Support"])
    agent_id: str = Field(examples=["25780001"])
    agent_name: str = Field(examples=["Lin"])
    member_id: str = Field(description="The customer, where the contact center knows them.", examples=["78560001"])
    member_name: str = Field(examples=["Anna Schmidt"])
    score: int | None = Field(description="What the customer gave.", examples=[5])
    score_levels: int | None = Field(description="Steps of the scale.", examples=[5])
    transferred_from: str = Field(description="`id` of the row before.", examples=[""])
    transferred_to: str = Field(description="`id` of the row after.", examples=[""])


class CallPage(Page):
    """Calls, newest first."""

    items: list[CallAnswer]


class WholeCall(Message):
    """All rows of one call, oldest first: a transferred one has several."""

    call_id: str = Field(examples=["10009060001"])
    rows: list[CallAnswer]


class RecordingAnswer(Message):
    """One recording; moments are seconds since the epoch."""

    recording_id: str = Field(examples=["10009060002"])
    began_at: int | None = Field(examples=[1795378653])
    ended_at: int | None = Field(examples=[1795378833])
    path: str = Field(
        description="Where it is fetched, with the key.",
        examples=["/api/v1/connections/contoso/calls/10009060001/recordings/10009060002"],
    )


class RecordingsAnswer(Message):
    """The recordings of a call."""

    state: Literal["ready", "not_ready", "none"] = Field(
        description="`not_ready`: the call has just ended, ask again in some minutes.", examples=["ready"]
    )
    items: list[RecordingAnswer]


@desk.operation(
    "GET",
    "/connections/<connection>/calls",
    scope="calls",
    query=CallsQuery,
    gives=CallPage,
    refuses=REFUSALS,
    not_found=(AgentUnknown,),
)
def list_calls(call: Call[Nothing, CallsQuery]) -> CallPage:
    """List the calls of a period, newest first.

    No call is told twice on the pages of a list, also when others come in meanwhile; those are found by the next one.
    """
    query, instance = call.query, own_instance(call.connection)
    _check_numbers(call, query)
    if query.caller or query.callee:
        # A masked number leaves so few that whoever may search by number can try them all.
        call.key.check_scope(_WHOLE)
    wanted = _search(query, instance)
    asked = _digest(call, wanted)
    after = _after(query.cursor, asked)
    rows, place = Listing(services().contact_center.calls, instance, wanted).page(query.limit, after)
    period: dict[str, Any] = {"since": int(wanted.since), "until": int(wanted.until) + 1}
    _journal(call, query, calls=len(rows), **period)
    if query.caller or query.callee:
        _journal_search(call, calls=len(rows), **period)
    return CallPage(items=_told(call, rows, query), next_cursor=_cursor(place, asked))


@desk.operation(
    "GET",
    "/connections/<connection>/calls/<call_id>",
    scope="calls",
    query=NumbersQuery,
    gives=WholeCall,
    refuses=(CallUnknown, *REFUSALS),
)
def show_call(call: Call[Nothing, NumbersQuery]) -> WholeCall:
    """Show one call."""
    _check_numbers(call, call.query)
    rows = _rows(call)
    _journal(call, call.query, call=rows[0].call_id)
    return WholeCall(call_id=rows[0].call_id, rows=_told(call, rows, call.query))


@desk.operation(
    "GET",
    "/connections/<connection>/calls/<call_id>/recordings",
    scope="calls",
    gives=RecordingsAnswer,
    refuses=(CallUnknown, *REFUSALS),
)
def list_recordings(call: Call[Nothing, Nothing]) -> RecordingsAnswer:
    """List the recordings of a call.

    That there is none yet is no refusal but a state.
    """
    rows = _rows(call)
    held = services().recordings.of(own_instance(call.connection), rows)
    return RecordingsAnswer(state=held.state, items=[_recording(call, rows[0].call_id, one) for one in held.recordings])


@desk.audio(
    "/connections/<connection>/calls/<call_id>/recordings/<recording_id>",
    scope="calls",
    refuses=(
        CallUnknown,
        RecordingMissing,
        RecordingNotReady,
        RecordingInvalid,
        RecordingUnreachable,
        *REFUSALS,
    ),
)
def fetch_recording(call: Call[Nothing, Nothing]) -> Response:
    """Fetch a recording.

    It comes through the bridge: where it lies, and the key to it, are told to nobody.
    """
    instance, listener = own_instance(call.connection), Listener("api_key", call.connection.name, call.key.id)
    return audio_answer(instance, call.path["call_id"], call.path["recording_id"], listener)


# What is looked for ---------------------------------------------------------------------------------------------------


def _search(query: CallsQuery, instance: Instance) -> CallSearch:
    now = services().now()
    # Moments of calls are whole seconds, and the search's end belongs to it.
    end = min(math.ceil(moment_in(query.until, "to") if query.until else now + 1), math.floor(now) + 1)
    begin = math.ceil(moment_in(query.since, "from")) if query.since else max(end - _DAY, 0)
    if query.since and query.until and moment_in(query.since, "from") > moment_in(query.until, "to"):
        raise RequestInvalid(expected="to: no moment before from", received="an earlier one")
    return CallSearch(
        since=begin,
        until=end - 1,
        agent_ids=_agent_ids(query.account_name, instance),
        group_ids=(query.skill_group_id,) if query.skill_group_id else (),
        directions=(query.direction,) if query.direction else (),
        results=(query.result,) if query.result else (),
        caller=query.caller,
        callee=query.callee,
    )


def _agent_ids(account_name: str, instance: Instance) -> tuple[str, ...]:
    if not account_name:
        return ()
    agent = services().contact_center.agents.find(instance, account_name_of(account_name))
    if agent is None or not agent.agent_id:
        # Without a number nothing would be searched by, and everybody's calls be found.
        raise AgentUnknown(expected=f"an agent with AccountName {showable(account_name)}", received="none")
    return (agent.agent_id,)


def _digest(call: Call[Any, Any], wanted: CallSearch) -> str:
    """Return what a list is told by: its period may move on between two pages, and all else may not."""
    asked = (call.connection.name, replace(wanted, since=0, until=0))
    return hashlib.sha256(repr(asked).encode(errors="surrogatepass")).hexdigest()


def _cursor(place: Place | None, asked: str) -> str | None:
    return services().key_ring.seal(_PURPOSE, {"place": astuple(place), "of": asked}) if place else None


def _after(cursor: str, asked: str) -> Place | None:
    """Return the place in a cursor of ours: an invented one could name a window of years, which is read at once."""
    if not cursor:
        return None
    try:
        record = services().key_ring.open(_PURPOSE, cursor)
    except SealBroken as fault:
        raise RequestInvalid(expected="cursor as next_cursor gave it", received="another text") from fault
    if record["of"] != asked:
        raise RequestInvalid(expected="cursor with the same parameters", received="others")
    return Place(*record["place"])


def _rows(call: Call[Any, Any]) -> list[CallRow]:
    return services().contact_center.calls.find(own_instance(call.connection), call.path["call_id"])


# What is told ---------------------------------------------------------------------------------------------------------


def _check_numbers(call: Call[Any, Any], query: NumbersQuery) -> None:
    if query.numbers == "whole":
        call.key.check_scope(_WHOLE)


def _journal(asker: Call[Any, Any], query: NumbersQuery, **what: Any) -> None:
    if query.numbers == "whole":
        services().journal.record_act("numbers_unmasked", actor=asker.actor, connection=asker.connection.name, **what)


def _journal_search(asker: Call[Any, Any], **what: Any) -> None:
    """Keep that somebody searched by a number; never the number."""
    services().journal.record_act(
        "calls_searched_by_number", actor=asker.actor, connection=asker.connection.name, **what
    )


def _told(asker: Call[Any, Any], rows: Iterable[CallRow], query: NumbersQuery) -> list[CallAnswer]:
    if query.numbers == "whole":
        return [_answer(row) for row in rows]
    own = services().overviews.landmarks(asker.connection.name, own_instance(asker.connection)).lines
    return [_answer(without_numbers(row, own)) for row in rows]


def _answer(row: CallRow) -> CallAnswer:
    return CallAnswer(
        id=row.id,
        call_id=row.call_id,
        direction=row.direction,
        result=row.result,
        is_answered=row.was_answered,
        caller=row.caller,
        callee=row.callee,
        created_at=_second(row.created_at),
        queued_at=_second(row.queued_at),
        ring_began_at=_second(row.ring_began_at),
        answered_at=_second(row.answered_at),
        ended_at=_second(row.ended_at),
        queue_seconds=row.queue_seconds,
        ring_seconds=row.ring_seconds,
        talk_seconds=row.talk_seconds,
        hung_up_by=row.hung_up_by,
        skill_group_id=int(row.group_id) if _ID.fullmatch(row.group_id) else None,
        skill_group_name=row.group_name,
        agent_id=row.agent_id,
        agent_name=row.agent_name,
        member_id=row.member_id,
        member_name=row.member_name,
        score=row.score,
        score_levels=row.score_levels,
        transferred_from=row.transferred_from,
        transferred_to=row.transferred_to,
    )


def _recording(call: Call[Any, Any], call_id: str, recording: Recording) -> RecordingAnswer:
    way = f"{PREFIX}/connections/{call.connection.name}/calls/{quote(call_id, safe='')}/recordings"
    return RecordingAnswer(
        recording_id=recording.connection_id,
        began_at=_second(recording.began_at),
        ended_at=_second(recording.ended_at),
        path=f"{way}/{quote(recording.connection_id, safe='')}",
    )


def _second(moment: float | None) -> int | None:
    return None if moment is None else int(moment)
