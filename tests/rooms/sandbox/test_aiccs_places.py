"""The stand-in of the OpenAPI as the vendor's SDK finds it: skill groups, departments and hotline numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from alibabacloud_aiccs20191015.models import AddHotlineNumberRequestOutboundRangeList as AddRange
from alibabacloud_aiccs20191015.models import ResetHotlineNumberRequestOutboundRangeList as ResetRange

from tests.rooms.sandbox.vendor import documented, refused, shape

if TYPE_CHECKING:
    from tests.rooms.sandbox.vendor import Vendor

LIN = "lin@contoso.example"
CARE, AFTER_SALES, SALES = 1234001, 1234002, 1234003
SERVICE, SELLING = 10, 11
LINE = {
    "hotline_number": "02100000009",
    "description": "新号码",
    "enable_inbound": True,
    "enable_outbound": True,
    "enable_inbound_evaluation": False,
    "enable_outbound_evaluation": True,
    "outbound_all_depart": False,
}


def numbers(vendor: Vendor, **fields: Any) -> list[str]:
    asked = {"current_page": 1, "page_size": 20, **fields}
    rows = vendor.do("query_hotline_number", **asked)["Data"]["HotlineNumList"]
    return [row["HotlineNumber"][-1] for row in rows]


@pytest.mark.parametrize(
    ("operation", "fields", "name"),
    [
        ("create_skill_group", {"skill_group_name": "x", "channel_type": 1}, "CreateSkillGroup"),
        ("query_skill_groups", {"page_no": 1, "page_size": 20}, "QuerySkillGroups"),
        ("create_department", {"department_name": "x"}, "CreateDepartment"),
        ("get_all_department", {}, "GetAllDepartment"),
        ("add_hotline_number", LINE, "AddHotlineNumber"),
        ("query_hotline_number", {"current_page": 1, "page_size": 1, "hotline_number": "002"}, "QueryHotlineNumber"),
    ],
    ids=["create_group", "query_groups", "create_department", "departments", "add_number", "query_numbers"],
)
def test_answers_have_the_documented_members(vendor: Vendor, operation: str, fields: dict[str, Any], name: str) -> None:
    assert shape(vendor.do(operation, **fields)) == documented(name)


def test_a_skill_group_is_created_changed_emptied_and_removed(vendor: Vendor) -> None:
    asked = {"skill_group_name": "夜班", "channel_type": 2, "department_id": SELLING, "client_token": "t-1"}
    group = vendor.do("create_skill_group", **asked)["Data"]
    assert vendor.do("create_skill_group", **asked)["Data"] == group
    vendor.do("update_skill_group", skill_group_id=group, description="at night", skill_group_name="no")
    vendor.do("update_skill_group", skill_group_id=group, display_name="Night", description="")
    row = vendor.do("list_skill_group")["Data"][-1]
    shown = {"ChannelType": 2, "Description": "", "DisplayName": "Night", "Name": "夜班", "SkillGroupId": group}
    assert row == shown
    agent = vendor.do("create_agent", account_name="ada", display_name="Ada", skill_group_id_list=[CARE, group])["Data"]
    assert refused(vendor, "remove_skill_group", skill_group_id=str(group)) == (500, "SkillGroup.NotEmpty")
    leaving = {"skill_group_id": group, "agent_ids": [agent, vendor.world.agents[LIN].agent_id]}
    assert vendor.do("remove_agent_from_skill_group", **leaving)["Data"] == {"SuccessCount": 1}
    assert vendor.world.agents["ada"].groups == (CARE,)
    assert vendor.do("remove_skill_group", skill_group_id=str(group))["Success"] is True
    assert group not in vendor.world.contact_centers["ccc_xp_demo"].groups


@pytest.mark.parametrize(
    ("fields", "found", "pages"),
    [
        ({}, [CARE, AFTER_SALES], 2),
        ({"page_no": 2}, [SALES], 2),
        ({"department_id": SELLING}, [SALES], 1),
        ({"channel_type": 1}, [CARE, AFTER_SALES], 2),
        ({"channel_type": 6}, [], 0),
    ],
    ids=["first", "second", "department", "hotline", "chat_and_ticket"],
)
def test_skill_groups_come_in_pages(vendor: Vendor, fields: dict[str, int], found: list[int], pages: int) -> None:
    told = vendor.do("query_skill_groups", **{"page_no": 1, "page_size": 2, **fields})
    assert ([row["SkillGroupId"] for row in told["Data"]], told["TotalPage"]) == (found, pages)
    assert not {"Code", "Message", "Success"} & told.keys()


def test_a_department_is_created_renamed_and_deleted_once_it_is_empty(vendor: Vendor) -> None:
    department = vendor.do("create_department", department_name="夜班部")["Data"]
    vendor.do("update_department", department_id=department, department_name="Night")
    assert vendor.do("get_all_department")["Data"][-1] == {"DepartmentId": department, "DepartmentName": "Night"}
    assert vendor.do("delete_department", department_id=department)["Data"] is True
    assert refused(vendor, "delete_department", department_id=department) == (500, "Department.NotFound")
    assert refused(vendor, "delete_department", department_id=SERVICE) == (500, "Department.NotEmpty")


def test_the_tree_of_departments_speaks_in_texts(vendor: Vendor) -> None:
    told = vendor.do("get_dep_group_tree_data", agent_id=vendor.world.agents[LIN].agent_id)
    assert told["Success"] == "true"
    assert [(one["DepGroupId"], len(one["GroupDTOS"])) for one in told["Data"]] == [("10", 2), ("11", 1)]
    assert refused(vendor, "get_dep_group_tree_data", agent_id=1) == (500, "NoAgentFound")


def test_a_hotline_number_is_added_overwritten_and_deleted(vendor: Vendor) -> None:
    ranged = [AddRange(department_id=SERVICE, group_id_list=[AFTER_SALES]), AddRange(department_id=SELLING)]
    vendor.do("add_hotline_number", **LINE, outbound_range_list=ranged, inbound_flow_id=123456, evaluation_level=5)
    (told,) = vendor.do("query_hotline_number", current_page=1, page_size=5, hotline_number="021")["Data"][
        "HotlineNumList"
    ]
    assert told == {
        "CalloutAllDepartment": False,
        "CalloutRangeList": [
            {
                "DepartmentId": SERVICE,
                "DepartmentName": "客服部",
                "GroupDOList": [{"GroupId": AFTER_SALES, "GroupName": "售后"}],
            },
            {"DepartmentId": SELLING, "DepartmentName": "销售部", "GroupDOList": []},
        ],
        "Description": "新号码",
        "EvaluationStatus": 2,
        "FlowId": 123456,
        "FlowName": "默认流程",
        "HotlineNumber": "02100000009",
        "InBoundEnabled": True,
        "Location": "上海",
        "OutboundEnabled": True,
        "Sp": "电信",
    }
    assert refused(vendor, "add_hotline_number", **LINE) == (500, "HotlineNumber.Existed")
    vendor.do("reset_hotline_number", **LINE, outbound_range_list=[ResetRange(department_id=SELLING)])
    line = vendor.world.contact_centers["ccc_xp_demo"].lines["02100000009"]
    assert (len(line.ranges), line.flow_id, line.evaluation_level) == (1, 0, 0)
    vendor.do("delete_hotline_number", hotline_number="02100000009")
    assert refused(vendor, "delete_hotline_number", hotline_number="02100000009") == (500, "HotlineNumber.NotFound")
    assert refused(vendor, "reset_hotline_number", **LINE) == (500, "HotlineNumber.NotFound")


def test_a_range_whose_groups_are_gone_does_not_become_the_whole_departments(vendor: Vendor) -> None:
    group = vendor.do("create_skill_group", skill_group_name="x", channel_type=1, department_id=SERVICE)["Data"]
    ranged = [AddRange(department_id=SERVICE, group_id_list=[group])]
    vendor.do("add_hotline_number", **LINE, outbound_range_list=ranged)
    vendor.do("remove_skill_group", skill_group_id=str(group))
    told = vendor.do("query_hotline_number", current_page=1, page_size=5, hotline_number="021")["Data"]
    assert told["HotlineNumList"][0]["CalloutRangeList"] == []
    assert numbers(vendor, group_ids=[CARE]) == ["1"]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, "123"),
        ({"page_size": 2}, "12"),
        ({"page_size": 2, "current_page": 2}, "3"),
        ({"hotline_number": "0571"}, "12"),
        ({"department_id": SELLING}, "12"),
        ({"group_ids": [CARE]}, "1"),
        ({"group_ids": [CARE, AFTER_SALES, 9]}, "12"),
    ],
    ids=["all", "first_page", "second_page", "fuzzy", "department", "group", "groups"],
)
def test_hotline_numbers_are_found(vendor: Vendor, fields: dict[str, Any], found: str) -> None:
    assert "".join(numbers(vendor, **fields)) == found


def test_numbers_that_may_be_used_are_listed_by_agent_and_department(vendor: Vendor) -> None:
    configured = [
        vendor.do("get_config_num_list", **one)["Data"]
        for one in ({}, {"account_name": LIN}, {"department_id": SELLING})
    ]
    assert [len(one) for one in configured] == [3, 1, 2]
    assert vendor.do("list_outbound_phone_number")["Data"] == ["05710000001", "05710000002"]
    assert vendor.do("list_outbound_phone_number", account_name=LIN)["Data"] == ["05710000001"]


@pytest.mark.parametrize(
    ("operation", "fields", "status", "code"),
    [
        ("create_skill_group", {"skill_group_name": "x", "channel_type": 4}, 400, "InvalidParameter"),
        (
            "create_skill_group",
            {"skill_group_name": "x", "channel_type": 1, "department_id": 9},
            500,
            "Department.NotFound",
        ),
        ("update_skill_group", {"skill_group_id": 9}, 500, "SkillGroup.NotFound"),
        ("query_skill_groups", {"page_size": 20}, 400, "MissingParameter"),
        ("add_hotline_number", {**LINE, "hotline_number": "x"}, 400, "ParameterError"),
        ("add_hotline_number", {**LINE, "evaluation_level": 1}, 400, "ParameterError"),
        ("add_hotline_number", {**LINE, "enable_inbound": None}, 400, "MissingParameter"),
        (
            "add_hotline_number",
            {**LINE, "outbound_range_list": [AddRange(department_id=9)]},
            500,
            "Department.NotFound",
        ),
        (
            "add_hotline_number",
            {**LINE, "outbound_range_list": [AddRange(department_id=SERVICE, group_id_list=[SALES])]},
            500,
            "SkillGroup.NotFound",
        ),
        ("get_config_num_list", {"department_id": 9}, 400, "Department.NotFound"),
        ("get_config_num_list", {"account_name": "ada"}, 400, "NoAgentFound"),
        ("get_config_num_list", {"instance_id": "ccc_xp_acme"}, 400, "NoTenantFound"),
        ("list_outbound_phone_number", {"account_name": "ada"}, 500, "NoAgentFound"),
    ],
    ids=[
        "channel", "group_in_no_department", "no_group", "no_page", "no_digits", "level", "flag", "range_of_nowhere",
        "range_of_anothers_group", "config_department", "config_agent", "config_tenant", "outbound_agent",
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(
    vendor: Vendor, operation: str, fields: dict[str, Any], status: int, code: str
) -> None:
    assert refused(vendor, operation, **fields) == (status, code)
