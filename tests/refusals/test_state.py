"""Callbacks that answer no question of this browser's: foreign, old, repeated, or with a cookie of something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.kit.hostile import Does, Provider, connection
from tests.refusals.refused import (
    IDP_ERROR,
    PAGE,
    PROBLEM,
    STATE_EXPIRED,
    STATE_UNKNOWN,
    assert_hands_out_nothing,
    assert_refused,
    beside,
    come_back,
    secrets_in,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.kit.browser import Browser
    from tests.kit.house import House

SLOT: Final = "bridge_signin_0"
HOME: Final = "/softphone"


def invented(house: House, browser: Browser) -> str:
    return "/callback/globex?state=invented&code=invented"


def no_parameters(house: House, browser: Browser) -> str:
    return "/callback/globex"


def code_without_state(house: House, browser: Browser) -> str:
    return "/callback/globex?code=invented"


def empty_state(house: House, browser: Browser) -> str:
    return "/callback/globex?state=&code=invented"


def beyond_ascii(house: House, browser: Browser) -> str:
    return "/callback/globex?state=0%E7%8A%B6.%E6%80%81.x&code=invented"


def one_letter_changed(house: House, browser: Browser) -> str:
    back = come_back(browser, "globex")
    at = back.index("&state=") + 9
    return f"{back[:at]}{'A' if back[at] != 'A' else 'B'}{back[at + 1 :]}"


def other_slot(house: House, browser: Browser) -> str:
    return come_back(browser, "globex").replace("&state=0", "&state=1")


def begun_in_another_browser(house: House, browser: Browser) -> str:
    return come_back(house.browser(), "globex")


def begun_in_another_browser_too(house: House, browser: Browser) -> str:
    come_back(browser, "globex")
    return come_back(house.browser(), "globex")


def of_another_connection(house: House, browser: Browser) -> str:
    come_back(browser, "initech")
    return come_back(browser, "globex").replace("/callback/globex", "/callback/initech")


def cookie_of_another_connection(house: House, browser: Browser) -> str:
    back = come_back(browser, "globex")
    stolen = browser.cookie(SLOT)
    browser.wire.cookies.set(SLOT, str(stolen), domain="127.0.0.1", path="/callback/initech")
    return back.replace("/callback/globex", "/callback/initech")


def cookie_of_another_sign_in(house: House, browser: Browser) -> str:
    back = come_back(browser, "globex")
    come_back(browser, "globex")
    plant(browser, str(browser.cookie("bridge_signin_1")))
    return back


def cookie_lost(house: House, browser: Browser) -> str:
    back = come_back(browser, "globex")
    browser.wire.cookies.clear()
    return back


def cookie_tampered(house: House, browser: Browser) -> str:
    back = come_back(browser, "globex")
    sealed = str(browser.cookie(SLOT))
    plant(browser, sealed[:50] + ("A" if sealed[50] != "A" else "B") + sealed[51:])
    return back


def cookie_of_garbage(house: House, browser: Browser) -> str:
    back = come_back(browser, "globex")
    plant(browser, "\u00ffgarbage")
    return back


def cookie_sealed_for_something_else(house: House, browser: Browser) -> str:
    back = come_back(browser, "globex")
    plant(browser, house.services.key_ring.seal("agent session", {"connection": "globex"}))
    return back


def cookie_without_members(house: House, browser: Browser) -> str:
    back = come_back(browser, "globex")
    plant(browser, house.services.key_ring.seal("pending sign-in", {"connection": "globex"}))
    return back


def plant(browser: Browser, value: str) -> None:
    browser.wire.cookies.set(SLOT, value, domain="127.0.0.1", path="/callback/globex")


STATES: Final = [
    invented,
    no_parameters,
    code_without_state,
    empty_state,
    beyond_ascii,
    one_letter_changed,
    other_slot,
    begun_in_another_browser,
    begun_in_another_browser_too,
    of_another_connection,
    cookie_of_another_connection,
    cookie_of_another_sign_in,
    cookie_lost,
    cookie_tampered,
    cookie_of_garbage,
    cookie_sealed_for_something_else,
    cookie_without_members,
]


@pytest.mark.parametrize("bring", STATES)
def test_an_answer_that_was_not_asked_for_is_refused(shared: House, bring: Callable[[House, Browser], str]) -> None:
    for headers in (PAGE, PROBLEM):
        browser = shared.browser()
        back = bring(shared, browser)
        before, kept = list(shared.calls), shared.rows()
        answer = browser.wire.get(browser.origin + back, headers=headers, allow_redirects=False, timeout=30)
        assert_refused(answer, STATE_UNKNOWN, secrets_in(back))
        assert shared.calls == before
        assert shared.rows() == kept


def test_a_strangers_state_ends_no_sign_in_that_is_under_way(shared: House, browser: Browser) -> None:
    mine, foreign = shared.browser(), come_back(shared.browser(), "globex")
    back = come_back(mine, "globex")
    assert_refused(mine.open(foreign, follow=False), STATE_UNKNOWN)
    assert mine.open(back).url.endswith(HOME)


def test_a_sign_in_of_more_than_ten_minutes_is_refused(house: House, browser: Browser) -> None:
    back = come_back(browser, "globex")
    house.clock.advance(601)
    calls = list(house.calls)
    assert_refused(browser.open(back, follow=False), STATE_EXPIRED, secrets_in(back))
    assert (house.calls, set(house.rows().values())) == (calls, {0})
    assert browser.cookie(SLOT) is None


@pytest.mark.parametrize("seconds", [598, -20])
def test_a_sign_in_in_time_is_completed_also_by_a_replica_whose_clock_lags(tmp_path: Path, seconds: float) -> None:
    provider = Provider(connection("r0"), Does())
    house = beside(tmp_path, [provider])
    browser = house.browser()
    departure = browser.open("/login/r0", follow=False)
    house.clock.advance(seconds)
    assert browser.open(provider.come_back(departure.headers["Location"]), follow=False).status_code == 303
    house.services.database.close()


def test_a_replayed_callback_leads_a_signed_in_person_to_the_page(shared: House) -> None:
    browser = shared.browser()
    back = come_back(browser, "globex", "?next=/softphone?record=7")
    assert browser.open(back).url.endswith("/softphone?record=7")
    calls = list(shared.calls)
    again = browser.open(back, follow=False)
    assert (again.status_code, again.headers["Location"]) == (303, HOME)
    assert_hands_out_nothing(again)
    assert shared.calls == calls


def test_a_replayed_callback_in_a_browser_without_session_is_refused(shared: House) -> None:
    browser = shared.browser()
    back = come_back(browser, "globex")
    pending = str(browser.cookie(SLOT))
    browser.open(back)
    browser.wire.cookies.clear()
    assert_refused(browser.open(back, follow=False), STATE_UNKNOWN, secrets_in(back))
    plant(browser, pending)
    assert_refused(browser.open(back, follow=False), IDP_ERROR, secrets_in(back))


def test_the_ninth_sign_in_pushes_the_oldest_out_and_no_other(shared: House) -> None:
    browser = shared.browser()
    backs = [come_back(browser, "globex") for _ in range(9)]
    for back in backs[1:]:
        assert browser.open(back, follow=False).status_code == 303
    browser.wire.cookies.clear(domain="127.0.0.1", path="/", name="bridge_session")
    assert_refused(browser.open(backs[0], follow=False), STATE_UNKNOWN)


def test_asking_only_for_headers_redeems_nothing(shared: House) -> None:
    browser = shared.browser()
    back = come_back(browser, "globex")
    calls = list(shared.calls)
    assert browser.wire.head(browser.origin + back, stream=True, timeout=30).status_code == STATE_UNKNOWN[1]
    assert shared.calls == calls
    assert browser.open(back, follow=False).status_code == 303


def test_a_posted_callback_is_read_from_its_body_alone(shared: House) -> None:
    browser = shared.browser()
    back = come_back(browser, "globex")
    calls = list(shared.calls)
    assert_refused(browser.submit(back, {}), STATE_UNKNOWN, secrets_in(back))
    assert shared.calls == calls


def test_a_posted_callback_without_cookies_is_refused_by_the_navigation_that_follows(shared: House) -> None:
    browser = shared.browser()
    posted = browser.submit("/callback/globex", {"state": "invented", "code": "invented-code"}, follow=False)
    assert (posted.status_code, posted.headers["Location"]) == (303, "/callback/globex?state=invented")
    assert_refused(browser.open(posted.headers["Location"], follow=False), STATE_UNKNOWN)
