"""What every request leaves behind: an id that the log and the answer share, a count by kind of route, no address."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from flask import Response
from structlog.testing import capture_logs

from bridge.ops.under_way import under_way
from tests.rooms.ops.logging_as_usual import logging_as_usual

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.house import House

OURS = re.compile("[0-9a-f]{32}")
PROXY, STRANGER = "10.0.0.1", "192.0.2.7"


@pytest.fixture
def behind_proxy(house: House) -> House:
    watched: Any = house.app.wsgi_app
    watched._trusted = ("10.0.0.0/8",)
    return house


def request_id(house: House, given: str, peer: str = PROXY) -> str:
    """Return the id that an answer bears."""
    client = house.app.test_client()
    answer = client.get("/healthz", headers={"X-Request-Id": given}, environ_base={"REMOTE_ADDR": peer})
    return answer.headers["X-Request-Id"]


@pytest.mark.parametrize("given", ["8b2c1f8e-6f2e-4d86-9a5e-0d6d5c1f8a11", "Root=1-67891233-abcdef012345678912345678"])
def test_a_proxys_id_is_kept(behind_proxy: House, given: str) -> None:
    assert request_id(behind_proxy, given) == given


SENSELESS = {
    "a stranger's": ("8b2c1f8e-6f2e-4d86-9a5e-0d6d5c1f8a11", STRANGER),
    "no address's": ("8b2c1f8e-6f2e-4d86-9a5e-0d6d5c1f8a11", ""),
    "one too long": ("a" * 129, PROXY),
    "one too short": ("a1", PROXY),
    "one with a quotation mark": ('abcdef","code":"ok', PROXY),
    "one with an escape": ("abcdef\x1b[31m", PROXY),
    "one of foreign letters": ("абвгдежз", PROXY),
    "none": ("", PROXY),
}


@pytest.mark.parametrize("kind", SENSELESS)
def test_instead_of_a_senseless_id_or_a_strangers_there_is_one_of_our_own(behind_proxy: House, kind: str) -> None:
    given, peer = SENSELESS[kind]
    client = behind_proxy.app.test_client()
    environ = {"REMOTE_ADDR": peer, "HTTP_X_REQUEST_ID": given.encode().decode("latin-1")}
    assert OURS.fullmatch(client.get("/healthz", environ_overrides=environ).headers["X-Request-Id"])


def test_each_line_of_a_request_has_its_id_and_keeps_the_reference(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    with logging_as_usual("info"):
        answer = house.browser().fetch("/nowhere")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (line,) = [line for line in lines if line["event"] == "request"]
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert line["reference"] == answer.json()["reference"]


def test_a_line_of_each_request_is_for_debugging_alone_and_names_no_address(house: House) -> None:
    told: dict[str, list[Any]] = {}
    for level in ("info", "debug"):
        with logging_as_usual(level), capture_logs() as lines:
            house.browser().open("/callback/globex?state=invented&code=secret")
        told[level] = [line for line in lines if line["event"] == "http_request"]
    assert told["info"] == []
    (line,) = told["debug"]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/callback/<name>", 400)
    assert "invented" not in str(line)


def test_answers_are_counted_by_kind_of_route_and_not_by_address(house: House) -> None:
    browser = house.browser()
    for path in ("/login", "/wp-login.php", "/admin", "/api/v1/nothing", "/static/nothing"):
        browser.open(path, follow=False)
    told = browser.fetch("/metrics").text
    for route, status, times in (("sign_in", 200, 1), ("unknown", 404, 2), ("console", 303, 1), ("assets", 404, 1)):
        assert f'bridge_http_request_seconds_count{{route="{route}",status="{status}"}} {times}.0' in told
    assert "wp-login" not in told
    assert "bridge_http_requests_in_flight 1.0" in told


def test_a_request_says_whom_it_is_for_once_that_is_known(house: House) -> None:
    house.browser().sign_in("globex")
    assert under_way() is None
    assert 'bridge_upstream_call_seconds_count{connection="globex",outcome="ok",upstream="token"} 1.0' in (
        house.browser().fetch("/metrics").text
    )


def test_a_body_that_is_sent_by_and_by_is_still_of_its_request(house: House) -> None:
    seen: list[str] = []

    def note() -> None:
        now = under_way()
        seen.append(now.request_id if now else "")

    def body() -> Iterator[bytes]:
        try:
            note()
            yield b"one"
            note()
            yield b"two"
        finally:
            seen.append("closed")

    house.app.add_url_rule("/streamed", view_func=lambda: Response(body()))
    answer = house.app.test_client().get("/streamed", buffered=False)
    pieces = iter(answer.iter_encoded())
    assert next(pieces) == b"one"
    assert under_way() is None
    assert list(pieces) == [b"two"]
    answer.close()
    assert seen == [answer.headers["X-Request-Id"]] * 2 + ["closed"]
