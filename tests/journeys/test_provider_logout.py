"""Logout that begins at the provider: told by its server, or by a frame in the browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from bridge.core.errors import SessionEnded
from bridge.sessions.database import used_marks
from tests.journeys.steps import another_tab, at_once, records, refused, signed_in

if TYPE_CHECKING:
    from tests.kit.browser import Browser
    from tests.kit.house import House

ISSUER = "http://localhost:5100/oidc"
BACK, FRONT = "/backchannel-logout/globex", "/frontchannel-logout/globex"


def tell(house: House, token: str, path: str = BACK) -> tuple[int, str]:
    """Post a logout token as the provider's server does."""
    answer = house.browser().wire.post(f"{house.settings.public_url}{path}", data={"logout_token": token}, timeout=30)
    return answer.status_code, answer.json().get("code", "")


def token_for(house: House, person: str = "lin", **claims: Any) -> str:
    return house.world.logout_token("globex", person, **claims)


def is_in(browser: Browser) -> bool:
    return browser.fetch("/session").status_code == 200


# By server ------------------------------------------------------------------------------------------------------------


def test_a_session_at_the_provider_takes_only_what_came_out_of_it(house: House) -> None:
    here, there, other = signed_in(house), signed_in(house), signed_in(house, person="fang")
    sids = {one.sid for one in records(house) if one.account_name == "lin"}
    gone = next(one for one in records(house) if one.account_name == "lin")
    assert len(sids) == 2
    assert tell(house, token_for(house, sid=gone.sid)) == (200, "")
    assert [one.sid for one in records(house) if one.account_name == "lin"] == [*(sids - {gone.sid})]
    assert [is_in(here), is_in(there)].count(True) == 1
    assert is_in(other)


def test_a_person_without_a_session_named_is_signed_out_everywhere(house: House) -> None:
    browsers = [signed_in(house) for _ in range(3)]
    colleague = signed_in(house, person="fang")
    assert tell(house, token_for(house)) == (200, "")
    assert [is_in(browser) for browser in [*browsers, colleague]] == [False, False, False, True]


def test_a_session_whose_id_token_named_no_sid_ends_with_its_person(house: House) -> None:
    house.world.faults.set("token", "no_sid", times=1)
    nameless, named = signed_in(house), signed_in(house)
    (sid,) = {one.sid for one in records(house)} - {""}
    assert tell(house, token_for(house, sid=sid)) == (200, "")
    assert not is_in(nameless)
    assert not is_in(named)


def test_the_open_page_hears_it_and_gives_its_cookies_back(house: House) -> None:
    browser = signed_in(house)
    tell(house, token_for(house))
    answer = browser.fetch("/session")
    assert refused(answer) == (401, SessionEnded.code)
    assert not {"AC_TOKEN", "bridge_session"} & browser.cookies().keys()


def test_nobody_of_the_same_name_at_another_connection_is_touched(house: House) -> None:
    globex, contoso = signed_in(house), signed_in(house, "contoso")
    assert tell(house, token_for(house)) == (200, "")
    assert (is_in(globex), is_in(contoso)) == (False, True)


def test_a_renewal_in_flight_does_not_bring_the_session_back(house: House) -> None:
    browser = signed_in(house)
    csrf = browser.csrf_token()
    house.world.faults.set("token", "slow", seconds=0.3)
    tabs = [another_tab(house, browser) for _ in range(3)]

    def renew(tab: Browser) -> int:
        return tab.post("/session/renew", {"csrf_token": csrf}).status_code

    answers = at_once([*(lambda tab=tab: renew(tab) for tab in tabs), lambda: tell(house, token_for(house))[0]])
    assert answers.count(200) <= 1 + len(tabs)
    assert not is_in(browser)
    assert records(house) == []


def test_a_token_is_good_once(house: House) -> None:
    token = token_for(house)
    signed_in(house)
    assert tell(house, token) == (200, "")
    assert tell(house, token) == (400, "logout_token_invalid")


