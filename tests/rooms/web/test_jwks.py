"""The public keys of mode jwt: which stand in the set, how it is kept by caches, and what one bad key may not do."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from structlog.testing import capture_logs

from bridge.connections.keys import key_id, load_private_key
from bridge.core.errors import StoreUnavailable
from bridge.core.model import JwtSigning, Secret
from bridge.sandbox.keys import new_rsa, private_pem
from bridge.web import jwks as room
from tests.kit.house import BRIDGE, build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from requests import Response

    from tests.kit.browser import Browser
    from tests.kit.house import House

    Build = Callable[..., House]

PATH = "/.well-known/jwks.json"
ISSUER = "https://crm.example.com"


@cache
def pem(name: str) -> str:
    del name
    return private_pem(new_rsa())


@cache
def kid(name: str) -> str:
    return key_id(load_private_key(pem(name)))


def signing(name: str, next_name: str = "") -> JwtSigning:
    one = JwtSigning(ISSUER, Secret(pem(name)))
    if not next_name:
        return one
    return replace(one, next_private_key=Secret(pem(next_name)), next_key_from="2027-01-31T08:00:00Z")


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Build houses whose connections are altered by name."""
    built: list[House] = []

    def build(**altered: dict[str, Any]) -> House:
        settings = demo_settings(tmp_path)
        connections = tuple(replace(one, **altered.get(one.name, {})) for one in settings.connections)
        built.append(build_house(replace(settings, connections=connections)))
        return built[-1]

    yield build
    for house in built:
        house.services.database.close()


def kids(house: House) -> list[str]:
    return [key["kid"] for key in house.browser().fetch(PATH).json()["keys"]]


def test_the_set_has_present_and_next_keys_of_connections_in_use_each_once(build: Build) -> None:
    house = build(
        contoso={"mode": "jwt", "jwt": signing("a", "b")},
        acme={"mode": "jwt", "jwt": signing("b")},
        globex={"mode": "jwt", "jwt": signing("c"), "enabled": False},
        initech={"jwt": signing("c")},
    )
    assert kids(house) == sorted([kid("a"), kid("b")])


def test_a_token_of_the_bridge_can_be_verified_with_it_and_nothing_private_stands_there(build: Build) -> None:
    house = build(globex={"mode": "jwt", "jwt": signing("a")})
    answer = house.browser().fetch(PATH)
    token = jwt.encode({"iss": ISSUER}, pem("a"), algorithm="RS256")
    assert jwt.decode(token, jwt.PyJWKSet.from_dict(answer.json())[kid("a")])["iss"] == ISSUER
    assert set(answer.json()["keys"][0]) == {"kty", "n", "e", "use", "alg", "kid"}
    assert "globex" not in answer.text


def test_without_any_key_the_set_is_empty(house: House) -> None:
    assert house.browser().fetch(PATH).json() == {"keys": []}


def test_caches_may_keep_it_for_everybody_and_ask_whether_it_changed(build: Build) -> None:
    house = build(globex={"mode": "jwt", "jwt": signing("a")})
    browser = house.browser()
    answer = browser.fetch(PATH)
    assert answer.headers["Content-Type"] == "application/jwk-set+json"
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert not {"Set-Cookie", "Vary"} & set(answer.headers)
    again = conditional(browser, answer.headers["ETag"])
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", answer.headers["ETag"])
    assert again.headers["Cache-Control"] == "public, max-age=300"
    assert conditional(browser, '"another"').status_code == 200


def conditional(browser: Browser, tag: str) -> Response:
    return browser.wire.get(f"{BRIDGE}{PATH}", headers={"If-None-Match": tag}, timeout=5)


def test_a_broken_key_takes_no_other_away_and_is_told_once(build: Build) -> None:
    room._jwk.cache_clear()
    house = build(
        contoso={"mode": "jwt", "jwt": JwtSigning(ISSUER, Secret("this was a key"))},
        globex={"mode": "jwt", "jwt": signing("a")},
    )
    with capture_logs() as lines:
        assert [kids(house), kids(house)] == [[kid("a")], [kid("a")]]
    told = [line for line in lines if line["event"] == "signing_key_unusable"]
    assert [line["received"] for line in told] == ["the text is no private key in PEM or base64"]


def test_an_outage_before_anything_was_read_is_told_as_such(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise StoreUnavailable

    monkeypatch.setattr(house.services.register, "revision", away)
    answer = house.browser().fetch(PATH)
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert (answer.headers["Cache-Control"], answer.headers["Retry-After"]) == ("no-store", "5")
