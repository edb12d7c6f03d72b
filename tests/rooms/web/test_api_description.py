"""The API's own description: for everybody, with or without a key, kept by caches, in both languages."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from bridge.http.api import OPERATIONS
from bridge.http.description import describe
from bridge.web.api.description import _prose

if TYPE_CHECKING:
    from tests.kit.browser import Browser
    from tests.kit.house import House

DOCUMENT = "/api/v1/openapi.json"
PAGE = "/api/v1/docs"


def test_the_document_is_that_of_the_operations_and_needs_no_key(house: House, browser: Browser) -> None:
    answer = browser.fetch(DOCUMENT)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json() == describe(house.app.extensions[OPERATIONS], house.settings.public_url)
    assert browser.cookies() == {}


def test_every_route_of_the_api_is_in_the_document(house: House, browser: Browser) -> None:
    routes = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule.removeprefix("/api/v1")), method.lower())
        for rule in house.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/v1/") and rule.rule not in {DOCUMENT, PAGE, "/api/v1/"}
    }
    paths = browser.fetch(DOCUMENT).json()["paths"]
    assert {(path, method) for path, item in paths.items() for method in item} == routes


def test_the_address_of_the_api_leads_to_its_page(browser: Browser) -> None:
    for address in ("/api/v1", "/api/v1/"):
        answer = browser.open(address, follow=False)
        assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)


def test_caches_may_keep_the_document_and_ask_whether_it_has_changed(browser: Browser) -> None:
    first = browser.fetch(DOCUMENT)
    assert first.headers["Cache-Control"] == "public, max-age=300"
    browser.wire.headers["If-None-Match"] = first.headers["ETag"]
    again = browser.fetch(DOCUMENT)
    assert (again.status_code, again.content) == (304, b"")


def test_the_page_shows_every_operation_with_its_sample_and_its_refusals(house: House, browser: Browser) -> None:
    page = browser.open(PAGE)
    text = unescape(page.text)
    assert page.status_code == 200
    for item in describe(house.app.extensions[OPERATIONS], house.settings.public_url)["paths"].values():
        for one in item.values():
            assert one["summary"] in text
            assert one["x-codeSamples"][0]["source"] in text
    assert "items[].handle" in text
    assert "agent_frozen" in text
    assert browser.cookies() == {}


def test_the_page_speaks_the_readers_language_around_the_operations(browser: Browser) -> None:
    browser.wire.headers["Accept-Language"] = "zh-CN"
    page = browser.open(PAGE)
    assert '<html class="hb" lang="zh-CN">' in page.text
    assert '<h3 class="hb-api-title" id="issue_token-title" lang="en">' in page.text


def test_the_page_has_nothing_that_its_policy_forbids(browser: Browser) -> None:
    page = browser.open(PAGE)
    assert re.findall(r'\sstyle=|\son\w+="|<script(?![^>]*\ssrc="/static/)', page.text) == []


def test_what_stands_in_backticks_is_code_and_nothing_else_is_markup() -> None:
    assert _prose("send `<a>` & `b`") == (
        'send <code class="hb-code">&lt;a&gt;</code> &amp; <code class="hb-code">b</code>'
    )
