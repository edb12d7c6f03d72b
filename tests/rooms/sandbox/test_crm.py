"""The CRM: its people, its one request to a bridge, and what it shows when that refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, Response, jsonify, request

from bridge.sandbox.app import create_sandbox
from bridge.sandbox.demo import demo_platform
from bridge.sandbox.platforms import Platform, read_platform, write_platform
from tests.kit.listening import listening
from tests.kit.ports import free_port
from tests.rooms.sandbox.conftest import BASE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask.testing import FlaskClient

KEY = "an-invented-api-key"
UNUSED = Platform("http://127.0.0.1:5000", "crm", KEY)


class Bridge:
    """Stands in for a bridge: answers what it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.asked: list[tuple[str, str, Any]] = []
        self.answers: Any = {"url": f"{self.url}/handoff/crm/code", "expires_in": 60}
        self.status = 200
        self.app = Flask("bridge-of-a-test")
        self.app.add_url_rule("/<path:_>", "answer", self.answer, methods=["POST"])

    def answer(self, _: str) -> tuple[Response, int]:
        self.asked.append((request.path, request.headers["Authorization"], request.get_json()))
        answer = Response(self.answers) if isinstance(self.answers, str) else jsonify(self.answers)
        return answer, self.status


@pytest.fixture(scope="module")
def listening_bridge() -> Iterator[Bridge]:
    made = Bridge()
    with listening(made.app, int(made.url.rpartition(":")[2])):
        yield made


@pytest.fixture
def bridge(listening_bridge: Bridge) -> Bridge:
    listening_bridge.asked.clear()
    listening_bridge.answers, listening_bridge.status = {"url": f"{listening_bridge.url}/handoff/crm/code"}, 200
    return listening_bridge


def browser_at(platform: Platform | None, person: str = "") -> FlaskClient:
    """Return somebody's browser; of one of the CRM's people, or of nobody yet."""
    browser = create_sandbox(BASE, platform=platform).test_client()
    if person:
        assert browser.post("/crm/person", data={"person": person}).headers["Location"] == "/crm"
    return browser


def test_without_a_bridge_the_page_says_how_to_give_one() -> None:
    browser = browser_at(None, "lin")
    page = browser.get("/crm").text
    assert "hotline-bridge sandbox --platform crm.json" in page
    assert "BRIDGE_SANDBOX_PLATFORM" in page
    assert "Open the phone" not in page
    assert browser.post("/crm/phone").headers["Location"] == "/crm"


def test_who_works_there_is_chosen_once_and_may_change() -> None:
    browser = browser_at(UNUSED)
    assert "Who are you?" in browser.get("/crm").text
    assert browser.post("/crm/phone").headers["Location"] == "/crm"
    browser.post("/crm/person", data={"person": "王芳"})
    page = browser.get("/crm").text
    assert ("My customers" in page, "<strong>王芳</strong>" in page, KEY in page) == (True, True, False)
    browser.post("/crm/person", data={"person": "somebody"})
    assert "Who are you?" in browser.get("/crm").text


@pytest.mark.parametrize(("person", "name"), [("lin", "小林"), ("王芳", "王芳"), ("nora", "Nora Newcomer")], ids=ascii)
def test_the_button_leads_to_the_address_that_the_bridge_answers(bridge: Bridge, person: str, name: str) -> None:
    answer = browser_at(Platform(bridge.url, "crm", KEY), person).post("/crm/phone")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{bridge.url}/handoff/crm/code")
    assert answer.headers["Cache-Control"] == "no-store"
    asked = {"account_name": person, "display_name": name}
    assert bridge.asked == [("/api/v1/connections/crm/handoff", f"Bearer {KEY}", asked)]


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        (
            401,
            {"code": "api_key_invalid", "title": "A <key>.", "expected": "one", "received": "two", "reference": "R7"},
            "api_key_invalid",
        ),
        (500, "<html>", "http_500"),
        (429, [], "http_429"),
        (200, "<html>", "bridge_answer_invalid"),
        (200, {"url": "https://elsewhere.example/"}, "bridge_answer_invalid"),
        (302, {"url": 7}, "bridge_answer_invalid"),
    ],
    ids=["a problem", "a page", "a list", "a page for success", "another host", "a redirect"],
)
def test_a_refusal_is_shown_with_its_code(bridge: Bridge, status: int, said: Any, code: str) -> None:
    bridge.status, bridge.answers = status, said
    answer = browser_at(Platform(bridge.url, "crm", KEY), "lin").post("/crm/phone")
    assert (answer.status_code, f"<code>{code}</code>" in answer.text) == (502, True)
    assert "My customers" in answer.text
    if code == "api_key_invalid":
        assert "<strong>A &lt;key&gt;.</strong> Expected one, received two." in answer.text
        assert "<code>R7</code>" in answer.text


def test_a_bridge_that_is_not_there_is_a_refusal_too() -> None:
    gone = Platform(f"http://127.0.0.1:{free_port()}", "crm", KEY)
    assert "<code>bridge_unreachable</code>" in browser_at(gone, "lin").post("/crm/phone").text


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_another_site_cannot_press_its_buttons(bridge: Bridge, site: str) -> None:
    browser = browser_at(Platform(bridge.url, "crm", KEY), "lin")
    for path in ("/crm/phone", "/crm/person"):
        assert browser.post(path, headers={"Sec-Fetch-Site": site}).status_code == 403
    assert bridge.asked == []
    assert "My customers" in browser.get("/crm", headers={"Sec-Fetch-Site": site}).text


def test_its_file_says_what_was_written_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "crm.json"
    whole = replace(UNUSED, issuer="https://crm.example", public_key="a key")
    write_platform(path, whole)
    assert (path.stat().st_mode & 0o777, read_platform(str(path)), read_platform("")) == (0o600, whole, None)
    assert KEY not in repr(whole)


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"bridge_url": "https://bridge.example", "connection": "crm"}, "with bridge_url, connection and api_key"),
        ({"bridge_url": "https://bridge.example", "connection": "crm", "api_key": 7}, "every member must be text"),
        ({"bridge_url": "http://bridge.example", "connection": "crm", "api_key": KEY}, "must begin with https://"),
        ([KEY], "must be a JSON object"),
    ],
    ids=["no key", "a number", "plain http", "a list"],
)
def test_a_file_that_says_something_else_is_refused_without_its_secret(
    tmp_path: Path, members: Any, fault: str
) -> None:
    path = tmp_path / "crm.json"
    path.write_text(json.dumps(members), "utf-8")
    with pytest.raises(ValueError, match=fault) as refusal:
        read_platform(str(path))
    assert KEY not in str(refusal.value)


def test_the_demo_keeps_the_private_key_for_its_owner_and_tells_fuyun_the_public_one(tmp_path: Path) -> None:
    text, platform = demo_platform(BASE, "http://127.0.0.1:5000", str(tmp_path))
    assert (tmp_path / "crm.pem").stat().st_mode & 0o777 == 0o600
    assert "connections.idp" not in text
    world = create_sandbox(BASE, platform=platform).extensions["world"]
    app = world.fuyun_of("crm")
    assert (app.mode, app.jwt_issuer, app.jwt_public_key) == ("jwt", platform.issuer, platform.public_key)
    assert f'client_id = "{app.client_id}"' in text
    assert f'access_key_id = "{platform.access_key().access_key_id}"' in text
    assert platform.access_key() in world.access_keys.values()
