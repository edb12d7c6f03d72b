"""Logout that a provider is said to ask for: whatever is not its own word ends nobody's session and leaves no row.

The tokens that the OpenID Foundation's test plans name are rows of ``test_relying_party_logout``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from tests.journeys.steps import records, signed_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kit.browser import Browser
    from tests.kit.house import House

ISSUER = "http://localhost:5100/oidc"
BACK, FRONT = "/backchannel-logout/globex", "/frontchannel-logout/globex"
INVALID = (400, "logout_token_invalid")
Forms = list[tuple[str, str]]


def token(house: House, **claims: Any) -> Forms:
    return [("logout_token", house.world.logout_token("globex", "lin", **claims))]


TOKENS: dict[str, Callable[[House], Forms]] = {
    "no token": lambda _: [],
    "an empty one": lambda _: [("logout_token", "")],
    "garbage": lambda _: [("logout_token", "a.b.c")],
    "a huge one": lambda _: [("logout_token", "e" * 20_000)],
    "two": lambda house: token(house) + token(house),
    "an ID token": lambda house: [("logout_token", records(house)[0].tokens.unverified_id_token)],
    "another provider's": lambda house: [("logout_token", house.world.logout_token("contoso", "lin"))],
    "one that names nobody": lambda house: token(house, sub=None),
    "one without an id": lambda house: token(house, jti=None),
    "an old one": lambda house: token(house, iat=int(house.clock()) - 3600),
    "one that has ended": lambda house: token(house, exp=int(house.clock()) - 3600),
}
FRAMES = {
    "foreign issuer": {"iss": "https://evil.example", "sid": "s"},
    "issuer with a slash": {"iss": f"{ISSUER}/", "sid": "s"},
    "no session": {"iss": ISSUER},
    "no issuer": {"sid": "s"},
    "long session": {"iss": ISSUER, "sid": "s" * 256},
}


@pytest.fixture(scope="module")
def agent(shared: House) -> Browser:
    """Somebody who is signed in, and must be so after every refusal."""
    return signed_in(shared)


def post(house: House, path: str, form: Forms) -> tuple[int, str]:
    answer = house.browser().wire.post(f"{house.settings.public_url}{path}", data=form, timeout=30)
    return answer.status_code, answer.json().get("code", "")


@pytest.mark.parametrize("what", TOKENS)
def test_a_token_that_is_not_the_providers_word_is_refused(shared: House, agent: Browser, what: str) -> None:
    form = TOKENS[what](shared)
    before, journal = shared.rows(), len(shared.journal())
    assert post(shared, BACK, form) == INVALID
    assert agent.fetch("/session").status_code == 200
    assert (shared.rows(), len(shared.journal())) == (before, journal)


def test_a_provider_of_plain_oauth_and_an_unknown_one_have_no_such_tokens(shared: House) -> None:
    assert post(shared, "/backchannel-logout/initech", token(shared)) == INVALID
    assert post(shared, "/backchannel-logout/nobody", token(shared)) == (404, "connection_unknown")


@pytest.mark.parametrize("what", FRAMES)
def test_a_frame_that_names_no_session_of_this_provider_is_refused(shared: House, agent: Browser, what: str) -> None:
    before = shared.rows()
    answer = agent.open(f"{FRONT}?{urlencode(FRAMES[what])}", follow=False, **{"Sec-Fetch-Dest": "iframe"})
    assert answer.status_code == 400
    assert agent.fetch("/session").status_code == 200
    assert shared.rows() == before
