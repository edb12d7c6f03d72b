"""The agent's own calls on the phone page in Chromium: unfolded, heard, and never in the way of a call."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from bridge.sandbox.calls import CallLog
from tests.kit.axe import flaws

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.phone import Phone

pytestmark = pytest.mark.browser

CALLS = "/session/calls"
MOVES = """() => new Promise((done) => {
    const audio = document.querySelector("audio");
    audio.addEventListener("timeupdate", () => audio.currentTime > 0 && done(audio.currentTime));
    audio.addEventListener("ended", () => done(audio.currentTime));
    if (audio.ended) done(audio.currentTime);
})"""


def call(number: str, **more: Any) -> dict[str, Any]:
    """Return a call as the bridge tells it."""
    told = {"call_id": number, "direction": "inbound", "number": number, "created_at": 1795378628, "is_answered": True}
    return {**told, "talk_seconds": 95, "recordings_url": f"{CALLS}/{number}/recordings", **more}


def unfold(page: Page) -> None:
    page.get_by_text("My calls today").click()


def test_a_call_that_was_made_here_is_shown_and_its_recording_is_heard(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone.ring("13911112222")
    phone.answer()
    phone.page.wait_for_timeout(1_100)
    phone.hang_up()
    assert phone.count(f"GET {CALLS}") == 0
    phone.answer_with(CALLS, {"calls": []})
    unfold(phone.page)
    expect(phone.page.locator("#own-calls-state")).to_contain_text("takes a moment to show up here")
    phone.recover()
    phone.page.get_by_role("button", name="Refresh").click()
    row = phone.page.locator(".hb-own-call", has_text="139****2222")
    expect(row.locator("time")).to_have_attribute("title", re.compile(r"Local time \(.+\)"))
    expect(row).to_contain_text("Incoming · Answered")
    row.get_by_role("button", name="Recording of the call with 139****2222").click()
    expect(row).to_contain_text("The recording is not ready yet")
    monkeypatch.setattr(CallLog, "has_recording", lambda _log, made: bool(made.picked_up_at))
    row.get_by_role("button", name="Recording of the call with 139****2222").click()
    expect(row.locator("audio")).to_be_visible()
    assert phone.page.evaluate(MOVES) > 0
    expect(row.locator("audio")).to_have_js_property("error", None)


def test_a_recording_plays_and_falls_silent_when_it_rings(phone: Phone) -> None:
    page = phone.page
    phone.answer_with(
        CALLS, {"calls": [call("139****0001"), call("138****0002", is_answered=False, recordings_url="")]}
    )
    sound = f"{CALLS}/139****0001/recordings/9"
    phone.answer_with(f"{CALLS}/139****0001/recordings", {"state": "ready", "recordings": [{"url": sound}]})
    page.route(f"{phone.bridge}{sound}", lambda route: route.fulfill(content_type="audio/wav", body=_wav(20)))
    unfold(page)
    expect(page.locator(".hb-own-call")).to_have_count(2)
    expect(page.locator(".hb-own-call").nth(1)).to_contain_text("Missed")
    page.get_by_role("button", name="Recording of the call").click()
    expect(page.locator("audio")).to_have_js_property("paused", value=False)
    phone.ring()
    expect(page.locator("audio")).to_have_js_property("paused", value=True)
    assert flaws(page) == []


def test_a_contact_center_that_fails_is_said_quietly_and_the_phone_goes_on(phone: Phone) -> None:
    phone.refuse(CALLS, 504, "contact_center_unreachable")
    unfold(phone.page)
    expect(phone.page.locator("#own-calls-state")).to_contain_text("The phone is not affected")
    phone.expect_state("ready")
    expect(phone.page.locator("#notices")).to_be_empty()
    phone.recover()
    phone.answer_with(CALLS, {"calls": []})
    phone.page.get_by_role("button", name="Refresh").click()
    expect(phone.page.locator("#own-calls-state")).to_have_text("No calls yet today.")


def test_whoever_is_signed_out_leaves_no_list_behind(phone: Phone) -> None:
    phone.answer_with(CALLS, {"calls": [call("139****0001")]})
    unfold(phone.page)
    expect(phone.page.locator(".hb-own-call")).to_be_visible()
    phone.refuse("/session", 401, "session_ended")
    phone.beat()
    phone.expect_stage("out")
    expect(phone.page.locator("#own-calls")).to_be_hidden()


def _wav(seconds: int) -> bytes:
    """Return silence of 8000 Hz, one byte a sample."""
    rate, count = 8000, 8000 * seconds
    fields = b"WAVEfmt " + b"".join(
        number.to_bytes(size, "little")
        for number, size in ((16, 4), (1, 2), (1, 2), (rate, 4), (rate, 4), (1, 2), (8, 2))
    )
    data = b"data" + count.to_bytes(4, "little") + b"\x80" * count
    return b"RIFF" + (len(fields) + len(data)).to_bytes(4, "little") + fields + data
