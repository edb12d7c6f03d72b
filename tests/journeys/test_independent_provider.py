"""The whole road with an OpenID provider that we did not write: Canaille, over real HTTP on this machine.

Fuyun is the sandbox's; in mode oauth it asks Canaille's UserInfo endpoint by itself, with the token it was given.
"""

from __future__ import annotations

import os
import ssl
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from requests.adapters import HTTPAdapter

from bridge.app import create_app
from bridge.outbound import Outbound, PooledAdapter
from bridge.sandbox.app import create_sandbox
from bridge.sandbox.keys import new_rsa, private_pem, public_pem
from bridge.sandbox.registrations import FuyunApplication
from bridge.settings import load
from tests.kit.canaille import CLIENT_ID, CLIENT_SECRET, canaille_running
from tests.kit.clock import Clock
from tests.kit.crossing import Crossing
from tests.kit.house import BRIDGE, SANDBOX, House

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from requests import Response

    from tests.kit.browser import Browser
    from tests.kit.canaille import Canaille

ACCOUNT = "lin@yaal.example"
FUYUN_SECRET = "the-secret-that-fuyun-knows"
CONFIGURATION = """
public_url = "{public_url}"
secret_keys = ["a key of this test, longer than thirty-two characters"]
store.database = "sqlite:///{folder}/bridge.db"

[[connections]]
name = "yaal"
mode = "{mode}"
mapping_field = "email"
instance_id = "ccc_xp_demo"

[connections.idp]
kind = "oidc"
issuer = "{issuer}"
client_id = "{client_id}"
client_secret = "{client_secret}"
{more}

[connections.fuyun]
client_id = "idp_yaal"
client_secret = "{fuyun_secret}"
token_exchange_url = "{sandbox}/oauth/token_exchange"
"""
SIGNING = """
[connections.jwt]
issuer = "https://crm.yaal.example"
private_key = {{ file = "{folder}/yaal.pem" }}
"""

# joserfc warns of the algorithm name EdDSA (RFC 9864), which Canaille and most of its kind still use.
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")


@pytest.fixture(scope="module")
def running_canaille() -> Iterator[Canaille]:
    with canaille_running(f"{BRIDGE}/callback/yaal", f"{BRIDGE}/logged-out") as running:
        yield running


@pytest.fixture
def canaille(running_canaille: Canaille) -> Canaille:
    running_canaille.forget_everything()
    return running_canaille


@pytest.fixture
def furnish(tmp_path: Path, canaille: Canaille) -> Iterator[Callable[..., House]]:
    """Builds a bridge for Canaille: ``furnish(mode, client_secret=…, more=…)``."""
    houses: list[House] = []

    def build(mode: str = "oauth", *, client_secret: str = CLIENT_SECRET, more: str = "") -> House:
        houses.append(_house(tmp_path, canaille, mode, client_secret, more))
        return houses[-1]

    yield build
    for house in houses:
        house.services.database.close()
        house.adapter.close()


@pytest.fixture
def house(furnish: Callable[..., House]) -> House:
    return furnish()


@pytest.fixture
def browser(house: House) -> Browser:
    return house.browser()


def _house(folder: Path, canaille: Canaille, mode: str, client_secret: str, more: str) -> House:
    key, clock = _signing_key(), Clock()
    (folder / "yaal.pem").write_text(private_pem(key), "utf-8")
    text = (CONFIGURATION + (SIGNING if mode == "jwt" else "")).format(
        public_url=BRIDGE, folder=folder, mode=mode, issuer=canaille.issuer, client_id=CLIENT_ID,
        client_secret=client_secret, fuyun_secret=FUYUN_SECRET, sandbox=SANDBOX, more=more,
    )  # fmt: skip
    (folder / "bridge.toml").write_text(text, "utf-8")
    settings = load(folder / "bridge.toml", os.environ)

    sandbox = create_sandbox(SANDBOX, now=clock)
    world = sandbox.extensions["world"]
    world.fuyun_apps["idp_yaal"] = FuyunApplication(
        "yaal", "idp_yaal", FUYUN_SECRET, "email", mode, redirect_urls=frozenset({f"{BRIDGE}/callback/yaal"}),
        jwt_issuer="https://crm.yaal.example", jwt_public_key=public_pem(key.public_key()),
    )  # fmt: skip
    world.add_agent(ACCOUNT)
    world.userinfo_by_token = lambda _app_name, token: _userinfo(canaille, token)

    calls: list[tuple[str, str]] = []
    outwards = Crossing(PooledAdapter(ssl.create_default_context()))
    outwards.before = lambda request: calls.append((str(request.method), str(request.url)))
    outwards.mount(SANDBOX, sandbox)
    app = create_app(settings, outbound=Outbound(adapter=outwards), now=clock)
    adapter = Crossing(HTTPAdapter())
    adapter.mount(BRIDGE, app)
    return House(app, settings, world, adapter, clock, calls)


