"""Each known misbehaviour of Fuyun is one row; and the exact request that it gets, in both modes."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bridge.core.model import JwtSigning, Secret
from tests.kit.hostile import (
    ACCOUNT,
    FUYUN_SECRET,
    Alter,
    Does,
    Provider,
    breaks,
    compact,
    connection,
    elsewhere,
    having,
    hs256,
    key,
    page,
    repeated,
    replies,
    spelt,
    without,
)
from tests.refusals.refused import (
    AGENT_MISMATCH,
    EXCHANGE_ANSWER_INVALID,
    EXCHANGE_REJECTED,
    EXCHANGE_UNREACHABLE,
    EXCHANGED,
    Refusal,
    Row,
    assert_row,
    beside,
    endpoints,
    providers_of,
    sign_in,
)

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.core.model import Connection
    from tests.kit.hostile import Members, Received
    from tests.kit.house import House

ISSUER: Final = "https://crm.example.com"
TEXT: Final = "text/plain"
LARGE: Final = b'{"filling": "%s"}' % (b"x" * 1_100_000)


def row(name: str, refusal: Refusal, exchange: Alter, says: str = "") -> Row:
    return Row(name, refusal, EXCHANGED, Does(exchange=exchange), says)


def success_false(**members: object) -> Members:
    told = {"Success": False, "Code": "NoAgentFound", "Message": "The specified agent does not exist."}
    return {**told, "RequestId": "73F5C838-0000-0000-0000-000000000000", **members}


def for_user(**claims: object) -> Alter:
    """Answer a JWT whose claims are these."""
    token = compact({"alg": "RS256", "typ": "JWT"}, json.dumps(claims).encode(), hs256(b"unknown"))
    return having(access_token=token)


def opaque(access_token: str) -> Row:
    return Row(f"opaque: {access_token[:24]}", ("", 303), EXCHANGED, Does(exchange=having(access_token=access_token)))


INVALID_GRANT: Final = {"error": "invalid_grant", "error_description": "subject token is invalid"}
ECHO: Final = {
    "error": "invalid_token",
    "error_description": "Invalid access token: eyJhbGciOiJSUzI1NiJ9.eyJzdWIi.c2ln",
}
BOOT: Final = {
    "timestamp": "2026-11-22T08:00:00.000+00:00",
    "status": 401,
    "error": "Unauthorized",
    "message": "Unauthorized",
    "path": "/oauth/token_exchange",
}

REJECTED: Final = [
    row("invalid_client", EXCHANGE_REJECTED, replies(401, {"error": "invalid_client"}), "invalid_client"),
    row("invalid_grant", EXCHANGE_REJECTED, replies(400, INVALID_GRANT), "invalid_grant"),
    row("invalid_scope", EXCHANGE_REJECTED, replies(400, {"error": "invalid_scope"}), "invalid_scope"),
    row("invalid_request", EXCHANGE_REJECTED, replies(400, {"error": "invalid_request"}), "invalid_request"),
    row("unauthorized", EXCHANGE_REJECTED, replies(401, {"error": "unauthorized"}), "unauthorized"),
    row("error that repeats the token", EXCHANGE_REJECTED, replies(401, ECHO), "invalid_token"),
    row("error that is the token", EXCHANGE_REJECTED, replies(400, {"error": "eyJhbGciOiJSUzI1NiJ9"}), "characters"),
    row("Spring Boot's 401", EXCHANGE_REJECTED, replies(401, BOOT), "Unauthorized"),
    row("404 in JSON", EXCHANGE_REJECTED, replies(404, {"status": 404}), "HTTP 404"),
    row("error with HTTP 200", EXCHANGE_REJECTED, replies(200, INVALID_GRANT), "invalid_grant"),
    row("Success false with 200", EXCHANGE_REJECTED, replies(200, success_false()), "NoAgentFound"),
    row("Success false with 400", EXCHANGE_REJECTED, replies(400, success_false()), "NoAgentFound"),
    row("Success false with 500", EXCHANGE_REJECTED, replies(500, success_false()), "NoAgentFound"),
    row("Success false without a code", EXCHANGE_REJECTED, replies(200, {"Success": False}), "HTTP 200"),
    row("Success false beside a token", EXCHANGE_REJECTED, having(Success=False, Code="SystemError"), "SystemError"),
    row("error beside a token", EXCHANGE_REJECTED, having(error="invalid_grant"), "invalid_grant"),
]

UNREACHABLE: Final = [
    row("429 in JSON", EXCHANGE_UNREACHABLE, replies(429, {"error": "temporarily_unavailable"}), "HTTP 429"),
    row("429 as HTML", EXCHANGE_UNREACHABLE, page(429), "HTTP 429"),
    row("429 with Success false", EXCHANGE_UNREACHABLE, replies(429, success_false(Code="Throttling")), "HTTP 429"),
    row("500 in JSON", EXCHANGE_UNREACHABLE, replies(500, {"error": "server_error"}), "HTTP 500"),
    row("502 as HTML", EXCHANGE_UNREACHABLE, page(502), "HTTP 502"),
    row("503 empty", EXCHANGE_UNREACHABLE, replies(503, b"", TEXT), "HTTP 503"),
    row("timeout", EXCHANGE_UNREACHABLE, breaks(requests.ReadTimeout()), "none in time"),
    row("reset", EXCHANGE_UNREACHABLE, breaks(ConnectionResetError()), "a broken connection"),
    row(
        "refused connection",
        EXCHANGE_UNREACHABLE,
        breaks(ConnectionRefusedError(111, "Connection refused")),
        "a refused connection",
    ),
]

INVALID: Final = [
    row("HTML with 200", EXCHANGE_ANSWER_INVALID, page(), "text/html"),
    row("HTML with 403", EXCHANGE_ANSWER_INVALID, page(403), "HTTP 403"),
    row("HTML with 405", EXCHANGE_ANSWER_INVALID, page(405), "HTTP 405"),
    row("403 empty", EXCHANGE_ANSWER_INVALID, replies(403, b"", TEXT), "HTTP 403"),
    row("302 to a sign-in page", EXCHANGE_ANSWER_INVALID, elsewhere(), "HTTP 302"),
    row("307 that keeps the POST", EXCHANGE_ANSWER_INVALID, elsewhere(307), "HTTP 307"),
    row("302 with a token", EXCHANGE_ANSWER_INVALID, replies(302, {"access_token": "t"}), "HTTP 302"),
    row("204", EXCHANGE_ANSWER_INVALID, replies(204), "HTTP 204"),
    row("empty with 200", EXCHANGE_ANSWER_INVALID, replies(200)),
    row("the demo's text", EXCHANGE_ANSWER_INVALID, replies(200, b"redirect url found!", TEXT), TEXT),
    row("broken JSON", EXCHANGE_ANSWER_INVALID, replies(200, b'{"access_token": "half')),
    row("array", EXCHANGE_ANSWER_INVALID, replies(200, [{"access_token": "t"}])),
    row("text in JSON", EXCHANGE_ANSWER_INVALID, replies(200, "token")),
    row("huge body", EXCHANGE_ANSWER_INVALID, replies(200, LARGE), "a larger answer"),
    row("access_token twice", EXCHANGE_ANSWER_INVALID, repeated("access_token")),
    row("NaN", EXCHANGE_ANSWER_INVALID, spelt("expires_in", "NaN")),
    row("no access_token", EXCHANGE_ANSWER_INVALID, without("access_token"), "without it"),
    row("access_token null", EXCHANGE_ANSWER_INVALID, having(access_token=None), "without it"),
    row("access_token blank", EXCHANGE_ANSWER_INVALID, having(access_token=" "), "without it"),
    row("access_token an object", EXCHANGE_ANSWER_INVALID, having(access_token={"value": "t"}), "without it"),
    row("access_token with a line break", EXCHANGE_ANSWER_INVALID, having(access_token="t\r\nSet-Cookie: x=1")),
    row("access_token of half a character", EXCHANGE_ANSWER_INVALID, spelt("access_token", '"\\ud800"')),
    row("token_type other", EXCHANGE_ANSWER_INVALID, having(token_type="mac"), "mac"),
    row("token_type null", EXCHANGE_ANSWER_INVALID, having(token_type=None), "token_type bearer"),
    row("expires_in garbage", EXCHANGE_ANSWER_INVALID, having(expires_in="soon"), "soon"),
    row("expires_in negative", EXCHANGE_ANSWER_INVALID, having(expires_in=-1), "-1"),
    row("expires_in zero", EXCHANGE_ANSWER_INVALID, having(expires_in=0), "expires_in in seconds"),
    row("expires_in true", EXCHANGE_ANSWER_INVALID, having(expires_in=True), "True"),
    row("expires_in a moment, not a span", EXCHANGE_ANSWER_INVALID, having(expires_in=1_792_591_999_000)),
    row("expires_in beyond every number", EXCHANGE_ANSWER_INVALID, spelt("expires_in", "1e999"), "inf"),
]

MISMATCH: Final = [
    row("somebody else's token", AGENT_MISMATCH, for_user(user_name="wang@contoso.example"), "wang@contoso.example"),
    row("the same name in capitals", AGENT_MISMATCH, for_user(user_name=ACCOUNT.upper()), ACCOUNT.upper()),
    row("the name with a space", AGENT_MISMATCH, for_user(user_name=f"{ACCOUNT} "), ACCOUNT),
    row("JWT without user_name", AGENT_MISMATCH, for_user(sub=ACCOUNT), "no user_name"),
    row("user_name null", AGENT_MISMATCH, for_user(user_name=None), "no user_name"),
    row("user_name a list", AGENT_MISMATCH, for_user(user_name=[ACCOUNT]), "no user_name"),
    row("user_name a number", AGENT_MISMATCH, for_user(user_name=7), "no user_name"),
]

ROWS: Final = [*REJECTED, *UNREACHABLE, *INVALID, *MISMATCH]

OPAQUE: Final = [
    opaque("3f2a9c1e-opaque"),
    opaque("00D000000000001!AQcAQ.x"),
    opaque("not.base64url%.jwt"),
    opaque("a.b.c.d.e"),
    Row("no expires_in", ("", 303), EXCHANGED, Does(exchange=without("expires_in"))),
    Row("expires_in as text", ("", 303), EXCHANGED, Does(exchange=having(expires_in="3600"))),
    Row("no token_type", ("", 303), EXCHANGED, Does(exchange=without("token_type"))),
    Row("token_type in capitals", ("", 303), EXCHANGED, Does(exchange=having(token_type="BEARER"))),
]


@pytest.fixture(scope="module")
def providers() -> dict[str, Provider]:
    return providers_of([*ROWS, *OPAQUE])


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_bad_answer_of_fuyun_is_refused(hostile: House, providers: dict[str, Provider], row: Row) -> None:
    assert_row(hostile, providers[row.id], row)


@pytest.mark.parametrize("row", OPAQUE, ids=str)
def test_what_is_unusual_but_good_lets_in(hostile: House, providers: dict[str, Provider], row: Row) -> None:
    assert sign_in(hostile.browser(), providers[row.id]).status_code == 303


@pytest.mark.parametrize("row", [UNREACHABLE[0], UNREACHABLE[3], UNREACHABLE[6]], ids=str)
def test_an_outage_says_when_to_come_back(hostile: House, providers: dict[str, Provider], row: Row) -> None:
    assert int(sign_in(hostile.browser(), providers[row.id]).headers["Retry-After"]) > 0


# The request ----------------------------------------------------------------------------------------------------------


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def signing() -> JwtSigning:
    pem = key("the platform's").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return JwtSigning(ISSUER, Secret(pem.decode()), lifetime=90)


def in_mode_jwt() -> Connection:
    return replace(connection("r0"), mode="jwt", jwt=signing())


def form_of(received: Received) -> dict[str, str]:
    return dict(parse_qsl(received.body.decode(), strict_parsing=True))


def exchanged(folder: Path, provider: Provider) -> tuple[House, Received]:
    """Sign in and return the house and the request that Fuyun got."""
    house = beside(folder, [provider])
    assert sign_in(house.browser(), provider).headers["Location"] == "/softphone"
    house.services.database.close()
    return house, next(one for one in provider.received if one.endpoint == "token_exchange")


def test_mode_oauth_sends_exactly_the_documented_request(tmp_path: Path) -> None:
    provider = Provider(connection("r0"), Does())
    _, received = exchanged(tmp_path, provider)
    access_token = next(secret for secret in provider.secrets if secret.startswith("access-token"))
    assert received.body.decode() == (
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"
        "&scope=user_management%2Chotline"
        "&redirect_url=https%3A%2F%2Fcrm.example.com%2Fcallback%2Fr0"
        f"&subject_token={access_token}"
        "&subject_issuer=r0"
    )
    assert (received.method, received.query) == ("POST", "")
    assert received.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert received.headers["Authorization"] == basic("fuyun-client", FUYUN_SECRET)
    assert "Cookie" not in received.headers


def test_mode_jwt_sends_a_jwt_with_exactly_the_documented_claims(tmp_path: Path) -> None:
    provider = Provider(in_mode_jwt(), Does())
    house, received = exchanged(tmp_path, provider)
    form = form_of(received)
    assert form.keys() == {"grant_type", "scope", "redirect_url", "subject_token", "subject_issuer"}
    assert form["subject_issuer"] == ISSUER
    assert jwt.get_unverified_header(form["subject_token"]) == {"alg": "RS256", "typ": "JWT"}
    claims = jwt.decode(form["subject_token"], key("the platform's").public_key(), ["RS256"])
    assert claims.keys() == {"iss", "exp", "jti", "user_name"}
    assert (claims["iss"], claims["user_name"]) == (ISSUER, ACCOUNT)
    assert abs(claims["exp"] - house.clock() - 90) < 5
    assert received.headers["Authorization"] == basic("fuyun-client", FUYUN_SECRET)
    assert received.query == ""


def test_mode_jwt_never_signs_the_same_jwt_twice(tmp_path: Path) -> None:
    provider = Provider(in_mode_jwt(), Does())
    house, _ = exchanged(tmp_path, provider)
    sign_in(house.browser(), provider)
    sent = [form_of(one)["subject_token"] for one in provider.received if one.endpoint == "token_exchange"]
    assert len({jwt.decode(one, options={"verify_signature": False})["jti"] for one in sent}) == 2


def test_mode_jwt_asks_two_questions_where_the_id_token_names_the_agent(tmp_path: Path) -> None:
    provider = Provider(in_mode_jwt(), Does(claims=having(email=ACCOUNT)))
    house, _ = exchanged(tmp_path, provider)
    warm = len(house.calls)
    sign_in(house.browser(), provider)
    assert endpoints(house, warm) == ("token", "token_exchange")


def test_mode_jwt_hands_fuyun_nothing_of_the_provider(tmp_path: Path) -> None:
    provider = Provider(in_mode_jwt(), Does())
    _, received = exchanged(tmp_path, provider)
    assert b"access-token" not in received.body


def test_mode_jwt_signs_names_beyond_ascii(tmp_path: Path) -> None:
    name = "林小姐@contoso"
    does = Does(claims=having(email=name), exchange=for_user(user_name=name))
    _, received = exchanged(tmp_path, Provider(in_mode_jwt(), does))
    assert jwt.decode(form_of(received)["subject_token"], options={"verify_signature": False})["user_name"] == name
