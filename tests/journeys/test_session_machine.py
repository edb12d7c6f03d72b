"""Whatever happens in whichever order: what has ended stays ended, what lives is not lost, and one renews at a time."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from bridge.core.model import Secret
from tests.journeys.session_model import IDP, SessionModel, living_in

if TYPE_CHECKING:
    from tests.kit.redis_server import RedisServer

PROFILE: Final = os.environ.get("HYPOTHESIS_PROFILE", "")
IS_LONG: Final = PROFILE == "long"

SEATS = st.integers(0, 2)
REPLICAS = st.integers(0, 1)
PEOPLE = st.sampled_from(["lin", "fang"])
SECONDS = st.sampled_from([1, 8, 30, 301, 3600, 7000, 7400, 20_000, 44_000])
NAMED = st.sampled_from(["sid", "sub", "both"])
OUTAGES = st.sampled_from(
    [("token", "http_500"), ("token", "reset"), ("token", "html"), ("exchange", "http_500"), ("exchange", "reset")]
)


anybody_in = precondition(lambda self: any(one.session for one in self.seats))


class SessionMachine(SessionModel):
    """What may happen."""

    # in and out -----------------------------------------------------------------------------------------------------

    @rule(place=SEATS, person=PEOPLE)
    def sign_in(self, place: int, person: str) -> None:
        self.sign_in_at(self.seats[place], person)

    @anybody_in
    @rule(place=SEATS, person=PEOPLE)
    def somebody_signs_in_where_somebody_is_in(self, place: int, person: str) -> None:
        self.sign_in_at(self.occupied(place), person)

    @anybody_in
    @rule(place=SEATS, replica=REPLICAS)
    def agent_signs_out(self, place: int, replica: int) -> None:
        seat = self.occupied(place)
        ghost = self.ghost_of(seat)
        self.turn_to(replica)
        answer = seat.browser.submit("/logout", {"csrf_token": ghost.csrf_token}, follow=False)
        assert answer.status_code == 303
        assert not {"bridge_session", "AC_TOKEN"} & seat.browser.cookies().keys()
        self.bury(seat, ghost)

    @anybody_in
    @rule(place=SEATS, replica=REPLICAS, named=NAMED)
    def provider_posts_a_logout_token(self, place: int, replica: int, named: str) -> None:
        self.post_logout_token(self.occupied(place), replica, named)

    @anybody_in
    @rule(place=SEATS, replica=REPLICAS)
    def provider_opens_a_frame(self, place: int, replica: int) -> None:
        seat = self.occupied(place)
        ghost = self.ghost_of(seat)
        self.turn_to(replica)
        asked = urlencode({"iss": self.site.world.manners[IDP].issuer(), "sid": living_in(seat).sid})
        frame = self.new_browser().open(f"/frontchannel-logout/{IDP}?{asked}")
        assert frame.status_code == 200, frame.text
        self.bury(seat, ghost)

    @anybody_in
    @rule(place=SEATS, replica=REPLICAS, is_everybody=st.booleans())
    def administrator_ends(self, place: int, replica: int, *, is_everybody: bool) -> None:
        meant = [one for one in self.seats if one.session] if is_everybody else [self.occupied(place)]
        ghosts = [self.ghost_of(one) for one in meant]
        services = self.site.balancer.replicas[replica].services
        sids = {living_in(one).sid for one in meant}
        found = list(services.agent_sessions.of_connection(IDP))
        handles = [one.session.handle for one in found if one.session.sid in sids]
        assert services.endings.by_admin(IDP, None if is_everybody else handles, actor="Lin") == len(meant)
        for seat, ghost in zip(meant, ghosts, strict=True):
            self.bury(seat, ghost)

    @anybody_in
    @rule(place=SEATS, replicas=st.lists(REPLICAS, max_size=3))
    def provider_revokes_the_tokens(self, place: int, replicas: list[int]) -> None:
        session = living_in(self.occupied(place))
        self.grants.close_session(session.sid, revoke=True)
        session.is_refused = True
        if replicas:
            self.renew(self.occupied(place), replicas)

    # renewals -------------------------------------------------------------------------------------------------------

    @anybody_in
    @rule(place=SEATS, replica=REPLICAS)
    def a_tab_renews(self, place: int, replica: int) -> None:
        self.renew(self.occupied(place), [replica])

    @anybody_in
    @rule(place=SEATS, replica=REPLICAS, tabs=st.integers(2, 4))
    def tabs_renew_at_one_replica(self, place: int, replica: int, tabs: int) -> None:
        self.renew(self.occupied(place), [replica] * tabs)

    @anybody_in
    @rule(place=SEATS)
    def tabs_renew_at_both_replicas(self, place: int) -> None:
        self.renew(self.occupied(place), [0, 1, 0, 1])

    @anybody_in
    @rule(place=SEATS, replica=REPLICAS)
    def a_late_tab_renews_again(self, place: int, replica: int) -> None:
        seat = self.occupied(place)
        self.renew(seat, [replica])
        if seat.session:
            self.renew(seat, [1 - replica])

    # what goes on around them ---------------------------------------------------------------------------------------

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule()
    def access_tokens_expire(self) -> None:
        self.grants.expire_access_tokens()
        self.clock.advance(301)

    @precondition(lambda self: not self.outage)
    @rule(outage=OUTAGES)
    def outage_begins(self, outage: tuple[str, str]) -> None:
        self.site.world.faults.set(*outage)
        self.outage = outage

    @precondition(lambda self: self.outage)
    @rule()
    def outage_ends(self) -> None:
        self.site.world.faults.clear()
        self.clock.advance(61)  # by then the circuit lets a call through again
        self.outage = None

    @rule(replica=REPLICAS)
    def replica_is_replaced(self, replica: int) -> None:
        self.site.restart(replica)

    @rule(number=st.integers(0, 99), told=st.sampled_from(["", "sid", "sub"]))
    def key_ring_gets_a_new_key(self, number: int, told: str) -> None:
        fresh = Secret(f"{number:02} is the number of a key that no customer has")
        self.site.restart_all(replace(self.site.settings, secret_keys=(fresh, *self.site.settings.secret_keys)))
        if told and any(one.session for one in self.seats):
            self.post_logout_token(self.occupied(0), number % 2, told)

    @rule(keep_old=st.booleans())
    def provider_changes_its_keys(self, *, keep_old: bool) -> None:
        self.clock.advance(61)  # unknown keys are fetched once a minute
        self.site.world.rotate_keys(IDP, keep_old=keep_old)

    # what must hold -------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.ghosts)
    @rule(which=st.integers(0, 99), replica=REPLICAS)
    def old_cookies_come_back(self, which: int, replica: int) -> None:
        self.must_be_dead(self.ghosts[which % len(self.ghosts)], replica)

    @invariant()
    def no_two_refreshes_of_one_session_meet(self) -> None:
        assert self.refreshes.most_at_once <= 1

    @invariant()
    def every_browser_is_told_what_is_true(self) -> None:
        for seat in self.seats:
            self.compare(seat)


def play(sessions: str, skew: float, examples: int) -> None:
    """Play many stories; ``HYPOTHESIS_PROFILE=long`` plays other and longer ones each time."""
    how: dict[str, Any] = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
    if IS_LONG:
        chosen = settings(max_examples=1000, stateful_step_count=80, **how)
    else:
        # A failing story is told as it was found: to shorten it would take minutes.
        how |= {"phases": [Phase.generate], "derandomize": True}
        chosen = settings(max_examples=examples, stateful_step_count=30, **how)
    machine: Any = partial(SessionMachine, sessions, skew)
    run_state_machine_as_test(machine, settings=chosen)


@pytest.mark.timeout(0 if IS_LONG else 120)
@pytest.mark.parametrize(("skew", "examples"), [(0.0, 3), (20.0, 2)], ids=["one-clock", "two-clocks"])
def test_sessions_in_the_database_end_once_and_are_never_lost(skew: float, examples: int) -> None:
    play("database", skew, examples)


@pytest.mark.timeout(0 if IS_LONG else 120)
def test_sessions_in_redis_end_once_and_are_never_lost(redis_server: RedisServer) -> None:
    play(redis_server.emptied(), 20.0, 2)
