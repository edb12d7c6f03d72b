"""The peers that are Flask: Authlib under gunicorn, and the view that does nothing."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tests.bench.processes import LOCALHOST, free_port, module, running, wait_until_listening
from tests.bench.world import BARE, EXCHANGE_URL, ISSUER, REDIS, THREADS, NotHere, Party, World

if TYPE_CHECKING:
    from contextlib import ExitStack


def authlib(world: World, stack: ExitStack) -> list[Party]:
    """Start Flask, Authlib and Flask-Session with Redis under gunicorn, alone and with the token exchange."""
    if find_spec("gunicorn") is None:
        raise NotHere("gunicorn is not installed")
    port = free_port()
    given = {ISSUER: world.issuer, EXCHANGE_URL: world.exchange_url, REDIS: world.redis}
    threads = ["--workers", "1", "--worker-class", "gthread", "--threads", str(THREADS), "--keep-alive", "30"]
    command = module("gunicorn", *threads, "--bind", f"{LOCALHOST}:{port}", "tests.bench.plain:create_app()")
    server = stack.enter_context(running("authlib", command, world.folder, world.environment(**given)))
    wait_until_listening(server, port)
    return [
        Party("Authlib, Redis", server, port, "/login"),
        Party("Authlib + exchange, Redis", server, port, "/login/exchange"),
    ]


def bare(world: World, stack: ExitStack) -> Party:
    """Start the view that does nothing."""
    port = free_port()
    command = granian("tests.bench.bare:create_app", port)
    server = stack.enter_context(running("bare", command, world.folder, os.environ))
    wait_until_listening(server, port)
    return Party("bare view", server, port, BARE, BARE)


def granian(factory: str, port: int) -> list[str]:
    """Return the command that serves an application as the bridge is served."""
    options = ["--interface", "wsgi", "--host", LOCALHOST, "--port", str(port), "--http", "1", "--no-ws"]
    threads = ["--workers", "1", "--blocking-threads", str(THREADS), "--workers-kill-timeout", "1"]
    return module("granian", *options, *threads, "--factory", factory)
