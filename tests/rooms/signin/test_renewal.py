"""The renewal: how long it is waited for, and what a fault of our own leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.core.errors import IdpUnreachable
from bridge.signin import renewal
from tests.journeys.steps import records, signed_in

if TYPE_CHECKING:
    from tests.kit.house import House


def test_a_renewal_that_never_ends_is_not_waited_for_for_ever(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in(house)
    (record,) = records(house)
    house.services.agent_sessions.claim_renewal(record.id)
    monkeypatch.setattr(renewal, "_PATIENCE", 0.1)
    with pytest.raises(IdpUnreachable, match="one that never ends"):
        house.services.flow.renew(record.id)


def test_a_fault_of_our_own_lets_the_next_one_renew(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in(house)
    (record,) = records(house)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(house.services.flow._renewal, "_refresh", broken)
        with pytest.raises(ZeroDivisionError):
            house.services.flow.renew(record.id)
    assert house.services.agent_sessions.renewal_failure(record.id) == "internal_error"
    assert house.services.flow.renew(record.id).generation == 1
    assert house.services.agent_sessions.renewal_failure(record.id) == ""


def test_a_session_that_somebody_renewed_meanwhile_is_renewed_no_more(house: House) -> None:
    signed_in(house)
    (record,) = records(house)
    renewed = house.services.flow.renew(record.id)
    owner = house.services.agent_sessions.claim_renewal(record.id)
    assert house.services.flow._renewal._renew_alone(record.id, owner) == renewed
