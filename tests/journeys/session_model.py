"""What must be true of every browser while anything happens in any order, and how that is compared with what is."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jwt
from hypothesis.stateful import RuleBasedStateMachine

from tests.journeys.steps import at_once
from tests.kit.browser import Browser
from tests.kit.house import demo_settings
from tests.shift.clock import StillClock
from tests.shift.provider import Refreshes
from tests.shift.replicas import Site

if TYPE_CHECKING:
    from requests import Response
    from requests.cookies import RequestsCookieJar

    from bridge.sandbox.grants import Grants

IDP: Final = "globex"
UNSURE: Final = 100.0
"""Seconds around an end by time in which a session may be found alive or not: activity is noted once a minute."""


@dataclass
class Living:
    """What is known of a session that must be alive; epoch seconds."""

    person: str
    sid: str
    began_at: float
    seen_at: float
    renewed_at: float = 0.0
    is_refused: bool = False


@dataclass
class Seat:
    """One browser, and the session that it must have."""

    browser: Browser
    session: Living | None = None


@dataclass(frozen=True)
class Ghost:
    """The cookies of a session that is over, and the form token that its page had."""

    cookies: RequestsCookieJar = field(repr=False)
    csrf_token: str = field(repr=False)


def living_in(seat: Seat) -> Living:
    assert seat.session is not None
    return seat.session


class SessionModel(RuleBasedStateMachine):
    """Two replicas over one store, two people, three browsers.

    Args:
        sessions: as in ``store.sessions``.
        skew: seconds by which the second replica's clock is ahead.
    """

    def __init__(self, sessions: str, skew: float) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="bridge-machine-"))
        self.clock = StillClock()
        asked = demo_settings(self.folder, connections=(IDP,))
        asked = replace(asked, store=asked.store.model_copy(update={"sessions": sessions}))
        self.skew = skew
        self.site = Site(asked, self.clock, (0.0, skew))
        self.refreshes = Refreshes(self.grants, takes=0.003)
        self.seats = [Seat(self.new_browser()) for _ in range(3)]
        self.ghosts: list[Ghost] = []
        self.outage: tuple[str, str] | None = None

    def teardown(self) -> None:
        try:
            for ghost in self.ghosts[-6:]:
                self.must_be_dead(ghost, 0)
                self.must_be_dead(ghost, 1)
        finally:
            self.site.close()
            shutil.rmtree(self.folder)

    @property
    def grants(self) -> Grants:
        return self.site.world.grants[IDP]

    def occupied(self, place: int) -> Seat:
        seats = [one for one in self.seats if one.session]
        return seats[place % len(seats)]

    def sign_in_at(self, seat: Seat, person: str) -> None:
        ghost = self.ghost_of(seat)
        known = {one.sid for one in self.grants.sessions()}
        back = seat.browser.choose(seat.browser.begin(IDP), person, follow=False)
        landed = seat.browser.open(back.headers["Location"])
        if self.outage:
            assert landed.status_code >= 500, landed.text
            return
        assert (landed.status_code, landed.url) == (200, f"{seat.browser.origin}/softphone"), landed.text
        self.bury(seat, ghost)
        (sid,) = {one.sid for one in self.grants.sessions()} - known
        seat.session = Living(person, sid, self.clock(), self.clock())

    def post_logout_token(self, seat: Seat, replica: int, named: str) -> None:
        session = living_in(seat)
        told = {"person": session.person} if named == "sub" else {"sid": session.sid}
        meant = [one for one in self.seats if one.session and told.items() <= vars(one.session).items()]
        ghosts = [self.ghost_of(one) for one in meant]
        dropped = {"sub": None} if named == "sid" else {}
        token = self.site.world.logout_token(IDP, session.person, told.get("sid", ""), **dropped)
        self.turn_to(replica)
        address = f"{self.site.settings.public_url}/backchannel-logout/{IDP}"
        posted = self.new_browser().wire.post(address, data={"logout_token": token}, timeout=5)
        assert (posted.status_code, posted.json().get("ended")) == (200, len(meant)), posted.text
        for one, ghost in zip(meant, ghosts, strict=True):
            self.bury(one, ghost)

    def new_browser(self) -> Browser:
        return Browser(self.site.settings.public_url, self.site.wire)

    def turn_to(self, replica: int) -> None:
        self.site.balancer.turn = replica

    def compare(self, seat: Seat) -> None:
        cookies = seat.browser.wire.cookies.copy()
        answer = seat.browser.fetch("/session")
        assert answer.status_code in self.expected(seat.session), (answer.text, seat.session)
        if seat.session and answer.status_code == 401:
            self.bury(seat, Ghost(cookies, ""))
        elif seat.session:
            assert answer.json()["account_name"] == self.account_of(seat.session)
            seat.session.seen_at = self.clock()

    def expected(self, session: Living | None) -> set[int]:
        """Return the statuses of which one must come."""
        if session is None:
            return {401}
        rules = self.site.settings.session
        left = min(session.began_at + rules.lifetime, session.seen_at + rules.idle) - self.clock()
        return ({200} if left > -UNSURE else set()) | ({401} if left < UNSURE else set())

    def account_of(self, session: Living) -> str:
        return self.site.world.account_name(IDP, session.person)

    def ghost_of(self, seat: Seat) -> Ghost:
        return Ghost(seat.browser.wire.cookies.copy(), seat.browser.csrf_token())

    def bury(self, seat: Seat, ghost: Ghost) -> None:
        if seat.session is not None:
            self.ghosts.append(ghost)
        seat.session = None

    def must_be_dead(self, ghost: Ghost, replica: int) -> None:
        for method, path in (("GET", "/session"), ("POST", "/session/token"), ("POST", "/session/renew")):
            self.turn_to(replica)
            answer = self.ask(method, path, ghost)
            assert answer.status_code == 401, (path, answer.text)

    def ask(self, method: str, path: str, ghost: Ghost) -> Response:
        tab = self.new_browser()
        tab.wire.cookies.update(ghost.cookies)
        headers = {"Origin": tab.origin, "X-CSRF-Token": ghost.csrf_token}
        return tab.wire.request(method, f"{tab.origin}{path}", headers=headers, timeout=30)

    def renew(self, seat: Seat, replicas: list[int]) -> None:
        ghost = self.ghost_of(seat)
        done = self.refreshes.total
        self.turn_to(replicas[0])
        if len(set(replicas)) == 1:
            self.site.balancer.replicas[1 - replicas[0]].is_in = False
        answers = at_once([partial(self.ask, "POST", "/session/renew", ghost)] * len(replicas))
        for one in self.site.balancer.replicas:
            one.is_in = True
        assert len(answers) == len(replicas)
        self.judge(seat, ghost, answers, self.refreshes.total - done, is_one=len(set(replicas)) == 1)

    def judge(self, seat: Seat, ghost: Ghost, answers: list[Response], refreshed: int, *, is_one: bool) -> None:
        """Compare what the tabs got with what they had to get, and learn from it.

        Args:
            is_one: all asked the same replica.
        """
        session = living_in(seat)
        came, expected = {outcome(one) for one in answers}, self.outcomes(session)
        assert came <= expected, ([one.text for one in answers], session)
        tokens = {one.json()["access_token"] for one in answers if one.status_code == 200}
        names = {jwt.decode(one, options={"verify_signature": False})["user_name"] for one in tokens}
        assert names <= {self.account_of(session)}
        if is_one or not self.skew:
            # Clocks that differ by more than ten seconds make a result of the other replica look old.
            assert len(tokens) <= 1
            assert refreshed <= 1 or "down" in came
        if expected == {"renewed"} and not (self.skew and self.is_young(session)):
            assert bool(refreshed) is not self.is_young(session)
        if refreshed and "renewed" in came:
            session.renewed_at = self.clock()
        if "refused" in came:
            self.bury(seat, ghost)

    def outcomes(self, session: Living) -> set[str]:
        """Return which outcomes a renewal may have now."""
        asked = "renewed"
        if session.is_refused and (self.outage or ("",))[0] != "token":
            asked = "refused"
        elif self.outage:
            asked = "down"
        if self.is_young(session):
            return {"renewed"} if not self.skew else {"renewed", asked}
        return {asked}

    def is_young(self, session: Living) -> bool:
        return self.clock() - session.renewed_at < 10 + self.skew


def outcome(answer: Response) -> str:
    if answer.status_code >= 500:
        return "down"
    return {200: "renewed", 401: "refused"}[answer.status_code]
