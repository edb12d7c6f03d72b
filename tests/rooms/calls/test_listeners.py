"""Who listens: a few at once, and one row of the journal however many parts a player asks for."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from bridge.calls.listeners import Listener, Listeners
from bridge.core.errors import RateLimited

if TYPE_CHECKING:
    from tests.kit.house import House

ADMIN = Listener("administrator", "contoso", "Wang")
AGENT = Listener("agent", "contoso", "lin@contoso.example")
KEY = Listener("api_key", "contoso", "k1")


@pytest.mark.parametrize(("threads", "most"), [(1, 2), (4, 2), (32, 8)])
def test_a_quarter_of_the_threads_may_be_held_by_listeners(house: House, threads: int, most: int) -> None:
    listeners = Listeners(threads, house.services.journal, house.clock)
    with ExitStack() as held:
        for number in range(most):
            held.enter_context(listeners.seat(Listener("agent", "contoso", str(number))))
        with pytest.raises(RateLimited):
            held.enter_context(listeners.seat(AGENT))


def test_one_row_stays_of_what_one_listener_opens_in_ten_minutes(house: House) -> None:
    listeners, of_another_worker = (Listeners(8, house.services.journal, house.clock) for _ in range(2))
    for listener in (ADMIN, AGENT, KEY):
        for worker in (listeners, of_another_worker, listeners):
            worker.note(listener, "7", "70")
    listeners.note(AGENT, "7", "71")
    house.clock.advance(601)
    listeners.note(ADMIN, "7", "70")
    rows = [one for one in house.journal() if one.event == "recording_opened"]
    assert [(one.actor, one.person, one.details.get("api_key"), one.details["call"]) for one in rows] == [
        ("Wang", "", None, "7"),
        ("", AGENT.name, None, "7"),
        ("", "", "k1", "7"),
        ("", AGENT.name, None, "7"),
        ("Wang", "", None, "7"),
    ]
    assert {one.connection for one in rows} == {"contoso"}
