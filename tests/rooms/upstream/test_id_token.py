"""The ID token: signatures of every allowed kind, the order of the keys, and each claim to the second."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from authlib.oidc.core.util import create_half_hash
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import ECKey, JWKRegistry, KeySet, OctKey, OKPKey, RSAKey

from bridge.core.errors import IdTokenInvalid
from bridge.upstream.id_token import LEEWAY, Expected, expect, verify
from bridge.upstream.metadata import ProviderMetadata

if TYPE_CHECKING:
    from joserfc.jwk import Key

NOW = 1_800_000_000
ISSUER, CLIENT = "https://idp.example", "bridge"
GUID, OTHER_GUID = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490", "11111111-2b34-4da1-9baa-8bc8c9d6a490"
TEMPLATE = "https://login.example/{tenantid}/v2.0"
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
OTHER = RSAKey.generate_key(2048, {"kid": "other"})
EXPECTED = expect(ProviderMetadata(ISSUER, "", ""), CLIENT, "nonce-1", "access-1", NOW)
GOOD: dict[str, Any] = {
    "iss": ISSUER,
    "sub": "lin",
    "aud": CLIENT,
    "exp": NOW + 300,
    "iat": NOW - 5,
    "nonce": "nonce-1",
}
EVERY = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]


def public(*keys: Key, **members: Any) -> KeySet:
    return KeySet([JWKRegistry.import_key({**key.as_dict(private=False), **members}) for key in keys])


def signed(claims: dict[str, Any], key: Key = RSA, alg: str = "RS256", **header: Any) -> str:
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jwt.encode({"alg": alg, **({"kid": key.kid} if key.kid else {}), **header}, claims, key, registry=registry)


def keep(seen: KeySet) -> KeySet:
    return seen


def check(
    token: str, keys: KeySet | None = None, expected: Expected = EXPECTED, algorithms: tuple[str, ...] = ()
) -> dict[str, Any]:
    return verify(token, keys or public(RSA), keep, algorithms, expected)


def refused(token: str, **asked: Any) -> IdTokenInvalid:
    with pytest.raises(IdTokenInvalid) as refusal:
        check(token, **asked)
    return refusal.value


def made_for(alg: str) -> Key:
    if alg[:2] in {"RS", "PS"}:
        return RSA
    if alg[:2] == "ES":
        return ECKey.generate_key({"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[alg], {"kid": "ec"})
    return OKPKey.generate_key("Ed25519", {"kid": "okp"})


class TestSignatures:
    @pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
    @pytest.mark.parametrize("alg", EVERY)
    def test_every_asymmetric_signature_is_good_with_its_at_hash(self, alg: str) -> None:
        key = made_for(alg)
        half = create_half_hash("access-1", "EdDSA" if alg.startswith("Ed") else alg).decode()
        token = signed({**GOOD, "at_hash": half}, key, alg)
        assert check(token, public(key))["sub"] == "lin"
        forged = signed({**GOOD, "at_hash": half[:-1]}, key, alg)
        assert refused(forged, keys=public(key)).expected.startswith("at_hash")

    def test_only_what_the_provider_announces_is_allowed(self) -> None:
        token = signed(GOOD, RSA, "RS512")
        assert refused(token, algorithms=("RS256",)).expected == "alg RS256"
        assert check(token, algorithms=("RS256", "RS512"))

    def test_where_it_announces_only_forbidden_ones_rs256_remains(self) -> None:
        assert check(signed(GOOD), algorithms=("none", "HS256"))
        assert refused(signed(GOOD, RSA, "RS512"), algorithms=("none", "HS256")).expected == "alg RS256"

    def test_a_shared_secret_signs_nothing(self) -> None:
        token = signed(GOOD, OctKey.import_key("a-client-secret-of-the-bridge-0123456789"), "HS256")
        assert refused(token).received == "HS256"
        assert refused(token, algorithms=("HS256",)).received == "HS256"

    def test_a_token_without_kid_may_be_by_any_key(self) -> None:
        assert check(jwt.encode({"alg": "RS256"}, GOOD, OTHER), public(RSA, OTHER))

    def test_a_key_without_kid_is_tried_where_the_token_has_none(self) -> None:
        bare = {name: value for name, value in RSA.as_dict(private=False).items() if name != "kid"}
        assert check(jwt.encode({"alg": "RS256"}, GOOD, RSA), KeySet([JWKRegistry.import_key(bare)]))

    def test_a_kid_that_nobody_published_is_named(self) -> None:
        assert refused(signed(GOOD, OTHER)).received == "kid other"

    def test_of_two_keys_with_one_name_the_fitting_one_is_found(self) -> None:
        twin = RSAKey.import_key({**OTHER.as_dict(private=True), "kid": "rsa"})
        assert check(signed(GOOD, twin), public(RSA, twin))

    def test_a_key_for_another_algorithm_is_not_used(self) -> None:
        assert refused(signed(GOOD), keys=public(RSA, alg="PS256")).received == "kid rsa"

    def test_a_changed_payload_breaks_the_signature(self) -> None:
        head, _, tail = signed(GOOD).split(".")
        forged = base64.urlsafe_b64encode(json.dumps({**GOOD, "sub": "boss"}).encode()).rstrip(b"=").decode()
        assert refused(f"{head}.{forged}.{tail}").received == "another signature"

    def test_unknown_members_of_the_header_do_no_harm_but_critical_ones_do(self) -> None:
        assert check(signed(GOOD, x5t="abc", typ="JWT"))
        token = signed(GOOD)
        head = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
        critical = base64.urlsafe_b64encode(json.dumps({**head, "crit": ["x"], "x": 1}).encode()).rstrip(b"=").decode()
        refused(f"{critical}.{token.split('.', 1)[1]}")

    @pytest.mark.parametrize("key_in_header", ["jwk", "jku", "x5u", "x5c"])
    def test_keys_that_the_token_itself_brings_are_not_believed(self, key_in_header: str) -> None:
        evil = "https://evil.example"
        brought: dict[str, Any] = {"jwk": OTHER.as_dict(private=False), "jku": evil, "x5u": evil, "x5c": ["AA"]}
        header = {key_in_header: brought[key_in_header]}
        assert refused(signed(GOOD, OTHER, kid="rsa", **header)).received in {"another signature", "something else"}


class TestRefetching:
    def test_newer_keys_are_asked_for_once_and_tried(self) -> None:
        asked: list[KeySet] = []
        old, new = public(RSA), public(OTHER)

        def refetch(seen: KeySet) -> KeySet:
            asked.append(seen)
            return new

        assert verify(signed(GOOD, OTHER), old, refetch, (), EXPECTED)
        assert asked == [old]

    def test_a_failed_signature_asks_too(self) -> None:
        same_name = RSAKey.import_key({**OTHER.as_dict(private=True), "kid": "rsa"})
        assert verify(signed(GOOD, same_name), public(RSA), lambda _: public(same_name), (), EXPECTED)

    def test_where_the_newer_keys_do_not_fit_either_it_is_refused(self) -> None:
        with pytest.raises(IdTokenInvalid, match="kid other"):
            verify(signed(GOOD, OTHER), public(RSA), lambda _: public(RSA), (), EXPECTED)

    def test_a_bad_claim_asks_for_no_keys(self) -> None:
        def never(_: KeySet) -> KeySet:
            raise AssertionError("the signature was good")

        with pytest.raises(IdTokenInvalid, match="aud"):
            verify(signed({**GOOD, "aud": "other"}), public(RSA), never, (), EXPECTED)


class TestKeysOfOneTenant:
    KEYS = public(RSA, issuer=f"https://login.example/{GUID}/v2.0")
    ANY = public(RSA, issuer=TEMPLATE)
    COMMON = Expected(TEMPLATE, CLIENT, "nonce-1", "access-1", NOW)

    def claims(self, guid: str) -> dict[str, Any]:
        return {**GOOD, "iss": f"https://login.example/{guid}/v2.0", "tid": guid}

    def test_a_key_of_one_tenant_is_good_for_that_tenant_only(self) -> None:
        assert check(signed(self.claims(GUID)), self.KEYS, self.COMMON)
        refusal = refused(signed(self.claims(OTHER_GUID)), keys=self.KEYS, expected=self.COMMON)
        assert refusal.expected == f"a token of https://login.example/{GUID}/v2.0"

    def test_a_templated_key_is_good_for_any_tenant(self) -> None:
        assert check(signed(self.claims(OTHER_GUID)), self.ANY, self.COMMON)

    @pytest.mark.parametrize("tid", [OTHER_GUID, None, "", GUID.upper(), [GUID]])
    def test_the_issuer_must_be_of_the_tenant_that_the_token_names(self, tid: object) -> None:
        claims = {**self.claims(GUID), "tid": tid}
        assert refused(signed(claims), keys=self.ANY, expected=self.COMMON).expected.startswith("iss of tenant")


CLAIMS_GOOD: list[dict[str, Any]] = [
    {},
    {"aud": [CLIENT]},
    {"aud": [CLIENT, "another"], "azp": CLIENT},
    {"azp": CLIENT},
    {"exp": NOW - LEEWAY + 1},
    {"exp": NOW + 0.5},
    {"iat": NOW + LEEWAY},
    {"iat": 0},
    {"nbf": NOW + LEEWAY},
    {"at_hash": None},
    {"extra": {"any": ["thing"]}},
]
CLAIMS_BAD: list[tuple[dict[str, Any], str]] = [
    ({"iss": "https://idp.example/"}, "iss"),
    ({"iss": None}, "iss"),
    ({"iss": [ISSUER]}, "iss"),
    ({"sub": ""}, "sub"),
    ({"sub": " "}, "sub"),
    ({"sub": 7}, "sub"),
    ({"sub": None}, "sub"),
    ({"aud": "another"}, "aud"),
    ({"aud": []}, "aud"),
    ({"aud": None}, "aud"),
    ({"aud": {CLIENT: 1}}, "aud"),
    ({"aud": [CLIENT, "another"]}, "azp"),
    ({"aud": [CLIENT, "another"], "azp": "another"}, "azp"),
    ({"azp": "another"}, "azp"),
    ({"azp": ""}, "azp"),
    ({"exp": NOW - LEEWAY}, "exp"),
    ({"exp": None}, "exp"),
    ({"exp": str(NOW + 300)}, "exp"),
    ({"exp": True}, "exp"),
    ({"exp": 10**400}, "exp"),
    ({"exp": float("nan")}, "exp"),
    ({"iat": NOW + LEEWAY + 1}, "iat"),
    ({"iat": None}, "iat"),
    ({"iat": "now"}, "iat"),
    ({"nbf": NOW + LEEWAY + 1}, "nbf"),
    ({"nbf": None}, "nbf"),
    ({"nonce": "another"}, "the nonce"),
    ({"nonce": None}, "the nonce"),
    ({"nonce": 7}, "the nonce"),
    ({"nonce": "\ud800"}, "the nonce"),
    ({"at_hash": "another"}, "at_hash"),
    ({"at_hash": 7}, "at_hash"),
    ({"at_hash": "\ud800"}, "at_hash"),
]


def by_hand(claims: dict[str, Any]) -> str:
    """Sign what joserfc itself would not write."""
    return jws.serialize_compact({"alg": "RS256", "kid": "rsa"}, json.dumps(claims).encode(), RSA)


@pytest.mark.parametrize("claims", CLAIMS_GOOD, ids=str)
def test_good_claims_are_returned_as_they_came(claims: dict[str, Any]) -> None:
    assert check(by_hand({**GOOD, **claims})) == {**GOOD, **claims}


@pytest.mark.parametrize(("claims", "named"), CLAIMS_BAD, ids=range(len(CLAIMS_BAD)))
def test_a_bad_claim_is_named(claims: dict[str, Any], named: str) -> None:
    assert refused(by_hand({**GOOD, **claims})).expected.startswith(named)


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "iat", "nonce"])
def test_a_missing_claim_is_named(name: str) -> None:
    assert name in refused(by_hand({key: value for key, value in GOOD.items() if key != name})).expected


def test_after_a_refresh_no_nonce_is_asked_for() -> None:
    expected = Expected(ISSUER, CLIENT, None, "access-1", NOW)
    assert check(by_hand({key: value for key, value in GOOD.items() if key != "nonce"}), expected=expected)


@pytest.mark.parametrize(
    "payload", [b"[]", b'"text"', b"1", b"null", b"", b"\xff", b'{"sub": "a"', b'{"a":' * 3000], ids=range(8)
)
def test_a_signed_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    refused(jws.serialize_compact({"alg": "RS256", "kid": "rsa"}, payload, RSA))


PIECES = st.sampled_from(["e30", ".", "eyJhbGciOiJSUzI1NiJ9", "=", "é"])


@given(text=st.text(max_size=60) | st.lists(PIECES).map("".join))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_no_text_brings_any_other_error_than_a_refusal(text: str) -> None:
    refused(text)


@given(
    header=st.dictionaries(
        st.sampled_from(["alg", "kid", "typ", "crit", "b64", "zip", "jwk"]),
        st.none() | st.booleans() | st.integers() | st.lists(st.text(max_size=3), max_size=2) | st.sampled_from(EVERY),
    )
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_no_header_brings_any_other_error_than_a_refusal(header: dict[str, Any]) -> None:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, GOOD)]
    refused(f"{parts[0]}.{parts[1]}.c2ln")
