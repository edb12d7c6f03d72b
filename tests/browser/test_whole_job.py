"""The whole job as one story: sign in, take a call, make a call, outlive a token, sign out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.phone import Phone

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.conftest import Place

pytestmark = pytest.mark.browser


def test_an_agent_works_a_shift_with_clicks_alone(open_page: Callable[..., Page], lone_place: Place) -> None:
    page = open_page()
    phone = Phone(page, lone_place.bridge)
    vendor = page.locator("#hotline")

    page.goto(lone_place.bridge)
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("button", name="Lin Example").click()
    page.wait_for_url(f"{lone_place.bridge}/softphone")
    phone.expect_state("ready")
    first_token = _ac_token(page)

    vendor.get_by_role("button", name="Incoming call").click()
    phone.expect_phase("ringing")
    phone.answer()
    vendor.get_by_role("button", name="Hold").click()
    phone.expect_phase("held")
    vendor.get_by_role("button", name="Retrieve").click()
    phone.expect_phase("talking")

    vendor.get_by_role("button", name="Expire token").click()
    expect(vendor.get_by_role("button", name="Expire token")).to_be_visible()
    _wait_until(page, lambda: _ac_token(page) != first_token)
    phone.expect_phase("talking")
    phone.hang_up()

    vendor.get_by_role("button", name="Ready").click()
    phone.expect_state("ready")
    vendor.get_by_label("Number to call").fill("13800000009")
    vendor.get_by_role("button", name="Call", exact=True).click()
    phone.expect_phase("talking")
    phone.hang_up()

    phone.sign_out.click()
    page.wait_for_url(f"{lone_place.bridge}/logged-out*")
    assert {cookie["name"] for cookie in page.context.cookies(lone_place.bridge)}.isdisjoint(
        {"AC_TOKEN", "bridge_session"}
    )
    page.goto(f"{lone_place.bridge}/softphone")
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def _ac_token(page: Page) -> str:
    return next((str(cookie["value"]) for cookie in page.context.cookies() if cookie["name"] == "AC_TOKEN"), "")


def _wait_until(page: Page, holds: Callable[[], bool]) -> None:
    for _ in range(100):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it never came true")
