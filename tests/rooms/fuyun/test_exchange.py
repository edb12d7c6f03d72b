"""The token exchange: exactly the documented fields go out, and every answer is judged for what it is."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
import requests_mock

from bridge.core.errors import (
    AgentMismatch,
    BridgeError,
    ExchangeAnswerInvalid,
    ExchangeRejected,
    ExchangeUnreachable,
)
from bridge.core.model import AccountName, FuyunApp, FuyunToken, Secret, SubjectToken
from bridge.fuyun.exchange import FuyunExchange, check_agent
from bridge.outbound import Outbound

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_800_000_000
URL = "https://signin.example/oauth/token_exchange"
APP = FuyunApp("idp_1", Secret("uuid-shaped-secret"), "user_management,hotline", "https://p.example/callback/c", URL)
SUBJECT = SubjectToken("00D000000000001!AQ.a+b/c=", "contoso")


def token(claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"eyJhbGciOiJSUzI1NiJ9.{payload}.c2ln"


GOOD: dict[str, Any] = {
    "access_token": token({"user_name": "lin"}),
    "token_type": "bearer",
    "expires_in": 2591999,
    "scope": "fuyun-dev",
    "iss": "http://developer.rhinokeen.com",
    "jti": "8f14e45f",
}


class Wire:
    def __init__(self) -> None:
        self.answers = requests_mock.Adapter()
        self.exchange = FuyunExchange(Outbound(adapter=self.answers), lambda: NOW)

    def gives(self, **answer: Any) -> FuyunToken:
        self.answers.register_uri(requests_mock.ANY, URL, **answer)
        return self.exchange.exchange(APP, SUBJECT)


@pytest.fixture
def wire() -> Wire:
    return Wire()


def refused(act: Callable[[], object]) -> BridgeError:
    with pytest.raises(BridgeError) as refusal:
        act()
    return refusal.value


def test_the_documented_fields_go_out_and_no_others(wire: Wire) -> None:
    wire.gives(json=GOOD)
    (asked,) = wire.answers.request_history
    assert (asked.method, asked.url) == ("POST", URL)
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert asked.headers["Authorization"] == "Basic " + base64.b64encode(b"idp_1:uuid-shaped-secret").decode()
    assert parse_qsl(asked.text, strict_parsing=True) == [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("scope", "user_management,hotline"),
        ("redirect_url", "https://p.example/callback/c"),
        ("subject_token", SUBJECT.token),
        ("subject_issuer", "contoso"),
    ]


def test_the_answer_is_a_token_with_an_instant(wire: Wire) -> None:
    assert wire.gives(json=GOOD) == FuyunToken(
        GOOD["access_token"],
        "bearer",
        NOW + 2591999,
        "fuyun-dev",
        "8f14e45f",
        "lin",
    )


def test_what_the_answer_leaves_out_has_the_usual_value(wire: Wire) -> None:
    assert wire.gives(json={"access_token": "opaque"}) == FuyunToken("opaque", "bearer", NOW + 2591999)


@pytest.mark.parametrize("expires_in", ["60", 60])
def test_the_lifetime_may_be_text(wire: Wire, expires_in: object) -> None:
    assert wire.gives(json={**GOOD, "expires_in": expires_in}).expires_at == NOW + 60


REFUSALS: list[tuple[dict[str, Any], type[BridgeError], str]] = [
    ({"status_code": 401, "json": {"error": "invalid_client"}}, ExchangeRejected, "invalid_client"),
    ({"status_code": 400, "json": {"error": "invalid_grant"}}, ExchangeRejected, "invalid_grant"),
    ({"status_code": 401, "json": {"status": 401, "error": "Unauthorized"}}, ExchangeRejected, "Unauthorized"),
    ({"status_code": 400, "json": {"error": "Invalid access token: eyJx"}}, ExchangeRejected, "str of"),
    ({"status_code": 404, "json": {}}, ExchangeRejected, "HTTP 404"),
    ({"json": {"error": "invalid_grant"}}, ExchangeRejected, "invalid_grant"),
    ({"json": {"Success": False, "Code": "NoAgentFound", "error": "x"}}, ExchangeRejected, "NoAgentFound"),
    ({"json": {**GOOD, "Success": False, "Code": "X"}}, ExchangeRejected, "X"),
    ({"status_code": 500, "json": {"Success": False, "Code": "SystemError"}}, ExchangeRejected, "SystemError"),
    ({"json": {"Success": False, "Code": 7, "code": "lower"}}, ExchangeRejected, "lower"),
    ({"status_code": 429, "json": {"Success": False, "Code": "Throttling"}}, ExchangeUnreachable, "HTTP 429"),
    ({"status_code": 429, "text": "<html>"}, ExchangeUnreachable, "HTTP 429"),
    ({"status_code": 500, "json": {"error": "invalid_grant"}}, ExchangeUnreachable, "HTTP 500"),
    ({"status_code": 502, "text": "<html>"}, ExchangeUnreachable, "HTTP 502"),
    ({"exc": ConnectionResetError}, ExchangeUnreachable, "a broken connection"),
    ({"status_code": 302, "headers": {"Location": "/login"}}, ExchangeAnswerInvalid, "HTTP 302"),
    ({"status_code": 302, "json": GOOD}, ExchangeAnswerInvalid, "HTTP 302"),
    ({"text": "<html>", "headers": {"Content-Type": "text/html"}}, ExchangeAnswerInvalid, "HTTP 200 text/html"),
    ({"status_code": 403, "text": "<html>"}, ExchangeAnswerInvalid, "HTTP 403"),
    ({"text": ""}, ExchangeAnswerInvalid, "HTTP 200"),
    ({"text": "redirect url found!"}, ExchangeAnswerInvalid, "HTTP 200"),
    ({"json": []}, ExchangeAnswerInvalid, "HTTP 200"),
    ({"json": {}}, ExchangeAnswerInvalid, "HTTP 200 without a type without it"),
    ({"json": {**GOOD, "access_token": " "}}, ExchangeAnswerInvalid, "HTTP 200"),
    ({"json": {**GOOD, "access_token": 7}}, ExchangeAnswerInvalid, "HTTP 200"),
    ({"json": {**GOOD, "access_token": "a\r\nSet-Cookie: x=1"}}, ExchangeAnswerInvalid, ""),
    ({"json": {**GOOD, "access_token": "\ud800"}}, ExchangeAnswerInvalid, ""),
    ({"json": {**GOOD, "token_type": "mac"}}, ExchangeAnswerInvalid, "mac"),
    ({"json": {**GOOD, "token_type": None}}, ExchangeAnswerInvalid, "None"),
    ({"json": {**GOOD, "expires_in": 0}}, ExchangeAnswerInvalid, "0"),
    ({"json": {**GOOD, "expires_in": -1}}, ExchangeAnswerInvalid, "-1"),
    ({"json": {**GOOD, "expires_in": None}}, ExchangeAnswerInvalid, "None"),
    ({"json": {**GOOD, "expires_in": "soon"}}, ExchangeAnswerInvalid, "soon"),
    ({"json": {**GOOD, "expires_in": 10**12}}, ExchangeAnswerInvalid, "1000000000000"),
    ({"json": {**GOOD, "expires_in": True}}, ExchangeAnswerInvalid, "True"),
]


@pytest.mark.parametrize(("answer", "error", "received"), REFUSALS, ids=range(len(REFUSALS)))
def test_every_other_answer_is_told_apart(
    wire: Wire, answer: dict[str, Any], error: type[BridgeError], received: str
) -> None:
    refusal = refused(lambda: wire.gives(**answer))
    assert type(refusal) is error
    assert refusal.received.startswith(received)


def test_no_refusal_repeats_what_the_answer_says_at_length(wire: Wire) -> None:
    answer = {"error": "invalid_token", "error_description": f"Invalid access token: {SUBJECT.token}"}
    assert SUBJECT.token not in str(refused(lambda: wire.gives(status_code=401, json=answer)))


class TestWhomTheTokenNames:
    @pytest.mark.parametrize(
        ("access_token", "user_name"),
        [
            (token({"user_name": "王芳"}), "王芳"),
            (token({"sub": "lin"}), ""),
            (token({"user_name": 7}), ""),
            (token({"user_name": None}), ""),
            (token([1]), None),
            ("opaque", None),
            ("a.b", None),
            ("a.b.c.d", None),
            ("a.!.c", None),
            ("a.bm8ganNvbg.c", None),
            (f"a.{base64.urlsafe_b64encode(b'[' * 5000).decode()}.c", None),
        ],
    )
    def test_it_is_read_from_a_jwt_and_unknown_in_anything_else(
        self, wire: Wire, access_token: str, user_name: str | None
    ) -> None:
        assert wire.gives(json={**GOOD, "access_token": access_token}).unverified_user_name == user_name

    def test_the_mapped_agent_and_an_opaque_token_pass(self) -> None:
        for user_name in ("lin", None):
            check_agent(FuyunToken("t", "bearer", 1, unverified_user_name=user_name), AccountName("lin"))

    @pytest.mark.parametrize(("user_name", "received"), [("boss", "boss"), ("Lin", "Lin"), ("", "no user_name")])
    def test_any_other_agent_is_refused_with_both_names(self, user_name: str, received: str) -> None:
        with pytest.raises(AgentMismatch) as refusal:
            check_agent(FuyunToken("t", "bearer", 1, unverified_user_name=user_name), AccountName("lin"))
        assert (refusal.value.expected, refusal.value.received) == ("lin", received)