def test_a_token_says_nothing_about_who_signs_in_later(house: House) -> None:
    token = token_for(house)
    house.clock.advance(200)
    browser = signed_in(house)
    assert tell(house, token, BACK)[0] in {200, 400}
    assert is_in(browser)


def test_after_an_outage_of_the_store_the_provider_may_come_again_with_the_same_token(house: House) -> None:
    browser, token = signed_in(house), token_for(house)
    engine = house.services.database.engine
    house.services.database.engine = type(house.services.database)("sqlite:////proc/nowhere/x.db").engine
    assert tell(house, token) == (503, "store_unavailable")
    house.services.database.engine = engine
    assert tell(house, token) == (200, "")
    assert not is_in(browser)


def test_strangers_who_invent_keys_do_not_use_up_the_sign_ins_look_at_new_ones(house: House) -> None:
    signed_in(house)
    forged = house.world.keys["contoso"].current.sign({"iss": ISSUER}, typ="logout+jwt")
    for _ in range(3):
        assert tell(house, forged)[0] == 400
    assert house.world.count("/protocol/certs") == 2  # the first sign-in's, and one for all three
    house.world.rotate_keys("globex")
    signed_in(house)
    assert house.world.count("/protocol/certs") == 3


def test_the_sandboxs_desk_tells_the_bridge(house: House) -> None:
    browser = signed_in(house)
    assert [one["status"] for one in house.world.leave("lin")] == [200]
    assert not is_in(browser)


def test_marks_of_tokens_are_forgotten_once_nobody_can_use_them(house: House) -> None:
    tell(house, token_for(house))
    house.clock.advance(3600)
    tell(house, token_for(house))
    with house.services.database.transaction() as connection:
        assert len(connection.execute(used_marks.select()).all()) == 1


# By frame -------------------------------------------------------------------------------------------------------------


def frame(browser: Browser, path: str = FRONT, **query: str) -> Any:
    address = f"{path}?{urlencode(query)}" if query else path
    headers = {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site", "Referer": "http://localhost:5100/"}
    return browser.open(address, follow=False, **headers)


def test_a_frame_ends_the_session_also_where_the_browser_sends_no_cookie(house: House) -> None:
    browser = signed_in(house)
    (record,) = records(house)
    answer = frame(house.browser(), iss=ISSUER, sid=record.sid)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert not is_in(browser)


def test_only_the_providers_own_pages_may_show_the_frame(house: House) -> None:
    answer = frame(house.browser(), iss=ISSUER, sid="unknown")
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors http://localhost:5100" in policy
    assert "X-Frame-Options" not in answer.headers
    assert "X-Frame-Options" in house.browser().open("/login").headers


def test_a_frame_that_names_nobody_means_the_browser_it_stands_in(house: House) -> None:
    browser, colleague = signed_in(house), signed_in(house, person="fang")
    answer = frame(browser)
    assert answer.status_code == 200
    assert not {"AC_TOKEN", "bridge_session"} & browser.cookies().keys()
    assert not is_in(browser)
    assert is_in(colleague)


def test_a_mere_link_signs_nobody_out(house: House) -> None:
    browser = signed_in(house)
    assert browser.open(FRONT, follow=False).status_code == 200
    assert is_in(browser)


def test_the_frame_of_another_connection_leaves_this_ones_session_alone(house: House) -> None:
    browser = signed_in(house)
    frame(browser, "/frontchannel-logout/contoso")
    assert is_in(browser)


def test_the_providers_own_page_signs_out_by_frame(house: House) -> None:
    browser = signed_in(house)
    (front,) = house.world.front_doors("globex", house.world.grants["globex"].sessions())
    assert re.match(r"http://127\.0\.0\.1:5000/frontchannel-logout/globex\?", front)
    assert house.browser().open(front).status_code == 200
    assert not is_in(browser)
