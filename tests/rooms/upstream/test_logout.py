"""Logout at the provider: where the browser goes, and with what (RP-Initiated Logout 1.0 section 2)."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.core.model import IdentityProvider
from bridge.upstream.logout import end_session_url
from bridge.upstream.metadata import ProviderMetadata

IDP = IdentityProvider(kind="oidc", client_id="bridge")
METADATA = ProviderMetadata("https://idp.example", "https://idp.example/a", "https://idp.example/t")
BACK = "https://phone.example.com/logged-out"


def url(endpoint: str, id_token_hint: str = "e.y.j") -> str:
    metadata = replace(METADATA, end_session_endpoint=endpoint)
    return end_session_url(metadata, IDP, post_logout_redirect_uri=BACK, id_token_hint=id_token_hint, state="state-1")


def test_a_provider_without_the_endpoint_is_left_alone() -> None:
    assert url("") == ""


def test_the_browser_brings_hint_client_return_address_and_state() -> None:
    assert parse_qs(urlsplit(url("https://idp.example/logout")).query) == {
        "id_token_hint": ["e.y.j"],
        "client_id": ["bridge"],
        "post_logout_redirect_uri": [BACK],
        "state": ["state-1"],
    }


def test_the_endpoints_own_parameters_stay() -> None:
    query = parse_qs(urlsplit(url("https://idp.example/logout?tenant=a%26b")).query)
    assert (query["tenant"], query["client_id"]) == (["a&b"], ["bridge"])


def test_without_an_id_token_there_is_no_hint() -> None:
    assert "id_token_hint" not in url("https://idp.example/logout", id_token_hint="")


def hint(payload: bytes) -> str:
    return f"e30.{urlsafe_b64encode(payload).rstrip(b'=').decode()}.c2ln"


def test_the_hint_that_microsoft_gave_comes_back_to_it() -> None:
    query = parse_qs(urlsplit(url("https://idp.example/logout", hint(b'{"login_hint": "O.lin+1&2"}'))).query)
    assert query["logout_hint"] == ["O.lin+1&2"]
    assert query.keys() == {"id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state"}


@pytest.mark.parametrize(
    "unreadable",
    [
        "",
        "e30",
        "..",
        "e30.e30.",
        "e30.é.",
        "e30.%%%.x",
        "e30.e.x",
        hint(b"\xff"),
        hint(b"[]"),
        hint(b"7"),
        hint(b"{"),
        hint(b'{"a":' * 100_000),
        hint(b'{"login_hint": null}'),
        hint(b'{"login_hint": ["lin"]}'),
        hint(b'{"login_hint": "\\ud800"}'),
        hint(b'{"login_hint": "a\\nb"}'),
        hint(b'{"login_hint": ""}'),
    ],
    ids=range(17),
)
def test_where_the_id_token_gives_none_nothing_is_hinted(unreadable: str) -> None:
    assert "logout_hint" not in url("https://idp.example/logout", unreadable)
