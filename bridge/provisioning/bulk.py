"""Many agents at once: what a file of them would change, told before anything is done."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from bridge.core.contact_center_errors import RosterInvalid
from bridge.core.wording import said

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bridge.aiccs.agents import Agent
    from bridge.aiccs.contact_center import ContactCenterDesk
    from bridge.aiccs.instance import Instance
    from bridge.aiccs.skill_groups import SkillGroup
    from bridge.provisioning.roster_file import Row

Act = Literal["create", "update", "delete", "unchanged", "frozen", "deleted", "faulty"]
"""What becomes of an agent; who is frozen, or was deleted before, is left alone unless somebody asks for them."""
NEEDED: Final[frozenset[str]] = frozenset({"create", "update", "delete"})
"""The acts that change something."""
_MOST_TOLD: Final = 10


@dataclass(frozen=True, slots=True)
class Wishes:
    """How far an import goes.

    Args:
        delete_missing: deletes whoever is in a skill group and not in the file.
        also_frozen: changes frozen agents too; they stay frozen, which the OpenAPI cannot change.
        also_deleted: makes agents again that were deleted before; they get their old number back.
        delete_many: deletes more than half of all agents too, if they are missing.
    """

    delete_missing: bool = False
    also_frozen: bool = False
    also_deleted: bool = False
    delete_many: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """What an import sets of an agent; `groups` are the display names of `group_ids`, in the same order."""

    display_name: str
    group_ids: tuple[int, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one agent.

    Args:
        line: in the file; 0: it is not there.
        before: as the contact center has it; None where it has none.
        after: as it is going to be; None where it is going to go, and where the line is wrong.
        why: what is wrong with the line, for people.
    """

    line: int
    account_name: str
    act: Act
    before: Profile | None = None
    after: Profile | None = None
    why: str = ""

    @property
    def is_needed(self) -> bool:
        """Whether it changes anything."""
        return self.act in NEEDED


@dataclass(frozen=True, slots=True)
class Plan:
    """All that an import would do, in the order of the file, deletions at the end."""

    steps: tuple[Step, ...]

    @property
    def needed(self) -> tuple[Step, ...]:
        """The steps that change something."""
        return tuple(step for step in self.steps if step.is_needed)

    def counts(self) -> Counter[str]:
        """Count the steps by their act."""
        return Counter(step.act for step in self.steps)


class Ground:
    """What the contact center has before an import.

    Args:
        agents: those of all skill groups; who is in none has to be looked up.
        groups: all of the instance.
    """

    def __init__(self, agents: Iterable[Agent], groups: Iterable[SkillGroup]) -> None:
        self.agents: Mapping[str, Agent] = {agent.account_name: agent for agent in agents}
        self.groups: Sequence[SkillGroup] = tuple(groups)
        self._spelt = {name.casefold(): name for name in self.agents}
        self._display = {group.id: group.display_name for group in self.groups}
        self._meant = defaultdict[str, set[int]](set)
        for group in self.groups:
            for name in (group.name, group.display_name, f"#{group.id}"):
                self._meant[name].add(group.id)

    def knows(self, account_name: str) -> bool:
        """Say whether nothing has to be asked about this account any more."""
        return account_name.casefold() in self._spelt

    def spelling(self, account_name: str) -> str:
        """Return how the contact center spells an account that it spells otherwise; else nothing."""
        spelt = self._spelt.get(account_name.casefold(), account_name)
        return "" if spelt == account_name else spelt

    def ids_of(self, names: Iterable[str]) -> tuple[int, ...]:
        """Return the numbers of skill groups by name, display name or ``#`` and number; raises ValueError."""
        return tuple(dict.fromkeys(map(self._id_of, names)))

    def profile(self, display_name: str, group_ids: Sequence[int]) -> Profile:
        """Return a profile with the names of its skill groups."""
        return Profile(display_name, tuple(group_ids), tuple(self._display.get(one, f"#{one}") for one in group_ids))

    def missing(self, rows: Iterable[Row]) -> list[Agent]:
        """Return the agents whom no row names, whatever the case."""
        named = {row.account_name.casefold() for row in rows}
        return [agent for name, agent in self.agents.items() if name.casefold() not in named]

    def _id_of(self, name: str) -> int:
        found = self._meant.get(name, set())
        if not found:
            raise ValueError(said("there is no skill group %(name)s", name=name))
        if len(found) > 1:
            numbers = ", ".join(f"#{one}" for one in sorted(found))
            raise ValueError(
                said("several skill groups are called %(name)s; write one of %(numbers)s", name=name, numbers=numbers)
            )
        return next(iter(found))


def survey(desk: ContactCenterDesk, instance: Instance, rows: Iterable[Row], wishes: Wishes) -> Ground:
    """Ask for all agents of all skill groups, one call for each group.

    Raises:
        RosterInvalid: whoever is missing shall be deleted, and lines are wrong, which may mean somebody, or there is no
            line, or they are more than half of all agents, and nobody said that so many may be.
        ContactCenterError, ContactCenterUnreachable: as `Agents.everyone`.
    """
    rows = tuple(rows)
    if wishes.delete_missing:
        _check_lines(rows)
    ground = Ground(desk.agents.everyone(instance), desk.skill_groups.every(instance))
    _check_number(rows, ground, wishes)
    return ground


