"""The API's page in Chromium: three widths, light and dark, and samples that can be copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.kit.axe import flaws

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.conftest import Place

pytestmark = pytest.mark.browser

PATH = "/api/v1/docs"


def test_it_fits_every_width_and_axe_finds_nothing_serious(kept_page: Page, place: Place) -> None:
    kept_page.emulate_media(reduced_motion="reduce")
    kept_page.goto(place.bridge + PATH)
    assert flaws(kept_page) == []


def test_a_sample_can_be_copied_and_refusals_unfold(open_page: Callable[..., Page], place: Place) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"], viewport={"width": 360, "height": 800})
    page.goto(place.bridge + PATH)
    operation = page.get_by_role("article", name="Get an agent's Fuyun token")
    operation.get_by_role("button", name="Copy").first.click()
    expect(operation.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f'curl -sS -X POST \\\n  "{place.bridge}/api/v1/connections/contoso/token"')
    refusal = operation.get_by_text("exchange_unreachable")
    expect(refusal).to_be_hidden()
    operation.get_by_text("Refusals").click()
    expect(refusal).to_be_visible()


def test_the_contents_lead_to_an_operation(kept_page: Page, place: Place) -> None:
    kept_page.set_viewport_size({"width": 360, "height": 800})
    kept_page.goto(place.bridge + PATH)
    kept_page.get_by_text("On this page").click()
    kept_page.get_by_role("link", name="End every session of an agent").click()
    expect(kept_page.get_by_role("heading", name="End every session of an agent")).to_be_in_viewport()
