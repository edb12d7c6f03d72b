"""The shift itself: who comes, what goes wrong when, and what is looked at in the end."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import requests

from bridge.sandbox import fuyun
from bridge.sandbox.people import Person
from tests.kit.browser import Browser
from tests.kit.house import SANDBOX, demo_settings
from tests.shift.agenda import Agenda
from tests.shift.clock import StillClock
from tests.shift.phone import BEAT, RARELY, Agent, Habits
from tests.shift.provider import Refreshes
from tests.shift.replicas import Site
from tests.shift.tally import Tally
from tests.shift.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.kit.redis_server import RedisServer

IDP: Final = "globex"
OUTAGE: Final = 300.0
_ACCESS_TOKEN: Final = 300
_REFRESHED_FOR: Final = 120
"""Seconds after which a refresh is repeated where Fuyun has failed since."""
_FUYUN_TOKEN: Final = 900
_AHEAD: Final = (0.0, 2.0)
_ENDPOINTS: Final = ("discovery", "jwks", "authorize", "token", "userinfo")
_REDIS_IS_DOWN: Final = 20.0
_REDIS_TAKES: Final = 0.3
_ROLLING: Final = 60.0
_THREADS: Final = 6
_HOUR: Final = 3600.0


@dataclass(frozen=True)
class Plan:
    """How large a shift is.

    Args:
        sleepers: share of the agents whose laptops sleep, for an hour or a quarter of the shift.
        kills_in_the_middle: Redis is killed while renewals are under way, and not between two of them.
    """

    agents: int = 200
    tabs: int = 4
    hours: float = 10.0
    leavers: float = 0.05
    sleepers: float = 0.1
    kills_in_the_middle: bool = True
    seed: int = 4
    habits: Habits = field(default_factory=Habits)

    @property
    def seconds(self) -> float:
        return self.hours * _HOUR


class Shift:
    """One shift over a real Redis.

    Args:
        say: is told what happens, in lines.
    """

    def __init__(self, plan: Plan, folder: Path, redis: RedisServer, say: Callable[[str], None]) -> None:
        self.plan = plan
        self.redis = redis
        self.say = say
        self.clock = StillClock()
        self.began_at = self.clock()
        self.agenda = Agenda(self.clock)
        self.tally = Tally()
        self.chance = Random(plan.seed)  # noqa: S311 — a shift that can be played again, not a secret
        settings = demo_settings(folder, connections=(IDP,))
        store = settings.store.model_copy(update={"sessions": redis.emptied()})
        self.site = Site(replace(settings, store=store), self.clock, _AHEAD)
        self.world = self.site.world
        self.world.manners[IDP].access_token_lifetime = _ACCESS_TOKEN
        self.world.send = self._post
        self.refreshes = Refreshes(self.world.grants[IDP])
        self.agents = [self._hire(number) for number in range(plan.agents)]
        self.ends: list[float] = []
        self.is_redis_down = False
        self.without_fuyun = (0.0, 0.0)

    def run(self) -> Tally:
        """Play it to its end and return what was counted."""
        try:
            with patch.object(fuyun, "LIFETIME", _FUYUN_TOKEN):
                self._plan_day()
                self.agenda.run(self.began_at + self.plan.seconds)
                self._look_at_all()
        finally:
            self.site.close()
        return self.tally

    # people

    def _hire(self, number: int) -> Agent:
        key = f"agent{number:03}"
        person = Person(
            key=key, name=key, given_name=key, family_name="Example", email=f"{key}@globex.example",
            phone=None, username=key, sub=f"7{number:011}", number=number,
        )  # fmt: skip
        self.world.add_person(person)
        self.world.add_agent(self.world.account_name(IDP, key))
        wire = Wire(self.site.balancer, self.site.settings.public_url, {}, self.tally.hear)
        chance = Random(self.chance.random())  # noqa: S311 — as above
        return Agent(key, wire, self.agenda, chance, self.tally, self.plan.habits)

    def _sign_in(self, agent: Agent) -> None:
        browser = Browser(self.site.settings.public_url, self.site.wire)
        back = browser.choose(browser.begin(IDP), agent.key, follow=False)
        landed = browser.open(back.headers["Location"])
        assert landed.url.endswith("/softphone"), landed.text
        agent.wire.cookies.update({name: browser.cookies()[name] for name in ("bridge_session", "AC_TOKEN")})
        agent.arrive(self.plan.tabs)

    # the day

    def _plan_day(self) -> None:
        for agent in self.agents:
            self.agenda.after(self.chance.uniform(0, min(RARELY, self.plan.seconds / 20)), self._arrival(agent))
        for share, name, act in (
            (0.10, "the provider resets connections", lambda: self._provider_fails("reset")),
            (0.22, "Fuyun is down", self._fuyun_fails),
            (0.33, "Redis is killed", self._redis_fails),
            (0.37, "the provider changes its keys", lambda: self.world.rotate_keys(IDP, keep_old=True)),
            (0.42, "the provider answers 503", lambda: self._provider_fails("http_500", status=503)),
            (0.54, "both replicas are replaced", self._roll),
            (0.60, "Redis is killed", self._redis_fails),
            (0.66, "the provider does not answer in time", self._provider_hangs),
            (0.80, "the provider changes its keys at once", lambda: self.world.rotate_keys(IDP)),
        ):
            self.agenda.at(self.began_at + share * self.plan.seconds, self._event(name, act))
        self._plan_people()
        for hour in range(1, int(self.plan.hours) + 1):
            self.agenda.at(self.began_at + hour * _HOUR, self._progress)

    def _plan_people(self) -> None:
        chosen = self.chance.sample(self.agents, len(self.agents))
        leavers = max(2, round(len(chosen) * self.plan.leavers))
        sleepers = max(1, round(len(chosen) * self.plan.sleepers))
        for number, agent in enumerate(chosen[:leavers]):
            self.agenda.after(self._some_time(0.1, 0.9), self._leaving(agent, is_told=number % 2 == 0))
        for agent in chosen[leavers : leavers + sleepers]:
            seconds = min(_HOUR, self.plan.seconds / 4)
            self.agenda.after(self._some_time(0.1, 0.7), self._sleeping(agent, seconds))

    def _some_time(self, first: float, last: float) -> float:
        return self.chance.uniform(first, last) * self.plan.seconds

    def _arrival(self, agent: Agent) -> Callable[[], None]:
        return lambda: self._sign_in(agent)

    def _sleeping(self, agent: Agent, seconds: float) -> Callable[[], None]:
        return lambda: agent.sleep(seconds)

    def _leaving(self, agent: Agent, *, is_told: bool) -> Callable[[], None]:
        return lambda: self._let_go(agent, is_told=is_told)

    def _event(self, name: str, act: Callable[[], None]) -> Callable[[], None]:
        def happen() -> None:
            self.say(f"{self._time()}  {name}")
            act()

        return happen

    # what goes wrong

    def _provider_fails(self, fault: str, **how: Any) -> None:
        for endpoint in _ENDPOINTS:
            self.world.faults.set(endpoint, fault, **how)
        self._ends_after(OUTAGE, self.world.faults.clear)

    def _provider_hangs(self) -> None:
        def hang(request: requests.PreparedRequest) -> None:
            if str(request.url).startswith(f"{SANDBOX}/oidc/"):
                raise requests.ReadTimeout

        calm = self.site.way_out.before
        self.site.way_out.before = hang
        self._ends_after(OUTAGE, lambda: setattr(self.site.way_out, "before", calm))

    def _fuyun_fails(self) -> None:
        self.world.faults.set("exchange", "http_500", status=503)
        self.without_fuyun = (self.clock(), self.clock() + OUTAGE)
        self._ends_after(OUTAGE, self.world.faults.clear)

    def _ends_after(self, seconds: float, act: Callable[[], None]) -> None:
        self.ends.append(self.clock() + seconds)
        self.agenda.after(seconds, act)

    def _redis_fails(self) -> None:
        """Kill it, let the phones do without, and start it again on what it wrote."""
        self.is_redis_down = True
        if self.plan.kills_in_the_middle:
            self._meanwhile(_REDIS_IS_DOWN + 2 * BEAT, self._restart_redis)
        else:
            self.redis.kill()
            self._meanwhile(_REDIS_IS_DOWN, lambda: None)
            self.redis.start()
        self.is_redis_down = False

    def _restart_redis(self) -> None:
        self.redis.kill()
        time.sleep(_REDIS_TAKES)
        self.redis.start()
        # Whoever still waits with new tokens in hand holds up the agenda, and with it the clock.
        self.clock.advance(2)

    def _roll(self) -> None:
        for index in range(len(self.site.balancer.replicas)):
            self._meanwhile(_ROLLING, lambda index=index: self.site.restart(index))  # type: ignore[misc]

    def _meanwhile(self, seconds: float, act: Callable[[], object]) -> None:
        def soon() -> None:
            time.sleep(0.02)  # so that some are in the middle of it
            act()

        self.agenda.run_together(self.clock() + seconds, _THREADS, soon)

    def _post(self, address: str, form: dict[str, str]) -> int:
        return (
            Browser(self.site.settings.public_url, self.site.wire).wire.post(address, data=form, timeout=5).status_code
        )

    # leavers

    def _let_go(self, agent: Agent, *, is_told: bool) -> None:
        if agent.over_at:
            return  # whose session was lost before, which is told already
        if self.is_redis_down:
            # A logout token that finds no store is posted again; to let them go later comes to the same.
            self.agenda.after(2 * BEAT, self._leaving(agent, is_told=is_told))
            return
        old = agent.wire.copy()
        self.tally.leavers += 1
        if is_told:
            told = self.world.leave(agent.key)
            assert [one["status"] for one in told] == [200], told
            self.agenda.after(30, lambda: self._must_be_out(agent, old, "30 s after the provider said so"))
        else:
            self.world.dismiss(agent.key)
            self._check_later(agent, old)
        agent.leave(is_told=is_told)

    def _check_later(self, agent: Agent, old: Wire) -> None:
        """Look again when their next renewal must have told: half a minute after the first beat that it was due."""
        due = max([agent.renew_at, self.clock(), *(end for end in self.ends if end - OUTAGE < self.clock() + RARELY)])
        moment = due + BEAT + 2 * 30.0
        self.agenda.at(moment, lambda: self._must_be_out(agent, old, "after the next renewal was due"))

    def _must_be_out(self, agent: Agent, old: Wire, when: str) -> None:
        token = agent.tabs[0].csrf_token
        for method, path in (("GET", "/session"), ("POST", "/session/token"), ("POST", "/session/renew")):
            for wire in (old.copy(), agent.wire.copy()):
                if wire.ask(method, path, token).status == 200:
                    self.tally.still_working.append(f"{agent.key}, {when}: {path}")
                    return

    # the end

    def _look_at_all(self) -> None:
        for agent in self.agents:
            if agent.left_at or agent.over_at:
                continue
            reply = agent.wire.ask("GET", "/session")
            if (reply.status, reply.body.get("account_name")) != (200, self.world.account_name(IDP, agent.key)):
                self.tally.lost.append(f"{agent.key}: {reply.status} {reply.body.get('code')}")
        self._compare_refreshes()

    def _compare_refreshes(self) -> None:
        """Compare what the provider granted with what the phones got.

        What was granted while Fuyun was down waits for it; if it grows too old meanwhile, it is an expiry of its own.
        """
        for agent in self.agents:
            times = self.refreshes.of_person(agent.key)
            # The last one too: somebody may leave before Fuyun is back.
            expired = sum(self._has_expired_in_vain(agent, *pair) for pair in pairwise([*times, math.inf]))
            if len(times) != len(agent.renewed) + expired:
                told = f"{len(times)} refreshes, {len(agent.renewed)} renewals, {expired} expired in vain"
                self.tally.superfluous.append(f"{agent.key}: {told}; {self._unmatched(agent, times)}")
            self.tally.in_vain += expired
        self.tally.refreshed = self.refreshes.total
        self.tally.most_at_once = self.refreshes.most_at_once

    def _unmatched(self, agent: Agent, times: list[float]) -> str:
        """Return when something was granted that no renewal came of before the next: where to look for the cause."""
        found = [
            self._time(first)
            for first, second in pairwise([*times, math.inf])
            if not any(first <= one < second for one in agent.renewed)
        ]
        return f"without a renewal at {', '.join(found) or 'no time'}" + (" (a leaver)" if agent.left_at else "")

    def _has_expired_in_vain(self, agent: Agent, first: float, second: float) -> bool:
        # By the clock of the replica that is ahead it has grown old a little sooner.
        is_old = second - first >= _REFRESHED_FOR - max(_AHEAD)
        began, ended = self.without_fuyun
        return is_old and began <= first < ended and not any(first <= one < second for one in agent.renewed)

    def _time(self, moment: float | None = None) -> str:
        minutes = int(((self.clock() if moment is None else moment) - self.began_at) / 60)
        return f"{minutes // 60:02}:{minutes % 60:02}"

    def _progress(self) -> None:
        tally = self.tally
        self.say(
            f"{self._time()}  {tally.renewed:,} renewals, {sum(tally.replies.values()):,} requests,"
            f" {len(tally.asked)} asked to sign in, {len(tally.interrupted)} calls interrupted"
        )