@cache
def _signing_key() -> RSAPrivateKey:
    return new_rsa()


def _userinfo(canaille: Canaille, token: str) -> dict[str, Any] | None:
    """Ask Canaille as Fuyun does: who is the bearer of this token?"""
    bearer = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{canaille.issuer}/oauth/userinfo", headers=bearer, timeout=10)
    if answer.headers["Content-Type"] == "application/jwt":
        return dict(jwt.decode(answer.text, options={"verify_signature": False, "verify_aud": False}))
    return dict(answer.json()) if answer.ok else None


def _is_on_the_phone(page: Response) -> bool:
    return page.status_code == 200 and urlsplit(page.url).path == "/softphone"


def _fuyun_names(browser: Browser) -> str:
    options: Any = {"verify_signature": False, "verify_exp": False}
    return str(jwt.decode(browser.cookie("AC_TOKEN") or "", options=options)["user_name"])


# Sign-in --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["oauth", "jwt"])
def test_an_agent_signs_in_with_the_providers_own_forms(
    furnish: Callable[..., House], canaille: Canaille, mode: str
) -> None:
    browser = furnish(mode).browser()
    landed = canaille.sign_in(browser, "yaal", "?next=/softphone?record=7")
    assert _is_on_the_phone(landed)
    assert landed.url.endswith("?record=7")
    session = browser.fetch("/session").json()
    assert (session["connection"], session["account_name"]) == ("yaal", ACCOUNT)
    assert session["display_name"] == "Lin Example"
    assert _fuyun_names(browser) == ACCOUNT


def test_everything_is_found_out_from_the_issuer_alone(house: House, browser: Browser, canaille: Canaille) -> None:
    canaille.sign_in(browser, "yaal")
    asked = [(method, urlsplit(url).path) for method, url in house.calls if url.startswith(canaille.issuer)]
    assert asked == [
        ("GET", "/.well-known/openid-configuration"),
        ("POST", "/oauth/token"),
        ("GET", "/oauth/jwks.json"),
        ("GET", "/oauth/userinfo"),
    ]


def test_the_provider_demands_nonce_and_pkce_and_gets_them(browser: Browser, canaille: Canaille) -> None:
    canaille.sign_in(browser, "yaal")
    departure = browser.open("/login/yaal", follow=False).headers["Location"]
    assert parse_qs(urlsplit(departure).query)["code_challenge_method"] == ["S256"]
    for needed in ("nonce=", "code_challenge="):
        without = "&".join(pair for pair in departure.split("&") if not pair.startswith(needed))
        refused = browser.open(without, follow=False)
        assert "code=" not in refused.headers.get("Location", "")


def test_somebody_the_provider_knows_already_sees_none_of_its_pages(browser: Browser, canaille: Canaille) -> None:
    canaille.sign_in(browser, "yaal")
    assert _is_on_the_phone(browser.open("/login/yaal"))


def test_a_declined_consent_is_told_as_the_provider_told_it(browser: Browser, canaille: Canaille) -> None:
    page = browser.press(canaille.log_in(browser, browser.begin("yaal")), {"answer": "deny"})
    assert page.status_code == 400
    assert "idp_error" in page.text
    assert "access_denied" in page.text


def test_an_answer_that_lost_its_issuer_is_refused_before_the_code_is_spent(
    house: House, browser: Browser, canaille: Canaille
) -> None:
    consent = canaille.log_in(browser, browser.begin("yaal"))
    back = browser.press(consent, {"answer": "accept"}, follow=False).headers["Location"]
    house.calls.clear()
    page = browser.open(back.partition("&iss=")[0])
    assert "idp_answer_invalid" in page.text
    assert house.calls == []


# Ways in which providers differ ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["RS256", "PS384", "ES256", "EdDSA"])
def test_the_id_token_may_be_signed_in_every_usual_way(browser: Browser, canaille: Canaille, algorithm: str) -> None:
    with canaille.changed(id_token_signed_response_alg=algorithm):
        assert _is_on_the_phone(canaille.sign_in(browser, "yaal"))


