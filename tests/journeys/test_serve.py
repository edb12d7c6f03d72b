"""The commands as operators start them: real processes, real sockets, real signals."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest
import requests

from bridge.sandbox.app import create_sandbox
from bridge.sandbox.world import World, demo_config
from tests.kit.browser import Browser
from tests.kit.listening import listening
from tests.kit.ports import free_port
from tests.kit.processes import ROOT, answers, is_closed, running
from tests.kit.wiretap import Secrets, hear_browser

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def _configure(folder: Path, sandbox_url: str, server: str = "") -> tuple[Path, str]:
    url = f"http://127.0.0.1:{free_port()}"
    config = folder / "bridge.toml"
    text = demo_config(sandbox_url, url, str(folder)) + DEBUG
    config.write_text(text.replace("[server]\n", f"[server]\n{server}"), "utf-8")
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
    events = [json.loads(line) for line in written.splitlines()]
    assert [(one["workers"], one["bind"]) for one in events if one["event"] == "serving"] == [(1, served.url[7:])]
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


@dataclass
class Callers:
    """People who ask all the time, each over a connection that stays open or over fresh ones."""

    url: str
    answers: Counter[str] = field(default_factory=Counter)
    gone: Event = field(default_factory=Event)

    def keep_asking(self, *, fresh: bool) -> None:
        with requests.Session() as kept:
            while not self.gone.wait(0.01):
                try:
                    answer = (requests if fresh else kept).get(f"{self.url}/healthz", timeout=30)
                    self.answers[str(answer.status_code)] += 1
                except requests.RequestException as fault:
                    self.answers[repr(fault)] += 1

    @contextmanager
    def asking(self) -> Iterator[None]:
        with ThreadPoolExecutor(3) as pool:
            for fresh in (True, False, False):
                pool.submit(self.keep_asking, fresh=fresh)
            try:
                yield
            finally:
                self.gone.set()


def workers_of(command: Command) -> set[str]:
    pid = command.process.pid
    return set(Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split())


def test_reload_and_drain_with_live_requests_lose_none_of_them(outside: Outside, tmp_path: Path) -> None:
    ops = f"http://127.0.0.1:{free_port()}"
    server = f'workers = 2\nthreads = 4\ndrain = "1s"\nops_bind = "{ops.removeprefix("http://")}"\n'
    config, url = _configure(tmp_path, outside.url, server)
    callers, text = Callers(url), config.read_text("utf-8")
    with running(["serve", "--config", str(config)], tmp_path) as command, callers.asking():
        command.wait_until(lambda: answers(f"{ops}/readyz"))
        callers.answers.clear()
        browser = Browser(url)
        browser.sign_in("globex")
        before = workers_of(command)

        config.write_text("nonsense = 1\n" + text, "utf-8")
        command.process.send_signal(signal.SIGHUP)
        command.wait_until(lambda: "nonsense: is no key" in command.written)
        assert workers_of(command) == before

        config.write_text(text.replace("workers = 2", "workers = 1"), "utf-8")
        command.process.send_signal(signal.SIGHUP)
        command.wait_until(lambda: '\n{"workers": 1, "threads": 4, "event": "reloaded"' in command.written)
        assert len(workers_of(command) - before) == 1
        assert browser.fetch("/session").json()["account_name"] == "lin"

        command.process.send_signal(signal.SIGTERM)
        command.wait_until(lambda: requests.get(f"{ops}/readyz", timeout=60).status_code == 503)
        told = requests.get(f"{ops}/readyz", timeout=60)
        assert told.json()["checks"]["server"] == "draining"
        assert browser.fetch("/session").status_code == 200
        callers.gone.set()
        assert command.process.wait(SECONDS_TO_STOP) == 0
        assert not command.has_left_somebody()
    assert callers.answers.keys() == {"200"}


def _raw(served: Served, sent: bytes) -> socket.socket:
    host, _, port = served.url.removeprefix("http://").partition(":")
    line = socket.create_connection((host, int(port)), timeout=60)
    line.sendall(sent)
    return line


def test_connections_that_never_finish_their_headers_do_not_stop_others(served: Served) -> None:
    with ExitStack() as held:
        for _ in range(500):
            held.enter_context(_raw(served, b"GET /session HTTP/1.1\r\nHost: phone.example.com\r\nX-Slow: "))
        assert requests.get(f"{served.url}/healthz", timeout=60).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param(b"Cookie: " + b"a" * 30_000, b"200", id="thirty_thousand_bytes"),
        pytest.param(b"Cookie: " + b"a" * 500_000, b"431", id="half_a_million_bytes"),
        pytest.param(b"\r\n".join(b"X-%d: a" % number for number in range(90)), b"200", id="ninety_headers"),
        pytest.param(b"\r\n".join(b"X-%d: a" % number for number in range(200)), b"431", id="two_hundred_headers"),
    ],
)
def test_headers_are_bounded(served: Served, headers: bytes, status: bytes) -> None:
    with _raw(served, b"") as line:
        with suppress(OSError):  # refused before the end of it
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: phone.example.com\r\n" + headers + b"\r\n\r\n")
        assert line.recv(12) == b"HTTP/1.1 " + status


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
    for part in done.stdout.split("\n\n")[1:4]:
        assert part.splitlines()[0] in {"contoso", "acme", "globex"}, done.stdout
        assert any(line.lstrip().startswith("fault") for line in part.splitlines()), done.stdout
