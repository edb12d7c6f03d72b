"""The relying parties that are compared, each a process that serves on loopback."""

from __future__ import annotations

import importlib.util
import json
import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.bench.plain import EXCHANGE_URL, ISSUER
from tests.bench.processes import LOCALHOST, Process, free_port, running, wait_until_listening
from tests.bench.upstream import CLIENT_ID, CLIENT_SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PLAIN: Final = "plain, Granian"
THREADS: Final = 32
"""Of each relying party: the bridge's default."""


@dataclass(frozen=True, slots=True)
class Party:
    """One way to sign in at one relying party.

    Args:
        title: as the report names it.
        server: the process whose CPU time counts.
        login: path at which a sign-in departs.
    """

    title: str
    server: Process
    port: int
    login: str


@dataclass(frozen=True, slots=True)
class World:
    """What relying parties are told: where the upstreams are and whom to trust."""

    issuer: str
    fuyun: str
    bundle: Path
    folder: Path

    @property
    def exchange_url(self) -> str:
        """Address of the token exchange."""
        return f"{self.fuyun}/oauth/token_exchange"


def has_gunicorn() -> bool:
    """Tell whether gunicorn happens to be installed; it is no dependency."""
    return importlib.util.find_spec("gunicorn") is not None


@contextmanager
def open_parties(world: World) -> Iterator[list[Party]]:
    """Start every relying party; the bridge comes first and is what the others are compared with."""
    environment = _environment(world)
    with ExitStack() as stack:
        parties = _bridge(stack, world, environment)
        parties.append(_plain(stack, world, environment, PLAIN, _granian))
        if has_gunicorn():
            parties.append(_plain(stack, world, environment, "plain, gunicorn", _gunicorn))
        for party in parties:
            wait_until_listening(party.server, party.port)
        yield parties


def _bridge(stack: ExitStack, world: World, environment: Mapping[str, str]) -> list[Party]:
    port = free_port()
    config = world.folder / "bridge.toml"
    config.write_text(_bridge_config(world, port), encoding="utf-8")
    arguments = ["bridge", "serve", "--config", str(config)]
    server = stack.enter_context(running("bridge", arguments, world.folder, environment))
    return [Party(f"bridge, {mode}", server, port, f"/login/{mode}") for mode in ("oauth", "jwt")]


def _plain(stack: ExitStack, world: World, environment: Mapping[str, str], title: str, command: Any) -> Party:
    port = free_port()
    given = {ISSUER: world.issuer, EXCHANGE_URL: world.exchange_url}
    server = stack.enter_context(
        running(title.replace(", ", "-"), command(port), world.folder, {**environment, **given})
    )
    return Party(title, server, port, "/login")


def _granian(port: int) -> list[str]:
    options = ["--interface", "wsgi", "--host", LOCALHOST, "--port", str(port), "--http", "1", "--no-ws"]
    threads = ["--workers", "1", "--blocking-threads", str(THREADS), "--workers-kill-timeout", "1"]
    return ["granian", *options, *threads, "--factory", "tests.bench.plain:create_app"]


def _gunicorn(port: int) -> list[str]:
    threads = ["--workers", "1", "--worker-class", "gthread", "--threads", str(THREADS)]
    return ["gunicorn", *threads, "--bind", f"{LOCALHOST}:{port}", "tests.bench.plain:create_app()"]


def _environment(world: World) -> dict[str, str]:
    trust = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), str(world.bundle))
    return {**os.environ, **trust, "NO_PROXY": f"localhost,{LOCALHOST}"}


def _bridge_config(world: World, port: int) -> str:
    public_url = f"http://{LOCALHOST}:{port}"
    tables: list[tuple[str, dict[str, object]]] = [
        ("", {"public_url": public_url, "secret_keys": ["a secret of the benchmark, of no use elsewhere"]}),
        ("[server]", {"bind": f"{LOCALHOST}:{port}", "threads": THREADS}),
        ("[store]", {"database": f"sqlite:///{world.folder}/bridge.db"}),
        ("[egress]", {"ca_bundle": str(world.bundle)}),
        *_connection(world, "oauth"),
        *_connection(world, "jwt"),
        ("[connections.jwt]", {"issuer": public_url, "private_key": _private_key()}),
    ]
    # JSON's texts, numbers and lists of them are TOML's.
    return "\n".join(
        "\n".join([header, *(f"{name} = {json.dumps(value)}" for name, value in table.items()), ""])
        for header, table in tables
    )


def _connection(world: World, mode: str) -> list[tuple[str, dict[str, object]]]:
    client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return [
        ("[[connections]]", {"name": mode, "mode": mode, "mapping_field": "email"}),
        ("[connections.idp]", {"kind": "oidc", "issuer": world.issuer, **client}),
        ("[connections.fuyun]", {**client, "token_exchange_url": world.exchange_url}),
    ]


def _private_key() -> str:
    key = generate_private_key(65_537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
