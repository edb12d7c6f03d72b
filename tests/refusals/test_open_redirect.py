"""Open redirectors: a corpus of addresses that lead browsers elsewhere, by their kinds, and each door that takes one.

The corpus is `open_redirects.txt`: lines with ``#`` name a kind, each other line is one address as a JSON text.
"""

from __future__ import annotations

import json
import re
from functools import cache
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import pytest
from werkzeug.test import create_environ
from werkzeug.utils import redirect

from bridge.access.rules import Allowed
from bridge.core.landing import own_path, safe_landing
from tests.kit.desk import administrator, allowing
from tests.kit.house import BRIDGE, build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.browser import Browser
    from tests.kit.house import House

CORPUS: Final = Path(__file__).with_name("open_redirects.txt")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_SLASHES: Final = ("/", "\\")
WORST: Final = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\x01//evil.example",
    "https:evil.example",
    "http:/\\evil.example",
    "//127.0.0.1:5000@evil.example",
    "/softphone/..//evil.example",
    "/%2f%2fevil.example",
    "/\uff0fevil.example",
    "javascript:alert(1)",
]


@cache
def corpus() -> dict[str, list[str]]:
    """Return the corpus."""
    kinds = CORPUS.read_text("ascii").removeprefix("# ").split("\n# ")
    parted = (kind.splitlines() for kind in kinds)
    return {name: [json.loads(line) for line in lines] for name, *lines in parted}


def stays(location: str) -> bool:
    """Say whether a browser on the bridge stays there: the beginning of the WHATWG's basic URL parser."""
    seen = re.sub(r"[\t\r\n]", "", location.strip("".join(map(chr, range(33)))))
    scheme = _SCHEME.match(seen)
    if scheme:
        # Only the page's own scheme may stand before a path, and means nothing then.
        is_own = scheme[1].lower() == BRIDGE.partition(":")[0]
        return is_own and not _begins_authority(seen[scheme.end() :])
    return not _begins_authority(seen)


def _begins_authority(rest: str) -> bool:
    return rest[:1] in _SLASHES and rest[1:2] in _SLASHES


def location_of(landing: str) -> str:
    """Return the Location header that a redirect there sends; Werkzeug rewrites what is no ASCII."""
    return redirect(landing, 303).get_wsgi_headers(create_environ())["Location"]


def test_the_corpus_is_large_without_twins_and_really_leads_elsewhere() -> None:
    payloads = [payload for many in corpus().values() for payload in many]
    assert len(set(payloads)) == len(payloads) >= 900
    assert sum(not stays(payload) for payload in payloads) >= 600


@pytest.mark.parametrize("kind", corpus())
def test_no_landing_is_elsewhere(kind: str) -> None:
    for payload in corpus()[kind]:
        for landing in (safe_landing(payload), own_path(payload, "/admin")):
            assert landing in {payload, "/softphone", "/admin"}
            assert stays(landing), ascii(payload)
            assert stays(location_of(landing)), ascii(payload)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with a console into which somebody may come by a provider."""
    lin = Allowed("globex", "preferred_username", ("lin",))
    built = build_house(allowing(demo_settings(tmp_path_factory.mktemp("doors")), lin))
    yield built
    built.services.database.close()


@pytest.fixture(scope="module")
def admin(house: House) -> Browser:
    return administrator(house, "globex")


@pytest.mark.parametrize("payload", WORST, ids=ascii)
def test_the_consoles_doors_stay_on_the_bridge(house: House, admin: Browser, payload: str) -> None:
    asked = quote(payload, safe="")
    for page in (house.browser().open(f"/admin/sign-in?next={asked}"), admin.open(f"/admin/again?next={asked}")):
        assert page.status_code == 200
        named = re.findall(r'(?:href|action|src|value)="([^"]*)"', page.text)
        assert all(stays(unescape(address)) for address in named if not address.startswith("data:"))
        assert "evil.example" not in re.sub(r"/language/\w+\?next=[^\"]*", "", page.text)
    stranger = house.browser()
    assert stranger.open(f"/login/globex/admin?next={asked}", follow=False).status_code == 302
    sealed = house.services.key_ring.open("pending sign-in", str(stranger.cookie("bridge_signin_0")))
    assert sealed["landing"] == "/admin"
    hinted = house.browser().open(f"/admin/sign-in?login_hint=lin@globex.example&next={asked}", follow=False)
    assert stays(hinted.headers["Location"])
    assert "evil.example" not in hinted.headers["Location"]