def _check_lines(rows: Sequence[Row]) -> None:
    """Raise RosterInvalid for a file that nobody may be deleted for not being in."""
    if not rows:
        raise RosterInvalid(
            "Nobody can be deleted for not being in a file that names nobody.",
            expected="a line for each agent who stays",
            received="no line",
        )
    if faulty := [str(row.line) for row in rows if row.fault]:
        told = ", ".join(faulty[:_MOST_TOLD]) + (" and others" if len(faulty) > _MOST_TOLD else "")
        raise RosterInvalid(
            "Nobody can be deleted for not being in a file that has faults.",
            expected="a file without faults",
            received=f"{len(faulty)} with a fault: line {told}",
        )


def _check_number(rows: Sequence[Row], ground: Ground, wishes: Wishes) -> None:
    """Raise RosterInvalid where so many would be deleted that the file is probably another one."""
    gone, known = sum(step.act == "delete" for step in deletions(rows, ground, wishes)), len(ground.agents)
    if 2 * gone > known and not wishes.delete_many:
        raise RosterInvalid(
            "More than half of all agents would be deleted.",
            expected="a file that names most agents, or delete_many",
            received=f"{gone} of {known} agents missing",
        )


def steps(
    desk: ContactCenterDesk, instance: Instance, rows: Sequence[Row], ground: Ground, wishes: Wishes
) -> Iterator[Step]:
    """Yield what becomes of each row, then of those who are missing; whoever is in no skill group is looked up.

    Raises:
        ContactCenterError, ContactCenterUnreachable: as `Agents.look_up`.
    """
    for row in rows:
        agent = ground.agents.get(row.account_name)
        if needs_look_up(row, ground):
            agent = desk.agents.look_up(instance, row.account_name)
        yield judged(row, agent, ground, wishes)
    yield from deletions(rows, ground, wishes)


def plan(
    desk: ContactCenterDesk,
    instance: Instance,
    rows: Sequence[Row],
    *,
    delete_missing: bool = False,
    also_frozen: bool = False,
    also_deleted: bool = False,
    delete_many: bool = False,
) -> Plan:
    """Return what an import would do now; nothing is changed; see `Wishes`; raises as `survey` and `steps`."""
    wishes, patient = Wishes(delete_missing, also_frozen, also_deleted, delete_many), desk.thorough()
    ground = survey(patient, instance, rows, wishes)
    return Plan(tuple(steps(patient, instance, rows, ground, wishes)))


def needs_look_up(row: Row, ground: Ground) -> bool:
    """Say whether the contact center has to be asked about a row's account by itself."""
    return not row.fault and not row.twin and not ground.knows(row.account_name)


def judged(row: Row, agent: Agent | None, ground: Ground, wishes: Wishes) -> Step:
    """Return what becomes of a row.

    Args:
        agent: whom the contact center has under this account, deleted ones too.
    """
    try:
        after = _after(row, agent, ground)
    except ValueError as fault:
        why: str = fault.args[0]
        return Step(row.line, row.account_name, "faulty", why=why)
    if agent is None:
        return Step(row.line, row.account_name, "create", None, after)
    before = ground.profile(agent.display_name, agent.group_ids)
    return Step(row.line, row.account_name, _act(agent, after, wishes), before, after)


def deletions(rows: Iterable[Row], ground: Ground, wishes: Wishes) -> Iterator[Step]:
    """Yield what becomes of those whom no row names."""
    for agent in ground.missing(rows) if wishes.delete_missing else ():
        act: Act = "delete" if agent.is_active or wishes.also_frozen else "frozen"
        before = ground.profile(agent.display_name, agent.group_ids)
        yield Step(0, agent.account_name, act, before)


def is_as(agent: Agent, profile: Profile) -> bool:
    """Say whether an agent is as a profile says."""
    return agent.display_name == profile.display_name and set(agent.group_ids) == set(profile.group_ids)


def _after(row: Row, agent: Agent | None, ground: Ground) -> Profile:
    """Return how an agent is going to be; raises ValueError for people."""
    if row.fault:
        raise ValueError(row.fault)
    if spelt := ground.spelling(row.account_name):
        raise ValueError(said("the contact center spells this account %(name)s", name=spelt))
    if row.twin and row.account_name not in ground.agents:
        raise ValueError(said("line %(line)s has this account already", line=row.twin))
    known = agent if agent and not agent.is_deleted else None
    display_name = row.display_name or (known.display_name if known else "")
    if not display_name:
        raise ValueError(said("the display name is missing"))
    if row.skill_groups is None:
        return ground.profile(display_name, known.group_ids if known else ())
    return ground.profile(display_name, ground.ids_of(row.skill_groups))


def _act(agent: Agent, after: Profile, wishes: Wishes) -> Act:
    if agent.is_deleted:
        return "create" if wishes.also_deleted else "deleted"
    if is_as(agent, after):
        return "unchanged"
    return "update" if agent.is_active or wishes.also_frozen else "frozen"
