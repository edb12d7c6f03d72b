"""The sandbox, the stores, and replicas of either release, each a process of its own on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Final

from sqlalchemy import create_engine, text

from bridge.sandbox.app import create_sandbox
from bridge.sandbox.people import Person
from bridge.sandbox.world import demo_config
from tests.kit.listening import listening
from tests.kit.ports import free_port
from tests.kit.postgresql import postgresql
from tests.kit.processes import Command, answers
from tests.kit.redis_server import redis_server
from tests.upgrade.balancer import Balancer, Seat
from tests.upgrade.traffic import CONNECTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.upgrade.releases import Release

PUBLIC: Final = "http://127.0.0.1:5000"
"""Where browsers believe the bridge to be; nobody listens there."""
_BIND: Final = 'bind = "127.0.0.1:5000"'
_VERSION: Final = text("SELECT version_num FROM schema_version")
_VERSIONS: Final = text("SELECT count(*) FROM connection_versions")


@dataclass
class Site:
    """What is running.

    Args:
        database: its URL.
        configuration: of all replicas, but for the address of each.
        people: keys of those who can sign in.
    """

    folder: Path
    database: str
    configuration: str
    people: list[str]
    balancer: Balancer
    _commands: dict[str, Command] = field(default_factory=dict)

    def start(self, release: Release) -> None:
        """Start all replicas."""
        for seat in self.balancer.seats:
            self._run(seat, release)
        for seat in self.balancer.seats:
            self._admit(seat, release, 0.0)

    def roll(self, seat: Seat, release: Release) -> None:
        """Replace one replica as an operator does: out of the balancer, ended, the other release started, back in."""
        out_since = self.balancer.take_out(seat)
        self._commands[seat.url].end(signal.SIGTERM)
        self._run(seat, release)
        self._admit(seat, release, out_since)

    def run(self, release: Release, *arguments: str) -> str:
        """Run a command of a release beside the replicas; return the last line that it prints."""
        config = self._config(self.folder, PUBLIC)
        command = [sys.executable, "-m", "bridge", *arguments, "--config", str(config)]
        told = subprocess.run(command, cwd=release.folder, capture_output=True, text=True, check=True, env=_plain())
        return told.stdout.splitlines()[-1]

    def schema(self) -> str:
        """Return the version of the schema."""
        engine = create_engine(self.database)
        with engine.connect() as connection:
            version = str(connection.execute(_VERSION).scalar_one())
        engine.dispose()
        return version

    def versions(self) -> int:
        """Return how many versions of connections there are."""
        engine = create_engine(self.database)
        with engine.connect() as connection:
            number = int(connection.execute(_VERSIONS).scalar_one())
        engine.dispose()
        return number

    def close(self) -> None:
        """End all replicas."""
        for command in self._commands.values():
            if command.group():
                os.killpg(command.process.pid, signal.SIGKILL)
            command.process.wait()

    def _run(self, seat: Seat, release: Release) -> None:
        folder = Path(mkdtemp(dir=self.folder))
        config = self._config(folder, seat.url)
        self._commands[seat.url] = Command(["serve", "--config", str(config)], folder, cwd=release.folder)

    def _admit(self, seat: Seat, release: Release, out_since: float) -> None:
        self._commands[seat.url].wait_until(partial(answers, f"{seat.url}/readyz"))
        self.balancer.put_in(seat, release.name, out_since)

    def _config(self, folder: Path, url: str) -> Path:
        path = folder / "bridge.toml"
        path.write_text(self.configuration.replace(_BIND, f'bind = "{url.partition("//")[2]}"'), "utf-8")
        return path


@contextmanager
def site(folder: Path, *, is_large: bool, agents: int) -> Iterator[Site]:
    """Give a site without replicas.

    Args:
        is_large: two replicas over PostgreSQL and Redis, and not one over SQLite alone.
    """
    outside = free_port()
    sandbox = create_sandbox(f"http://localhost:{outside}")
    text_ = demo_config(f"http://localhost:{outside}", PUBLIC, str(folder), connections=(CONNECTION,))
    database = f"sqlite:///{folder.resolve().as_posix()}/bridge.db"
    people = [_hire(sandbox.extensions["world"], number) for number in range(agents)]
    with ExitStack() as held:
        if is_large:
            redis = held.enter_context(redis_server())
            url = held.enter_context(held.enter_context(postgresql()).database(empty=True))
            text_ = text_.replace('sessions = "database"', f"sessions = {json.dumps(redis.url)}")
            text_ = text_.replace(json.dumps(database), json.dumps(url))
            database = url
        held.enter_context(listening(sandbox, outside))
        seats = [Seat(f"http://127.0.0.1:{free_port()}") for _ in range(2 if is_large else 1)]
        made = Site(folder, database, text_, people, Balancer(seats))
        held.callback(made.close)
        yield made


def _hire(world: object, number: int) -> str:
    key = f"agent{number:03}"
    person = Person(
        key=key, name=key, given_name=key, family_name="Example", email=f"{key}@globex.example",
        phone=None, username=key, sub=f"7{number:011}", number=number,
    )  # fmt: skip
    world.add_person(person)  # type: ignore[attr-defined]
    world.add_agent(world.account_name(CONNECTION, key))  # type: ignore[attr-defined]
    return key


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
