"""An agent's own calls: whose number it is, and which part of a call that was handed on is theirs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.aiccs.calls import Call, Recording
from bridge.calls.own import OwnCalls, _is_of
from bridge.core.errors import ContactCenterError
from bridge.core.model import Secret

if TYPE_CHECKING:
    from bridge.sandbox.calls import CallLog
    from tests.kit.house import House

LIN = "lin@contoso.example"


def test_a_connection_that_names_anothers_contact_center_changes_nothing_there(
    house: House, log: CallLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = log.add(LIN)
    services = house.services
    genuine = services.connections.get("contoso")
    assert genuine.aiccs is not None
    forged = replace(genuine, name="acme", aiccs=replace(genuine.aiccs, access_key_secret=Secret("guessed")))
    desk, find = services.contact_center, type(services.contact_center.agents).find

    def lie(agents: Any, instance: Any, account_name: str) -> Any:
        found = find(agents, replace(instance, access=genuine.aiccs), account_name)
        is_forged = instance.access.access_key_secret == Secret("guessed")
        return replace(found, agent_id="1") if found and is_forged else found

    monkeypatch.setattr(type(desk.agents), "find", lie)
    own_calls = OwnCalls(desk, services.recordings, house.clock)
    with pytest.raises(ContactCenterError):
        own_calls.check(forged, LIN, row.acid, row.connection_id)
    own_calls.check(genuine, LIN, row.acid, row.connection_id)


@pytest.mark.parametrize(
    ("began", "ended", "is_own"),
    [(0, 100, True), (1, 140, True), (99, 200, False), (60, 140, False), (100, 200, False), (None, 100, False)],
    ids=["own", "most", "one-second", "half", "other", "no-moment"],
)
def test_of_a_call_that_was_handed_on_most_of_a_recording_must_be_the_own_leg(
    began: float | None, ended: float, *, is_own: bool
) -> None:
    mine = Call("1", "7", "inbound", "normal", "1", "2", 0, answered_at=0, ended_at=100, agent_id="1")
    other = replace(mine, id="2", answered_at=100, ended_at=200, agent_id="2")
    recording = Recording("7", "70", began, ended, "secret")
    assert _is_of(recording, [mine], [mine, other]) is is_own
