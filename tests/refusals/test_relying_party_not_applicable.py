"""Modules and ways of the standard that are not for the bridge: why, and that an offer of them changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.kit.hostile import ORIGIN, Does, Provider, having, replies, without
from tests.refusals import test_relying_party_logout as logout
from tests.refusals import test_relying_party_renewal as renewal
from tests.refusals import test_relying_party_sign_in as sign_in
from tests.refusals.refused import (
    BROUGHT_INVALID,
    ID_TOKEN_INVALID,
    IDP_ANSWER_INVALID,
    IDP_ERROR,
    INFORMED,
    KNOWN,
    MAPPING_FIELD_MISSING,
    REDEEMED,
    VERIFIED,
)
from tests.refusals.relying_party import BEYOND, DISCOVERED, PLANS, Module, Visit, assert_module, providers_of

if TYPE_CHECKING:
    from tests.kit.house import House

PLAIN: Final = {
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
}
UNSIGNED: Final = "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImxpbkBjb250b3NvLmV4YW1wbGUifQ."
ENCRYPTED: Final = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a2V5.aXY.dGV4dA.dGFn"


def asks_as_ever(seen: Visit) -> bool:
    return seen.asked.keys() == PLAIN and seen.asked["response_type"] == "code"


def offered(name: str, why: str, **does: Any) -> Module:
    """Return a row whose provider offers what the bridge does without: the sign-in goes as ever."""
    return Module(name, Does(**does), shows=asks_as_ever, why=why)


def refused(row: Module, refusal: tuple[str, int], asked: tuple[str, ...], says: str = "") -> Module:
    """Return the row of a provider that gives nothing else."""
    return replace(row, refusal=refusal, asked=asked, says=says, shows=lambda _: True)


def in_the_source(**source: str) -> Any:
    """Leave the e-mail address to another source of claims (OpenID Connect Core section 5.6.2)."""
    return lambda good: without("email")(good) | {"_claim_names": {"email": "src1"}, "_claim_sources": {"src1": source}}


OBJECTS: Final = having(
    request_parameter_supported=True,
    request_uri_parameter_supported=True,
    request_object_signing_alg_values_supported=["none", "RS256"],
)
BY_HAND: Final = "an administrator enters the client that the provider registered, and its issuer"
NOT_FROM_THE_DOOR: Final = "no ID token comes from the authorization endpoint: the response type is code"
BY_SECRET: Final = "the client proves itself by its secret, in the header or in the form"
NEVER_MET: Final = {
    "oidcc-client-test-discovery-webfinger-acct": BY_HAND,
    "oidcc-client-test-discovery-webfinger-url": BY_HAND,
    "oidcc-client-test-missing-chash": NOT_FROM_THE_DOOR,
    "oidcc-client-test-nonce-unless-code-flow": NOT_FROM_THE_DOOR,
}
"""Modules of a request that the bridge never sends; what it sends, all rows that follow show."""
MODULES: Final = [
    offered(
        "oidcc-client-test-dynamic-registration", BY_HAND, discovery=having(registration_endpoint=f"{ORIGIN}/register")
    ),
    offered("oidcc-client-test-request-uri-signed-none", "the client sends no request objects", discovery=OBJECTS),
    offered("oidcc-client-test-request-uri-signed-rs256", "the client sends no request objects", discovery=OBJECTS),
    offered(
        "oidcc-client-test-mtls-endpoint-aliases",
        BY_SECRET,
        discovery=having(mtls_endpoint_aliases={"token_endpoint": f"{ORIGIN}/mtls/token"}),
    ),
    offered("oidcc-client-test-missing-athash", "in the code flow at_hash is optional", claims=without("at_hash")),
    offered("oidcc-client-test-invalid-chash", NOT_FROM_THE_DOOR, claims=having(c_hash="AAAAAAAAAAAAAAAAAAAAAA")),
    offered("oidcc-client-test-userinfo-bearer-body", "the token goes in the header, which every provider takes"),
    offered(
        "oidcc-client-test-session-management",
        "browsers keep third-party cookies from the frame; sessions end by logout tokens and at renewal",
        discovery=having(check_session_iframe=f"{ORIGIN}/check_session"),
    ),
    refused(
        offered(
            "oidcc-client-test-aggregated-claims",
            "an account is named by the provider itself, never by a third party",
            userinfo=in_the_source(JWT=UNSIGNED),
        ),
        MAPPING_FIELD_MISSING,
        INFORMED,
    ),
    refused(
        offered(
            "oidcc-client-test-distributed-claims",
            "the bridge asks no address that an answer names",
            userinfo=in_the_source(endpoint=f"{ORIGIN}/claims", access_token="any"),
        ),
        MAPPING_FIELD_MISSING,
        INFORMED,
    ),
]
OTHER_PROOFS: Final = [
    refused(
        offered(
            method,
            BY_SECRET,
            discovery=having(token_endpoint_auth_methods_supported=[method]),
            token=replies(401, {"error": "invalid_client"}),
        ),
        IDP_ERROR,
        REDEEMED,
        "invalid_client",
    )
    for method in ("client_secret_jwt", "private_key_jwt", "tls_client_auth")
]
OTHER_WAYS: Final = [
    refused(
        offered("encrypted ID tokens", "the client registers no key", token=having(id_token=ENCRYPTED)),
        ID_TOKEN_INVALID,
        VERIFIED,
    ),
    refused(
        offered("self-issued provider", BY_HAND, discovery=having(issuer="https://self-issued.me")),
        IDP_ANSWER_INVALID,
        DISCOVERED,
        "https://self-issued.me",
    ),
    refused(
        offered(
            "implicit flow",
            NOT_FROM_THE_DOOR,
            comes_back=lambda good: without("code")(good) | {"id_token": UNSIGNED, "access_token": "any"},
        ),
        BROUGHT_INVALID,
        KNOWN,
        "neither code nor error",
    ),
    offered(
        "hybrid flow", NOT_FROM_THE_DOOR, comes_back=lambda good: good | {"id_token": UNSIGNED, "access_token": "any"}
    ),
]
NOT_APPLICABLE: Final = [*MODULES, *OTHER_PROOFS, *OTHER_WAYS]


@pytest.fixture(scope="module")
def providers() -> dict[str, Provider]:
    return providers_of(NOT_APPLICABLE)


@pytest.mark.parametrize("row", NOT_APPLICABLE, ids=str)
def test_what_the_bridge_does_without_changes_nothing(
    hostile: House, providers: dict[str, Provider], row: Module
) -> None:
    assert row.why
    assert_module(hostile, providers[row.id], row)


def test_every_module_that_could_meet_a_relying_party_is_a_row_of_some_table() -> None:
    shown = {
        *(one.id for one in sign_in.MODULES),
        *(one.id for one in renewal.ROWS),
        *sign_in.ROTATIONS,
        *sign_in.BEGUN_THERE,
    }
    shown |= {renewal.ACCEPTED, *logout.STATES, logout.BACK, *logout.TOKENS, *logout.FRAMES}
    assert {*BEYOND}.union(*PLANS.values()) - shown == {one.id for one in MODULES} | NEVER_MET.keys()
