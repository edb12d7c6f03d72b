"""Everything that a load needs: stores, provider, replicas and nginx, each a process of its own on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import time
import urllib.request
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.bench.certificates import Certificates, make_certificates
from tests.bench.processes import LOCALHOST, Process, free_port, module, running
from tests.bench.upstream import CLIENT_ID, CLIENT_SECRET
from tests.kit.postgresql import postgresql
from tests.kit.redis_server import RedisServer, redis_server
from tests.load.agent import CONNECTION
from tests.load.census import pss_of_workers
from tests.load.faults import LoadFault
from tests.load.nginx import log_size, nginx
from tests.load.stores import Weight, weigh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

THREADS: Final = 32
"""Of each worker: the bridge's default."""
_PATIENCE: Final = 240.0
_TICK: Final = 0.05
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Size:
    """How large the house is.

    Args:
        sessions: ``redis`` or ``database``.
        distance: seconds until the provider and the exchange answer.
    """

    replicas: int = 3
    workers: int = 2
    sessions: str = "redis"
    distance: float = 0.04


@dataclass
class Replica:
    """One ``hotline-bridge serve``, which can be ended and started again."""

    name: str
    port: int
    folder: Path
    environment: dict[str, str]
    _stack: ExitStack = field(default_factory=ExitStack)
    _process: Process | None = None

    @property
    def process(self) -> Process:
        """The process that runs."""
        if self._process is None:
            raise LoadFault(f"{self.name} does not run.")
        return self._process

    def start(self) -> None:
        """Start it, without waiting for it."""
        command = module("bridge", "serve", "--config", str(self.folder / f"{self.name}.toml"))
        self._process = self._stack.enter_context(running(self.name, command, self.folder, self.environment))

    def is_ready(self) -> bool:
        """Tell whether it can work; raises LoadFault where it has ended."""
        if self.process.popen.poll() is not None:
            raise LoadFault(f"{self.name} ended: {self.process.last_words()}")
        try:
            with urllib.request.urlopen(f"http://{LOCALHOST}:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == _OK)
        except OSError:
            return False

    async def restart(self) -> tuple[float, float]:
        """End it as an operator would, start it again; return the seconds that each took."""
        started = time.monotonic()
        self.process.popen.send_signal(signal.SIGTERM)
        while self.process.popen.poll() is None:
            if time.monotonic() > started + _PATIENCE:
                raise LoadFault(f"{self.name} does not end: {self.process.last_words()}")
            await asyncio.sleep(_TICK)
        ended = time.monotonic()
        if code := self.process.popen.returncode:
            raise LoadFault(f"{self.name} ended with {code}: {self.process.last_words()}")
        self.start()
        await asyncio.to_thread(_wait_until_ready, [self])
        return ended - started, time.monotonic() - ended

    def close(self) -> None:
        """End it."""
        self._stack.close()


@dataclass(frozen=True, slots=True)
class World:
    """What is running.

    Args:
        port: of nginx; `folder` has its log.
        database: URL of PostgreSQL's.
        redis: None where sessions are in the database.
    """

    size: Size
    port: int
    folder: Path
    certificates: Certificates
    upstream: Process
    replicas: list[Replica]
    database: str
    redis: RedisServer | None

    def calls(self) -> Counter[str]:
        """Return how often the provider and the exchange were asked, by endpoint."""
        return Counter(self.upstream.ask("count"))

    def weigh(self) -> Weight:
        """Return what lies in the stores."""
        return weigh(self.redis, self.database)

    def lines(self) -> dict[str, int]:
        """Return how many TCP connections are open."""
        return {
            "browsers to nginx": _accepted(self.port),
            "nginx to replicas": sum(_accepted(replica.port) for replica in self.replicas),
        }

    def memory(self) -> list[int]:
        """Return the bytes of memory of each worker, shared pages by their share."""
        return [size for replica in self.replicas for size in pss_of_workers(replica.process.popen.pid)]

    def mark(self) -> int:
        """Return how long nginx's log is."""
        return log_size(self.folder)


@contextmanager
def open_world(folder: Path, size: Size) -> Iterator[World]:
    """Start everything and wait until each replica is ready.

    Raises:
        LoadFault: something does not start.
    """
    certificates, port = make_certificates(folder), free_port()
    with ExitStack() as stack:
        database = stack.enter_context(stack.enter_context(postgresql(**_POSTGRESQL)).database(empty=True))
        redis = stack.enter_context(redis_server(appendonly="yes")) if size.sessions == "redis" else None
        command = module("tests.load.upstream", str(certificates.server), str(size.distance))
        upstream = stack.enter_context(running("upstream", command, folder, os.environ, talks=True))
        write = partial(
            bridge_config,
            public_url=f"https://localhost:{port}",
            issuer=upstream.ask("")["issuer"],
            database=database,
            sessions=redis.url if redis else "database",
            certificates=certificates,
            workers=size.workers,
        )
        replicas = [_replica(stack, folder, f"replica{number}", write) for number in range(size.replicas)]
        _wait_until_ready(replicas)
        stack.enter_context(nginx(folder, port, certificates.server, [one.port for one in replicas]))
        yield World(size, port, folder, certificates, upstream, replicas, database, redis)


_POSTGRESQL: Final = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "autovacuum": "on"} | {
    "max_connections": "300"
}
"""As an operator would have it; a worker may have 32 connections."""


