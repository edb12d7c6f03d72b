"""Skill groups, departments and numbers: what has to make way, what came of each, and what stays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bridge.aiccs.instance import Instance, instance_of
from bridge.aiccs.numbers import NumberSettings, OutboundRange
from bridge.aiccs.skill_groups import SkillGroups
from bridge.core.contact_center_errors import (
    DepartmentInUse,
    DepartmentUnknown,
    HotlineNumberUnknown,
    SkillGroupInUse,
    SkillGroupUnknown,
)
from bridge.core.errors import BridgeError, ContactCenterError, ContactCenterUnreachable, RequestInvalid
from bridge.provisioning.hotline_numbers import NumberChanges, delete_numbers, lacks_range, reset_numbers
from bridge.provisioning.one_by_one import one_by_one
from bridge.provisioning.places import (
    branches,
    delete_department,
    dissolve_department,
    dissolve_group,
    remove_group,
)
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.aiccs.contact_center import ContactCenterDesk
    from bridge.sandbox.contact_center import ContactCenter
    from tests.kit.house import House

HOTLINE, AFTER_SALES, SALES = 1234001, 1234002, 1234003
CARE, SELLING = 10, 11
CHEN = "chen.jie@contoso.example"
SURVEYED, RANGED, INBOUND = "05710000001", "05710000002", "4008000003"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = build_house(demo_settings(tmp_path, connections=("contoso",)))
    yield built
    built.services.database.close()


@pytest.fixture
def desk(house: House) -> ContactCenterDesk:
    return house.services.contact_center


@pytest.fixture
def instance(house: House) -> Instance:
    return instance_of(house.services.connections.get("contoso"))


@pytest.fixture
def center(house: House) -> ContactCenter:
    return house.world.contact_centers["ccc_xp_demo"]


def names(center: ContactCenter, group_id: int) -> list[str]:
    return [one.account_name for one in center.members(group_id)]


class TestSkillGroups:
    def test_stand_by_department_and_those_outside_last(
        self, desk: ContactCenterDesk, instance: Instance, center: ContactCenter
    ) -> None:
        center.add_group("Night")
        told = [
            (one.department and one.department.id, [g.name for g in one.groups]) for one in branches(desk, instance)
        ]
        assert told == [(CARE, ["客服热线", "售后"]), (SELLING, ["Sales"]), (None, ["Night"])]

    def test_are_removed_only_when_nobody_is_in_them(
        self, desk: ContactCenterDesk, instance: Instance, center: ContactCenter
    ) -> None:
        with pytest.raises(SkillGroupInUse) as refusal:
            remove_group(desk, instance, SALES)
        assert refusal.value.received == f"agents in it: {len(names(center, SALES))}"
        night = center.add_group("Night").group_id
        remove_group(desk, instance, night)
        assert night not in center.groups
        with pytest.raises(SkillGroupUnknown):
            remove_group(desk, instance, night)

    def test_give_their_agents_to_another_which_keep_all_others(
        self, desk: ContactCenterDesk, instance: Instance, center: ContactCenter
    ) -> None:
        members = names(center, AFTER_SALES)
        removal = dissolve_group(desk, instance, AFTER_SALES, move_to=SALES)
        assert (removal.is_removed, [one.subject for one in removal.outcomes]) == (True, members)
        assert set(members) <= set(names(center, SALES))
        assert center.agents[CHEN].groups == (HOTLINE, SALES)
        assert AFTER_SALES not in center.groups

    def test_are_emptied_some_at_a_time_and_removed_with_the_last(
        self, desk: ContactCenterDesk, instance: Instance, center: ContactCenter
    ) -> None:
        count = len(names(center, AFTER_SALES))
        first = dissolve_group(desk, instance, AFTER_SALES, most=1)
        assert (first.is_removed, first.failures, first.waiting) == (False, 0, count - 1)
        assert dissolve_group(desk, instance, AFTER_SALES, most=count).is_removed
        assert center.agents[CHEN].groups == (HOTLINE,)

    def test_stay_where_an_agent_cannot_leave_and_tell_who(
        self, desk: ContactCenterDesk, instance: Instance, center: ContactCenter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        staying = str(center.agents[CHEN].agent_id)
        leave = SkillGroups.remove_agents
        monkeypatch.setattr(
            SkillGroups,
            "remove_agents",
            lambda self, at, group, ids: 0 if staying in ids else leave(self, at, group, ids),
        )
        removal = dissolve_group(desk, instance, AFTER_SALES)
        assert [one.subject for one in removal.outcomes if not one.is_done] == [CHEN]
        assert (removal.is_removed, removal.failures, names(center, AFTER_SALES)) == (False, 1, [CHEN])

    @pytest.mark.parametrize(
        ("group", "target", "refusal"),
        [(SALES, SALES, RequestInvalid), (SALES, 5, SkillGroupUnknown), (5, SALES, SkillGroupUnknown)],
        ids=["to_itself", "to_nowhere", "from_nowhere"],
    )
    def test_move_nobody_to_where_nothing_is(
        self, desk: ContactCenterDesk, instance: Instance, group: int, target: int, refusal: type[BridgeError]
    ) -> None:
        with pytest.raises(refusal):
            dissolve_group(desk, instance, group, move_to=target)


class TestDepartments:
    def test_are_deleted_only_without_skill_groups(
        self, desk: ContactCenterDesk, instance: Instance, center: ContactCenter
    ) -> None:
        with pytest.raises(DepartmentInUse, match="skill groups in it: 2"):
            delete_department(desk, instance, CARE)
        empty = center.add_department("Empty")
        delete_department(desk, instance, empty)
        assert empty not in center.departments
        with pytest.raises(DepartmentUnknown):
            delete_department(desk, instance, empty)

    def test_go_after_their_empty_groups_and_stay_where_one_has_agents(
        self, desk: ContactCenterDesk, instance: Instance, center: ContactCenter
    ) -> None:
        night = center.add_group("Night", department_id=SELLING).group_id
        first = dissolve_department(desk, instance, SELLING)
        assert [(one.subject, type(one.refusal)) for one in first.outcomes] == [
            ("Sales", SkillGroupInUse),
            ("Night", type(None)),
        ]
        assert (first.is_removed, night in center.groups, SELLING in center.departments) == (False, False, True)
        dissolve_group(desk, instance, SALES)
        assert dissolve_department(desk, instance, SELLING).is_removed
        assert SELLING not in center.departments


class TestHotlineNumbers:
    def test_keep_what_a_reset_does_not_name(
        self, desk: ContactCenterDesk, instance: Instance, center: ContactCenter
    ) -> None:
        changes = NumberChanges(description="New", inbound_survey=False, outbound_survey=False)
        outcomes = list(reset_numbers(desk, instance, [RANGED, INBOUND, "999"], changes))
        assert [(one.subject, type(one.refusal)) for one in outcomes] == [
            (RANGED, type(None)),
            (INBOUND, type(None)),
            ("999", HotlineNumberUnknown),
        ]
        ranged = center.lines[RANGED]
        assert (ranged.description, ranged.flow_id, ranged.inbound_evaluation) == ("New", 123457, False)
        assert [(one.department_id, one.group_ids) for one in ranged.ranges] == [(CARE, (AFTER_SALES,)), (SELLING, ())]
        assert (center.lines[INBOUND].description, center.lines[INBOUND].outbound) == ("New", False)

    @pytest.mark.parametrize(
        "changes",
        [
            NumberChanges(description="New"),
            NumberChanges(survey_levels=3, outbound=True, all_departments=False, ranges=()),
        ],
        ids=["a_survey_without_its_scale", "outbound_for_nobody"],
    )
    def test_are_not_touched_where_one_would_be_incomplete(
        self, desk: ContactCenterDesk, instance: Instance, center: ContactCenter, changes: NumberChanges
    ) -> None:
        before = dict(center.lines)
        with pytest.raises(RequestInvalid):
            reset_numbers(desk, instance, [INBOUND, SURVEYED], changes)
        assert center.lines == before

    def test_are_deleted_one_by_one_with_a_result_each(
        self, desk: ContactCenterDesk, instance: Instance, center: ContactCenter
    ) -> None:
        outcomes = list(delete_numbers(desk, instance, [RANGED, "999", RANGED, SURVEYED]))
        assert [(one.subject, one.is_done) for one in outcomes] == [(RANGED, True), ("999", False), (SURVEYED, True)]
        assert list(center.lines) == [INBOUND]

    def test_send_no_range_with_all_departments_and_no_scale_without_a_survey(self) -> None:
        former = NumberSettings("x", outbound=True, flow_id=7, all_departments=False, ranges=(OutboundRange(CARE),))
        changed = NumberChanges(all_departments=True, survey_levels=3, flow_id=0).applied(former)
        assert changed == replace(former, all_departments=True, ranges=(), flow_id=None)
        assert not lacks_range(changed)


def test_once_nobody_answers_the_rest_is_not_tried() -> None:
    tried = []

    def act(item: str) -> None:
        tried.append(item)
        if item == "b":
            raise ContactCenterError(expected="x", received="y")
        if item == "c":
            raise ContactCenterUnreachable(expected="x", received="y")

    told = [(one.subject, one.is_done, one.was_tried) for one in one_by_one("abcd", str, act)]
    assert told == [("a", True, True), ("b", False, True), ("c", False, True), ("d", False, False)]
    assert tried == ["a", "b", "c"]
