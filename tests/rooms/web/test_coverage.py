"""The coverage report in the console: what it shows, what it sends as a file, and who may ask for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from bridge.access.rules import Allowed
from bridge.aiccs.agents import Agents
from bridge.core.errors import ContactCenterUnreachable
from bridge.core.seats import Seats
from bridge.http import console as console_room
from bridge.web.admin import coverage
from tests.kit.desk import administrator, allowing, form_token, operator
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from requests import Response

    from tests.kit.browser import Browser
    from tests.kit.house import House

PAGE = "/admin/connections/contoso/coverage"
STAFF = """姓名,E-mail
林,lin@contoso.example
王,wang.fang@contoso.example
诺,nora@contoso.example
陈,chen.jei@contoso.example
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A bridge with two companies, and Lin of Contoso who looks after Globex."""
    lin = Allowed("contoso", "email", ("lin@contoso.example",), "connection", ("globex",))
    built = build_house(allowing(demo_settings(tmp_path, connections=("contoso", "globex")), lin))
    yield built
    built.services.database.close()


def asked(browser: Browser, staff: str | bytes = "", *, token: str | None = None, **fields: str) -> Response:
    """Send the form with a staff list, as a browser does."""
    csrf_token = form_token(browser) if token is None else token
    return browser.wire.post(
        f"{browser.origin}{PAGE}",
        data={"csrf_token": csrf_token, **fields},
        files={"staff": ("staff.csv", staff, "text/csv")},
        headers={"Origin": browser.origin, "Accept": "text/html"},
        allow_redirects=False,
        timeout=30,
    )


def tiles(page: str) -> dict[str, int]:
    """Return the number on each tile by what the tile leads to."""
    found = re.findall(r'href="#(\w+)"><span class="hb-tile-number">([0-9]+)<', page)
    return {name: int(count) for name, count in found}


def test_to_look_at_the_page_asks_nobody(house: House) -> None:
    console = operator(house)
    before = len(house.calls)
    page = console.open(PAGE)
    assert (page.status_code, len(house.calls)) == (200, before)
    assert 'type="file"' in page.text
    assert tiles(page.text) == {}


def test_the_report_tells_staff_and_sign_ins_by_verdict(house: House) -> None:
    for person in ("lin", "nora", "kim", "bo"):
        house.browser().sign_in("contoso", person)
    console = operator(house)
    page = asked(console, STAFF).text
    assert tiles(page) | {"idle": 0} == {"nobody": 1, "unnamed": 1, "typo": 1, "frozen": 1, "maps": 2, "idle": 0}
    for told in ("chen.jie@contoso.example", "88% alike", "emma.reed@contoso.example", 'value="E-mail"'):
        assert told in page, told
    (record,) = [one for one in house.journal() if one.event == "coverage_report"]
    assert record.details["staff"] == 4
    assert not [name for name in ("lin", "nora", "chen") if name in str(record.details)]
    assert "Coverage report made" in console.open("/admin/journal").text


def test_what_is_uncertain_is_told_apart_and_links_keep_the_report(house: House) -> None:
    page = asked(operator(house), "email\nLin@contoso.example\nnobody@elsewhere.example\n").text
    assert "1 of 2 people of the staff list cannot work." in page
    assert "1 of 2 is uncertain: only upper and lower case or the spelling differ." in page
    assert 'account=nobody@elsewhere.example" target="_blank" rel="noopener">Create this agent' in page
    assert ("mapping_field of this connection" in page, "#mapping_field" in page) == (True, False)


def test_sign_ins_count_for_as_long_as_was_asked(house: House) -> None:
    house.browser().sign_in("contoso", "lin")
    house.clock.advance(10 * 86_400)
    console = operator(house)
    assert [tiles(asked(console, days=days).text).get("maps") for days in ("7", "30", "x")] == [None, 1, 1]


def test_the_file_has_everybody_and_the_page_the_first_of_many(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "MOST_SHOWN", 3)
    console = operator(house)
    many = "email\n" + "".join(f"nobody{'x' * number}y@elsewhere.example\n" for number in range(5))
    page = asked(console, many).text
    assert (page.count('<th scope="row">nobody'), "first 3 of 5" in page) == (3, True)
    answer = asked(console, many, format="csv")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="coverage-contoso-20')
    assert answer.text.count("@elsewhere.example") == 5


@pytest.mark.parametrize(
    ("staff", "column", "told"),
    [
        (b"\x00\xff", "", "cannot be read as a table"),
        ("first,last\na,b\n", "", '<option value="last">last</option>'),
        ("first,email\na,b\n", "mail", "no column of this name"),
    ],
    ids=["no-table", "no-likely-column", "another-column"],
)
def test_a_list_that_cannot_be_used_says_why(house: House, staff: str | bytes, column: str, told: str) -> None:
    answer = asked(operator(house), staff, column=column)
    assert (answer.status_code, told in answer.text) == (400, True)
    assert not [one for one in house.journal() if one.event == "coverage_report"]


def test_a_list_is_read_only_where_a_slow_errand_has_room(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_room, "_ERRANDS", Seats(1, each=1))
    monkeypatch.setattr(coverage, "read_staff_list", None)
    operated = operator(house)
    with console_room._ERRANDS.one(None):
        assert asked(operated, STAFF).status_code == 429


def test_a_list_larger_than_any_form_is_read_and_a_larger_one_refused(house: House) -> None:
    console = operator(house)
    large = "email\n" + "lin@contoso.example\n" * 5000
    assert "Several lines of the staff list" in asked(console, large).text
    answer = asked(console, "x" * (7 * 1024 * 1024))
    assert (answer.status_code, "larger than 5 MB" in answer.text) == (400, True)


def test_nobody_else_gets_it(house: House) -> None:
    console, lin = operator(house), administrator(house, "contoso")
    assert asked(console, token="0" * 64).status_code == 403
    assert (lin.open(PAGE).status_code, asked(lin).status_code) == (403, 403)
    assert lin.open(PAGE.replace("contoso", "globex")).status_code == 200


def test_an_outage_is_told_by_a_page(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise ContactCenterUnreachable(received="none in time")

    monkeypatch.setattr(Agents, "everyone", fail)
    answer = asked(operator(house))
    assert (answer.status_code, f'href="{PAGE}"' in answer.text or "contoso" in answer.text) == (504, True)
