"""What is wrong with a page at three widths, in light and in dark.

axe-core lies inside its wheel, so nothing is fetched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

WIDTHS = (1440, 768, 360)
_SERIOUS = {"serious", "critical"}
# Whatever else axe finds would be described element by element, which takes longer than to look for it.
_ALL: dict[str, Any] = {"resultTypes": ["violations"]}
_OF_COLOUR: dict[str, Any] = _ALL | {"runOnly": ["color-contrast", "link-in-text-block"]}


def flaws(page: Page, widths: tuple[int, ...] = WIDTHS) -> list[str]:
    """Return the widths that the page does not fit, and what axe finds at the last one in light and in dark.

    Args:
        widths: of the window, in CSS pixels, in this order; the last one stays.
    """
    return [*misfits(page, widths), *problems_in_both(page)]


def misfits(page: Page, widths: tuple[int, ...] = WIDTHS) -> list[str]:
    """Return the widths at which the page has to be scrolled sideways."""
    return [f"{wide} wide at {width}" for width in widths if (wide := _width(page, width)) > width]


def problems_in_both(page: Page) -> list[str]:
    """Return what is serious or critical in light, and wrong with the colours in the dark."""
    return [*problems(page), *problems_of_the_dark(page)]


def problems(page: Page) -> list[str]:
    """Return what is serious or critical."""
    return _found(page, _ALL)


def problems_of_the_dark(page: Page) -> list[str]:
    """Return what is wrong with the page's colours in the dark, which is all that changes there."""
    page.emulate_media(color_scheme="dark")
    found = _found(page, _OF_COLOUR)
    page.emulate_media(color_scheme="light")
    return found


def _width(page: Page, window: int) -> int:
    page.set_viewport_size({"width": window, "height": 800})
    return int(page.evaluate("document.documentElement.scrollWidth"))


def _found(page: Page, options: dict[str, Any]) -> list[str]:
    # No colour is judged on its way to another.
    page.emulate_media(reduced_motion="reduce")
    found = Axe().run(page, options=options).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['target']}" for one in found if one["impact"] in _SERIOUS]
