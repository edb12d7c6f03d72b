"""What keeps coming back: browsers that lose the session, browsers without cookies, and silent sign-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.http.cookies import MOST_TRIES
from tests.journeys.steps import asked

if TYPE_CHECKING:
    from tests.kit.browser import Browser
    from tests.kit.house import House


def come_and_lose(browser: Browser) -> None:
    back = browser.choose(browser.begin("globex"), "lin", follow=False)
    assert browser.open(back.headers["Location"], follow=False).status_code == 303
    browser.lose("bridge_session")


# Loops ----------------------------------------------------------------------------------------------------------------


def test_after_six_sign_ins_that_left_no_session_a_page_names_the_cause(browser: Browser) -> None:
    for _ in range(MOST_TRIES):
        come_and_lose(browser)
    page = browser.open("/login/globex", follow=False)
    assert page.status_code == 400
    assert "sign_in_loop" in page.text
    assert "bridge_session" in page.text
    # Whoever has put the browser right may go on at once.
    assert browser.open("/login/globex", follow=False).status_code == 302


def test_the_count_begins_anew_once_the_phone_was_seen(browser: Browser) -> None:
    for _ in range(MOST_TRIES - 1):
        come_and_lose(browser)
    browser.sign_in("globex")
    assert "bridge_tries" not in browser.cookies()
    browser.lose("bridge_session")
    assert browser.open("/login/globex", follow=False).status_code == 302


def test_signing_out_and_in_again_is_no_loop(browser: Browser) -> None:
    for _ in range(MOST_TRIES + 2):
        back = browser.choose(browser.begin("globex"), "lin", follow=False)
        assert browser.open(back.headers["Location"], follow=False).status_code == 303
        browser.submit("/logout", {"csrf_token": browser.csrf_token()}, follow=False)


@pytest.mark.parametrize(
    "value", ["", "x", "99", "-1", "²"], ids=["empty", "letter", "too many", "negative", "foreign"]
)
def test_a_count_that_nobody_made_is_no_count(browser: Browser, value: str) -> None:
    answer = browser.open("/login/globex", follow=False, Cookie=f"bridge_tries={value}".encode().decode("latin-1"))
    assert answer.status_code == 302


# Browsers without cookies ---------------------------------------------------------------------------------------------


def without_cookies(house: House, address: str) -> tuple[int, str]:
    answer = house.browser().open(address, follow=False)
    return answer.status_code, answer.text


def test_a_browser_that_keeps_no_cookies_is_told_so_before_it_goes_to_the_provider_again(
    house: House, browser: Browser
) -> None:
    address = browser.choose(browser.begin("globex"), "lin", follow=False).headers["Location"]
    status, page = without_cookies(house, address)
    assert status == 400
    assert "state_unknown" in page
    assert "again=1" in page
    status, page = without_cookies(house, "/login/globex?again=1")
    assert status == 400
    assert "cookies_refused" in page


def test_where_the_server_hands_over_no_cookie_since_one_is_not_ascii_the_page_says_so(house: House) -> None:
    spoilt = {"HTTP_COOKIE": ""}  # what Granian makes of such a header
    answer = house.app.test_client(use_cookies=False).get("/login/globex?again=1", environ_overrides=spoilt)
    assert "a cookie that is not ASCII" in answer.text


def test_a_browser_that_merely_opened_somebody_elses_link_goes_on(house: House, browser: Browser) -> None:
    address = browser.choose(browser.begin("globex"), "lin", follow=False).headers["Location"]
    other = house.browser()
    other.open(address, follow=False)
    assert other.cookie("bridge_probe") == "1"
    assert other.open("/login/globex?again=1", follow=False).status_code == 302


# Silent sign-ins ------------------------------------------------------------------------------------------------------


def test_a_silent_sign_in_succeeds_where_the_provider_still_knows_the_person(house: House, browser: Browser) -> None:
    house.world.single_sign_on = True
    browser.sign_in("globex")
    browser.lose("bridge_session")
    landed = browser.open("/login/globex?prompt=none&next=/softphone?case=7")
    assert (landed.status_code, urlsplit(str(landed.url)).query) == (200, "case=7")


def test_where_the_provider_has_to_show_something_it_is_asked_again_and_may(house: House, browser: Browser) -> None:
    page = browser.open("/login/globex?prompt=none&next=/softphone?case=7")
    at = urlsplit(str(page.url))
    assert at.path == "/oidc/protocol/auth"
    assert "prompt" not in parse_qs(at.query)
    assert urlsplit(str(browser.choose(page, "lin").url)).query == "case=7"
    assert asked(house).count("token") == 1


def test_another_error_of_a_silent_sign_in_is_told(house: House, browser: Browser) -> None:
    house.world.faults.set("authorize", "error_access_denied")
    assert "idp_error" in browser.open("/login/globex?prompt=none").text


def test_an_error_of_an_ordinary_sign_in_never_sends_the_browser_round_again(browser: Browser) -> None:
    state = parse_qs(urlsplit(str(browser.begin("globex").url)).query)["state"][0]
    page = browser.open(f"/callback/globex?state={state}&error=login_required&iss=http%3A%2F%2Flocalhost:5100/oidc")
    assert page.status_code == 400
    assert "idp_error" in page.text
