"""An agent signs in with the company account and has a phone."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

if TYPE_CHECKING:
    from tests.kit.browser import Browser
    from tests.kit.house import House

KINDS = ("contoso", "acme", "globex", "initech")


@pytest.mark.parametrize("connection", KINDS)
def test_an_agent_of_every_kind_of_provider_lands_on_the_phone(browser: Browser, connection: str) -> None:
    landed = browser.sign_in(connection, query="?next=/softphone?record=7")
    assert landed.status_code == 200
    assert landed.url.endswith("/softphone?record=7")
    assert browser.fetch("/session").json()["connection"] == connection


def test_the_browser_gets_fuyuns_token_for_the_mapped_agent(browser: Browser) -> None:
    browser.sign_in("contoso")
    payload = browser.cookie("AC_TOKEN").split(".")[1]  # type: ignore[union-attr]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert claims["user_name"] == "lin@contoso.example"
    assert browser.post("/session/token").json()["access_token"] == browser.cookie("AC_TOKEN")


def test_the_provider_is_asked_with_state_nonce_and_pkce(house: House, browser: Browser) -> None:
    query = parse_qs(urlsplit(browser.open("/login/globex", follow=False).headers["Location"]).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == [f"{house.settings.public_url}/callback/globex"]
    assert {"state", "nonce", "code_challenge"} <= query.keys()
    assert query["response_type"] == ["code"]


def test_a_warm_callback_costs_three_calls_in_the_order_of_their_judgement(house: House) -> None:
    house.browser().sign_in("globex")
    house.calls.clear()
    house.browser().sign_in("globex")
    assert [url.rsplit("/", 1)[1] for _, url in house.calls] == ["token", "userinfo", "token_exchange"]


def test_the_phone_and_the_session_ask_nobody_outside(house: House, browser: Browser) -> None:
    browser.sign_in("contoso")
    house.calls.clear()
    assert browser.open("/softphone").status_code == 200
    assert browser.fetch("/session").status_code == 200
    assert house.calls == []


def test_an_anonymous_visitor_writes_nothing(house: House, browser: Browser) -> None:
    browser.open("/")
    browser.open("/login/globex", follow=False)
    browser.open("/callback/globex?state=invented&code=invented")
    assert set(house.rows().values()) == {0}
