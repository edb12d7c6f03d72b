"""Several tabs of one agent: one of them renews for all, and what one knows the others know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.phone import Phone, let_renewals_fall_due

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.conftest import Place

pytestmark = pytest.mark.browser

RENEWED = "() => window.HotlineSandbox.state().renewals === 1"
LEAD = """() => {
  navigator.locks.request("hotline-bridge leader contoso lin@contoso.example", () => new Promise(() => {}));
}"""


@pytest.fixture
def phone(own_phone: Phone) -> Phone:
    """A phone whose tabs share their context with nobody else's."""
    return own_phone


def refreshes(place: Place) -> int:
    """Count the refresh tokens that the provider has redeemed."""
    rows = requests.get(f"{place.sandbox}/sandbox/requests", timeout=10).json()["requests"]
    return sum("refresh_token" in row["form"] for row in rows)


def more_tabs(phone: Phone, count: int) -> list[Phone]:
    """Open more tabs of the same browser."""
    tabs = [Phone(phone.page.context.new_page(), phone.bridge) for _ in range(count)]
    for tab in tabs:
        tab.page.goto(f"{phone.bridge}/softphone", wait_until="commit")
    for tab in tabs:
        tab.expect_state("ready")
    return tabs


def test_four_tabs_cause_one_refresh_and_each_gets_the_fresh_token(
    phone: Phone, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    tabs = [phone, *more_tabs(phone, 3)]
    before = refreshes(place)
    let_renewals_fall_due(monkeypatch)
    for tab in reversed(tabs):
        tab.beat()
    for tab in tabs:
        tab.page.wait_for_function(RENEWED)
    assert refreshes(place) == before + 1
    assert [tab.count("POST /session/renew") for tab in tabs] == [1, 0, 0, 0]


def test_when_the_tab_that_leads_closes_another_renews(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    (other,) = more_tabs(phone, 1)
    let_renewals_fall_due(monkeypatch)
    other.look()
    assert other.count("POST /session/renew") == 0
    phone.page.close()
    other.page.wait_for_function(RENEWED)
    assert other.count("POST /session/renew") == 1


def test_a_tab_renews_for_a_leader_that_sleeps(
    open_page: Callable[..., Page], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper = open_page()
    sleeper.goto(f"{place.bridge}/logged-out")
    sleeper.evaluate(LEAD)
    phone = Phone.ready(sleeper.context.new_page(), place.bridge)
    let_renewals_fall_due(monkeypatch, ago=30)
    phone.look()
    assert phone.count("POST /session/renew") == 0
    let_renewals_fall_due(monkeypatch, ago=61)
    phone.beat()
    phone.page.wait_for_function(RENEWED)


def test_a_browser_without_locks_renews_in_each_tab(
    open_page: Callable[..., Page], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page()
    page.add_init_script("Object.defineProperty(navigator, 'locks', { value: undefined })")
    phone = Phone.ready(page, place.bridge)
    let_renewals_fall_due(monkeypatch)
    phone.beat()
    phone.page.wait_for_function(RENEWED)


def test_signing_out_in_one_tab_closes_the_phone_of_the_others(phone: Phone) -> None:
    (other,) = more_tabs(phone, 1)
    phone.sign_out.click()
    other.expect_stage("out")
    expect(other.page.locator("#stage-title")).to_have_text("You are signed out")
    assert other.driver("state().status") == "AgentCheckout"


def test_an_outage_that_one_tab_meets_shows_in_all_and_is_tried_in_one(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    (other,) = more_tabs(phone, 1)
    let_renewals_fall_due(monkeypatch, ago=70)
    phone.refuse("/session/renew", 504, "idp_unreachable")
    for _ in range(3):
        with phone.page.expect_response("**/session/renew"):
            phone.beat()
    expect(other.notice("trouble")).to_contain_text("Your company's sign-in does not answer")
    other.look()
    assert other.count("POST /session/renew") == 0
    phone.page.unroute(f"{phone.bridge}/session/renew")
    phone.beat()
    expect(phone.notice("trouble")).to_be_hidden()
    expect(other.notice("trouble")).to_be_hidden()


def test_a_sign_in_in_another_tab_brings_this_one_back_without_loading_it_anew(phone: Phone) -> None:
    phone.refuse("/session/renew", 401, "login_required", times=1)
    phone.driver("tokenExpired()")
    expect(phone.notice("session")).to_be_visible()
    Phone(phone.page.context.new_page(), phone.bridge).open()
    phone.page.wait_for_function(RENEWED)
    expect(phone.notice("session")).to_be_hidden()
    assert phone.count("GET /softphone") == 1
