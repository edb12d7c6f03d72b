"""Mode frontend in the console: nothing comes back to the bridge, so nothing is tested, and nothing is counted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.kit.desk import act, operator, saved, table
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.browser import Browser
    from tests.kit.house import House

PAGE = "/admin/connections/globex"


@pytest.fixture
def front(tmp_path: Path) -> Iterator[House]:
    """A bridge with a draft in mode frontend."""
    house = build_house(demo_settings(tmp_path, connections=("contoso",)))
    fuyun = {
        "frontend_redirect_url": "https://fuyun.example/callback",
        "workbench_redirect_url": "https://fuyun.example/workbench",
    }
    saved(house, table("globex", mode="frontend", fuyun=fuyun), active=False)
    yield house
    house.services.database.close()


@pytest.fixture
def console(front: House) -> Browser:
    return operator(front)


def test_a_version_is_activated_without_a_test_that_nobody_could_make(front: House, console: Browser) -> None:
    page = console.open(PAGE).text
    assert "Test with" not in page
    assert "I take the risk" not in page
    assert "Fuyun&#39;s redirect URL is registered at the identity provider" in page
    assert act(console, f"{PAGE}/activate", {"version": "1"}).headers["Location"].endswith("done=activated")
    assert front.services.register.entry("globex").state == "active"


def test_the_address_to_give_out_explains_and_stands_beside_the_workbench(front: House, console: Browser) -> None:
    front.services.changes.activate("globex", 1, actor="Lin")
    page = console.open(PAGE).text
    found = re.findall(r"data-copy-value>[^<]*(/login/globex[^<]*)<", page)
    assert found == ["/login/globex/about", "/login/globex/workbench"]
    assert "does not hear of sign-ins" in page
    assert "does not hear of sign-ins" in console.open("/admin/connections").text
    assert "Not tested" not in page + console.open(f"{PAGE}/history").text


def test_the_form_names_fuyuns_addresses_for_the_provider(console: Browser) -> None:
    found = re.findall(r"data-redirect-value>([^<]*)<", console.open(f"{PAGE}/edit").text)
    assert found[1:] == ["https://fuyun.example/callback", "https://fuyun.example/workbench"]
