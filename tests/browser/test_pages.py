"""Every page in Chromium: both languages, three widths, light and dark, keyboard only, and nothing for axe to say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.phone import Phone, signed_in
from tests.kit.axe import misfits, problems, problems_in_both

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.conftest import Place

pytestmark = pytest.mark.browser

WIDTHS = (360, 768, 1440)
LOCALES = {"en": "en-US", "zh": "zh-CN"}
# Each with a word that only its own language has.
PAGES = {
    "sign-in": ("/login", "Work e-mail address", "工作邮箱"),
    "unknown domain": ("/login?login_hint=a%40nowhere.example", "No company sign-in was found", "未找到与该邮箱"),
    "signed out": ("/logged-out", "You are signed out", "您已退出登录"),
    "no such page": ("/nowhere", "There is no page at this address", "该地址没有对应的页面"),
    "no such company": ("/login/nobody", "We do not know this company sign-in", "未找到该企业的登录方式"),
    "a strange callback": ("/callback/contoso?state=x&code=y", "This browser did not start", "本次登录不是由此浏览器"),
    "phone": ("/softphone", "Ready for calls?", "接听准备"),
}

each_page = pytest.mark.parametrize("name", PAGES)


@pytest.fixture
def visit(kept_page: Page, open_page: Callable[..., Page], place: Place) -> Callable[..., Page]:
    """Open one of the pages."""

    def visited(name: str, **context: Any) -> Page:
        page = open_page(**context) if context else kept_page
        show(page, place, name)
        return page

    return visited


def show(page: Page, place: Place, name: str) -> None:
    """Go to one of the pages, signed in where it is the phone."""
    if name == "phone":
        page.context.add_cookies(signed_in(place.bridge))
    page.goto(place.bridge + PAGES[name][0])
    if name == "phone":
        Phone(page, place.bridge).expect_state("ready")


@pytest.mark.parametrize("language", LOCALES)
def test_every_page_speaks_the_readers_language(open_page: Callable[..., Page], place: Place, language: str) -> None:
    page = open_page(locale=LOCALES[language])
    for name, (_, english, chinese) in PAGES.items():
        show(page, place, name)
        expect(page.locator("html")).to_have_attribute("lang", {"en": "en", "zh": "zh-CN"}[language])
        expect(page.get_by_text({"en": english, "zh": chinese}[language]).first, name).to_be_visible()


@each_page
def test_no_page_scrolls_sideways(visit: Callable[..., Page], name: str) -> None:
    page = visit(name)
    assert misfits(page, WIDTHS) == []


@each_page
def test_axe_finds_nothing_serious(visit: Callable[..., Page], name: str) -> None:
    page = visit(name)
    page.emulate_media(reduced_motion="reduce")
    assert problems_in_both(page) == []
    page.set_viewport_size({"width": 360, "height": 800})
    assert problems(page) == []


def test_axe_finds_nothing_serious_during_a_call(visit: Callable[..., Page], place: Place) -> None:
    phone = Phone(visit("phone"), place.bridge)
    phone.page.emulate_media(reduced_motion="reduce")
    phone.ring()
    assert problems_in_both(phone.page) == []
    phone.answer()
    phone.refuse("/session", 401, "session_ended")
    phone.beat()
    expect(phone.notice("session")).to_be_visible()
    assert problems_in_both(phone.page) == []


@each_page
def test_our_own_pages_load_nothing_from_elsewhere(visit: Callable[..., Page], place: Place, name: str) -> None:
    page = visit(name)
    loaded = page.evaluate("performance.getEntriesByType('resource').map((entry) => new URL(entry.name).origin)")
    expected = {place.bridge, place.sandbox} if name == "phone" else {place.bridge}
    assert set(loaded) <= expected


@each_page
def test_what_can_be_pressed_is_large_enough(visit: Callable[..., Page], name: str) -> None:
    page = visit(name)
    small = page.evaluate(
        """() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), summary")]
            .filter((element) => !element.closest("#hotline, .hb-skip") && element.getClientRects().length)
            .map((element) => [element.textContent.trim(), element.getBoundingClientRect()])
            .filter(([, box]) => box.height < 44 || box.width < 44)
            .map(([text, box]) => `${text} ${box.width}x${box.height}`)"""
    )
    assert small == []


def test_the_language_switch_stays_on_the_page(open_page: Callable[..., Page], place: Place) -> None:
    page = open_page()
    page.goto(f"{place.bridge}/login?next=%2Fsoftphone%3Frecord%3D7")
    page.get_by_role("link", name="中文").click()
    expect(page.get_by_role("heading", name="登录热线")).to_be_visible()
    assert "record%3D7" in page.url
    page.reload()
    expect(page.get_by_role("link", name="中文")).to_have_attribute("aria-current", "true")


def test_signing_in_needs_no_mouse(kept_page: Page, lone_place: Place) -> None:
    page = kept_page
    page.goto(f"{lone_place.bridge}/login")
    for expected in ("Skip to the main content", "中文", "English", "Sign in with Contoso"):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent.trim()") == expected
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/oauth2/v2.0/authorize*")


def test_one_connection_is_one_button(kept_page: Page, lone_place: Place) -> None:
    page = kept_page
    page.goto(f"{lone_place.bridge}/softphone?record=7")
    buttons = page.get_by_role("main").get_by_role("link")
    expect(buttons).to_have_count(1)
    expect(buttons).to_have_text(re.compile(r"^\s*Sign in with Contoso\s*$"))


def test_the_e_mail_leads_to_the_company(kept_page: Page, place: Place) -> None:
    page = kept_page
    page.goto(f"{place.bridge}/login")
    field = page.get_by_label("Work e-mail address")
    expect(field).to_have_attribute("autocomplete", "username")
    field.fill("lin@contoso.example")
    field.press("Enter")
    page.wait_for_url("**/oauth2/v2.0/authorize*login_hint=lin%40contoso.example*")


def test_a_remembered_company_comes_first(visit: Callable[..., Page], place: Place) -> None:
    page = visit("phone")
    page.goto(f"{place.bridge}/login")
    expect(page.get_by_role("link", name="Continue with Contoso")).to_be_visible()
    expect(page.get_by_label("Work e-mail address")).to_be_hidden()
    page.get_by_text("Use another account").click()
    expect(page.get_by_label("Work e-mail address")).to_be_visible()


def test_an_error_can_be_copied_for_support(visit: Callable[..., Page]) -> None:
    page = visit("no such company", permissions=["clipboard-read", "clipboard-write"])
    expect(page.get_by_text("Your company's administrator")).to_be_visible()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert re.search(r"^Reference: \S+\nCode: connection_unknown\nStatus: 404", copied)


def test_whose_profile_lacks_the_field_reads_which_and_may_use_another_account(kept_page: Page, place: Place) -> None:
    page = kept_page
    page.goto(f"{place.bridge}/login/contoso")
    page.locator('button[name="person"][value="bo"]').click()
    expect(page.get_by_role("heading", name="Your profile does not say which agent you are")).to_be_visible()
    expect(page.locator("#details")).to_contain_text("email")
    expect(page.get_by_role("link", name="Try again")).to_be_visible()
    page.get_by_role("link", name="Use another account").click()
    page.wait_for_url("**/authorize*prompt=select_account*")
