"""The peer express-openid-connect, with its sessions in its cookie and in Redis."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from tests.bench.installing import installed, output_of
from tests.bench.processes import ROOT, free_port, running, wait_until_listening
from tests.bench.upstream import CLIENT_ID, CLIENT_SECRET
from tests.bench.world import ISSUER, REDIS, NotHere, Party, World

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

EXPRESS: Final = "express-openid-connect"
_SOURCE: Final = ROOT / "tests" / "bench" / "peers" / "express"


def express(world: World, stack: ExitStack) -> list[Party]:
    """Start it twice: with sessions in Redis, and in its cookie."""
    if not shutil.which("node"):
        raise NotHere("there is no node on this machine")
    folder = installed("express", (_SOURCE / "package-lock.json").read_text("utf-8"), _install)
    shutil.copy(_SOURCE / "server.js", folder)
    return [_start(world, stack, folder, store) for store in ("Redis", "cookie")]


def _start(world: World, stack: ExitStack, folder: Path, store: str) -> Party:
    port = free_port()
    given = {
        "NODE_ENV": "production",
        "BENCH_PORT": str(port),
        ISSUER: world.issuer,
        "BENCH_CLIENT_ID": CLIENT_ID,
        "BENCH_CLIENT_SECRET": CLIENT_SECRET,
        REDIS: world.redis if store == "Redis" else "",
    }
    command = ["node", str(folder / "server.js")]
    name = f"express-{store.lower()}"
    server = stack.enter_context(running(name, command, world.folder, world.environment(**given)))
    wait_until_listening(server, port)
    return Party(f"{EXPRESS}, {store}", server, port, "/login")


def _install(folder: Path) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(_SOURCE / name, folder)
    output_of(["npm", "ci", "--ignore-scripts"], folder)
