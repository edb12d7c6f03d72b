"""What a browser, or somebody who leads one, can bring that is wrong: origins, CSRF tokens, names, parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from tests.kit.house import build_house, change, demo_settings
from tests.refusals.refused import (
    BROUGHT_INVALID,
    CONNECTION_DISABLED,
    CONNECTION_UNKNOWN,
    CSRF_FAILED,
    LOGIN_REQUIRED,
    PAGE,
    PROBLEM,
    REQUEST_INVALID,
    SESSION_MISSING,
    STATE_UNKNOWN,
    Refusal,
    assert_refused,
)

if TYPE_CHECKING:
    from requests.models import Response

    from tests.kit.browser import Browser
    from tests.kit.house import House

# POST: the origin and the CSRF token ----------------------------------------------------------------------------------


POSTS: Final = ("/logout", "/session/token", "/session/renew")
FORGED: Final[dict[str, dict[str, str | bytes | None]]] = {
    "no Origin": {"Origin": None},
    "foreign Origin": {"Origin": "https://evil.example"},
    "Origin null": {"Origin": "null"},
    "Origin that begins alike": {"Origin": "http://127.0.0.1:5000.evil.example"},
    "Origin of another port": {"Origin": "http://127.0.0.1:5001"},
    "Origin with https": {"Origin": "https://127.0.0.1:5000"},
    "Origin in a Referer only": {"Origin": None, "Referer": "http://127.0.0.1:5000/softphone"},
    "two Origins": {"Origin": "http://127.0.0.1:5000, https://evil.example"},
    "no CSRF token": {"X-CSRF-Token": None},
    "empty CSRF token": {"X-CSRF-Token": ""},
    "invented CSRF token": {"X-CSRF-Token": "IjEi.invented.token"},
    "CSRF token beyond ASCII": {"X-CSRF-Token": b"\xe4\xbb\xa4"},
    "CSRF token of another session": {"X-CSRF-Token": "theirs"},
}


@pytest.fixture(scope="module")
def signed_in(shared: House) -> Browser:
    browser = shared.browser()
    browser.sign_in("globex")
    return browser


@pytest.fixture(scope="module")
def theirs(shared: House) -> str:
    other = shared.browser()
    other.sign_in("globex")
    return other.csrf_token()


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_post_is_refused(shared: House, signed_in: Browser, theirs: str, path: str, forged: str) -> None:
    token = signed_in.cookie("AC_TOKEN")
    headers: dict[str, str | bytes | None] = {"Origin": signed_in.origin, "X-CSRF-Token": signed_in.csrf_token()}
    headers |= FORGED[forged]
    if headers["X-CSRF-Token"] == "theirs":
        headers["X-CSRF-Token"] = theirs
    calls = list(shared.calls)
    for kind in (PAGE, PROBLEM):
        answer = signed_in.wire.post(
            signed_in.origin + path, headers={**kind, **headers}, allow_redirects=False, timeout=30
        )
        assert_refused(answer, CSRF_FAILED, [str(token), theirs])
    assert shared.calls == calls
    assert signed_in.fetch("/session").status_code == 200
    assert signed_in.cookie("AC_TOKEN") == token


@pytest.mark.parametrize("path", POSTS)
def test_a_csrf_token_in_the_address_does_not_count(signed_in: Browser, path: str) -> None:
    address = f"{path}?csrf_token={signed_in.csrf_token()}"
    assert_refused(signed_in.submit(address, {}, follow=False), CSRF_FAILED)


def test_a_csrf_token_twice_is_refused(signed_in: Browser) -> None:
    twice = [("csrf_token", signed_in.csrf_token())] * 2
    headers = {**PAGE, "Origin": signed_in.origin}
    answer = signed_in.wire.post(signed_in.origin + "/logout", data=twice, headers=headers, timeout=30)
    assert_refused(answer, REQUEST_INVALID)


@pytest.mark.parametrize("path", POSTS)
def test_a_post_without_session_is_refused(shared: House, path: str) -> None:
    browser = shared.browser()
    headers = {**PROBLEM, "Origin": browser.origin, "X-CSRF-Token": "x"}
    answer = browser.wire.post(browser.origin + path, headers=headers, allow_redirects=False, timeout=30)
    assert_refused(answer, SESSION_MISSING)
    assert answer.json()["login_url"] == f"{browser.origin}/login"


@pytest.mark.parametrize("path", POSTS)
def test_what_changes_something_is_no_link(signed_in: Browser, path: str) -> None:
    for headers in (PAGE, PROBLEM):
        answer = signed_in.wire.get(signed_in.origin + path, headers=headers, allow_redirects=False, timeout=30)
        assert_refused(answer, ("request_invalid", 405))
        assert "POST" in answer.headers["Allow"]
    assert signed_in.fetch("/session").status_code == 200


# Connections and parameters -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/login/nobody", "/callback/nobody", "/login/nobody/initiate", "/login/%3Cscript%3E"])
def test_an_unknown_connection_is_refused(shared: House, path: str) -> None:
    for headers in (PAGE, PROBLEM):
        answer = shared.browser().wire.get(shared.settings.public_url + path, headers=headers, timeout=30)
        assert_refused(answer, CONNECTION_UNKNOWN)
        assert "<script>" not in answer.text


def test_a_disabled_connection_is_refused_everywhere(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = demo_settings(tmp_path_factory.mktemp("disabled"))
    house = build_house(change(settings, "globex", lambda one: replace(one, enabled=False)))
    browser = house.browser()
    for path in ("/login/globex", "/callback/globex?state=x&code=y", "/login/globex/initiate?iss=x"):
        assert_refused(browser.open(path, follow=False), CONNECTION_DISABLED)
    assert browser.open("/login?login_hint=lin@globex.example", follow=False).status_code == 200
    assert house.calls == []
    house.services.database.close()


LONG: Final = "x" * 9000
BAD_PARAMETERS: Final = {
    "/login?next=/" + "x" * 2000: REQUEST_INVALID,
    "/login?next=/a&next=/b": REQUEST_INVALID,
    "/login?login_hint=" + "x" * 321: REQUEST_INVALID,
    "/login?login_hint=a@b.example&login_hint=c@d.example": REQUEST_INVALID,
    "/login/globex?next=/" + "x" * 2000: REQUEST_INVALID,
    "/login/globex?next=/a&next=/b": REQUEST_INVALID,
    "/login/globex?login_hint=" + "x" * 321: REQUEST_INVALID,
    "/login/globex?login_hint=a&login_hint=b": REQUEST_INVALID,
    "/login/globex?prompt=" + "x" * 65: REQUEST_INVALID,
    "/login/globex?prompt=login&prompt=none": REQUEST_INVALID,
    "/login/globex?prompt=invented": REQUEST_INVALID,
    "/login/globex/initiate?iss=a&iss=b": REQUEST_INVALID,
    "/login/globex/initiate?iss=https://evil.example": BROUGHT_INVALID,
    "/login/globex/initiate": BROUGHT_INVALID,
    "/language/zh?next=/a&next=/b": REQUEST_INVALID,
    "/callback/globex?state=" + LONG: BROUGHT_INVALID,
    "/callback/globex?state=x&code=" + LONG: BROUGHT_INVALID,
    "/callback/globex?state=x&error=" + LONG: BROUGHT_INVALID,
    "/callback/globex?state=x&error=e&error_description=" + LONG: BROUGHT_INVALID,
    "/callback/globex?state=x&iss=" + LONG: BROUGHT_INVALID,
    "/callback/globex?state=x&code=a&code=b": BROUGHT_INVALID,
}


@pytest.mark.parametrize(("address", "refusal"), BAD_PARAMETERS.items(), ids=lambda value: str(value)[:60])
def test_parameters_that_are_repeated_or_too_long_are_refused(shared: House, address: str, refusal: Refusal) -> None:
    kept = shared.rows()
    for headers in (PAGE, PROBLEM):
        answer = shared.browser().wire.get(
            shared.settings.public_url + address, headers=headers, allow_redirects=False, timeout=30
        )
        assert_refused(answer, refusal, [LONG])
        assert "Set-Cookie" not in answer.headers
    assert shared.rows() == kept


@pytest.mark.parametrize("path", ["/logout", "/callback/globex"])
def test_an_oversized_form_is_refused(signed_in: Browser, path: str) -> None:
    answer = signed_in.submit(path, {"filling": "x" * 70_000}, follow=False)
    assert_refused(answer, REQUEST_INVALID)
    assert signed_in.fetch("/session").status_code == 200


# Navigations and scripts ----------------------------------------------------------------------------------------------


KINDS: Final[dict[str, tuple[dict[str, str | None], bool]]] = {
    "navigation": ({"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": "*/*"}, True),
    "navigation of a frame": ({"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe", "Accept": "*/*"}, True),
    "navigation that accepts JSON": ({"Sec-Fetch-Mode": "navigate", "Accept": "application/json"}, True),
    "script": ({"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": "*/*"}, False),
    "script that accepts HTML": ({"Sec-Fetch-Mode": "same-origin", "Accept": "text/html"}, False),
    "picture": ({"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image", "Accept": "image/*"}, False),
    "old browser": ({"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, True),
    "old script": ({"Accept": "application/json"}, False),
    "old script that prefers JSON": ({"Accept": "application/json,text/html;q=0.9"}, False),
    "command line": ({"Accept": "*/*"}, False),
    "nothing said": ({"Accept": None}, False),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_person_gets_a_page_and_a_script_gets_a_problem(shared: House, kind: str) -> None:
    headers, is_page = KINDS[kind]
    address = f"{shared.settings.public_url}/callback/globex"
    answer = shared.browser().wire.get(address, headers=headers, timeout=30)
    assert_refused(answer, STATE_UNKNOWN)
    assert answer.headers["Content-Type"].startswith("text/html" if is_page else "application/problem+json")


@pytest.mark.parametrize("mode", ["cors", "no-cors", "same-origin", "websocket"])
def test_a_script_starts_no_sign_in(shared: House, mode: str) -> None:
    calls = list(shared.calls)
    answer: Response = shared.browser().open("/login/globex", follow=False, **{"Sec-Fetch-Mode": mode})
    assert_refused(answer, LOGIN_REQUIRED)
    assert "Set-Cookie" not in answer.headers
    assert shared.calls == calls


def test_the_phone_without_session_leads_a_person_to_sign_in_and_tells_a_script(shared: House) -> None:
    browser = shared.browser()
    page = browser.open("/softphone?record=7", follow=False)
    assert (page.status_code, page.headers["Location"]) == (303, "/login?next=%2Fsoftphone%3Frecord%3D7")
    assert_refused(browser.fetch("/softphone"), SESSION_MISSING)
    assert_refused(browser.open("/session", follow=False), SESSION_MISSING)
