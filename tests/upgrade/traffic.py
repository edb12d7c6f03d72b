"""Who is at work meanwhile: agents with an open page, people who sign in, an administrator, and a platform."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final

import requests

from tests.kit.browser import Browser
from tests.kit.open_page import OpenPage

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    from tests.upgrade.balancer import Way
    from tests.upgrade.tally import Tally

CONNECTION: Final = "globex"
_OK: Final = 200
_OVER: Final = 401
_LOOKS: Final = (0.3, 1.2)
_AT_THE_PROVIDER: Final = (0.1, 6.0)
_FOR_LONG: Final = (8.0, 20.0)
_SLOW: Final = 3
_VISITS: Final = (3, 8, 60)
"""Rounds of looks: short ones, and some that outlast the replacement of a replica or two."""


@dataclass
class Traffic:
    """All of them, each in a thread, until `end`.

    Args:
        people: keys of those in the sandbox who sign in.
    """

    public_url: str
    way: Way
    people: list[str]
    tally: Tally
    _enough: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _chance: Random = field(default_factory=lambda: Random(9))  # noqa: S311 — a run that can be repeated, not a secret

    def begin(self, admin_link: str, api_key: str) -> None:
        """Let everybody come: a few stay at the provider for long, half stay at work, the others come and go."""
        slow, others = self.people[:_SLOW], self.people[_SLOW:]
        half = len(others) // 2
        for key in slow:
            self._start(self._dawdle, key)
        for key in others[:half]:
            self._start(self._stay, key)
        for key in others[half:]:
            self._start(self._come_and_go, key)
        self._start(self._administer, admin_link)
        self._start(self._call, api_key)

    def end(self) -> None:
        """Let everybody go home."""
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def _start(self, act: Callable[[str], None], subject: str) -> None:
        def acting() -> None:
            try:
                act(subject)
            except (requests.RequestException, AssertionError, ValueError) as fault:
                self._fault(f"{act.__name__.strip('_')}: {type(fault).__name__}: {str(fault)[:200]}")

        thread = threading.Thread(target=acting)
        self._threads.append(thread)
        thread.start()

    # agents

    def _stay(self, key: str) -> None:
        agent = self._sign_in(key)
        while agent and not self._enough.wait(self._chance.uniform(*_LOOKS)):
            if not self._work(agent):
                return

    def _come_and_go(self, key: str) -> None:
        while not self._enough.wait(self._chance.uniform(*_LOOKS)):
            agent = self._sign_in(key)
            for _ in range(self._chance.choice(_VISITS)):
                if not agent or self._enough.wait(self._chance.uniform(*_LOOKS)) or not self._work(agent):
                    return
            if agent and not self._enough.is_set():
                self._heard("sign-out", agent.page.sign_out(), key, good=303)

    def _dawdle(self, key: str) -> None:
        while not self._enough.is_set():
            self._sign_in(key, _FOR_LONG)

    def _sign_in(self, key: str, takes: tuple[float, float] = _AT_THE_PROVIDER) -> _Agent | None:
        """Sign in; the person takes a while at the provider, in which the release may change."""
        browser = Browser(self.public_url, self.way)
        page = browser.begin(CONNECTION)
        left = page.history[0].headers["X-Release"]
        self._enough.wait(self._chance.uniform(*takes))
        arrival = browser.choose(page, key, follow=False).headers["Location"]
        answer = browser.open(arrival, follow=False)
        if not self._heard("sign-in", answer, key, good=303):
            return None
        self._count(self.tally.finished, left, answer.headers["X-Release"])
        return _Agent(key, OpenPage(browser), answer.headers["X-Release"])

    def _work(self, agent: _Agent) -> bool:
        if not self._heard("session", agent.page.look(), agent.key):
            return False
        if not self._heard("token", agent.page.token(), agent.key):
            return False
        answer = agent.page.renew()
        if not self._heard("renewal", answer, agent.key):
            return False
        token = answer.json()["access_token"]
        # One younger than ten seconds is handed out again.
        if agent.token not in {"", token}:
            self._count(self.tally.renewed, agent.begun_on, answer.headers["X-Release"])
        agent.token = token
        return True

    # the console and the API

    def _administer(self, link: str) -> None:
        browser = Browser(self.public_url, self.way)
        self._heard("console", browser.open(link, follow=False), "administrator", good=303)
        while not self._enough.wait(1):
            answer = browser.open("/admin/connections", follow=False)
            if self._heard("console", answer, "administrator") and re.search(CONNECTION, answer.text):
                self._count(self.tally.kept, "console session", answer.headers["X-Release"])

    def _call(self, api_key: str) -> None:
        browser = Browser(self.public_url, self.way)
        url = f"{self.public_url}/api/v1/connections/{CONNECTION}/sessions"
        while not self._enough.wait(1):
            answer = browser.wire.get(url, headers={"Authorization": f"Bearer {api_key}"}, timeout=30)
            if self._heard("API", answer, "platform"):
                self._count(self.tally.kept, "API key", answer.headers["X-Release"])

    # counting

    def _heard(self, what: str, answer: Response, who: str, good: int = _OK) -> bool:
        release = answer.headers.get("X-Release", "?")
        with self.tally.lock:
            self.tally.answers[what, release] += 1
            if answer.status_code == _OVER:
                self.tally.lost.append(f"{who}: {what} at {release}: {answer.text[:120]}")
        if answer.status_code not in {good, _OVER}:
            self._fault(f"{what} at {release}: {answer.status_code} {answer.text[-300:]}")
        return answer.status_code == good

    def _fault(self, words: str) -> None:
        with self.tally.lock:
            self.tally.faults[words] += 1

    def _count(self, counter: dict[tuple[str, str], int], one: str, other: str) -> None:
        with self.tally.lock:
            counter[one, other] += 1


@dataclass
class _Agent:
    key: str
    page: OpenPage
    begun_on: str
    token: str = field(default="", repr=False)
