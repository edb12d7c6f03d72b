"""``python -m tests.bench.model``: with how many workers and threads the bridge does most, and what each way costs."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from redis import Redis

from tests.bench.bridges import bridge_environment, serve
from tests.bench.certificates import make_certificates
from tests.bench.crowd import Crowd
from tests.bench.faults import BenchFault
from tests.bench.footprint import _footprint
from tests.bench.model_report import BESIDE, FEW, HANGING, LOOKS, MANY, Window, report
from tests.bench.processes import _cpu_seconds, family, free_port, module, running, wait_until_listening
from tests.bench.stage import on_stage, say
from tests.bench.world import World
from tests.kit.postgresql import postgresql
from tests.kit.redis_server import redis_server
from tests.load.stores import weigh
from tests.load.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from tests.bench.processes import Process

_MODELS: Final = ("1x32", "1x8", "1x16", "1x64", "2x16", "2x32", "4x16", "1x32r2")
"""Workers and threads, with r: Granian's runtime threads, if not one; the first is the bridge's default."""
_MODEL: Final = re.compile(r"([1-9][0-9]*)x([1-9][0-9]*)(?:r([1-9]))?")
_BROWSERS: Final = {FEW: 16, MANY: 64}
_PAGES: Final = 64
_LOOKS: Final = 100.0
_TROUBLE: Final = (4.0, 5.0)
"""Sign-ins a second, and seconds until their provider answers."""
_RAMP: Final = 0.5
"""Seconds until everybody is at it, unless a cell is shorter."""
_PATIENCE: Final = 120.0
_AT_FIRST: Final = 4
"""Calls that even the smallest model has under way at one provider; more would be refused."""
_POSTGRESQL: Final = {"fsync": "on", "synchronous_commit": "on", "max_connections": "500"}


@dataclass
class Model:
    """One bridge that runs, whoever is signed in at it, and the number of its Redis database.

    Args:
        database: URL of its PostgreSQL database; empty: it has SQLite.
    """

    title: str
    number: int
    redis: str
    database: str
    server: Process
    crowd: Crowd
    sessions: list[dict[str, str]] = field(default_factory=list)

    async def warm_up(self) -> None:
        """Let all sign in who stay, a few at a time."""
        try:
            async with asyncio.timeout(_PATIENCE):
                for _ in range(_PAGES // _AT_FIRST):
                    self.sessions += await asyncio.gather(*(self.crowd.sign_in() for _ in range(_AT_FIRST)))
        except OSError as fault:  # TimeoutError is one
            raise BenchFault(f"{self.title}: a sign-in failed, nobody else being there: {fault!r}") from fault

    def pages(self, rate: float) -> list[Coroutine[Any, Any, None]]:
        """Return everybody's looking at their session, `rate` looks a second in all; 0: as fast as they can."""
        every = _PAGES / rate if rate else 0.0
        return [self.crowd.poll(one, every * at / _PAGES, every) for at, one in enumerate(self.sessions)]

    async def watch(self, seconds: float, acts: Sequence[Coroutine[Any, Any, None]]) -> Window:
        """Let everybody act, and look on for so many seconds once they are at it."""
        ours, every = family(self.server.popen.pid), family(os.getpid())
        acting = [asyncio.create_task(act) for act in (*acts, self.crowd.watch_lag())]
        await asyncio.sleep(min(_RAMP, seconds))
        self.crowd.tally, before, started = Tally(), _cpu(ours, every), time.monotonic()
        await asyncio.sleep(seconds)
        tally, after, lasted = self.crowd.tally, _cpu(ours, every), time.monotonic() - started
        self.crowd.tally, held = Tally(), self._holds()
        for act in acting:
            act.cancel()
        for ended in await asyncio.gather(*acting, return_exceptions=True):
            if isinstance(ended, Exception):
                raise BenchFault(f"{self.title}: a page gave up: {ended!r}") from ended
        bridge, generator, everybody = (after[at] - before[at] for at in range(3))
        return Window(tally, lasted, bridge, generator, everybody, *held)

    def _holds(self) -> tuple[float, int, int]:
        memory = sum(_footprint(pid).pss for pid in family(self.server.popen.pid))
        with Redis.from_url(self.redis) as client:
            clients = sum(one["db"] == str(self.number) for one in client.client_list()) - 1
        return memory, clients, weigh(None, self.database).postgresql_clients if self.database else 0


