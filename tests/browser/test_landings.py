"""What Chromium makes of the corpus of open redirects, and of the landings that the bridge makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.core.landing import own_path, safe_landing
from tests.refusals.test_open_redirect import corpus, location_of, stays

if TYPE_CHECKING:
    from playwright.sync_api import Page

_ORIGIN = "http://127.0.0.1:5000"
_ASK = """(addresses) => addresses.map((address) => {
    try { return new URL(address, "http://127.0.0.1:5000/callback/globex").origin; } catch { return "no address"; }
})"""


def test_chromium_stays_at_every_landing_and_agrees_with_the_judge_of_the_corpus(kept_page: Page) -> None:
    payloads = [payload for many in corpus().values() for payload in many]
    landings = [location_of(way) for payload in payloads for way in (safe_landing(payload), own_path(payload, "/"))]
    assert set(kept_page.evaluate(_ASK, landings)) == {_ORIGIN}
    seen = kept_page.evaluate(_ASK, payloads)
    # The judge calls an address of our own host with two slashes one that leaves: nobody needs it.
    missed = [payload for payload, origin in zip(payloads, seen, strict=True) if origin != _ORIGIN and stays(payload)]
    assert missed == []
    assert sum(origin != _ORIGIN for origin in seen) >= 600
