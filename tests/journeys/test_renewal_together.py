"""Many renew at once: tabs, processes, and whoever signs out in the middle."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import requests
from werkzeug.serving import make_server

from bridge.sandbox.app import create_sandbox
from bridge.sandbox.world import demo_config
from bridge.signin.agent_session import _LOCK_FOR
from bridge.upstream.client import UpstreamClient
from tests.journeys.steps import another_tab, asked, at_once, records, refused, signed_in
from tests.kit.browser import Browser
from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from requests import Response

    from tests.kit.house import House


def renew(tab: Browser, csrf_token: str) -> Response:
    return tab.post("/session/renew", None, **{"X-CSRF-Token": csrf_token})


class TestManyAtOnce:
    def test_eight_tabs_cost_one_refresh_and_one_exchange(self, house: House) -> None:
        browser = signed_in(house)
        token = browser.csrf_token()
        asked(house)
        house.world.faults.set("exchange", "slow", seconds=0.3)
        tabs = [another_tab(house, browser) for _ in range(8)]
        answers = at_once([partial(renew, tab, token) for tab in tabs])
        assert [answer.status_code for answer in answers] == [200] * 8
        assert len({answer.json()["access_token"] for answer in answers}) == 1
        assert asked(house) == ["token", "token_exchange"]

    def test_when_it_fails_they_all_hear_of_it_and_nobody_tries_again(self, house: House) -> None:
        browser = signed_in(house)
        token = browser.csrf_token()
        asked(house)
        house.world.faults.set("token", "slow", seconds=0.3)
        house.world.faults.set("token", "http_500")
        tabs = [another_tab(house, browser) for _ in range(8)]
        answers = at_once([partial(renew, tab, token) for tab in tabs])
        assert [refused(answer) for answer in answers] == [(504, "idp_unreachable")] * 8
        assert asked(house) == ["token"]
        house.world.faults.clear()
        assert browser.post("/session/renew").status_code == 200

    def test_a_renewer_that_died_is_replaced(self, house: House) -> None:
        browser = signed_in(house)
        (record,) = records(house)
        assert house.services.agent_sessions.claim_renewal(record.id)
        threading.Timer(0.2, lambda: house.clock.advance(_LOCK_FOR + 1)).start()
        assert browser.post("/session/renew").status_code == 200

    def test_logout_in_the_middle_of_it_wins(self, house: House) -> None:
        browser = signed_in(house, "contoso")
        token = browser.csrf_token()
        house.world.faults.set("exchange", "slow", seconds=1)
        tab = another_tab(house, browser)
        answers: list[Response] = []
        thread = threading.Thread(
            target=lambda: answers.append(tab.post("/session/renew", None, **{"X-CSRF-Token": token}))
        )
        thread.start()
        while not house.world.count("/oauth/token_exchange") > 1:
            time.sleep(0.01)
        assert browser.submit("/logout", {"csrf_token": token}, follow=False).status_code == 303
        thread.join()
        assert refused(answers[0]) == (401, "session_ended")
        assert records(house) == []
        assert tab.fetch("/session").status_code == 401


def test_logout_after_the_refresh_leaves_no_token_alive_at_the_provider(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = signed_in(house, "globex")
    (record,) = records(house)
    refresh = UpstreamClient.refresh

    def refresh_and_meet_a_logout(self: UpstreamClient, *asked: Any) -> Any:
        fresh = refresh(self, *asked)
        house.services.agent_sessions.end(record.id)
        return fresh

    monkeypatch.setattr(UpstreamClient, "refresh", refresh_and_meet_a_logout)
    assert refused(browser.post("/session/renew")) == (401, "session_ended")
    assert house.world.count("/oidc/protocol/revoke") == 1
    assert house.world.count("/oauth/token_exchange") == 1


SERVER = """
import sys
from werkzeug.serving import make_server
from bridge.app import from_environment
server = make_server("127.0.0.1", int(sys.argv[1]), from_environment(), threaded=True)
print("ready", flush=True)
server.serve_forever()
"""


@pytest.fixture
def two_workers(tmp_path: Path) -> Iterator[tuple[Any, list[str]]]:
    """The sandbox over real sockets, and two processes that serve one database."""
    outside, first, second = free_port(), free_port(), free_port()
    sandbox = create_sandbox(f"http://localhost:{outside}")
    serving = make_server("localhost", outside, sandbox, threaded=True)
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    config = tmp_path / "bridge.toml"
    config.write_text(demo_config(f"http://localhost:{outside}", f"http://127.0.0.1:{first}", str(tmp_path)), "utf-8")
    environ = {**os.environ, "BRIDGE_CONFIG": str(config), "PYTHONPATH": "."}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", SERVER, str(port)],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for port in (first, second)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    yield sandbox.extensions["world"], [f"http://127.0.0.1:{port}" for port in (first, second)]
    for worker in workers:
        worker.terminate()
        worker.communicate()
    serving.shutdown()
    thread.join()
    serving.server_close()


def test_two_processes_that_share_a_database_renew_once(two_workers: tuple[Any, list[str]]) -> None:
    world, (first, second) = two_workers
    browser = Browser(first)
    browser.sign_in("globex")
    csrf_token = browser.csrf_token()
    before = world.count("/token"), world.count("/oauth/token_exchange")
    world.faults.set("exchange", "slow", seconds=0.5)
    headers = {"Origin": first, "X-CSRF-Token": csrf_token, "Cookie": _cookies(browser)}

    def ask(origin: str) -> Response:
        return requests.post(f"{origin}/session/renew", headers=headers, timeout=60)

    answers = at_once([partial(ask, origin) for origin in (first, second) * 4])
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len({answer.json()["access_token"] for answer in answers}) == 1
    assert (world.count("/token"), world.count("/oauth/token_exchange")) == (before[0] + 1, before[1] + 1)


def _cookies(browser: Browser) -> str:
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.wire.cookies)
