"""How long the bridge takes from its start to the first answer that it is ready."""

from __future__ import annotations

import http.client
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from tests.bench.bridges import bridge_environment, serve
from tests.bench.faults import BenchFault
from tests.bench.processes import LOCALHOST, free_port, running

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.bench.world import World

_LONGEST: Final = 120.0
_TICK: Final = 0.01
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the bridge, beside one of a Python that imports Flask; all in seconds.

    Args:
        seconds: from exec to the first 200 of ``/readyz``.
        cpu: of every process of the bridge until then.
        flask_seconds: ``python -c "import flask"``, from exec to its end.
    """

    seconds: float
    cpu: float
    flask_seconds: float
    flask_cpu: float


def starts(world: World, count: int) -> list[Start]:
    """Start the bridge again and again over the same database, which one more start before has made."""
    port = free_port()
    command = serve(world, "start", port, world.redis)
    _start(command, world.folder, port)
    found = []
    for _ in range(count):
        flask = _import_flask()
        found.append(Start(*_start(command, world.folder, port), *flask))
    return found


def told(found: Sequence[Start]) -> str:
    """Return the medians in two lines."""
    seconds, flask_seconds = median(one.seconds for one in found), median(one.flask_seconds for one in found)
    cpu, flask_cpu = median(one.cpu for one in found), median(one.flask_cpu for one in found)
    return (
        f"{seconds:.2f} s from exec to the first 200 of /readyz [{min(one.seconds for one in found):.2f}, "
        f'{max(one.seconds for one in found):.2f}], {cpu:.2f} s of CPU;\n          python -c "import flask" takes '
        f"{flask_seconds:.2f} s, {flask_cpu:.2f} s of CPU: x{seconds / flask_seconds:.1f} and x{cpu / flask_cpu:.1f}. "
        f"Medians of {len(found)}."
    )


def _start(command: Sequence[str], folder: Path, port: int) -> tuple[float, float]:
    began = time.perf_counter()
    with running("start", command, folder, bridge_environment()) as server:
        while not _is_ready(port):
            if server.popen.poll() is not None or time.perf_counter() > began + _LONGEST:
                raise BenchFault(f"The bridge does not become ready: {server.last_words()}")
            time.sleep(_TICK)
        return time.perf_counter() - began, server.cpu_seconds()


def _is_ready(port: int) -> bool:
    wire = http.client.HTTPConnection(LOCALHOST, port, timeout=5)
    try:
        wire.request("GET", "/readyz")
        return wire.getresponse().status == _OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        wire.close()


def _import_flask() -> tuple[float, float]:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", "import flask"], check=True)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
