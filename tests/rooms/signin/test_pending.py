"""A sign-in under way: sealed in the browser, found by its state alone, for ten minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.connections.secrets import KeyRing
from bridge.core.errors import StateExpired, StateUnknown
from bridge.core.model import Secret
from bridge.signin.pending import LIFETIME, SLOTS, PendingSignIn, PendingSignIns
from tests.kit.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

OLD, NEW = Secret("o" * 32), Secret("n" * 32)


class Desk:
    """Pending sign-ins of one browser, with its cookies by slot."""

    def __init__(self, *secrets: Secret) -> None:
        self.clock = Clock()
        self.pending = PendingSignIns(KeyRing(secrets or [OLD]), self.clock)
        self.cookies: dict[int, str] = {}

    def begin(self, slot: int = 0, connection: str = "contoso", landing: str = "/softphone") -> str:
        state = self.pending.new_state(slot)
        self.cookies[slot] = self.pending.seal(PendingSignIn(connection, state, "nonce", "verifier", landing))
        return state

    def cookie_of(self, slot: int) -> str:
        return self.cookies.get(slot, "")

    def slot_and_landing(self, state: str) -> tuple[int, str]:
        found = self.pending.peek(state, self.cookie_of)
        assert found is not None
        return found[0], found[1].landing

    def find(self, state: str, connection: str = "contoso") -> PendingSignIn:
        return self.pending.find(connection, state, self.cookie_of)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def refused(act: Callable[[], object], error: type[Exception] = StateUnknown) -> None:
    with pytest.raises(error):
        act()


def test_a_sign_in_is_found_by_its_state(desk: Desk) -> None:
    state = desk.begin(3)
    found = desk.find(state)
    assert (found.state, found.nonce, found.code_verifier, found.landing) == (state, "nonce", "verifier", "/softphone")


def test_eight_sign_ins_are_under_way_at_once(desk: Desk) -> None:
    states = [desk.begin(slot) for slot in range(SLOTS)]
    assert [desk.find(state).state for state in states] == states
    assert len(set(states)) == SLOTS


def test_the_cookie_shows_nothing_of_it(desk: Desk) -> None:
    state = desk.begin(landing="/softphone?record=secret")
    assert not any(secret in desk.cookies[0] for secret in (state, "verifier", "secret"))


@pytest.mark.parametrize("age", [0, LIFETIME - 1])
def test_it_is_good_for_ten_minutes(desk: Desk, age: int) -> None:
    state = desk.begin()
    desk.clock.advance(age)
    assert desk.find(state).state == state


def test_later_it_has_expired_which_is_told_from_an_invented_one(desk: Desk) -> None:
    state = desk.begin()
    desk.clock.advance(LIFETIME + 2)
    refused(lambda: desk.find(state), StateExpired)


def test_a_replica_whose_clock_is_a_little_behind_takes_it_too(desk: Desk) -> None:
    state = desk.begin()
    desk.clock.advance(-20)
    assert desk.find(state).state == state


@pytest.mark.parametrize("state", ["", "invented", "0invented.aaaaaa.bbbb", "é", "." * 5, "0" * 600])
def test_an_invented_state_is_unknown(desk: Desk, state: str) -> None:
    desk.begin()
    refused(lambda: desk.find(state))
    assert desk.pending.peek(state, desk.cookie_of) is None


def test_a_changed_state_is_unknown(desk: Desk) -> None:
    state = desk.begin()
    refused(lambda: desk.find("1" + state[1:]))
    refused(lambda: desk.find(state[:-1] + ("A" if state[-1] != "A" else "B")))


def test_a_state_of_another_browser_is_unknown(desk: Desk) -> None:
    state = desk.begin()
    desk.cookies.clear()
    refused(lambda: desk.find(state))


def test_a_state_whose_slot_was_taken_is_unknown_and_frees_nothing(desk: Desk) -> None:
    late, present = desk.begin(0), desk.begin(0)
    refused(lambda: desk.find(late))
    assert desk.pending.peek(late, desk.cookie_of) is None
    assert desk.find(present).state == present


def test_a_state_of_another_connection_is_unknown(desk: Desk) -> None:
    state = desk.begin(connection="globex")
    refused(lambda: desk.find(state, "contoso"))


def test_a_cookie_that_was_sealed_for_something_else_is_none(desk: Desk) -> None:
    state = desk.begin()
    ring = KeyRing([OLD])
    for purpose, record in (("agent session", {}), ("pending sign-in", {"connection": "contoso"})):
        desk.cookies[0] = ring.seal(purpose, record)
        refused(lambda: desk.find(state))


def test_slot_and_landing_are_known_however_old(desk: Desk) -> None:
    state = desk.begin(5, landing="/softphone?record=7")
    assert desk.slot_and_landing(state) == (5, "/softphone?record=7")
    desk.clock.advance(LIFETIME * 2)
    assert desk.slot_and_landing(state) == (5, "/softphone?record=7")


def test_a_rotation_in_the_middle_of_a_sign_in_is_not_noticed() -> None:
    before, after = Desk(OLD), Desk(NEW, OLD)
    state = before.begin()
    after.cookies = before.cookies
    assert after.find(state).state == state
    refused(lambda: Desk(NEW).pending.find("contoso", state, before.cookie_of))
