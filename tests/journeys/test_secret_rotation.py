"""The key ring gets a new secret in the middle of a shift and loses the old one: nobody notices."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.app import create_app
from bridge.core.model import Secret
from bridge.signin.resealing import Resealing
from tests.journeys.steps import another_tab, records, refused, signed_in

if TYPE_CHECKING:
    from tests.kit.browser import Browser
    from tests.kit.house import House

NEW = Secret("a new secret of at least 32 characters")


def restarted(house: House, *secrets: Secret) -> None:
    """Put another process in the bridge's place, which has these secrets."""
    outbound = house.services.outbound
    house.services.database.close()
    house.settings = replace(house.settings, secret_keys=secrets)
    house.app = create_app(house.settings, outbound=outbound, now=house.clock)
    house.adapter.mount(house.settings.public_url, house.app)


def resealing(house: House) -> Resealing:
    services = house.services
    return Resealing(services.database, services.key_ring, services.session_store, services.agent_sessions)


def reseal(house: House) -> None:
    """Rewrite everything; nothing is left for the older secrets, and nothing is lost."""
    for count in resealing(house).count():
        assert all(resealing(house).reseal(count.kind))
    assert [(sum(count.by_key[1:]), count.lost, count.stale) for count in resealing(house).count()] == [(0, 0, 0)] * 7


def renewed(house: House, browser: Browser, csrf_token: str = "") -> int:
    """Renew as a page does that has this CSRF token, or asks for one; returns the status."""
    house.clock.advance(60)
    return browser.post("/session/renew", None, **({"X-CSRF-Token": csrf_token} if csrf_token else {})).status_code


def test_an_agent_works_on_from_the_first_step_to_the_last(house: House) -> None:
    (old,) = house.settings.secret_keys
    browser = signed_in(house)
    tab = another_tab(house, browser)
    open_page = tab.csrf_token()
    (before,) = records(house)

    restarted(house, old, NEW)
    assert renewed(house, browser) == 200
    restarted(house, NEW, old)
    assert renewed(house, tab, open_page) == 200
    reseal(house)
    assert renewed(house, tab, open_page) == 200
    restarted(house, NEW)
    assert refused(tab.post("/session/renew", None, **{"X-CSRF-Token": open_page})) == (403, "csrf_failed")
    assert renewed(house, tab) == 200
    assert renewed(house, browser) == 200

    (after,) = records(house)
    assert (after.id, after.generation) == (before.id, 5)
    found = house.services.agent_sessions.of_person("globex", before.iss, before.sub)
    assert [live.session.id for live in found] == [before.id]
    assert "/login" not in browser.open("/softphone").url


def test_a_sign_in_under_way_survives_the_change_and_others_go_on_after_it(house: House) -> None:
    (old,) = house.settings.secret_keys
    browser = house.browser()
    under_way = browser.begin("globex")
    restarted(house, NEW, old)
    assert browser.choose(under_way, "lin").url.endswith("/softphone")
    reseal(house)
    restarted(house, NEW)
    assert browser.fetch("/session").status_code == 200
    assert signed_in(house, "contoso").fetch("/session").status_code == 200


def test_a_replica_that_has_the_new_secret_behind_reads_what_the_next_one_seals(house: House) -> None:
    (old,) = house.settings.secret_keys
    restarted(house, NEW, old)
    browser = signed_in(house)
    page = browser.csrf_token()
    restarted(house, old, NEW)
    assert renewed(house, browser, page) == 200
