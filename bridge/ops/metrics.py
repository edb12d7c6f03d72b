"""What is counted for Prometheus; summed over workers where ``PROMETHEUS_MULTIPROC_DIR`` is set.

Each verb is on the way of some request, so it costs microseconds: the child of each set of labels is looked up once.
Labels are connections' names, hosts that connections name, and words of our own; never what a stranger typed, and
nobody's name.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from bridge.ops import counters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.registry import Collector

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]

_OF_CALLS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
_OF_STORES: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
_OF_REQUESTS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Seconds; what is slower than the last one has met a time limit."""
_MOST_HOSTS: Final = 200


class Metrics:
    """Counters, histograms and gauges of this process, and all workers' together when somebody scrapes."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._at_scrape = CollectorRegistry()
        self._hosts: set[str] = set()
        self._make_events()
        self._make_calls()
        self._make_requests()
        self._make_capacity()

    def _make_events(self) -> None:
        events = Counter(
            "bridge_events",
            "Events of the journal, such as sign_in and renewal, by outcome code.",
            ["event", "connection", "code"],
            registry=self._registry,
        )
        seconds = Histogram(
            "bridge_event_seconds",
            "Duration of events that went well: of a sign-in from the callback to its session.",
            ["event", "connection"],
            registry=self._registry,
        )
        self._event, self._duration = cache(events.labels), cache(seconds.labels)

    def _make_calls(self) -> None:
        calls = Histogram(
            "bridge_upstream_call_seconds",
            "Calls to other servers: what was asked, for which connection, and what came back (ok, refused: 4xx, "
            "failed: 5xx, unreachable, invalid, not_asked: the circuit is open).",
            ["upstream", "connection", "outcome"],
            buckets=_OF_CALLS,
            registry=self._registry,
        )
        circuits = Gauge(
            "bridge_circuit_open",
            "1 while a host is left alone because it gave no answers, 0 once it has answered again.",
            ["host"],
            multiprocess_mode="livemax",
            registry=self._registry,
        )
        stores = Histogram(
            "bridge_store_operation_seconds",
            "What the database was asked, and the store of sessions where that is a Redis.",
            ["store", "operation"],
            buckets=_OF_STORES,
            registry=self._registry,
        )
        errors = Counter(
            "bridge_store_errors", "Times that a store did not answer.", ["store", "operation"], registry=self._registry
        )
        self._call, self._circuit = cache(calls.labels), cache(circuits.labels)
        self._operation, self._store_error = cache(stores.labels), cache(errors.labels)

    def _make_requests(self) -> None:
        # Its count is the number of answers: a counter beside it would cost each request as much again.
        requests = Histogram(
            "bridge_http_request_seconds",
            "Answers by kind of route and HTTP status: time from a request's arrival to the beginning of its answer.",
            ["route", "status"],
            buckets=_OF_REQUESTS,
            registry=self._registry,
        )
        self._request = cache(requests.labels)

    def _make_capacity(self) -> None:
        self.in_flight = Gauge(
            "bridge_http_requests_in_flight",
            "Requests that are being worked on now.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self._workers = Gauge(
            "bridge_workers", "Worker processes alive.", multiprocess_mode="livesum", registry=self._registry
        )
        self._threads = Gauge(
            "bridge_worker_threads",
            "Threads of all workers together: so many requests can be worked on at once.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self._start = Gauge(
            "bridge_start_time_seconds",
            "When the newest worker alive started, in epoch seconds.",
            multiprocess_mode="livemax",
            registry=self._registry,
        )

    # Counting ---------------------------------------------------------------------------------------------------------

    def count(self, event: str, connection: str, code: str, seconds: float | None) -> None:
        """Count one event; a full disk or a lost folder of counters must not cost the request its answer."""
        try:
            self._event(event, connection, code).inc()
            if seconds is not None:
                self._duration(event, connection).observe(seconds)
        except OSError:
            return

    def called(self, upstream: str, connection: str, outcome: str, seconds: float) -> None:
        """Count a call to another server.

        Args:
            upstream: what was asked: token, userinfo, discovery, jwks, exchange, aiccs, recording, other.
            connection: whose call it was, as far as that is known.
        """
        try:
            self._call(upstream, connection, outcome).observe(seconds)
        except OSError:
            return

    def circuit(self, host: str, *, is_open: bool) -> None:
        """Tell whether a host is left alone; one that never failed is not told of."""
        if host not in self._hosts:
            if not is_open or len(self._hosts) >= _MOST_HOSTS:
                return
            self._hosts.add(host)
        with suppress(OSError):
            self._circuit(host).set(int(is_open))

    def stored(self, store: str, operation: str, seconds: float, *, failed: bool) -> None:
        """Count what a store was asked."""
        try:
            self._operation(store, operation).observe(seconds)
            if failed:
                self._store_error(store, operation).inc()
        except OSError:
            return

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer; `route` is a kind of address, of which there are few."""
        try:
            self._request(route, status).observe(seconds)
        except OSError:
            return

    def worker_started(self, threads: int) -> None:
        """Say that this process answers requests, so many at once."""
        with suppress(OSError):
            self._workers.set(1)
            self._threads.set(threads)
            self._start.set(time.time())

    # Scraping ---------------------------------------------------------------------------------------------------------

    def add_source(self, source: Collector) -> None:
        """Ask `source` too, whenever somebody scrapes; what it tells is for all workers and not summed."""
        self._at_scrape.register(source)

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        folder = os.environ.get(counters.FOLDER)
        counted = _of_all_workers(folder) if folder else generate_latest(self._registry)
        return counted + generate_latest(self._at_scrape)


def _of_all_workers(folder: str) -> bytes:
    together = CollectorRegistry()
    MultiProcessCollector(together, folder)  # type: ignore[no-untyped-call]
    if dead := list(_dead(folder)):
        counters.forget(folder, dead)
    with counters.reading(folder):
        return generate_latest(together)


def _dead(folder: str) -> Iterator[int]:
    """Yield the workers that have left gauges behind and are gone; their counters count on."""
    with suppress(OSError):
        names = [name for name in os.listdir(folder) if name.startswith("gauge_live")]  # noqa: PTH208 — names are all
        for pid in {int(name.removesuffix(".db").rpartition("_")[2]) for name in names}:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                yield pid
            except OSError:
                continue
