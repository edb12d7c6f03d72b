"""Takes the README's picture of the phone: ``python -m tests.browser.pictures``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

from tests.browser.conftest import opened_place
from tests.browser.phone import Phone
from tests.conftest import CHROMIUM_ARGUMENTS, chromium

FOLDER: Final = Path(__file__).parent / "pictures"


def main() -> None:
    """Sign in, let it ring, take the picture."""
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
        browser.close()


if __name__ == "__main__":
    main()
