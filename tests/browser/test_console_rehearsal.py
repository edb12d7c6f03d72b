"""A rehearsal in real Chromium: it fails for a person without a mailbox, and a colleague reads how theirs went."""

from __future__ import annotations

import os
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe

from bridge.app import create_app
from bridge.sandbox.app import create_sandbox
from bridge.sandbox.demo import demo_config
from bridge.settings import load
from tests.kit.listening import listening
from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Desk:
    """A bridge that listens, and its rooms."""

    url: str
    app: Flask

    def enter(self, page: Page) -> None:
        link = f"{self.url}/admin/enter/{self.app.extensions['bridge'].admin_links.make()}"
        assert page.request.get(link, max_redirects=0).status == HTTPStatus.SEE_OTHER


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A bridge with the sandbox's connections, and access to its rooms."""
    folder = tmp_path_factory.mktemp("desk")
    bridge_port, sandbox_port = free_port(), free_port()
    bridge, sandbox = f"http://127.0.0.1:{bridge_port}", f"http://localhost:{sandbox_port}"
    config = folder / "bridge.toml"
    config.write_text(demo_config(sandbox, bridge, str(folder)), encoding="utf-8")
    app = create_app(load(config, os.environ))
    with listening(create_sandbox(sandbox), sandbox_port), listening(app, bridge_port):
        yield Desk(bridge, app)
    app.extensions["bridge"].database.close()


def picture(page: Page, name: str) -> None:
    """Keep what the page looks like, where somebody wants to look at it."""
    folder = os.environ.get("SHOTS", "")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong with a page."""
    return [one["id"] for one in Axe().run(page).response["violations"]]


def choose(page: Page, person: str) -> None:
    page.locator(f'button[name="person"][value="{person}"]').click()


def test_a_rehearsal_that_fails_says_what_to_change_and_the_next_one_goes_well(desk: Desk, kept_page: Page) -> None:
    page = kept_page
    desk.enter(page)
    page.goto(f"{desk.url}/admin/connections/contoso/rehearsals")
    picture(page, "rehearsals-none")
    assert violations(page) == []
    page.get_by_role("link", name="Test with my account").click()
    choose(page, "bo")
    assert page.get_by_role("heading", level=1).inner_text() == "The test failed"
    assert page.get_by_text("no mail address in Microsoft").first.is_visible()
    for width in (1280, 820, 360):
        page.set_viewport_size({"width": width, "height": 900})
        picture(page, f"rehearsal-failed-{width}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("link", name="Test again").click()
    choose(page, "lin")
    assert page.get_by_role("heading", level=1).inner_text() == "The test went well to the very end"
    page.get_by_text("Answer of the user endpoint").click()
    picture(page, "rehearsal-good")
    assert violations(page) == []


def test_a_colleague_is_told_what_happens_and_how_it_went(
    desk: Desk, kept_page: Page, open_page: Callable[..., Page]
) -> None:
    page = kept_page
    desk.enter(page)
    page.goto(f"{desk.url}/admin/connections/contoso/rehearsals")
    page.get_by_role("button", name="Invite a colleague").click()
    link = page.locator("[data-copy-value]").first.inner_text()
    picture(page, "test-link")
    colleague = open_page()
    colleague.goto(link)
    picture(colleague, "invite")
    assert violations(colleague) == []
    colleague.get_by_role("link", name="Start the test").click()
    choose(colleague, "lin")
    assert colleague.get_by_text("lin@contoso.example").is_visible()
    picture(colleague, "told")
    assert violations(colleague) == []


def test_pasted_claims_show_the_agent_and_keep_a_faulty_text(desk: Desk, kept_page: Page) -> None:
    page = kept_page
    desk.enter(page)
    page.goto(f"{desk.url}/admin/connections/contoso/rehearsals")
    page.get_by_label("Claims as a JSON object").fill('{"email": "lin@contoso.example",}')
    page.get_by_role("button", name="Try these claims").click()
    assert page.get_by_label("Claims as a JSON object").input_value() == '{"email": "lin@contoso.example",}'
    picture(page, "claims-fault")
    page.get_by_label("Claims as a JSON object").fill('{"email": "lin@contoso.example", "name": "Lin", "upn": "lin"}')
    page.get_by_role("button", name="Try these claims").click()
    assert page.locator(".hb-mapped-value").inner_text() == "lin@contoso.example"
    picture(page, "claims-tried")
    assert violations(page) == []


def test_the_portal_sheet_turns_green(desk: Desk, kept_page: Page) -> None:
    page = kept_page
    desk.enter(page)
    page.goto(f"{desk.url}/admin/connections/globex/portal")
    assert page.locator(".hb-proof-proven").count() == 0
    page.get_by_role("link", name="Test with my account").click()
    choose(page, "lin")
    page.goto(f"{desk.url}/admin/connections/globex/portal")
    assert page.locator(".hb-proof-proven").count() == 9
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        picture(page, f"portal-{width}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []
