"""The portal sheet: every value of both sides, and a checklist that a rehearsal turns green."""

from __future__ import annotations

import base64
import html
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from bridge.connections.keys import public_base64
from bridge.sandbox.keys import new_rsa, private_pem
from tests.kit.desk import operator, saved, table
from tests.kit.house import BRIDGE, SANDBOX, build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from requests import Response

    from tests.kit.browser import Browser
    from tests.kit.house import House

HERE = "/admin/connections/globex/portal"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A bridge with one connection of the file, and one draft of the console."""
    built = build_house(demo_settings(tmp_path, connections=("contoso",)))
    saved(built, table("globex"), active=False)
    yield built
    built.services.database.close()


@pytest.fixture
def admin(house: House) -> Browser:
    return operator(house)


def values(page: Response) -> dict[str, str]:
    """Return the values to copy, by their labels."""
    row = r'hb-copy-label">([^<]*)</p>\s*<div class="hb-copy-row">\s*<code[^>]*>([^<]*)<'
    found = re.findall(row, page.text)
    return {html.unescape(label): html.unescape(value) for label, value in found}


def words(page: Response) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def test_has_every_value_that_the_portal_wants(admin: Browser) -> None:
    assert values(admin.open(HERE)) == {
        "App Name": "globex",
        "Scope": "user_management,hotline",
        "Callback URL": f"{BRIDGE}/callback/globex",
        "Start URL": f"{BRIDGE}/login/globex",
        "Token endpoint": f"{SANDBOX}/oidc/protocol/token",
        "User endpoint": f"{SANDBOX}/oidc/protocol/userinfo",
        "Third-party client ID": "hotline-bridge",
        "Mapping field": "preferred_username",
        "Redirect URI of the bridge": f"{BRIDGE}/callback/globex",
    }


def test_says_what_is_unknown_and_shows_no_secret(admin: Browser) -> None:
    page = admin.open(HERE)
    assert "The bridge cannot know them" in words(page)
    assert table("globex")["idp"]["client_secret"] not in page.text
    assert table("globex")["fuyun"]["client_secret"] not in page.text


def test_in_mode_jwt_the_public_key_stands_in_both_forms(house: House, admin: Browser) -> None:
    key = new_rsa()
    signing = {"issuer": "https://bridge.example", "private_key": private_pem(key)}
    saved(house, table("globex", mode="jwt", jwt=signing), active=False)
    page = admin.open(HERE)
    found = values(page)
    assert found["Issuer domain (iss)"] == "https://bridge.example"
    numbers = key.public_key().public_numbers()
    for loaded in (
        load_pem_public_key(found["Public key, as PEM"].encode()),
        load_der_public_key(base64.b64decode(found["Public key, in one line"])),
    ):
        assert loaded.public_numbers() == numbers  # type: ignore[union-attr]
    assert "PRIVATE" not in page.text
    assert "Third-party" not in page.text


def test_of_two_keys_the_sheet_has_the_one_that_is_due(house: House, admin: Browser) -> None:
    keys = {name: new_rsa() for name in ("private_key", "next_private_key")}
    due = datetime.fromtimestamp(house.clock() + 60, UTC)
    signing = {"issuer": "a", **{name: private_pem(key) for name, key in keys.items()}}
    signing["next_key_from"] = due.isoformat()
    saved(house, table("globex", mode="jwt", jwt=signing), active=False)
    for key, seconds in ((keys["private_key"], 0), (keys["next_private_key"], 61)):
        house.clock.advance(seconds)
        assert values(admin.open(HERE))["Public key, in one line"] == public_base64(key)


def test_mode_frontend_has_fuyuns_redirect_url(house: House, admin: Browser) -> None:
    fuyun = {"frontend_redirect_url": "https://fuyun.example/callback"}
    saved(house, table("globex", mode="frontend", fuyun=fuyun), active=False)
    page = admin.open(HERE)
    assert values(page)["Fuyun's redirect URL"] == "https://fuyun.example/callback"
    assert "Mode frontend cannot be tested" in words(page)
    assert "Test with my account" not in words(page)
    assert "cannot know" not in words(page)
    assert values(page)["Start URL"] == f"{BRIDGE}/login/globex/about"


def test_a_provider_that_is_away_costs_only_its_addresses(house: House, admin: Browser) -> None:
    house.world.faults.set("discovery", "http_500")
    page = admin.open(HERE)
    assert page.status_code == 200
    assert "The provider cannot be reached now" in words(page)
    assert "Token endpoint" not in values(page)
    assert values(page)["App Name"] == "globex"


def test_the_checklist_turns_green_with_a_rehearsal(admin: Browser) -> None:
    assert "hb-proof-proven" not in admin.open(HERE).text
    admin.choose(admin.open("/login/globex/rehearsal"), "lin")
    page = admin.open(HERE)
    assert page.text.count('"hb-proof hb-proof-proven"') == 8
    assert "hb-proof-open" not in page.text
    assert "look yourself" in page.text


def test_the_checklist_of_another_version_stays_as_it_was(house: House, admin: Browser) -> None:
    admin.choose(admin.open("/login/globex/rehearsal"), "lin")
    saved(house, table("globex", mapping_field="email"), active=False)
    assert "hb-proof-proven" not in admin.open(HERE).text
    assert "hb-proof-proven" in admin.open(f"{HERE}?version=1").text


def test_what_failed_is_marked(house: House, admin: Browser) -> None:
    house.world.faults.set("exchange", "invalid_client")
    admin.choose(admin.open("/login/globex/rehearsal"), "lin")
    assert "hb-proof-failed" in admin.open(HERE).text


@pytest.mark.parametrize("version", ["x", "9"])
def test_a_version_that_is_none_is_refused(admin: Browser, version: str) -> None:
    assert admin.open(f"{HERE}?version={version}").status_code in {400, 404}
