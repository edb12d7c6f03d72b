"""Who would arrive as which agent: every verdict, whom nobody is, and what of it is asked one by one."""

from __future__ import annotations

import csv
import io
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from bridge.aiccs.agents import Agent
from bridge.aiccs.instance import instance_of
from bridge.ops.trail import Arrival
from bridge.provisioning import coverage, coverage_file
from bridge.provisioning.coverage import gather, report
from bridge.provisioning.nearest import LONGEST, Nearest
from bridge.provisioning.verdicts import MEANINGS
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.provisioning.coverage import Coverage, Person
    from tests.kit.house import House


def agent(account_name: str, status: str = "0") -> Agent:
    return Agent(account_name, account_name.partition("@")[0].title(), "1", status)


def arrived(person: str, code: str = "ok", at: float = 100.0, *, is_mapped: bool = True) -> Arrival:
    return Arrival(person, at, code, is_mapped)


AGENTS = (
    agent("lin@contoso.example"),
    agent("kim@contoso.example", "1"),
    agent("gone@contoso.example", "2"),
    agent("wang.fang@contoso.example"),
    agent("zhou.ting@contoso.example"),
    agent("Zhou.Ting@contoso.example"),
    agent("li.na@acme.example"),
    agent("li.na@globex.example"),
    agent("emma.reed@contoso.example"),
    agent("emma.read@contoso.example"),
    agent("james@old.example"),
    agent("13800000001"),
)

VERDICTS: dict[str, tuple[str, str, list[str], int | None]] = {
    "the very name": ("lin@contoso.example", "maps", ["lin@contoso.example"], None),
    "one of two that differ in case": ("zhou.ting@contoso.example", "maps", ["zhou.ting@contoso.example"], None),
    "a frozen agent": ("kim@contoso.example", "frozen", ["kim@contoso.example"], None),
    "a deleted agent": ("gone@contoso.example", "deleted", ["gone@contoso.example"], None),
    "another case": ("LIN@contoso.example", "case", ["lin@contoso.example"], None),
    "full-width letters": ("\uff4c\uff49\uff4e@contoso.example", "case", ["lin@contoso.example"], None),
    "a phone number with its country": ("+86 138-0000-0001", "case", ["13800000001"], None),
    "a third case": (
        "ZHOU.TING@contoso.example",
        "ambiguous",
        ["zhou.ting@contoso.example", "Zhou.Ting@contoso.example"],
        None,
    ),
    "another domain": ("james@new.example", "domain", ["james@old.example"], None),
    "no domain": ("James", "domain", ["james@old.example"], None),
    "another domain that two have": (
        "li.na@x.example",
        "ambiguous",
        ["li.na@acme.example", "li.na@globex.example"],
        None,
    ),
    "a letter too few": ("wang.fng@contoso.example", "typo", ["wang.fang@contoso.example"], 89),
    "neighbours swapped": ("wang.fnag@contoso.example", "typo", ["wang.fang@contoso.example"], 89),
    "a slip in the domain too": ("wangfang@contso.example", "typo", ["wang.fang@contoso.example"], 89),
    "a slip in the domain alone": ("wang.fang@contsoo.example", "typo", ["wang.fang@contoso.example"], 100),
    "another top": ("wang.fang@contoso.exam", "domain", ["wang.fang@contoso.example"], None),
    "last name first": ("fang.wang@contoso.example", "typo", ["wang.fang@contoso.example"], None),
    "a slip that fits two": (
        "emma.reid@contoso.example",
        "ambiguous",
        ["emma.reed@contoso.example", "emma.read@contoso.example"],
        89,
    ),
    "a slip at quite another domain": ("wang.fng@initech.example", "nobody", [], None),
    "the same domain alone": ("bob@contoso.example", "nobody", [], None),
    "the next number": ("13800000002", "nobody", [], None),
    "nobody at all": ("somebody.else@contoso.example", "nobody", [], None),
}


def only(found: Coverage, name: str) -> Person:
    (person,) = [one for one in found.people if one.name == name]
    return person


@pytest.mark.parametrize("case", VERDICTS)
def test_the_verdict_on(case: str) -> None:
    name, verdict, agents, score = VERDICTS[case]
    person = only(report(AGENTS, [], [name]), name)
    assert (person.verdict, [one.account_name for one in person.agents], person.score) == (verdict, agents, score)


def test_a_name_that_is_somebodys_exactly_is_nobody_elses_typing_error() -> None:
    found = report(AGENTS, [], ["wang.fang@contoso.example", "wang.feng@contoso.example"])
    assert only(found, "wang.feng@contoso.example").verdict == "nobody"


def test_staff_and_sign_ins_are_one_person_with_the_newest_outcome() -> None:
    arrivals = [arrived("lin@contoso.example", at=300), arrived("lin@contoso.example", "agent_unknown", at=200)]
    found = report(AGENTS, arrivals, ["lin@contoso.example", "nora@contoso.example"])
    person = only(found, "lin@contoso.example")
    assert (person.is_staff, person.seen_at, person.code) == (True, 300, "ok")
    assert (found.staff, found.staff_without_agent) == (2, 1)


