"""One call as its page tells it: what happened when, how long each part took, and what was said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from flask_babel import gettext

from bridge.calls.masking import without_numbers_in
from bridge.web.admin.call_words import ENDED_BY, span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.aiccs.calls import Call, Said


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened.

    Args:
        at: epoch seconds; `after` the moment before it by so many, None at the first.
        note: more, in words.
        tone: ``plain``, ``wait``, ``good``, ``stop`` or ``end``.
    """

    at: float
    words: str
    note: str = ""
    tone: str = "plain"
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a call as it is drawn; `start` and `width` in percent of the whole."""

    kind: str
    words: str
    start: float
    width: float
    seconds: float


def moments(call: Call) -> list[Moment]:
    """Return what happened in one row of a call, in its order."""
    told = [moment for at, moment in _told(call) if at is not None]
    in_order = sorted(told, key=lambda moment: moment.at)
    later = [replace(moment, after=moment.at - before.at) for before, moment in pairwise(in_order)]
    return [*in_order[:1], *later]


def stretches(call: Call) -> list[Stretch]:
    """Return queue, ringing and talk of one row side by side; none where nothing of it took time."""
    parts = [
        ("queue", gettext("Queue"), call.queued_at, call.left_queue_at),
        ("ring", gettext("Ringing"), call.ring_began_at, call.ring_ended_at),
        ("talk", gettext("Talk"), call.answered_at, call.ended_at),
    ]
    began, ended = call.created_at, call.ended_at
    if began is None or ended is None or ended <= began:
        return []
    whole = ended - began
    return [
        Stretch(kind, str(words), _percent(since - began, whole), _percent(until - since, whole), until - since)
        for kind, words, since, until in parts
        if since is not None and until is not None and began <= since < until <= ended
    ]


def without_spoken_numbers(said: Iterable[Said]) -> list[Said]:
    """Return what was said with the phone numbers in it masked."""
    return [replace(one, words=without_numbers_in(one.words)) for one in said]


def _told(call: Call) -> list[tuple[float | None, Moment]]:
    who, group, is_dialled = call.agent_name or gettext("the agent"), call.group_name, call.direction == "outbound"
    rings = gettext("Rings at the customer") if is_dialled else gettext("Rings at %(who)s", who=who)
    answers = gettext("The customer answers") if is_dialled else gettext("%(who)s answers", who=who)
    waiting = gettext("Waits in the queue of %(group)s", group=group) if group else gettext("Waits in the queue")
    ended = gettext("Hands the call on") if call.transferred_to else ENDED_BY.get(call.hung_up_by)
    talked = gettext("talked for %(time)s", time=span(call.talk_seconds)) if call.talk_seconds else ""
    told = [
        (call.created_at, _beginning(call), "", "plain"),
        (call.queued_at, waiting, "", "wait"),
        (call.left_queue_at if call.ring_began_at is None else None, gettext("Leaves the queue"), "", "plain"),
        (call.ring_began_at, rings, "", "wait"),
        (call.answered_at, answers, "", "good"),
        (call.ended_at, str(ended or gettext("The call ended")), str(talked), "end" if call.was_answered else "stop"),
    ]
    return [(at, Moment(at or 0.0, str(words), note, tone)) for at, words, note, tone in told]


def _beginning(call: Call) -> str:
    if call.direction == "outbound":
        return str(gettext("%(who)s dials", who=call.agent_name or gettext("the agent")))
    return str(gettext("The call is handed on") if call.direction == "transferred" else gettext("The call comes in"))


def _percent(part: float, whole: float) -> float:
    return round(part / whole * 100, 2)
