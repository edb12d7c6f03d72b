"""An agent's browser with its phone pages, which do what the page's own script does, and at times worse."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from tests.journeys.steps import at_once

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.shift.agenda import Agenda
    from tests.shift.tally import Tally
    from tests.shift.wire import Reply, Wire

BEAT: Final = 25.0
"""Seconds between two looks of a page; here it looks when it matters, and every `RARELY` seconds."""
RARELY: Final = 300.0
_SOONER: Final = 5.0
_LONGEST_REST: Final = 30.0
_FINE: Final = 200
_OVER: Final = 401


@dataclass
class Tab:
    """One window with the phone; times are epoch seconds.

    Args:
        token_ends: of the token that its phone has.
        call_ends: of the call that is up, 0 without one.
        looks: counts the times that a look was planned, so that an older plan is known as such.
    """

    number: int
    is_open: bool = True
    csrf_token: str = ""
    token_ends: float = 0.0
    call_ends: float = 0.0
    looks: int = 0
    heard: int = 0


@dataclass(frozen=True)
class Habits:
    """How often agents do what, as shares or in seconds."""

    together: float = 0.02
    call_every: float = 900.0
    call_takes: tuple[float, float] = (120.0, 720.0)
    tab_every: float = 1800.0


@dataclass
class Agent:
    """One person at work.

    Args:
        renew_at: when the next renewal is due, as the bridge said.
        left_at: when the company let them go.
        over_at: when their phone heard that it is over.
    """

    key: str
    wire: Wire
    agenda: Agenda
    chance: Random
    tally: Tally
    habits: Habits
    tabs: list[Tab] = field(default_factory=list)
    renew_at: float = 0.0
    asleep_until: float = 0.0
    left_at: float = 0.0
    over_at: float = 0.0
    renewed: list[float] = field(default_factory=list)
    is_renewing: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def now(self) -> float:
        return self.agenda.clock()

    @property
    def is_away(self) -> bool:
        """Nothing of theirs asks anything now."""
        return bool(self.over_at) or self.now < self.asleep_until

    @property
    def leader(self) -> Tab:
        """The tab that renews for all."""
        return next(tab for tab in self.tabs if tab.is_open)

    def arrive(self, tabs: int) -> None:
        """Open the phone in some tabs, and begin to work."""
        self.tabs = [Tab(number) for number in range(tabs)]
        for tab in self.tabs:
            self.open(tab)
        self.agenda.after(self.chance.expovariate(1 / self.habits.call_every), self._take_call)
        self.agenda.after(self.chance.expovariate(1 / self.habits.tab_every), self._close_tab)

    def open(self, tab: Tab) -> None:
        """Open the phone in a tab."""
        if self.over_at:
            return
        tab.is_open = True
        self.look(tab)
        self._fetch(tab)

    def look(self, tab: Tab) -> None:
        """Ask whether the session lives, and renew where that is due and this tab's task."""
        with self._lock:
            if self.is_away or not tab.is_open:
                return
            reply = self.wire.ask("GET", "/session")
            if reply.status == _OVER:
                self._end(reply)
            else:
                self._heed(tab, reply)

    def _heed(self, tab: Tab, reply: Reply) -> None:
        if reply.status != _FINE:
            return self.plan_look(tab, _SOONER)
        tab.csrf_token = reply.body["csrf_token"]
        self.renew_at = reply.body["renew_at"]
        if tab is self.leader and self.renew_at and self.now >= self.renew_at and not self.is_renewing:
            self._renew(tab, 0)
        return self.plan_look(tab, self._next_look(tab))

    def plan_look(self, tab: Tab, seconds: float) -> None:
        """Look after so many seconds, instead of when it was planned."""
        tab.looks += 1
        planned = tab.looks
        self.agenda.after(seconds, lambda: self.look(tab) if planned == tab.looks else None)

    def sleep(self, seconds: float) -> None:
        """Close the lid for a while; on waking every tab looks at once."""
        with self._lock:
            self.asleep_until = self.now + seconds
            for tab in self.tabs:
                self._hang_up(tab)
                self.plan_look(tab, seconds)

    def _next_look(self, tab: Tab) -> float:
        """Return the seconds to the next look that matters: the leader's first beat after a renewal is due."""
        if tab is not self.leader or self.is_renewing:
            return RARELY
        beats = math.ceil((self.renew_at - self.now) / BEAT) if self.renew_at else RARELY / BEAT
        return min(RARELY, max(1, beats) * BEAT)

    # tokens

    def _renew(self, tab: Tab, tries: int) -> None:
        with self._lock:
            self.is_renewing = False
            if self.is_away or not tab.is_open:
                return
            due = self.renew_at
            is_together = not tries and self.chance.random() < self.habits.together
            reply = self._ask_together() if is_together else self._ask(tab)
            if reply.is_temporary:
                self.is_renewing = True
                rest = min(_LONGEST_REST, 2.0**tries) * (0.75 + self.chance.random() / 2)
                self.agenda.after(rest, lambda: self._renew(tab, tries + 1))
            elif reply.status == _OVER:
                self._end(reply)
            else:
                self._renewed(tab, reply, due)

    def _ask(self, tab: Tab) -> Reply:
        return self.wire.ask("POST", "/session/renew", tab.csrf_token)

    def _ask_together(self) -> Reply:
        tabs = [tab for tab in self.tabs if tab.is_open and tab.csrf_token]
        wires = [self.wire.copy() for _ in tabs]
        asks: list[Callable[[], Reply]] = [
            partial(wire.ask, "POST", "/session/renew", tab.csrf_token) for wire, tab in zip(wires, tabs, strict=True)
        ]
        replies = at_once(asks)
        self.tally.together += 1
        if len({(one.status, one.body.get("access_token")) for one in replies if one.status == _FINE}) > 1:
            self.tally.split.append(f"{self.key}: {[one.status for one in replies]}")
        done = [one for one in replies if one.status == _FINE]
        if done:
            self.wire.cookies.update(wires[0].cookies)
        return (done or replies)[0]

    def _renewed(self, tab: Tab, reply: Reply, due: float) -> None:
        if reply.status != _FINE:
            self.tally.lost.append(f"{self.key}: renewal refused with {reply.status} {reply.body.get('code')}")
            return
        self._take(tab, reply)
        self.renewed.append(self.now)
        self.tally.renewal(self.now - max(due, self.asleep_until))
        self.renew_at = 0.0
        self.look(tab)
        for other in self.tabs:
            if other is not tab and other.is_open:
                self._hear_renewed(other)

    def _hear_renewed(self, tab: Tab) -> None:
        tab.heard += 1
        self._fetch(tab)
        if tab.heard % 4 == tab.number:
            self.look(tab)
        else:
            self.plan_look(tab, RARELY)

    def _fetch(self, tab: Tab) -> None:
        if not self.over_at:
            reply = self.wire.ask("POST", "/session/token", tab.csrf_token)
            if reply.status == _FINE:
                self._take(tab, reply)
            elif reply.status == _OVER:
                self._end(reply)
            else:
                self.plan_look(tab, _SOONER)
                self.agenda.after(_SOONER, lambda: self._fetch(tab))

    def _take(self, tab: Tab, reply: Reply) -> None:
        self._check_token(tab)
        tab.token_ends = self.now + reply.body["expires_in"]

    # calls and tabs

    def _take_call(self) -> None:
        with self._lock:
            if self.over_at:
                return
            self.agenda.after(self.chance.expovariate(1 / self.habits.call_every), self._take_call)
            free = [tab for tab in self.tabs if tab.is_open]
            if self.is_away or any(tab.call_ends for tab in free):
                return
            tab, seconds = self.chance.choice(free), self.chance.uniform(*self.habits.call_takes)
            self.tally.calls += 1
            tab.call_ends = self.now + seconds
            self.agenda.after(seconds, lambda: self._hang_up(tab))

    def _hang_up(self, tab: Tab) -> None:
        with self._lock:
            self._check_token(tab)
            tab.call_ends = 0.0

    def _check_token(self, tab: Tab) -> None:
        if tab.call_ends and tab.token_ends < self.now and not self.left_at:
            self.tally.interrupted.append(f"{self.key}: the token ran out")

    def _close_tab(self) -> None:
        with self._lock:
            if self.over_at:
                return
            self.agenda.after(self.chance.expovariate(1 / self.habits.tab_every), self._close_tab)
            quiet = [tab for tab in self.tabs if tab.is_open and not tab.call_ends]
            if self.is_away or self.is_renewing or len(quiet) < 2:
                return
            tab = self.chance.choice(quiet)
            tab.is_open = False
            tab.looks += 1
            self.plan_look(self.leader, 1)
            self.agenda.after(self.chance.uniform(30, 300), lambda: self.open(tab))

    # the end

    def leave(self, *, is_told: bool) -> None:
        """The company lets them go; pages that are told to nobody hear of it at the next renewal."""
        with self._lock:
            self.left_at = self.now
            for tab in self.tabs:
                if is_told:
                    self.plan_look(tab, self.chance.uniform(0, BEAT))

    def _end(self, reply: Reply) -> None:
        self.over_at = self.now
        if self.left_at:
            self.tally.noticed += 1
            return
        calls = sum(1 for tab in self.tabs if tab.call_ends)
        self.tally.interrupted += [f"{self.key}: the session ended"] * calls
        self.tally.asked.append(f"{self.key}: {reply.body.get('code')}")
