"""Agents as the contact center has them: the vendor's SDK asks the sandbox over a real line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import requests_mock

from bridge.aiccs.client import ContactCenter
from bridge.aiccs.contact_center import contact_center_desk
from bridge.aiccs.instance import Instance
from bridge.core.contact_center_errors import ContactCenterThrottled
from bridge.core.errors import BridgeError, ContactCenterError, ContactCenterUnreachable
from bridge.core.model import AiccsAccess, Secret
from bridge.outbound import Outbound

if TYPE_CHECKING:
    from bridge.aiccs.agents import Agent, Agents
    from bridge.sandbox.world import World

INSTANCE = "ccc_xp_demo"
LIN = "lin@contoso.example"
KIM = "kim@contoso.example"


def test_an_agent_is_found_by_account_name(agents: Agents, access: AiccsAccess, world: World) -> None:
    agent = agents.find(Instance(access, INSTANCE), LIN)
    assert agent is not None
    assert (agent.account_name, agent.display_name, agent.status) == (LIN, "小林", "0")
    assert agent.agent_id == str(world.agents[LIN].agent_id)
    assert "客服热线" in agent.groups
    assert (agent.is_active, agent.is_frozen) == (True, False)


@pytest.mark.parametrize("account_name", ["王芳", "a b+c", "100%", "x=1&InstanceId=other", "it's ~*/?#", "e\u0301"])
def test_any_account_name_reaches_the_contact_center_as_it_is(
    agents: Agents, access: AiccsAccess, world: World, account_name: str
) -> None:
    world.add_agent(account_name, "Somebody", instance_id=INSTANCE)
    agent = agents.find(Instance(access, INSTANCE), account_name)
    assert agent is not None
    assert agent.account_name == account_name


def test_a_frozen_agent_says_so(agents: Agents, access: AiccsAccess, world: World) -> None:
    agent = agents.find(Instance(access, INSTANCE), KIM)
    assert agent is not None
    assert (agent.status, agent.is_active, agent.is_frozen) == ("1", False, True)


@pytest.mark.parametrize("fault", ["", "unknown_agent", "deleted_agent", "no_data"])
def test_nobody_is_found_where_there_is_no_agent(agents: Agents, access: AiccsAccess, world: World, fault: str) -> None:
    if fault:
        world.faults.set("aiccs", fault)
    assert agents.find(Instance(access, INSTANCE), LIN if fault else "nora@contoso.example") is None


@pytest.mark.parametrize(
    ("fault", "settings", "refused_as"),
    [
        ("refused_key", {}, (ContactCenterError, "InvalidAccessKeyId.NotFound")),
        ("no_permission", {}, (ContactCenterError, "NoPermission")),
        ("clock_off", {}, (ContactCenterError, "InvalidTimeStamp.Expired")),
        ("html", {}, (ContactCenterError, "HTTP 200 text/html")),
        ("not_json", {}, (ContactCenterError, "HTTP 200 application/json")),
        ("json_list", {}, (ContactCenterError, "HTTP 200 application/json")),
        ("empty", {}, (ContactCenterError, "HTTP 200 application/json")),
        ("redirect", {}, (ContactCenterError, "HTTP 302 text/html")),
        ("huge", {"bytes": 1_100_000}, (ContactCenterError, "a larger answer")),
        ("html", {"status": 502}, (ContactCenterUnreachable, "HTTP 502")),
        ("http_500", {}, (ContactCenterUnreachable, "HTTP 500")),
        ("http_500", {"status": 503}, (ContactCenterUnreachable, "HTTP 503")),
        ("throttled_user", {}, (ContactCenterThrottled, "Throttling.User")),
        ("throttled_429", {}, (ContactCenterThrottled, "HTTP 429")),
        ("success_false", {}, (ContactCenterUnreachable, "SystemError")),
        ("success_false", {"status": 500}, (ContactCenterUnreachable, "SystemError")),
        ("slow", {"seconds": 4}, (ContactCenterUnreachable, "none in time")),
        ("reset", {}, (ContactCenterUnreachable, "a broken connection")),
    ],
    ids=[
        "refused_key", "no_permission", "clock_off", "html", "not_json", "json_list", "empty", "redirect", "huge",
        "html_502", "http_500", "http_503", "throttled_user", "throttled_429", "success_false", "success_false_500",
        "slow", "reset",
    ],
)  # fmt: skip
def test_trouble_out_there_is_told_for_what_it_is(
    agents: Agents, access: AiccsAccess, world: World, fault: str, *, settings: dict[str, Any], refused_as: object
) -> None:
    world.faults.set("aiccs", fault, **settings)
    with pytest.raises(BridgeError) as refusal:
        agents.find(Instance(access, INSTANCE), LIN)
    assert (type(refusal.value), refusal.value.received) == refused_as


def test_a_line_that_broke_once_is_tried_again(agents: Agents, access: AiccsAccess, world: World) -> None:
    world.faults.set("aiccs", "reset", times=1)
    assert agents.find(Instance(access, INSTANCE), LIN) is not None
    assert world.count("/GetAgent") == 2


def test_an_answer_that_came_too_late_is_not_asked_for_again(agents: Agents, access: AiccsAccess, world: World) -> None:
    world.faults.set("aiccs", "slow", seconds=4)
    with pytest.raises(ContactCenterUnreachable):
        agents.find(Instance(access, INSTANCE), LIN)
    assert world.count("/GetAgent") == 1


def test_nobody_at_the_address_is_unreachable(agents: Agents, access: AiccsAccess) -> None:
    with pytest.raises(ContactCenterUnreachable) as refusal:
        agents.find(Instance(access, INSTANCE), LIN)
    assert refusal.value.received == "a refused connection"


@pytest.mark.parametrize(
    ("changed", "received"),
    [
        ({"access_key_id": Secret("LTAI-nobody")}, "InvalidAccessKeyId.NotFound"),
        ({"access_key_secret": Secret("another-secret")}, "SignatureDoesNotMatch"),
    ],
    ids=["unknown_key", "wrong_secret"],
)
def test_a_wrong_access_key_is_refused_without_repeating_it(
    agents: Agents, access: AiccsAccess, world: World, changed: dict[str, Any], received: str
) -> None:
    with pytest.raises(ContactCenterError) as refusal:
        agents.find(Instance(replace(access, **changed), INSTANCE), LIN)
    assert refusal.value.received == received
    shown = f"{refusal.value} {refusal.value!r}"
    assert not any(secret.reveal() in shown for secret in changed.values())


def test_an_unknown_instance_is_a_refusal_and_no_missing_agent(
    agents: Agents, access: AiccsAccess, world: World
) -> None:
    with pytest.raises(ContactCenterError) as refusal:
        agents.find(Instance(access, "ccc_xp_other"), LIN)
    assert refusal.value.received == "NoTenantFound"


def test_a_replaced_secret_counts_at_once(agents: Agents, access: AiccsAccess, world: World) -> None:
    key = world.access_keys[access.access_key_id.reveal()]
    assert agents.find(Instance(access, INSTANCE), LIN)
    world.access_keys[key.access_key_id] = replace(key, access_key_secret="rotated")
    assert agents.find(Instance(replace(access, access_key_secret=Secret("rotated")), INSTANCE), LIN)


def found(data: object) -> Agent | None:
    answers = requests_mock.Adapter()
    body = {"Code": "Success", "RequestId": "ID-1", "Success": True, "Data": data}
    answers.register_uri("GET", "https://aiccs.aliyuncs.com/", json=body)
    agents = contact_center_desk(ContactCenter(Outbound(adapter=answers), lambda: 1_800_000_000)).agents
    return agents.find(Instance(AiccsAccess(Secret("id"), Secret("secret")), INSTANCE), LIN)


@pytest.mark.parametrize(
    ("status", "kept", "is_active", "is_frozen"),
    [
        (0, "0", True, False),
        ("0", "0", True, False),
        (1, "1", False, True),
        (3, "3", False, False),
        ("ON_LEAVE", "ON_LEAVE", False, False),
        (None, "", False, False),
        (False, "False", False, False),
    ],
    ids=["0", "0_text", "1", "3", "word", "null", "false"],
)
def test_an_unknown_status_is_kept_and_is_neither_active_nor_frozen(
    status: object, kept: str, *, is_active: bool, is_frozen: bool
) -> None:
    agent = found({"AccountName": LIN, "AgentId": 7, "DisplayName": "Lin", "Status": status})
    assert agent is not None
    assert (agent.status, agent.is_active, agent.is_frozen) == (kept, is_active, is_frozen)


def test_groups_have_their_display_names_or_else_their_names() -> None:
    groups: list[dict[str, object]] = [{"DisplayName": "A", "Name": "a"}, {"Name": "b"}, {"SkillGroupId": 3}, {}]
    agent = found({"AccountName": LIN, "GroupList": groups})
    assert agent is not None
    assert agent.groups == ("A", "b")


@pytest.mark.parametrize("data", [None, {}, [], ""], ids=["null", "object", "list", "text"])
def test_success_without_an_agent_is_nobody(data: object) -> None:
    assert found(data) is None


@pytest.mark.parametrize(
    "data",
    [{"AgentId": 7, "Status": 0}, "text", [1], 7, {"AccountName": LIN, "GroupList": "text"}],
    ids=["nameless", "text", "list", "number", "groups_text"],
)
def test_an_agent_that_cannot_be_read_is_a_bad_answer(data: object) -> None:
    with pytest.raises(ContactCenterError, match="not usable"):
        found(data)
