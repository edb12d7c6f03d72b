"""The policy of an answer: which hosts the phone may reach, as the configuration names them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bridge.services import HotlineSdk
from tests.kit.house import build_house

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.house import House

SDK = {
    "scripts": ("https://cdn.example/a.js", "https://cdn.example/b.js", "https://other.example:8443/c.js"),
    "styles": ("https://styles.example/a.css",),
    "api_host": "api.example",
    "ws_host": "wss://ws.example",
    "csp_hosts": ("https://extra.example", "https://aiccs.aliyuncs.com"),
}


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[House]:
    from tests.kit.house import demo_settings  # noqa: PLC0415 — beside its one use

    settings = demo_settings(tmp_path)
    sdk = settings.hotline_sdk.model_copy(update=SDK)
    built = build_house(replace(settings, hotline_sdk=sdk))
    yield built
    built.services.database.close()


def policy(header: str) -> dict[str, list[str]]:
    return {words[0]: words[1:] for words in (part.split() for part in header.split(";"))}


def test_the_phone_may_reach_what_the_configuration_names(configured: House) -> None:
    browser = configured.browser()
    directives = policy(browser.sign_in("globex").headers["Content-Security-Policy"])
    scripts = [word for word in directives["script-src"] if not word.startswith("'nonce-")]
    assert scripts == ["'self'", "https://cdn.example", "https://other.example:8443"]
    assert directives["style-src"] == ["'self'", "https://styles.example", "'unsafe-inline'"]
    assert "https://styles.example" in directives["font-src"]
    assert {"https://api.example", "wss://ws.example", "https://extra.example"} <= set(directives["connect-src"])
    assert directives["connect-src"].count("https://aiccs.aliyuncs.com") == 1
    assert "blob:" in directives["worker-src"]


def test_https_is_for_good(secure: House, quiet: House) -> None:
    assert "max-age=31536000" in secure.browser().open("/login").headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in quiet.browser().open("/login").headers


def test_only_static_files_may_be_kept(quiet: House) -> None:
    browser = quiet.browser()
    assert browser.open("/login").headers["Cache-Control"] == "no-store"
    kept = browser.open("/static/css/base.css")
    assert kept.status_code == 200
    assert kept.headers.get("Cache-Control") != "no-store"
    assert "Content-Security-Policy" in kept.headers


def test_the_sdk_is_a_noun_that_a_policy_can_be_remembered_by() -> None:
    assert hash(HotlineSdk((), (), "", "", ())) == hash(HotlineSdk((), (), "", "", ()))
