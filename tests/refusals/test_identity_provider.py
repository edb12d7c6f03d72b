"""Each known misbehaviour of an identity provider is one row: what it does, and the refusal that follows.

Those that the OpenID Foundation's test plans name are rows of ``test_relying_party_sign_in``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
import requests

from tests.kit.hostile import (
    CLIENT_ID,
    CLIENT_SECRET,
    ORIGIN,
    Alter,
    Does,
    Provider,
    breaks,
    elsewhere,
    having,
    hs256,
    jwk,
    moved,
    page,
    public_pem,
    repeated,
    replies,
    rs256,
    spelt,
    well,
    without,
)
from tests.refusals.refused import (
    BROUGHT_INVALID,
    ID_TOKEN_INVALID,
    IDP_ANSWER_INVALID,
    IDP_ERROR,
    IDP_UNREACHABLE,
    INFORMED,
    KNOWN,
    REDEEMED,
    REFETCHED,
    USERINFO_INVALID,
    VERIFIED,
    Refusal,
    Row,
    assert_row,
    providers_of,
)

if TYPE_CHECKING:
    from tests.kit.house import House

FORM: Final = "application/x-www-form-urlencoded"
LARGE: Final = b'{"filling": "%s"}' % (b"x" * 1_100_000)
DEEP: Final = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


def discovery(name: str, refusal: Refusal, alter: Alter, says: str = "") -> Row:
    return Row(f"discovery: {name}", refusal, KNOWN, Does(discovery=alter), says)


def callback(name: str, refusal: Refusal, comes_back: Any, says: str = "") -> Row:
    return Row(f"callback: {name}", refusal, KNOWN, Does(comes_back=comes_back), says)


def token(name: str, refusal: Refusal, alter: Alter, says: str = "") -> Row:
    return Row(f"token: {name}", refusal, REDEEMED, Does(token=alter), says)


def keys(name: str, refusal: Refusal, alter: Alter, says: str = "") -> Row:
    return Row(f"keys: {name}", refusal, VERIFIED, Does(jwks=alter), says)


def id_token(name: str, says: str, claims: Alter = well, *, asked: tuple[str, ...] = VERIFIED, **does: Any) -> Row:
    return Row(f"ID token: {name}", ID_TOKEN_INVALID, asked, Does(claims=claims, **does), says)


def userinfo(name: str, refusal: Refusal, alter: Alter, says: str = "") -> Row:
    return Row(f"UserInfo: {name}", refusal, INFORMED, Does(userinfo=alter), says)


def twice(name: str, other: str = "another") -> Any:
    return lambda good: [*good.items(), (name, other)]


EVIL_ISSUER: Final = "https://evil.example"

DISCOVERY: Final = [
    discovery("answers 503", IDP_UNREACHABLE, replies(503, b"try later", "text/plain"), "HTTP 503"),
    discovery("times out", IDP_UNREACHABLE, breaks(requests.ReadTimeout()), "none in time"),
    discovery("resets the connection", IDP_UNREACHABLE, breaks(ConnectionResetError()), "a broken connection"),
    discovery("answers 404", IDP_ANSWER_INVALID, replies(404, {"error": "not_found"}), "HTTP 404"),
    discovery("answers HTML", IDP_ANSWER_INVALID, page(), "text/html"),
    discovery("redirects", IDP_ANSWER_INVALID, elsewhere(), "HTTP 302"),
    discovery("is a list", IDP_ANSWER_INVALID, replies(200, [])),
    discovery("is larger than a megabyte", IDP_ANSWER_INVALID, replies(200, LARGE), "a larger answer"),
    discovery("is nested without end", IDP_ANSWER_INVALID, replies(200, DEEP)),
    discovery("holds NaN", IDP_ANSWER_INVALID, spelt("ui_timeout", "NaN")),
    discovery("repeats a member", IDP_ANSWER_INVALID, repeated("issuer")),
    discovery("names another issuer", IDP_ANSWER_INVALID, having(issuer=EVIL_ISSUER), EVIL_ISSUER),
    discovery("issuer with one slash more", IDP_ANSWER_INVALID, lambda good: good | {"issuer": good["issuer"] + "/"}),
    discovery("names no issuer", IDP_ANSWER_INVALID, without("issuer"), "None"),
    discovery("has no token endpoint", IDP_ANSWER_INVALID, without("token_endpoint"), "token_endpoint"),
    discovery("has no keys' address", IDP_ANSWER_INVALID, without("jwks_uri"), "jwks_uri"),
    discovery("plain http endpoint", IDP_ANSWER_INVALID, having(token_endpoint="http://idp.example/token"), "https"),
    discovery("http disguised as loopback", IDP_ANSWER_INVALID, having(jwks_uri="http://127.0.0.1.evil.example/j")),
    discovery("endpoint that is a script", IDP_ANSWER_INVALID, having(authorization_endpoint="javascript:alert(1)")),
    discovery("endpoint with a line break", IDP_ANSWER_INVALID, having(authorization_endpoint="https://i.example/\na")),
]

CALLBACK: Final = [
    callback("foreign iss", IDP_ANSWER_INVALID, lambda good: good | {"iss": EVIL_ISSUER}, EVIL_ISSUER),
    callback("no iss though announced", IDP_ANSWER_INVALID, without("iss"), "no iss"),
    callback("person said no", IDP_ERROR, having(code="", error="access_denied"), "access_denied"),
    callback("error with code", IDP_ERROR, lambda good: good | {"error": "server_error"}, "server_error"),
    callback("error of another provider", IDP_ANSWER_INVALID, lambda g: g | {"error": "server_error", "iss": "x"}),
    callback("error that is markup", IDP_ERROR, lambda good: good | {"error": "<script>"}, "str of 8 characters"),
    callback("code twice", BROUGHT_INVALID, twice("code"), "code once"),
    callback("state twice", BROUGHT_INVALID, twice("state"), "state once"),
    callback("iss twice", BROUGHT_INVALID, twice("iss"), "iss once"),
    callback("error twice", BROUGHT_INVALID, lambda g: [*g.items(), ("error", "a"), ("error", "b")], "error once"),
    callback("oversized code", BROUGHT_INVALID, lambda good: good | {"code": "c" * 8193}, "8193 characters"),
    callback("neither code nor error", BROUGHT_INVALID, without("code"), "neither code nor error"),
]

TOKEN: Final = [
    token("answers 500", IDP_UNREACHABLE, replies(500, b"", "text/plain"), "HTTP 500"),
    token("answers 503 in JSON", IDP_UNREACHABLE, replies(503, {"error": "temporarily_unavailable"}), "HTTP 503"),
    token("times out", IDP_UNREACHABLE, breaks(requests.ReadTimeout()), "none in time"),
    token("resets the connection", IDP_UNREACHABLE, breaks(ConnectionResetError()), "a broken connection"),
    token(
        "invalid_grant", IDP_ERROR, replies(400, {"error": "invalid_grant", "error_codes": [70008]}), "invalid_grant"
    ),
    token("invalid_client", IDP_ERROR, replies(401, {"error": "invalid_client"}), "invalid_client"),
    token("error that is no text", IDP_ERROR, replies(400, {"error": {"code": 1}}), "HTTP 400"),
    token("4xx as HTML", IDP_ERROR, page(403), "HTTP 403"),
    token("throttles", IDP_ERROR, replies(429, {"error": "slow_down"}), "slow_down"),
    token(
        "error with HTTP 200",
        IDP_ERROR,
        replies(200, {"error": "bad_verification_code", "error_description": "The code passed is incorrect."}),
        "bad_verification_code",
    ),
    token("redirects", IDP_ANSWER_INVALID, elsewhere(), "HTTP 302"),
    token("redirects, keeping the POST", IDP_ANSWER_INVALID, elsewhere(307), "HTTP 307"),
    token("empty", IDP_ANSWER_INVALID, replies(200)),
    token("no content", IDP_ANSWER_INVALID, replies(204), "HTTP 204"),
    token("broken JSON", IDP_ANSWER_INVALID, replies(200, b'{"access_token": "half')),
    token("HTML with 200", IDP_ANSWER_INVALID, page(), "text/html"),
    token("list", IDP_ANSWER_INVALID, replies(200, [{"access_token": "a"}])),
    token("oversized", IDP_ANSWER_INVALID, replies(200, LARGE), "a larger answer"),
    token("access_token twice", IDP_ANSWER_INVALID, repeated("access_token")),
    token("form with access_token twice", IDP_ANSWER_INVALID, replies(200, b"access_token=a&access_token=b", FORM)),
    token("NaN", IDP_ANSWER_INVALID, spelt("expires_in", "NaN")),
    token("no access_token", IDP_ANSWER_INVALID, without("access_token"), "access_token"),
    token("access_token is null", IDP_ANSWER_INVALID, having(access_token=None), "access_token"),
    token("access_token is empty", IDP_ANSWER_INVALID, having(access_token=""), "access_token"),
    token("access_token with a line break", IDP_ANSWER_INVALID, having(access_token="a\r\nX-Injected: 1")),
    token("access_token beyond ASCII", IDP_ANSWER_INVALID, having(access_token="令牌")),
    token("access_token with half a character", IDP_ANSWER_INVALID, spelt("access_token", '"\\udfff"')),
    token("token_type mac", IDP_ANSWER_INVALID, having(token_type="mac"), "mac"),
    token("token_type is null", IDP_ANSWER_INVALID, having(token_type=None)),
]

KEYS: Final = [
    keys("answer 500", IDP_UNREACHABLE, replies(500), "HTTP 500"),
    keys("reset the connection", IDP_UNREACHABLE, breaks(ConnectionResetError())),
    keys("redirect", IDP_ANSWER_INVALID, elsewhere(), "HTTP 302"),
    keys("are HTML", IDP_ANSWER_INVALID, page()),
    keys("are none", IDP_ANSWER_INVALID, replies(200, {"keys": []}), "0 keys"),
    keys("are an object", IDP_ANSWER_INVALID, having(keys={"kty": "RSA"}), "without keys"),
    keys("are symmetric", IDP_ANSWER_INVALID, having(keys=[{"kty": "oct", "k": "c2VjcmV0"}]), "none usable"),
    keys("are for encryption", IDP_ANSWER_INVALID, having(keys=[jwk(use="enc")]), "none usable"),
]

ID_TOKEN: Final = [
    Row("ID token: missing", ID_TOKEN_INVALID, REDEEMED, Does(token=without("id_token")), "since scope holds openid"),
    Row("ID token: empty", ID_TOKEN_INVALID, REDEEMED, Does(token=having(id_token=""))),
    Row("ID token: is an object", ID_TOKEN_INVALID, REDEEMED, Does(token=having(id_token={"sub": "lin"}))),
    Row("ID token: garbage", ID_TOKEN_INVALID, VERIFIED, Does(token=having(id_token="garbage")), "a signed JWT"),
    Row("ID token: three dots of nothing", ID_TOKEN_INVALID, VERIFIED, Does(token=having(id_token="...."))),
    Row("ID token: beyond ASCII", ID_TOKEN_INVALID, VERIFIED, Does(token=having(id_token="身份.令牌.签名"))),
    Row("ID token: encrypted", ID_TOKEN_INVALID, VERIFIED,
        Does(token=having(id_token="eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a2V5.aXY.dGV4dA.dGFn"))),
    id_token("alg none", "none", header=having(alg="none"), sign=lambda _: b""),
    id_token("alg None", "None", header=having(alg="None"), sign=lambda _: b""),
    id_token("no alg", "a signed JWT", header=without("alg")),
    id_token("HS256 with the client secret", "HS256", header=having(alg="HS256"), sign=hs256(CLIENT_SECRET.encode())),
    id_token("HS256 with the public key", "HS256", header=having(alg="HS256"), sign=hs256(public_pem())),
    id_token("alg of another key type", "kid", header=having(alg="ES256"), asked=REFETCHED),
    id_token("bad signature", "another signature", sign=rs256("other"), asked=REFETCHED),
    id_token("no signature", "another signature", sign=lambda _: b"", asked=REFETCHED),
    id_token("unknown kid", "kid other", header=having(kid="other"), sign=rs256("other"), asked=REFETCHED),
    id_token("kid that is a list", "kid", header=having(kid=["published"]), asked=REFETCHED),
    id_token("key brought along", "another signature", header=having(jwk=jwk("other")), sign=rs256("other"),
             asked=REFETCHED),
    id_token("key's address brought along", "another signature", header=having(jku=f"{ORIGIN}/elsewhere"),
             sign=rs256("other"), asked=REFETCHED),
    id_token("critical extension", "another signature", header=having(crit=["exp"], exp=1), asked=REFETCHED),
    id_token("typ of a logout token", "typ JWT", header=having(typ="logout+jwt")),
    id_token("typ of an access token", "typ JWT", header=having(typ="application/at+jwt")),
    id_token("foreign iss", EVIL_ISSUER, having(iss=EVIL_ISSUER)),
    id_token("no iss", "iss http", without("iss")),
    id_token("wrong aud", f"aud {CLIENT_ID}", having(aud="other")),
    id_token("empty aud", "aud bridge", having(aud=[])),
    id_token("several aud without azp", "azp None", having(aud=[CLIENT_ID, "other"])),
    id_token("wrong azp", "azp other", having(azp="other")),
    id_token("expired", "exp in the future", moved("exp", -600)),
    id_token("no exp", "exp None", without("exp")),
    id_token("exp as text", "exp in seconds", having(exp="4102444800")),
    id_token("exp true", "exp True", having(exp=True)),
    id_token("exp is NaN", "", spelt("exp", "NaN")),
    id_token("exp without end", "exp inf", spelt("exp", "1e999")),
    id_token("exp beyond every number", "exp in seconds", spelt("exp", "9" * 400)),
    id_token("iat true", "iat True", having(iat=True)),
    id_token("iat in the future", "iat in the past", moved("iat", 600)),
    id_token("nbf in the future", "nbf in the past", moved("nbf", 600)),
    id_token("nbf true", "nbf True", having(nbf=True)),
    id_token("nbf as text", "nbf in seconds", having(nbf="now")),
    id_token("no nonce", "no nonce", without("nonce")),
    id_token("nonce of half a character", "", spelt("nonce", '"\\ud800"')),
    id_token("at_hash beyond ASCII", "another at_hash", having(at_hash="哈希")),
    id_token("sub empty", "sub str", having(sub=" ")),
    id_token("sub is a number", "sub 7", having(sub=7)),
    id_token("claims are a list", "", replies(200, ["sub"]), asked=REFETCHED),
    id_token("claims are no JSON", "", replies(200, b"{'sub'}"), asked=REFETCHED),
]  # fmt: skip

USERINFO: Final = [
    userinfo("other sub", USERINFO_INVALID, having(sub="somebody-else"), "another sub"),
    userinfo("sub in other letters", USERINFO_INVALID, having(sub="Subject-of-Lin"), "another sub"),
    userinfo("no sub", USERINFO_INVALID, without("sub"), "no sub"),
    userinfo("sub is null", USERINFO_INVALID, having(sub=None), "another sub"),
    userinfo(
        "401 in the shape of Microsoft Graph",
        IDP_ERROR,
        replies(401, {"error": {"code": "InvalidAuthenticationToken", "message": "Access token has expired."}}),
        "HTTP 401",
    ),
    userinfo("403 as Salesforce's text", IDP_ERROR, replies(403, b"Bad_OAuth_Token", "text/plain"), "HTTP 403"),
    userinfo("throttles", IDP_ERROR, replies(429), "HTTP 429"),
    userinfo("answers 502", IDP_UNREACHABLE, page(502), "HTTP 502"),
    userinfo("times out", IDP_UNREACHABLE, breaks(requests.ReadTimeout())),
    userinfo("resets the connection", IDP_UNREACHABLE, breaks(ConnectionResetError())),
    userinfo("redirects", USERINFO_INVALID, elsewhere(), "HTTP 302"),
    userinfo("HTML", USERINFO_INVALID, page(), "text/html"),
    userinfo("list", USERINFO_INVALID, replies(200, [])),
    userinfo("empty", USERINFO_INVALID, replies(200)),
    userinfo("no content", USERINFO_INVALID, replies(204), "HTTP 204"),
    userinfo("oversized", USERINFO_INVALID, replies(200, LARGE), "a larger answer"),
    userinfo("email twice", USERINFO_INVALID, repeated("email")),
    userinfo("NaN", USERINFO_INVALID, spelt("updated_at", "NaN")),
    userinfo("not UTF-8", USERINFO_INVALID, replies(200, b'{"sub": "subject-of-lin", "name": "\xff"}')),
    userinfo("unsigned JWT", USERINFO_INVALID, replies(200, b"eyJhbGciOiJub25lIn0.e30.", "application/jwt"), "none"),
]

ROWS: Final = [*DISCOVERY, *CALLBACK, *TOKEN, *KEYS, *ID_TOKEN, *USERINFO]


@pytest.fixture(scope="module")
def providers() -> dict[str, Provider]:
    return providers_of(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_misbehaving_provider_is_refused(hostile: House, providers: dict[str, Provider], row: Row) -> None:
    assert_row(hostile, providers[row.id], row)


def test_every_row_has_a_name_of_its_own() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)
