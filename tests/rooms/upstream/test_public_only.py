"""A provider that was entered in the console: whatever is said to it is said to public addresses alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from joserfc.jwk import RSAKey

from bridge.core.errors import BridgeError, IdpAnswerInvalid, UserinfoInvalid
from bridge.core.model import IdentityProvider, Secret, TokenSet
from bridge.outbound import Outbound
from bridge.upstream.client import UpstreamClient
from bridge.upstream.metadata import KeyCache, MetadataCache
from tests.kit.mounted import Mounted

if TYPE_CHECKING:
    from collections.abc import Callable

ISSUER, INSIDE = "https://idp.example", "https://inside.example"
BACK = "https://phone.example.com/callback/contoso"
KEY = RSAKey.generate_key(2048, {"kid": "rsa"})
ENTERED = IdentityProvider(
    kind="oidc",
    client_id="bridge",
    client_secret=Secret("an-invented-secret"),
    issuer=ISSUER,
    discovery_url=f"{ISSUER}/.well-known/openid-configuration",
    scope="openid",
    public_only=True,
)


class Wire:
    """A provider in the public internet that may name one endpoint inside, and who was asked for what."""

    ANSWERS: ClassVar[dict[str, dict[str, Any]]] = {
        "/token": {"access_token": "at", "token_type": "Bearer"},
        "/me": {"sub": "lin"},
        "/revoke": {},
        "/keys": {"keys": [KEY.as_dict(private=False)]},
    }

    def __init__(self, inside: str) -> None:
        self.asked: list[str] = []
        self.document = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "userinfo_endpoint": f"{ISSUER}/me",
            "revocation_endpoint": f"{ISSUER}/revoke",
            "jwks_uri": f"{ISSUER}/keys",
        }
        if inside in self.document:
            self.document[inside] = self.document[inside].replace(ISSUER, INSIDE)
        mounted = Mounted()
        mounted.private.add("inside.example")
        for origin in (ISSUER, INSIDE):
            mounted.mount(origin, self)
        outbound = Outbound(adapter=mounted)
        metadata, keys = MetadataCache(outbound), KeyCache(outbound)
        self.client = UpstreamClient(outbound, metadata, keys, lambda: 1_800_000_000)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.asked.append(f"https://{environ['HTTP_HOST']}{environ['PATH_INFO']}")
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(self.ANSWERS.get(environ["PATH_INFO"], self.document)).encode()]


VERBS: dict[str, tuple[str, Any]] = {
    "redeem": ("token_endpoint", lambda client, idp: client.redeem(idp, "code", "verifier", BACK)),
    "refresh": ("token_endpoint", lambda client, idp: client.refresh(idp, "rt")),
    "revoke": ("revocation_endpoint", lambda client, idp: client.revoke(idp, "rt")),
    "userinfo": ("userinfo_endpoint", lambda client, idp: client.userinfo(idp, "at")),
    "verify": ("jwks_uri", lambda client, idp: client.verify(idp, TokenSet("at", "", "e.y.j"), "nonce")),
}


def failure_of(act: Callable[[], object]) -> BridgeError | None:
    try:
        act()
    except BridgeError as failure:
        return failure
    return None


@pytest.mark.parametrize("verb", VERBS)
def test_an_endpoint_that_discovery_names_inside_is_not_asked(verb: str) -> None:
    endpoint, act = VERBS[verb]
    wire = Wire(endpoint)
    failure = failure_of(lambda: act(wire.client, ENTERED))
    assert isinstance(failure, UserinfoInvalid if verb == "userinfo" else IdpAnswerInvalid)
    assert (failure.expected, failure.received) == ("a public address", "a private one")
    assert wire.asked == [ENTERED.discovery_url]


@pytest.mark.parametrize("verb", VERBS)
def test_a_provider_from_the_file_may_lie_inside(verb: str) -> None:
    endpoint, act = VERBS[verb]
    wire = Wire(endpoint)
    failure = failure_of(lambda: act(wire.client, replace(ENTERED, public_only=False)))
    assert failure is None or failure.code == "id_token_invalid"
    assert wire.document[endpoint] in wire.asked


@pytest.mark.parametrize("verb", VERBS)
def test_a_provider_outside_is_asked_as_ever(verb: str) -> None:
    endpoint, act = VERBS[verb]
    wire = Wire("nothing")
    failure = failure_of(lambda: act(wire.client, ENTERED))
    assert failure is None or failure.code == "id_token_invalid"
    assert wire.document[endpoint] in wire.asked


def test_a_discovery_document_inside_is_not_asked_for() -> None:
    wire = Wire("nothing")
    entered = replace(ENTERED, discovery_url=f"{INSIDE}/.well-known/openid-configuration")
    failure = failure_of(lambda: wire.client.metadata(entered))
    assert isinstance(failure, IdpAnswerInvalid)
    assert wire.asked == []


def test_endpoints_entered_one_by_one_are_guarded_too() -> None:
    wire = Wire("nothing")
    entered = replace(
        ENTERED, discovery_url="", authorization_endpoint=f"{INSIDE}/authorize", token_endpoint=f"{INSIDE}/token"
    )
    assert isinstance(failure_of(lambda: wire.client.redeem(entered, "code", "verifier", BACK)), IdpAnswerInvalid)
    assert wire.asked == []


def test_what_was_found_without_the_guard_is_not_taken_under_it() -> None:
    wire = Wire("jwks_uri")
    tokens = TokenSet("at", "", "e.y.j")
    failures = [
        failure_of(lambda: wire.client.verify(replace(ENTERED, public_only=guarded), tokens, "nonce"))  # noqa: B023
        for guarded in (False, True)
    ]
    assert [failure.code for failure in failures if failure] == ["id_token_invalid", "idp_answer_invalid"]
