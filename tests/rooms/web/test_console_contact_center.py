"""Agents, skill groups and departments in the console: what is shown, what each act changes, and who may do it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from bridge.access.rules import Allowed
from bridge.aiccs.agents import Agents, LiveState
from bridge.aiccs.skill_groups import SkillGroups
from bridge.calls.overview import Landmarks, Overviews
from bridge.web.admin import places, skill_groups
from bridge.web.admin.contact_agents import BREAKS, STATES
from tests.kit.console_forms import told
from tests.kit.contact_pages import center_of, plain, sent, staffed_house
from tests.kit.desk import act, administrator, operator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from requests import Response

    from bridge.sandbox.contact_center import ContactCenter
    from tests.kit.browser import Browser
    from tests.kit.house import House

BASE = "/admin/connections/contoso"
AGENTS, GROUPS, DEPARTMENTS = f"{BASE}/agents", f"{BASE}/skill-groups", f"{BASE}/departments"
HOTLINE, AFTER_SALES, SALES = 1234001, 1234002, 1234003
CARE, SELLING = 10, 11
CHEN, KIM, LIU = "chen.jie@contoso.example", "kim@contoso.example", "liu.yang@contoso.example"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A bridge with two companies, and Lin of Contoso who looks after Globex."""
    lin = Allowed("contoso", "email", ("lin@contoso.example",), "connection", ("globex",))
    with staffed_house(tmp_path, lin, connections=("contoso", "globex")) as built:
        yield built


@pytest.fixture
def console(house: House) -> Browser:
    return operator(house)


