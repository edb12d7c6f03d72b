"""What happens to calls: the stages of one call, and the days of a contact center that nobody watched."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.sandbox.contact_center import ContactCenter
    from bridge.sandbox.people import Agent

OUTBOUND: Final = 1
INBOUND: Final = 2
TRANSFERRED: Final = 3
SYSTEM: Final = 1
CUSTOMER: Final = 2
AGENT: Final = 3
NOBODY: Final = 0

CHINA: Final = 8 * 3600
"""Seconds by which China's clocks are ahead of UTC, all year."""
_DAY: Final = 86400
_OPENS: Final = 9 * 3600
_CLOSES: Final = 18 * 3600
_PAST_DAYS: Final = 7
_SATURDAY: Final = 5
_FIRST_DAY: Final = 3
"""1 January 1970 was a Thursday."""
_MENU_TAKES: Final = 5
_NO_LINE: Final = "05710000001"
_MEMBERS: Final = ("匿名会员", "李雷", "韩梅梅", "Anna Schmidt", "Jack Brown")
_FIRST_MEMBER: Final = 78560001
_UNKNOWN_MEMBER: Final = "-1"


@dataclass(frozen=True, slots=True)
class Call:
    """One row of the call details: a call, or one leg of a call that was transferred.

    Times are epoch seconds, 0 for what did not happen; numbers are spelled as in answers: `calling_number` called.

    Args:
        acid: the session; the legs of one call share it.
        connection_id: the connection, whose recording it names.
        hang_up_role: 1 system, 2 customer, 3 agent, 0 unknown.
        account_name: the agent's, which no answer but the recordings' shows.
        evaluation_score: 1 to 5, 0 without an evaluation.
    """

    id: str
    acid: str
    connection_id: str
    call_type: int
    call_result: str
    calling_number: str
    called_number: str
    created_at: int
    queued_at: int = 0
    dequeued_at: int = 0
    ring_started_at: int = 0
    ring_ended_at: int = 0
    picked_up_at: int = 0
    hung_up_at: int = 0
    hang_up_role: int = NOBODY
    group_id: int = 0
    group_name: str = ""
    servicer_id: str = ""
    servicer_name: str = ""
    account_name: str = ""
    member_id: str = _UNKNOWN_MEMBER
    member_name: str = _MEMBERS[0]
    evaluation_score: int = 0
    active_transfer_id: str = ""
    passive_transfer_id: str = ""

    @property
    def customer(self) -> str:
        """Return the number of the other side."""
        return self.called_number if self.call_type == OUTBOUND else self.calling_number


@dataclass(frozen=True, slots=True)
class Course:
    """How a call goes: seconds in each stage, None for a stage that it never reaches."""

    call_type: int
    call_result: str
    hang_up_role: int = NOBODY
    queued: int | None = None
    rang: int | None = None
    talked: int | None = None

    @property
    def has_agent(self) -> bool:
        """Tell whether an agent had to do with it."""
        return self.call_type == OUTBOUND or self.rang is not None

    @property
    def seconds(self) -> int:
        """Return how long it all takes."""
        menu = _MENU_TAKES if self.call_type == INBOUND else 0
        return menu + sum(filter(None, (self.queued, self.rang, self.talked)))


ANSWERED: Final = Course(INBOUND, "normal", CUSTOMER, 15, 5, 180)
DIALLED: Final = Course(OUTBOUND, "normal", AGENT, talked=120)
UNANSWERED: Final = Course(OUTBOUND, "userHangup", rang=30)
DIALLING: Final = Course(OUTBOUND, "dailing", AGENT, rang=12)
RANG_IN_VAIN: Final = Course(INBOUND, "TouchRingCallLoss", CUSTOMER, 10, 25)
GAVE_UP_IN_QUEUE: Final = Course(INBOUND, "touchInQueue", CUSTOMER, 90)
LOST_IN_MENU: Final = Course(INBOUND, "touchInLoss", CUSTOMER)
NO_ROUTE: Final = Course(INBOUND, "touchRouteError", SYSTEM)
QUEUE_FULL: Final = Course(INBOUND, "sysHangup", SYSTEM, 180)
HANDED_ON: Final = Course(INBOUND, "transferAgent", AGENT, 20, 6, 60)
TAKEN_OVER: Final = Course(TRANSFERRED, "normal", CUSTOMER, None, 8, 150)

_PHONE_ENDS: Final = {"agent": AGENT, "customer": CUSTOMER, "transfer": AGENT}

