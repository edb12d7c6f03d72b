"""Who would arrive as which agent: staff and recent sign-ins beside all agents of an instance, before go-live."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.core.errors import ContactCenterError, MappingFieldMissing, RequestInvalid
from bridge.core.mapping import account_name_of
from bridge.provisioning.nearest import Nearest
from bridge.provisioning.verdicts import MEANINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bridge.aiccs.agents import Agent
    from bridge.aiccs.contact_center import ContactCenterDesk
    from bridge.aiccs.instance import Instance
    from bridge.ops.trail import Arrival
    from bridge.provisioning.verdicts import Verdict

MOST_LOOK_UPS: Final = 200
"""People who are asked for one by one, since an agent in no skill group is in no list."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the staff list, of the sign-ins, or of both.

    Args:
        name: what would have to equal AccountName; for ``unnamed`` the best name that the provider gave.
        is_staff: whether the staff list has them.
        seen_at: epoch seconds of the newest sign-in, None where there was none.
        code: how that one ended.
        agents: who it is, or who comes close.
        score: percent of agreement of a mistyped name, None where it is no matter of degree.
    """

    name: str
    verdict: Verdict
    is_staff: bool
    seen_at: float | None = None
    code: str = ""
    agents: tuple[Agent, ...] = ()
    score: int | None = None


@dataclass(frozen=True, slots=True)
class Idle:
    """An agent whose AccountName is nobody's, and who comes close to it."""

    agent: Agent
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """The whole report.

    Args:
        people: by verdict in the order of `MEANINGS`, then by name.
        idle: agents without a person, by name.
        agents: how many agents are known.
        repeated: names that stand several times in the staff list: those people would be one agent.
        unasked: how many people were not looked up one by one, since there were too many.
        uncompared: how many of ``nobody`` may have made a typing error that was not looked for, since there was too
            much to compare.
    """

    people: tuple[Person, ...]
    idle: tuple[Idle, ...]
    agents: int
    repeated: tuple[str, ...] = ()
    unasked: int = 0
    uncompared: int = 0

    def counts(self) -> dict[Verdict, int]:
        """Return how many people have each verdict, in the order of `MEANINGS`."""
        found = Counter(person.verdict for person in self.people)
        return {verdict: found[verdict] for verdict in MEANINGS}

    def of(self, verdict: Verdict) -> tuple[Person, ...]:
        """Return the people with a verdict."""
        return tuple(person for person in self.people if person.verdict == verdict)

    def summary(self) -> dict[str, Any]:
        """Return the numbers that the journal keeps: no names."""
        return {
            "people": len(self.people),
            "staff": self.staff,
            "staff_without_agent": self.staff_without_agent,
            "agents": self.agents,
            "agents_without_person": len(self.idle),
        }

    @property
    def staff(self) -> int:
        """How many people the staff list has."""
        return sum(person.is_staff for person in self.people)

    @property
    def staff_without_agent(self) -> int:
        """How many of the staff could not work: all that do not map to an agent who may."""
        return sum(person.is_staff and person.verdict != "maps" for person in self.people)

    @property
    def staff_unsure(self) -> int:
        """How many of those nobody can tell about: it is not published whether such a spelling is the same agent."""
        return sum(person.is_staff and person.verdict == "case" for person in self.people)


def gather(desk: ContactCenterDesk, instance: Instance, arrivals: Sequence[Arrival], staff: Sequence[str]) -> Coverage:
    """Ask for all agents, then for the missing people one by one, and return the report.

    Args:
        desk: as patient as the caller has time.
        arrivals: the connection's, newest first.
        staff: names of the staff list.

    Raises:
        ContactCenterError, ContactCenterUnreachable: the agents could not be listed, or nobody answered.
    """
    agents = {agent.account_name: agent for agent in desk.agents.everyone(instance)}
    wanted = dict.fromkeys([*staff, *(one.person for one in arrivals if one.is_mapped)])
    missing = [name for name in wanted if name not in agents and _can_be_asked(name)]
    unasked = max(len(missing) - MOST_LOOK_UPS, 0)
    for name in missing[:MOST_LOOK_UPS]:
        try:
            agent = desk.agents.look_up(instance, name)
        except ContactCenterError:
            # A name that this operation takes for none says nothing about the others.
            unasked += 1
            continue
        if agent is not None:
            agents.setdefault(agent.account_name, agent)
    return report(agents.values(), arrivals, staff, unasked=unasked)


def _can_be_asked(name: str) -> bool:
    try:
        account_name_of(name)
    except RequestInvalid:
        return False
    return True


def report(agents: Iterable[Agent], arrivals: Iterable[Arrival], staff: Sequence[str], *, unasked: int = 0) -> Coverage:
    """Return the verdict on everybody, and the agents that nobody is.

    Args:
        agents: all of the instance.
        arrivals: recent sign-ins, newest first.
        staff: names of the staff list.
        unasked: how many of them may have an agent in no skill group that was not asked for.
    """
    by_name = {agent.account_name: agent for agent in agents}
    arrivals = list(arrivals)
    newest = {one.person: one for one in reversed(arrivals) if one.is_mapped}
    names = dict.fromkeys([*staff, *newest])
    living = [agent for agent in by_name.values() if not agent.is_deleted]
    nearest, listed = Nearest(living, names), set(staff)
    people = [_person(name, name in listed, newest.get(name), by_name.get(name), nearest) for name in names]
    people += _unnamed(reversed(arrivals), newest)
    return Coverage(
        people=tuple(sorted(people, key=_place)),
        idle=tuple(_idle(living, people)),
        agents=len(living),
        repeated=tuple(name for name, times in Counter(staff).items() if times > 1),
        unasked=unasked,
        uncompared=nearest.uncompared,
    )


def _person(name: str, is_staff: bool, arrival: Arrival | None, agent: Agent | None, nearest: Nearest) -> Person:  # noqa: FBT001 — private
    seen_at, code = (arrival.at, arrival.code) if arrival else (None, "")
    if agent is not None:
        verdict: Verdict = "deleted" if agent.is_deleted else "frozen" if agent.is_frozen else "maps"
        return Person(name, verdict, is_staff, seen_at, code, (agent,))
    hit = nearest.find(name)
    if hit is None:
        return Person(name, "nobody", is_staff, seen_at, code)
    verdict = hit.likeness if len(hit.agents) == 1 else "ambiguous"
    return Person(name, verdict, is_staff, seen_at, code, hit.agents, hit.score)


def _unnamed(arrivals: Iterable[Arrival], mapped: Mapping[str, Arrival]) -> list[Person]:
    """Return who came without a value in the mapping field, unless the same name came with one; oldest first."""
    found = {one.person: one for one in arrivals if one.code == MappingFieldMissing.code and one.person not in mapped}
    return [Person(one.person, "unnamed", is_staff=False, seen_at=one.at, code=one.code) for one in found.values()]


def _idle(agents: Iterable[Agent], people: Iterable[Person]) -> list[Idle]:
    taken, near = set[str](), dict[str, list[str]]()
    for person in people:
        for agent in person.agents:
            if person.name == agent.account_name:
                taken.add(agent.account_name)
            else:
                near.setdefault(agent.account_name, []).append(person.name)
    idle = (Idle(one, tuple(near.get(one.account_name, ()))) for one in agents if one.account_name not in taken)
    return sorted(idle, key=lambda one: one.agent.account_name.casefold())


def _place(person: Person) -> tuple[int, str]:
    return _ORDER.index(person.verdict), person.name.casefold()


_ORDER: Final = tuple(MEANINGS)
