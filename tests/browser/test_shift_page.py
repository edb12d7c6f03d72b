"""The open page through a long shift: sleep, outages, renewals during calls, and the way back to a deep link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.phone import Phone, let_renewals_fall_due

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.conftest import Place

pytestmark = pytest.mark.browser

RENEWALS = "state().renewals"
RENEWED = "() => window.HotlineSandbox.state().renewals === 1"
A_TIMER = """async () => {
  const { after } = await import("/static/js/softphone/timers.js");
  window.setTimeout = () => 0;
  await new Promise((resolve) => after(30, resolve));
}"""


@pytest.fixture
def due(monkeypatch: pytest.MonkeyPatch) -> Callable[[Phone], None]:
    """Let a renewal be due, and the page look."""

    def fall_due(phone: Phone) -> None:
        let_renewals_fall_due(monkeypatch)
        phone.beat()

    return fall_due


# Time ----------------------------------------------------------------------------------------------------------------


def test_a_hidden_page_keeps_time_by_its_worker(phone: Phone) -> None:
    assert [worker.url.split("/")[-1] for worker in phone.page.workers] == ["ticker.js"]
    phone.page.evaluate(A_TIMER)


def test_the_page_looks_every_25_seconds_and_at_once_when_it_wakes(
    open_page: Callable[..., Page], place: Place
) -> None:
    page = open_page()
    page.clock.install()
    Phone.ready(page, place.bridge)
    with page.expect_response("**/session"):
        for _ in range(5):
            page.clock.fast_forward(5_000)
    with page.expect_response("**/session"):
        page.clock.fast_forward(300_000)
    with page.expect_response("**/session"):
        page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")


# Calls ---------------------------------------------------------------------------------------------------------------


def test_a_renewal_during_a_call_reaches_the_phone_after_it(phone: Phone, due: Callable[[Phone], None]) -> None:
    phone.ring()
    phone.answer()
    with phone.page.expect_response("**/session/renew"):
        due(phone)
    phone.page.wait_for_timeout(100)
    assert phone.driver(RENEWALS) == 0
    phone.hang_up()
    phone.page.wait_for_function(RENEWED)


def test_a_token_that_expires_during_a_call_is_replaced_by_the_one_that_waits(
    phone: Phone, due: Callable[[Phone], None]
) -> None:
    phone.ring()
    with phone.page.expect_response("**/session/renew"):
        due(phone)
    phone.page.wait_for_timeout(100)
    phone.driver("tokenExpired()")
    phone.page.wait_for_function(RENEWED)
    phone.expect_phase("ringing")
    assert phone.count("POST /session/renew") == 1


def test_a_token_with_two_minutes_left_is_replaced_even_during_a_call(
    open_page: Callable[..., Page], place: Place, due: Callable[[Phone], None]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bridge.sandbox.fuyun.LIFETIME", 110)
        phone = Phone.ready(open_page(), place.bridge)
    phone.ring()
    due(phone)
    phone.page.wait_for_function(RENEWED)
    phone.expect_phase("ringing")


# Outages -------------------------------------------------------------------------------------------------------------


def test_an_outage_of_the_provider_is_told_at_the_third_try_and_goes_by_itself(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone.refuse("/session/renew", 504, "idp_unreachable")
    let_renewals_fall_due(monkeypatch)
    notice = phone.notice("trouble")
    for tries in range(3):
        expect(notice).to_have_count(0)
        with phone.page.expect_response("**/session/renew"):
            phone.beat()
        assert phone.count("POST /session/renew") == tries + 1
    expect(notice).to_contain_text("Your company's sign-in does not answer. You stay signed in until")
    expect(phone.check("network")).to_have_attribute("data-state", "good")
    phone.ring()
    expect(notice).to_contain_text("Your call is not affected.")
    phone.driver("tokenExpired()")
    phone.driver("remoteHangUp()")
    expect(notice).to_contain_text("your phone's key has run out: new calls may fail.")
    expect(notice).to_contain_text("code idp_unreachable, reference R-7")
    phone.recover()
    phone.beat()
    expect(notice).to_be_hidden()
    phone.page.wait_for_function(RENEWED)


def test_an_outage_of_the_contact_center_is_told_when_the_token_has_run_out(phone: Phone) -> None:
    phone.refuse("/session/renew", 502, "exchange_answer_invalid")
    phone.ring()
    phone.driver("tokenExpired()")
    expect(phone.notice("trouble")).to_contain_text("The contact center's sign-in still does not answer")
    expect(phone.notice("trouble")).to_contain_text("Finish your call first")


# The way back --------------------------------------------------------------------------------------------------------


def test_a_deep_link_survives_sign_ins_with_its_fragment(open_page: Callable[..., Page], place: Place) -> None:
    link = f"{place.bridge}/softphone?case=7#note-3"
    page = open_page()
    page.goto(link)
    page.get_by_label("Work e-mail address").fill("lin@contoso.example")
    page.get_by_role("button", name="Continue").click()
    _pick_lin(page)
    page.wait_for_url(link)
    phone = Phone(page, place.bridge)
    page.context.clear_cookies()
    phone.beat()
    phone.stage.get_by_role("button", name="Sign in").click()
    _pick_lin(page)
    page.wait_for_url(link)
    assert page.evaluate("Object.keys(sessionStorage).length") == 0


def test_a_fragment_is_kept_for_own_pages_and_a_quarter_of_an_hour(
    open_page: Callable[..., Page], place: Place
) -> None:
    page = open_page()
    page.goto(f"{place.bridge}/login?next=//elsewhere.example/softphone#one")
    assert page.evaluate("Object.keys(sessionStorage)") == []
    page.goto(f"{place.bridge}/login?next=/softphone#two")
    (kept,) = page.evaluate("Object.keys(sessionStorage)")
    page.evaluate("(name) => sessionStorage.setItem(name, JSON.stringify({ fragment: '#two', at: 0 }))", kept)
    page.goto(f"{place.bridge}/login?next=/softphone%3Fcase=7#{'x' * 2000}")
    assert page.evaluate("Object.keys(sessionStorage)") == []


def _pick_lin(page: Page) -> None:
    page.wait_for_url("**/oauth2/v2.0/authorize*")
    assert page.evaluate("location.hash") == ""
    page.locator('button[name="person"][value="lin"]').click()
