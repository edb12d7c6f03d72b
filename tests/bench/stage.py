"""What stands around the relying parties: certificates, the upstream in its process, and a Redis."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, TextIO

from tests.bench.certificates import make_certificates
from tests.bench.faults import BenchFault
from tests.bench.processes import module, running
from tests.bench.world import World
from tests.kit.redis_server import redis_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.processes import Process

_INTERRUPTED: Final = 130


def on_stage(act: Callable[[Path, ExitStack], None]) -> int:
    """Act in a folder of our own; all is gone at the end. Return 1: something failed, so there are no figures; 130:
    interrupted.
    """
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, _interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder, ExitStack() as stack:
            act(Path(folder), stack)
    except BenchFault as fault:
        say(f"The benchmark ends without figures. {fault}", sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("Interrupted; nothing is left behind.", sys.stderr)
        return _INTERRUPTED
    return 0


def say(text: str, where: TextIO | None = None) -> None:
    """Print a line at once."""
    stream = where or sys.stdout
    stream.write(f"{text}\n")
    stream.flush()


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)  # cleaning up is not interrupted again
    raise KeyboardInterrupt


def open_stage(folder: Path, stack: ExitStack) -> tuple[World, Process]:
    """Set everything up until the stack ends; return the world and the upstream's process."""
    certificates = make_certificates(folder)
    command = module("tests.bench.upstream", str(certificates.server))
    upstream = stack.enter_context(running("upstream", command, folder, os.environ, talks=True))
    address = upstream.ask("")
    redis = stack.enter_context(redis_server())
    return World(address["issuer"], address["fuyun"], certificates.bundle, folder, redis.url), upstream