@pytest.fixture
def center(house: House) -> ContactCenter:
    return center_of(house)


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A bridge in which nothing is changed: whoever only looks, or is refused, shares it."""
    with staffed_house(tmp_path_factory.mktemp("looked-at")) as built:
        yield built


@pytest.fixture(scope="module")
def reader(looked_at: House) -> Browser:
    return operator(looked_at)


def led_to(answer: Response) -> str:
    assert answer.status_code == 303, plain(answer)
    return answer.headers["Location"]


def told_at(answer: Response) -> tuple[int, list[str]]:
    return answer.status_code, list(told(answer))


def events(house: House) -> list[tuple[str, dict[str, Any]]]:
    return [(one.event, dict(one.details)) for one in reversed(house.journal()) if one.connection == "contoso"]


class TestAgents:
    def test_stand_with_all_their_groups_and_are_found_by_name_and_group(self, reader: Browser) -> None:
        page = plain(reader.open(AGENTS))
        assert "Agents: 15" in page
        assert f"陈洁 {CHEN} 客服热线, 售后组 Can work" in page
        assert f"Kim {KIM} 客服热线 Frozen" in page
        found = plain(reader.open(f"{AGENTS}?q=CHEN&group={AFTER_SALES}"))
        assert ("Agents: 1 " in found, "客服热线, 售后组" in found) == (True, True)
        assert "No agent in a skill group fits" in plain(reader.open(f"{AGENTS}?q=chen&group={SALES}"))

    def test_come_in_pages_that_keep_the_search(self, reader: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(places, "PAGE", 10)
        first = reader.open(f"{AGENTS}?q=contoso")
        (following,) = re.findall(r'rel="next" href="([^"]+)"', first.text)
        assert "Page 2 of 2" in plain(reader.open(unescape(following)))
        assert 'name="q" value="contoso"' in reader.open(unescape(following)).text

    def test_leave_as_a_file_that_the_import_takes(self, house: House, console: Browser) -> None:
        answer = console.open(f"{AGENTS}.csv?q=chen.jie")
        assert answer.content.decode("utf-8-sig").splitlines()[1] == f"{CHEN},陈洁,客服热线;售后组,active"
        assert events(house) == [("agents_exported", {"agents": 1})]

    def test_tell_what_they_do_now_in_peoples_words(self, console: Browser, center: ContactCenter) -> None:
        for code, (_, word) in STATES.items():
            center.states[CHEN] = (code, 2)
            told = plain(console.open(f"{AGENTS}/agent?account={CHEN}"))
            assert str(word) in told
            assert (str(BREAKS[2]) in told, "Take off the hotline" in told, "During a call nobody" in told) == (
                code == "AgentBreak",
                code not in {"AgentCheckout", "AgentBusyForCall"},
                code == "AgentBusyForCall",
            )

    @pytest.mark.parametrize(("code", "said"), [("AgentReady", [True, False]), ("AgentBusyForCall", [False, False])])
    def test_to_whom_a_call_is_on_its_way_are_in_one_state_and_stay_on_the_hotline(
        self, reader: Browser, monkeypatch: pytest.MonkeyPatch, code: str, said: list[bool]
    ) -> None:
        monkeypatch.setattr(Agents, "live_state", lambda *_: LiveState(code, is_assigned=True))
        told = plain(reader.open(f"{AGENTS}/agent?account={CHEN}"))
        assert ["A call is on its way" in told, "Take off the hotline" in told] == said

    def test_lead_to_their_calls_of_today_and_of_a_week(self, looked_at: House, reader: Browser) -> None:
        page = reader.open(f"{AGENTS}/agent?account={CHEN}").text
        assert f'href="{BASE}/calls?agent={CHEN}"' in page
        day = datetime.fromtimestamp(looked_at.clock() - 6 * 86_400, timezone(timedelta(hours=8))).date()
        assert f'href="{BASE}/calls?agent={CHEN}&amp;since={day}"' in page

    def test_that_are_frozen_say_where_they_are_thawed(self, reader: Browser) -> None:
        assert "Only Alibaba Cloud's console can freeze and thaw" in plain(reader.open(f"{AGENTS}/agent?account={KIM}"))

    def test_are_created_changed_taken_off_and_deleted(
        self, house: House, console: Browser, center: ContactCenter
    ) -> None:
        made = sent(
            console, f"{AGENTS}/new", account_name="new@contoso.example", display_name="New", group=[SALES, HOTLINE]
        )
        assert "done=created" in led_to(made)
        assert list(center.agents["new@contoso.example"].groups) == [SALES, HOTLINE]
        account = {"account_name": "new@contoso.example"}
        sent(console, f"{AGENTS}/agent", **account, display_name="Newer", group=[AFTER_SALES])
        assert center.agents["new@contoso.example"].groups == (AFTER_SALES,)
        sent(console, f"{AGENTS}/agent", **account, display_name="Newer")
        changed = center.agents["new@contoso.example"]
        assert (changed.display_name, changed.groups) == ("Newer", ())
        assert "In no skill group" in plain(console.open(f"{AGENTS}/agent?account=new@contoso.example"))
        center.states["new@contoso.example"] = ("AgentReady", 0)
        sent(console, f"{AGENTS}/sign-out", **account)
        assert center.state_of("new@contoso.example")[0] == "AgentCheckout"
        assert "done=deleted" in led_to(sent(console, f"{AGENTS}/delete", **account))
        assert "new@contoso.example" in center.deleted
        assert house.services.known_agents.state("contoso", "new@contoso.example") == "barred"
        assert [event for event, _ in events(house)] == [
            "agent_created",
            "agent_updated",
            "agent_updated",
            "agent_signed_out",
            "agent_deleted",
        ]
        gone = console.open(f"{AGENTS}/agent?account=new@contoso.example")
        assert (gone.status_code, "the same number" in plain(gone)) == (404, True)

    def test_that_nobody_has_are_offered_to_be_made(self, reader: Browser) -> None:
        missing = reader.open(f"{AGENTS}/agent?account=nobody@contoso.example")
        assert (missing.status_code, "account=nobody@contoso.example" in missing.text) == (404, True)
        assert 'value="nobody@contoso.example"' in reader.open(f"{AGENTS}/new?account=nobody@contoso.example").text

    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"account_name": CHEN, "display_name": "x"}, "is there already"),
            ({"account_name": "", "display_name": "x"}, "an e-mail address or a phone number"),
            ({"account_name": "a b@c", "display_name": "x"}, "No spaces"),
            ({"account_name": "a@b", "display_name": " "}, "Please enter a name"),
            ({"account_name": "a@b", "display_name": "x" * 129}, "At most 128 characters"),
            ({"account_name": "a@b", "display_name": "x\u0007"}, "readable characters"),
        ],
        ids=["there_already", "no_account", "spaces", "no_name", "long_name", "unreadable_name"],
    )
    def test_are_refused_beside_the_field(self, reader: Browser, fields: dict[str, str], told: str) -> None:
        answer = sent(reader, f"{AGENTS}/new", **fields)
        assert (answer.status_code, told in plain(answer)) == (422, True)
        assert (f'href="{AGENTS}/agent?account={CHEN}"' in answer.text) == (fields["account_name"] == CHEN)


class TestSkillGroups:
    def test_stand_with_department_and_number_of_agents(self, looked_at: House, reader: Browser) -> None:
        members = center_of(looked_at).members(AFTER_SALES)
        assert f"售后组 Name: 售后 客服部 Hotline {len(members)} Remove" in plain(reader.open(GROUPS))

    def test_are_left_into_no_other_by_chance_and_name_the_numbers_that_name_them(self, reader: Browser) -> None:
        page = reader.open(f"{GROUPS}/{AFTER_SALES}/remove")
        assert "Hotline numbers that name it: 1 They name it" in plain(page)
        assert f'href="{BASE}/numbers/05710000002"' in page.text
        assert "selected" not in page.text
        assert told_at(sent(reader, f"{GROUPS}/{AFTER_SALES}/remove", how="move", to="")) == (422, ["to"])

    def test_that_are_gone_keep_their_name_in_the_search_for_calls(
        self, reader: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Overviews, "landmarks", lambda *_: Landmarks({}, frozenset()))
        page = reader.open(f"{BASE}/calls?since=2026-01-01&group={HOTLINE}").text
        assert re.search(rf'value="{HOTLINE}" selected>客服热线</option>', page)
        assert ">Skill group 77</option>" in reader.open(f"{BASE}/calls?group=77").text

    def test_are_made_and_changed_but_for_what_the_openapi_cannot(
        self, house: House, console: Browser, center: ContactCenter
    ) -> None:
        assert f'value="{SELLING}" selected' in console.open(f"{GROUPS}/new?department={SELLING}").text
        sent(console, f"{GROUPS}/new", name="Night", display_name="", description="after six", department=SELLING)
        (made,) = [one for one in center.groups.values() if one.name == "Night"]
        assert (made.display_name, made.description, made.department_id) == ("Night", "after six", SELLING)
        form = plain(console.open(f"{GROUPS}/{made.group_id}"))
        assert "the OpenAPI does not let them be" in form
        sent(console, f"{GROUPS}/{made.group_id}", display_name="Nights", description="")
        changed = center.groups[made.group_id]
        assert (changed.name, changed.display_name, changed.description) == ("Night", "Nights", "")
        assert sent(console, f"{GROUPS}/{made.group_id}", display_name="", description="x").status_code == 422
        day = {"name": "Day", "display_name": "NIGHTS", "description": "", "department": ""}
        second = sent(console, f"{GROUPS}/new", **day)
        assert (second.status_code, "There is a skill group of this name already" in plain(second)) == (422, True)
        assert "done=created" in led_to(sent(console, f"{GROUPS}/new", **day, again="Day"))
        assert "done=removed" in led_to(sent(console, f"{GROUPS}/{made.group_id}/remove"))
        told = ["skill_group_created", "skill_group_changed", "skill_group_created", "skill_group_removed"]
        assert [event for event, _ in events(house)] == told

    def test_with_agents_offer_to_move_them_and_go_then(
        self, house: House, console: Browser, center: ContactCenter
    ) -> None:
        question = plain(console.open(f"{GROUPS}/{SALES}/remove"))
        assert "removes a skill group only when nobody is in it" in question
        refused = sent(console, f"{GROUPS}/{SALES}/remove")
        assert (refused.status_code, SALES in center.groups) == (409, True)
        assert "done=moved" in led_to(sent(console, f"{GROUPS}/{SALES}/remove", how="move", to=AFTER_SALES))
        assert AFTER_SALES in center.agents["emma.reed@contoso.example"].groups
        assert "done=moved" in led_to(sent(console, f"{GROUPS}/{AFTER_SALES}/remove", how="take_out"))
        assert (center.agents[CHEN].groups, center.agents[LIU].groups) == ((HOTLINE,), ())
        assert events(house)[0][1]["agents"] == 4

    def test_go_on_where_many_are_inside_and_stay_where_one_cannot_leave(
        self, house: House, console: Browser, center: ContactCenter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(skill_groups, "_AT_ONCE", 1)
        count = len(center.members(AFTER_SALES))
        waiting = plain(sent(console, f"{GROUPS}/{AFTER_SALES}/remove", how="take_out"))
        assert f"Still in the skill group: {count - 1}" in waiting
        monkeypatch.setattr(SkillGroups, "remove_agents", lambda *_: 0)
        failed = sent(console, f"{GROUPS}/{AFTER_SALES}/remove", how="take_out")
        assert "these agents could not leave it: 1" in plain(failed)
        assert AFTER_SALES in center.groups
        assert [(event, told["agents"]) for event, told in events(house)] == [
            ("skill_group_emptied", 1),
            ("skill_group_emptied", 0),
        ]


class TestDepartments:
    def test_stand_with_their_groups_and_those_outside(self, console: Browser, center: ContactCenter) -> None:
        center.add_group("Night")
        page = plain(console.open(DEPARTMENTS))
        assert ("客服部 客服热线 售后组" in page, "Outside of all departments Night" in page) == (True, True)

    def test_are_made_renamed_and_deleted(self, house: House, console: Browser, center: ContactCenter) -> None:
        sent(console, f"{DEPARTMENTS}/new", name="Night")
        (number,) = [number for number, name in center.departments.items() if name == "Night"]
        assert 'value="Night"' in console.open(f"{DEPARTMENTS}/{number}").text
        sent(console, f"{DEPARTMENTS}/{number}", name="Late")
        assert center.departments[number] == "Late"
        assert sent(console, f"{DEPARTMENTS}/{number}", name="").status_code == 422
        assert "done=renamed" in led_to(sent(console, f"{DEPARTMENTS}/{number}", name="late"))
        second = sent(console, f"{DEPARTMENTS}/new", name="LATE")
        assert ('name="again" value="LATE"' in second.text, len(center.departments)) == (True, 3)
        assert sent(console, f"{DEPARTMENTS}/{number}", name="销售部").status_code == 422
        assert "done=created" in led_to(sent(console, f"{DEPARTMENTS}/new", name="LATE", again="LATE"))
        assert "It has no skill groups" in plain(console.open(f"{DEPARTMENTS}/{number}/delete"))
        assert "done=deleted" in led_to(sent(console, f"{DEPARTMENTS}/{number}/delete"))
        assert number not in center.departments
        assert [event for event, _ in events(house)] == [
            "department_created",
            "department_renamed",
            "department_renamed",
            "department_created",
            "department_deleted",
        ]

    def test_with_groups_explain_it_and_go_after_empty_ones(self, console: Browser, center: ContactCenter) -> None:
        night = center.add_group("Night", department_id=SELLING).group_id
        question = plain(console.open(f"{DEPARTMENTS}/{SELLING}/delete"))
        assert ("Skill groups in it: 2" in question, "All of them are empty" in question) == (True, False)
        assert "Hotline numbers that name it: 1" in question
        assert sent(console, f"{DEPARTMENTS}/{SELLING}/delete").status_code == 409
        tried = plain(sent(console, f"{DEPARTMENTS}/{SELLING}/delete", how="empty_groups"))
        assert "could not be removed: 1" in tried
        assert (night in center.groups, SALES in center.groups) == (False, True)
        for agent in center.members(SALES):
            center.change(agent.account_name, groups=())
        assert "All of them are empty" in plain(console.open(f"{DEPARTMENTS}/{SELLING}/delete"))
        assert "done=dissolved" in led_to(sent(console, f"{DEPARTMENTS}/{SELLING}/delete", how="empty_groups"))
        assert SELLING not in center.departments


class TestWhoMay:
    def test_nobody_looks_into_anothers_contact_center(self, house: House) -> None:
        lin = administrator(house, "contoso")
        for path in (AGENTS, f"{AGENTS}/new", GROUPS, DEPARTMENTS, f"{BASE}/numbers"):
            assert lin.open(path).status_code == 403
            assert lin.open(path.replace("contoso", "globex")).status_code == 200

    def test_nothing_changes_without_a_form_of_the_console(self, console: Browser, center: ContactCenter) -> None:
        for path in (
            f"{AGENTS}/delete",
            f"{GROUPS}/{SALES}/remove",
            f"{DEPARTMENTS}/{CARE}/delete",
            f"{BASE}/numbers/new",
        ):
            assert act(console, path, {"csrf_token": "x", "account_name": CHEN}).status_code == 403
        assert CHEN in center.agents

    def test_the_connections_page_leads_there(self, console: Browser) -> None:
        assert f'href="{AGENTS}"' in console.open(BASE).text
