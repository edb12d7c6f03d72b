"""Signing out: over here at once, over at the provider as far as it goes, and nothing brings it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from structlog.testing import capture_logs

from bridge.sessions.database import agent_sessions
from tests.journeys.steps import another_tab, records, signed_in
from tests.kit.house import SANDBOX

if TYPE_CHECKING:
    from requests import Response

    from tests.kit.browser import Browser
    from tests.kit.house import House

KINDS = ("contoso", "acme", "globex", "initech")
END_SESSION = {
    "contoso": "/entra/1f0c5a52-7a3e-4c1e-9a55-3d0a6d6f1e11/oauth2/v2.0/logout",
    "globex": "/oidc/protocol/logout",
}


def sign_out(browser: Browser, *, follow: bool = False) -> Response:
    return browser.submit("/logout", {"csrf_token": browser.csrf_token()}, follow=follow)


def rows(house: House) -> list[Any]:
    with house.services.database.transaction() as connection:
        return list(connection.execute(agent_sessions.select()).all())


@pytest.mark.parametrize("kind", KINDS)
def test_the_session_is_gone_and_leaves_a_tombstone(house: House, kind: str) -> None:
    browser = signed_in(house, kind)
    sign_out(browser)
    (row,) = rows(house)
    assert (row.sealed, row.ended_code) == ("", "session_ended")
    assert row.ended_at is not None
    assert browser.fetch("/session").json()["code"] == "session_missing"


@pytest.mark.parametrize("kind", KINDS)
def test_the_browser_gives_back_its_cookies(house: House, kind: str) -> None:
    browser = signed_in(house, kind)
    assert {"AC_TOKEN", "bridge_session"} <= browser.cookies().keys()
    sign_out(browser)
    assert not {"AC_TOKEN", "bridge_session"} & browser.cookies().keys()


@pytest.mark.parametrize("kind", END_SESSION)
def test_the_browser_is_sent_to_the_provider_with_hint_client_and_state(house: House, kind: str) -> None:
    browser = signed_in(house, kind)
    (record,) = records(house)
    answer = sign_out(browser)
    target = urlsplit(answer.headers["Location"])
    query = {name: values[0] for name, values in parse_qs(target.query).items()}
    assert answer.status_code == 303
    assert f"{target.scheme}://{target.netloc}{target.path}" == SANDBOX + END_SESSION[kind]
    assert len(query.pop("state")) > 10
    assert query == {
        "id_token_hint": record.tokens.unverified_id_token,
        "client_id": house.world.client_of(kind).client_id,
        "post_logout_redirect_uri": f"{house.settings.public_url}/logged-out",
    }


@pytest.mark.parametrize("kind", ["acme", "initech"])
def test_where_the_provider_has_no_such_place_the_last_page_is_ours(house: House, kind: str) -> None:
    answer = sign_out(signed_in(house, kind))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/logged-out")


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_page_says_so_and_signs_nobody_back_in(house: House, kind: str) -> None:
    browser = signed_in(house, kind)
    page = sign_out(browser, follow=True)
    assert page.status_code == 200
    assert urlsplit(page.url).path == "/logged-out"
    assert "/login" in page.text
    assert "http-equiv" not in page.text
    assert records(house) == []


@pytest.mark.parametrize("kind", ["acme", "globex"])
def test_the_refresh_token_is_revoked_where_that_can_be_done(house: House, kind: str) -> None:
    browser = signed_in(house, kind)
    (record,) = records(house)
    sign_out(browser)
    (asked,) = house.world.requests_to("/revoke")
    assert asked.form["token"] == [record.tokens.refresh_token]
    assert house.world.userinfo_by_token(kind, record.tokens.access_token) is None


@pytest.mark.parametrize("kind", ["contoso", "initech"])
def test_where_it_cannot_nothing_is_asked(house: House, kind: str) -> None:
    browser = signed_in(house, kind)
    house.calls.clear()
    sign_out(browser)
    assert house.calls == []


def test_signing_in_again_asks_for_the_person_once_more(house: House) -> None:
    house.world.single_sign_on = True
    browser = signed_in(house, "globex")
    sign_out(browser, follow=True)
    assert "person" in browser.begin("globex").text
    assert browser.sign_in("globex").url.endswith("/softphone")


@pytest.mark.parametrize("kind", KINDS)
def test_with_the_provider_down_it_is_over_all_the_same(house: House, kind: str) -> None:
    browser = signed_in(house, kind)
    house.services.flow._upstream._metadata._shelf._places.clear()  # as in a replica that was just started
    del house.adapter.applications[SANDBOX]
    with capture_logs() as lines:
        answer = sign_out(browser)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/logged-out")
    assert not {"AC_TOKEN", "bridge_session"} & browser.cookies().keys()
    assert records(house) == []
    failures = [line for line in lines if line["event"] == "sign_out_at_provider"]
    assert {line["code"] for line in failures} == (set() if kind == "initech" else {"idp_unreachable"})


def test_a_request_that_was_on_its_way_cannot_bring_it_back(house: House) -> None:
    browser = signed_in(house)
    token, tab = browser.csrf_token(), another_tab(house, browser)
    sign_out(browser)
    for answer in (
        tab.fetch("/session"),
        another_tab(house, tab).post("/session/renew", None, **{"X-CSRF-Token": token}),
        another_tab(house, tab).post("/session/token", None, **{"X-CSRF-Token": token}),
    ):
        assert answer.status_code == 401
    assert records(house) == []


def test_another_tab_hears_that_the_session_has_ended(house: House) -> None:
    browser = signed_in(house)
    tab = another_tab(house, browser)
    sign_out(browser)
    answer = tab.fetch("/session")
    assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")
    assert tab.cookie("AC_TOKEN") is None
    assert tab.cookie("bridge_session") is None


def test_another_browser_of_the_same_person_stays(house: House) -> None:
    here, there = signed_in(house), signed_in(house)
    sign_out(here)
    assert there.fetch("/session").status_code == 200


def test_signing_out_twice_leads_to_the_sign_in_page(house: House) -> None:
    browser = signed_in(house)
    token, tab = browser.csrf_token(), another_tab(house, browser)
    sign_out(browser)
    answer = tab.submit("/logout", {"csrf_token": token}, follow=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": ""}])
def test_another_site_cannot_sign_anybody_out(house: House, headers: dict[str, str]) -> None:
    browser = signed_in(house)
    answer = browser.submit("/logout", {"csrf_token": browser.csrf_token()}, follow=False, **headers)
    assert answer.status_code == 403
    assert browser.fetch("/session").status_code == 200


def test_it_is_counted_and_written_down_without_a_name(house: House) -> None:
    browser = signed_in(house)
    with capture_logs() as lines:
        sign_out(browser)
    (line,) = [line for line in lines if line["event"] == "sign_out"]
    assert (line["connection"], line["code"]) == ("globex", "ok")
    assert "lin" not in str(line)
    assert 'event="sign_out"' in browser.fetch("/metrics").text