_WEIGHTS: Final = {
    ANSWERED: 50, DIALLED: 20, UNANSWERED: 6, DIALLING: 2, RANG_IN_VAIN: 5, GAVE_UP_IN_QUEUE: 6, LOST_IN_MENU: 3,
    NO_ROUTE: 2, QUEUE_FULL: 2, HANDED_ON: 6,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sides:
    """Who a call concerns: the company's agent and number, and the customer."""

    agent: Agent
    line: str
    customer: str
    member: int = 0
    group_id: int = 0


def tell(course: Course, sides: Sides, center: ContactCenter, serial: int, created_at: int) -> Call:
    """Return the row of a call that took this course; its ids come from `serial`, its times from `created_at`."""
    outbound = course.call_type == OUTBOUND
    ends = (sides.line, sides.customer) if outbound else (sides.customer, sides.line)
    acid = 10_000_000_000 + center.tenant_id * 10_000_000 + 2 * serial
    row = Call(f"acc1c58d{acid:x}", str(acid), str(acid + 1), course.call_type, course.call_result, *ends, created_at)
    answered = course.talked is not None
    row = _with_times(row, course)
    if course.has_agent:
        agent = sides.agent
        row = replace(
            row, servicer_id=str(agent.agent_id), servicer_name=agent.display_name, account_name=agent.account_name
        )
    group = center.groups.get(sides.group_id)
    if group and not outbound and (course.queued is not None or course.has_agent):
        row = replace(row, group_id=group.group_id, group_name=group.display_name)
    if answered and sides.member:
        name = _MEMBERS[sides.member % len(_MEMBERS)]
        row = replace(row, member_id=str(_FIRST_MEMBER + sides.member), member_name=name)
    return row


def _with_times(row: Call, course: Course) -> Call:
    at = row.created_at + (_MENU_TAKES if course.call_type == INBOUND else 0)
    times: dict[str, Any] = {}
    if course.queued is not None:
        times |= {"queued_at": at, "dequeued_at": (at := at + course.queued)}
    if course.rang is not None:
        shown = course.call_type != OUTBOUND  # the real rows leave queue and ring of outbound calls empty
        times |= {"ring_started_at": at} if shown else {}
        at += course.rang
        times |= {"ring_ended_at": at} if shown else {}
    if course.talked is not None:
        times |= {"picked_up_at": at}
        at += course.talked
    return replace(row, hung_up_at=at, hang_up_role=course.hang_up_role, **times)


def past_calls(center: ContactCenter, now: float) -> Iterator[Call]:
    """Yield the calls of the last days that are over by `now`, oldest first; the same ones for the same agents."""
    agents = [agent for agent in center.agents.values() if not agent.frozen]
    today = int(now + CHINA) // _DAY
    serial = 1
    for day in range(today - _PAST_DAYS, today + 1) if agents else ():
        for row in _calls_of(day, agents, center, serial):
            serial += 1
            if row.hung_up_at <= now:
                yield row


def _calls_of(day: int, agents: Sequence[Agent], center: ContactCenter, serial: int) -> Iterator[Call]:
    dice = random.Random(f"{center.instance_id} {day}")  # noqa: S311 — makes a story, keeps no secret
    weekend = (day + _FIRST_DAY) % 7 >= _SATURDAY
    many = dice.randint(4, 8) if weekend else dice.randint(35, 50)
    for second in sorted(dice.randrange(_OPENS, _CLOSES) for _ in range(many)):
        (course,) = dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        row = tell(_varied(course, dice), _sides(agents, center, dice), center, serial, day * _DAY - CHINA + second)
        if row.picked_up_at and course is ANSWERED and dice.random() < 0.4:  # noqa: PLR2004 — two callers of five
            row = replace(row, evaluation_score=dice.choice((5, 5, 5, 4, 4, 3, 2, 1)))
        serial += 1
        yield from transferred(row, dice.choice(agents), center, serial) if course is HANDED_ON else (row,)
        serial += course is HANDED_ON


def transferred(row: Call, to: Agent, center: ContactCenter, serial: int) -> tuple[Call, Call]:
    """Return both legs of a call that its agent handed on to another."""
    group_id = to.groups[0] if to.groups else 0
    sides = Sides(to, row.called_number, row.calling_number, group_id=group_id)
    leg = tell(TAKEN_OVER, sides, center, serial, row.hung_up_at)
    leg = replace(leg, acid=row.acid, member_id=row.member_id, member_name=row.member_name, passive_transfer_id=row.id)
    return replace(row, active_transfer_id=leg.id), leg


def _varied(course: Course, dice: random.Random) -> Course:
    return replace(
        course,
        **{
            stage: round(seconds * dice.uniform(0.3, 2.2))
            for stage in ("queued", "rang", "talked")
            if (seconds := getattr(course, stage)) is not None
        },
    )


def _sides(agents: Sequence[Agent], center: ContactCenter, dice: random.Random) -> Sides:
    agent = dice.choice(agents)
    line = dice.choice(list(center.lines) or [_NO_LINE])
    group_id = dice.choice(agent.groups or tuple(center.groups) or (0,))
    return Sides(agent, line, f"139{dice.randrange(10**8):08}", dice.choice((0, 0, 1, 2, 3, 4)), group_id)


def china_time(at: float) -> str:
    """Return a moment as the contact center writes it: China's clock, without a zone; empty for 0."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at + CHINA)) if at else ""


def first_line(center: ContactCenter) -> str:
    """Return the hotline number that a call takes by default."""
    return next(iter(center.lines), _NO_LINE)


def group_of(agent: Agent) -> int:
    """Return the skill group by which an agent takes calls; 0 for an agent without any."""
    return agent.groups[0] if agent.groups else 0


def phone_course(direction: str, ended_by: str, rang: int, talked: int | None) -> Course:
    """Return how a call at an agent's phone went.

    Args:
        direction: ``in`` or ``out``.
        ended_by: ``agent``, ``customer``, or ``transfer`` where the agent handed it on.
        rang, talked: seconds; None for a call that nobody answered.

    Raises:
        ValueError: for another direction, another end, or less than no time.
    """
    if direction not in {"in", "out"} or ended_by not in _PHONE_ENDS or rang < 0 or (talked or 0) < 0:
        raise ValueError("no such call")
    if talked is None:
        return replace(UNANSWERED, rang=rang) if direction == "out" else replace(RANG_IN_VAIN, queued=0, rang=rang)
    result = HANDED_ON.call_result if ended_by == "transfer" else ANSWERED.call_result
    call_type = OUTBOUND if direction == "out" else INBOUND
    queued = 0 if direction == "in" else None
    return Course(call_type, result, _PHONE_ENDS[ended_by], queued, rang, talked)
