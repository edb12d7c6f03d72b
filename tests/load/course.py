"""The course of a shift: a trial that tells what this machine sustains, the start, hours that are minutes, the end."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from tests.load.agent import PAGE, SESSION, Agent, Failed, Front
from tests.load.census import NGINX, Census, memory_of
from tests.load.stores import Weight
from tests.load.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

_AT_ONCE: Final = 16
_SHARE: Final = 0.8
"""Of what the machine did in the trial, the most that is asked of it: what queues grows without end beyond."""
_LEAST_SHARE: Final = 0.25
_EARLY: Final = (0.65, 210.0, 600)
"""When the bridge renews, on average: at that share of a token's life, or so many seconds before the end of one that
lives longer than that."""
_LOOK: Final = 0.1
_LONG_BEFORE: Final = 3000


@dataclass(frozen=True, slots=True)
class Plan:
    """How large everything is.

    Args:
        rate: sign-ins a second; 0: what the machine sustains, as the trial tells.
        seconds: of the time after the start, in which everybody renews about once.
        trial: sign-ins of the trial; `looks` at sessions that follow them.
        beat: seconds between two looks of a phone page at its session.
        leavers: share of the agents that sign out before the end.
        restarts: whether a replica is ended and started again in the middle of either part.
    """

    agents: int = 10_000
    rate: float = 0.0
    seconds: float = 180.0
    trial: int = 300
    looks: int = 2000
    beat: float = 25.0
    leavers: float = 0.1
    restarts: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time: what the agents saw, and what it cost.

    Args:
        cpu: seconds, by part of the house.
        calls: of the provider and the exchange, by endpoint.
    """

    tally: Tally = field(default_factory=Tally)
    seconds: float = 1.0
    cpu: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)


@dataclass
class Course:
    """What a whole run brought.

    Args:
        trial: sign-ins, `_AT_ONCE` at a time; `looks` and `renewals` likewise.
        before: the stores before the start, `after` when everybody was there.
        mark: where nginx's log stood before the start.
        lines: open TCP connections once everybody was there.
        memory: bytes of each worker at the end, proportionally shared; `front`: what nginx grew by at the start.
        restarts: seconds until a replica had ended, and until it was ready again.
        left: agents who signed out and found nothing left.
    """

    plan: Plan
    rate: float = 0.0
    trial: Stretch = field(default_factory=Stretch)
    looks: Stretch = field(default_factory=Stretch)
    renewals: Stretch = field(default_factory=Stretch)
    start: Stretch = field(default_factory=Stretch)
    work: Stretch = field(default_factory=Stretch)
    before: Weight = field(default_factory=Weight)
    after: Weight = field(default_factory=Weight)
    mark: int = 0
    lines: dict[str, int] = field(default_factory=dict)
    memory: list[int] = field(default_factory=list)
    front: int = 0
    restarts: list[tuple[float, float]] = field(default_factory=list)
    signed_in: int = 0
    left: int = 0

    @property
    def stretches(self) -> list[Stretch]:
        """Everything that was measured."""
        return [self.trial, self.looks, self.renewals, *self.shift]

    @property
    def shift(self) -> list[Stretch]:
        """What came after the trial."""
        return [self.start, self.work]

    @property
    def is_fine(self) -> bool:
        """Whether everybody was signed in and nothing went wrong."""
        return not self.faults and self.signed_in == self.plan.agents

    @property
    def faults(self) -> Counter[str]:
        """What went wrong, in all of it."""
        return sum((one.tally.faults for one in self.stretches), Counter[str]())


class Restartable(Protocol):
    """A replica."""

    name: str

    async def restart(self) -> tuple[float, float]:
        """End it as an operator would, start it again; return the seconds that each took."""


class Scene(Protocol):
    """Where a plan is played."""

    @property
    def replicas(self) -> Sequence[Restartable]:
        """Those that may be restarted."""

    def calls(self) -> Counter[str]:
        """Return how often the provider and the exchange were asked, by endpoint."""

    def weigh(self) -> Weight:
        """Return what lies in the stores."""

    def lines(self) -> dict[str, int]:
        """Return how many TCP connections are open."""

    def memory(self) -> list[int]:
        """Return the bytes of memory of each worker."""

    def mark(self) -> int:
        """Return how long nginx's log is."""


