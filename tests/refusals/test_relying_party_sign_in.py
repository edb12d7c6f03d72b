"""The foundation's plans Basic, Form Post Basic, Config and third-party initiated login: whom the bridge believes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import pytest

from tests.journeys.steps import signed_in
from tests.kit.hostile import (
    CLIENT_ID,
    CLIENT_SECRET,
    Does,
    Provider,
    Reply,
    compact,
    having,
    hs256,
    jwk,
    rs256,
    without,
)
from tests.kit.house import SANDBOX, SECURE_BRIDGE
from tests.refusals.refused import (
    ID_TOKEN_INVALID,
    IDP_ANSWER_INVALID,
    IDP_ERROR,
    INFORMED,
    KNOWN,
    REFETCHED,
    USERINFO_INVALID,
    VERIFIED,
    beside,
)
from tests.refusals.relying_party import (
    BASIC,
    DISCOVERED,
    PLANS,
    Module,
    Visit,
    assert_module,
    curve_jwk,
    es256,
    longer,
    nameless,
    providers_of,
    spoilt,
    unsigned,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.hostile import Members
    from tests.kit.house import House

CONFIG: Final = PLANS["oidcc-client-config-certification-test-plan"]
ROTATIONS: Final = CONFIG[-2:]
BEGUN_THERE: Final = PLANS["oidcc-client-test-3rd-party-init-login-test-plan"]
EVIL_ISSUER: Final = "https://evil.example"
FORM_POST: Final = {"response_mode": "form_post"}
EVERY_WAY: Final = having(
    token_endpoint_auth_methods_supported=[
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt",
        "private_key_jwt",
    ]
)


def module(name: str, refusal: Any = None, asked: Any = None, says: str = "", shows: Any = None, **does: Any) -> Module:
    """Return a row of these tables; `does` is what the provider does badly."""
    given = {"asked": asked, "shows": shows}
    return Module(name, Does(**does), refusal, says=says, **{name: one for name, one in given.items() if one})


def refused(name: str, says: str, asked: tuple[str, ...] = VERIFIED, **does: Any) -> Module:
    """Return a row whose ID token the bridge has to refuse."""
    return module(name, ID_TOKEN_INVALID, asked, says, **does)


def announcing(*algorithms: str) -> Any:
    return having(id_token_signing_alg_values_supported=list(algorithms))


def publishing(*keys: Members) -> Any:
    return having(keys=list(keys))


def below(*names: str) -> Any:
    """Let endpoints lie where nobody finds them without the discovery document."""
    return lambda good: good | {name: "/moved/".join(good[name].rsplit("/", 1)) for name in names}


def signed_userinfo(**members: str) -> Any:
    """Answer with a signed JWT (OpenID Connect Core section 5.3.2) for the client, unless `members` says else."""

    def sign(good: Members) -> Reply:
        claims = {**good, "aud": CLIENT_ID, **members}
        token = compact({"alg": "RS256", "kid": "published"}, json.dumps(claims).encode(), rs256())
        return Reply(body=token.encode(), content_type="application/jwt")

    return sign


def asks_for_a_code(seen: Visit) -> bool:
    return seen.asked["response_type"] == "code" and "openid" in seen.asked["scope"] and bool(seen.asked["nonce"])


def learns_who_it_is_by_scope(seen: Visit) -> bool:
    return {"profile", "email"} <= set(seen.asked["scope"].split())


def proves_itself_in_the_header(seen: Visit) -> bool:
    request = seen.received("token")
    return request.headers["Authorization"].startswith("Basic ") and CLIENT_SECRET.encode() not in request.body


def shows_its_token_in_the_header(seen: Visit) -> bool:
    request = seen.received("userinfo")
    bears = request.headers["Authorization"].startswith("Bearer access-token-of-")
    return bears and (request.method, request.query, request.body) == ("GET", "", b"")


def asks_where_discovery_said(seen: Visit) -> bool:
    return [url.rpartition("/")[2] for url in seen.calls if "/moved/" in url] == ["token", "userinfo"]


def takes_the_keys_where_discovery_said(seen: Visit) -> bool:
    return any(url.endswith("/moved/jwks") for url in seen.calls)


def never_leaves(seen: Visit) -> bool:
    return not seen.asked


OF_BASIC: Final = [
    module("oidcc-client-test", shows=asks_for_a_code),
    refused("oidcc-client-test-invalid-iss", "iss http", claims=longer("iss")),
    refused("oidcc-client-test-missing-sub", "sub None", claims=without("sub")),
    refused("oidcc-client-test-invalid-aud", f"aud {CLIENT_ID}", claims=longer("aud")),
    refused("oidcc-client-test-missing-iat", "iat None", claims=without("iat")),
    module("oidcc-client-test-kid-absent-single-jwks", header=without("kid"), jwks=publishing(nameless())),
    # The suite lets a relying party refuse this one, or try every key.
    module(
        "oidcc-client-test-kid-absent-multiple-jwks",
        header=without("kid"),
        jwks=publishing(nameless("other"), nameless()),
    ),
    module("oidcc-client-test-idtoken-sig-rs256", discovery=announcing("RS256", "none")),
    # The suite lets a relying party accept this one, since it came over TLS. The bridge does not.
    refused(
        "oidcc-client-test-idtoken-sig-none",
        "none",
        discovery=announcing("none"),
        header=lambda _: {"alg": "none"},
        sign=unsigned,
    ),
    refused("oidcc-client-test-invalid-sig-rs256", "another signature", REFETCHED, sign=spoilt(rs256())),
    module("oidcc-client-test-userinfo-invalid-sub", USERINFO_INVALID, INFORMED, "another sub", userinfo=longer("sub")),
    refused("oidcc-client-test-nonce-invalid", "the nonce of this sign-in", claims=longer("nonce")),
    module("oidcc-client-test-scope-userinfo-claims", shows=learns_who_it_is_by_scope),
    module("oidcc-client-test-client-secret-basic", discovery=EVERY_WAY, shows=proves_itself_in_the_header),
]
OF_CONFIG: Final = [
    module(
        "oidcc-client-test-discovery-openid-config",
        discovery=below("token_endpoint", "userinfo_endpoint"),
        shows=asks_where_discovery_said,
    ),
    module(
        "oidcc-client-test-discovery-jwks-uri-keys",
        discovery=below("jwks_uri"),
        shows=takes_the_keys_where_discovery_said,
    ),
    module(
        "oidcc-client-test-discovery-issuer-mismatch",
        IDP_ANSWER_INVALID,
        DISCOVERED,
        "INVALID",
        discovery=longer("issuer", "INVALID"),
        shows=never_leaves,
    ),
]
BEYOND_THEM: Final = [
    refused("oidcc-client-test-missing-aud", f"aud {CLIENT_ID}", claims=without("aud")),
    refused("oidcc-client-test-invalid-athash", "another at_hash", claims=longer("at_hash")),
    refused(
        "oidcc-client-test-invalid-sig-es256",
        "another signature",
        REFETCHED,
        discovery=announcing("ES256"),
        header=having(alg="ES256", kid="curve"),
        jwks=lambda _: {"keys": [jwk(), curve_jwk()]},
        sign=spoilt(es256),
    ),
    # Even a good one is refused: whoever knows the secret could have signed it.
    refused(
        "oidcc-client-test-invalid-sig-hs256",
        "HS256",
        discovery=announcing("HS256"),
        header=lambda _: {"alg": "HS256"},
        sign=spoilt(hs256(CLIENT_SECRET.encode())),
    ),
    module(
        "oidcc-client-test-ignores-unparseable-key-in-jwks",
        jwks=publishing(
            {"kty": "AKP", "kid": "a", "alg": "ML-DSA-99", "pub": "AAAA"}, {"kty": "NEW", "kid": "b"}, jwk()
        ),
    ),
    module("oidcc-client-test-userinfo-bearer-header", shows=shows_its_token_in_the_header),
    module("oidcc-client-test-userinfo-signed", userinfo=signed_userinfo()),
    module(
        "oidcc-client-test-userinfo-signed, for another client",
        USERINFO_INVALID,
        INFORMED,
        f"aud {CLIENT_ID}",
        userinfo=signed_userinfo(aud="another-client"),
    ),
    module(
        "oidcc-client-test-userinfo-signed, by another issuer",
        USERINFO_INVALID,
        INFORMED,
        EVIL_ISSUER,
        userinfo=signed_userinfo(iss=EVIL_ISSUER),
    ),
]
BY_FORM: Final = [
    *(replace(one, idp=FORM_POST) for one in OF_BASIC),
    replace(
        module(
            "oidcc-client-test-form-post-error",
            IDP_ERROR,
            KNOWN,
            "login_required",
            comes_back=lambda good: {"error": "login_required", "state": good["state"], "iss": good["iss"]},
        ),
        idp=FORM_POST,
    ),
]
MODULES: Final = [*OF_BASIC, *OF_CONFIG, *BEYOND_THEM, *BY_FORM]


@pytest.fixture(scope="module")
def providers() -> dict[str, Provider]:
    return providers_of(MODULES)


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory, providers: dict[str, Provider]) -> Iterator[House]:
    """A bridge on https, which forms need, beside the suite's providers."""
    built = beside(tmp_path_factory.mktemp("house"), providers.values(), SECURE_BRIDGE)
    yield built
    built.services.database.close()


