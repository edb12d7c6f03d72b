"""The phone page in Chromium: calls come first, sign-in stays, and every failure speaks plainly."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.phone import NUMBER, Phone
from tests.kit.browser import Browser

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Route

    from tests.browser.conftest import Place

pytestmark = pytest.mark.browser

A_MONTH = 2_592_000
NOTE_THE_STATE_LEFT = (
    "addEventListener('pagehide', () => localStorage.setItem('left', window.HotlineSandbox.state().status))"
)
LEAVES = "() => { const asked = new Event('beforeunload', { cancelable: true }); return !window.dispatchEvent(asked); }"


# The phone comes up --------------------------------------------------------------------------------------------------


def test_the_page_says_who_is_signed_in_and_until_when(phone: Phone) -> None:
    head = phone.page.get_by_role("banner")
    expect(head).to_contain_text("Contoso")
    expect(head).to_contain_text("Lin Example")
    expect(head).to_contain_text("lin@contoso.example")
    expect(phone.page.locator("#signed-in-until")).to_have_text(re.compile(r"^Signed in until .*\d\d:\d\d$"))


def test_the_token_is_not_part_of_the_page(phone: Phone) -> None:
    html = phone.page.request.get(f"{phone.bridge}/softphone").text()
    assert "HotlineClientUi" not in html
    assert "eyJ" not in html
    assert "eyJ" not in phone.page.content()


def test_the_agent_is_checked_in_once(phone: Phone) -> None:
    assert phone.driver("state().status") == "AgentReady"
    expect(phone.check("phone")).to_have_attribute("data-state", "good")
    assert phone.count("POST /session/token") == 1


def test_the_agents_own_break_shows(phone: Phone) -> None:
    phone.page.locator("#hotline").get_by_role("button", name="Break").click()
    phone.expect_state("break")
    expect(phone.page.locator("#agent-state")).to_have_text("On break")


# Calls ---------------------------------------------------------------------------------------------------------------


def test_an_incoming_call_shows_number_direction_title_and_timer(phone: Phone) -> None:
    phone.ring()
    expect(phone.page.locator("#call-state")).to_have_text("Incoming call")
    expect(phone.page.locator("#call-number")).to_have_text("138 0000 0002")
    expect(phone.page).to_have_title("Incoming call 138 0000 0002")
    expect(phone.page.locator("#said-now")).to_contain_text("1 3 8 0 0 0 0 0 0 0 2")
    phone.answer()
    expect(phone.page.locator("#call-state")).to_have_text("In call · incoming")
    expect(phone.page.locator("#call-timer")).to_have_text("00:01")


def test_an_outgoing_call_shows_the_number_called(phone: Phone) -> None:
    vendor = phone.page.locator("#hotline")
    vendor.get_by_label("Number to call").fill(NUMBER)
    vendor.get_by_role("button", name="Call", exact=True).click()
    phone.expect_phase("dialling")
    expect(phone.page.locator("#call-number")).to_have_text("138 0000 0002")
    phone.expect_phase("talking")
    expect(phone.page.locator("#call-state")).to_have_text("In call · outgoing")


def test_hold_and_retrieve_keep_the_call(phone: Phone) -> None:
    phone.ring()
    phone.answer()
    vendor = phone.page.locator("#hotline")
    vendor.get_by_role("button", name="Hold").click()
    phone.expect_phase("held")
    vendor.get_by_role("button", name="Retrieve").click()
    phone.expect_phase("talking")


def test_a_call_that_nobody_answered_is_over(phone: Phone) -> None:
    phone.ring()
    phone.driver("remoteHangUp()")
    phone.expect_phase("ended")
    phone.expect_state("acw")


def test_the_vendors_buttons_do_not_move_when_it_rings(phone: Phone) -> None:
    def top() -> float:
        return float(phone.page.evaluate("document.getElementById('hotline').getBoundingClientRect().top"))

    before = top()
    phone.ring()
    phone.refuse("/session", 503, "store_unavailable")
    phone.beat()
    expect(phone.notice("trouble")).to_be_visible()
    assert top() == before


# Nothing interrupts a call -------------------------------------------------------------------------------------------


def test_during_a_call_nothing_leaves_the_page(phone: Phone) -> None:
    assert phone.page.evaluate(LEAVES) is False
    phone.ring()
    address = phone.page.url
    expect(phone.sign_out).to_have_attribute("aria-disabled", "true")
    expect(phone.sign_out).to_have_accessible_description(re.compile("Sign-out and language are available again"))
    phone.sign_out.click(force=True)
    phone.page.get_by_role("link", name="中文").click(force=True)
    phone.sign_out.focus()
    phone.page.keyboard.press("Enter")
    assert phone.page.evaluate(LEAVES) is True
    assert phone.page.url == address
    assert phone.count("POST /logout") == 0
    phone.answer()
    phone.hang_up()
    assert phone.page.evaluate(LEAVES) is False
    expect(phone.sign_out).not_to_have_attribute("aria-disabled", "true")


def test_a_needed_sign_in_waits_until_the_call_is_over(phone: Phone) -> None:
    phone.ring()
    phone.answer()
    phone.refuse("/session/renew", 401, "login_required")
    phone.driver("tokenExpired()")
    expect(phone.notice("session")).to_contain_text("Finish your call first")
    button = phone.notice("session").get_by_role("button", name="Sign in")
    expect(button).to_have_attribute("aria-disabled", "true")
    button.click(force=True)
    assert phone.page.url.endswith("/softphone")
    phone.hang_up()
    with phone.page.expect_request("**/login/contoso?*prompt=none*"):
        phone.notice("session").get_by_role("button", name="Sign in").click()
    phone.page.wait_for_url("**/oauth2/v2.0/authorize*")


def test_a_session_that_ends_during_a_call_closes_the_phone_after_it(phone: Phone) -> None:
    phone.ring()
    phone.answer()
    phone.refuse("/session", 401, "session_ended")
    phone.beat()
    expect(phone.notice("session")).to_contain_text("Your session has ended. Finish your call first")
    assert phone.driver("state().phase") == "talking"
    phone.hang_up()
    phone.expect_stage("out")
    expect(phone.page.locator("#hotline")).to_be_hidden()
    assert phone.driver("state().status") == "AgentCheckout"
    assert phone.page.url.endswith("/softphone")
    expect(phone.stage.get_by_role("button", name="Sign in")).to_be_enabled()


def test_a_token_refused_during_a_call_waits_until_it_is_over(own_phone: Phone, place: Place) -> None:
    phone = own_phone
    phone.ring()
    phone.answer()
    refuse_any_token(phone, place)
    phone.answer_with("/session/renew", renewed("refused"))
    phone.page.clock.install()
    phone.driver("tokenExpired()")
    for _ in range(20):
        # a second chance comes when the bridge has stopped repeating its last answer
        phone.page.clock.fast_forward(1_000)
    expect(phone.notice("login-error")).to_contain_text("Finish your call first")
    assert phone.count("POST /session/renew") == 3
    assert phone.driver("state().phase") == "talking"
    phone.hang_up()
    expect(phone.notice("login-error").get_by_role("button", name="Sign in")).to_be_enabled()


# Staying signed in ---------------------------------------------------------------------------------------------------


def renewed(token: str) -> dict[str, object]:
    return {"access_token": token, "token_type": "bearer", "expires_in": A_MONTH, "instance_id": "ccc"}


def accept_any_token(phone: Phone, place: Place) -> None:
    agent = {"aid": "25780001", "accountName": "lin@contoso.example", "displayName": "Lin"}
    headers = {"Access-Control-Allow-Origin": "*"}
    phone.page.route(f"{place.sandbox}/sdk/check", lambda route: route.fulfill(json={"agent": agent}, headers=headers))


def refuse_any_token(phone: Phone, place: Place) -> None:
    refusal = {"code": "TokenInvalid", "message": "no"}
    headers = {"Access-Control-Allow-Origin": "*"}
    phone.page.route(
        f"{place.sandbox}/sdk/check", lambda route: route.fulfill(status=401, json=refusal, headers=headers)
    )


def test_expiry_told_twice_is_renewed_once(phone: Phone, place: Place) -> None:
    accept_any_token(phone, place)
    phone.answer_with("/session/renew", renewed("fresh"))
    phone.page.evaluate("window.HotlineSandbox.tokenExpired(); window.HotlineSandbox.tokenExpired()")
    expect(phone.page.locator("#hotline")).to_contain_text("Token renewed")
    assert phone.count("POST /session/renew") == 1
    phone.expect_state("ready")


def test_renewal_keeps_trying_through_an_outage(phone: Phone, place: Place) -> None:
    accept_any_token(phone, place)
    phone.answer_with("/session/renew", renewed("fresh"))
    phone.refuse("/session/renew", 504, "idp_unreachable", times=2)
    phone.driver("tokenExpired()")
    expect(phone.notice("trouble")).to_contain_text("You need not sign in")
    expect(phone.page.locator("#hotline")).to_contain_text("Token renewed")
    assert phone.count("POST /session/renew") == 3
    expect(phone.notice("trouble")).to_be_hidden()


def test_a_definite_refusal_to_renew_shows_code_and_reference(phone: Phone) -> None:
    phone.refuse("/session/renew", 403, "agent_frozen")
    phone.driver("tokenExpired()")
    expect(phone.notice("refusal")).to_contain_text("code agent_frozen, reference R-7")


def test_an_outage_is_no_logout(phone: Phone) -> None:
    phone.answer_with("/session", {}, status=502, kind="text/html")
    phone.beat()
    expect(phone.notice("trouble")).to_contain_text("We cannot reach the service right now")
    expect(phone.check("network")).to_have_attribute("data-state", "warn")
    phone.expect_state("ready")
    phone.refuse("/session", 503, "store_unavailable")
    phone.beat()
    expect(phone.notice("trouble")).to_contain_text("You stay signed in and calls go on")
    phone.recover()
    phone.beat()
    expect(phone.notice("trouble")).to_be_hidden()
    expect(phone.check("network")).to_have_attribute("data-state", "good")


def test_an_ended_session_shows_signed_out_and_stays_where_it_is(phone: Phone) -> None:
    phone.page.context.clear_cookies()
    phone.beat()
    phone.expect_stage("out")
    expect(phone.page.locator("#stage-title")).to_have_text("You are signed out")
    assert phone.page.url.endswith("/softphone")
    assert phone.driver("state().status") == "AgentCheckout"
    phone.stage.get_by_role("button", name="Sign in").click()
    phone.page.wait_for_url("**/oauth2/v2.0/authorize*")


def test_a_phone_that_comes_online_after_the_session_ended_stays_away(closed_phone: Phone, place: Place) -> None:
    phone = closed_phone
    held: list[Route] = []
    phone.page.route(f"{place.sandbox}/sdk/check", lambda route: held.append(route))  # noqa: PLW0108 — Playwright marks it
    with phone.page.expect_request("**/sdk/check"):
        phone.open()
    phone.page.context.clear_cookies()
    phone.beat()
    phone.expect_stage("out")
    held[0].continue_()
    phone.page.wait_for_function("() => window.HotlineSandbox.state().online")
    phone.page.wait_for_timeout(100)
    phone.expect_stage("out")
    assert phone.driver("state().status") == "AgentCheckout"


def test_another_account_in_this_browser_closes_the_phone(phone: Phone) -> None:
    Phone(phone.page.context.new_page(), phone.bridge).open("fang")
    phone.beat()
    phone.expect_stage("out")
    expect(phone.page.locator("#stage-title")).to_have_text("Another account is signed in")


def test_a_page_older_than_its_session_fetches_the_csrf_token_anew(phone: Phone, place: Place) -> None:
    accept_any_token(phone, place)
    phone.answer_with("/session/renew", renewed("fresh"))
    phone.refuse("/session/renew", 403, "csrf_failed", times=1)
    phone.driver("tokenExpired()")
    expect(phone.page.locator("#hotline")).to_contain_text("Token renewed")
    assert phone.count("POST /session/renew") == 2


def test_the_coming_end_of_the_session_is_told_before(phone: Phone) -> None:
    phone.amend_session(signed_in_until=int(time.time()) + 300)
    phone.beat()
    expect(phone.notice("ending")).to_contain_text(re.compile(r"You will be signed out at .*\d\d:\d\d"))


# What goes wrong -----------------------------------------------------------------------------------------------------


def test_a_host_that_cannot_be_reached_is_named(closed_phone: Phone, place: Place) -> None:
    phone = closed_phone
    phone.page.route("**/sdk/hotline-client-ui/index.js", lambda route: route.abort())
    phone.open()
    phone.expect_stage("failed")
    host = place.sandbox.removeprefix("http://")
    expect(phone.page.locator("#stage-text")).to_contain_text(f"The host {host} could not be reached")


def test_software_that_does_not_start_is_told(closed_phone: Phone) -> None:
    phone = closed_phone
    empty = "**/sdk/hotline-client-ui/index.js"
    phone.page.route(empty, lambda route: route.fulfill(body="", content_type="text/javascript"))
    phone.open()
    phone.expect_stage("failed")
    expect(phone.page.locator("#stage-title")).to_have_text("The phone software is incomplete")


def test_a_refused_token_is_renewed_once_and_then_told(closed_phone: Phone, place: Place) -> None:
    phone = closed_phone
    refuse_any_token(phone, place)
    phone.open()
    phone.expect_stage("failed")
    expect(phone.page.locator("#stage-title")).to_have_text("The contact center did not accept your sign-in")
    assert phone.count("POST /session/renew") == 1


def test_a_lost_line_is_told_and_a_restored_one_too(phone: Phone) -> None:
    phone.driver("dropConnection()")
    expect(phone.check("phone")).to_contain_text("Connected again after an interruption")
    phone.driver("dropConnection({ giveUp: true })")
    expect(phone.notice("line")).to_contain_text("could not restore it")
    expect(phone.check("phone")).to_have_attribute("data-state", "bad")


def test_a_computer_without_network_says_so(phone: Phone) -> None:
    phone.page.context.set_offline(True)
    expect(phone.notice("trouble")).to_contain_text("no network connection")
    # A page that is left without an end looks signed out, and is not.
    phone.sign_out.click()
    expect(phone.notice("sign-out")).to_contain_text("You are still signed in here")
    phone.expect_state("ready")
    phone.page.context.set_offline(False)
    expect(phone.notice("trouble")).to_be_hidden()


def test_a_browser_without_modules_is_told_to_update(closed_phone: Phone) -> None:
    phone = closed_phone
    phone.page.route("**/static/js/softphone/boot.js*", lambda route: route.abort())
    phone.open()
    expect(phone.page.locator("#too-old")).to_be_visible()


def test_without_scripts_the_page_says_what_it_needs(place: Place) -> None:
    html = Browser(place.bridge).sign_in("contoso").text
    message = re.search(r"<noscript>(.*?)</noscript>", html, re.DOTALL)
    assert message is not None
    assert "The phone needs JavaScript." in message[1]


# Microphone ----------------------------------------------------------------------------------------------------------


def test_a_blocked_microphone_is_explained(own_phone: Phone) -> None:
    phone = own_phone
    expect(phone.check("microphone")).to_contain_text("The browser will ask you once")
    phone.check("microphone").get_by_role("button", name="Allow microphone").click()
    expect(phone.check("microphone")).to_contain_text("Blocked. Click the icon to the left of the address")
    expect(phone.check("microphone").get_by_role("button", name="Check again")).to_be_visible()


def test_an_allowed_microphone_needs_no_button(open_page: Callable[..., Page], place: Place) -> None:
    phone = Phone.ready(open_page(permissions=["microphone"]), place.bridge)
    expect(phone.check("microphone")).to_have_attribute("data-state", "good")
    expect(phone.check("microphone").get_by_role("button")).to_be_hidden()


# Signing out ---------------------------------------------------------------------------------------------------------


def test_signing_out_checks_the_agent_out_and_posts_a_form(phone: Phone) -> None:
    phone.page.evaluate(NOTE_THE_STATE_LEFT)
    phone.sign_out.click()
    expect(phone.page.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert phone.page.evaluate("localStorage.getItem('left')") == "AgentCheckout"
    assert phone.count("POST /logout") == 1
    phone.page.goto(f"{phone.bridge}/softphone")
    assert "/login" in phone.page.url


def test_a_second_window_is_told_and_does_not_sign_out_over_a_call(phone: Phone) -> None:
    second = Phone(phone.page.context.new_page(), phone.bridge)
    second.page.goto(f"{phone.bridge}/softphone")
    second.expect_state("ready")
    expect(second.notice("second-window")).to_be_visible()
    phone.ring()
    second.sign_out.click()
    expect(second.notice("sign-out")).to_contain_text("A call is up in another window")
    assert second.count("POST /logout") == 0
