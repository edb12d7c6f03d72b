"""Hotline numbers in the console: the list, one number's form, and several at once with a result for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.aiccs.numbers import HotlineNumbers
from bridge.core.errors import ContactCenterError
from tests.kit.console_forms import shown, told
from tests.kit.contact_pages import center_of, plain, sent, staffed_house
from tests.kit.desk import operator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from requests import Response

    from bridge.sandbox.contact_center import ContactCenter
    from tests.kit.browser import Browser
    from tests.kit.house import House

NUMBERS = "/admin/connections/contoso/numbers"
SURVEYED, RANGED, INBOUND = "05710000001", "05710000002", "4008000003"
AFTER_SALES, SALES, CARE, SELLING = 1234002, 1234003, 10, 11


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with staffed_house(tmp_path) as built:
        yield built


@pytest.fixture
def console(house: House) -> Browser:
    return operator(house)


@pytest.fixture
def center(house: House) -> ContactCenter:
    return center_of(house)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A console in which nothing is changed: whoever only looks, or is refused, shares it."""
    with staffed_house(tmp_path_factory.mktemp("looked-at")) as built:
        yield operator(built)


def filled(console: Browser, path: str, **fields: Any) -> Response:
    """Send a form about numbers."""
    return sent(console, f"{NUMBERS}{path}", **fields)


def events(house: House) -> list[tuple[str, str]]:
    return [(one.event, one.details["number"]) for one in reversed(house.journal()) if one.connection]


def test_all_numbers_stand_with_what_is_set_of_them(reader: Browser) -> None:
    page = plain(reader.open(NUMBERS))
    assert f"{SURVEYED} 热线号码 浙江 杭州 电信 yes 默认流程 all departments both ways Delete" in page
    assert "yes 售后流程 客服部: 售后组 销售部 inbound Delete" in page
    assert "Inbound only 全国 电信 yes 默认流程 no none Delete" in page
    assert "Numbers: 2" in plain(reader.open(f"{NUMBERS}?q=0571"))
    assert "No number has these digits" in plain(reader.open(f"{NUMBERS}?q=9999"))


def test_a_numbers_form_holds_what_is_there_but_for_the_scale(reader: Browser) -> None:
    page = reader.open(f"{NUMBERS}/{RANGED}")
    found = shown(page)
    assert {name: found[name] for name in ("description", "flow", "scope", "levels", "department", "group")} == {
        "description": "售后专线",
        "flow": "123457",
        "scope": "chosen",
        "levels": "",
        "department": str(SELLING),
        "group": str(AFTER_SALES),
    }
    assert ("inbound_survey" in found, "outbound_survey" in found) == (True, False)
    assert "does not tell which scale is set" in plain(page)
    assert '<option value="123457">售后流程</option>' in page.text
    assert reader.open(f"{NUMBERS}/0571").status_code == 404


def test_a_reset_sets_all_of_it(house: House, console: Browser, center: ContactCenter) -> None:
    form = shown(console.open(f"{NUMBERS}/{RANGED}")) | {"description": "New", "group": [AFTER_SALES, SALES]}
    form = {**form, "department": [], "outbound_survey": "on"}
    refused = filled(console, f"/{RANGED}", **form)
    assert (refused.status_code, list(told(refused))) == (422, ["levels"])
    answer = filled(console, f"/{RANGED}", **{**form, "levels": "4"})
    assert answer.headers["Location"].endswith("done=reset")
    line = center.lines[RANGED]
    assert (line.description, line.flow_id, line.evaluation_level) == ("New", 123457, 4)
    assert (line.inbound_evaluation, line.outbound_evaluation) == (True, True)
    assert [(one.department_id, one.group_ids) for one in line.ranges] == [(CARE, (AFTER_SALES,)), (SELLING, (SALES,))]
    assert events(house) == [("hotline_number_reset", RANGED)]


