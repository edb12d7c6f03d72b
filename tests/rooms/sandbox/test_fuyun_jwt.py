"""How Fuyun judges a platform's JWT: each slip is one row with the very words that it is refused with."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Final

import jwt
import pytest

from bridge.sandbox import world as worlds
from bridge.sandbox.keys import new_rsa, public_pem
from tests.rooms.sandbox.party import Clock, Party, body_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from bridge.sandbox.world import World

ISSUER: Final = "https://crm.example.com"
START: Final = 1_790_000_000


@pytest.fixture(scope="module")
def private_key() -> RSAPrivateKey:
    return new_rsa()


@pytest.fixture(scope="module")
def another_key() -> RSAPrivateKey:
    return new_rsa()


@pytest.fixture
def platform(party: Callable[[str], Party], world: World, private_key: RSAPrivateKey) -> Party:
    world.use_jwt("contoso", ISSUER, public_pem(private_key.public_key()))
    return party("contoso")


def claims(**changes: object) -> dict[str, object]:
    """Return the claims of a platform; a change to None drops the claim."""
    usual = {"iss": ISSUER, "user_name": "lin@contoso.example", "exp": START + 120, "jti": str(uuid.uuid4())}
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def signed(key: RSAPrivateKey, payload: bytes, algorithm: str = "RS256", **header: object) -> str:
    return jwt.PyJWS().encode(payload, key, algorithm=algorithm, headers=header)


def minted(key: RSAPrivateKey, **changes: object) -> str:
    return signed(key, json.dumps(claims(**changes)).encode())


def reason_of(answer: TestResponse) -> str:
    """Return why a JWT was refused, and check that it was in the shape of every such refusal."""
    body = body_of(answer)
    assert (answer.status_code, body["error"]) == (400, "invalid_grant")
    return str(body["error_description"])


def test_a_platforms_jwt_gets_a_token_for_its_agent(platform: Party, private_key: RSAPrivateKey) -> None:
    answer = body_of(platform.exchange(minted(private_key), subject_issuer=ISSUER))
    assert jwt.decode(answer["access_token"], options={"verify_signature": False})["user_name"] == "lin@contoso.example"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://other.example.com"}, "iss is not the registered one"),
        ({"iss": f"{ISSUER}/"}, "iss is not the registered one"),
        ({"iss": [ISSUER]}, "iss is not the registered one"),
        ({"iss": None}, "iss is not the registered one"),
        ({"exp": None}, "exp is missing or not a whole number"),
        ({"exp": str(START + 120)}, "exp is missing or not a whole number"),
        ({"exp": START + 0.5}, "exp is missing or not a whole number"),
        ({"exp": True}, "exp is missing or not a whole number"),
        ({"exp": START}, "exp is in the past"),
        ({"exp": -1}, "exp is in the past"),
        ({"exp": START + 86_401}, "exp is more than a day ahead"),
        ({"exp": (START + 120) * 1000}, "exp is in milliseconds; seconds are expected"),
        ({"jti": None}, "jti is missing or no text"),
        ({"jti": ""}, "jti is missing or no text"),
        ({"jti": 7}, "jti is missing or no text"),
        ({"user_name": None}, "user_name is missing or no text"),
        ({"user_name": " "}, "user_name is missing or no text"),
        ({"user_name": 13800000000}, "user_name is missing or no text"),
        ({"iat": START, "aud": "fuyun"}, "claim aud, iat is none of the documented ones"),
    ],
    ids=lambda part: part if isinstance(part, str) else json.dumps(part),
)
def test_a_bad_claim_is_refused_with_its_reason(
    platform: Party, private_key: RSAPrivateKey, changes: dict[str, object], reason: str
) -> None:
    assert reason_of(platform.exchange(minted(private_key, **changes), subject_issuer=ISSUER)) == reason


BROKEN: Final[dict[str, tuple[Callable[[RSAPrivateKey, RSAPrivateKey], str], str]]] = {
    "another key": (lambda _, other: minted(other), "the signature does not fit the registered public key"),
    "RS512": (lambda key, _: signed(key, json.dumps(claims()).encode(), "RS512"), "alg is not RS256"),
    "PS256": (lambda key, _: signed(key, json.dumps(claims()).encode(), "PS256"), "alg is not RS256"),
    "HS256": (lambda *_: jwt.encode(claims(), "a secret that is long enough for HS256", "HS256"), "alg is not RS256"),
    "none": (lambda *_: jwt.encode(claims(), "", "none"), "alg is not RS256"),
    "kid": (
        lambda key, _: signed(key, json.dumps(claims()).encode(), kid="1"),
        "the header is not alg RS256 and typ JWT alone",
    ),
    "another typ": (
        lambda key, _: signed(key, json.dumps(claims()).encode(), typ="at+jwt"),
        "the header is not alg RS256 and typ JWT alone",
    ),
    "claims are a list": (lambda key, _: signed(key, b"[]"), "the claims are no object"),
    "claims are no JSON": (lambda key, _: signed(key, b"{"), "subject token is no JWT"),
    "claims are too deep": (lambda key, _: signed(key, b"[" * 100_000), "subject token is no JWT"),
    "no JWT": (lambda *_: "garbage", "subject token is no JWT"),
}


@pytest.mark.parametrize("slip", BROKEN)
def test_what_is_not_signed_as_documented_is_refused(
    platform: Party, private_key: RSAPrivateKey, another_key: RSAPrivateKey, slip: str
) -> None:
    make, reason = BROKEN[slip]
    assert reason_of(platform.exchange(make(private_key, another_key), subject_issuer=ISSUER)) == reason


@pytest.mark.parametrize(("user_name", "code"), [("nobody", "NoAgentFound"), ("kim@contoso.example", "AgentFrozen")])
def test_user_name_must_be_an_agent_who_may_work(
    platform: Party, private_key: RSAPrivateKey, user_name: str, code: str
) -> None:
    answer = platform.exchange(minted(private_key, user_name=user_name), subject_issuer=ISSUER)
    assert (answer.status_code, body_of(answer)["Code"]) == (400, code)


@pytest.mark.parametrize("subject_issuer", ["contoso", f"{ISSUER}/"])
def test_subject_issuer_is_the_registered_iss_and_not_the_app_name(
    platform: Party, private_key: RSAPrivateKey, subject_issuer: str
) -> None:
    answer = platform.exchange(minted(private_key), subject_issuer=subject_issuer)
    assert reason_of(answer) == "subject_issuer is not the registered one"


def test_a_providers_access_token_is_worth_nothing_in_mode_jwt(platform: Party) -> None:
    token = platform.tokens()["access_token"]
    assert platform.exchange(token, subject_issuer=ISSUER).status_code == 400


class TestAnId:
    def test_counts_once_as_long_as_the_jwt_lives(
        self, platform: Party, private_key: RSAPrivateKey, clock: Clock
    ) -> None:
        token = minted(private_key)
        assert platform.exchange(token, subject_issuer=ISSUER).status_code == 200
        clock.advance(119)
        assert reason_of(platform.exchange(token, subject_issuer=ISSUER)) == "jti was used before"
        clock.advance(2)
        assert reason_of(platform.exchange(token, subject_issuer=ISSUER)) == "exp is in the past"

    def test_is_not_used_up_by_a_jwt_that_was_refused(self, platform: Party, private_key: RSAPrivateKey) -> None:
        one = str(uuid.uuid4())
        assert platform.exchange(minted(private_key, jti=one, user_name=""), subject_issuer=ISSUER).status_code == 400
        assert platform.exchange(minted(private_key, jti=one), subject_issuer=ISSUER).status_code == 200

    def test_is_kept_in_a_memory_that_has_its_limits(
        self, world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(worlds, "_IDS", 10)
        for number in range(100):
            assert world.is_first_use(f"id {number}", clock() + 60)
            assert not world.is_first_use(f"id {number}", clock() + 60)
            assert len(world._used_jti) <= 10

    def test_makes_room_when_it_has_expired_and_not_before(
        self, world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(worlds, "_IDS", 10)
        assert world.is_first_use("long", clock() + 600)
        for number in range(9):
            world.is_first_use(f"id {number}", clock() + 60)
        clock.advance(61)
        assert world.is_first_use("one more", clock() + 60)
        assert not world.is_first_use("long", clock() + 600)
        assert world._used_jti.keys() == {"long", "one more"}


class TestThePortal:
    def test_takes_another_key_into_its_one_field(
        self, platform: Party, world: World, private_key: RSAPrivateKey, another_key: RSAPrivateKey
    ) -> None:
        world.replace_public_key("contoso", public_pem(another_key.public_key()))
        assert platform.exchange(minted(private_key), subject_issuer=ISSUER).status_code == 400
        assert platform.exchange(minted(another_key), subject_issuer=ISSUER).status_code == 200

    def test_takes_the_bare_base64_of_a_key(self, platform: Party, world: World, private_key: RSAPrivateKey) -> None:
        bare = "".join(public_pem(private_key.public_key()).splitlines()[1:-1])
        world.replace_public_key("contoso", bare)
        assert platform.exchange(minted(private_key), subject_issuer=ISSUER).status_code == 200

    @pytest.mark.parametrize(
        ("exp", "reason"),
        [
            ((START + 120) * 1000, ""),
            (START + 120, "exp is in seconds; milliseconds are expected"),
            (START * 1000, "exp is in the past"),
            ((START + 86_401) * 1000, "exp is more than a day ahead"),
        ],
    )
    def test_may_insist_on_milliseconds(
        self, platform: Party, world: World, private_key: RSAPrivateKey, exp: int, reason: str
    ) -> None:
        world.expect_exp_in("contoso", "milliseconds")
        answer = platform.exchange(minted(private_key, exp=exp), subject_issuer=ISSUER)
        assert answer.status_code == 200 if not reason else reason_of(answer) == reason

    def test_is_filled_in_at_the_control_desk(
        self, party: Callable[[str], Party], http: FlaskClient, private_key: RSAPrivateKey, world: World
    ) -> None:
        entered: dict[str, Any] = {
            "connection": "contoso",
            "issuer": ISSUER,
            "public_key": public_pem(private_key.public_key()),
            "exp_unit": "milliseconds",
        }
        answer = http.post("/sandbox/portal", data={**entered, "back": "companies"})
        assert (answer.status_code, answer.location) == (303, "/#companies")
        token = minted(private_key, exp=(START + 60) * 1000)
        assert party("contoso").exchange(token, subject_issuer=ISSUER).status_code == 200
        assert world.fuyun_of("acme").mode == "oauth"

    @pytest.mark.parametrize(
        "changes", [{"connection": "nobody"}, {"issuer": ""}, {"public_key": "no key"}, {"exp_unit": "days"}]
    )
    def test_refuses_at_the_control_desk_what_it_cannot_use(
        self, http: FlaskClient, private_key: RSAPrivateKey, world: World, changes: dict[str, str]
    ) -> None:
        good = {"connection": "contoso", "issuer": ISSUER, "public_key": public_pem(private_key.public_key())}
        assert http.post("/sandbox/portal", json={**good, **changes}).status_code == 400
        assert world.fuyun_of("contoso").mode == "oauth"
