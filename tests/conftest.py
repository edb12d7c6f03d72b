"""What every test stands on. Sections: the closed house (no network), the browser, then whatever rooms share."""

from __future__ import annotations

import gc
import ipaddress
import os
import shutil
import socket
from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from coverage import Coverage
from playwright.sync_api import sync_playwright

from tests.kit.compiled import compiled_once
from tests.kit.few_keys import few_keys
from tests.kit.few_reports import FewReports
from tests.kit.house import build_house, demo_settings
from tests.kit.measuring import collecting, unmeasured
from tests.kit.postgresql import postgresql
from tests.kit.redis_server import redis_server as a_redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser as ChromiumBrowser

    from tests.kit.browser import Browser
    from tests.kit.house import House
    from tests.kit.postgresql import Server
    from tests.kit.redis_server import RedisServer

MEASURED_FOLDERS = frozenset({"rooms", "contracts"})
MEASURED_ROWS = 8
MEASURED = pytest.StashKey[bool]()

# The closed house: tests reach this machine only ---------------------------------------------------------------------


class OutsideWorldReachedError(RuntimeError):
    """A test tried to leave the machine; no OSError, so that no code under test takes it for an outage."""


def is_inside(host: object) -> bool:
    """Tell whether `host` is this machine, without asking any name server."""
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if text in {None, "", "localhost"}:
        return True
    try:
        address = ipaddress.ip_address(str(text).split("%", maxsplit=1)[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


@pytest.fixture(scope="session", autouse=True)
def closed_house() -> Iterator[None]:
    """Refuse connections to other machines and the resolution of their names, for the whole run."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(address: Any) -> None:
        if isinstance(address, tuple) and not is_inside(address[0]):
            raise OutsideWorldReachedError(f"a test tried to reach {address[0]}")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        check(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        check(address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if str(host).endswith(".invalid"):  # RFC 2606: never exists
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if not is_inside(host):
            raise OutsideWorldReachedError(f"a test tried to resolve {host}")
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


# What takes long and proves nothing -----------------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def no_authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Trust none of the machine's certificate authorities: to read them all takes longer than to make a house."""
    none = tmp_path_factory.mktemp("authorities") / "none.pem"
    none.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(none))
        yield


@pytest.fixture(scope="session", autouse=True)
def applications_compiled_once() -> Iterator[None]:
    """Let the hundreds of applications of a run share their templates and routes."""
    with compiled_once():
        yield


def pytest_configure(config: pytest.Config) -> None:
    """Let workers tell little of what went well."""
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(FewReports())


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Collect what each worker collects anew; who hands out tests to workers collects nothing and measures nothing."""
    hands_out = session.config.getoption("dist", "no") != "no"
    if hands_out and (measuring := Coverage.current()):
        measuring.stop()
    with nullcontext() if hands_out else collecting(), few_keys():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Measure coverage where it is got cheaply: what it tells is the least that the suite goes through."""
    with nullcontext() if item.stash.get(MEASURED, False) else unmeasured():
        return (yield)


def mark_measured(items: list[pytest.Item]) -> None:
    """Choose what is measured: the first rows of each table of the rooms and the contracts.

    The journeys, the tables of refusals and Chromium go roads that other tests go too.
    """
    rows: Counter[str] = Counter()
    for item in items:
        table = item.nodeid.split("[")[0]
        rows[table] += 1
        item.stash[MEASURED] = rows[table] <= MEASURED_ROWS and not MEASURED_FOLDERS.isdisjoint(item.path.parts)


@pytest.fixture(scope="session", autouse=True)
def collected_seldom() -> Iterator[None]:
    """Look for garbage a hundred times less often: applications by the hundred are looked through each time."""
    usual = gc.get_threshold()
    gc.set_threshold(70_000, 20, 100)
    yield
    gc.set_threshold(*usual)


# The browser ---------------------------------------------------------------------------------------------------------


def chromium() -> str:
    """Return the path of Chromium, or nothing: $CHROMIUM, else Debian's package, else a relative of it."""
    names = [os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    return next((found for name in names if name and (found := shutil.which(name))), "")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Choose what is measured; skip browser tests where there is no browser, and say so."""
    mark_measured(items)
    if chromium():
        return
    missing = pytest.mark.skip(reason="Chromium is not installed (as root: apt-get install chromium)")
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(missing)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The path of Chromium, for Playwright's `executable_path`."""
    return chromium()


CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--use-fake-device-for-media-stream",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]


@pytest.fixture(scope="session")
def chromium_browser(chromium_path: str) -> Iterator[ChromiumBrowser]:
    """Chromium for the whole run; each test gets a context of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


# PostgreSQL ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """A real PostgreSQL, started for the first test that wants one."""
    with postgresql() as server:
        yield server


# Redis ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A real Redis, started for the first test that wants one; see its `emptied`."""
    with a_redis_server() as server:
        yield server


# The house: a bridge beside its sandbox, in one process ---------------------------------------------------------------


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A bridge with the sandbox's four connections, over a database of its own."""
    built = build_house(demo_settings(tmp_path))
    yield built
    built.services.database.close()


@pytest.fixture
def browser(house: House) -> Browser:
    """A fresh browser of somebody who works with the house."""
    return house.browser()