def test_a_number_is_added_and_deleted_by_typing_it(house: House, console: Browser, center: ContactCenter) -> None:
    answer = filled(console, "/new", number="02100000004", description="Shanghai", inbound="on", scope="all")
    assert answer.headers["Location"].endswith("done=added")
    line = center.lines["02100000004"]
    assert (line.inbound, line.outbound, line.outbound_all, line.flow_id) == (True, False, True, 0)
    mistyped = filled(console, "/delete", number="02100000004", typed="0210000000")
    assert (mistyped.status_code, "02100000004" in center.lines) == (422, True)
    gone = filled(console, "/delete", number="02100000004", typed=" 02100000004")
    assert gone.headers["Location"].endswith("done=deleted")
    assert "02100000004" not in center.lines
    assert [event for event, _ in events(house)] == ["hotline_number_added", "hotline_number_deleted"]


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"number": "+86 21"}, "number"),
        ({"number": SURVEYED}, "number"),
        ({"description": ""}, "description"),
        ({"flow": "first"}, "flow"),
        ({"inbound_survey": "on"}, "levels"),
        ({"outbound": "on", "scope": "chosen"}, "scope"),
    ],
    ids=["no_digits", "there_already", "no_description", "no_flow_id", "no_scale", "nobody_may_call"],
)
def test_what_is_wrong_stands_at_its_field(reader: Browser, fields: dict[str, str], at: str) -> None:
    answer = filled(reader, "/new", **{"number": "02100000004", "description": "x", "scope": "all", **fields})
    assert (answer.status_code, list(told(answer))) == (422, [at])


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/new", {"number": "021000", "description": "x", "levels": "7"}),
        ("/new", {"number": "021000", "description": "x", "scope": "chosen", "department": "99"}),
        ("/reset", {"number": "99999"}),
        ("/reset", {"number": "<b>"}),
    ],
    ids=["another_scale", "no_such_department", "no_such_number", "no_number"],
)
def test_what_no_page_sends_is_refused(reader: Browser, path: str, fields: dict[str, str]) -> None:
    assert filled(reader, path, **fields).status_code == 400


def test_those_ticked_are_reset_and_keep_what_is_left_as_it_is(
    house: House, console: Browser, center: ContactCenter
) -> None:
    chosen = plain(console.open(f"{NUMBERS}/reset?number={RANGED}&number={INBOUND}"))
    assert ("Reset 2 numbers" in chosen, f"a survey is on at: {RANGED} inbound Survey" in chosen) == (True, True)
    assert "At none of the chosen" in plain(console.open(f"{NUMBERS}/reset?number={INBOUND}"))
    refused = filled(console, "/reset", number=[RANGED, INBOUND], outbound="on", scope="all")
    assert list(told(refused)) == ["levels"]
    answer = filled(console, "/reset", number=[RANGED, INBOUND], outbound="on", scope="all", no_flow="yes", levels="3")
    assert answer.headers["Location"].endswith("done=reset_all")
    ranged, inbound = center.lines[RANGED], center.lines[INBOUND]
    assert (ranged.description, ranged.flow_id, ranged.ranges, ranged.evaluation_level) == ("售后专线", 0, (), 3)
    assert (inbound.description, inbound.outbound, inbound.evaluation_level) == ("Inbound only", True, 0)
    assert events(house) == [("hotline_number_reset", RANGED), ("hotline_number_reset", INBOUND)]
    assert console.open(f"{NUMBERS}/reset", follow=False).headers["Location"].endswith("done=none")


def test_those_that_cannot_be_deleted_are_named_and_the_others_go(
    house: House, console: Browser, center: ContactCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = HotlineNumbers.delete

    def stubborn(self: HotlineNumbers, instance: Any, number: str) -> None:
        if number == RANGED:
            raise ContactCenterError(expected="x", received="HotlineNumber.InUse")
        delete(self, instance, number)

    monkeypatch.setattr(HotlineNumbers, "delete", stubborn)
    typed = f"{INBOUND}\r\n{RANGED}，"  # noqa: RUF001 — as Chinese keyboards type it
    answer = filled(console, "/delete", number=[RANGED, INBOUND], typed=typed)
    assert answer.status_code == 409
    page = plain(answer)
    assert ("could not be changed: 1 of 2" in page, "HotlineNumber.InUse" in page) == (True, True)
    assert list(center.lines) == [SURVEYED, RANGED]
    assert events(house) == [("hotline_number_deleted", INBOUND)]
