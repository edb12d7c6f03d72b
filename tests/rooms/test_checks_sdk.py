"""What `check` says of the hotline's SDK: browsers may load it, and it is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bridge.checks import sdk
from bridge.checks.scene import Scene
from bridge.services import HotlineSdk
from bridge.upstream.metadata import KeyCache, MetadataCache

if TYPE_CHECKING:
    from tests.kit.house import House

GOOD = HotlineSdk(("https://cdn.example/a.js",), ("https://cdn.example/a.css",), "api.example", "ws.example", ())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (GOOD, []),
        (replace(GOOD, scripts=("http://cdn.example/a.js",)), ["scripts: a page with TLS loads nothing without it"]),
        (
            replace(GOOD, scripts=("http://a.example/1.js", "http://a.example/2.js"), api_host="http://b.example"),
            ["scripts, api_host: a page with TLS loads nothing without it, such as http://a.example, http://b.example"],
        ),
        (replace(GOOD, ws_host="ws://ws.example"), ["ws_host: a page with TLS loads nothing without it"]),
        (replace(GOOD, ws_host="https://ws.example"), ["ws_host: https://ws.example is no web socket"]),
        (replace(GOOD, csp_hosts=("api.example",)), ["api.example is named 2 times"]),
    ],
    ids=["good", "a script without TLS", "several without TLS", "a socket without TLS", "no socket", "twice"],
)
def test_what_browsers_would_refuse_is_told(given: HotlineSdk, told: list[str]) -> None:
    found = [one.what for one in sdk.refused(given, is_secure=True)]
    assert [what[: len(begin)] for what, begin in zip(found, told, strict=True)] == told


def test_what_the_policy_shuts_out_is_told_host_by_host() -> None:
    assert [one.what for one in sdk.shut_out(GOOD, "script-src 'self' https://cdn.example; connect-src 'self'")] == [
        "style-src does not admit https://cdn.example",
        "connect-src does not admit https://api.example",
        "connect-src does not admit wss://ws.example",
    ]


def look(house: House, **changes: object) -> list[tuple[str, str, str]]:
    site = house.services.site
    altered = replace(site, sdk=replace(site.sdk, **changes))  # type: ignore[arg-type]
    outbound = house.services.outbound
    scene = Scene(replace(house.services, site=altered), outbound, MetadataCache(outbound), KeyCache(outbound))
    return [(one.name, one.level, one.what) for one in sdk.look(scene)]


def test_an_sdk_that_is_there_is_told(house: House) -> None:
    assert look(house)[-1] == ("hotline_sdk.assets", "ok", "6 of 6 scripts and style sheets are there")


def test_a_wrong_version_and_a_silent_host_are_told_once(house: House) -> None:
    silent = ("http://127.0.0.1:9/a.js", "http://127.0.0.1:9/b.js")
    told = look(house, scripts=("http://localhost:5100/sdk/9.9.9.js", *silent), styles=(), api_host="127.0.0.1:9")
    assert told == [
        ("hotline_sdk.assets", "fault", "http://localhost:5100/sdk/9.9.9.js: HTTP 404"),
        ("hotline_sdk.assets", "warn", "http://127.0.0.1:9: a refused connection"),
        ("hotline_sdk.api_host", "warn", "127.0.0.1:9: a refused connection"),
    ]
