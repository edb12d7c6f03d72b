"""What the questions are asked with."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.core.model import Connection, Secret
    from bridge.egress.answer import Answer
    from bridge.outbound import Outbound
    from bridge.services import Services
    from bridge.upstream.metadata import KeyCache, MetadataCache


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the rooms do not know about how the bridge is run.

    Args:
        config: the configuration's path; None: it is no file.
        secret_keys: what the key ring was made of, newest first.
        workers: processes of this replica.
        threads: of each of them.
        sessions_url: ``database`` or the address of a Redis, which may hold a password.
        ca_bundle: path of the authorities that may vouch for Redis; empty: the system's.
        given: the file's connections.
    """

    config: Path | None = None
    secret_keys: tuple[Secret, ...] = ()
    workers: int = 1
    threads: int = 32
    sessions_url: str = field(default="database", repr=False)
    ca_bundle: str = ""
    given: tuple[Connection, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """The rooms to look at, and the way out to their neighbours.

    Args:
        offsets: by host, how many seconds our clock is ahead of its; filled in as servers answer.
    """

    services: Services
    outbound: Outbound
    metadata: MetadataCache
    keys: KeyCache
    deployment: Deployment = field(default_factory=Deployment)
    offsets: dict[str, float] = field(default_factory=dict)

    def offset(self, host: str, answer: Answer) -> float | None:
        """Return by how many seconds our clock is ahead of a server's, and remember it; None where it tells no time."""
        try:
            offset = self.services.now() - parsedate_to_datetime(answer.date).timestamp()
        except (ValueError, OverflowError):
            return None
        self.offsets[host] = offset
        return offset


def milliseconds(since: float) -> str:
    """Return the time since a moment of `time.perf_counter`, as people read it."""
    return f"{(time.perf_counter() - since) * 1000:.0f} ms"
