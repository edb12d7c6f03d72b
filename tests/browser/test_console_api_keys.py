"""API keys and connections without a provider in Chromium: three widths, light and dark, with and without scripts."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from bridge.access.api_keys import Wanted
from bridge.app import create_app
from bridge.sandbox.app import create_sandbox
from bridge.sandbox.keys import new_rsa, private_pem
from tests.kit.axe import flaws, problems_in_both
from tests.kit.clock import Clock
from tests.kit.desk import saved, table
from tests.kit.house import SANDBOX, House, demo_settings
from tests.kit.listening import listening
from tests.kit.mounted import Mounted
from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

WIDTHS = (360, 768, 1440)
TURNS = (360, 390, 430, 431, 559, 560, 779, 780, 919, 920, 1029, 1030, 1159, 1160, 1339, 1340, 1440)
"""Widths on both sides of each turn that the navigation takes."""
KEYS = "/admin/api-keys"
PAGES = {
    "the keys": KEYS,
    "a new key": f"{KEYS}/new",
    "the end of a key": f"{KEYS}/{{key}}/revoke",
    "a form without a provider": "/admin/connections/ourcrm/edit",
    "a connection without a provider": "/admin/connections/ourcrm",
    "a sheet with two keys": "/admin/connections/ourcrm/portal",
    "a test with an account name": "/admin/connections/ourcrm/rehearsals",
}
_DAY = 86_400


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A bridge on a port of this machine, with keys in every state and a platform that changes its signing key."""
    port = free_port()
    settings = demo_settings(tmp_path_factory.mktemp("keys"), f"http://127.0.0.1:{port}", ("contoso",))
    app, world = create_app(settings), create_sandbox(SANDBOX).extensions["world"]
    house = House(app, settings, world, Mounted(), Clock(), [])
    signing = {
        "issuer": "https://crm.example.com",
        "private_key": private_pem(new_rsa()),
        "next_private_key": private_pem(new_rsa()),
        "next_key_from": "2099-01-31T08:00:00Z",
    }
    platform: dict[str, Any] = {"name": "ourcrm", "title": "Our CRM", "domains": [], "idp": {"kind": "none"}}
    saved(house, table() | {"mode": "jwt", "jwt": signing} | platform)
    for days in (90, 10, 2, -1):
        _key(house, days)
    with listening(app, port):
        yield house
    house.services.database.close()


def _key(house: House, days: float) -> str:
    names = {"contoso": 1, "ourcrm": 1}
    label = "A rather long label that says what it is for, 呼叫中心后台接口密钥"
    scopes, networks = ("token", "sessions", "agents", "calls"), ("203.0.113.0/24", "2001:db8:aaaa:bbbb:cccc::/80")
    wanted = Wanted(names, scopes, days * _DAY, "a.rather.long.name@a-subsidiary.contoso.example", label, networks)
    key, _ = house.services.api_keys.make(wanted)
    return key.id


def _enter(page: Page, console: House) -> None:
    """Let the page's browser into the console, without looking at it."""
    link = f"{console.settings.public_url}/admin/enter/{console.services.admin_links.make()}"
    assert page.request.get(link, max_redirects=0).status == HTTPStatus.SEE_OTHER


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious_and_all_fits(kept_page: Page, console: House, name: str) -> None:
    page = kept_page
    _enter(page, console)
    page.goto(console.settings.public_url + PAGES[name].format(key=console.services.api_keys.every()[0].id))
    page.emulate_media(reduced_motion="reduce")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert flaws(page, WIDTHS) == []
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    small = page.evaluate(
        """() => [...document.querySelectorAll("a[href], button, select, summary")]
            .filter((element) => !element.closest(".hb-skip, .hb-foot") && element.getClientRects().length)
            .map((element) => [element.textContent.trim(), element.getBoundingClientRect()])
            .filter(([, box]) => box.height < 44 || box.width < 44)
            .map(([text, box]) => `${text} ${box.width}x${box.height}`)"""
    )
    assert small == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_navigation_is_one_row_at_every_width(kept_page: Page, console: House, language: str) -> None:
    _enter(kept_page, console)
    bridge = console.settings.public_url
    kept_page.goto(f"{bridge}/language/{language}?next={KEYS}")
    wrong = []
    for width in TURNS:
        kept_page.set_viewport_size({"width": width, "height": 700})
        rows, right, height = kept_page.evaluate(
            """() => {
              const tabs = [...document.querySelectorAll(".hb-nav-link")].map((one) => one.getBoundingClientRect());
              const top = document.querySelector(".hb-top").getBoundingClientRect();
              return [new Set(tabs.map((one) => one.top)).size, tabs.at(-1).right, top.height];
            }"""
        )
        if rows != 1 or right > width or (width >= 780 and height > 80):
            wrong.append((width, rows, right, height))
    kept_page.goto(f"{bridge}/language/en")
    assert wrong == []


def test_a_key_is_made_copied_and_never_shown_again(open_page: Callable[..., Page], console: House) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.emulate_media(reduced_motion="reduce")  # no colour is judged on its way to another
    _enter(page, console)
    bridge = console.settings.public_url
    page.goto(f"{bridge}{KEYS}/new")
    page.get_by_label("Our CRM").check()
    page.get_by_label("Act for agents").check()
    page.get_by_label("What it is for").fill("Made in Chromium")
    page.get_by_role("button", name="Make the key").click()
    page.get_by_role("button", name="Copy API key").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    text = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"hlb_[0-9a-f]{12}_[0-9a-f]{64}", text)
    assert problems_in_both(page) == []
    made = len(console.services.api_keys.every())
    page.reload()
    expect(page.get_by_text("a key is shown only once")).to_be_visible()
    assert text not in page.content()
    assert len(console.services.api_keys.every()) == made


def test_a_key_is_revoked_without_a_script(open_page: Callable[..., Page], console: House) -> None:
    page, key_id = open_page(java_script_enabled=False), _key(console, 30)
    _enter(page, console)
    page.goto(console.settings.public_url + KEYS)
    page.get_by_role("link", name=f"Revoke key {key_id}").click()
    page.get_by_role("button", name="Revoke it now").click()
    expect(page.get_by_text("Whatever uses it is refused from now on.")).to_be_visible()
    assert console.services.api_keys.find(key_id).revoked_at is not None
