"""Somebody signs in for the first time and has an agent; nobody who had one gets it back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import event

from bridge.core.model import Provisioning
from bridge.sandbox.registrations import INSTANCE_ID
from tests.journeys.steps import at_once, records, signed_in
from tests.kit.desk import operator
from tests.kit.house import build_house, change, demo_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from requests import Response

    from bridge.core.model import Connection
    from bridge.sandbox.people import Agent
    from tests.kit.browser import Browser
    from tests.kit.house import House

NORA: Final = "nora@contoso.example"
WANTED: Final = Provisioning(
    create_agents=True,
    display_name="given_name",
    skill_groups=("售后组",),
    rules=("name = Nora Newcomer -> Sales, VIP", "name = Lin Example -> 客服热线"),
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A bridge one of whose connections makes agents."""
    built = build_house(change(demo_settings(tmp_path), "contoso", with_agents))
    yield built
    built.services.database.close()


def with_agents(connection: Connection) -> Connection:
    return replace(connection, provisioning=WANTED)


def agent_of(house: House, account_name: str = NORA) -> Agent | None:
    return house.world.contact_centers[INSTANCE_ID].agents.get(account_name)


def groups_of(house: House, agent: Agent) -> set[str]:
    center = house.world.contact_centers[INSTANCE_ID]
    return {center.groups[group_id].name for group_id in agent.groups}


def refused(house: House, person: str = "nora", connection: str = "contoso") -> Response:
    browser = house.browser()
    back = browser.choose(browser.begin(connection), person, follow=False)
    return browser.open(back.headers["Location"], follow=False)


def operations(house: House) -> list[str]:
    """Return what the contact center was asked since the start, by operation."""
    return [one.path.rpartition("/")[2] for one in house.world.requests if one.path.startswith("/aiccs/")]


def test_a_colleague_without_an_agent_gets_one_and_is_signed_in(house: House) -> None:
    assert agent_of(house) is None
    browser = signed_in(house, "contoso", "nora")
    agent = agent_of(house)
    assert agent is not None
    assert (agent.display_name, groups_of(house, agent)) == ("Nora", {"售后", "Sales"})
    assert browser.fetch("/session").json()["account_name"] == NORA
    arrived, made = house.journal()
    assert (made.event, made.person, made.details["unknown_groups"]) == ("agent_created", NORA, "VIP")
    assert [step["name"] for step in arrived.details["steps"]][-3:] == ["provisioning", "exchange", "user_name"]
    listed = ["QuerySkillGroups", *["ListAgentBySkillGroupId"] * 3]
    assert operations(house) == ["GetAgent", *listed, "QuerySkillGroups", "CreateAgent", "GetAgent"]


def test_the_contact_center_is_asked_once_about_each_person_and_never_in_a_renewal(house: House) -> None:
    browser = signed_in(house, "contoso", "lin")
    assert operations(house) == ["GetAgent"]
    assert browser.post("/session/renew").status_code == 200
    signed_in(house, "contoso", "lin")
    assert operations(house) == ["GetAgent"]


def test_ten_first_sign_ins_at_once_make_one_agent_and_ten_sessions(house: House) -> None:
    browsers = [house.browser() for _ in range(10)]
    answers = [one.choose(one.begin("contoso"), "nora", follow=False).headers["Location"] for one in browsers]

    def arrival(browser: Browser, location: str) -> Callable[[], int]:
        return lambda: browser.open(location, follow=False).status_code

    assert at_once([arrival(*one) for one in zip(browsers, answers, strict=True)]) == [303] * 10
    assert operations(house).count("CreateAgent") == 1
    assert len(records(house)) == 10
    assert [one.event for one in house.journal()].count("agent_created") == 1


def test_one_who_was_deleted_stays_so_until_an_administrator_says_otherwise(house: House) -> None:
    signed_in(house, "contoso", "nora")
    house.world.remove_agent(NORA)
    assert refused(house).status_code >= 400
    house.services.known_agents.bar("contoso", NORA)
    assert "agent_unknown" in refused(house).text
    assert agent_of(house) is None
    house.services.known_agents.forget("contoso", NORA)
    signed_in(house, "contoso", "nora")
    assert agent_of(house) is not None


def test_one_who_is_frozen_is_told_so_and_stays_frozen(house: House) -> None:
    answer = refused(house, "kim")
    assert (answer.status_code >= 400, "agent_frozen" in answer.text) == (True, True)
    assert "CreateAgent" not in operations(house)
    assert house.rows()["agent_sessions"] == 0


def test_an_outage_of_the_contact_center_keeps_no_agent_out(house: House) -> None:
    house.world.faults.set("aiccs", "http_500")
    signed_in(house, "contoso", "lin")
    steps = {step["name"]: step["code"] for step in house.journal()[0].details["steps"]}
    assert steps["provisioning"] == "contact_center_unreachable"


def test_an_agent_whose_making_was_not_answered_is_made_once(house: House) -> None:
    house.world.faults.set("aiccs", "write_lost", times=1)
    signed_in(house, "contoso", "nora")
    assert agent_of(house) is not None
    assert [one.event for one in house.journal()].count("agent_created") == 1


@pytest.mark.parametrize("connection", ["globex", "initech"])
def test_a_connection_that_makes_none_pays_nothing_for_it(house: House, connection: str) -> None:
    said: list[str] = []
    engine = house.services.database.engine

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    signed_in(house, connection)
    event.remove(engine, "before_cursor_execute", note)
    assert operations(house) == []
    assert [one for one in said if "known_agents" in one] == []
    assert len(said) > 0


class TestARehearsal:
    def test_shows_what_would_be_made_and_makes_nothing(self, house: House) -> None:
        admin, before = operator(house), house.rows()
        page = admin.choose(admin.open("/login/contoso/rehearsal"), "nora")
        assert "The first sign-in would make this one" in page.text
        for words in ("<dd>Nora</dd>", "does not exist, left out", "name = Nora Newcomer -&gt; Sales, VIP"):
            assert words in page.text
        assert "The first sign-in makes one, unless" in page.text
        assert agent_of(house) is None
        assert house.rows()["known_agents"] == before["known_agents"]
        assert admin.open(page.url).text.count("does not exist, left out") == 1

    @pytest.mark.parametrize(("person", "words"), [("lin", "has an agent already"), ("gone", "had an agent before")])
    def test_says_who_needs_none_and_who_gets_none(self, house: House, person: str, words: str) -> None:
        house.services.known_agents.bar("contoso", NORA)
        admin = operator(house)
        page = admin.choose(admin.open("/login/contoso/rehearsal"), "lin" if person == "lin" else "nora")
        assert words in page.text

    def test_of_pasted_claims_does_so_too(self, house: House) -> None:
        admin = operator(house)
        form = admin.open("/admin/connections/contoso/rehearsals")
        token = form.text.split('name="csrf_token" value="')[1].split('"')[0]
        claims = '{"email": "new@contoso.example", "name": "Lin Example", "given_name": "新"}'
        sent = {"csrf_token": token, "claims": claims}
        page = admin.submit("/admin/connections/contoso/rehearsals/claims", sent)
        assert "<dd>新</dd>" in page.text
        assert "name = Lin Example -&gt; 客服热线" in page.text
