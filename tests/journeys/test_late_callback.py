"""Several tabs, late answers, the back button: whoever has a session gets the phone, never an account of states."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.signin.pending import SLOTS

if TYPE_CHECKING:
    from requests import Response

    from tests.kit.browser import Browser
    from tests.kit.house import House


def _tabs(browser: Browser, count: int = SLOTS) -> list[Response]:
    """Begin a sign-in in each of several tabs; each stands at the provider's page then."""
    return [browser.begin("globex", f"?next=/softphone?tab={tab}") for tab in range(count)]


def _answers(browser: Browser, tabs: list[Response]) -> list[str]:
    """Pick a person in each tab; returns the addresses that the provider sends the browser back to."""
    return [browser.choose(tab, "lin", follow=False).headers["Location"] for tab in tabs]


def _path(response: Response) -> str:
    parts = urlsplit(str(response.url))
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


# Eight tabs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, -1], ids=["first come", "last come"])
def test_eight_tabs_sign_in_at_once_and_each_lands_where_it_wanted_to_go(browser: Browser, order: int) -> None:
    answers = list(enumerate(_answers(browser, _tabs(browser))))[::order]
    for tab, address in answers:
        landed = browser.open(address)
        assert (landed.status_code, _path(landed)) == (200, f"/softphone?tab={tab}")
    assert browser.fetch("/session").status_code == 200


def test_eight_answers_that_arrive_in_the_same_moment_are_all_let_in(house: House, browser: Browser) -> None:
    answers = _answers(browser, _tabs(browser))
    cookies = {cookie.name: str(cookie.value) for cookie in browser.wire.cookies}

    def arrive(address: str) -> Response:
        tab = house.browser()
        tab.wire.cookies.update(cookies)
        return tab.open(address, follow=False)

    with ThreadPoolExecutor(SLOTS) as pool:
        arrivals = list(pool.map(arrive, answers))
    assert [(one.status_code, one.headers["Location"]) for one in arrivals] == [
        (303, f"/softphone?tab={tab}") for tab in range(SLOTS)
    ]
    assert len({one.cookies["bridge_session"] for one in arrivals}) == SLOTS


def test_a_new_sign_in_ends_the_browsers_former_session(house: House, browser: Browser) -> None:
    first, second = _answers(browser, _tabs(browser, 2))
    browser.open(first)
    former = house.browser()
    former.wire.cookies.update(browser.wire.cookies)
    assert former.fetch("/session").status_code == 200
    browser.open(second)
    assert former.fetch("/session").json()["code"] == "session_ended"
    assert browser.fetch("/session").status_code == 200


def test_a_ninth_tab_takes_the_place_of_the_first(house: House, browser: Browser) -> None:
    first, *_, ninth = _answers(browser, _tabs(browser, SLOTS + 1))
    refused = browser.open(first)
    assert refused.status_code == 400
    assert "state_unknown" in refused.text
    assert 'href="/login/globex' in refused.text, "a button that begins again"
    assert browser.open(ninth).status_code == 200


def test_cookies_of_pending_sign_ins_do_not_pile_up(browser: Browser) -> None:
    for _ in range(3):
        _tabs(browser)
    pending = [one for one in browser.wire.cookies if one.path == "/callback/globex"]
    assert len(pending) == SLOTS


# Late -----------------------------------------------------------------------------------------------------------------


def test_a_tab_whose_place_was_taken_goes_on_when_another_tab_has_signed_in(house: House, browser: Browser) -> None:
    first, *_, ninth = _answers(browser, _tabs(browser, SLOTS + 1))
    browser.open(ninth)
    house.calls.clear()
    landed = browser.open(first)
    assert (landed.status_code, urlsplit(str(landed.url)).path) == (200, "/softphone")
    assert house.calls == [], "nobody outside is asked for that"


