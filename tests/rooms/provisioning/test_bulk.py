"""Many agents at once: the plan says what would change, and each step is done once, however it is interrupted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.aiccs.instance import Instance, instance_of
from bridge.core.contact_center_errors import RosterInvalid
from bridge.provisioning.bulk import Plan, Profile, Step, Wishes, plan
from bridge.provisioning.carrying_out import Hands, Outcome, carry_out
from bridge.provisioning.roster_file import read_roster
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.aiccs.contact_center import ContactCenterDesk
    from bridge.sandbox.contact_center import ContactCenter
    from bridge.sandbox.people import Agent
    from tests.kit.house import House

LIN, KIM = "lin@contoso.example", "kim@contoso.example"  # kim is frozen
GONE = "emma.reed@contoso.example"
HEAD = "account_name,display_name,skill_groups\n"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = build_house(demo_settings(tmp_path, connections=("contoso",)))
    yield built
    built.services.database.close()


@pytest.fixture
def instance(house: House) -> Instance:
    return instance_of(house.services.connections.get("contoso"))


@pytest.fixture
def desk(house: House) -> ContactCenterDesk:
    return house.services.contact_center


@pytest.fixture
def center(house: House) -> ContactCenter:
    return house.world.contact_centers["ccc_xp_demo"]


class Import:
    """An import of these lines into the sandbox."""

    def __init__(self, house: House, lines: str, **wishes: bool) -> None:
        self.desk = house.services.contact_center
        self.instance = instance_of(house.services.connections.get("contoso"))
        self.rows = read_roster((HEAD + lines).encode())
        self.wishes = wishes

    def plan(self) -> Plan:
        return plan(self.desk, self.instance, self.rows, **self.wishes)

    def hands(self) -> Hands:
        return Hands(self.desk, self.instance, Wishes(**self.wishes), "run-1")

    def carry_out(self, unsettled: tuple[str, ...] = ()) -> list[Outcome]:
        return list(carry_out(self.hands(), self.plan().needed, unsettled))


def told(found: Plan) -> list[tuple[int, str, str]]:
    return [(step.line, step.account_name, step.why or step.act) for step in found.steps]


def results(outcomes: list[Outcome]) -> list[tuple[str, str, str]]:
    return [(one.step.account_name, one.result, one.code) for one in outcomes]


def state(center: ContactCenter) -> dict[str, Agent]:
    return {name: replace(agent, agent_id=0) for name, agent in center.agents.items()}


class TestThePlan:
    def test_tells_each_line_before_and_after_and_changes_nothing(self, house: House, center: ContactCenter) -> None:
        center.dismiss(GONE)
        center.hire("loner", "Loner", groups=())
        before = state(center)
        lines = (
            f"new,New One,Sales;客服热线\n{LIN},Lin,售后组\n{KIM},Kim,\n{GONE},Fang,Sales\n"
            "loner,,Sales\nzhao.min@contoso.example,,客服热线\nother,O,Nowhere\nnobody,,Sales\nnew,Twice,\n"
            "LIN@contoso.example,Lin,Sales\n"
        )
        found = Import(house, lines).plan()
        assert told(found) == [
            (2, "new", "create"),
            (3, LIN, "update"),
            (4, KIM, "frozen"),
            (5, GONE, "deleted"),
            (6, "loner", "update"),
            (7, "zhao.min@contoso.example", "unchanged"),
            (8, "other", "there is no skill group Nowhere"),
            (9, "nobody", "the display name is missing"),
            (10, "new", "line 2 has this account already"),
            (11, "LIN@contoso.example", f"the contact center spells this account {LIN}"),
        ]
        new, lin, *_ = found.steps
        hotline, after_sales, sales = center.groups
        assert (new.before, new.after) == (None, Profile("New One", (sales, hotline), ("Sales", "客服热线")))
        assert (lin.before, lin.after) == (
            Profile("小林", (hotline,), ("客服热线",)),
            Profile("Lin", (after_sales,), ("售后组",)),
        )
        assert found.steps[4].after == Profile("Loner", (sales,), ("Sales",))
        assert state(center) == before
        assert found.counts()["faulty"] == 4

    def test_looks_up_only_whom_no_skill_group_has(self, house: House) -> None:
        Import(house, f"{LIN},Lin,Sales\nnew,New,Sales\n").plan()
        assert house.world.count("/GetAgent") == 1

    def test_another_spelling_of_an_agent_is_no_new_agent(self, house: House) -> None:
        found = Import(house, "LIN@contoso.example,Lin,Sales\n").plan()
        assert told(found) == [(2, "LIN@contoso.example", f"the contact center spells this account {LIN}")]

    def test_skill_groups_are_named_by_name_display_name_or_number(self, house: House, center: ContactCenter) -> None:
        twin = center.add_group("Second", "Sales")
        _, after_sales, sales, _ = center.groups
        found = Import(house, f"a,A,售后;售后组;#{after_sales}\nb,B,Sales\nc,C,Second\n").plan()
        assert [step.after.group_ids for step in found.steps if step.after] == [(after_sales,), (twin.group_id,)]
        assert found.steps[1].why == (f"several skill groups are called Sales; write one of #{sales}, #{twin.group_id}")

    def test_whoever_is_missing_goes_only_when_asked_and_never_by_a_faulty_file(
        self, house: House, center: ContactCenter
    ) -> None:
        others = "".join(f"{name},,客服热线\n" for name in center.agents if name not in {LIN, KIM})
        assert not [step for step in Import(house, others).plan().steps if step.act == "delete"]
        found = Import(house, others, delete_missing=True).plan()
        assert [told_ for told_ in told(found) if not told_[0]] == [(0, KIM, "frozen"), (0, LIN, "delete")]
        with pytest.raises(RosterInvalid) as refusal:
            Import(house, f"{others},Nameless,\n", delete_missing=True).plan()
        assert refusal.value.received == "1 with a fault: line 15"

    def test_a_file_of_nobody_or_of_few_deletes_nobody_unless_so_many_are_meant(
        self, house: House, center: ContactCenter
    ) -> None:
        with pytest.raises(RosterInvalid) as refusal:
            Import(house, "", delete_missing=True, delete_many=True).plan()
        assert refusal.value.received == "no line"
        with pytest.raises(RosterInvalid) as refusal:
            Import(house, f"{LIN},Lin,\n", delete_missing=True).plan()
        gone = len(center.agents) - 2  # Lin stays, and Kim is frozen
        assert refusal.value.received == f"{gone} of {len(center.agents)} agents missing"
        found = Import(house, f"{LIN},Lin,\n", delete_missing=True, delete_many=True).plan()
        assert found.counts()["delete"] == gone

    def test_a_misspelt_line_spoils_no_right_one(self, house: House) -> None:
        lines = f"LIN@contoso.example,Lin,Sales\n{LIN},Lin,Sales\nnew,New,\nNew,New,\n{LIN},Lin,\n"
        assert told(Import(house, lines).plan()) == [
            (2, "LIN@contoso.example", f"the contact center spells this account {LIN}"),
            (3, LIN, "update"),
            (4, "new", "create"),
            (5, "New", "line 4 has this account already"),
            (6, LIN, "line 3 has this account already"),
        ]

    def test_the_frozen_and_the_deleted_are_taken_when_asked(self, house: House, center: ContactCenter) -> None:
        center.dismiss(LIN)
        lines = f"{KIM},Kim,Sales\n{LIN},Lin,Sales\n"
        assert told(Import(house, lines, also_frozen=True, also_deleted=True).plan()) == [
            (2, KIM, "update"),
            (3, LIN, "create"),
        ]


class TestDoingIt:
    def test_makes_the_contact_center_as_the_file_and_the_next_plan_is_empty(
        self, house: House, center: ContactCenter
    ) -> None:
        center.dismiss(GONE)
        number = center.deleted[GONE].agent_id
        others = "".join(
            f"{name},,客服热线\n" for name in center.agents if name not in {LIN, KIM, "wu.qiang@contoso.example"}
        )
        lines = f"new,New,Sales\n{LIN},Lin,\n{KIM},Kim,Sales\n{GONE},Fang,Sales\n{others}"
        job = Import(house, lines, delete_missing=True, also_frozen=True, also_deleted=True)
        assert {result for _, result, _ in results(job.carry_out())} == {"done"}
        _, _, sales = center.groups
        assert center.agents["new"].groups == (sales,)
        assert (center.agents[LIN].display_name, center.agents[LIN].groups) == ("Lin", ())
        assert (center.agents[KIM].display_name, center.agents[KIM].frozen) == ("Kim", True)
        assert center.agents[GONE].agent_id == number
        assert "wu.qiang@contoso.example" not in center.agents
        assert job.plan().needed == ()

    def test_what_changed_since_the_plan_is_looked_at_again(self, house: House, center: ContactCenter) -> None:
        emma, tom = "emma.reed@contoso.example", "tom.becker@contoso.example"
        job = Import(house, f"{LIN},Lin,Sales\nnew,New,Sales\n{emma},Emma,Sales\n{tom},Tom,Sales\n")
        needed = job.plan().needed
        center.change(LIN, frozen=True)
        center.hire("new", "Somebody else", groups=())
        center.dismiss(emma)
        outcomes = list(carry_out(job.hands(), needed))
        assert results(outcomes) == [
            (LIN, "skipped", "frozen"),
            ("new", "refused", "agent_exists"),
            (emma, "refused", "agent_unknown"),
            (tom, "done", ""),
        ]
        assert (center.agents[LIN].display_name, center.agents["new"].display_name) == ("小林", "Somebody else")

    def test_a_refusal_of_one_leaves_the_others(self, house: House, center: ContactCenter) -> None:
        gone = max(center.groups)
        job = Import(house, f"a,A,#{gone}\nb,B,\n")
        needed = job.plan().needed
        del center.groups[gone]
        outcomes = list(carry_out(job.hands(), needed))
        assert results(outcomes) == [("a", "refused", "contact_center_error"), ("b", "done", "")]
        assert outcomes[0].told == "SkillGroup.NotFound"

    @pytest.mark.parametrize("lines", ["new,New,Sales\n", f"{LIN},Lin,Sales\n"], ids=["create", "update"])
    def test_an_answer_that_was_lost_is_settled_without_doing_it_twice(
        self, house: House, center: ContactCenter, lines: str
    ) -> None:
        house.world.faults.set("aiccs", "write_lost", times=1)
        ((name, result, _),) = results(Import(house, lines).carry_out())
        assert (result, center.agents[name].display_name) == ("done", lines.split(",")[1])
        house.world.faults.clear()
        assert Import(house, lines).plan().needed == ()

    @pytest.mark.parametrize("act", ["create", "update", "delete"])
    @pytest.mark.parametrize("was_sent", [True, False], ids=["sent", "not_sent"])
    def test_a_step_that_was_begun_is_done_once(
        self, house: House, center: ContactCenter, *, act: str, was_sent: bool
    ) -> None:
        everybody = "".join(f"{name},,{'客服热线'}\n" for name in center.agents if name != LIN)
        lines = {"create": "new,New,Sales\n", "update": f"{LIN},Lin,Sales\n", "delete": everybody}[act]
        job = Import(house, lines, delete_missing=act == "delete")
        (step,) = [one for one in job.plan().needed if one.act == act]
        if was_sent:
            assert job.hands().perform(step).result == "done"
        writes = {"create": "/CreateAgent", "update": "/UpdateAgent", "delete": "/DeleteAgent"}[act]
        before = state(center) if was_sent else {}
        assert job.hands().perform(step, is_unsettled=True) == Outcome(step, "done")
        assert house.world.count(writes) == 1
        assert not was_sent or state(center) == before

    def test_a_contact_center_that_does_not_answer_is_not_asked_for_the_rest(
        self, house: House, desk: ContactCenterDesk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = Import(house, "a,A,\nb,B,\n")
        needed = job.plan().needed
        # As long as a job of minutes would wait, a test cannot.
        monkeypatch.setattr(type(desk), "thorough", lambda self: self)
        monkeypatch.setattr(desk.client, "_pause", lambda _seconds: None)
        house.world.faults.set("aiccs", "http_500")
        assert results(list(carry_out(job.hands(), needed))) == [("a", "uncertain", "contact_center_unreachable")]

    def test_too_many_calls_are_no_uncertainty(self, house: House) -> None:
        job = Import(house, "a,A,\n")
        (step,) = job.plan().needed
        house.world.faults.set("aiccs", "throttled_user", milliseconds=60_000)
        found = job.hands().perform(step)
        assert (found.result, found.code, found.is_final) == ("waiting", "contact_center_throttled", False)
        assert job.hands().perform(step, is_unsettled=True).result == "uncertain"


def test_a_step_that_changes_nothing_asks_nobody(house: House, instance: Instance, desk: ContactCenterDesk) -> None:
    hands: Any = Hands(desk, instance, Wishes(), "run-1")
    step = Step(2, KIM, "frozen")
    assert hands.perform(step) == Outcome(step, "skipped", "frozen")
    assert house.calls == []