def test_userinfo_may_come_signed(browser: Browser, canaille: Canaille) -> None:
    with canaille.changed(userinfo_signed_response_alg="RS256"):
        assert _is_on_the_phone(canaille.sign_in(browser, "yaal"))


def test_the_client_may_have_to_prove_itself_in_the_body(furnish: Callable[..., House], canaille: Canaille) -> None:
    with canaille.changed(token_endpoint_auth_method="client_secret_post"):
        house = furnish(more='token_endpoint_auth_method = "client_secret_post"')
        assert _is_on_the_phone(canaille.sign_in(house.browser(), "yaal"))


def test_new_keys_are_fetched_when_the_provider_changes_them(house: House, canaille: Canaille) -> None:
    canaille.sign_in(house.browser(), "yaal")
    canaille.rotate_keys()
    assert _is_on_the_phone(canaille.sign_in(house.browser(), "yaal"))


def test_a_wrong_client_secret_is_told_as_such(furnish: Callable[..., House], canaille: Canaille) -> None:
    page = canaille.sign_in(furnish(client_secret="out of date").browser(), "yaal")
    assert "idp_error" in page.text
    assert "invalid_client" in page.text


# Renewal --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["oauth", "jwt"])
def test_renewal_follows_the_providers_rotating_refresh_tokens(
    furnish: Callable[..., House], canaille: Canaille, mode: str
) -> None:
    house = furnish(mode)
    browser = house.browser()
    canaille.sign_in(browser, "yaal")
    before = browser.cookie("AC_TOKEN")
    for _ in range(3):
        house.clock.advance(11)
        assert browser.post("/session/renew").status_code == 200
    assert browser.cookie("AC_TOKEN") != before
    assert _fuyun_names(browser) == ACCOUNT
    *spent, current = canaille.tokens()
    assert len(spent) == 3
    assert all(token.revokation_date for token in spent)
    assert not current.revokation_date


@pytest.mark.parametrize("mode", ["oauth", "jwt"])
def test_somebody_whose_tokens_were_taken_back_signs_in_again(
    furnish: Callable[..., House], canaille: Canaille, mode: str
) -> None:
    house = furnish(mode)
    browser = house.browser()
    canaille.sign_in(browser, "yaal")
    canaille.revoke_everything()
    house.clock.advance(11)
    refusal = browser.post("/session/renew")
    assert (refusal.status_code, refusal.json()["code"]) == (401, "login_required")
    assert browser.cookie("AC_TOKEN") is None
    assert browser.fetch("/session").status_code == 401


def test_a_refusal_that_does_not_condemn_the_refresh_token_ends_nothing(house: House, canaille: Canaille) -> None:
    browser = house.browser()
    canaille.sign_in(browser, "yaal")
    house.clock.advance(11)
    with canaille.lin_is_locked():  # Canaille says invalid_request then, where RFC 6749 section 5.2 has invalid_grant
        refusal = browser.post("/session/renew")
    assert refusal.json()["code"] == "idp_error"
    assert browser.fetch("/session").status_code == 200
    assert browser.post("/session/renew").status_code == 200


# Logout ---------------------------------------------------------------------------------------------------------------


def test_signing_out_signs_out_at_the_provider_and_comes_back(browser: Browser, canaille: Canaille) -> None:
    canaille.sign_in(browser, "yaal")
    leaving = browser.post("/logout")
    assert leaving.status_code == 303
    asked = parse_qs(urlsplit(leaving.headers["Location"]).query)
    assert leaving.headers["Location"].startswith(f"{canaille.issuer}/oauth/end_session?")
    assert asked["post_logout_redirect_uri"] == [f"{BRIDGE}/logged-out"]
    assert asked["client_id"] == [CLIENT_ID]

    landed = browser.open(leaving.headers["Location"])
    assert landed.status_code == 200
    assert urlsplit(landed.url).path == "/logged-out"
    assert parse_qs(urlsplit(landed.url).query)["state"] == asked["state"]
    assert browser.fetch("/session").status_code == 401
    assert urlsplit(browser.begin("yaal").url).path == "/login", "Canaille asks who is there"


def test_signing_out_takes_the_refresh_token_back(browser: Browser, canaille: Canaille) -> None:
    canaille.sign_in(browser, "yaal")
    browser.post("/logout")
    assert [bool(token.revokation_date) for token in canaille.tokens()] == [True]
