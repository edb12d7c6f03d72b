"""What relying parties have in common: where the upstreams are, whom to trust, and what the benchmark knows of each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.bench.processes import LOCALHOST

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.processes import Process

THREADS: Final = 32
"""Of each relying party that has any: the bridge's default."""
BARE: Final = "/bare"
"""Path of the view that does nothing."""
# What a peer's environment tells it.
ISSUER: Final = "BENCH_ISSUER"
EXCHANGE_URL: Final = "BENCH_EXCHANGE_URL"
REDIS: Final = "BENCH_REDIS"


@dataclass(frozen=True, slots=True)
class Party:
    """One way to sign in at one relying party.

    Args:
        title: as the report names it.
        server: the process whose CPU time counts, with its children.
        login: path at which a sign-in departs.
        session: path that answers whoever is signed in with a few bytes.
    """

    title: str
    server: Process
    port: int
    login: str
    session: str = "/session"


@dataclass(frozen=True, slots=True)
class World:
    """Where the upstreams are and whom to trust.

    Args:
        redis: address of an empty Redis, which all share that keep sessions there; its CPU time is nobody's.
    """

    issuer: str
    fuyun: str
    bundle: Path
    folder: Path
    redis: str

    @property
    def exchange_url(self) -> str:
        """Address of the token exchange."""
        return f"{self.fuyun}/oauth/token_exchange"

    def environment(self, **further: str) -> dict[str, str]:
        """Return the environment of a relying party that trusts our authority and asks no proxy."""
        trust = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"), str(self.bundle))
        return {**os.environ, **trust, "NO_PROXY": f"localhost,{LOCALHOST}", **further}


class NotHere(Exception):
    """A peer cannot be had on this machine; the text says why."""
