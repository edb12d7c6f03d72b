"""The commands as operators start them: real processes, real sockets, real signals."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from bridge.sandbox.app import create_sandbox
from bridge.sandbox.world import World, demo_config
from tests.kit.browser import Browser
from tests.kit.listening import listening
from tests.kit.ports import free_port
from tests.kit.processes import ROOT, answers, is_closed, running
from tests.kit.wiretap import Secrets, hear_browser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.processes import Command

SECONDS_TO_STOP = 10
DEBUG = '\n[log]\nlevel = "debug"\n'


@dataclass(frozen=True)
class Outside:
    """The sandbox, over real HTTP."""

    url: str
    world: World


@dataclass(frozen=True)
class Served:
    """A bridge that runs, and what belongs to it."""

    url: str
    command: Command
    database: Path

    def browser(self) -> Browser:
        return Browser(self.url)


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    port = free_port()
    sandbox = create_sandbox(f"http://localhost:{port}")
    with listening(sandbox, port):
        yield Outside(f"http://localhost:{port}", sandbox.extensions["world"])


@pytest.fixture(scope="module")
def served(outside: Outside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One bridge for all tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("served")
    config, url = _configure(folder, outside.url)
    with running(["serve", "--config", str(config)], folder) as command:
        command.wait_until(lambda: answers(f"{url}/readyz"))
        yield Served(url, command, folder / "bridge.db")


def _configure(folder: Path, sandbox_url: str) -> tuple[Path, str]:
    url = f"http://127.0.0.1:{free_port()}"
    config = folder / "bridge.toml"
    config.write_text(demo_config(sandbox_url, url, str(folder)) + DEBUG, "utf-8")
    return config, url


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bridge", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=60, check=False)


# serve ----------------------------------------------------------------------------------------------------------------


def test_a_whole_shift_over_real_sockets(served: Served) -> None:
    browser = served.browser()
    landed = browser.sign_in("globex", query="?next=/softphone?record=7")
    assert (landed.status_code, landed.url) == (200, f"{served.url}/softphone?record=7")
    assert browser.post("/session/token").json()["access_token"] == browser.cookie("AC_TOKEN")
    assert browser.post("/session/renew").status_code == 200
    signed_out = browser.open(browser.post("/logout").headers["Location"])
    assert signed_out.url.startswith(f"{served.url}/logged-out")
    assert browser.fetch("/session").status_code == 401


def test_an_unknown_address_is_told_as_page_or_as_json(served: Served) -> None:
    page, problem = served.browser().open("/nowhere"), served.browser().fetch("/nowhere")
    assert (page.status_code, page.headers["Content-Type"].partition(";")[0]) == (404, "text/html")
    assert (problem.status_code, problem.headers["Content-Type"]) == (404, "application/problem+json")
    assert problem.json()["code"] == "page_unknown"


def test_an_outage_of_the_store_is_503_and_nobody_is_signed_out_by_it(served: Served) -> None:
    browser = served.browser()
    browser.sign_in("globex")
    before = browser.cookies()
    with sqlite3.connect(served.database, timeout=30) as database:
        database.execute("ALTER TABLE agent_sessions RENAME TO elsewhere")
    try:
        script, page = browser.fetch("/session"), browser.open("/softphone")
        alive = browser.fetch("/healthz")
    finally:
        with sqlite3.connect(served.database, timeout=30) as database:
            database.execute("ALTER TABLE elsewhere RENAME TO agent_sessions")
    assert (script.status_code, page.status_code, alive.status_code) == (503, 503, 200)
    assert script.json()["code"] == "store_unavailable"
    assert "Retry-After" in script.headers
    assert "store_unavailable" in page.text
    assert browser.cookies() == before
    assert browser.fetch("/session").status_code == 200


def test_the_log_of_the_process_is_json_and_holds_nothing_of_what_the_browser_saw(served: Served) -> None:
    secrets, browser = Secrets(), served.browser()
    browser.wire.hooks["response"].append(lambda response, **_: hear_browser(secrets, response))
    browser.sign_in("contoso")
    browser.post("/session/renew")
    browser.post("/logout")
    written = served.command.written
    assert {"code", "state", "nonce", "cookie AC_TOKEN", "cookie bridge_session"} <= secrets.by_kind.keys()
    assert secrets.search().kinds_in(written) == []
    _banner, *lines = written.splitlines()
    events = [json.loads(line) for line in lines]
    assert any(event["event"] == "sign_out" and event["connection"] == "contoso" for event in events)


def test_sigterm_ends_it_with_all_of_its_workers_once_what_was_begun_is_finished(
    outside: Outside, tmp_path: Path
) -> None:
    config, url = _configure(tmp_path, outside.url)
    with running(["serve", "--config", str(config)], tmp_path) as command, ThreadPoolExecutor(1) as pool:
        command.wait_until(lambda: answers(f"{url}/readyz"))
        idle, browser = Browser(url), Browser(url)
        idle.sign_in("globex")  # leaves a connection open
        answer = browser.choose(browser.begin("globex"), "lin", follow=False).headers["Location"]
        outside.world.faults.set("exchange", "slow", times=1, seconds=1.0)
        exchanges = outside.world.count("/oauth/token_exchange")
        arrival = pool.submit(browser.open, answer, follow=False)
        command.wait_until(lambda: outside.world.count("/oauth/token_exchange") > exchanges)
        assert command.end(signal.SIGTERM) < SECONDS_TO_STOP
        assert (arrival.result().status_code, arrival.result().headers["Location"]) == (303, "/softphone")
        assert command.process.returncode == 0
        assert not command.has_left_somebody()
        assert is_closed(int(url.rpartition(":")[2]))


def test_a_faulty_configuration_is_told_whole_and_nothing_is_served(tmp_path: Path) -> None:
    config = tmp_path / "bridge.toml"
    config.write_text('public_url = "ftp://phone.example.com"\nsecret_keys = ["short"]\nunheard_of = 1\n', "utf-8")
    done = _run("serve", "--config", str(config))
    assert done.returncode == 1
    assert done.stdout == ""
    for key in ("public_url", "secret_keys", "unheard_of"):
        assert any(line.startswith(str(config)) and key in line for line in done.stderr.splitlines()), done.stderr
    assert "Traceback" not in done.stderr


# check ----------------------------------------------------------------------------------------------------------------


def test_check_is_content_with_a_good_configuration(outside: Outside, tmp_path: Path) -> None:
    config, _ = _configure(tmp_path, outside.url)
    done = _run("check", "--config", str(config))
    assert done.returncode == 0, done.stdout + done.stderr


def test_check_tells_who_does_not_answer(tmp_path: Path) -> None:
    config, _ = _configure(tmp_path, f"http://localhost:{free_port()}")
    done = _run("check", "--config", str(config))
    assert done.returncode == 1
    for name in ("contoso", "acme", "globex"):
        assert any(line.startswith("fault") and name in line for line in done.stdout.splitlines()), done.stdout


# demo -----------------------------------------------------------------------------------------------------------------


def test_the_demo_lets_somebody_sign_in_and_leaves_nothing_behind(tmp_path: Path) -> None:
    port = free_port(beside=100)
    with running(["demo", "--port", str(port)], tmp_path) as command:
        command.wait_until(lambda: "Ctrl-C" in command.written)
        assert f"http://127.0.0.1:{port}\n" in command.written
        browser = Browser(f"http://127.0.0.1:{port}")
        assert browser.sign_in("contoso").url == f"http://127.0.0.1:{port}/softphone"
        assert browser.fetch("/session").json()["account_name"] == "lin@contoso.example"
        # Ctrl-C in a terminal reaches the whole group.
        assert command.end(signal.SIGINT, whole_group=True) < SECONDS_TO_STOP
        assert "Goodbye" in command.written
        assert command.process.returncode == 0
        assert not command.has_left_somebody()
    assert is_closed(port)
    assert is_closed(port + 100)
    assert [path.name for path in tmp_path.iterdir()] == ["demo.log"], "its folder is gone"
