"""Agents who are changed by hand: who may come back, and what the journal says of an end that nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from bridge.aiccs.agents import Agent
from bridge.aiccs.instance import instance_of
from bridge.connections.secrets import KeyRing
from bridge.core.contact_center_errors import AgentExists, ContactCenterUncertain
from bridge.core.errors import AgentUnknown, BridgeError, ContactCenterError, ContactCenterUnreachable
from bridge.core.model import Secret
from bridge.db import Database, metadata
from bridge.ops.journal import Journal
from bridge.ops.metrics import Metrics
from bridge.ops.trail import Search, Trail
from bridge.provisioning.known_agents import KnownAgents
from bridge.provisioning.staff import Charge, Staff
from tests.contracts.customers import customer
from tests.kit.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.provisioning.known_agents import State

KIM: Final = "kim@contoso.example"
LOST: Final = ContactCenterUnreachable(expected="an answer", received="none in time")
REFUSED: Final = ContactCenterError(expected="an answer", received="NoPermission")


def refused_after_all() -> ContactCenterError:
    fault = ContactCenterError(expected="an answer", received="NoPermission")
    fault.may_be_done = True
    return fault


class Agents:
    """Has Kim, unless it has nobody; every change ends as it was told to."""

    def __init__(self, fault: BridgeError | None = None, *, is_empty: bool = False) -> None:
        self.fault, self.is_empty = fault, is_empty

    def find(self, _instance: object, account_name: str) -> Agent | None:
        return None if self.is_empty else Agent(account_name, "Kim", "7", "0")

    def _change(self, *_: object, **__: object) -> Agent:
        if self.fault is not None:
            raise self.fault
        return Agent(KIM, "Kim", "7", "0")

    create = update = delete = _change


class Desk:
    """Staff over a database in memory."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.database = Database("sqlite://")
        metadata.create_all(self.database.engine)
        self.known = KnownAgents(self.database, KeyRing([Secret("k" * 32)]), self.clock)
        self.trail = Trail(self.database, retention=9e9, per_connection=9, now=self.clock)
        self.staff = Staff(self.known, Journal(Metrics(), self.trail, self.clock))

    def change(self, act: str, agents: Agents) -> None:
        instance = instance_of(customer(instance_id="ccc_xp_1"))
        charge = Charge("contoso", instance, agents, "it@contoso.example")  # type: ignore[arg-type]  # all it is asked
        given: tuple[Any, ...] = () if act == "delete" else ("Kim", [1])
        getattr(self.staff, act)(charge, KIM, *given)

    def refused(self, act: str, agents: Agents) -> BridgeError:
        with pytest.raises(BridgeError) as refusal:
            self.change(act, agents)
        return refusal.value

    @property
    def state(self) -> State | None:
        return self.known.state("contoso", KIM)

    def journal(self) -> list[tuple[str, object]]:
        return [(one.event, one.details.get("outcome")) for one in self.trail.search(Search())]


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.database.close()


def test_an_agent_who_was_deleted_comes_back_by_no_sign_in(desk: Desk) -> None:
    desk.change("delete", Agents())
    assert (desk.state, desk.journal()) == ("barred", [("agent_deleted", None)])


def test_deleting_nobody_keeps_nobody_out(desk: Desk) -> None:
    assert isinstance(desk.refused("delete", Agents(is_empty=True)), AgentUnknown)
    assert (desk.state, desk.journal()) == (None, [])


@pytest.mark.parametrize("former", [None, "known", "free"], ids=["nothing", "known", "free"])
def test_a_definite_refusal_leaves_everything_as_it_was(desk: Desk, former: State | None) -> None:
    desk.known.restore("contoso", KIM, former)
    assert desk.refused("delete", Agents(REFUSED)) is REFUSED
    assert (desk.state, desk.journal()) == (former, [])


def test_one_whom_somebody_else_has_deleted_meanwhile_stays_away(desk: Desk) -> None:
    desk.refused("delete", Agents(AgentUnknown(received="none")))
    assert desk.state == "barred"


@pytest.mark.parametrize(
    "fault", [LOST, ContactCenterUncertain(), refused_after_all()], ids=["lost", "uncertain", "refused at last"]
)
@pytest.mark.parametrize("act", ["create", "update", "delete"])
def test_an_end_that_nobody_knows_stands_in_the_journal_as_such(desk: Desk, act: str, fault: BridgeError) -> None:
    desk.refused(act, Agents(fault))
    assert desk.journal() == [(f"agent_{act}d", "uncertain")]
    assert desk.state == ("barred" if act == "delete" else None)


@pytest.mark.parametrize("act", ["create", "update"])
@pytest.mark.parametrize("fault", [REFUSED, AgentExists()], ids=["refused", "exists"])
def test_what_was_refused_stands_nowhere(desk: Desk, act: str, fault: BridgeError) -> None:
    desk.refused(act, Agents(fault))
    assert (desk.state, desk.journal()) == (None, [])
