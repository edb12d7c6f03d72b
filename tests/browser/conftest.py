"""A real bridge and a real sandbox on ports of this machine, and Chromium in front of them."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import expect

from bridge.app import create_app
from bridge.sandbox.app import create_sandbox
from bridge.sandbox.demo import demo_config
from bridge.settings import load
from tests.browser.phone import Phone
from tests.kit.listening import listening
from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, ViewportSize, WebError

_BY_DESIGN = ("Failed to load resource",)
_NOTHING = "/healthz"
_VIEWPORT: ViewportSize = {"width": 1280, "height": 720}


@dataclass(frozen=True)
class Place:
    """Where the pages are.

    Args:
        bridge: its public URL.
        sandbox: the world around it.
        admin_link: makes the path of a fresh link into the console.
    """

    bridge: str
    sandbox: str
    admin_link: Callable[[], str] = field(default=lambda: "/admin")


@dataclass
class Heard:
    """What a page said and asked while a test watched it."""

    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(_BY_DESIGN):
            self.errors.append(message.text)

    def fault(self, error: WebError) -> None:
        self.errors.append(str(error.error))

    def request(self, request: Request) -> None:
        if urlsplit(request.url).scheme in {"http", "https"}:
            self.hosts.add(urlsplit(request.url).netloc)


# A page whose scripts come late on a busy machine is no fault of the page.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Bridge and sandbox, listening for the whole run."""
    with opened_place(tmp_path_factory.mktemp("four"), ()) as opened:
        yield opened


@pytest.fixture(scope="session")
def lone_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A bridge with one connection only."""
    with opened_place(tmp_path_factory.mktemp("one"), ("contoso",)) as opened:
        yield opened


@pytest.fixture
def open_page(chromium_browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page in a fresh browser context; at the end no page may have complained in its console."""
    heard = Heard()
    with ExitStack() as held:

        def opened(**context: Any) -> Page:
            made = chromium_browser.new_context(**{"locale": "en-US", **context})
            held.callback(made.close)
            made.on("page", lambda page: _listen(page, heard))
            return made.new_page()

        yield opened
    assert heard.errors == []


@pytest.fixture(scope="session")
def kept_context(chromium_browser: Browser) -> Iterator[BrowserContext]:
    """One browser context for all tests that leave it as it was: half of what a page takes is its context."""
    with chromium_browser.new_context(locale="en-US", viewport=_VIEWPORT) as context:
        yield context


@pytest.fixture
def kept_page(kept_context: BrowserContext) -> Iterator[Page]:
    """A page that the test before has used too, without its cookies, routes and tabs.

    For a clock, init scripts, permissions and other options there is `open_page`: nobody can take them back here.
    """
    heard = Heard()
    page = kept_context.pages[0] if kept_context.pages else kept_context.new_page()
    kept_context.on("console", heard.console)
    kept_context.on("weberror", heard.fault)
    yield page
    kept_context.remove_listener("console", heard.console)
    kept_context.remove_listener("weberror", heard.fault)
    _leave(kept_context)
    assert heard.errors == []


@pytest.fixture
def closed_phone(kept_page: Page, place: Place) -> Iterator[Phone]:
    """A phone that nobody has opened yet, in a page that may be the test's before."""
    if kept_page.url != place.bridge + _NOTHING:
        kept_page.goto(place.bridge + _NOTHING)
    kept_page.evaluate("localStorage.clear(); sessionStorage.clear()")
    phone = Phone(kept_page, place.bridge)
    yield phone
    phone.forget()


@pytest.fixture
def phone(closed_phone: Phone) -> Phone:
    """Lin's phone, ready for calls."""
    closed_phone.open()
    closed_phone.expect_state("ready")
    return closed_phone


@pytest.fixture
def own_phone(open_page: Callable[..., Page], place: Place) -> Phone:
    """The same in a context of its own."""
    return Phone.ready(open_page(), place.bridge)


def _leave(context: BrowserContext) -> None:
    first, *others = context.pages or [context.new_page()]
    for other in others:
        other.close()
    first.unroute_all(behavior="ignoreErrors")
    context.set_offline(offline=False)
    # The same site, and so the same process.
    first.goto(urljoin(first.url, _NOTHING) if first.url.startswith("http") else "about:blank")
    first.emulate_media(color_scheme="null", reduced_motion="null")
    first.set_viewport_size(_VIEWPORT)
    context.clear_cookies()


def _listen(page: Page, heard: Heard) -> None:
    page.on("console", heard.console)
    page.on("pageerror", lambda error: heard.errors.append(str(error)))
    page.on("request", heard.request)


@contextmanager
def opened_place(folder: Any, connections: tuple[str, ...]) -> Iterator[Place]:
    bridge_port, sandbox_port = free_port(), free_port()
    place = Place(f"http://127.0.0.1:{bridge_port}", f"http://localhost:{sandbox_port}")
    chosen: dict[str, Any] = {"connections": connections} if connections else {}
    config = folder / "bridge.toml"
    config.write_text(demo_config(place.sandbox, place.bridge, str(folder), **chosen), encoding="utf-8")
    app = create_app(load(config, os.environ))
    with listening(create_sandbox(place.sandbox), sandbox_port), listening(app, bridge_port):
        links = app.extensions["bridge"].admin_links
        yield replace(place, admin_link=lambda: f"/admin/enter/{links.make()}")
    _close(app)


def _close(app: Flask) -> None:
    app.extensions["bridge"].database.close()
