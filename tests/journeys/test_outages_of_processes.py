"""Two real replicas over one Redis: one is killed in the middle of a callback, or told to end while it works."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter

from bridge import serving
from bridge.outbound import Limits
from bridge.sandbox.app import create_sandbox
from bridge.sandbox.world import World, demo_config
from tests.kit.browser import Browser
from tests.kit.listening import listening
from tests.kit.open_page import OpenPage, problem_of, way_on
from tests.kit.ports import free_port
from tests.kit.processes import answers, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests import PreparedRequest, Response

    from tests.kit.processes import Command
    from tests.kit.redis_server import RedisServer

PUBLIC = "http://127.0.0.1:5000"
"""Where browsers believe the bridge to be; nobody listens there."""
_BIND = 'bind = "127.0.0.1:5000"'


class Proxy(HTTPAdapter):
    """Leads what is for the public address to the first replica that answers, and asks the next where one does not.

    Args:
        insists: False: what the first replica does not answer, nobody does.
    """

    def __init__(self, replicas: list[str]) -> None:
        super().__init__()
        self.replicas = replicas
        self.insists = True

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        url = str(request.url)
        if not url.startswith(f"{PUBLIC}/"):
            return super().send(request, *args, **options)
        failure: Exception = requests.ConnectionError("no replica")
        for replica in self.replicas if self.insists else self.replicas[:1]:
            passed = request.copy()
            passed.url = url.replace(PUBLIC, replica, 1)
            passed.headers["Host"] = PUBLIC.rpartition("/")[2]
            try:
                answer = super().send(passed, *args, **options)
            except requests.ConnectionError as fault:
                failure = fault
                continue
            answer.url = url
            return answer
        raise failure


@dataclass
class Town:
    """A sandbox, two replicas at addresses of their own, and the proxy in front of them."""

    world: World
    folder: Path
    configuration: str
    urls: list[str]
    proxy: Proxy
    commands: dict[str, Command] = field(default_factory=dict)
    running: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        """Start whichever replica does not run; returns once both answer."""
        urls = [url for url in self.urls if url not in self.commands or self.commands[url].process.poll() is not None]
        for url in urls:
            folder = Path(mkdtemp(dir=self.folder))
            config = folder / "bridge.toml"
            config.write_text(self.configuration.replace(_BIND, f'bind = "{url.partition("//")[2]}"'), "utf-8")
            self.commands[url] = self.running.enter_context(running(["serve", "--config", str(config)], folder))
        for url in urls:
            self.commands[url].wait_until(partial(answers, f"{url}/readyz"))

    def browser(self) -> Browser:
        return Browser(PUBLIC, self.proxy)

    def page(self, person: str = "lin") -> OpenPage:
        """Return the page of somebody who has signed in."""
        browser = self.browser()
        browser.sign_in("globex", person)
        return OpenPage(browser)

    def wait_for(self, path: str, count: int) -> None:
        """Return once so many requests have come to a path of the sandbox."""
        wait_until(lambda: self.world.count(path) >= count)


@pytest.fixture(scope="module")
def town_of_all(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    outside, folder = free_port(), tmp_path_factory.mktemp("town")
    sandbox = create_sandbox(f"http://localhost:{outside}")
    urls = [f"http://127.0.0.1:{free_port()}" for _ in range(2)]
    text = demo_config(f"http://localhost:{outside}", PUBLIC, str(folder))
    text = text.replace('sessions = "database"', f'sessions = "{redis_server.emptied()}"')
    town = Town(sandbox.extensions["world"], folder, text, urls, Proxy(urls))
    town.world.single_sign_on = True
    with listening(sandbox, outside), town.running:
        yield town


@pytest.fixture
def town(town_of_all: Town) -> Town:
    """A town whose replicas both run."""
    town_of_all.start()
    return town_of_all


def wait_until(ready: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 20
    while not ready():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


@contextmanager
def looking(page: OpenPage) -> Iterator[list[int]]:
    """Let a page look again and again; gives what it has seen."""
    seen: list[int] = []
    enough = threading.Event()

    def look() -> None:
        while not enough.wait(0.05):
            seen.append(page.look().status_code)

    with ThreadPoolExecutor(1) as pool:
        looks = pool.submit(look)
        try:
            yield seen
        finally:
            enough.set()
        looks.result()


def test_a_replica_that_is_killed_in_the_middle_of_a_callback_costs_one_click(town: Town) -> None:
    page, newcomer = town.page(), town.browser()
    at_provider = newcomer.begin("globex", "?next=/softphone?case=7")
    arrival = newcomer.choose(at_provider, "fang", follow=False).headers["Location"]
    redeemed = town.world.count("/token")
    town.world.faults.set("token", "slow", times=1, seconds=1)
    town.proxy.insists = False
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(newcomer.open, arrival)
        town.wait_for("/token", redeemed + 1)
        town.commands[town.urls[0]].end(signal.SIGKILL, whole_group=True)
        with pytest.raises(requests.ConnectionError):
            lost.result()
    town.proxy.insists = True
    assert page.look().status_code == page.renew().status_code == 200
    (code,) = parse_qs(urlsplit(arrival).query)["code"]
    wait_until(lambda: town.world.grants["globex"]._codes[code].used)  # by a token that nobody will get
    told = newcomer.open(arrival)
    assert problem_of(told) == (400, "idp_error")
    assert newcomer.open(way_on(told)).url == f"{PUBLIC}/softphone?case=7"
    assert newcomer.post("/session/renew").status_code == 200


def test_a_replica_that_is_told_to_end_finishes_what_was_begun_and_the_other_serves_on(town: Town) -> None:
    page, newcomer = town.page(), town.browser()
    arrival = newcomer.choose(newcomer.begin("globex"), "fang", follow=False).headers["Location"]
    exchanges = town.world.count("/oauth/token_exchange")
    town.world.faults.set("exchange", "slow", times=2, seconds=1)
    with looking(town.page()) as seen, ThreadPoolExecutor(2) as pool:
        under_way = [pool.submit(page.renew), pool.submit(newcomer.open, arrival)]
        town.wait_for("/oauth/token_exchange", exchanges + 2)
        town.commands[town.urls[0]].end(signal.SIGTERM)
        assert [one.result().status_code for one in under_way] == [200, 200]
    assert set(seen) == {200}
    for browser in (page.browser, newcomer):
        assert browser.post("/session/renew").status_code == 200


def test_a_server_that_ends_waits_for_the_longest_call_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    patience: list[float] = []

    class Server:
        def __init__(self, *_: Any, workers_kill_timeout: float, **__: Any) -> None:
            patience.append(workers_kill_timeout)

        def furnish(self, *_: Any) -> None:
            """Take anything."""

        def serve(self) -> None:
            """End at once."""

    monkeypatch.setattr(serving, "Server", Server)
    monkeypatch.setattr("multiprocessing.set_start_method", lambda *_, **__: None)
    monkeypatch.setattr("gc.freeze", lambda: None)
    monkeypatch.setattr(serving, "hear_signals", lambda: None)
    serving.serve_wsgi("room:factory", "127.0.0.1", 8000, serving.Shape())
    assert Limits().deadline < patience[0] < 30
