"""Calls in the console: the search and what no address holds, one call, its sound, and who sees whole numbers."""

from __future__ import annotations

import html
import re
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.access.rules import Allowed
from bridge.aiccs.agents import Agents
from bridge.aiccs.calls import Call, Said
from bridge.core.errors import ContactCenterUnreachable
from bridge.http.console import slow_errand
from bridge.sandbox.call_stories import DIALLED, GAVE_UP_IN_QUEUE, UNANSWERED
from bridge.sandbox.recordings import wav_of
from bridge.web.admin import call_search, call_story, call_words, calls
from tests.kit.desk import act, administrator, allowing, operator
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.sandbox.calls import CallLog
    from tests.kit.browser import Browser
    from tests.kit.house import House

ALL = "/admin/connections/contoso/calls"
CUSTOMER, OTHER = "13900000001", "13800138000"
BACK = re.compile(r'<a class="[^"]*" href="([^"]+)"><span aria-hidden="true">←</span> <span>Back to the search')


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    wang = Allowed("contoso", "email", ("lin@contoso.example",), "connection", ("contoso",))
    built = build_house(allowing(demo_settings(tmp_path, connections=("contoso", "acme")), wang))
    yield built
    built.services.database.close()


@pytest.fixture
def log(house: House) -> CallLog:
    found: CallLog = house.world.calls["ccc_xp_demo"]
    found.clear()
    return found


@pytest.fixture
def console(house: House) -> Browser:
    return operator(house)


def days(house: House) -> dict[str, str]:
    """Return days that hold all that a test just did, whatever hour it is."""
    now = datetime.fromtimestamp(house.clock(), UTC)
    return {"since": f"{now - timedelta(days=2):%F}", "until": f"{now + timedelta(days=1):%F}"}


def found(console: Browser, house: House, **asked: str) -> str:
    return act(console, ALL, days(house) | asked, follow=True).text


def call_link(page: str, call_id: str) -> str:
    """Return the link of a call in a list."""
    (link,) = re.findall(rf'class="hb-calls-link" href="([^"]*/{call_id}[^"]*)"', page)
    return html.unescape(link)


def unmasked(house: House) -> list[dict[str, Any]]:
    return [dict(one.details) for one in house.journal() if one.event == "numbers_unmasked"]


