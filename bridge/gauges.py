"""What metrics tell at each scrape: sessions alive, what ends and when, the stores, the journal's bounds."""

from __future__ import annotations

import platform
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from bridge import __version__
from bridge.connections.expiry import api_key, certificate, deadlines, provider_address, switch_overs
from bridge.core.errors import BridgeError, StoreUnavailable
from bridge.ops.at_scrape import AtScrape, Family, InBackground, Lasting
from bridge.outbound import host_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.connections.expiry import Deadline
    from bridge.core.model import Connection
    from bridge.ops.at_scrape import Reading
    from bridge.services import Services

FAMILIES: Final = (
    Family(
        "bridge_build_info",
        "1, with the release and what it runs on.",
        ("version", "python", "database", "sessions"),
    ),
    Family("bridge_store_up", "Whether a store answers: 1 or 0.", ("store",)),
    Family("bridge_sessions_alive", "Agents' sessions that are alive; above 2,000 about as many.", ("connection",)),
    Family("bridge_connection_info", "1 for each enabled connection.", ("connection", "mode", "kind")),
    Family(
        "bridge_expiry_timestamp_seconds",
        "When a secret, key or certificate ends, in epoch seconds, where that is known.",
        ("connection", "what", "name"),
    ),
    Family("bridge_journal_rows", "Sign-ins and refusals that the journal keeps.", ("connection",)),
    Family("bridge_journal_rows_limit", "Sign-ins and refusals of one connection that the journal keeps at most."),
    Family("bridge_journal_oldest_timestamp_seconds", "Since when they are kept, in epoch seconds.", ("connection",)),
    Family("bridge_journal_retention_seconds", "Age at which rows of the journal go."),
)
_AN_HOUR: Final = 3600.0
_FIVE_MINUTES: Final = 300.0


def install(services: Services, *, retention: float, per_connection: int) -> None:
    """Let the metrics of these services tell what is read at each scrape; the numbers are the journal's bounds."""
    readings = _Readings(services, retention, per_connection)
    services.metrics.add_source(AtScrape(FAMILIES, readings.read))


class _Readings:
    """Reads it all; what cannot be had now is left out, and the scrape goes on."""

    def __init__(
        self,
        services: Services,
        retention: float,
        per_connection: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services = services
        self._retention = retention
        self._per_connection = per_connection
        self._bounds = Lasting(services.trail.bounds, _FIVE_MINUTES, clock)
        self.certificates = InBackground(self._certificate, _AN_HOUR, clock)

    def read(self) -> Iterator[Reading]:
        """Yield everything that can be found out."""
        services = self._services
        kind = services.database.engine.dialect.name
        yield "bridge_build_info", (__version__, platform.python_version(), kind, services.session_store.place), 1
        yield "bridge_journal_rows_limit", (), self._per_connection
        yield "bridge_journal_retention_seconds", (), self._retention
        yield from self._stores()
        for part in (self._of_sessions, self._of_connections, self._of_keys, self._of_journal):
            with suppress(BridgeError):
                yield from part()

    def _stores(self) -> Iterator[Reading]:
        for store, ping in (
            ("database", self._services.database.ping),
            ("sessions", self._services.session_store.ping),
        ):
            yield "bridge_store_up", (store,), _answers(ping)

    def _of_sessions(self) -> Iterator[Reading]:
        names = [one.name for one in self._services.connections.enabled()]
        for name, number in self._services.agent_sessions.count(names).items():
            yield "bridge_sessions_alive", (name,), number

    def _of_connections(self) -> Iterator[Reading]:
        connections, now = self._services.connections.enabled(), self._services.now()
        for one in connections:
            yield "bridge_connection_info", (one.name, one.mode, one.idp.kind), 1
        yield from _ends([*deadlines(connections, now), *switch_overs(connections, now)])
        yield from _ends(self._of_certificates([one for one in connections if provider_address(one)], now))

    def _of_certificates(self, connections: list[Connection], now: float) -> Iterator[Deadline]:
        asked = {one.name: (host_of(provider_address(one)), one.idp.public_only) for one in connections}
        asked[""] = (self._services.site.public_url, False)
        asked = {name: place for name, place in asked.items() if place[0].startswith("https://")}
        known = self.certificates.known(asked.values())
        for name, place in asked.items():
            yield certificate(name, place[0].removeprefix("https://"), known.get(place), now)

    def _certificate(self, address: str, public_only: bool) -> float | None:  # noqa: FBT001 — as it is asked for
        return self._services.outbound.certificate_expiry(address, public_only=public_only)

    def _of_keys(self) -> Iterator[Reading]:
        now = self._services.now()
        for key in self._services.api_keys.every():
            if key.is_alive(now):
                names = list(key.connections)
                yield from _ends([api_key(names[0] if len(names) == 1 else "", key.id, key.expires_at, now)])

    def _of_journal(self) -> Iterator[Reading]:
        for name, bounds in self._bounds.get().items():
            yield "bridge_journal_rows", (name,), bounds.rows
            yield "bridge_journal_oldest_timestamp_seconds", (name,), bounds.oldest


def _answers(ping: Callable[[], None]) -> float:
    try:
        ping()
    except StoreUnavailable:
        return 0
    return 1


def _ends(found: list[Deadline] | Iterator[Deadline]) -> Iterator[Reading]:
    for one in found:
        if one.ends_at is not None:
            yield "bridge_expiry_timestamp_seconds", (one.connection, one.what, one.host), one.ends_at
