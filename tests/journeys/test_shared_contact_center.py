"""Connections that share a contact center: nobody makes agents for the others, nor looks in, without an operator."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from bridge.core.contact_center_errors import ContactCenterShared
from bridge.core.gate_errors import AdminNotAllowed
from bridge.http.contact_center import own_instance
from bridge.provisioning.consent import Consent
from tests.kit.desk import saved, table, written
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.core.model import Connection
    from tests.kit.house import House

ADMIN: Final = "it@globex.example"
ACCESS: Final = {"access_key_id": "LTAI-one", "access_key_secret": "secret-of-it"}
MAKING: Final = {"create_agents": True}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A bridge with a connection of the console that makes no agents and is alone in its contact center."""
    built = build_house(demo_settings(tmp_path, connections=("contoso",)))
    saved(built, own("globex"))
    yield built
    built.services.database.close()


def own(name: str, **changes: Any) -> dict[str, Any]:
    return table(name, **{"instance_id": "ccc_xp_one", "aiccs": ACCESS, **changes})


def newest(house: House, name: str = "globex") -> Connection:
    kept = house.services.register
    return kept.connection(name, kept.entry(name).newest_version)


def kept_by_admin(house: House, entered: dict[str, Any], *, vouches: bool = False) -> int:
    """Save a version as the console does for an administrator, or for an operator."""
    connection = written(house, entered)
    based_on = house.services.register.entry(connection.name).newest_version
    return house.services.changes.save(connection, actor=ADMIN, based_on=based_on, vouches=vouches).number


def with_neighbour(house: House, *, active: bool = True, **changes: Any) -> None:
    saved(house, own("initech", **changes), active=active)
    house.services.connections.refresh()


class TestLookingIn:
    @pytest.mark.parametrize("state", ["active", "inactive", "draft", "draft of another"])
    def test_is_for_operators_where_another_connection_could_too(self, house: House, state: str) -> None:
        if state == "draft of another":
            with_neighbour(house, instance_id="ccc_xp_two")
        with_neighbour(house, active=state in {"active", "inactive"})
        if state == "inactive":
            house.services.changes.deactivate("initech", actor=ADMIN)
        with house.app.test_request_context(), pytest.raises(ContactCenterShared):
            own_instance(newest(house))

    def test_is_not_closed_by_who_names_the_key_without_its_secret(self, house: House) -> None:
        with_neighbour(house, aiccs={**ACCESS, "access_key_secret": "forged"})
        with house.app.test_request_context():
            assert own_instance(newest(house)).id == "ccc_xp_one"

    def test_is_open_again_once_the_other_one_is_gone(self, house: House) -> None:
        with_neighbour(house, active=False)
        house.services.changes.remove("initech", actor=ADMIN)
        with house.app.test_request_context():
            assert own_instance(newest(house)).id == "ccc_xp_one"


class TestMakingAgents:
    def faults(self, house: House, wished: Connection, former: Connection) -> list[str]:
        def told(*, by_operator: bool) -> list[str]:
            found = house.services.changes.review(wished, former, ("aiccs.access_key_secret",), by_operator=by_operator)
            return [fault.key for fault in found if fault.key.startswith("provisioning")]

        assert told(by_operator=True) == []
        return told(by_operator=False)

    def test_where_others_are_is_switched_on_by_an_operator_only_in_however_many_steps(self, house: House) -> None:
        alone = written(house, own("globex", instance_id="ccc_xp_alone", provisioning=MAKING))
        with_neighbour(house, active=False)
        wished = written(house, own("globex", provisioning=MAKING))
        for former in (newest(house), alone, replace(alone, instance_id="ccc_xp_one", aiccs=None)):
            assert self.faults(house, wished, former) == ["provisioning.create_agents"]
        assert self.faults(house, replace(wished, title="Another"), wished) == []

    def test_is_not_brought_back_from_the_days_before_others_came(self, house: House) -> None:
        making = kept_by_admin(house, own("globex", provisioning=MAKING))
        saved(house, own("globex"))
        with_neighbour(house)
        changes, before = house.services.changes, house.services.register.entry("globex")
        for act in (changes.activate, changes.roll_back):
            with pytest.raises(AdminNotAllowed):
                act("globex", making, actor=ADMIN, without_rehearsal=True, by_operator=False)
        assert house.services.register.entry("globex") == before
        changes.activate("globex", making, actor=ADMIN, without_rehearsal=True)

    def test_is_no_beginning_of_a_connection_that_was_never_used(self, house: House) -> None:
        saved(house, own("initech", provisioning=MAKING), active=False)
        house.services.connections.refresh()
        with pytest.raises(AdminNotAllowed):
            house.services.changes.activate("initech", newest(house, "initech").version, actor=ADMIN, by_operator=False)

    def test_needs_an_operators_word_once_others_are_there(self, house: House) -> None:
        consent = Consent(house.services.connections, house.services.register)
        kept_by_admin(house, own("globex", provisioning=MAKING))
        assert consent.may_make_agents(newest(house)), "it is alone"
        with_neighbour(house)
        assert not consent.may_make_agents(newest(house))
        kept_by_admin(house, own("globex", provisioning=MAKING, title="As an operator has it"), vouches=True)
        kept_by_admin(house, own("globex", provisioning=MAKING, title="And another title"))
        assert consent.may_make_agents(newest(house))


def test_an_instance_and_the_hosts_of_recordings_change_after_a_new_sign_in_with_the_key_at_hand(house: House) -> None:
    former, review = newest(house), house.services.changes.review
    moved = replace(former, instance_id="ccc_xp_two")
    assert [fault.key for fault in review(moved, former, ())] == ["aiccs.access_key_secret"]
    stale = review(moved, former, ("aiccs.access_key_secret",), is_fresh=False)
    assert [fault.key for fault in stale] == ["instance_id"]
    assert former.aiccs is not None
    elsewhere = replace(former, aiccs=replace(former.aiccs, recording_hosts=("*.evil.example",)))
    assert [fault.key for fault in review(elsewhere, former, (), is_fresh=False)] == ["aiccs.recording_hosts"]
