"""An administrator sets up "sign in with our Microsoft" in Chromium, with discovery while they type."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from bridge.app import create_app
from bridge.sandbox.app import create_sandbox
from bridge.sandbox.demo import demo_config
from bridge.sandbox.idp_microsoft import CONTOSO_TENANT
from bridge.settings import load
from tests.kit.axe import misfits, problems_in_both
from tests.kit.listening import listening
from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

WIDTHS = (360, 820, 1280)
KINDS = ("microsoft", "salesforce", "oidc", "oauth2")


@dataclass(frozen=True)
class Desk:
    """A bridge whose console may reach the sandbox on loopback."""

    app: Flask
    bridge: str
    sandbox: str

    def enter(self, page: Page) -> None:
        """Let the page's browser into the console, without looking at it."""
        link = f"{self.bridge}/admin/enter/{self.app.extensions['bridge'].admin_links.make()}"
        assert page.request.get(link, max_redirects=0).status == HTTPStatus.SEE_OTHER


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A bridge and a sandbox, listening for all tests of this file."""
    folder, ports = tmp_path_factory.mktemp("desk"), (free_port(), free_port())
    bridge, sandbox = f"http://127.0.0.1:{ports[0]}", f"http://localhost:{ports[1]}"
    config = folder / "bridge.toml"
    written = demo_config(sandbox, bridge, str(folder), connections=("contoso",))
    config.write_text(f"{written}\n[egress]\nallow_private = true\n", encoding="utf-8")
    app = create_app(load(config, os.environ))
    with listening(create_sandbox(sandbox), ports[1]), listening(app, ports[0]):
        yield Desk(app, bridge, sandbox)
    app.extensions["bridge"].database.close()


@pytest.fixture
def at_desk(kept_page: Page, open_page: Callable[..., Page], desk: Desk) -> Callable[..., Page]:
    """Open a page of the console as its operator."""

    def opened(path: str, **context: Any) -> Page:
        page = open_page(**context) if context else kept_page
        desk.enter(page)
        page.goto(desk.bridge + path)
        return page

    return opened


def test_microsoft_is_set_up_with_discovery_as_it_is_typed(at_desk: Callable[..., Page], desk: Desk) -> None:
    page = at_desk("/admin/connections/new")
    page.get_by_role("link", name=re.compile("^Microsoft")).click()
    page.get_by_label("Name for people").fill("Contoso Ltd")
    page.get_by_label("App Name", exact=True).fill("ourms")
    expect(page.locator("[data-redirect-value]:visible")).to_have_text(f"{desk.bridge}/callback/ourms")
    page.get_by_text("Advanced", exact=True).click()
    page.get_by_label("Issuer optional").fill(f"{desk.sandbox}/entra/{{tenantid}}/v2.0")
    discovery = page.locator("[data-discovery]")
    page.get_by_label("Directory (tenant) ID").fill("9a9a9a9a-1111-4222-8333-444444444444")
    expect(discovery).to_contain_text("Microsoft knows no such tenant")
    page.get_by_label("Directory (tenant) ID").fill(CONTOSO_TENANT)
    expect(discovery).to_contain_text(f"{desk.sandbox}/entra/{CONTOSO_TENANT}/v2.0")
    expect(discovery).to_contain_text("The provider answered")
    page.get_by_label("Application (client) ID").fill("5b7c1f7e-2f34-4a1c-8a43-0c9a1f6b2d77")
    page.get_by_label("Client secret", exact=True).fill("sandbox-contoso-secret-for-demo-only")
    page.get_by_label("Fuyun client ID").fill("idp_demo_contoso")
    page.get_by_label("Fuyun client secret", exact=True).fill("sandbox-fuyun-contoso-for-demo-only")
    page.get_by_role("button", name="Save as a draft").click()
    page.wait_for_url("**/admin/connections/ourms?done=saved")
    assert desk.app.extensions["bridge"].register.entry("ourms").state == "draft"


def test_only_the_fields_of_the_chosen_mode_are_shown(at_desk: Callable[..., Page]) -> None:
    page = at_desk("/admin/connections/new?kind=oidc")
    key, redirect = page.get_by_label("Private key", exact=True), page.get_by_label("Fuyun's redirect URL")
    expect(key).to_be_hidden()
    page.get_by_text("The bridge vouches with a signature").click()
    expect(key).to_be_visible()
    page.get_by_text("Fuyun's own sign-in page", exact=True).first.click()
    expect(key).to_be_hidden()
    expect(redirect).to_be_visible()
    expect(page.get_by_label("Fuyun client ID")).to_be_hidden()
    redirect.fill("https://fuyun.example/callback")
    expect(page.locator("[data-redirect-value]:visible")).to_have_text("https://fuyun.example/callback")


def test_tenants_are_asked_for_when_every_tenant_could_come(at_desk: Callable[..., Page]) -> None:
    page = at_desk("/admin/connections/new?kind=microsoft")
    tenants = page.get_by_label("Tenants that may sign in")
    expect(tenants).to_be_hidden()
    page.get_by_label("Directory (tenant) ID").fill("common")
    expect(tenants).to_be_visible()
    expect(page.locator('[data-live="idp_allowed_tenants"]')).to_contain_text("nOAuth")


def test_the_warning_about_fields_that_can_change_follows_the_field(at_desk: Callable[..., Page]) -> None:
    page = at_desk("/admin/connections/new?kind=oidc")
    expect(page.get_by_text("known as “nOAuth”")).to_be_visible()
    page.get_by_label("Mapping field").fill("sub")
    expect(page.get_by_text("known as “nOAuth”")).to_be_hidden()


def test_an_issuer_that_differs_by_a_slash_is_put_right_in_one_press(at_desk: Callable[..., Page], desk: Desk) -> None:
    page = at_desk("/admin/connections/new?kind=oidc")
    page.route(
        "**/admin/connections/discover",
        lambda route: route.fulfill(
            json={
                "found": False,
                "faults": {},
                "warnings": {},
                "title": "The provider's answer cannot be used",
                "expected": "issuer https://a.example",
                "received": "https://a.example/",
                "advice": "Enter what it said.",
                "suggestion": {"field": "idp_issuer", "value": "https://a.example/"},
            }
        ),
    )
    page.get_by_label("Issuer").first.fill("https://a.example")
    page.get_by_role("button", name="Use what was received").click()
    expect(page.get_by_label("Issuer").first).to_have_value("https://a.example/")


def test_the_redirect_uri_can_be_copied(at_desk: Callable[..., Page], desk: Desk) -> None:
    page = at_desk("/admin/connections/new?kind=oidc", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_label("App Name", exact=True).fill("copied")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"{desk.bridge}/callback/copied"


def test_without_script_every_field_is_there(at_desk: Callable[..., Page]) -> None:
    page = at_desk("/admin/connections/new?kind=microsoft", java_script_enabled=False)
    for label in ("Private key", "Fuyun's redirect URL", "Tenants that may sign in", "Fuyun client ID"):
        expect(page.get_by_label(label).first).to_be_visible()


def test_a_sign_in_in_another_tab_leaves_the_form_good(at_desk: Callable[..., Page], desk: Desk) -> None:
    page = at_desk("/admin/connections/new?kind=oidc")
    before = page.locator("form[data-edit] input[name=csrf_token]").get_attribute("value")
    desk.enter(page.context.new_page())
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("form[data-edit] input[name=csrf_token]")).not_to_have_attribute("value", str(before))


@pytest.mark.parametrize("kind", ["", *KINDS])
def test_axe_finds_nothing_serious_and_nothing_scrolls_sideways(at_desk: Callable[..., Page], kind: str) -> None:
    page = at_desk(f"/admin/connections/new?kind={kind}")
    page.emulate_media(reduced_motion="reduce")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert problems_in_both(page) == []
    assert misfits(page, WIDTHS) == []


def test_axe_finds_nothing_serious_on_a_refused_form(at_desk: Callable[..., Page]) -> None:
    page = at_desk("/admin/connections/new?kind=microsoft")
    page.emulate_media(reduced_motion="reduce")
    page.get_by_label("Directory (tenant) ID").fill("common")
    page.get_by_label("Client secret", exact=True).fill("a-secret-for-nobody")
    page.get_by_role("button", name="Save as a draft").click()
    expect(page.get_by_text("Please look at this before it can be saved")).to_be_visible()
    assert problems_in_both(page) == []
