"""Mode jwt: the platform signs for its agents, with one key or two, whoever told the bridge who they are."""

from __future__ import annotations

import uuid
from base64 import urlsafe_b64decode
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import jwt
import pytest

from bridge.checks import connection as checks
from bridge.core.mapping import account_name_of
from bridge.core.model import IdentityProvider, JwtSigning, Secret
from bridge.core.trace import Trace
from bridge.sandbox.keys import new_rsa, private_pem, public_pem
from bridge.upstream.metadata import KeyCache, MetadataCache
from tests.journeys.steps import asked, refused, signed_in
from tests.kit.clock import Clock
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from bridge.core.model import Connection
    from tests.kit.browser import Browser
    from tests.kit.house import House

    Build = Callable[..., House]

ISSUER: Final = "https://crm.example.com"
KINDS: Final = ("contoso", "acme", "globex", "initech")
FIELDS: Final = {"grant_type", "scope", "redirect_url", "subject_token", "subject_issuer"}
AN_HOUR: Final = 3600


@cache
def key(name: str) -> RSAPrivateKey:
    del name
    return new_rsa()


def signing(**changes: Any) -> JwtSigning:
    return replace(JwtSigning(ISSUER, Secret(private_pem(key("present"))), lifetime=90), **changes)


def public(name: str) -> str:
    return public_pem(key(name).public_key())


def built(folder: Path, without_provider: str = "", **changes: Any) -> House:
    """Return a house whose connections are all in mode jwt, and whose Fuyun knows the present key."""
    settings = demo_settings(folder)
    connections = tuple(
        replace(_without_provider(one) if one.name == without_provider else one, mode="jwt", jwt=signing(**changes))
        for one in settings.connections
    )
    house = build_house(replace(settings, connections=connections))
    for name in KINDS:
        house.world.use_jwt(name, ISSUER, public("present"))
    return house


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Build houses for one test."""
    houses: list[House] = []

    def build(**changes: Any) -> House:
        houses.append(built(tmp_path, **changes))
        return houses[-1]

    yield build
    for house in houses:
        house.services.database.close()


@pytest.fixture(scope="module")
def minting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with one key, for tests that change nothing out there."""
    house = built(tmp_path_factory.mktemp("minting"))
    yield house
    house.services.database.close()


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house in which Globex has no provider."""
    house = built(tmp_path_factory.mktemp("platform"), without_provider="globex")
    yield house
    house.services.database.close()


def _without_provider(connection: Connection) -> Connection:
    return replace(connection, idp=IdentityProvider("none", ""), domains=(), hosts=())


def exchanges(house: House) -> list[dict[str, str]]:
    """Return the forms that Fuyun was sent, oldest first."""
    received = house.world.requests_to("/oauth/token_exchange")
    return [{name: value for name, (value,) in one.form.items()} for one in received]


def claims_of(subject_token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(subject_token, options={"verify_signature": False})
    return claims


def verified_with(subject_token: str) -> str:
    for name in ("present", "next"):
        try:
            jwt.PyJWS().decode(subject_token, public(name), algorithms=["RS256"])
        except jwt.InvalidSignatureError:
            continue
        return name
    return "neither"


def agent_of(browser: Browser) -> str:
    name: str = claims_of(browser.cookie("AC_TOKEN") or "")["user_name"]
    return name


def in_seconds(seconds: float) -> str:
    """Return the moment that is so many seconds away, as the settings hold it."""
    return f"{datetime.fromtimestamp(Clock()() + seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize("connection", KINDS)
def test_at_every_kind_of_provider_the_verified_mapping_field_is_signed_and_nothing_else(
    minting: House, connection: str
) -> None:
    browser = signed_in(minting, connection)
    account_name = minting.world.account_name(connection, "lin")
    assert agent_of(browser) == account_name
    form = exchanges(minting)[-1]
    assert (set(form), form["subject_issuer"]) == (FIELDS, ISSUER)
    assert urlsafe_b64decode(form["subject_token"].split(".")[0] + "==") == b'{"alg":"RS256","typ":"JWT"}'
    claims = jwt.decode(form["subject_token"], key("present").public_key(), ["RS256"], options={"verify_exp": False})
    jti, expires_at = claims.pop("jti"), claims.pop("exp")
    assert (str(uuid.UUID(jti)), uuid.UUID(jti).version) == (jti, 4)
    assert 80 < expires_at - minting.clock() <= 90
    assert claims == {"iss": ISSUER, "user_name": account_name}


def test_an_account_name_in_chinese_arrives_as_it_is(minting: House) -> None:
    assert agent_of(signed_in(minting, "globex", "fang")) == "王芳"


def test_a_renewal_signs_a_jwt_of_its_own(build: Build) -> None:
    house = build()
    browser = signed_in(house, "globex")
    before = browser.cookie("AC_TOKEN")
    house.clock.advance(AN_HOUR)
    assert browser.post("/session/renew").json()["access_token"] != before
    first, second = (claims_of(form["subject_token"]) for form in exchanges(house))
    assert first["jti"] != second["jti"]
    assert second["exp"] - first["exp"] == pytest.approx(AN_HOUR, abs=5)
    assert first["user_name"] == second["user_name"] == "lin"


def test_an_agent_without_an_account_field_is_refused_before_anything_is_signed(minting: House) -> None:
    before = len(exchanges(minting))
    page = minting.browser().sign_in("globex", "bo")
    assert (page.status_code, "mapping_field_missing" in page.text) == (403, True)
    assert len(exchanges(minting)) == before


class TestMilliseconds:
    @pytest.mark.parametrize("insists", ["seconds", "milliseconds"])
    @pytest.mark.parametrize("sends", ["seconds", "milliseconds"])
    def test_are_sent_only_where_the_switch_says_so(self, build: Build, insists: str, sends: str) -> None:
        house = build(exp_in_milliseconds=sends == "milliseconds")
        house.world.expect_exp_in("globex", insists)
        page = house.browser().sign_in("globex")
        assert (page.status_code, "exchange_rejected" in page.text) == (
            (200, False) if insists == sends else (502, True)
        )
        expires_at = claims_of(exchanges(house)[0]["subject_token"])["exp"]
        assert (expires_at > 10**12) is (sends == "milliseconds")


class TestTwoKeys:
    @pytest.fixture
    def planned(self, build: Build) -> Callable[[float], House]:
        """Build a house whose next key is due so many seconds from now."""

        following = Secret(private_pem(key("next")))
        return lambda seconds: build(next_private_key=following, next_key_from=in_seconds(seconds))

    @pytest.mark.parametrize(
        ("seconds", "in_the_portal", "tries"),
        [
            (AN_HOUR, "present", 1),
            (AN_HOUR, "next", 2),
            (-AN_HOUR, "present", 2),
            (-AN_HOUR, "next", 1),
        ],
    )
    def test_whichever_the_portal_has_signs_people_in_and_renews(
        self, planned: Callable[[float], House], seconds: float, in_the_portal: str, tries: int
    ) -> None:
        house = planned(seconds)
        house.world.replace_public_key("globex", public(in_the_portal))
        browser = signed_in(house, "globex")
        assert asked(house)[-tries:] == ["token_exchange"] * tries
        assert browser.post("/session/renew").status_code == 200
        assert asked(house) == ["token", *["token_exchange"] * tries]
        assert len({claims_of(form["subject_token"])["jti"] for form in exchanges(house)}) == 2 * tries

    @pytest.mark.parametrize("saved_after", [-1.0, 0.0, 1.0], ids=["early", "on time", "late"])
    def test_the_change_costs_no_sign_in_and_no_renewal_however_punctual_the_portal_is(
        self, planned: Callable[[float], House], saved_after: float
    ) -> None:
        house = planned(2 * AN_HOUR)
        browser = signed_in(house, "globex")
        for half_hours in range(8):
            if half_hours / 2 == 2 + saved_after:
                house.world.replace_public_key("globex", public("next"))
            assert browser.post("/session/renew").status_code == 200
            house.clock.advance(AN_HOUR / 2)
        assert signed_in(house, "globex").cookie("AC_TOKEN")
        assert verified_with(exchanges(house)[0]["subject_token"]) == "present"
        assert verified_with(exchanges(house)[-1]["subject_token"]) == "next"

    @pytest.mark.parametrize(
        ("loses", "told"), [("its agent", "NoAgentFound"), ("both keys", "invalid_grant")], ids=["agent", "keys"]
    )
    def test_where_both_are_refused_what_the_right_one_met_is_told(
        self, planned: Callable[[float], House], loses: str, told: str
    ) -> None:
        house = planned(AN_HOUR)
        browser = signed_in(house, "globex")
        house.world.replace_public_key("globex", public("next" if loses == "its agent" else "another"))
        house.world.remove_agent("lin")
        answer = browser.post("/session/renew")
        assert (refused(answer), answer.json()["received"]) == ((502, "exchange_rejected"), told)
        house.world.replace_public_key("globex", public("present"))
        answer = browser.post("/session/renew")
        assert (refused(answer), answer.json()["received"]) == ((502, "exchange_rejected"), "NoAgentFound")

    def test_an_outage_of_fuyun_is_no_reason_to_try_the_other_one(self, planned: Callable[[float], House]) -> None:
        house = planned(AN_HOUR)
        browser = signed_in(house, "globex")
        house.world.faults.set("exchange", "http_500")
        asked(house)
        assert refused(browser.post("/session/renew")) == (504, "exchange_unreachable")
        assert asked(house) == ["token", "token_exchange"]


class TestWithoutAProvider:
    @pytest.fixture
    def platform(self, platform: House) -> House:
        """The house, of which nobody has asked anything outside yet."""
        platform.calls.clear()
        return platform

    @pytest.mark.parametrize("path", ["/login/globex", "/login/GLOBEX?next=/softphone", "/login/globex?prompt=none"])
    def test_nobody_signs_in_at_an_address(self, platform: House, path: str) -> None:
        browser = platform.browser()
        page = browser.open(path)
        assert (page.status_code, "no_identity_provider" in page.text) == (404, True)
        assert browser.cookie("AC_TOKEN") is None
        assert platform.calls == []

    @pytest.mark.parametrize(
        ("method", "path", "form", "expected"),
        [
            ("POST", "/backchannel-logout/globex", {"logout_token": "a.b.c"}, (400, "logout_token_invalid")),
            ("POST", "/backchannel-logout/globex", {}, (400, "logout_token_invalid")),
            ("GET", "/frontchannel-logout/globex?iss=&sid=1", {}, (400, "request_invalid")),
            ("GET", "/frontchannel-logout/globex?iss=https://a.example&sid=1", {}, (400, "request_invalid")),
            ("GET", "/login/globex/initiate?iss=https://a.example", {}, (400, "idp_answer_invalid")),
            ("GET", "/callback/globex?state=x&code=y", {}, (400, "state_unknown")),
        ],
    )
    def test_a_providers_addresses_refuse_whatever_comes(
        self, platform: House, method: str, path: str, form: dict[str, str], expected: tuple[int, str]
    ) -> None:
        wire, headers = platform.browser().wire, {"Accept": "application/json"}
        url = f"{platform.settings.public_url}{path}"
        assert refused(wire.request(method, url, data=form, headers=headers, timeout=5)) == expected
        assert platform.calls == []

    def test_check_asks_fuyun_and_the_contact_center_and_no_provider(self, platform: House) -> None:
        outbound = platform.services.flow._upstream._outbound
        connection = platform.services.connections.get("globex")
        found = checks.probe_connection(
            platform.services, connection, outbound, MetadataCache(outbound), KeyCache(outbound)
        )
        names = ("signing key", "fuyun", "contact center")
        assert [(one.name, one.level) for one in found] == [(name, "ok") for name in names]

    def test_the_platforms_word_is_enough_for_a_token(self, platform: House) -> None:
        connection = platform.services.connections.get("globex")
        token = platform.services.issue.on_behalf(connection, account_name_of("lin"), Trace())
        assert token.unverified_user_name == "lin"
        assert asked(platform) == ["token_exchange"]
