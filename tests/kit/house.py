"""A whole bridge beside its sandbox, in one process."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import text
from sqlalchemy.engine import make_url

from bridge.app import create_app
from bridge.db import metadata
from bridge.ops.trail import Search
from bridge.outbound import Limits, Outbound
from bridge.sandbox.app import create_sandbox
from bridge.sandbox.world import World, demo_config
from bridge.settings import Settings, load
from tests.kit.browser import Browser
from tests.kit.clock import Clock
from tests.kit.compiled import content
from tests.kit.measuring import is_measuring, unmeasured
from tests.kit.mounted import Mounted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask
    from sqlalchemy import TextClause

    from bridge.core.model import Connection
    from bridge.ops.trail import Record
    from bridge.services import Services

BRIDGE = "http://127.0.0.1:5000"
SANDBOX = "http://localhost:5100"
SECURE_BRIDGE = "https://phone.example.com"
_MEASURED_HOUSES: Final = 5
_SOMEWHERE: Final = "/some/where"
_MOST_STARTS: Final = 40
_built: Final = count()
_starts: Final[dict[tuple[object, ...], bytes]] = {}


@dataclass
class House:
    """The bridge, its settings, and the world it lives in.

    Args:
        calls: method and URL of every request that left the bridge, in order.
    """

    app: Flask
    settings: Settings
    world: World
    adapter: Mounted
    clock: Clock
    calls: list[tuple[str, str]]
    at_the_start: dict[str, int] = field(default_factory=dict)

    @property
    def services(self) -> Services:
        """The bridge's rooms."""
        services: Services = self.app.extensions["bridge"]
        return services

    def browser(self) -> Browser:
        """Return a fresh browser, for which the bridge and the sandbox are the whole internet."""
        return Browser(self.settings.public_url, self.adapter)

    def rows(self) -> dict[str, int]:
        """Count the rows of every table beyond those that were there at the start; the journal is told by `journal`."""
        with self.services.database.transaction() as connection:
            counted = connection.execute(_counting()).all()
        return {name: number - self.at_the_start.get(name, 0) for name, number in counted}

    def journal(self) -> list[Record]:
        """Return what the journal kept of sign-ins and administrators, newest first."""
        records = self.services.trail.search(Search())
        return [record for record in records if not record.event.startswith("connection_provisioned")]


def demo_settings(folder: Path, public_url: str = BRIDGE, connections: tuple[str, ...] = ()) -> Settings:
    """Return the sandbox's demo configuration as settings; the same stands in the folder's ``bridge.toml``."""
    written, settings = _demo(public_url, connections)
    path = folder / "bridge.toml"
    path.write_text(written.replace(_SOMEWHERE, folder.resolve().as_posix()), encoding="utf-8")
    store = settings.store.model_copy(update={"database": f"sqlite:///{folder.resolve().as_posix()}/bridge.db"})
    return replace(settings, store=store)


@cache
def _demo(public_url: str, connections: tuple[str, ...]) -> tuple[str, Settings]:
    chosen: dict[str, Any] = {"connections": connections} if connections else {}
    written = demo_config(SANDBOX, public_url, _SOMEWHERE, **chosen)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bridge.toml")
        path.write_text(written, encoding="utf-8")
        return written, load(path, os.environ)


def change(settings: Settings, name: str, alter: Callable[[Connection], Connection]) -> Settings:
    """Return settings with one connection altered."""
    altered = tuple(alter(one) if one.name == name else one for one in settings.connections)
    return replace(settings, connections=altered)


def build_house(settings: Settings) -> House:
    """Join a bridge with these settings to a fresh sandbox, without any socket between them.

    Coverage looks on at the first few only: those after them are built alike, by the thousand.
    """
    with unmeasured() if is_measuring() and next(_built) >= _MEASURED_HOUSES else nullcontext():
        return _build(settings)


def _build(settings: Settings) -> House:
    clock, adapter = Clock(), Mounted()
    sandbox = create_sandbox(SANDBOX, now=clock)
    calls: list[tuple[str, str]] = []
    way_out = Mounted()
    way_out.applications = adapter.applications
    way_out.before = lambda request: calls.append((str(request.method), str(request.url).split("?")[0]))
    way_out.private, way_out.certificates = adapter.private, adapter.certificates
    limits = Limits(connect=settings.egress.connect_timeout, read=settings.egress.read_timeout)
    outbound = Outbound(limits=limits, adapter=way_out, allow_private=settings.egress.allow_private)
    with _begun(settings):
        app = create_app(settings, outbound=outbound, now=clock)
    adapter.mount(SANDBOX, sandbox)
    adapter.mount(settings.public_url, app)
    sandbox.extensions["world"].send = Browser(settings.public_url, adapter).knock
    house = House(app, settings, sandbox.extensions["world"], adapter, clock, calls)
    house.at_the_start = house.rows()
    return house


@cache
def _counting() -> TextClause:
    names = [table.name for table in metadata.sorted_tables if table.name != "journal"]
    return text(" UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in names))  # noqa: S608 — our own


@contextmanager
def _begun(settings: Settings) -> Iterator[None]:
    """Give an SQLite database that is not there yet what the bridge of the same connections wrote at its start."""
    path = Path(make_url(settings.store.database).database or ":memory:")
    is_new = settings.store.database.startswith("sqlite:") and path.name != ":memory:" and not path.exists()
    start = (settings.public_url, settings.secret_keys, settings.connections)
    if is_new and start in _starts:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)
        path.write_bytes(_starts[start])
    yield
    if is_new and start not in _starts and len(_starts) < _MOST_STARTS:
        _starts[start] = content(path)