def _cpu(ours: Sequence[int], every: Sequence[int]) -> tuple[float, float, float]:
    return sum(map(_cpu_seconds, ours)), time.process_time(), sum(map(_cpu_seconds, every))


def main() -> int:
    """Measure every model, and tell it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.model", description=__doc__)
    parser.add_argument("--models", nargs="+", default=_MODELS, type=_model, help="such as 2x16; the first is x1.00")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (default: 3)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of one cell (default: 2)")
    parser.add_argument("--sqlite", action="store_true", help="with SQLite instead of PostgreSQL")
    asked = parser.parse_args()
    return on_stage(lambda folder, stack: _run(folder, stack, asked))


def _model(text: str) -> str:
    if not _MODEL.fullmatch(text):
        raise argparse.ArgumentTypeError("must be like 2x16 or 2x16r2")
    return text


def _run(folder: Path, stack: ExitStack, asked: argparse.Namespace) -> None:
    started, certificates = time.monotonic(), make_certificates(folder)
    command = module("tests.bench.slow", str(certificates.server))
    upstream = stack.enter_context(running("upstream", command, folder, os.environ, talks=True))
    where, redis = upstream.ask(""), stack.enter_context(redis_server()).url.removesuffix("0")
    world = World(where["issuer"], where["fuyun"], certificates.bundle, folder, redis)
    server = None if asked.sqlite else stack.enter_context(postgresql(**_POSTGRESQL))
    models = []
    for number, title in enumerate(asked.models):
        database = stack.enter_context(server.database() if server else nullcontext(""))
        models.append(_started(replace(world, redis=f"{redis}{number}"), stack, title, number, database))
    measured = asyncio.run(_measured(models, upstream, asked.rounds, asked.seconds))
    say(f"{report(measured, asked.seconds)}\nDuration  {time.monotonic() - started:.0f} s.")


def _started(world: World, stack: ExitStack, title: str, number: int, database: str) -> Model:
    port, name, (workers, threads, readers) = free_port(), f"bridge-{title}", _MODEL.findall(title)[0]
    command = serve(world, name, port, world.redis)
    if readers:
        at = command.index("bridge")
        command[at : at + 1] = "tests.bench.tuned", readers
    file = world.folder / f"{name}.toml"
    text, changed = re.subn(r"(?m)^threads = .*", f"threads = {threads}\nworkers = {workers}", file.read_text("utf-8"))
    if database:
        text, changed = re.subn(r"(?m)^database = .*", f'database = "{database}"', text, count=changed)
    if changed != 1:
        raise BenchFault(f"{file.name} is not as it was expected.")
    file.write_text(text, "utf-8")
    process = stack.enter_context(running(name, command, world.folder, bridge_environment()))
    wait_until_listening(process, port)
    return Model(title, number, world.redis, database, process, Crowd(port))


async def _measured(
    models: Sequence[Model], upstream: Process, rounds: int, seconds: float
) -> dict[str, dict[str, list[Window]]]:
    found: dict[str, dict[str, list[Window]]] = {
        what: {model.title: [] for model in models} for what in (FEW, MANY, LOOKS, BESIDE, HANGING)
    }
    for model in models:
        await model.warm_up()
    for model in [*models] * rounds:
        for what, windows in (await _round(model, seconds)).items():
            found[what][model.title].append(windows)
    rate, patience = _TROUBLE
    upstream.ask(str(patience))
    for model in models:
        window = await model.watch(5 * seconds, [*model.pages(_LOOKS), model.crowd.arrive(rate)])
        found[HANGING][model.title].append(window)
    return found


async def _round(model: Model, seconds: float) -> dict[str, Window]:
    found = {
        what: await model.watch(seconds, [model.crowd.sign_in_again_and_again() for _ in range(browsers)])
        for what, browsers in _BROWSERS.items()
    }
    half = max(1.0, *(one.sign_ins / 2 for one in found.values()))
    looks = await model.watch(seconds, model.pages(0.0))
    beside = await model.watch(2 * seconds, [*model.pages(_LOOKS), model.crowd.arrive(half)])
    return found | {LOOKS: looks, BESIDE: beside}


if __name__ == "__main__":
    sys.exit(main())
