"""The bridge as an operator runs it: ``hotline-bridge serve``, with sessions in Redis or in the database."""

from __future__ import annotations

import json
import os
import tomllib
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.bench.processes import LOCALHOST, ROOT, free_port, module, running, wait_until_listening
from tests.bench.upstream import CLIENT_ID, CLIENT_SECRET
from tests.bench.world import THREADS, Party, World

if TYPE_CHECKING:
    from contextlib import ExitStack

    from tests.bench.processes import Process

_OFTEN: Final = "100000000/minute"
_Tables = list[tuple[str, dict[str, object]]]


def with_redis(world: World, stack: ExitStack) -> list[Party]:
    """Start a bridge whose sessions lie in Redis; it signs in in mode oauth and in mode jwt."""
    server, port = start_bridge(world, stack, world.redis)
    return [Party(f"bridge {mode}, Redis", server, port, f"/login/{mode}") for mode in ("oauth", "jwt")]


def with_sqlite(world: World, stack: ExitStack) -> list[Party]:
    """Start a bridge whose sessions lie in its SQLite database."""
    server, port = start_bridge(world, stack, "database")
    return [Party("bridge oauth, SQLite", server, port, "/login/oauth")]


def start_bridge(world: World, stack: ExitStack, sessions: str) -> tuple[Process, int]:
    """Start a bridge until the stack ends; return it and its port once it listens."""
    port = free_port()
    name = f"bridge-{port}"
    command = serve(world, name, port, sessions)
    server = stack.enter_context(running(name, command, world.folder, bridge_environment()))
    wait_until_listening(server, port)
    return server, port


def serve(world: World, name: str, port: int, sessions: str) -> list[str]:
    """Write a configuration and return the command that serves it.

    Args:
        name: of its files.
        sessions: as the key `store.sessions` has it.
    """
    config = world.folder / f"{name}.toml"
    config.write_text(_configuration(world, name, port, sessions), encoding="utf-8")
    return module("bridge", "serve", "--config", str(config))


def bridge_environment() -> dict[str, str]:
    """Return an operator's environment: whom to trust stands in the configuration."""
    return {**os.environ, "NO_PROXY": f"localhost,{LOCALHOST}"}


def _configuration(world: World, name: str, port: int, sessions: str) -> str:
    public_url = f"http://{LOCALHOST}:{port}"
    tables: _Tables = [
        ("", {"public_url": public_url, "secret_keys": ["a secret of the benchmark, of no use elsewhere"]}),
        ("[server]", {"bind": f"{LOCALHOST}:{port}", "threads": THREADS}),
        ("[store]", {"database": f"sqlite:///{world.folder}/{name}.db", "sessions": sessions}),
        ("[egress]", {"ca_bundle": str(world.bundle)}),
        ("[limits]", _limits()),
        *_connection(world, "oauth"),
        *_connection(world, "jwt"),
        ("[connections.jwt]", {"issuer": public_url, "private_key": _private_key()}),
    ]
    # JSON's texts, numbers and lists of them are TOML's.
    return "\n".join(
        "\n".join([header, *(f"{key} = {json.dumps(value)}" for key, value in table.items()), ""])
        for header, table in tables
    )


def _limits() -> dict[str, object]:
    """Return limits that are counted as always and never reached: everything here comes from one address."""
    shown = tomllib.loads((ROOT / "config" / "bridge.example.toml").read_text("utf-8"))["limits"]
    return {name: _OFTEN for name, limit in shown.items() if isinstance(limit, str)}


def _connection(world: World, mode: str) -> _Tables:
    client: dict[str, object] = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return [
        ("[[connections]]", {"name": mode, "mode": mode, "mapping_field": "email"}),
        ("[connections.idp]", {"kind": "oidc", "issuer": world.issuer, **client}),
        ("[connections.fuyun]", {**client, "token_exchange_url": world.exchange_url}),
    ]


def _private_key() -> str:
    key = generate_private_key(65_537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