class Runner:
    """Plays a plan in a world."""

    def __init__(self, world: Scene, front: Front, plan: Plan, say: Callable[[str], None]) -> None:
        self._world = world
        self._front = front
        self._plan = plan
        self._say = say
        self._census = Census()
        self._chance = random.Random(1)  # noqa: S311 — the same shift each time
        self._phones: dict[Agent, asyncio.Task[None]] = {}
        self._asleep: set[Agent] = set()
        self._is_over = False
        self._restarts: list[asyncio.Task[None]] = []
        self.course = Course(plan)

    async def run(self) -> Course:
        """Play it."""
        await self._try_out()
        course, plan = self.course, self._plan
        course.before, course.mark, empty = await self._weigh(), self._world.mark(), memory_of(NGINX)
        course.start = await self._measured(self._start())
        course.after = await self._weigh()
        course.lines = self._world.lines()
        course.front = memory_of(NGINX) - empty
        self._say(f"{course.signed_in:,} agents are signed in; {plan.seconds:g} s of work follow")
        course.work = await self._measured(self._work())
        course.memory = self._world.memory()
        for agent in self._phones:
            agent.close()
        return course

    # the trial

    async def _try_out(self) -> None:
        """Warm every worker, and find out what this machine does."""
        course, plan = self.course, self._plan
        agents = [Agent(self._front, self._plan.agents + number, _LONG_BEFORE) for number in range(plan.trial * 2)]
        warm, tried = agents[: plan.trial], agents[plan.trial :]
        course.trial = await self._measured(self._together([agent.sign_in for agent in warm]))
        course.trial = await self._measured(self._together([agent.sign_in for agent in tried]))
        course.looks = await self._measured(self._look_all(agents))
        course.renewals = await self._measured(self._together([agent.renew for agent in agents]))
        for agent in agents:
            agent.close()
        course.rate = plan.rate or self._sustained(course.trial, course.looks)
        self._say(
            f"trial: {per_second(course.trial, PAGE):.0f} sign-ins/s, or {per_second(course.looks, SESSION):.0f} looks"
            f" at sessions/s; now {plan.agents:,} agents come, {course.rate:.1f} a second"
        )

    def _sustained(self, trial: Stretch, looks: Stretch) -> float:
        beats = self._plan.agents / self._plan.beat / max(per_second(looks, SESSION), 1)
        return max(per_second(trial, PAGE), 1) * max(_SHARE - beats, _LEAST_SHARE)

    async def _together(self, acts: list[Callable[[], Awaitable[None]]]) -> None:
        waiting = iter(acts)

        async def work() -> None:
            for act in waiting:
                with suppress(Failed):
                    await act()

        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))

    async def _look_all(self, agents: list[Agent]) -> None:
        """Look at sessions one after another; a browser asks one thing at a time."""
        turns = self._plan.looks // _AT_ONCE

        async def work(own: list[Agent]) -> None:
            for turn in range(turns):
                with suppress(Failed):
                    await own[turn % len(own)].beat()

        await asyncio.gather(*(work(agents[number::_AT_ONCE]) for number in range(min(_AT_ONCE, len(agents)))))

    # the shift

    async def _start(self) -> None:
        """Let everybody come, each at a moment of their own whatever became of the others (an open loop)."""
        now = time.monotonic()
        ends = now + self._plan.agents / self.course.rate
        due, arriving = now, []
        for number in range(self._plan.agents):
            due += self._chance.expovariate(self.course.rate)
            arriving.append(asyncio.create_task(self._arrive(number, due, ends)))
        self._restart_after((ends - now) / 2)
        await asyncio.gather(*arriving)

    async def _arrive(self, number: int, due: float, ends: float) -> None:
        renews = max(ends - due, 0) + self._chance.uniform(0.05, 0.8) * self._plan.seconds
        agent = Agent(self._front, number, _lifetime(renews))
        await asyncio.sleep(due - time.monotonic())
        with suppress(Failed):
            await agent.sign_in(due)
            self.course.signed_in += 1
            self._phones[agent] = asyncio.create_task(self._use_phone(agent))

    async def _use_phone(self, agent: Agent) -> None:
        with suppress(Failed):
            while (rest := agent.leaves_at - time.monotonic()) > 0 and not (self._is_over and agent.stays):
                self._asleep.add(agent)
                await asyncio.sleep(min(self._plan.beat, rest))
                self._asleep.discard(agent)
                await self._look(agent)
            if not agent.stays:
                await agent.leave()
                self.course.left += 1

    async def _look(self, agent: Agent) -> None:
        with suppress(Failed):
            if time.monotonic() < agent.leaves_at:
                await agent.beat()
                if agent.is_due:
                    await agent.renew()

    async def _work(self) -> None:
        now, seconds = time.monotonic(), self._plan.seconds
        for agent in self._chance.sample(list(self._phones), int(len(self._phones) * self._plan.leavers)):
            agent.leaves_at = now + self._chance.uniform(0.5, 0.95) * seconds
        self._restart_after(seconds / 2)
        await asyncio.sleep(seconds)
        await asyncio.gather(*self._restarts)
        self._is_over = True
        for agent in self._asleep:
            if agent.stays:
                self._phones[agent].cancel()
        # Whoever asked something a moment ago gets the answer, and it counts.
        await asyncio.gather(*self._phones.values(), return_exceptions=True)

    def _restart_after(self, seconds: float) -> None:
        if self._plan.restarts:
            replica = self._world.replicas[len(self._restarts) % len(self._world.replicas)]
            self._restarts.append(asyncio.create_task(self._restart(replica, seconds)))

    async def _restart(self, replica: Restartable, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.course.restarts.append(await replica.restart())
        self._say(f"{replica.name} was restarted")

    # measuring

    async def _measured(self, act: Coroutine[Any, Any, None]) -> Stretch:
        tally = self._front.tally = Tally()
        cpu, calls, started = self._census.take(), self._world.calls(), time.monotonic()
        lag = asyncio.create_task(_watch_lag(tally))
        await act
        lag.cancel()
        seconds = time.monotonic() - started
        return Stretch(tally, seconds, self._census.take() - cpu, self._world.calls() - calls)

    async def _weigh(self) -> Weight:
        # In a thread: the phones go on meanwhile.
        return await asyncio.to_thread(self._world.weigh)


def per_second(stretch: Stretch, kind: str) -> float:
    """Return how many answers of a kind came in a second."""
    return stretch.tally.count(kind) / stretch.seconds


def _lifetime(renews: float) -> int:
    """Return how long a first token lives that is renewed after so many seconds, on average."""
    share, early, long = _EARLY
    return max(1, int(renews / share if renews / share < long else renews + early))


async def _watch_lag(tally: Tally) -> None:
    while True:
        due = time.monotonic() + _LOOK
        await asyncio.sleep(_LOOK)
        tally.lag.append(time.monotonic() - due)