def _replica(stack: ExitStack, folder: Path, name: str, write: Callable[..., str]) -> Replica:
    port = free_port()
    (folder / f"{name}.toml").write_text(write(port=port), encoding="utf-8")
    given = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
    replica = Replica(name, port, folder, {**given, "NO_PROXY": f"localhost,{LOCALHOST}"})
    stack.callback(replica.close)
    replica.start()
    return replica


def _wait_until_ready(replicas: list[Replica]) -> None:
    give_up_at = time.monotonic() + _PATIENCE
    for replica in replicas:
        while not replica.is_ready():
            if time.monotonic() > give_up_at:
                raise LoadFault(f"{replica.name} is not ready: {replica.process.last_words()}")
            time.sleep(_TICK)


def bridge_config(
    *, public_url: str, issuer: str, database: str, sessions: str, certificates: Certificates, port: int, workers: int
) -> str:
    """Return the file of a replica that listens at a port of loopback.

    Args:
        issuer: of the provider, which is the exchange too.
        database, sessions: as ``[store]`` has them.
    """
    client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    tables: dict[str, dict[str, Any]] = {
        "": {"public_url": public_url, "secret_keys": ["a secret of the load test, of no use elsewhere"]},
        "[server]": {
            "bind": f"{LOCALHOST}:{port}",
            "workers": workers,
            "threads": THREADS,
            # Agents have addresses of their own in the same network, so that only nginx's own is trusted.
            "trusted_proxies": [f"{LOCALHOST}/32"],
        },
        "[store]": {"database": database, "sessions": sessions},
        "[egress]": {"ca_bundle": str(certificates.bundle)},
        "[[connections]]": {"name": CONNECTION, "mode": "oauth", "mapping_field": "email"},
        "[connections.idp]": {"kind": "oidc", "issuer": issuer, **client},
        "[connections.fuyun]": {**client, "token_exchange_url": f"{issuer}/oauth/token_exchange"},
    }
    # JSON's texts, numbers and lists of them are TOML's.
    return "\n".join(
        "\n".join([header, *(f"{name} = {json.dumps(value)}" for name, value in table.items()), ""])
        for header, table in tables.items()
    )


def _accepted(port: int) -> int:
    # proc(5), /proc/net/tcp
    wanted, established = f":{port:04X}", "01"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    return sum(row[1].endswith(wanted) and row[3] == established for row in rows)


def has_descriptors(wanted: int) -> bool:
    """Tell whether this process may have so many open sockets, and let it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return wanted <= most
