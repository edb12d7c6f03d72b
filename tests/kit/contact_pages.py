"""The console's pages about a contact center: a house that has one, what a page says, and forms that are sent."""

from __future__ import annotations

import re
from contextlib import contextmanager
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from bridge.aiccs import pacing
from tests.kit.desk import allowing, form_token
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from requests import Response

    from bridge.access.rules import Allowed
    from bridge.sandbox.contact_center import ContactCenter
    from tests.kit.browser import Browser
    from tests.kit.house import House


@contextmanager
def staffed_house(folder: Path, *rules: Allowed, connections: tuple[str, ...] = ("contoso",)) -> Iterator[House]:
    """Yield a bridge whose contact center is asked as fast as it answers: how it is paced is told elsewhere."""
    built = build_house(allowing(demo_settings(folder, connections=connections), *rules))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pacing, "_BURST", 3600.0)
        yield built
    built.services.database.close()


def center_of(house: House) -> ContactCenter:
    """Return Contoso's contact center."""
    return house.world.contact_centers["ccc_xp_demo"]


def plain(page: Response) -> str:
    """Return what a page says, without its tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page.text)))


def sent(console: Browser, path: str, **fields: Any) -> Response:
    """Send a form; a list stands for boxes that were ticked."""
    data: Any = {"csrf_token": form_token(console), **fields}
    return console.submit(path, data, follow=False)