class TestTheSearch:
    def test_tells_direction_agent_and_result_in_words_and_masks_numbers(
        self, house: House, log: CallLog, console: Browser
    ) -> None:
        log.add(customer=CUSTOMER)
        log.add(course=GAVE_UP_IN_QUEUE, customer=OTHER)
        log.add(course=UNANSWERED)
        page = found(console, house)
        told = ("3 found", "139****0001", "138****8000", "Caller gave up in the queue", "Outbound", ">answered<")
        assert [one for one in (*told, ">missed<", ">not reached<") if one not in page] == []
        assert CUSTOMER not in page
        assert next(iter(log.center.lines)) in page  # the company's own number is no secret

    def test_without_days_is_of_today_and_says_when_there_is_nothing(self, log: CallLog, console: Browser) -> None:
        empty = console.open(ALL).text
        assert ("No calls yet today" in empty, "The last 7 days" in empty) == (True, True)
        assert "No calls on these days" in console.open(f"{ALL}?since=2026-01-01&until=2026-01-02").text

    def test_names_a_skill_group_that_is_gone(self, log: CallLog, console: Browser) -> None:
        options = re.findall(r'<option value="1234999" selected>([^<]*)', console.open(f"{ALL}?group=1234999").text)
        assert options == ["Skill group 1234999 (removed)"]

    def test_is_where_the_page_of_a_call_leads_back_to(self, house: House, log: CallLog, console: Browser) -> None:
        row = log.add(customer=CUSTOMER)
        asked = days(house) | {"direction": "inbound"}
        whole = act(console, call_link(found(console, house, direction="inbound"), row.acid)).text
        (back,) = BACK.findall(whole)
        assert parse_qs(urlsplit(html.unescape(back)).query) == {name: [value] for name, value in asked.items()}
        numbered = console.open(call_link(found(console, house, caller=CUSTOMER), row.acid)).text
        (back,) = BACK.findall(numbered)
        assert parse_qs(urlsplit(html.unescape(back)).query) == {name: [value] for name, value in days(house).items()}
        assert "stands in no address" in numbered
        for odd in ("", "?since=//evil.example", "?until=2026-11-22"):
            assert BACK.findall(console.open(f"{ALL}/{row.acid}{odd}").text) == [], odd

    def test_narrows_by_everything_that_the_form_has(self, house: House, log: CallLog, console: Browser) -> None:
        first, second = list(log.center.agents)[:2]
        log.add(first, customer=CUSTOMER)
        log.add(second, course=DIALLED, customer=OTHER)
        asked: list[dict[str, str]] = [
            {"agent": first},
            {"agent": str(log.center.agents[first].agent_id)},
            {"direction": "inbound"},
            {"group": str(log.center.agents[first].groups[0])},
            {"caller": "139 0000 0001"},
        ]
        for one in asked:
            page = found(console, house, **one)
            assert ("1 found" in page, "139****0001" in page) == (True, True), one
        assert "2 found" in found(console, house, result="normal")
        assert "No call matches" in found(console, house, result="sysHangup")

    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            ({"since": "yesterday"}, "Enter days such as"),
            ({"since": "2026-11-02", "until": "2026-11-01"}, "before the first one"),
            ({"caller": "139*"}, "Enter phone numbers whole"),
            ({"agent": "nobody@contoso.example"}, "no agent with this account name"),
        ],
        ids=["a day", "the order", "a number", "an agent"],
    )
    def test_says_what_is_wrong_with_it(
        self, house: House, log: CallLog, console: Browser, asked: dict[str, str], said: str
    ) -> None:
        assert said in found(console, house, **asked)

    def test_has_an_address_unless_it_names_a_number(self, house: House, log: CallLog, console: Browser) -> None:
        plain = act(console, ALL, days(house) | {"direction": "inbound", "result": "normal"})
        assert plain.status_code == 303
        given = parse_qs(urlsplit(plain.headers["Location"]).query)
        assert (given["direction"], given["result"]) == (["inbound"], ["normal"])
        log.add(customer=CUSTOMER)
        numbered = act(console, ALL, days(house) | {"caller": CUSTOMER})
        assert (numbered.status_code, "1 found" in numbered.text) == (200, True)
        assert not [link for link in re.findall(r'(?:href|src|action)="([^"]+)"', numbered.text) if CUSTOMER in link]
        (kept,) = [dict(one.details) for one in house.journal() if one.event == "calls_searched_by_number"]
        assert (kept["since"], CUSTOMER in str(kept)) == (days(house)["since"], False)
        by_hand = console.open(f"{ALL}?caller={CUSTOMER}&callee={CUSTOMER}").text
        assert re.findall(r'name="calle[re]" value="([^"]*)"', by_hand) == ["", ""]

    def test_goes_from_page_to_page_by_links_and_with_a_number_by_forms(
        self, house: House, log: CallLog, console: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(call_search, "PAGE", 2)
        for _ in range(3):
            log.add(customer=CUSTOMER)
        first = found(console, house)
        (following,) = re.findall(r'rel="next" href="([^"]+)"', first)
        second = console.open(following.replace("&amp;", "&")).text
        assert ("Page 2 of 2" in second, 'rel="prev"' in second, 'rel="next"' in second) == (True, True, False)
        numbered = found(console, house, caller=CUSTOMER)
        assert ('name="page" value="2"' in numbered, 'rel="next"' in numbered) == (True, False)
        assert "This page is empty" in found(console, house, page="9")

    def test_is_this_connections_alone(self, house: House, log: CallLog) -> None:
        lin = administrator(house, "contoso")
        assert lin.open(ALL).status_code == 200
        for path in ("", "/1", "/1/recordings/2"):
            assert lin.open(f"/admin/connections/acme/calls{path}").status_code == 403
        assert act(lin, "/admin/connections/acme/calls", {"unmask": "yes"}).status_code == 403
        foreign = house.world.calls["ccc_xp_acme"].add() if "ccc_xp_acme" in house.world.calls else None
        if foreign:
            assert lin.open(f"{ALL}/{foreign.acid}").status_code == 404


class TestWholeNumbers:
    def test_are_shown_to_a_form_alone_and_journaled(self, house: House, log: CallLog, console: Browser) -> None:
        row = log.add(customer=CUSTOMER)
        page = act(console, ALL, days(house) | {"unmask": "yes"})
        assert (CUSTOMER in page.text, "Numbers are shown whole" in page.text) == (True, True)
        assert "In the file numbers stay masked" in page.text
        assert ">Hide the numbers again</a>" in page.text
        numbered = act(console, ALL, days(house) | {"unmask": "yes", "caller": CUSTOMER}).text
        assert ">Hide the numbers again</button>" in numbered
        one = act(console, f"{ALL}/{row.acid}")
        assert (one.status_code, CUSTOMER in one.text) == (200, True)
        assert unmasked(house) == [{"call": row.acid}, *[days(house) | {"page": 1}] * 2]
        assert CUSTOMER not in console.open(f"{ALL}/{row.acid}?unmask=yes").text
        assert CUSTOMER not in console.open(f"{ALL}?unmask=yes&since={days(house)['since']}").text

    def test_are_for_nobody_whose_form_is_not_ours(self, house: House, log: CallLog, console: Browser) -> None:
        row = log.add(customer=CUSTOMER)
        for path in (ALL, f"{ALL}/{row.acid}", f"{ALL}.csv"):
            answer = console.submit(path, {"unmask": "yes", "csrf_token": "x"}, follow=False)
            assert (answer.status_code, CUSTOMER in answer.text) == (403, False)
        assert unmasked(house) == []


class TestTheFile:
    def test_has_masked_numbers_and_the_search(self, house: House, log: CallLog, console: Browser) -> None:
        log.add(customer=CUSTOMER, servicer_name="=cmd()")
        log.add(course=DIALLED)
        answer = act(console, f"{ALL}.csv", days(house) | {"direction": "inbound"})
        lines = answer.content.decode("utf-8-sig").splitlines()
        assert (answer.status_code, len(lines), lines[0].split(",")[:3]) == (200, 2, ["id", "call_id", "direction"])
        assert ("139****0001" in lines[1], CUSTOMER in lines[1], "'=cmd()" in lines[1]) == (True, False, True)
        assert re.fullmatch(
            r'attachment; filename="calls-contoso-[0-9-]{21}.csv"', answer.headers["Content-Disposition"]
        )
        assert [one.event for one in house.journal() if one.event == "calls_exported"]

    def test_is_not_made_of_more_than_a_page_may_ask_for(
        self, house: House, log: CallLog, console: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(calls, "MOST_EXPORTED", 1)
        for _ in range(2):
            log.add()
        answer = act(console, f"{ALL}.csv", days(house))
        assert ("hotline-bridge calls export" in answer.text, "Download as CSV" in answer.text) == (True, False)
        assert "Enter days" in act(console, f"{ALL}.csv", {"since": "?"}).text

    def test_says_at_its_end_where_calls_are_missing(
        self, house: House, log: CallLog, console: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: Any) -> Iterator[Call]:
            yield Call("1", "1", "inbound", "normal", CUSTOMER, OTHER, house.clock())
            raise ContactCenterUnreachable

        log.add()
        monkeypatch.setattr(type(house.services.contact_center.calls), "search", broken)
        lines = act(console, f"{ALL}.csv", days(house)).content.decode("utf-8-sig").splitlines()
        assert (len(lines), "This file is not whole" in lines[-1]) == (3, True)

    def test_ends_where_it_takes_too_long(
        self, house: House, log: CallLog, console: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(calls, "_LONGEST_EXPORT", -1.0)
        for _ in range(2):
            log.add()
        lines = act(console, f"{ALL}.csv", days(house)).content.decode("utf-8-sig").splitlines()
        assert (len(lines), "This file is not whole" in lines[-1]) == (3, True)

    def test_and_sounds_leave_the_errands_of_the_console_free(
        self, house: House, log: CallLog, console: Browser
    ) -> None:
        row = log.add(ended=60)
        with ExitStack() as errands:
            for _ in range(4):
                errands.enter_context(slow_errand())
            assert act(console, f"{ALL}.csv", days(house)).status_code == 200
            assert console.open(f"{ALL}/{row.acid}/recordings/{row.connection_id}").status_code == 200


class TestOneCall:
    def test_tells_every_part_of_a_call_that_was_handed_on(self, log: CallLog, console: Browser) -> None:
        agents = list(log.center.agents)
        first, second = log.transfer(log.add(agents[0], customer=CUSTOMER), agents[1])
        page = console.open(f"{ALL}/{first.acid}").text
        told = ["Part 1", "The call comes in", "Waits in the queue of", "Rings at", "answers", "Hands the call on"]
        told += ["Part 2", "The call is handed on", second.servicer_name, "The customer hung up"]
        assert sorted(told, key=lambda one: page.index(one, page.index("Part 1"))) == [
            *told[:7],
            *sorted(told[7:], key=lambda one: page.index(one, page.index("Part 1"))),
        ]
        assert "您好" in page
        assert "media-src 'self'" in console.open(f"{ALL}/{first.acid}").headers["Content-Security-Policy"]

    def test_that_an_agent_dialled_is_answered_by_the_customer(self, log: CallLog, console: Browser) -> None:
        page = console.open(f"{ALL}/{log.add(course=DIALLED).acid}").text
        assert ("The customer answers" in page, page.count(" answers")) == (True, 1)

    def test_leads_to_its_agent_and_its_skill_group_where_those_are_known(
        self, log: CallLog, console: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        agent = next(iter(log.center.agents))
        row = log.add(agent)
        links = re.findall(r'class="hb-calls-link" href="([^"]+)"', console.open(f"{ALL}/{row.acid}").text)
        place = "/admin/connections/contoso"
        assert links == [f"{place}/skill-groups/{row.group_id}", f"{place}/agents/agent?account={agent}"]
        assert all(console.open(link).status_code == 200 for link in links)

        def broken(*_: object) -> None:
            raise ContactCenterUnreachable

        monkeypatch.setattr(Agents, "in_group", broken)
        page = console.open(f"{ALL}/{row.acid}").text
        assert ("agents/agent?account" in page, row.servicer_name in page) == (False, True)

    def test_plays_and_downloads_what_was_recorded(self, house: House, log: CallLog, console: Browser) -> None:
        row = log.add(ended=60)
        page = console.open(f"{ALL}/{row.acid}").text
        sound = f"{ALL}/{row.acid}/recordings/{row.connection_id}"
        assert (f'preload="none" src="{sound}"' in page, house.world.base_url in page) == (True, False)
        whole = console.open(f"{sound}?download")
        assert (whole.status_code, whole.content) == (200, wav_of(row))
        assert whole.headers["Cache-Control"] == "private, no-store"
        assert whole.headers["Content-Disposition"] == (
            f'attachment; filename="call-{row.acid}-{row.connection_id}.wav"'
        )
        assert console.open(sound, Range="bytes=0-").status_code == 206
        part = console.open(sound, Range="bytes=100-199")
        assert (part.status_code, part.content) == (206, wav_of(row)[100:200])
        assert part.headers["Content-Range"] == f"bytes 100-199/{len(wav_of(row))}"
        assert part.headers["Content-Type"] == "audio/wav"
        assert len([one for one in house.journal() if one.event == "recording_opened"]) == 1

    def test_says_that_a_recording_is_not_ready_or_that_there_is_none(self, log: CallLog, console: Browser) -> None:
        fresh, missed, old = log.add(ended=1), log.add(course=GAVE_UP_IN_QUEUE), log.add(ended=7200)
        assert "Not ready yet" in console.open(f"{ALL}/{fresh.acid}").text
        assert "nobody answered this call" in console.open(f"{ALL}/{missed.acid}").text
        log.recording_delay = 10_000_000
        assert "recording may be switched off" in console.open(f"{ALL}/{old.acid}").text

    def test_is_told_without_what_nobody_can_tell_now(
        self, house: House, log: CallLog, console: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object) -> None:
            raise ContactCenterUnreachable

        row = log.add()
        monkeypatch.setattr(type(house.services.recordings), "of", broken)
        monkeypatch.setattr(type(house.services.contact_center.calls), "words", broken)
        page = console.open(f"{ALL}/{row.acid}").text
        assert "Nobody can tell at this moment" in page
        assert "What was said cannot be fetched" in page

    @pytest.mark.parametrize("call_id", ["19059999999", "..", "a b", "x" * 65])
    def test_that_nobody_knows_is_not_found(self, log: CallLog, console: Browser, call_id: str) -> None:
        assert console.open(f"{ALL}/{call_id}").status_code == 404
        assert console.open(f"{ALL}/{call_id}/recordings/1").status_code == 404


def test_numbers_that_somebody_says_are_masked_too() -> None:
    said = [Said("customer", "call 138 0013 8000 or +49-171-2345678, room 1234", None, None)]
    (line,) = call_story.without_spoken_numbers(said)
    assert ("138****8000" in line.words, "2345678" in line.words, "room 1234" in line.words) == (True, False, True)


def test_a_row_without_times_has_no_picture_and_a_strange_word_stays() -> None:
    strange = Call("1", "1", "", "somethingNew", "", "", None)
    assert (call_story.stretches(strange), call_story.moments(strange)) == ([], [])
    assert (call_words.direction(strange), call_words.result(strange)) == ("Not told", "somethingNew")
    assert list(islice(map(call_words.span, (7, 750, 3723, None)), 4)) == ["0:07", "12:30", "1:02:03", ""]
