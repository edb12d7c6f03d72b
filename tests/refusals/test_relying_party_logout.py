"""The foundation's logout plans: begun by us, told by the provider's server, and told by a frame of its page."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.journeys.steps import records, signed_in
from tests.kit.hostile import compact
from tests.refusals.relying_party import PLANS, es256, unsigned

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests.models import Response

    from tests.kit.browser import Browser
    from tests.kit.hostile import Sign
    from tests.kit.house import House

ISSUER: Final = "http://localhost:5100/oidc"
BACK: Final = "oidcc-client-test-rp-backchannel-rpinitlogout"
OTHER_EVENT: Final[dict[str, object]] = {"http://schemas.openid.net/event/foobar": {}}
STATES: Final[dict[str, Callable[[str], dict[str, str]]]] = {
    "oidcc-client-test-rp-init-logout": lambda state: {"state": state},
    "oidcc-client-test-rp-init-logout-other-state": lambda state: {"state": f"{state}1"},
    "oidcc-client-test-rp-init-logout-no-state": lambda _: {},
}
FRAMES: Final = ("oidcc-client-test-rp-frontchannel-rpinitlogout", "oidcc-client-test-rp-frontchannel-opinitlogout")


def token(house: House, **claims: Any) -> str:
    return house.world.logout_token("globex", "lin", **claims)


def signed_otherwise(house: House, header: dict[str, Any], sign: Sign) -> str:
    """Return a logout token whose only fault is its signature."""
    payload = token(house).split(".")[1]
    return compact(header, urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), sign)


def wrong_alg(house: House) -> str:
    # The provider says that it signs with RS256.
    kid = house.world.keys["globex"].current.kid
    return signed_otherwise(house, {"alg": "ES256", "typ": "logout+jwt", "kid": kid}, es256)


TOKENS: Final[dict[str, Callable[[House], str]]] = {
    f"{BACK}-alg-none": lambda house: signed_otherwise(house, {"alg": "none", "typ": "logout+jwt"}, unsigned),
    f"{BACK}-no-event": lambda house: token(house, events=None),
    f"{BACK}-with-nonce": lambda house: token(house, nonce="logout_tokens_must_not_contain_a_nonce"),
    f"{BACK}-wrong-alg": wrong_alg,
    f"{BACK}-wrong-aud": lambda house: token(house, aud=f"{house.world.client_of('globex').client_id}1"),
    f"{BACK}-wrong-event": lambda house: token(house, events=OTHER_EVENT),
    f"{BACK}-wrong-iss": lambda house: token(house, iss=f"{ISSUER}1"),
}


def sign_out(browser: Browser) -> Response:
    return browser.submit("/logout", {"csrf_token": browser.csrf_token()}, follow=False)


def tell(house: House, logout_token: str) -> Response:
    """Post a logout token as the provider's server does."""
    form, address = {"logout_token": logout_token}, f"{house.settings.public_url}/backchannel-logout/globex"
    return house.browser().wire.post(address, data=form, timeout=30)


@pytest.fixture(scope="module")
def agent(shared: House) -> Browser:
    """Somebody who is signed in, and must be so after every refusal."""
    return signed_in(shared)


@pytest.mark.parametrize("row", STATES)
def test_the_way_back_from_the_providers_logout_ends_on_our_page(shared: House, agent: Browser, row: str) -> None:
    browser, known = signed_in(shared), records(shared)
    onward = sign_out(browser).headers["Location"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(onward).query).items()}
    assert asked["id_token_hint"] in {one.tokens.unverified_id_token for one in known}
    back = urlsplit(browser.open(onward, follow=False).headers["Location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == asked["post_logout_redirect_uri"]
    assert parse_qs(back.query) == {"state": [asked["state"]]}
    page = browser.open(f"{asked['post_logout_redirect_uri']}?{urlencode(STATES[row](asked['state']))}")
    assert (page.status_code, len(page.history)) == (200, 0)
    assert 'href="/login"' in page.text
    assert [browser.fetch("/session").status_code, agent.fetch("/session").status_code] == [401, 200]


def test_a_logout_token_ends_the_session_it_names_and_may_come_after_its_end(shared: House, agent: Browser) -> None:
    before = {one.id for one in records(shared)}
    browser = signed_in(shared)
    (mine,) = [one for one in records(shared) if one.id not in before]
    told = [tell(shared, token(shared, sid=mine.sid)) for _ in range(2)]
    assert [(one.status_code, one.json()) for one in told] == [(200, {"ended": 1}), (200, {"ended": 0})]
    assert {one.headers["Cache-Control"] for one in told} == {"no-store"}
    assert [browser.fetch("/session").status_code, agent.fetch("/session").status_code] == [401, 200]


@pytest.mark.parametrize("row", TOKENS)
def test_a_logout_token_with_a_fault_is_answered_400_and_ends_nothing(shared: House, agent: Browser, row: str) -> None:
    before, journal = shared.rows(), len(shared.journal())
    answer = tell(shared, TOKENS[row](shared))
    assert (answer.status_code, answer.json()["code"]) == (400, "logout_token_invalid")
    assert answer.headers["Cache-Control"] == "no-store"
    assert agent.fetch("/session").status_code == 200
    assert (shared.rows(), len(shared.journal())) == (before, journal)


@pytest.mark.parametrize("row", FRAMES)
def test_a_frame_of_the_providers_page_ends_the_session_it_names(shared: House, agent: Browser, row: str) -> None:
    before = {one.id for one in records(shared)}
    browser = signed_in(shared)
    (mine,) = [one for one in records(shared) if one.id not in before]
    if row.endswith("rpinitlogout"):
        browser.open(sign_out(browser).headers["Location"], follow=False)
    frame = browser.open(
        f"/frontchannel-logout/globex?{urlencode({'iss': ISSUER, 'sid': mine.sid})}",
        follow=False,
        **{"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site", "Referer": "http://localhost:5100/"},
    )
    assert (frame.status_code, frame.headers["Cache-Control"]) == (200, "no-store")
    assert [browser.fetch("/session").status_code, agent.fetch("/session").status_code] == [401, 200]


def test_every_module_of_the_plans_is_a_row() -> None:
    assert set(STATES) == set(PLANS["oidcc-client-rp-initiated-logout-rp-basic"])
    assert {BACK, *TOKENS} == set(PLANS["oidcc-client-back-channel-logout-rp-basic"])
    assert set(FRAMES) >= set(PLANS["oidcc-client-front-channel-logout-rp-basic"])
