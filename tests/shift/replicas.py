"""Several bridges that share their stores, behind one address, as a load balancer would have it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bridge.app import create_app
from bridge.outbound import Limits, Outbound
from bridge.sandbox.app import create_sandbox
from tests.kit.house import SANDBOX
from tests.kit.mounted import Mounted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from flask import Flask

    from bridge.sandbox.world import World
    from bridge.services import Services
    from bridge.settings import Settings

_PATIENCE: Final = 30.0


@dataclass
class Replica:
    """One bridge; `ahead` is what its clock is wrong by, in seconds."""

    app: Flask
    outbound: Outbound
    ahead: float = 0.0
    busy: int = 0
    is_in: bool = True

    @property
    def services(self) -> Services:
        """The rooms of this bridge."""
        services: Services = self.app.extensions["bridge"]
        return services

    def close(self) -> None:
        """Let go of whatever it holds, as a process that ends."""
        self.services.session_store.close()
        self.services.database.close()
        self.outbound.close()


@dataclass
class Balancer:
    """Hands each request to the next replica that is in; a WSGI application.

    Args:
        turn: counts requests; the next one goes to this replica.
    """

    replicas: list[Replica] = field(default_factory=list)
    turn: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        replica = self._enter()
        try:
            # Whole before it is handed on: a replica that goes must not be needed any more.
            answer = replica.app(environ, start_response)
            try:
                return [b"".join(answer)]
            finally:
                getattr(answer, "close", lambda: None)()
        finally:
            self._leave(replica)

    def drain(self, index: int) -> Replica:
        """Give a replica nothing new, wait until it has answered all it has, and return it."""
        with self._changed:
            replica = self.replicas[index]
            replica.is_in = False
            if not self._changed.wait_for(lambda: not replica.busy, _PATIENCE):
                raise TimeoutError("a request never ends")
        return replica

    def _enter(self) -> Replica:
        with self._changed:
            able = [one for one in self.replicas if one.is_in] or self.replicas
            replica = able[self.turn % len(able)]
            self.turn += 1
            replica.busy += 1
        return replica

    def _leave(self, replica: Replica) -> None:
        with self._changed:
            replica.busy -= 1
            self._changed.notify_all()


class Site:
    """The sandbox, and replicas of a bridge behind a balancer, without any socket between them.

    Args:
        clock: of everybody; see `Replica.ahead`.
        aheads: how wrong the clock of each replica is.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float], aheads: tuple[float, ...]) -> None:
        self.settings = settings
        self.clock = clock
        self.wire = Mounted()
        self.way_out = Mounted()
        self.way_out.applications = self.wire.applications
        sandbox = create_sandbox(SANDBOX, now=clock)
        self.world: World = sandbox.extensions["world"]
        self.wire.mount(SANDBOX, sandbox)
        self.balancer = Balancer([self.open_replica(ahead) for ahead in aheads])
        self.wire.mount(settings.public_url, self.balancer)

    def open_replica(self, ahead: float) -> Replica:
        """Return a bridge that just started: it knows its stores, and nobody's metadata or keys."""

        def now() -> float:
            return self.clock() + ahead

        egress = self.settings.egress
        limits = Limits(connect=egress.connect_timeout, read=egress.read_timeout)
        outbound = Outbound(limits=limits, adapter=self.way_out, allow_private=egress.allow_private, clock=now)
        app = create_app(self.settings, outbound=outbound, now=now)
        replica = Replica(app, outbound, ahead)
        _tell_time(replica.services, now)
        return replica

    def restart(self, index: int) -> None:
        """Replace a replica by one that just started, while the others go on."""
        old = self.balancer.drain(index)
        old.close()
        self.balancer.replicas[index] = self.open_replica(old.ahead)

    def restart_all(self, settings: Settings) -> None:
        """Stop all replicas, and start them with other settings."""
        self.settings = settings
        for index in range(len(self.balancer.replicas)):
            self.restart(index)

    def close(self) -> None:
        """Close all replicas."""
        for replica in self.balancer.replicas:
            replica.close()


def _tell_time(services: Services, now: Callable[[], float]) -> None:
    """Let what counts seconds of its own count those of the simulation."""
    upstream: Any = services.upstream
    upstream._metadata._shelf._clock = upstream._keys._shelf._clock = now
    line: Any = getattr(services.session_store, "_line", None)
    if line is not None:
        line._clock = line._rest._clock = now
