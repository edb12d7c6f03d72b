"""The logout token: what ends a session, and everything that must not (Back-Channel Logout 1.0 section 2.6)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import JWKRegistry, KeySet, OctKey, RSAKey

from bridge.core.errors import LogoutTokenInvalid
from bridge.upstream.id_token import LEEWAY, Expected, expect
from bridge.upstream.logout_token import EVENT, OLDEST, LogoutToken, verify
from bridge.upstream.metadata import ProviderMetadata

if TYPE_CHECKING:
    from joserfc.jwk import Key

NOW = 1_800_000_000
ISSUER, CLIENT = "https://idp.example", "bridge"
GUID = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
TEMPLATE = "https://login.example/{tenantid}/v2.0"
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
OTHER = RSAKey.generate_key(2048, {"kid": "other"})
EXPECTED = expect(ProviderMetadata(ISSUER, "", ""), CLIENT, None, "", NOW)
GOOD: dict[str, Any] = {
    "iss": ISSUER,
    "aud": CLIENT,
    "iat": NOW - 1,
    "exp": NOW + 120,
    "jti": "token-1",
    "events": {EVENT: {}},
    "sub": "lin",
    "sid": "session-1",
}
_GONE = object()


def public(key: Key, **members: Any) -> KeySet:
    return KeySet([JWKRegistry.import_key({**key.as_dict(private=False), **members})])


KEYS = public(RSA)


def token(key: Key = RSA, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """Return a signed logout token; a change to `_GONE` drops the claim."""
    head = {"alg": "RS256", "kid": "rsa", "typ": "logout+jwt", **(header or {})}
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not _GONE}
    return raw(json.dumps(claims).encode(), key, {name: value for name, value in head.items() if value is not _GONE})


def raw(payload: bytes, key: Key = RSA, header: dict[str, Any] | None = None) -> str:
    head = header or {"alg": "RS256", "kid": "rsa"}
    return jws.serialize_compact(head, payload, key, registry=jws.JWSRegistry(algorithms=["RS256", "HS256"]))


def check(
    unverified: str, keys: KeySet = KEYS, expected: Expected = EXPECTED, algs: tuple[str, ...] = ()
) -> LogoutToken:
    return verify(unverified, keys, lambda seen: seen, algs, expected)


def refused(unverified: str, **asked: Any) -> LogoutTokenInvalid:
    with pytest.raises(LogoutTokenInvalid) as refusal:
        check(unverified, **asked)
    return refusal.value


def test_a_good_token_names_the_session_and_when_it_may_be_forgotten() -> None:
    assert check(token()) == LogoutToken(ISSUER, "lin", "session-1", "token-1", NOW - 1, NOW + 120 + LEEWAY)


GOOD_ONES: dict[str, dict[str, Any]] = {
    "sub alone": {"sid": _GONE},
    "sid alone": {"sub": _GONE},
    "sid null": {"sid": None},
    "several audiences": {"aud": ["another", CLIENT]},
    "another event beside it": {"events": {EVENT: {}, "https://idp.example/other": 1}},
    "an event that says more": {"events": {EVENT: {"why": "left"}}},
    "issued at the last moment": {"iat": NOW - OLDEST + 1},
    "a clock ahead": {"iat": NOW + LEEWAY},
    "a clock behind": {"exp": NOW - LEEWAY + 1},
    "names of the greatest length": {"jti": "j" * 255, "sub": "s" * 255, "sid": "i" * 255},
    "unknown claims": {"tid": GUID, "extra": [1]},
    "nbf": {"nbf": NOW},
}


@pytest.mark.parametrize("changes", GOOD_ONES.values(), ids=GOOD_ONES)
def test_a_token_by_the_book_is_believed(changes: dict[str, Any]) -> None:
    judged = check(token(**changes))
    told = {**GOOD, **changes}
    assert [judged.sub, judged.sid] == ["" if told[name] in {None, _GONE} else told[name] for name in ("sub", "sid")]


@pytest.mark.parametrize("typ", ["logout+jwt", "Logout+JWT", "JWT", "jwt", "application/logout+jwt", _GONE])
def test_the_type_is_its_own_or_a_plain_one(typ: object) -> None:
    assert check(token(header={"typ": typ})).jti == "token-1"


@pytest.mark.parametrize("typ", ["at+jwt", "dpop+jwt", "secevent+jwt", "id+jwt", "", "application/json"])
def test_a_token_of_another_type_by_the_same_key_ends_nothing(typ: str) -> None:
    assert refused(token(header={"typ": typ})).expected == "typ logout+jwt"


BAD_ONES: dict[str, tuple[str, dict[str, Any]]] = {
    "another issuer": ("iss", {"iss": "https://evil.example"}),
    "the issuer with a slash": ("iss", {"iss": f"{ISSUER}/"}),
    "no issuer": ("iss", {"iss": _GONE}),
    "another audience": ("aud", {"aud": "another"}),
    "no audience": ("aud", {"aud": _GONE}),
    "no exp": ("exp", {"exp": _GONE}),
    "exp as text": ("exp", {"exp": str(NOW + 60)}),
    "exp past": ("exp", {"exp": NOW - LEEWAY}),
    "exp NaN": ("exp", {"exp": float("nan")}),
    "no iat": ("iat", {"iat": _GONE}),
    "iat true": ("iat", {"iat": True}),
    "iat ahead": ("iat", {"iat": NOW + LEEWAY + 1}),
    "iat too old whatever exp says": ("iat", {"iat": NOW - OLDEST, "exp": NOW + 10**6}),
    "nbf ahead": ("nbf", {"nbf": NOW + LEEWAY + 1}),
    "no jti": ("jti", {"jti": _GONE}),
    "jti empty": ("jti", {"jti": ""}),
    "jti blank": ("jti", {"jti": " "}),
    "jti a number": ("jti", {"jti": 7}),
    "jti too long": ("jti", {"jti": "j" * 256}),
    "jti with NUL": ("jti", {"jti": "a\0"}),
    "no events": ("events", {"events": _GONE}),
    "events a list": ("events", {"events": [EVENT]}),
    "events a text": ("events", {"events": EVENT}),
    "another event": ("events", {"events": {"https://idp.example/other": {}}}),
    "event null": ("events", {"events": {EVENT: None}}),
    "event true": ("events", {"events": {EVENT: True}}),
    "a nonce": ("no nonce", {"nonce": "n"}),
    "a nonce null": ("no nonce", {"nonce": None}),
    "neither sub nor sid": ("sub or sid", {"sub": _GONE, "sid": _GONE}),
    "both null": ("sub or sid", {"sub": None, "sid": None}),
    "sub empty beside sid": ("sub", {"sub": ""}),
    "sub a list": ("sub", {"sub": ["lin"]}),
    "sub too long": ("sub", {"sub": "s" * 256}),
    "sub half a character": ("sub", {"sub": "\ud800"}),
    "sid empty beside sub": ("sid", {"sid": ""}),
    "sid a number": ("sid", {"sid": 1}),
    "sid too long": ("sid", {"sid": "s" * 256}),
}


@pytest.mark.parametrize(("named", "changes"), BAD_ONES.values(), ids=BAD_ONES)
def test_a_bad_claim_is_named(named: str, changes: dict[str, Any]) -> None:
    assert refused(token(**changes)).expected.startswith(named)


def test_an_id_token_of_the_same_key_ends_no_session() -> None:
    refused(token(header={"typ": "JWT"}, events=_GONE, jti=_GONE, nonce="n"))


def test_only_the_providers_own_signature_counts() -> None:
    shared = OctKey.import_key("a-client-secret-of-the-bridge-0123456789")
    assert refused(token(OTHER)).received == "another signature"
    assert refused(token(OTHER, {"kid": "other"})).received == "kid other"
    assert refused(token(shared, {"alg": "HS256"}), algs=("HS256",)).received == "HS256"
    assert refused(token(), algs=("ES256",)).expected == "alg ES256"
    assert refused(f"{token().rsplit('.', 1)[0]}.").expected == "a signature by the provider's key"


def test_a_signature_by_a_newer_key_is_found_by_fetching_once() -> None:
    asked: list[KeySet] = []

    def refetch(seen: KeySet) -> KeySet:
        asked.append(seen)
        return public(OTHER)

    assert verify(token(OTHER, {"kid": "other"}), KEYS, refetch, (), EXPECTED).sub == "lin"
    assert asked == [KEYS]


def test_of_a_provider_of_many_tenants_the_tenant_must_be_its_own() -> None:
    expected = Expected(TEMPLATE, CLIENT, None, "", NOW)
    theirs = TEMPLATE.replace("{tenantid}", GUID)
    assert check(token(iss=theirs, tid=GUID), expected=expected).iss == theirs
    assert refused(token(iss=theirs), expected=expected).expected.startswith("iss of tenant")
    one = public(RSA, issuer=TEMPLATE.replace("{tenantid}", GUID.replace("8", "9")))
    assert refused(token(iss=theirs, tid=GUID), keys=one, expected=expected).expected.startswith("a token of")


@pytest.mark.parametrize(("changes", "expires_at"), [
    ({"exp": NOW + 10**9}, NOW - 1 + OLDEST),
    ({"exp": NOW + 0.25}, NOW + LEEWAY + 1),
], ids=["by its age", "by its exp"])  # fmt: skip
def test_a_jti_is_remembered_just_until_its_token_would_be_refused(changes: dict[str, Any], expires_at: int) -> None:
    unverified = token(**changes)
    assert check(unverified).expires_at == expires_at
    refused(unverified, expected=Expected(ISSUER, CLIENT, None, "", expires_at))


def test_a_token_of_more_than_eight_kilobytes_is_not_even_read() -> None:
    assert refused(token(filling="x" * 8192)).expected == "at most 8192 characters"


@pytest.mark.parametrize("payload", [b"[]", b'"text"', b"null", b"", b"\xff", b'{"a":' * 1000], ids=range(6))
def test_a_signed_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    refused(raw(payload))


@given(
    text=st.text(max_size=60) | st.lists(st.sampled_from(["e30", ".", "eyJhbGciOiJSUzI1NiJ9", "=", "é"])).map("".join)
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_text_brings_any_other_error_than_a_refusal(text: str) -> None:
    refused(text)
