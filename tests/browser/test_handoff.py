"""A platform's button in Chromium: from the sandbox's CRM into a signed-in phone, and what is in the way of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from bridge.access.api_keys import Wanted
from bridge.app import create_app
from bridge.sandbox.app import create_sandbox
from bridge.sandbox.demo import demo_config, demo_platform
from bridge.settings import load
from tests.browser.phone import Phone
from tests.kit.axe import misfits, problems_in_both
from tests.kit.listening import listening
from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from bridge.sandbox.platforms import Platform

pytestmark = pytest.mark.browser

QUESTION = "Go on as somebody else?"
USED_UP = "This way to the phone is used up"


@dataclass(frozen=True)
class Desk:
    """Somebody's place of work: the CRM that they have open, and the bridge behind its button.

    Args:
        end_sessions: ends every agent's session, as an administrator does.
    """

    page: Page
    crm: str
    platform: Platform
    end_sessions: Callable[[], object]

    @property
    def softphone(self) -> str:
        return f"{self.platform.bridge_url}/softphone"

    def be(self, account_name: str) -> None:
        """Become one of the CRM's people, in place of whoever was there."""
        self.page.goto(self.crm)
        if self.page.get_by_role("button", name="Change person").is_visible():
            self.page.get_by_role("button", name="Change person").click()
        self.page.locator(f'button[value="{account_name}"]').click()
        expect(self.page.get_by_role("heading", name="My customers")).to_be_visible()

    def press(self) -> Page:
        """Press the CRM's button, and return the tab that it opens."""
        with self.page.context.expect_page() as opened:
            self.page.get_by_role("button", name="Open the phone").click()
        opened.value.wait_for_load_state()
        return opened.value


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Platform, Callable[[], object]]]:
    """A sandbox whose CRM has a key for the bridge beside it; no other company is there."""
    folder, outside, inside = tmp_path_factory.mktemp("office"), free_port(), free_port()
    sandbox, bridge = f"http://localhost:{outside}", f"http://127.0.0.1:{inside}"
    text, platform = demo_platform(sandbox, bridge, str(folder))
    config = folder / "bridge.toml"
    config.write_text(demo_config(sandbox, bridge, str(folder), connections=()) + text, encoding="utf-8")
    app = create_app(load(config, os.environ))
    services = app.extensions["bridge"]
    entry = services.register.entry(platform.connection)
    _, key = services.api_keys.make(Wanted({entry.name: entry.first_version}, ("token",), 3600, "operator"))
    platform = replace(platform, api_key=key)
    with listening(create_sandbox(sandbox, platform=platform), outside), listening(app, inside):
        yield sandbox, platform, partial(services.endings.by_admin, platform.connection, None, actor="operator")
    services.database.close()


@pytest.fixture
def desk(kept_page: Page, office: tuple[str, Platform, Callable[[], object]]) -> Desk:
    sandbox, platform, end_sessions = office
    return Desk(kept_page, f"{sandbox}/crm", platform, end_sessions)


def fits(page: Page) -> None:
    """Look at a page in three widths."""
    assert misfits(page) == []
    page.set_viewport_size({"width": 1280, "height": 720})


def reads(page: Page) -> None:
    """Look at a page in light and in dark."""
    page.emulate_media(reduced_motion="reduce")  # no colour is judged on its way to another
    assert problems_in_both(page) == []


def test_the_button_opens_the_phone_of_whoever_pressed_it_and_its_address_works_once(desk: Desk) -> None:
    desk.page.goto(desk.crm)
    fits(desk.page)
    desk.be("lin")
    fits(desk.page)
    with desk.page.context.expect_event("request", lambda one: "/handoff/" in one.url) as link:
        tab = desk.press()
    assert (tab.url, tab.evaluate("window.opener")) == (desk.softphone, None)
    phone = Phone(tab, desk.platform.bridge_url)
    phone.expect_state("ready")
    expect(tab.get_by_role("banner")).to_contain_text("小林")
    tab.reload()
    phone.expect_state("ready")
    # There is nothing to go back to: the link itself never became an entry of the history.
    assert tab.evaluate("history.length") == 1
    tab.goto(link.value.url)
    expect(tab.get_by_role("heading", level=1)).to_have_text(USED_UP)
    expect(tab.get_by_role("link", name="中文")).to_have_count(0)
    fits(tab)
    tab.get_by_role("link", name="Go to the phone").click()
    tab.wait_for_url(desk.softphone)
    phone.expect_state("ready")
    desk.end_sessions()
    phone.beat()
    phone.expect_stage("out")
    expect(tab.locator("#stage-text")).to_contain_text("Open the phone again from your business software.")
    expect(tab.get_by_role("main").get_by_role("button", name="Sign in")).to_have_count(0)
    fits(tab)
    tab.reload()
    expect(tab.get_by_role("heading", level=1)).to_have_text("Open the phone from your business software")
    fits(tab)
    reads(tab)


def test_somebody_else_is_not_replaced_unasked(desk: Desk) -> None:
    desk.be("lin")
    desk.press().close()
    desk.be("王芳")
    tab = desk.press()
    expect(tab.get_by_role("heading", level=1)).to_have_text(QUESTION)
    fits(tab)
    reads(tab)
    tab.get_by_role("link", name="Stay signed in as lin").click()
    tab.wait_for_url(desk.softphone)
    expect(tab.get_by_role("banner")).to_contain_text("小林")
    tab.close()
    tab = desk.press()
    tab.get_by_role("link", name="中文").click()
    expect(tab.locator("html")).to_have_attribute("lang", "zh-CN")
    tab.get_by_role("link", name="English").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text(QUESTION)
    tab.get_by_role("button", name="Go on as 王芳").click()
    tab.wait_for_url(desk.softphone)
    phone = Phone(tab, desk.platform.bridge_url)
    phone.expect_state("ready")
    expect(tab.get_by_role("banner")).to_contain_text("王芳")
    # Going back from here shows neither the question nor a link that is used up.
    tab.go_back()
    expect(tab.get_by_role("banner")).to_contain_text("王芳")
    phone.expect_state("ready")
    tab.get_by_role("button", name="Sign out").click()
    tab.wait_for_url("**/logged-out?by=platform")
    expect(tab.get_by_role("main").get_by_role("link")).to_have_count(0)
    fits(tab)
    reads(tab)


def test_refusals_of_the_bridge_and_of_the_contact_center_are_told_where_they_come_up(desk: Desk) -> None:
    desk.be("nora")
    tab = desk.press()
    expect(tab.get_by_text("agent_unknown")).to_be_visible()
    expect(tab.get_by_text("each of its links works once")).to_be_visible()
    expect(tab.get_by_role("link", name="中文")).to_have_count(0)
    expect(tab.get_by_role("main").get_by_role("link")).to_have_count(0)
    tab.close()
    port = free_port()
    keyless = create_sandbox(f"http://localhost:{port}", platform=replace(desk.platform, api_key="ended"))
    with listening(keyless, port):
        elsewhere = replace(desk, crm=f"http://localhost:{port}/crm")
        elsewhere.be("lin")
        tab = elsewhere.press()
        expect(tab.get_by_role("alert")).to_contain_text("The bridge says api_key_invalid, reference")
        fits(tab)
        reads(tab)
        tab.close()
        elsewhere.page.goto("about:blank")
