"""A provider or Fuyun that is down, slow or talks nonsense: agents go on, new sign-ins are told, nothing is lost.

The README's section "When something is down" promises what these tests show.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests

from bridge.app import create_app
from bridge.upstream.shelf import FRESH_FOR, RETRY_AFTER
from tests.journeys.steps import rehoused, signed_in
from tests.kit.house import change
from tests.kit.open_page import OpenPage, problem_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests import Response

    from tests.kit.house import House

IDP, FUYUN = "/oidc/protocol/", "/oauth/token_exchange"
ELSEWHERE: Final = "http://127.0.0.1:5200"
TIME_OUT, REFUSED = requests.ReadTimeout("none"), ConnectionRefusedError(111, "Connection refused")


def before_each_call(house: House, act: Callable[[Any], None]) -> None:
    """Do something before each call that leaves the bridge."""
    transport: Any = house.services.outbound._transport
    then = transport.before

    def both(request: Any) -> None:
        then(request)
        act(request)

    transport.before = both


@contextmanager
def silence(house: House, path: str, error: Exception) -> Iterator[None]:
    """Let nobody answer the bridge under a path."""
    transport: Any = house.services.outbound._transport
    before = transport.before

    def fail(request: Any) -> None:
        if path in request.url:
            raise error

    before_each_call(house, fail)
    yield
    transport.before = before


@contextmanager
def nonsense(house: House, target: str, fault: str) -> Iterator[None]:
    """Let a server give another answer than it should."""
    house.world.faults.set(target, fault)
    yield
    house.world.faults.clear()


def let_circuits_rest(house: House, seconds: float = 11) -> None:
    """Let hosts that are left alone be asked again."""
    breakers = house.services.outbound._breakers
    breakers._clock = lambda: time.monotonic() + seconds


# One that is down, or talks nonsense ----------------------------------------------------------------------------------

OUTAGES: Final = {
    "the provider hangs": (partial(silence, path=IDP, error=TIME_OUT), 504, "idp_unreachable", "outage_idp"),
    "the provider is gone": (partial(silence, path=IDP, error=REFUSED), 504, "idp_unreachable", "outage_idp"),
    "the provider says 500": (
        partial(nonsense, target="token", fault="http_500"),
        504,
        "idp_unreachable",
        "outage_idp",
    ),
    "the provider shows a page": (
        partial(nonsense, target="token", fault="html"),
        502,
        "idp_answer_invalid",
        "outage_idp",
    ),
    "the provider breaks off": (
        partial(nonsense, target="token", fault="not_json"),
        502,
        "idp_answer_invalid",
        "outage_idp",
    ),
    "Fuyun hangs": (partial(silence, path=FUYUN, error=TIME_OUT), 504, "exchange_unreachable", "outage_exchange"),
    "Fuyun is gone": (partial(silence, path=FUYUN, error=REFUSED), 504, "exchange_unreachable", "outage_exchange"),
    "Fuyun shows a page": (
        partial(nonsense, target="exchange", fault="html"),
        502,
        "exchange_answer_invalid",
        "outage_exchange",
    ),
}


@pytest.mark.parametrize("mode", OUTAGES)
def test_an_agent_works_on_and_a_new_sign_in_is_told(house: House, mode: str) -> None:
    outage, status, code, banner = OUTAGES[mode]
    page, newcomer = OpenPage(signed_in(house)), house.browser()
    arrival = newcomer.choose(newcomer.begin("globex"), "fang", follow=False).headers["Location"]
    with outage(house):
        failed = page.renew()
        assert problem_of(failed) == (status, code)
        assert page.banner(failed) == banner
        assert [page.look().status_code, page.token().status_code] == [200, 200]
        assert page.browser.open("/softphone").status_code == 200
        assert page.keeps_its_cookies()
        assert problem_of(newcomer.open(arrival)) == (status, code)
    assert page.renew().status_code == 200
    assert newcomer.sign_in("globex", "fang").url.endswith("/softphone")


def test_a_provider_that_stays_away_is_left_alone_and_costs_other_companies_nothing(house: House) -> None:
    token_endpoint = f"{ELSEWHERE}/oidc/protocol/token"
    house = rehoused(
        house,
        lambda old: change(
            old, "globex", lambda one: replace(one, idp=replace(one.idp, token_endpoint=token_endpoint))
        ),
    )
    (sandbox,) = (app for origin, app in house.adapter.applications.items() if origin.endswith(":5100"))
    house.adapter.mount(ELSEWHERE, sandbox)
    page, other = OpenPage(signed_in(house)), OpenPage(signed_in(house, "contoso"))
    del house.adapter.applications[ELSEWHERE]
    assert {problem_of(page.renew()) for _ in range(5)} == {(504, "idp_unreachable")}
    house.calls.clear()
    assert page.renew().json()["received"] == "none lately, so it was not asked"
    assert house.calls == []
    assert house.services.outbound.circuits()[ELSEWHERE] == "open"
    assert other.renew().status_code == 200
    house.adapter.mount(ELSEWHERE, sandbox)
    let_circuits_rest(house)
    assert page.renew().status_code == 200
    assert house.services.outbound.circuits()[ELSEWHERE] == "closed"
    house.services.database.close()


# What a provider says of itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("target", "fault"), [("discovery", "html"), ("discovery", "wrong_iss"), ("jwks", "no_keys")])
def test_what_a_provider_said_before_serves_on_while_it_talks_nonsense(house: House, target: str, fault: str) -> None:
    page = OpenPage(signed_in(house, "contoso"))
    for cache in (house.services.upstream._metadata, house.services.upstream._keys):
        shelf: Any = cache._shelf
        shelf._clock = lambda: time.monotonic() + FRESH_FOR + 1
    house.world.faults.set(target, fault)
    assert page.renew().status_code == 200
    assert house.browser().sign_in("contoso", "fang").url.endswith("/softphone")


@pytest.mark.parametrize(
    ("target", "fault", "status", "code"),
    [("discovery", "html", 502, "idp_answer_invalid"), ("jwks", "no_keys", 502, "idp_answer_invalid")],
)
def test_a_replica_that_began_meanwhile_knows_nothing_and_loses_nothing(
    house: House, target: str, fault: str, status: int, code: str
) -> None:
    page = OpenPage(signed_in(house, "contoso"))
    begin_anew(house)
    house.world.faults.set(target, fault)
    assert problem_of(page.renew()) == (status, code)
    assert page.look().status_code == page.token().status_code == page.browser.open("/softphone").status_code == 200
    assert page.keeps_its_cookies()
    house.world.faults.clear()
    assert page.renew().status_code == 200


def test_keys_that_changed_while_nobody_could_fetch_them_hold_a_renewal_up_for_a_minute(house: House) -> None:
    page = OpenPage(signed_in(house, "contoso"))
    house.world.rotate_keys("contoso")
    house.world.faults.set("jwks", "no_keys")
    failed = page.renew()
    assert (problem_of(failed), page.banner(failed)) == ((502, "id_token_invalid"), "outage_idp")
    assert page.look().status_code == 200
    house.world.faults.clear()
    shelf: Any = house.services.upstream._keys._shelf
    shelf._clock = lambda: time.monotonic() + RETRY_AFTER
    assert page.renew().status_code == 200


def begin_anew(house: House) -> None:
    """Put a fresh process in place of the one that answers."""
    app = create_app(house.settings, outbound=house.services.outbound, now=house.clock)
    house.services.database.close()
    house.app = app
    house.adapter.mount(house.settings.public_url, app)


# One that is slow -----------------------------------------------------------------------------------------------------


class Held:
    """Holds calls back until it is told to let them go."""

    def __init__(self, house: House, path: str) -> None:
        self.calls: list[str] = []
        self._path, self._gate = path, threading.Event()
        before_each_call(house, self._hold)

    def _hold(self, request: Any) -> None:
        if self._path in request.url and not self._gate.is_set():
            self.calls.append(request.url)
            self._gate.wait(30)

    def let_go(self) -> None:
        self._gate.set()


def test_twenty_agents_who_wait_for_a_slow_fuyun_hold_nobody_up_and_all_get_their_token(house: House) -> None:
    pages = [OpenPage(signed_in(house)) for _ in range(20)]
    other = OpenPage(signed_in(house, "acme"))
    held = Held(house, FUYUN)
    answers: list[Response] = []
    threads = [threading.Thread(target=lambda one=page: answers.append(one.renew())) for page in pages]
    for thread in threads:
        thread.start()
    give_up_at = time.monotonic() + 60
    while len(held.calls) + len(answers) < len(pages):
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
    # No more may wait for one host than half of the threads: whoever comes later is told at once.
    assert len(held.calls) == 16
    assert {answer.status_code for answer in answers} == {504}
    assert [other.look().status_code, other.browser.open("/softphone").status_code] == [200, 200]
    assert all(page.look().status_code == 200 for page in pages)
    held.let_go()
    for thread in threads:
        thread.join(30)
    assert sorted(answer.status_code for answer in answers) == [200] * 16 + [504] * 4
    assert [page.renew().status_code for page in pages] == [200] * 20
