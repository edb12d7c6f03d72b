"""A changed client secret on the wire: the present one first, the former one once, and what is told of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
import requests_mock

from bridge.core.errors import BridgeError, IdpAnswerInvalid, IdpError, IdpUnreachable
from bridge.core.model import NO_SECRET, IdentityProvider, Secret
from bridge.outbound import Outbound
from bridge.upstream.client import UpstreamClient
from bridge.upstream.metadata import KeyCache, MetadataCache

if TYPE_CHECKING:
    from collections.abc import Callable

ISSUER = "https://idp.example"
PLAIN = IdentityProvider(
    kind="oauth2",
    client_id="bridge",
    client_secret=Secret("the-new-one"),
    authorization_endpoint=f"{ISSUER}/authorize",
    token_endpoint=f"{ISSUER}/token",
    revocation_endpoint=f"{ISSUER}/revoke",
    token_endpoint_auth_method="client_secret_post",
)
CHANGED = replace(PLAIN, former_client_secret=Secret("the-old-one"))
TOKENS = {"json": {"access_token": "at", "token_type": "Bearer", "refresh_token": "rt"}}
STRANGER = {"status_code": 401, "json": {"error": "invalid_client"}}
SPENT = {"status_code": 400, "json": {"error": "invalid_grant"}}


class Desk:
    """A provider whose answers are given by hand, and what the bridge heard of its secrets."""

    def __init__(self) -> None:
        self.answers = requests_mock.Adapter()
        self.heard: list[str] = []
        outbound = Outbound(adapter=self.answers)
        self.client = UpstreamClient(outbound, MetadataCache(outbound), KeyCache(outbound), lambda: 1_800_000_000, self)

    def accepted(self, idp: IdentityProvider) -> None:
        assert idp == CHANGED
        self.heard.append("accepted")

    def refused(self, idp: IdentityProvider, error: str) -> None:
        assert idp == CHANGED
        self.heard.append(error)

    def says(self, *answers: dict[str, Any]) -> None:
        for path in ("/token", "/revoke"):
            self.answers.register_uri("POST", f"{ISSUER}{path}", list(answers))

    def forms(self) -> list[dict[str, str]]:
        return [dict(parse_qsl(request.text)) for request in self.answers.request_history]

    def secrets(self) -> list[str]:
        return [form.get("client_secret", "") for form in self.forms()]


@pytest.fixture
def desk() -> Desk:
    return Desk()


VERBS: dict[str, Callable[[UpstreamClient, IdentityProvider], object]] = {
    "redeem": lambda client, idp: client.redeem(idp, "code-1", "verifier-1", "https://phone.example/callback/x"),
    "refresh": lambda client, idp: client.refresh(idp, "rt-1"),
    "revoke": lambda client, idp: client.revoke(idp, "rt-1"),
}
FOR_TOKENS = {name: verb for name, verb in VERBS.items() if name != "revoke"}


def table(rows: dict[str, Any]) -> list[Any]:
    return [pytest.param(*(row if isinstance(row, tuple) else (row,)), id=name) for name, row in rows.items()]


def refusal_of(act: Callable[[], object]) -> BridgeError:
    with pytest.raises(BridgeError) as refusal:
        act()
    return refusal.value


@pytest.mark.parametrize("verb", table(VERBS))
def test_the_same_request_goes_out_once_more_with_the_former_secret(
    desk: Desk, verb: Callable[[UpstreamClient, IdentityProvider], object]
) -> None:
    desk.says(STRANGER, TOKENS)
    verb(desk.client, CHANGED)
    assert desk.secrets() == ["the-new-one", "the-old-one"]
    first, second = ({**form, "client_secret": ""} for form in desk.forms())
    assert first == second
    assert desk.heard == ["invalid_client"]


@pytest.mark.parametrize("verb", table(FOR_TOKENS))
def test_a_new_secret_that_works_is_told_and_the_former_one_not_sent(
    desk: Desk, verb: Callable[[UpstreamClient, IdentityProvider], object]
) -> None:
    desk.says(TOKENS)
    verb(desk.client, CHANGED)
    assert (desk.secrets(), desk.heard) == (["the-new-one"], ["accepted"])


def test_a_revocation_proves_nothing_since_some_servers_let_anybody_revoke(desk: Desk) -> None:
    desk.says({"status_code": 200})
    desk.client.revoke(CHANGED, "rt-1")
    assert (desk.secrets(), desk.heard) == (["the-new-one"], [])


@pytest.mark.parametrize("verb", table(VERBS))
@pytest.mark.parametrize("answer", [TOKENS, STRANGER], ids=["tokens", "invalid_client"])
def test_without_a_former_secret_there_is_one_request_and_nothing_to_tell(
    desk: Desk, verb: Callable[[UpstreamClient, IdentityProvider], object], answer: dict[str, Any]
) -> None:
    desk.says(answer)
    with suppress(IdpError):
        verb(desk.client, PLAIN)
    assert (desk.secrets(), desk.heard) == (["the-new-one"], [])


UNKNOWN = {
    "as the standard says": {"status_code": 400, "json": {"error": "invalid_client"}},
    "with HTTP 401": STRANGER,
    "as Keycloak says": {"status_code": 401, "json": {"error": "unauthorized_client"}},
    "as GitHub says": {"status_code": 200, "json": {"error": "incorrect_client_credentials"}},
}


@pytest.mark.parametrize("answer", table(UNKNOWN))
def test_a_wrong_secret_is_known_by_the_code_of_the_error(desk: Desk, answer: dict[str, Any]) -> None:
    desk.says(answer, TOKENS)
    assert desk.client.refresh(CHANGED, "rt-1").access_token == "at"
    assert desk.secrets() == ["the-new-one", "the-old-one"]


OTHERWISE: dict[str, tuple[dict[str, Any], type[BridgeError]]] = {
    "another error": (SPENT, IdpError),
    "a text that says so": (
        {"status_code": 400, "json": {"error": "x", "error_description": "invalid_client"}},
        IdpError,
    ),
    "HTTP 401 without a code": ({"status_code": 401, "text": "invalid_client"}, IdpError),
    "a failing server": ({"status_code": 500, "json": {"error": "invalid_client"}}, IdpUnreachable),
    "silence": ({"exc": ConnectionResetError}, IdpUnreachable),
    "nonsense": ({"text": "<html>", "headers": {"Content-Type": "text/html"}}, IdpAnswerInvalid),
    "no token": ({"json": {"token_type": "Bearer"}}, IdpAnswerInvalid),
}


@pytest.mark.parametrize(("answer", "error"), table(OTHERWISE))
def test_any_other_failure_is_told_as_it_is_and_proves_nothing(
    desk: Desk, answer: dict[str, Any], error: type[BridgeError]
) -> None:
    desk.says(answer, TOKENS)
    assert type(refusal_of(lambda: desk.client.redeem(CHANGED, "code", "verifier", "https://x.example"))) is error
    assert (desk.secrets(), desk.heard) == (["the-new-one"], [])


SECOND: dict[str, tuple[dict[str, Any], type[BridgeError], str]] = {
    "both are unknown": (STRANGER, IdpError, "invalid_client"),
    "the first refusal spent the code": (SPENT, IdpError, "invalid_grant"),
    "the server fails now": ({"status_code": 503}, IdpUnreachable, "HTTP 503"),
}


@pytest.mark.parametrize(("answer", "error", "received"), table(SECOND))
def test_of_two_failures_the_second_is_told(
    desk: Desk, answer: dict[str, Any], error: type[BridgeError], received: str
) -> None:
    desk.says(STRANGER, answer, TOKENS)
    refusal = refusal_of(lambda: desk.client.refresh(CHANGED, "rt-1"))
    assert (type(refusal), refusal.received) == (error, received)
    assert desk.secrets() == ["the-new-one", "the-old-one"]
    assert "one" not in str(refusal)


def test_nobody_need_listen(desk: Desk) -> None:
    outbound = Outbound(adapter=desk.answers)
    deaf = UpstreamClient(outbound, MetadataCache(outbound), KeyCache(outbound), lambda: 0)
    desk.says(STRANGER, TOKENS, TOKENS)
    assert deaf.refresh(CHANGED, "rt-1") == deaf.refresh(CHANGED, "rt-1")
    assert desk.secrets() == ["the-new-one", "the-old-one", "the-new-one"]


def test_what_is_cached_of_a_provider_stays_when_the_former_secret_goes() -> None:
    outbound_calls: list[str] = []
    answers = requests_mock.Adapter()
    discovered = replace(CHANGED, kind="oidc", issuer=ISSUER, discovery_url=f"{ISSUER}/.well-known/x")

    def document(request: Any, _context: object) -> dict[str, str]:
        outbound_calls.append(request.url)
        return {name: getattr(CHANGED, name) for name in ("authorization_endpoint", "token_endpoint")} | {
            "issuer": ISSUER,
            "jwks_uri": f"{ISSUER}/keys",
        }

    answers.register_uri("GET", discovered.discovery_url, json=document)
    cache = MetadataCache(Outbound(adapter=answers))
    assert cache.get(discovered) is cache.get(replace(discovered, former_client_secret=NO_SECRET))
    assert len(outbound_calls) == 1


def test_neither_secret_stands_in_a_text() -> None:
    assert "one" not in repr(CHANGED)