@pytest.mark.parametrize("row", MODULES, ids=str)
def test_a_sign_in_goes_as_the_module_wants(bridge: House, providers: dict[str, Provider], row: Module) -> None:
    assert_module(bridge, providers[str(row)], row)


@pytest.mark.parametrize("row", ROTATIONS)
def test_keys_that_change_cost_one_more_look(house: House, row: str) -> None:
    signed_in(house)
    browser, at_once = house.browser(), row.endswith("just-before-signing")
    if not at_once:
        house.world.rotate_keys("globex")
    back = browser.choose(browser.begin("globex"), "lin", follow=False).headers["Location"]
    if at_once:
        house.world.rotate_keys("globex")
    assert browser.open(back, follow=False).status_code == 303
    assert house.world.count("/protocol/certs") == 2


@pytest.mark.parametrize("row", BEGUN_THERE)
def test_a_sign_in_that_the_provider_begins_is_like_any_other(house: House, row: str) -> None:
    assert row.endswith("3rd-party-init-login")
    browser = house.browser()
    page = browser.open(f"/login/globex/initiate?{urlencode({'iss': f'{SANDBOX}/oidc'})}")
    assert browser.choose(page, "lin").url == f"{house.settings.public_url}/softphone"


def test_the_provider_may_begin_it_by_a_form(house: House) -> None:
    """OpenID Connect Core section 4 lets the parameters come either way."""
    browser, begun = house.browser(), {"iss": f"{SANDBOX}/oidc", "login_hint": "lin"}
    page = browser.submit("/login/globex/initiate", begun, Origin=SANDBOX)
    assert "login_hint=lin" in page.url
    assert browser.choose(page, "lin").url == f"{house.settings.public_url}/softphone"


def test_every_module_of_the_plans_is_a_row() -> None:
    assert {one.id for one in OF_BASIC} == {one.id for one in BY_FORM[:-1]} == set(BASIC)
    assert {one.id for one in [*OF_BASIC, *OF_CONFIG]} | set(ROTATIONS) >= set(CONFIG)
