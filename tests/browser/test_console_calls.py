"""Calls and the dashboard in Chromium: a recording that plays and is searched through, and nothing for axe to say."""

from __future__ import annotations

import os
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from bridge.app import create_app
from bridge.sandbox.app import create_sandbox
from bridge.sandbox.call_stories import DIALLED, GAVE_UP_IN_QUEUE, UNANSWERED
from bridge.sandbox.demo import demo_config
from bridge.settings import load
from tests.kit.axe import flaws
from tests.kit.listening import listening
from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from playwright.sync_api import Page

    from bridge.sandbox.call_stories import Call
    from bridge.sandbox.calls import CallLog

pytestmark = pytest.mark.browser

WIDTHS = (1280, 820, 360)
CUSTOMER = "13900000001"
HEARD = """async (audio) => {
  const happened = (name) => new Promise((done) => audio.addEventListener(name, done, { once: true }));
  audio.muted = true;
  await Promise.all([happened("playing"), audio.play()]);
  await happened("timeupdate");
  const sought = happened("seeked");
  audio.currentTime = audio.duration - 0.5;
  await sought;
  const at = audio.currentTime;
  audio.pause();
  return [audio.duration, at, audio.error];
}"""


@dataclass
class Office:
    """A bridge and its contact center, both listening."""

    url: str
    app: Flask
    log: CallLog
    call: Call

    def visit(self, page: Page, path: str) -> None:
        """Open a page of Contoso's contact center as an operator."""
        link = f"{self.url}/admin/enter/{self.app.extensions['bridge'].admin_links.make()}"
        assert page.request.get(link, max_redirects=0).status == HTTPStatus.SEE_OTHER
        page.goto(f"{self.url}/admin/connections/contoso/{path}")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A bridge with a call that was handed on, and some others."""
    port, sandbox_port = free_port(), free_port()
    url, sandbox_url = f"http://127.0.0.1:{port}", f"http://localhost:{sandbox_port}"
    folder = tmp_path_factory.mktemp("office")
    config = folder / "bridge.toml"
    config.write_text(demo_config(sandbox_url, url, str(folder), connections=("contoso",)), encoding="utf-8")
    app = create_app(load(config, os.environ))
    sandbox = create_sandbox(sandbox_url)
    log: CallLog = sandbox.extensions["world"].calls["ccc_xp_demo"]
    log.clear()
    for course in (DIALLED, UNANSWERED, GAVE_UP_IN_QUEUE):
        log.add(course=course, ended=300)
    first, second = list(log.center.agents)[:2]
    call, _ = log.transfer(log.add(first, customer=CUSTOMER, ended=120), second)
    with listening(sandbox, sandbox_port), listening(app, port):
        yield Office(url, app, log, call)
    app.extensions["bridge"].database.close()


PAGES = {"calls": "calls?since=2026-01-01", "dashboard": "dashboard?period=week", "a call": "calls/{acid}"}


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious_at_any_width(kept_page: Page, office: Office, name: str) -> None:
    office.visit(kept_page, PAGES[name].format(acid=office.call.acid))
    kept_page.emulate_media(reduced_motion="reduce")
    kept_page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert flaws(kept_page, WIDTHS) == []


def test_a_recording_plays_and_is_searched_through(kept_page: Page, office: Office) -> None:
    office.visit(kept_page, f"calls/{office.call.acid}")
    player = kept_page.locator("audio").first
    with kept_page.expect_response(lambda answer: "/recordings/" in answer.url) as heard:
        length, at, fault = player.evaluate(HEARD)
    assert (heard.value.status, heard.value.headers["content-type"]) == (HTTPStatus.PARTIAL_CONTENT, "audio/wav")
    assert (length >= 1, abs(at - (length - 0.5)) < 0.1, fault) == (True, True, None)


def test_whole_numbers_are_shown_at_a_press_and_gone_with_the_next_look(kept_page: Page, office: Office) -> None:
    office.visit(kept_page, f"calls/{office.call.acid}")
    expect(kept_page.get_by_text("139****0001")).to_be_visible()
    kept_page.get_by_role("button", name="Show whole numbers").click()
    expect(kept_page.get_by_text(CUSTOMER)).to_be_visible()
    kept_page.get_by_role("link", name="Hide the numbers again").click()
    expect(kept_page.get_by_text(CUSTOMER)).to_have_count(0)


def test_what_can_be_pressed_is_large_enough(kept_page: Page, office: Office) -> None:
    office.visit(kept_page, "dashboard?period=week")
    kept_page.set_viewport_size({"width": 390, "height": 800})
    small = """() => [...document.querySelectorAll("a[href], button, select, summary")]
        .filter((element) => !element.closest(".hb-skip, .hb-foot") && element.getClientRects().length)
        .map((element) => [element.textContent.trim(), element.getBoundingClientRect()])
        .filter(([, box]) => box.height < 44 || box.width < 44)
        .map(([text, box]) => `${text} ${box.width}x${box.height}`)"""
    assert kept_page.evaluate(small) == []
    kept_page.goto(kept_page.url.split("dashboard")[0] + f"calls/{office.call.acid}")
    assert kept_page.evaluate(small) == []
    kept_page.goto(kept_page.url.split("calls")[0] + "calls?since=2026-01-01")
    assert kept_page.evaluate(small) == []
