"""Refusals as people and scripts see them, each with the reference that stands in the log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from bridge.core.errors import BridgeError, IdpUnreachable, MappingFieldMissing
from bridge.core.every_error import every_error
from bridge.http.problem import Context, in_context, refuse
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from tests.kit.house import House

NAVIGATION = {"Sec-Fetch-Mode": "navigate"}
SCRIPT = {"Sec-Fetch-Mode": "cors"}


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with doors behind which everything fails."""
    built = build_house(demo_settings(tmp_path_factory.mktemp("failing")))
    app: Flask = built.app

    @app.get("/fails/<kind>")
    def fails(kind: str) -> str:
        in_context(Context("test", "globex", "/login/globex?next=/x", "/login/globex?prompt=login"))
        raise {
            "refusal": MappingFieldMissing(expected="email", received="sub, name"),
            "outage": IdpUnreachable(),
            "surprise": ZeroDivisionError("a-secret-detail"),
            "http": ServiceUnavailable("a-secret-detail"),
        }[kind]

    yield built
    built.services.database.close()


def get(house: House, path: str, headers: dict[str, str], **asked: Any) -> tuple[Any, dict[str, Any]]:
    """Return the answer, and the line of the log that belongs to it."""
    with capture_logs() as lines:
        answer = house.app.test_client().open(path, headers=headers, **asked)
    return answer, dict(lines[-1])


def test_a_page_says_what_happened_and_what_to_do(failing: House) -> None:
    answer, line = get(failing, "/fails/refusal", NAVIGATION)
    assert (answer.status_code, answer.mimetype) == (403, "text/html")
    for told in ("mapping_field_missing", "email", "sub, name", line["reference"], "403"):
        assert f"{told}</code>" in answer.text
    assert 'href="/login/globex?next=/x"' in answer.text
    assert 'href="/login/globex?prompt=login"' in answer.text


def test_a_script_gets_a_problem_document_with_the_same(failing: House) -> None:
    answer, line = get(failing, "/fails/refusal", SCRIPT)
    assert (answer.status_code, answer.mimetype) == (403, "application/problem+json")
    assert answer.json == {
        "type": "urn:hotline-bridge:problem:mapping_field_missing",
        "title": "Your profile does not say which agent you are",
        "status": 403,
        "code": "mapping_field_missing",
        "detail": "The mapping field names no account.",
        "reference": line["reference"],
        "expected": "email",
        "received": "sub, name",
    }


def test_the_log_line_names_event_connection_code_and_reference(failing: House) -> None:
    _, line = get(failing, "/fails/refusal", SCRIPT)
    assert (line["event"], line["connection"], line["code"]) == ("test", "globex", "mapping_field_missing")
    assert re.fullmatch("[2-9A-Z]{10}", line["reference"])
    told = failing.services.metrics.exposition().decode()
    assert 'code="mapping_field_missing",connection="globex",event="test"' in told


def test_a_passing_failure_says_when_to_come_back(failing: House) -> None:
    assert get(failing, "/fails/outage", SCRIPT)[0].headers["Retry-After"] == "5"
    assert get(failing, "/fails/outage", NAVIGATION)[0].headers["Retry-After"] == "5"
    assert "Retry-After" not in get(failing, "/fails/refusal", SCRIPT)[0].headers


@pytest.mark.parametrize("kind", ["surprise", "http"])
@pytest.mark.parametrize("headers", [NAVIGATION, SCRIPT])
def test_a_fault_of_our_own_tells_nothing_but_its_reference(failing: House, kind: str, headers: dict[str, str]) -> None:
    answer, line = get(failing, f"/fails/{kind}", headers)
    assert answer.status_code in {500, 503}
    assert "internal_error" in answer.text
    assert line["reference"] in answer.text
    assert "a-secret-detail" not in answer.text


def test_a_surprise_is_written_down_with_its_traceback(failing: House) -> None:
    with capture_logs() as lines:
        failing.app.test_client().get("/fails/surprise", headers=SCRIPT)
    assert [line["event"] for line in lines] == ["surprise", "test"]
    assert isinstance(lines[0]["exc_info"], ZeroDivisionError)
    assert lines[1]["received"] == "ZeroDivisionError"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "page_unknown"),
        ("GET", "/static/nowhere.css", 404, "page_unknown"),
        ("GET", "/softphone/", 404, "page_unknown"),
        ("POST", "/login", 405, "request_invalid"),
        ("DELETE", "/session", 405, "request_invalid"),
        ("GET", "/logout", 405, "request_invalid"),
    ],
)
def test_an_address_or_method_that_is_none_is_a_refusal_too(
    failing: House, method: str, path: str, status: int, code: str
) -> None:
    answer, _ = get(failing, path, SCRIPT, method=method)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert ("Allow" in answer.headers) is (status == 405)


def test_some_addresses_are_for_scripts_whoever_asks(failing: House) -> None:
    answer, _ = get(failing, "/session", NAVIGATION)
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.json["login_url"].endswith("/login")


def test_a_person_who_posted_without_a_session_is_sent_to_sign_in(failing: House) -> None:
    answer, _ = get(failing, "/logout", NAVIGATION, method="POST")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")


@pytest.mark.parametrize("code", sorted(every_error()))
@pytest.mark.parametrize("headers", [NAVIGATION, SCRIPT])
def test_every_error_can_be_shown(failing: House, code: str, headers: dict[str, str]) -> None:
    error: BridgeError = every_error()[code](received="<script>that")
    with failing.app.test_request_context("/x", headers=headers):
        answer = refuse(error)
    # Whoever has an API key, or should, is a program: no sign-in page helps it.
    is_sent_on = error.status == 401 and headers is NAVIGATION and code != "api_key_invalid"
    assert answer.status_code == (303 if is_sent_on else error.status)
    assert "<script>that" not in answer.get_data(as_text=True) or answer.mimetype == "application/problem+json"


def test_no_http_error_is_left_to_werkzeug(failing: House) -> None:
    handled = failing.app.error_handler_spec[None]
    assert HTTPException in handled[None]
    assert BridgeError in handled[None]


def test_an_error_page_that_breaks_itself_still_gives_a_reference(
    failing: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr("bridge.http.problem.render_template", broken)
    with capture_logs() as lines:
        answer = failing.app.test_client().get("/fails/surprise", headers=NAVIGATION)
    assert (answer.status_code, answer.mimetype) == (500, "text/plain")
    assert answer.text == f"internal_error {lines[-1]['reference']}\n"
