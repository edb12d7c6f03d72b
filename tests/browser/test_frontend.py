"""Sign-ins that end at Fuyun in Chromium: explained beforehand, begun in a new tab, and out of the way of a call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from bridge.app import create_app
from bridge.sandbox.app import create_sandbox
from bridge.sandbox.demo import demo_config
from bridge.settings import load
from tests.browser.conftest import Place
from tests.browser.phone import Phone
from tests.kit.axe import flaws
from tests.kit.listening import listening
from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def both_modes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Contoso with a phone here and a workbench there, Globex in mode frontend."""
    folder, outside, inside = tmp_path_factory.mktemp("both"), free_port(), free_port()
    place = Place(f"http://127.0.0.1:{inside}", f"http://localhost:{outside}")
    chosen = ("contoso", "globex")
    text = demo_config(place.sandbox, place.bridge, str(folder), connections=chosen, frontend=("globex",))
    workbench = f'workbench_redirect_url = "{place.sandbox}/workbench/callback/contoso"'
    config = folder / "bridge.toml"
    config.write_text(text.replace("token_exchange_url", f"{workbench}\ntoken_exchange_url", 1), encoding="utf-8")
    app = create_app(load(config, os.environ))
    with listening(create_sandbox(place.sandbox), outside), listening(app, inside):
        yield place
    app.extensions["bridge"].database.close()


def opened_by(page: Page, link: str) -> Page:
    """Press a link and return the tab that it opens."""
    with page.context.expect_page() as opened:
        page.get_by_role("link", name=link).click()
    return opened.value


def test_the_page_stays_and_says_what_the_new_tab_will_show(kept_page: Page, both_modes: Place) -> None:
    page = kept_page
    page.goto(f"{both_modes.bridge}/login?login_hint=lin%40globex.example")
    expect(page.get_by_role("link", name="Sign in with Globex")).to_have_accessible_description(
        "Opens in a new tab and ends at Alibaba Cloud, not on this site."
    )
    assert flaws(page) == []
    tab = opened_by(page, "Sign in with Globex")
    tab.locator('button[name="person"][value="lin"]').click()
    expect(tab.locator("body")).to_contain_text('"access_token"')
    assert tab.evaluate("window.opener") is None
    workbench = opened_by(page, "Open the workbench")
    workbench.locator('button[name="person"][value="lin"]').click()
    expect(workbench.get_by_role("heading", name="Workbench of")).to_be_visible()
    expect(page.get_by_text("this site never learns how it went")).to_be_visible()


def test_the_phones_link_to_the_workbench_waits_for_the_end_of_a_call(kept_page: Page, both_modes: Place) -> None:
    phone = Phone.ready(kept_page, both_modes.bridge)
    link = phone.page.get_by_role("link", name="Open the workbench")
    phone.ring()
    expect(link).to_have_attribute("aria-disabled", "true")
    link.click(force=True)
    expect(phone.page.locator("#said-now")).to_have_text("That has to wait until the call is over.")
    assert len(phone.page.context.pages) == 1
    phone.forget()
