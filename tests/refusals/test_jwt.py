"""What Fuyun refuses in mode jwt: each slip between portal and configuration is one row, with what is told of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from bridge.core.model import JwtSigning, Secret
from bridge.sandbox.keys import new_rsa, private_pem, public_pem
from tests.kit.house import build_house, change, demo_settings
from tests.refusals.refused import (
    AGENT_MISMATCH,
    EXCHANGE_REJECTED,
    EXCHANGE_UNREACHABLE,
    PAGE,
    PROBLEM,
    Refusal,
    assert_refused,
    come_back,
    secrets_in,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from requests.models import Response

    from bridge.sandbox.world import World
    from tests.kit.house import House

    Break = Callable[[World], object]

ISSUER: Final = "https://crm.example.com"
A_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Slip:
    """One thing that is not as it should be.

    Args:
        says: Fuyun's own code, which the page shows.
        reason: what Fuyun wrote beside it, which no page repeats; empty where it has another shape.
    """

    id: str
    refusal: Refusal
    do: Break
    says: str
    reason: str = ""

    def __str__(self) -> str:
        return self.id


def registered(**fields: Any) -> Break:
    """Register something else in the portal."""

    def do(world: World) -> None:
        app = world.fuyun_of("globex")
        world.fuyun_apps[app.client_id] = replace(app, **fields)

    return do


def misbehaves(fault: str, **settings: Any) -> Break:
    return lambda world: world.faults.set("exchange", fault, **settings)


def refused_grant(name: str, do: Break, reason: str) -> Slip:
    return Slip(name, EXCHANGE_REJECTED, do, "invalid_grant", reason)


SLIPS: Final = [
    refused_grant(
        "another public key",
        lambda world: world.replace_public_key("globex", public_pem(new_rsa().public_key())),
        "the signature does not fit the registered public key",
    ),
    refused_grant("no public key", registered(jwt_public_key=""), "no usable public key is registered"),
    refused_grant(
        "another issuer", registered(jwt_issuer="https://other.example"), "subject_issuer is not the registered one"
    ),
    refused_grant(
        "the issuer with a slash", registered(jwt_issuer=f"{ISSUER}/"), "subject_issuer is not the registered one"
    ),
    refused_grant("the portal is in mode oauth", registered(mode="oauth"), "subject_issuer is not the registered one"),
    refused_grant(
        "milliseconds are expected",
        registered(exp_unit="milliseconds"),
        "exp is in seconds; milliseconds are expected",
    ),
    refused_grant("Fuyun's clock is ahead", misbehaves("clock_off", seconds=200), "exp is in the past"),
    refused_grant(
        "Fuyun's clock is days behind", misbehaves("clock_off", seconds=-2 * A_DAY), "exp is more than a day ahead"
    ),
    refused_grant(
        "another callback",
        registered(redirect_urls=frozenset({"https://other.example/callback/globex"})),
        "Redirect URI mismatch.",
    ),
    Slip("another scope", EXCHANGE_REJECTED, registered(scope="hotline"), "invalid_scope"),
    Slip("another client secret", EXCHANGE_REJECTED, registered(client_secret="changed"), "invalid_client"),
    Slip("no such agent", EXCHANGE_REJECTED, lambda world: world.remove_agent("lin"), "NoAgentFound"),
    Slip("a frozen agent", EXCHANGE_REJECTED, lambda world: world.freeze("lin"), "AgentFrozen"),
    Slip("the JWT in its error", EXCHANGE_REJECTED, misbehaves("echo_token"), "invalid_token"),
    Slip("a token for somebody else", AGENT_MISMATCH, misbehaves("wrong_user"), "somebody.else@contoso.example"),
    Slip("an outage", EXCHANGE_UNREACHABLE, misbehaves("http_500"), "HTTP 500"),
]


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    key = new_rsa()
    signing = JwtSigning(ISSUER, Secret(private_pem(key)))
    given = demo_settings(tmp_path_factory.mktemp("house"))
    house = build_house(change(given, "globex", lambda one: replace(one, mode="jwt", jwt=signing)))
    house.world.use_jwt("globex", ISSUER, public_pem(key.public_key()))
    yield house
    house.services.database.close()


@pytest.fixture
def platform(joined: House) -> Iterator[House]:
    """A platform that is registered as it should be, whatever the row before did."""
    apps = dict(joined.world.fuyun_apps)
    yield joined
    joined.world.reset()
    joined.world.fuyun_apps.update(apps)


def tried(house: House, headers: Mapping[str, str]) -> tuple[Response, list[str]]:
    """Sign in; returns the answer, and what it must not repeat."""
    browser = house.browser()
    back = come_back(browser, "globex")
    answer = browser.open(back, follow=False, **headers)
    sent = [one.form["subject_token"][0] for one in house.world.requests_to("/oauth/token_exchange")]
    return answer, [*sent, *secrets_in(back)]


@pytest.mark.parametrize("slip", SLIPS, ids=str)
def test_a_slip_between_portal_and_configuration_is_told_and_lets_nobody_in(platform: House, slip: Slip) -> None:
    kept = platform.rows()
    slip.do(platform.world)
    for headers in (PAGE, PROBLEM):
        answer, hidden = tried(platform, headers)
        assert_refused(answer, slip.refusal, [*hidden, *filter(None, [slip.reason])], slip.says)
    assert platform.rows() == kept


@pytest.mark.parametrize("slip", [slip for slip in SLIPS if slip.reason], ids=str)
def test_fuyun_says_itself_what_the_slip_was(platform: House, slip: Slip) -> None:
    slip.do(platform.world)
    app = platform.world.fuyun_of("globex")
    tried(platform, PAGE)
    form = {name: value for name, (value,) in platform.world.requests_to("/oauth/token_exchange")[-1].form.items()}
    wire, pair = platform.browser().wire, (app.client_id, app.client_secret)
    answer = wire.post("http://localhost:5100/oauth/token_exchange", data=form, auth=pair, timeout=5)
    assert answer.json() == {"error": "invalid_grant", "error_description": slip.reason}


def test_without_any_slip_the_agent_comes_in(platform: House) -> None:
    answer, _ = tried(platform, PAGE)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/softphone")
