"""An agent's own calls on the phone page: only the own ones, masked, and nothing that touches the sign-in."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from bridge.sandbox.call_stories import CHINA, DIALLED, RANG_IN_VAIN
from bridge.sandbox.registrations import INSTANCE_ID
from tests.kit.house import build_house, change, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.sandbox.calls import CallLog
    from tests.kit.browser import Browser
    from tests.kit.house import House

LIN: Final = "lin@contoso.example"
CHEN: Final = "chen.jie@contoso.example"
CUSTOMER: Final = "13912345678"
CALLS: Final = "/session/calls"
DAY: Final = 86_400
NOON: Final = 43_200


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    built = build_house(demo_settings(tmp_path_factory.mktemp("house")))
    # Noon where the contact center is: all that was in the last hours was today.
    built.clock.advance((NOON - built.clock() - CHINA) % DAY)
    yield built
    built.services.database.close()


@pytest.fixture(scope="module")
def signed_in(standing: House) -> Browser:
    browser = standing.browser()
    browser.sign_in("contoso")
    return browser


@pytest.fixture
def house(standing: House) -> House:
    standing.world.faults.clear()
    return standing


@pytest.fixture
def browser(house: House, signed_in: Browser) -> Browser:
    """Lin, signed in."""
    return signed_in


@pytest.fixture
def log(house: House) -> CallLog:
    found = house.world.calls[INSTANCE_ID]
    found.clear()
    return found


def told(browser: Browser) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = browser.fetch(CALLS).json()["calls"]
    return calls


def boot_of(browser: Browser) -> dict[str, Any]:
    """Return what the page's script starts from."""
    found = re.search(r'id="boot"[^>]*>(.*?)</script>', browser.open("/softphone").text)
    assert found
    boot: dict[str, Any] = json.loads(found[1])
    return boot


def test_the_own_calls_of_today_are_told_with_the_other_sides_number_masked(log: CallLog, browser: Browser) -> None:
    log.add(LIN, ended=600, course=RANG_IN_VAIN, customer=CUSTOMER)
    log.add(CHEN, ended=400)
    log.add(LIN, ended=NOON + 1)
    dialled = log.add(LIN, course=DIALLED, customer=CUSTOMER)
    out, missed = told(browser)
    assert (out["call_id"], out["direction"], out["number"]) == (dialled.acid, "outbound", "139****5678")
    assert (out["is_answered"], out["talk_seconds"]) == (True, 120)
    assert out["recordings_url"] == f"{CALLS}/{dialled.acid}/recordings"
    assert (missed["direction"], missed["is_answered"], missed["recordings_url"]) == ("inbound", False, "")


def test_what_the_contact_center_tells_of_others_is_left_out(
    house: House, log: CallLog, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.add(CHEN)
    calls = house.services.contact_center.calls
    search = type(calls).search
    monkeypatch.setattr(
        type(calls), "search", lambda self, instance, wanted: search(self, instance, replace(wanted, agent_ids=()))
    )
    assert told(browser) == []


def test_a_recording_is_told_and_heard_in_parts(log: CallLog, browser: Browser) -> None:
    row = log.add(LIN)
    ready = browser.fetch(f"{CALLS}/{row.acid}/recordings").json()
    assert ready["state"] == "ready"
    (one,) = ready["recordings"]
    assert one["url"] == f"{CALLS}/{row.acid}/recordings/{row.connection_id}"
    heard = browser.open(one["url"], Range="bytes=0-3")
    assert (heard.status_code, heard.content) == (206, b"RIFF")
    assert heard.headers["Cache-Control"] == "private, no-store"


def test_a_recording_that_is_not_ready_is_a_state(log: CallLog, browser: Browser) -> None:
    row = log.add(LIN, ended=1)
    assert browser.fetch(f"{CALLS}/{row.acid}/recordings").json() == {"state": "not_ready", "recordings": []}


def test_anothers_call_is_answered_as_one_that_does_not_exist(log: CallLog, browser: Browser) -> None:
    row = log.add(CHEN)
    for path in (row.acid, "77"):
        for address in (f"{CALLS}/{path}/recordings", f"{CALLS}/{path}/recordings/{row.connection_id}"):
            answer = browser.fetch(address)
            assert (answer.status_code, answer.json()["code"]) == (404, "call_unknown")


def test_of_a_call_that_was_handed_on_the_own_part_alone_is_heard(log: CallLog, browser: Browser) -> None:
    first, second = log.transfer(log.add(LIN, ended=600), CHEN)
    (one,) = browser.fetch(f"{CALLS}/{first.acid}/recordings").json()["recordings"]
    assert one["url"].endswith(f"/{first.connection_id}")
    assert browser.open(one["url"]).status_code == 200
    answer = browser.fetch(f"{CALLS}/{first.acid}/recordings/{second.connection_id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "recording_missing")


def test_a_contact_center_that_fails_leaves_the_session_as_it_is(house: House, browser: Browser) -> None:
    before = browser.cookies()
    house.world.faults.set("aiccs", "refused_key")
    answer = browser.fetch(CALLS)
    assert (answer.status_code, answer.json()["code"]) == (502, "contact_center_error")
    house.world.faults.clear()
    assert browser.cookies() == before
    assert browser.fetch("/session").status_code == 200


def test_nobody_who_is_not_signed_in_is_told_anything(house: House) -> None:
    for path in (CALLS, f"{CALLS}/1/recordings", f"{CALLS}/1/recordings/2"):
        answer = house.browser().fetch(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "session_missing")


def test_the_page_has_the_panel_and_may_play_sounds(browser: Browser) -> None:
    page = browser.open("/softphone")
    assert 'id="own-calls"' in page.text
    assert "media-src 'self'" in page.headers["Content-Security-Policy"]
    assert boot_of(browser)["calls_url"] == CALLS


def test_without_a_contact_center_there_is_no_panel_and_no_list(tmp_path: Path) -> None:
    house = build_house(change(demo_settings(tmp_path), "contoso", lambda one: replace(one, aiccs=None)))
    browser = house.browser()
    assert 'id="own-calls"' not in browser.sign_in("contoso").text
    assert boot_of(browser)["calls_url"] == ""
    answer = browser.fetch(CALLS)
    assert (answer.status_code, answer.json()["code"]) == (409, "connection_mode_unsuited")
    assert browser.fetch("/session").status_code == 200
    house.services.database.close()


def test_a_recording_whose_store_breaks_off_is_an_error(house: House, log: CallLog, browser: Browser) -> None:
    row = log.add(LIN)
    house.world.faults.set("recordings", "cut_short", times=1)
    heard = browser.open(f"{CALLS}/{row.acid}/recordings/{row.connection_id}")
    assert heard.status_code == 504
