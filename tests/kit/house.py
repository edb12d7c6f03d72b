"""A whole bridge beside its sandbox, in one process."""

from __future__ import annotations

import os
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.engine import make_url

from bridge.app import create_app
from bridge.db import Database
from bridge.ops.trail import Search
from bridge.outbound import Limits, Outbound
from bridge.sandbox.app import create_sandbox
from bridge.sandbox.world import World, demo_config
from bridge.settings import Settings, load
from tests.kit.browser import Browser
from tests.kit.clock import Clock
from tests.kit.measuring import unmeasured
from tests.kit.mounted import Mounted

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

    from bridge.core.model import Connection
    from bridge.ops.trail import Record
    from bridge.services import Services

BRIDGE = "http://127.0.0.1:5000"
SANDBOX = "http://localhost:5100"
SECURE_BRIDGE = "https://phone.example.com"
_MEASURED_HOUSES: Final = 5
_built: Final = count()


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
        from bridge.db import metadata  # noqa: PLC0415 — tables are known once the rooms are loaded

        with self.services.database.transaction() as connection:
            return {
                table.name: len(connection.execute(table.select()).all()) - self.at_the_start.get(table.name, 0)
                for table in metadata.sorted_tables
                if table.name != "journal"
            }

    def journal(self) -> list[Record]:
        """Return what the journal kept of sign-ins and administrators, newest first."""
        records = self.services.trail.search(Search())
        return [record for record in records if not record.event.startswith("connection_provisioned")]


def demo_settings(folder: Path, public_url: str = BRIDGE, connections: tuple[str, ...] = ()) -> Settings:
    """Return the sandbox's demo configuration as settings."""
    chosen: dict[str, Any] = {"connections": connections} if connections else {}
    path = folder / "bridge.toml"
    path.write_text(demo_config(SANDBOX, public_url, str(folder), **chosen), encoding="utf-8")
    return load(path, os.environ)


def change(settings: Settings, name: str, alter: Callable[[Connection], Connection]) -> Settings:
    """Return settings with one connection altered."""
    altered = tuple(alter(one) if one.name == name else one for one in settings.connections)
    return replace(settings, connections=altered)


def build_house(settings: Settings) -> House:
    """Join a bridge with these settings to a fresh sandbox, without any socket between them.

    Coverage looks on at the first few only: those after them are built alike, by the thousand.
    """
    with nullcontext() if next(_built) < _MEASURED_HOUSES else unmeasured():
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
    _lay_schema(settings.store.database)
    app = create_app(settings, outbound=outbound, now=clock)
    adapter.mount(SANDBOX, sandbox)
    adapter.mount(settings.public_url, app)
    sandbox.extensions["world"].send = Browser(settings.public_url, adapter).knock
    house = House(app, settings, sandbox.extensions["world"], adapter, clock, calls)
    house.at_the_start = house.rows()
    return house


def _lay_schema(url: str) -> None:
    """Begin an SQLite database that is not there yet as a copy of one with the newest schema."""
    path = make_url(url).database
    if url.startswith("sqlite:///") and path and not Path(path).exists():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(_migrated())


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bridge.db")
        database = Database(f"sqlite:///{path}")
        database.upgrade()
        database.close()
        return path.read_bytes()
