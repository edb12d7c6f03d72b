"""The stand-in of the OpenAPI as the vendor's SDK finds it: agents, instances, ClientTokens and throttling."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from alibabacloud_tea_openapi.exceptions import ClientException, ThrottlingException
from darabonba.exceptions import UnretryableException

from tests.rooms.sandbox.vendor import documented, refused, shape

if TYPE_CHECKING:
    from tests.rooms.sandbox.vendor import Vendor

LIN = "lin@contoso.example"
CHEN = "chen.jie@contoso.example"
CARE, AFTER_SALES, SALES = 1234001, 1234002, 1234003


def groups_of(vendor: Vendor, account_name: str) -> list[int]:
    return [one["SkillGroupId"] for one in vendor.do("get_agent", account_name=account_name)["Data"]["GroupList"]]


@pytest.mark.parametrize(
    ("operation", "fields", "name"),
    [
        ("get_agent", {"account_name": LIN}, "GetAgent"),
        ("create_agent", {"account_name": "ada", "display_name": "Ada"}, "CreateAgent"),
        ("list_agent_by_skill_group_id", {"skill_group_id": SALES}, "ListAgentBySkillGroupId"),
        ("get_hotline_agent_detail", {"account_name": LIN}, "GetHotlineAgentDetail"),
    ],
    ids=["get", "create", "list", "detail"],
)
def test_answers_have_the_documented_members(vendor: Vendor, operation: str, fields: dict[str, Any], name: str) -> None:
    assert shape(vendor.do(operation, **fields)) == documented(name)


def test_a_contact_center_has_colleagues_in_groups_and_at_work(vendor: Vendor) -> None:
    groups = {
        number: vendor.do("list_agent_by_skill_group_id", skill_group_id=number)["Data"]
        for number in (CARE, AFTER_SALES, SALES)
    }
    assert [len(rows) for rows in groups.values()] == [8, 4, 4]
    assert groups_of(vendor, CHEN) == [CARE, AFTER_SALES]
    kim = next(row for row in groups[CARE] if row["AccountName"] == "kim@contoso.example")
    assert (kim["Status"], kim["AgentId"]) == (1, vendor.world.agents["kim@contoso.example"].agent_id)
    told = [vendor.do("get_hotline_agent_detail", account_name=one)["Data"] for one in (LIN, CHEN)]
    assert [one["AgentStatusCode"] for one in told] == ["AgentCheckout", "AgentReady"]
    assert told[0]["Token"] != told[1]["Token"]


def test_an_agent_is_created_changed_and_deleted_and_comes_back_as_the_same(vendor: Vendor) -> None:
    agent_id = vendor.do("create_agent", account_name="ada", display_name="测试 one", skill_group_id_list=[CARE, SALES])
    told = vendor.do("get_agent", account_name="ada")["Data"]
    assert (told["AgentId"], told["DisplayName"], told["Status"]) == (agent_id["Data"], "测试 one", 0)
    vendor.do("update_agent", account_name="ada", display_name="Ada")
    assert groups_of(vendor, "ada") == [CARE, SALES]
    vendor.do("update_agent", account_name="ada", display_name="Ada", skill_group_id=[AFTER_SALES])
    assert groups_of(vendor, "ada") == [AFTER_SALES]
    named = vendor.do("get_agent_by_id", agent_id=agent_id["Data"])["Data"]
    assert (named["ShowName"], named["ForeignKey"]) == ("Ada", "")
    vendor.do("delete_agent", account_name="ada")
    assert (vendor.do("get_agent", account_name="ada")["Data"]["Status"], groups_of(vendor, "ada")) == (2, [])
    assert vendor.do("create_agent", account_name="ada", display_name="Ada")["Data"] == agent_id["Data"]
    assert vendor.do("get_agent", account_name="ada")["Data"]["Status"] == 0


def test_an_agent_of_a_third_partys_sign_on_keeps_its_account_there(vendor: Vendor) -> None:
    roles = [one["RoleId"] for one in vendor.do("list_roles")["Data"]]
    assert "Code" not in vendor.body
    sso = {"account_id": "00u1", "account_name": "ada", "client_id": "idp_demo_contoso"}
    created = vendor.do("create_third_sso_agent", **sso, role_ids=roles[:1], skill_group_ids=[SALES])["Data"]
    assert vendor.do("get_agent_by_id", agent_id=created)["Data"]["ForeignKey"] == "00u1"
    assert groups_of(vendor, "ada") == [SALES]
    sso |= {"account_name": "eve"}
    assert refused(vendor, "create_third_sso_agent", **sso | {"client_id": "nobody"}) == (400, "ParameterError")
    assert refused(vendor, "create_third_sso_agent", **sso, role_ids=[99]) == (400, "ParameterError")
    assert refused(vendor, "create_third_sso_agent", **sso | {"account_name": LIN}) == (500, "AgentExisted")


def test_an_agent_is_checked_out(vendor: Vendor) -> None:
    vendor.do("finish_hotline_service", account_name=CHEN)
    told = vendor.do("get_hotline_agent_detail", account_name=CHEN)["Data"]
    assert (told["AgentStatusCode"], told["AgentStatus"]) == ("AgentCheckout", 1)


@pytest.mark.parametrize(
    ("operation", "fields", "status", "code"),
    [
        ("create_agent", {"account_name": LIN, "display_name": "x"}, 500, "AgentExisted"),
        ("create_agent", {"account_name": "ada"}, 400, "MissingParameter"),
        (
            "create_agent",
            {"account_name": "ada", "display_name": "x", "skill_group_id": [9]},
            500,
            "SkillGroup.NotFound",
        ),
        ("update_agent", {"account_name": "ada", "display_name": "x"}, 500, "NoAgentFound"),
        ("delete_agent", {"account_name": "ada"}, 500, "NoAgentFound"),
        ("get_agent_by_id", {"agent_id": 1}, 500, "NoAgentFound"),
        ("get_agent_by_id", {"agent_id": "one"}, 400, "InvalidParameter"),
        ("list_agent_by_skill_group_id", {"skill_group_id": 9}, 500, "SkillGroup.NotFound"),
        ("finish_hotline_service", {"account_name": "ada"}, 500, "NoAgentFound"),
        ("list_roles", {"instance_id": "ccc_xp_acme"}, 500, "NoTenantFound"),
        ("list_roles", {"instance_id": None}, 400, "MissingParameter"),
    ],
    ids=[
        "existing", "no_name", "create_in_no_group", "update_nobody", "delete_nobody", "no_id", "no_number", "no_group",
        "finish_nobody", "anothers_instance", "no_instance",
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(
    vendor: Vendor, operation: str, fields: dict[str, Any], status: int, code: str
) -> None:
    assert refused(vendor, operation, **fields) == (status, code)


@pytest.mark.parametrize(
    ("field", "name"),
    [({"account_name": "ada"}, "error_NoAgentFound_500"), ({"instance_id": "ccc_xp_0"}, "error_NoTenantFound_400")],
    ids=["agent", "tenant"],
)
def test_refusals_have_the_documented_members(vendor: Vendor, field: dict[str, Any], name: str) -> None:
    with pytest.raises(Exception, match="not exist") as refusal:
        vendor.do("get_hotline_agent_detail", **{"account_name": LIN} | field)
    assert shape(refusal.value.data).keys() == documented(name).keys() | {"Recommend", "statusCode"}  # type: ignore[attr-defined]


def test_each_key_sees_its_own_companys_contact_center_alone(vendor: Vendor) -> None:
    assert vendor.world.instance_ids == {"ccc_xp_demo", "ccc_xp_acme", "ccc_xp_globex", "ccc_xp_initech"}
    globex = vendor.of("globex")
    (own,) = globex.do("get_instance_list")["CommodityInstances"]
    assert own["InstanceId"] == "ccc_xp_globex"
    assert globex.do("get_instance_list", page_number=2)["CommodityInstances"] == []
    assert globex.do("get_agent", account_name="lin")["Data"]["TenantId"] == 907
    assert refused(globex, "get_agent", account_name=LIN) == (500, "NoAgentFound")
    assert {agent.instance_id for agent in vendor.world.agents.values()} == vendor.world.instance_ids


def test_a_client_token_lets_an_operation_happen_once(vendor: Vendor) -> None:
    ada = {"account_name": "ada", "display_name": "Ada", "client_token": "t-1"}
    assert vendor.do("create_agent", **ada)["Data"] == vendor.do("create_agent", **ada)["Data"]
    assert refused(vendor, "create_agent", **ada | {"client_token": "t-2"}) == (500, "AgentExisted")
    # A token is the operation's own, and a refusal is not remembered.
    vendor.do("delete_agent", account_name="ada", client_token="t-1")
    assert vendor.do("create_agent", **ada | {"client_token": "t-2"})["Success"] is True


def test_the_oldest_of_very_many_client_tokens_is_forgotten(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.sandbox.contact_center._REMEMBERED", 1)
    for name in ("ada", "eve"):
        vendor.do("create_agent", account_name=name, display_name=name, client_token=name)
    again = {"account_name": "ada", "display_name": "ada", "client_token": "ada"}
    assert refused(vendor, "create_agent", **again) == (500, "AgentExisted")


def test_a_write_may_be_done_and_its_answer_lost(vendor: Vendor) -> None:
    vendor.world.faults.set("aiccs", "write_lost", times=1)
    assert vendor.do("get_agent", account_name=LIN)["Success"] is True
    ada = {"account_name": "ada", "display_name": "Ada", "client_token": "t-1"}
    with pytest.raises(UnretryableException):
        vendor.do("create_agent", **ada)
    assert vendor.do("create_agent", **ada)["Data"] == vendor.world.agents["ada"].agent_id


@pytest.mark.parametrize(("told", "kind"), [(0, ClientException), (700, ThrottlingException)], ids=["untold", "told"])
def test_who_asks_too_often_is_throttled_for_a_second(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch, told: int, kind: type[ClientException]
) -> None:
    moments = [time.time()]
    monkeypatch.setattr(vendor.world, "now", lambda: moments[-1])
    vendor.world.limit_openapi(2, retry_after=told)
    assert [vendor.do("list_roles")["Success"] for _ in range(2)] == [True, True]
    with pytest.raises(kind) as refusal:
        vendor.do("list_roles")
    assert (refusal.value.code, refusal.value.retry_after or 0) == ("Throttling.User", told)
    assert vendor.of("acme").do("list_roles")["Success"] is True
    moments.append(moments[0] + 1)
    assert vendor.do("list_roles")["Success"] is True


def test_the_throttling_fault_may_tell_when_to_come_again(vendor: Vendor) -> None:
    vendor.world.faults.set("aiccs", "throttled_user", times=1, milliseconds=300)
    with pytest.raises(ThrottlingException) as refusal:
        vendor.do("list_roles")
    assert refusal.value.retry_after == 300
    assert shape(refusal.value.data).keys() == documented("error_throttling").keys() | {"Recommend", "statusCode"}
