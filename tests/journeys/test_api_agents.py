"""The API's agents and places when answers of the contact center are lost: nothing is made twice, nothing is hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from bridge.sandbox.registrations import INSTANCE_ID
from tests.journeys.steps import refused
from tests.kit.platform import platform_of
from tests.kit.signing import as_new, standing_house

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.sandbox.contact_center import ContactCenter
    from tests.kit.house import House
    from tests.kit.platform import Platform

AGENTS: Final = "/connections/contoso/agents"
AGENT: Final = "/connections/contoso/agent"
DEPARTMENTS: Final = "/connections/contoso/departments"
ACCOUNT: Final = "nora@contoso.example"
NORA: Final = {"account_name": ACCOUNT, "display_name": "Nora", "skill_group_ids": []}
ONCE: Final = {"Idempotency-Key": "order-66"}
UNCERTAIN: Final = (504, "contact_center_uncertain")


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from standing_house(tmp_path_factory.mktemp("house"))


@pytest.fixture
def house(standing: House) -> House:
    """One house for all tests, whose contact center is as new for each."""
    return as_new(standing)


@pytest.fixture
def platform(house: House) -> Platform:
    return platform_of(house, "contoso")


@pytest.fixture
def center(house: House) -> ContactCenter:
    return house.world.contact_centers[INSTANCE_ID]


def test_what_nobody_knows_the_end_of_is_answered_again_and_not_done_again(
    house: House, platform: Platform, center: ContactCenter
) -> None:
    house.world.faults.set("aiccs", "write_lost")
    assert refused(platform.ask("POST", DEPARTMENTS, {"name": "New"}, **ONCE)) == UNCERTAIN
    house.world.faults.clear()
    made = len(center.departments)
    assert refused(platform.ask("POST", DEPARTMENTS, {"name": "New"}, **ONCE)) == UNCERTAIN
    assert len(center.departments) == made
    assert platform.ask("POST", DEPARTMENTS, {"name": "Other"}, **{"Idempotency-Key": "order-67"}).status_code == 200


def test_an_agent_whose_making_was_lost_is_the_answer_to_the_same_request(
    house: House, platform: Platform, center: ContactCenter
) -> None:
    house.world.faults.set("aiccs", "write_lost")
    assert refused(platform.ask("POST", AGENTS, NORA, **ONCE)) == UNCERTAIN
    house.world.faults.clear()
    answer = platform.ask("POST", AGENTS, NORA, **ONCE)
    assert (answer.status_code, answer.json()["agent_id"]) == (200, str(center.agents[ACCOUNT].agent_id))
    assert platform.ask("POST", AGENTS, NORA, **ONCE).headers["Idempotency-Replayed"] == "true"
    assert house.services.known_agents.state("contoso", ACCOUNT) == "known"


def test_an_agent_who_is_otherwise_or_whom_nobody_asks_for_again_exists(platform: Platform) -> None:
    assert platform.ask("POST", AGENTS, NORA).status_code == 200
    assert refused(platform.ask("POST", AGENTS, NORA)) == (409, "agent_exists")
    assert refused(platform.ask("POST", AGENTS, {**NORA, "display_name": "Other"}, **ONCE)) == (409, "agent_exists")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", AGENT, None),
        ("GET", f"{AGENT}/state", None),
        ("PUT", AGENT, {"display_name": "Nora", "skill_group_ids": []}),
        ("DELETE", AGENT, None),
    ],
    ids=["show", "state", "change", "delete"],
)
def test_an_agent_who_is_not_there_is_not_found(
    platform: Platform, method: str, path: str, body: dict[str, object] | None
) -> None:
    answer = platform.ask(method, f"{path}?account_name=nobody", body)
    assert (refused(answer), answer.json()["status"]) == ((404, "agent_unknown"), 404)
