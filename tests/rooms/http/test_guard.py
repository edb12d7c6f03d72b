"""The checks before a view: who wants a page, and which POST is of our own page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask import request

from bridge.core.errors import CsrfFailed, RequestInvalid, SessionMissing
from bridge.http.guard import csrf_token, require_own_page, require_session, wants_page

if TYPE_CHECKING:
    from flask import Flask

HERE = "http://127.0.0.1:5000"
CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("headers", "page"),
    [
        ({"Sec-Fetch-Mode": "navigate", "Accept": "application/json"}, True),
        ({"Sec-Fetch-Mode": "cors", "Accept": "text/html"}, False),
        ({"Sec-Fetch-Mode": "no-cors", "Accept": CHROME}, False),
        ({"Sec-Fetch-Mode": "same-origin"}, False),
        ({"Accept": CHROME}, True),
        ({"Accept": "text/html"}, True),
        ({"Accept": "application/json"}, False),
        ({"Accept": "application/json, text/html;q=0.9"}, False),
        ({"Accept": "text/html;q=0.9, application/json;q=0.5"}, True),
        ({"Accept": "*/*"}, False),
        ({"Accept": ""}, False),
        ({}, False),
    ],
)
def test_a_navigation_wants_a_page_and_a_script_does_not(app: Flask, headers: dict[str, str], page: bool) -> None:  # noqa: FBT001 — a table's column
    with app.test_request_context(headers=headers):
        assert wants_page(request) is page


@pytest.mark.parametrize(
    ("origin", "received"),
    [
        (None, "none"),
        ("", "none"),
        ("null", "another origin"),
        ("https://evil.example", "another origin"),
        (f"{HERE}/", "another origin"),
        ("https://127.0.0.1:5000", "another origin"),
        ("http://127.0.0.1:50001", "another origin"),
    ],
)
def test_a_post_of_another_origin_is_refused(app: Flask, origin: str | None, received: str) -> None:
    headers = {"Origin": origin} if origin is not None else {}
    with app.test_request_context(method="POST", headers=headers), pytest.raises(CsrfFailed) as refusal:
        require_own_page()
    assert (refusal.value.expected, refusal.value.received) == ("Origin of the bridge", received)


@pytest.mark.parametrize(("token", "received"), [("", "none"), ("forged", "another")])
@pytest.mark.parametrize("place", ["header", "form"])
def test_a_post_without_the_sessions_token_is_refused(app: Flask, place: str, token: str, received: str) -> None:
    headers = {"Origin": HERE, **({"X-CSRF-Token": token} if place == "header" else {})}
    form = {"csrf_token": token} if place == "form" else {}
    with (
        app.test_request_context(method="POST", headers=headers, data=form),
        pytest.raises(CsrfFailed) as refusal,
    ):
        require_own_page()
    assert refusal.value.received == received


def test_a_token_twice_in_the_form_is_refused(app: Flask) -> None:
    form = {"csrf_token": ["a", "b"]}
    with (
        app.test_request_context(method="POST", headers={"Origin": HERE}, data=form),
        pytest.raises(RequestInvalid),
    ):
        require_own_page()


def test_without_a_session_there_is_neither_a_session_nor_a_token(app: Flask) -> None:
    with app.test_request_context():
        assert csrf_token() == ""
        with pytest.raises(SessionMissing):
            require_session()