def test_an_answer_after_ten_minutes_goes_on_when_somebody_is_signed_in(house: House, browser: Browser) -> None:
    late, timely = _tabs(browser, 2)
    browser.choose(timely, "lin")
    house.clock.advance(601)
    landed = browser.choose(late, "lin")
    assert (landed.status_code, urlsplit(str(landed.url)).path) == (200, "/softphone")


def test_an_answer_after_ten_minutes_is_told_as_late_when_nobody_is_signed_in(house: House, browser: Browser) -> None:
    page = browser.begin("globex")
    house.clock.advance(601)
    refused = browser.choose(page, "lin")
    assert refused.status_code == 400
    assert "state_expired" in refused.text
    assert 'href="/login/globex' in refused.text
    assert house.rows()["agent_sessions"] == 0


def test_a_late_answer_does_not_bring_an_ended_session_back(browser: Browser) -> None:
    first, second = _answers(browser, _tabs(browser, 2))
    browser.open(first)
    browser.post("/logout")
    browser.open(first)
    assert browser.fetch("/session").status_code == 401
    assert browser.open(second).status_code == 200, "but a sign-in that was under way may finish"


# The back button ------------------------------------------------------------------------------------------------------


def test_going_back_to_the_answer_of_a_finished_sign_in_shows_the_phone(house: House, browser: Browser) -> None:
    (answer,) = _answers(browser, _tabs(browser, 1))
    browser.open(answer)
    before = browser.cookie("bridge_session")
    house.calls.clear()
    landed = browser.open(answer)
    assert (landed.status_code, _path(landed)) == (200, "/softphone")
    assert browser.cookie("bridge_session") == before
    assert house.calls == [], "the code is not sent twice"


def test_going_back_to_the_provider_and_picking_somebody_again_shows_the_phone(browser: Browser) -> None:
    (page,) = _tabs(browser, 1)
    browser.choose(page, "lin")
    landed = browser.choose(page, "lin")
    assert (landed.status_code, _path(landed)) == (200, "/softphone")


def test_going_back_after_signing_out_signs_nobody_in(house: House, browser: Browser) -> None:
    (answer,) = _answers(browser, _tabs(browser, 1))
    browser.open(answer)
    browser.post("/logout")
    house.calls.clear()
    refused = browser.open(answer)
    assert refused.status_code == 400
    assert house.calls == []
    assert browser.cookie("AC_TOKEN") is None


# Two browsers ---------------------------------------------------------------------------------------------------------


def test_two_browsers_begin_at_once_and_do_not_meet(house: House) -> None:
    one, two = house.browser(), house.browser()
    page_of_one, page_of_two = one.begin("globex"), two.begin("globex")
    assert two.choose(page_of_two, "fang").status_code == 200
    assert one.choose(page_of_one, "lin").status_code == 200
    names = [browser.fetch("/session").json()["account_name"] for browser in (one, two)]
    assert names == ["lin", "王芳"]


def test_an_answer_in_another_browser_is_refused_and_still_good_in_its_own(house: House) -> None:
    one, two = house.browser(), house.browser()
    (answer,) = _answers(one, _tabs(one, 1))
    two.begin("globex")
    house.calls.clear()
    assert "state_unknown" in two.open(answer).text
    assert house.calls == []
    assert one.open(answer).status_code == 200


def test_somebody_elses_answer_does_not_replace_a_session(house: House) -> None:
    """Login CSRF: an attacker's own, unspent answer is put before a signed-in person."""
    attacker, victim = house.browser(), house.browser()
    (answer,) = _answers(attacker, _tabs(attacker, 1))
    victim.sign_in("globex", "fang")
    house.calls.clear()
    victim.open(answer)
    assert victim.fetch("/session").json()["account_name"] == "王芳"
    assert house.calls == []


def test_every_sign_in_has_a_state_of_its_own(browser: Browser) -> None:
    states = {parse_qs(urlsplit(str(tab.url)).query)["state"][0] for tab in _tabs(browser)}
    assert len(states) == SLOTS
