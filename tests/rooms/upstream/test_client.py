"""The verbs said to a provider: what stands on the wire byte by byte, and what each answer is taken for."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests_mock
from joserfc import jwt
from joserfc.jwk import RSAKey

from bridge.core.errors import BridgeError, IdpAnswerInvalid, IdpError, IdpUnreachable, IdTokenInvalid, UserinfoInvalid
from bridge.core.model import IdentityProvider, Secret, TokenSet
from bridge.outbound import Outbound
from bridge.upstream.client import UpstreamClient, asks_for_id_token
from bridge.upstream.metadata import KeyCache, MetadataCache

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_800_000_000
ISSUER = "https://idp.example"
IDP = IdentityProvider(
    kind="oidc",
    client_id="bridge id",
    client_secret=Secret("a+b:c/ü&%"),
    issuer=ISSUER,
    scope="openid profile",
    authorization_endpoint=f"{ISSUER}/authorize?tenant=a%26b",
    token_endpoint=f"{ISSUER}/token",
    userinfo_endpoint=f"{ISSUER}/me",
    jwks_uri=f"{ISSUER}/keys",
    revocation_endpoint=f"{ISSUER}/revoke",
)
POST = replace(IDP, token_endpoint_auth_method="client_secret_post")
BACK = "https://phone.example.com/callback/contoso"
TOKENS = {"access_token": "at", "token_type": "Bearer", "expires_in": 60, "refresh_token": "rt", "id_token": "e.y.j"}
KEY = RSAKey.generate_key(2048, {"kid": "rsa"})


class Wire:
    """A provider whose answers are given by hand."""

    def __init__(self) -> None:
        self.answers = requests_mock.Adapter()
        outbound = Outbound(adapter=self.answers)
        self.client = UpstreamClient(outbound, MetadataCache(outbound), KeyCache(outbound), lambda: NOW)

    def says(self, path: str, **answer: Any) -> None:
        self.answers.register_uri(requests_mock.ANY, f"{ISSUER}{path}", **answer)

    def form(self) -> dict[str, str]:
        """Return the last form that was sent."""
        return dict(parse_qsl(self.answers.request_history[-1].text, strict_parsing=True))

    def header(self, name: str) -> str | None:
        value: str | None = self.answers.request_history[-1].headers.get(name)
        return value

    def redeem(self, idp: IdentityProvider = IDP) -> TokenSet:
        return self.client.redeem(idp, "code-1", "verifier-1", BACK)


@pytest.fixture
def wire() -> Wire:
    made = Wire()
    made.says("/token", json=TOKENS)
    made.says("/me", json={"sub": "lin"})
    made.says("/keys", json={"keys": [KEY.as_dict(private=False)]})
    return made


def refused(act: Callable[[], object]) -> BridgeError:
    with pytest.raises(BridgeError) as refusal:
        act()
    return refusal.value


class TestAuthorize:
    def query(self, wire: Wire, idp: IdentityProvider = IDP, **hints: str) -> dict[str, list[str]]:
        url = wire.client.authorize(idp, BACK, "state-1", "nonce-1", "v" * 64, **hints)
        assert url.startswith(f"{ISSUER}/authorize?")
        return parse_qs(urlsplit(url).query)

    def test_the_address_holds_what_the_standards_want(self, wire: Wire) -> None:
        query = self.query(wire)
        assert len(query.pop("code_challenge")[0]) == 43
        assert query == {
            "tenant": ["a&b"],
            "response_type": ["code"],
            "client_id": ["bridge id"],
            "redirect_uri": [BACK],
            "scope": ["openid profile"],
            "state": ["state-1"],
            "nonce": ["nonce-1"],
            "code_challenge_method": ["S256"],
        }

    def test_hints_go_along_and_empty_ones_stay_at_home(self, wire: Wire) -> None:
        query = self.query(wire, login_hint="lin@contoso.example", prompt="")
        assert query["login_hint"] == ["lin@contoso.example"]
        assert "prompt" not in query

    def test_plain_oauth_gets_no_nonce(self, wire: Wire) -> None:
        assert "nonce" not in self.query(wire, replace(IDP, kind="oauth2"))

    def test_a_response_mode_is_asked_for_where_it_is_configured(self, wire: Wire) -> None:
        assert self.query(wire, replace(IDP, response_mode="form_post"))["response_mode"] == ["form_post"]
        assert "response_mode" not in self.query(wire)

    def test_without_scope_none_is_sent(self, wire: Wire) -> None:
        assert "scope" not in self.query(wire, replace(IDP, kind="oauth2", scope=""))

    def test_without_a_code_verifier_there_is_no_challenge(self, wire: Wire) -> None:
        url = wire.client.authorize(IDP, BACK, "state-1", "nonce-1", "")
        assert "code_challenge" not in url


class TestClientAuthentication:
    def test_basic_is_the_usual_way_with_both_parts_form_encoded(self, wire: Wire) -> None:
        wire.redeem()
        sent = base64.b64decode(str(wire.header("Authorization")).removeprefix("Basic ")).decode()
        assert sent == "bridge+id:a%2Bb%3Ac%2F%C3%BC%26%25"
        assert "client_secret" not in wire.form()

    def test_post_puts_both_into_the_form(self, wire: Wire) -> None:
        wire.redeem(POST)
        assert (wire.form()["client_id"], wire.form()["client_secret"]) == ("bridge id", "a+b:c/ü&%")
        assert wire.header("Authorization") is None

    @pytest.mark.parametrize(
        ("announced", "posted"),
        [
            (["client_secret_post"], True),
            (["private_key_jwt", "client_secret_post"], True),
            (["client_secret_basic", "client_secret_post"], False),
            ([], False),
            (["private_key_jwt"], False),
        ],
    )
    def test_the_provider_may_announce_the_way(self, wire: Wire, announced: list[str], posted: bool) -> None:  # noqa: FBT001 — a table's column
        document = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
            "token_endpoint_auth_methods_supported": announced,
        }
        wire.says("/.well-known/openid-configuration", json=document)
        wire.redeem(replace(IDP, discovery_url=f"{ISSUER}/.well-known/openid-configuration"))
        assert ("client_secret" in wire.form()) is posted

    def test_a_public_client_names_itself(self, wire: Wire) -> None:
        wire.redeem(replace(IDP, client_secret=Secret("")))
        assert wire.form()["client_id"] == "bridge id"
        assert wire.header("Authorization") is None


class TestRedeem:
    def test_the_code_is_sent_as_a_form_with_its_verifier(self, wire: Wire) -> None:
        wire.redeem()
        assert wire.header("Content-Type") == "application/x-www-form-urlencoded"
        assert wire.form() == {
            "grant_type": "authorization_code",
            "code": "code-1",
            "redirect_uri": BACK,
            "code_verifier": "verifier-1",
        }

    def test_the_answer_is_a_token_set_with_an_instant(self, wire: Wire) -> None:
        assert wire.redeem() == TokenSet("at", "rt", "e.y.j", NOW + 60)

    @pytest.mark.parametrize(
        ("expires_in", "expires_at"),
        [
            (3600, NOW + 3600),
            ("3600", NOW + 3600),
            (None, None),
            (0, None),
            (-1, None),
            ("soon", None),
            ("", None),
            (True, None),
            ([60], None),
            ({"seconds": 60}, None),
            (10**12, None),
            (1e300, None),
            ("9" * 5000, None),
        ],
    )
    def test_every_spelling_of_the_lifetime_is_understood_or_unknown(
        self, wire: Wire, expires_in: object, expires_at: int | None
    ) -> None:
        wire.says("/token", json={**TOKENS, "expires_in": expires_in})
        assert wire.redeem().expires_at == expires_at

    @pytest.mark.parametrize("expires_at", ["soon", [], {}, 1e300, -5, NOW + 60, True])
    def test_a_stray_expires_at_is_not_believed(self, wire: Wire, expires_at: object) -> None:
        wire.says("/token", json={**TOKENS, "expires_at": expires_at})
        assert wire.redeem().expires_at == NOW + 60

    def test_without_a_lifetime_it_is_unknown(self, wire: Wire) -> None:
        wire.says("/token", json={"access_token": "at", "token_type": "bearer"})
        assert wire.redeem() == TokenSet("at")

    @pytest.mark.parametrize("member", ["refresh_token", "id_token"])
    @pytest.mark.parametrize("value", [None, 7, [], {}, ""])
    def test_an_optional_token_that_is_no_text_is_none(self, wire: Wire, member: str, value: object) -> None:
        wire.says("/token", json={**TOKENS, member: value})
        tokens = wire.redeem()
        assert "" in {tokens.refresh_token, tokens.unverified_id_token}

    def test_an_answer_as_a_form_is_read_as_old_servers_sent_it(self, wire: Wire) -> None:
        form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        wire.says("/token", text="access_token=at&scope=user&token_type=bearer", headers=form)
        assert wire.redeem() == TokenSet("at")
        wire.says("/token", text="error=bad_verification_code", headers=form)
        assert refused(wire.redeem).received == "bad_verification_code"

    ANSWERS: ClassVar[list[tuple[dict[str, Any], type[BridgeError], str]]] = [
        ({"status_code": 400, "json": {"error": "invalid_grant"}}, IdpError, "invalid_grant"),
        ({"status_code": 401, "json": {"error": "invalid_client"}}, IdpError, "invalid_client"),
        ({"status_code": 400, "json": {"error": "Invalid token: eyJx"}}, IdpError, "str of"),
        ({"status_code": 400, "json": {"error": ["invalid_grant"]}}, IdpError, "HTTP 400"),
        ({"status_code": 400, "json": {}}, IdpError, "HTTP 400"),
        ({"status_code": 403, "text": "<html>"}, IdpError, "HTTP 403"),
        ({"status_code": 429, "json": {"error": "slow_down"}}, IdpError, "slow_down"),
        ({"json": {"error": "invalid_grant"}}, IdpError, "invalid_grant"),
        ({"json": {**TOKENS, "error": "invalid_grant"}}, IdpError, "invalid_grant"),
        ({"status_code": 500, "json": {"error": "invalid_grant"}}, IdpUnreachable, "HTTP 500"),
        ({"status_code": 503, "text": "<html>"}, IdpUnreachable, "HTTP 503"),
        ({"exc": ConnectionResetError}, IdpUnreachable, "a broken connection"),
        ({"status_code": 302, "headers": {"Location": "/x"}}, IdpAnswerInvalid, "HTTP 302"),
        ({"status_code": 302, "json": TOKENS}, IdpAnswerInvalid, "HTTP 302"),
        ({"status_code": 204}, IdpAnswerInvalid, "HTTP 204"),
        ({"text": "<html>", "headers": {"Content-Type": "text/html"}}, IdpAnswerInvalid, "HTTP 200 text/html"),
        ({"text": ""}, IdpAnswerInvalid, "HTTP 200"),
        ({"json": []}, IdpAnswerInvalid, "HTTP 200"),
        ({"json": {}}, IdpAnswerInvalid, "an answer without one"),
        ({"json": {**TOKENS, "access_token": ""}}, IdpAnswerInvalid, "an answer without one"),
        ({"json": {**TOKENS, "access_token": 7}}, IdpAnswerInvalid, "an answer without one"),
        ({"json": {**TOKENS, "access_token": "王芳"}}, IdpAnswerInvalid, "another"),
        ({"json": {**TOKENS, "access_token": "a\r\nX-Injected: 1"}}, IdpAnswerInvalid, "another"),
        ({"json": {**TOKENS, "token_type": "mac"}}, IdpAnswerInvalid, "mac"),
        ({"json": {**TOKENS, "token_type": None}}, IdpAnswerInvalid, "None"),
    ]

    @pytest.mark.parametrize(("answer", "error", "received"), ANSWERS, ids=range(len(ANSWERS)))
    def test_every_other_answer_is_told_apart(
        self, wire: Wire, answer: dict[str, Any], error: type[BridgeError], received: str
    ) -> None:
        wire.says("/token", **answer)
        refusal = refused(wire.redeem)
        assert type(refusal) is error
        assert refusal.received.startswith(received)


class TestRefresh:
    def test_the_refresh_token_is_sent_and_nothing_is_widened(self, wire: Wire) -> None:
        wire.client.refresh(IDP, "rt-old")
        assert wire.form() == {"grant_type": "refresh_token", "refresh_token": "rt-old"}

    def test_a_new_refresh_token_takes_the_place_of_the_old(self, wire: Wire) -> None:
        assert wire.client.refresh(IDP, "rt-old").refresh_token == "rt"

    @pytest.mark.parametrize("value", [None, "", 7])
    def test_where_no_new_one_comes_the_old_one_lives_on(self, wire: Wire, value: object) -> None:
        answer = {name: item for name, item in TOKENS.items() if name != "refresh_token"}
        wire.says("/token", json=answer)
        assert wire.client.refresh(IDP, "rt-old").refresh_token == "rt-old"
        wire.says("/token", json={**answer, "refresh_token": value})
        assert wire.client.refresh(IDP, "rt-old").refresh_token == "rt-old"

    @pytest.mark.parametrize("description", ["eyJsecret", 'secret "quoted"\n王', 7, None], ids=str)
    def test_a_refusal_is_told_by_its_code(self, wire: Wire, description: object) -> None:
        wire.says("/token", status_code=200, json={"error": "invalid_grant", "error_description": description})
        assert refused(lambda: wire.client.refresh(IDP, "rt-old")).received == "invalid_grant"
        wire.says("/token", status_code=400, json={"error": "invalid_grant", "error_description": description})
        refusal = refused(lambda: wire.client.refresh(IDP, "rt-old"))
        assert (type(refusal), refusal.received) == (IdpError, "invalid_grant")
        assert "secret" not in str(refusal)


class TestRevoke:
    def test_the_provider_is_asked_to_forget(self, wire: Wire) -> None:
        wire.says("/revoke", status_code=200)
        wire.client.revoke(POST, "rt")
        assert wire.form()["token"] == "rt"
        assert wire.form()["token_type_hint"] == "refresh_token"
        assert wire.form()["client_secret"] == "a+b:c/ü&%"

    def test_a_provider_without_the_endpoint_is_left_alone(self, wire: Wire) -> None:
        wire.client.revoke(replace(IDP, revocation_endpoint=""), "rt")
        assert wire.answers.call_count == 0

    @pytest.mark.parametrize(
        "answer", [{"status_code": 503}, {"status_code": 400, "json": {"error": "x"}}, {"text": "<"}]
    )
    def test_its_answer_does_not_matter(self, wire: Wire, answer: dict[str, Any]) -> None:
        wire.says("/revoke", **answer)
        wire.client.revoke(IDP, "rt")

    def test_silence_is_told(self, wire: Wire) -> None:
        wire.says("/revoke", exc=ConnectionResetError)
        assert type(refused(lambda: wire.client.revoke(IDP, "rt"))) is IdpUnreachable


class TestUserinfo:
    def test_the_token_is_shown_as_a_bearer(self, wire: Wire) -> None:
        assert wire.client.userinfo(IDP, "at") == {"sub": "lin"}
        assert wire.header("Authorization") == "Bearer at"
        assert wire.header("Accept") == "application/json"

    def test_a_provider_without_the_endpoint_is_refused(self, wire: Wire) -> None:
        refusal = refused(lambda: wire.client.userinfo(replace(IDP, userinfo_endpoint=""), "at"))
        assert (type(refusal), refusal.expected) == (UserinfoInvalid, "userinfo_endpoint")

    ANSWERS: ClassVar[list[tuple[dict[str, Any], type[BridgeError]]]] = [
        ({"status_code": 401, "json": {"error": "invalid_token"}}, IdpError),
        ({"status_code": 403, "text": "Bad_OAuth_Token"}, IdpError),
        ({"status_code": 500}, IdpUnreachable),
        ({"exc": ConnectionResetError}, IdpUnreachable),
        ({"status_code": 302, "headers": {"Location": "/login"}}, UserinfoInvalid),
        ({"status_code": 204}, UserinfoInvalid),
        ({"text": "<html>"}, UserinfoInvalid),
        ({"text": "<?xml version='1.0'?><user/>"}, UserinfoInvalid),
        ({"json": [{"sub": "lin"}]}, UserinfoInvalid),
        ({"text": '{"sub": "lin", "sub": "boss"}'}, UserinfoInvalid),
        ({"text": "x" * 1_100_000}, UserinfoInvalid),
    ]

    @pytest.mark.parametrize(("answer", "error"), ANSWERS, ids=range(len(ANSWERS)))
    def test_every_other_answer_is_told_apart(
        self, wire: Wire, answer: dict[str, Any], error: type[BridgeError]
    ) -> None:
        wire.says("/me", **answer)
        assert type(refused(lambda: wire.client.userinfo(IDP, "at"))) is error

    def signed(self, key: RSAKey = KEY, **claims: object) -> dict[str, Any]:
        text = jwt.encode({"alg": "RS256", "kid": "rsa"}, {"sub": "lin", **claims}, key)
        return {"text": text, "headers": {"Content-Type": "application/jwt"}}

    def test_a_signed_answer_is_verified(self, wire: Wire) -> None:
        wire.says("/me", **self.signed(email="lin@contoso.example"))
        assert wire.client.userinfo(IDP, "at") == {"sub": "lin", "email": "lin@contoso.example"}

    def test_a_signature_of_a_stranger_is_refused(self, wire: Wire) -> None:
        wire.says("/me", **self.signed(RSAKey.generate_key(2048, {"kid": "rsa"})))
        assert type(refused(lambda: wire.client.userinfo(IDP, "at"))) is UserinfoInvalid

    def test_garbage_that_calls_itself_signed_is_refused(self, wire: Wire) -> None:
        wire.says("/me", content=b"\xff.\xff.\xff", headers={"Content-Type": "application/jwt"})
        assert type(refused(lambda: wire.client.userinfo(IDP, "at"))) is UserinfoInvalid


class TestVerify:
    def test_an_absent_id_token_is_a_refusal(self, wire: Wire) -> None:
        refusal = refused(lambda: wire.client.verify(IDP, TokenSet("at"), "nonce-1"))
        assert (type(refusal), refusal.received) == (IdTokenInvalid, "none")

    def test_the_providers_keys_are_fetched_for_it(self, wire: Wire) -> None:
        claims = {"iss": ISSUER, "sub": "lin", "aud": "bridge id", "exp": NOW + 60, "iat": NOW, "nonce": "nonce-1"}
        tokens = TokenSet("at", unverified_id_token=jwt.encode({"alg": "RS256", "kid": "rsa"}, claims, KEY))
        assert wire.client.verify(IDP, tokens, "nonce-1") == claims
        assert wire.answers.request_history[-1].url == f"{ISSUER}/keys"

    def test_new_keys_are_fetched_when_a_key_is_unknown(self, wire: Wire) -> None:
        claims = {"iss": ISSUER, "sub": "lin", "aud": "bridge id", "exp": NOW + 60, "iat": NOW, "nonce": "nonce-1"}
        tokens = TokenSet("at", unverified_id_token=jwt.encode({"alg": "RS256", "kid": "new"}, claims, KEY))
        with pytest.raises(IdTokenInvalid, match="kid new"):
            wire.client.verify(IDP, tokens, "nonce-1")
        assert [asked.path for asked in wire.answers.request_history] == ["/keys", "/keys"]


@pytest.mark.parametrize(
    ("kind", "scope", "asks"),
    [
        ("oidc", "openid", True),
        ("oidc", "email", False),
        ("oauth2", "openid", False),
        ("microsoft", "a openid", True),
    ],
)
def test_an_id_token_is_asked_for_by_the_scope_and_never_of_plain_oauth(kind: Any, scope: str, asks: bool) -> None:  # noqa: FBT001 — a table's column
    assert asks_for_id_token(replace(IDP, kind=kind, scope=scope)) is asks
