"""Providers that answer with a form instead of an address (OAuth 2.0 Form Post Response Mode), on https."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.kit.house import SECURE_BRIDGE, build_house, change, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.cookiejar import Cookie
    from pathlib import Path

    from requests import Response

    from tests.kit.browser import Browser
    from tests.kit.house import House

CALLBACK = f"{SECURE_BRIDGE}/callback/globex"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A bridge on https: globex answers with a form, contoso with an address."""
    settings = demo_settings(tmp_path, SECURE_BRIDGE, connections=("contoso", "globex"))
    form_post = change(settings, "globex", lambda one: replace(one, idp=replace(one.idp, response_mode="form_post")))
    built = build_house(form_post)
    for name in ("contoso", "globex"):
        built.world.register(name, f"{SECURE_BRIDGE}/callback/{name}")
    yield built
    built.services.database.close()


def _pending(browser: Browser) -> Cookie:
    return next(one for one in browser.wire.cookies if one.name.startswith("bridge_signin_") and "callback" in one.path)


def _answer(browser: Browser, connection: str = "globex", query: str = "") -> dict[str, str]:
    """Sign in at the provider; returns the fields of the form that it has the browser send."""
    page = browser.choose(browser.begin(connection, query), "lin")
    assert f'action="{SECURE_BRIDGE}/callback/{connection}"' in page.text
    fields = re.findall(r'name="([^"]+)" value="([^"]*)"', page.text)
    return {name: unescape(value) for name, value in fields}


def _post_from_the_provider(browser: Browser, fields: dict[str, str]) -> Response:
    """Send the form as a browser does: from another site, so only cookies with SameSite=None travel along."""
    everything = [*browser.wire.cookies]
    for cookie in everything:
        if cookie.get_nonstandard_attr("SameSite") != "None":
            browser.wire.cookies.clear(cookie.domain, cookie.path, cookie.name)
    kept = {cookie.name for cookie in browser.wire.cookies}
    response = browser.submit(CALLBACK, fields, follow=False, Origin="http://localhost:5100")
    for cookie in everything:
        if cookie.name not in kept and not browser.cookie(cookie.name):
            browser.wire.cookies.set_cookie(cookie)
    return response


def test_the_provider_is_asked_for_a_form(house: House) -> None:
    departure = house.browser().open("/login/globex", follow=False).headers["Location"]
    assert parse_qs(urlsplit(departure).query)["response_mode"] == ["form_post"]


def test_the_pending_sign_in_may_come_back_from_another_site_and_only_over_tls(house: House) -> None:
    browser = house.browser()
    browser.open("/login/globex", follow=False)
    pending = _pending(browser)
    assert pending.get_nonstandard_attr("SameSite") == "None"
    assert pending.secure
    assert pending.has_nonstandard_attr("HttpOnly")
    assert pending.path == "/callback/globex"


def test_a_form_from_the_provider_signs_in(house: House) -> None:
    browser = house.browser()
    arrival = _post_from_the_provider(browser, _answer(browser, query="?next=/softphone?record=7"))
    assert (arrival.status_code, arrival.headers["Location"]) == (303, "/softphone?record=7")
    assert browser.open(arrival.headers["Location"]).status_code == 200
    assert browser.fetch("/session").json()["account_name"] == "lin"


def test_the_session_that_it_gives_is_as_well_guarded_as_every_other(house: House) -> None:
    browser = house.browser()
    arrival = _post_from_the_provider(browser, _answer(browser))
    given = {one.partition("=")[0]: one for one in arrival.raw.headers.getlist("Set-Cookie")}
    for name in ("__Host-bridge_session", "AC_TOKEN"):
        assert "Secure" in given[name]
        assert "HttpOnly" in given[name]
        assert "SameSite=Lax" in given[name]


def test_the_pending_sign_in_is_gone_afterwards(house: House) -> None:
    browser = house.browser()
    _post_from_the_provider(browser, _answer(browser))
    assert not [one for one in browser.wire.cookies if one.get_nonstandard_attr("SameSite") == "None"]


def test_a_form_that_is_sent_again_leads_back_to_the_phone(house: House) -> None:
    browser = house.browser()
    fields = _answer(browser)
    _post_from_the_provider(browser, fields)
    session = browser.cookie("__Host-bridge_session")
    house.calls.clear()
    again = _post_from_the_provider(browser, fields)
    assert again.status_code == 303, "the session did not travel along with another site's form"
    assert "code" not in parse_qs(urlsplit(again.headers["Location"]).query)
    landed = browser.open(again.headers["Location"])
    assert (landed.status_code, landed.url) == (200, f"{SECURE_BRIDGE}/softphone")
    assert browser.cookie("__Host-bridge_session") == session
    assert house.calls == [], "the code is not sent twice"


def test_a_form_for_a_sign_in_that_this_browser_did_not_begin_is_refused(house: House) -> None:
    fields = _answer(house.browser())
    victim = house.browser()
    house.calls.clear()
    refusal = victim.open(_post_from_the_provider(victim, fields).headers["Location"])
    assert (refusal.status_code, house.calls) == (400, [])
    assert "state_unknown" in refusal.text
    assert victim.cookie("__Host-bridge_session") is None


def test_a_form_after_ten_minutes_is_told_as_late(house: House) -> None:
    browser = house.browser()
    fields = _answer(browser)
    house.clock.advance(601)
    refusal = browser.open(_post_from_the_provider(browser, fields).headers["Location"])
    assert refusal.status_code == 400
    assert "state_expired" in refusal.text


def test_a_form_that_says_no_is_told(house: House) -> None:
    browser = house.browser()
    page = browser.press(browser.begin("globex"), {"cancel": "1"})
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page.text))
    refusal = _post_from_the_provider(browser, {name: unescape(value) for name, value in fields.items()})
    assert refusal.status_code == 400
    assert "access_denied" in refusal.text


def test_a_field_that_comes_twice_is_refused(house: House) -> None:
    browser = house.browser()
    twice = urlencode([*_answer(browser).items(), ("code", "another")])
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    refusal = browser.wire.post(CALLBACK, data=twice, headers=form, allow_redirects=False, timeout=30)
    assert refusal.status_code == 400
    assert "idp_answer_invalid" in refusal.text


def test_parameters_in_the_address_of_a_form_do_not_count(house: House) -> None:
    browser = house.browser()
    fields = _answer(browser)
    mixed = browser.submit(f"{CALLBACK}?{urlencode({'code': fields.pop('code')})}", fields, follow=False)
    assert mixed.status_code == 400


def test_a_provider_that_answers_with_an_address_all_the_same_is_understood(house: House) -> None:
    browser = house.browser()
    assert browser.open(f"{CALLBACK}?{urlencode(_answer(browser))}").url == f"{SECURE_BRIDGE}/softphone"


def test_other_connections_keep_their_pending_sign_in_from_other_sites(house: House) -> None:
    browser = house.browser()
    browser.open("/login/contoso", follow=False)
    assert _pending(browser).get_nonstandard_attr("SameSite") == "Lax"
    assert _pending(browser).secure
    assert browser.sign_in("contoso").url == f"{SECURE_BRIDGE}/softphone"
