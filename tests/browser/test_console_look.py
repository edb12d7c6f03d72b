"""The console's frame and its connections in Chromium: three widths, light and dark, nothing for axe to say."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from bridge.app import create_app
from bridge.core.trace import Step, Trace
from bridge.ops.trail import Record
from bridge.sandbox.app import create_sandbox
from tests.kit.axe import flaws, problems
from tests.kit.clock import Clock
from tests.kit.desk import saved, table
from tests.kit.house import SANDBOX, House, demo_settings
from tests.kit.listening import listening
from tests.kit.mounted import Mounted
from tests.kit.ports import free_port
from tests.kit.seats import seated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

WIDTHS = (360, 820, 1280)
PAGES = {
    "sign-in": "/admin/sign-in",
    "list": "/admin/connections",
    "a draft": "/admin/connections/globex",
    "a first draft": "/admin/connections/initech",
    "of the file": "/admin/connections/contoso",
    "history": "/admin/connections/globex/history?before=1&after=2",
    "sessions": "/admin/sessions",
    "the end of all sessions": "/admin/connections/globex/sessions/end-all",
}
each_page = pytest.mark.parametrize("name", PAGES)


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A bridge on a port of this machine with connections in every state."""
    port = free_port()
    settings = demo_settings(tmp_path_factory.mktemp("console"), f"http://127.0.0.1:{port}", ("contoso",))
    app, world = create_app(settings), create_sandbox(SANDBOX).extensions["world"]
    house = House(app, settings, world, Mounted(), Clock(), [])
    _furnish(house)
    with listening(app, port):
        yield house
    house.services.database.close()


def _furnish(house: House) -> None:
    services = house.services
    saved(house, table("globex"))
    version = services.register.version("globex", saved(house, table("globex", title="Globex Hotline"), active=False))
    trace = Trace()
    trace.steps.append(Step("exchange", 0.2, "exchange_rejected", "a token", "a refusal"))
    services.rehearsals.keep(services.register.connection("globex", version.number), version.digest, trace, by="Lin")
    saved(house, table("initech"), active=False)
    for code in ("ok", "ok", "idp_error"):
        services.trail.add(Record(services.now() - 60, "sign_in", "globex", code))
    for device in ("Chrome 131, Windows", ""):
        seated(services, "a.rather.long.name@a-subsidiary.globex.example", device=device)


@pytest.fixture
def visit(kept_page: Page, open_page: Callable[..., Page], console: House) -> Callable[..., Page]:
    """Open one of the console's pages as an operator."""

    def visited(name: str, **context: Any) -> Page:
        page = open_page(**context) if context else kept_page
        if name != "sign-in":
            _enter(page, console)
        page.goto(console.settings.public_url + PAGES[name])
        return page

    return visited


def _enter(page: Page, console: House) -> None:
    """Let the page's browser into the console, without looking at it."""
    link = f"{console.settings.public_url}/admin/enter/{console.services.admin_links.make()}"
    assert page.request.get(link, max_redirects=0).status == HTTPStatus.SEE_OTHER


@each_page
def test_axe_finds_nothing_serious_at_any_width(visit: Callable[..., Page], name: str) -> None:
    page = visit(name)
    page.emulate_media(reduced_motion="reduce")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert flaws(page, WIDTHS) == []
    page.set_viewport_size({"width": WIDTHS[0], "height": 800})
    assert problems(page) == []


@each_page
def test_what_can_be_pressed_is_large_enough(visit: Callable[..., Page], name: str) -> None:
    page = visit(name)
    page.set_viewport_size({"width": 390, "height": 800})
    small = page.evaluate(
        """() => [...document.querySelectorAll("a[href], button, select, summary")]
            .filter((element) => !element.closest(".hb-skip, .hb-foot") && element.getClientRects().length)
            .map((element) => [element.textContent.trim(), element.getBoundingClientRect()])
            .filter(([, box]) => box.height < 44 || box.width < 44)
            .map(([text, box]) => `${text} ${box.width}x${box.height}`)"""
    )
    assert small == []


def test_a_value_is_copied_and_a_moment_is_the_readers(visit: Callable[..., Page], console: House) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    page = visit("a draft", permissions=permissions, timezone_id="Asia/Shanghai")
    page.get_by_role("button", name="Copy Sign-in address").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"{console.settings.public_url}/login/globex"
    expect(page.locator("time[data-moment]").first).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d$"))


def test_a_deliberate_activation_needs_no_script(open_page: Callable[..., Page], console: House) -> None:
    page = open_page(java_script_enabled=False)
    bridge = console.settings.public_url
    _enter(page, console)
    saved(console, table("globex", title="Globex by hand"), active=False)
    page.goto(f"{bridge}/admin/connections/globex")
    page.get_by_text("Activate without a passed test").click()
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Activate all the same").click()
    expect(page.get_by_text("The connection is active.")).to_be_visible()
    expect(page.get_by_role("heading", name="Globex by hand")).to_be_visible()


def test_a_session_is_ended_without_a_script(open_page: Callable[..., Page], console: House) -> None:
    page = open_page(java_script_enabled=False)
    bridge = console.settings.public_url
    seated(console.services, "nora@globex.example", device="Safari 18, iPhone")
    _enter(page, console)
    page.goto(f"{bridge}/admin/sessions?q=nora")
    page.locator("summary").get_by_text("End").click()
    page.get_by_role("button", name="End it now").click()
    expect(page.get_by_text("The session has ended.")).to_be_visible()
    expect(page.get_by_text("Nobody of that name is signed in")).to_be_visible()
