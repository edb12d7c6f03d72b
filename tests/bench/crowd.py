"""Many browsers of one process in front of one bridge, each as lean as it can be: they share its machine."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tests.bench.processes import LOCALHOST
from tests.bench.upstream import account_name, approve
from tests.load.tally import Tally

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

DEPARTURE, CALLBACK, PAGE, SESSION = "departure", "callback", "page", "session"
_AGENTS: Final = 1_000
_BEAT: Final = 0.01
_NAVIGATION: Final = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n"
_SCRIPT: Final = "Accept: application/json\r\nSec-Fetch-Mode: cors\r\n"


class Wire(asyncio.Protocol):
    """One browser's keep-alive connection, and its cookies."""

    def __init__(self, cookies: Mapping[str, str]) -> None:
        self.cookies = dict(cookies)
        self._received = b""
        self._answer: asyncio.Future[bytes] | None = None
        self._line: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._line = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, complete, body = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
        if complete and len(body) >= int(length or 0) and self._answer and not self._answer.done():
            self._answer.set_result(self._received)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())

    async def ask(self, head: str) -> tuple[int, str, bytes]:
        """Send a GET, given its first lines; return the answer's status, its location and all of its bytes.

        Raises:
            ConnectionResetError: there is none.
        """
        if self._line is None or self._line.is_closing():
            raise ConnectionResetError
        self._received, self._answer = b"", asyncio.get_running_loop().create_future()
        self._line.write(f"{head}Cookie: {'; '.join(map('='.join, self.cookies.items()))}\r\n\r\n".encode("ascii"))
        answer, location = await self._answer, ""
        for field in answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]:
            name, _, value = field.partition(": ")
            if name.lower() == "set-cookie":
                cookie, _, content = value.partition(";")[0].partition("=")
                self.cookies[cookie] = content
            elif name.lower() == "location":
                location = value
        return int(answer[9:12]), location, answer


class Crowd:
    """Everybody in front of the bridge at one port; `tally` counts what they see."""

    def __init__(self, port: int) -> None:
        self.tally = Tally()
        self._port = port
        self._numbers = count()
        self._chance = random.Random(1)  # noqa: S311 — the same arrivals each time

    async def sign_in(self) -> dict[str, str]:
        """Depart, come back with a code, and see the page; return the browser's cookies.

        Raises:
            OSError: a step did not lead where it should, which is counted.
        """
        agent = next(self._numbers) % _AGENTS
        async with self._browser({}) as wire:
            back = urlsplit(approve((await self._ask(wire, DEPARTURE, "/login/oauth"))[0], agent))
            landing, _ = await self._ask(wire, CALLBACK, f"{back.path}?{back.query}")
            _, page = await self._ask(wire, PAGE, urlsplit(landing).path)
            self._demand(PAGE, account_name(agent).encode() in page, "another agent")
            return wire.cookies

    async def sign_in_again_and_again(self) -> None:
        """Be one browser after another, each as soon as the one before has its page or a refusal."""
        while True:
            await self._come_once()

    async def arrive(self, rate: float) -> None:
        """Begin `rate` sign-ins a second at random moments, whatever becomes of those before."""
        due = time.monotonic()
        async with asyncio.TaskGroup() as arriving:
            while True:
                due += self._chance.expovariate(rate)
                await asyncio.sleep(due - time.monotonic())
                arriving.create_task(self._come_once())

    async def poll(self, cookies: Mapping[str, str], first: float, every: float) -> None:
        """Look at a session again and again, the first time after `first` seconds.

        Args:
            every: seconds between two looks; whoever waits for longer is late for the next, and that counts as latency.
                0: at once.
        """
        due = time.monotonic() + first
        while True:
            with suppress(OSError):
                async with self._browser(cookies) as wire:
                    while True:
                        await asyncio.sleep(due - time.monotonic())
                        await self._ask(wire, SESSION, "/session", since=due)
                        due = due + every if every else time.monotonic()

    async def watch_lag(self) -> None:
        """Count by how much this process is late itself."""
        while True:
            due = time.monotonic() + _BEAT
            await asyncio.sleep(_BEAT)
            self.tally.lag.append(time.monotonic() - due)

    async def _come_once(self) -> None:
        with suppress(OSError):
            await self.sign_in()

    @asynccontextmanager
    async def _browser(self, cookies: Mapping[str, str]) -> AsyncIterator[Wire]:
        line, wire = await asyncio.get_running_loop().create_connection(lambda: Wire(cookies), LOCALHOST, self._port)
        try:
            yield wire
        except ConnectionResetError:
            self.tally.faults["hung up"] += 1
            raise
        finally:
            line.abort()

    async def _ask(self, wire: Wire, kind: str, path: str, since: float = 0.0) -> tuple[str, bytes]:
        started = since or time.monotonic()
        head = f"GET {path} HTTP/1.1\r\nHost: {LOCALHOST}:{self._port}\r\n"
        status, location, answer = await wire.ask(head + (_SCRIPT if kind == SESSION else _NAVIGATION))
        self._demand(kind, status in ((302, 303) if kind in (DEPARTURE, CALLBACK) else (200,)), str(status))
        self.tally.seconds[kind].append(time.monotonic() - started)
        return location, answer

    def _demand(self, kind: str, condition: object, otherwise: str) -> None:
        if not condition:
            self.tally.faults[f"{kind}: {otherwise}"] += 1
            raise ConnectionAbortedError(f"{kind}: {otherwise}")