def test_whoever_came_without_an_account_name_says_so_until_they_come_with_one() -> None:
    missing = "mapping_field_missing"
    arrivals = [
        arrived("lin@contoso.example"),
        arrived("lin@contoso.example", missing, is_mapped=False),
        arrived("bo", missing, at=90, is_mapped=False),
        arrived("sam@stranger.example", "tenant_not_allowed", is_mapped=False),
    ]
    found = report(AGENTS, arrivals, [])
    assert [(one.name, one.verdict) for one in found.people] == [("bo", "unnamed"), ("lin@contoso.example", "maps")]


def test_agents_whom_nobody_is_are_told_with_who_comes_close() -> None:
    found = report(AGENTS, [arrived("lin@contoso.example")], ["james@new.example"])
    idle = {one.agent.account_name: one.near for one in found.idle}
    assert idle["james@old.example"] == ("james@new.example",)
    assert idle["13800000001"] == ()
    assert not {"lin@contoso.example", "gone@contoso.example"} & set(idle)


def test_names_that_the_staff_list_has_twice_are_told() -> None:
    found = report(AGENTS, [], ["lin@contoso.example", "kim@contoso.example", "lin@contoso.example"])
    assert (found.repeated, len(found.people)) == (("lin@contoso.example",), 2)


def test_people_stand_in_the_order_of_what_keeps_them_from_working() -> None:
    found = report(AGENTS, [], [name for name, *_ in VERDICTS.values()])
    places = [list(MEANINGS).index(person.verdict) for person in found.people]
    assert places == sorted(places)
    assert sum(found.counts().values()) == len(found.people) == len(VERDICTS)


def test_the_file_and_the_document_tell_everything_and_no_formula() -> None:
    found = report(AGENTS, [arrived("lin@contoso.example", at=0.5)], ["=HYPERLINK(1)", "james@new.example"])
    text = b"".join(coverage_file.lines(found)).decode("utf-8-sig")
    rows = {row["account_name"]: row for row in csv.DictReader(io.StringIO(text))}
    assert len(rows) == len(found.people) + len(found.idle)
    assert (rows["'=HYPERLINK(1)"]["verdict"], rows["13800000001"]["verdict"]) == ("nobody", "agent_without_person")
    assert (rows["lin@contoso.example"]["last_sign_in"], rows["james@new.example"]["agents"]) == (
        "1970-01-01T00:00:00Z",
        "james@old.example",
    )
    told: dict[str, Any] = json.loads(json.dumps(coverage_file.document(found)))
    assert (told["counts"]["maps"], told["staff_without_agent"], len(told["people"])) == (1, 2, 3)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = build_house(demo_settings(tmp_path, connections=("contoso",)))
    yield built
    built.services.database.close()


def test_agents_in_no_skill_group_are_found_one_by_one(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    center, instance = (
        house.world.contact_centers["ccc_xp_demo"],
        instance_of(house.services.connections.get("contoso")),
    )
    for name in ("apart@contoso.example", "farther@contoso.example"):
        center.hire(name, "Apart", groups=[])
    center.hire("gone@contoso.example", "Gone")
    center.dismiss("gone@contoso.example")
    staff = ["lin@contoso.example", "apart@contoso.example", "gone@contoso.example", "x" * 300]

    found = gather(house.services.contact_center, instance, [arrived("farther@contoso.example")], staff)
    verdicts = {one.name: one.verdict for one in found.people}
    assert (verdicts["apart@contoso.example"], verdicts["farther@contoso.example"], verdicts["x" * 300]) == (
        "maps",
        "maps",
        "nobody",
    )
    assert found.unasked == 0

    monkeypatch.setattr(coverage, "MOST_LOOK_UPS", 1)
    bounded = gather(house.services.contact_center, instance, [arrived("farther@contoso.example")], staff)
    assert (only(bounded, "farther@contoso.example").verdict, bounded.unasked) == ("nobody", 2)


def test_a_name_longer_than_any_account_is_nobody() -> None:
    (agreed, longer) = (report([agent("x" * LONGEST)], [], ["X" * count]).people[0] for count in (LONGEST, LONGEST + 1))
    assert (agreed.verdict, longer.verdict) == ("case", "nobody")
    assert report([agent("x" * (LONGEST + 1))], [], ["X" * LONGEST]).people[0].verdict == "nobody"


def test_where_there_is_too_much_to_compare_the_report_says_how_many_were_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "Nearest", partial(Nearest, work=len("wang.fang")))
    found = report(
        AGENTS[3:4], [], ["wang.fng@contoso.example", "wang.fag@contoso.example", "WANG.FANG@contoso.example"]
    )
    assert [person.verdict for person in found.people] == ["nobody", "typo", "case"]
    assert (found.uncompared, coverage_file.document(found)["not_compared"]) == (1, 1)
