"""Takes the README's pictures of the phone and of the console: ``python -m tests.browser.pictures``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from playwright.sync_api import sync_playwright

from tests.browser.conftest import opened_place
from tests.browser.phone import Phone
from tests.conftest import CHROMIUM_ARGUMENTS, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Place

FOLDER: Final = Path(__file__).parent / "pictures"


def main() -> None:
    """Sign in, let it ring, take the picture; then test the connection in the console, and take another."""
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        opened_place(Path(folder), ("contoso",)) as place,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 760}, locale="en-US")
        page.context.grant_permissions(["microphone"])
        phone = Phone.ready(page, place.bridge)
        phone.ring()
        phone.answer()
        page.wait_for_timeout(7_000)
        page.screenshot(path=FOLDER / "softphone.png")
        _console(browser.new_page(viewport={"width": 1280, "height": 900}, locale="en-US"), place)
        browser.close()


def _console(page: Page, place: Place) -> None:
    page.goto(place.bridge + place.admin_link())
    page.goto(f"{place.bridge}/login/contoso/rehearsal")
    page.locator('button[name="person"][value="bo"]').click()
    page.wait_for_load_state()
    page.screenshot(path=FOLDER / "console.png")


if __name__ == "__main__":
    main()
