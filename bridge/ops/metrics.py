"""Counters for Prometheus; summed over workers where ``PROMETHEUS_MULTIPROC_DIR`` is set."""

from __future__ import annotations

import os
from contextlib import suppress

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]


class Metrics:
    """What is counted: events by outcome code, and how long they took in seconds."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._events = Counter(
            "bridge_events", "Events by outcome code.", ["event", "connection", "code"], registry=self._registry
        )
        self._seconds = Histogram(
            "bridge_event_seconds", "Duration of events.", ["event", "connection"], registry=self._registry
        )

    def count(self, event: str, connection: str, code: str, seconds: float | None) -> None:
        """Count one event; a full disk or a lost folder of counters must not cost the request its answer."""
        with suppress(OSError):
            self._count(event, connection, code, seconds)

    def _count(self, event: str, connection: str, code: str, seconds: float | None) -> None:
        self._events.labels(event, connection, code).inc()
        if seconds is not None:
            self._seconds.labels(event, connection).observe(seconds)

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
