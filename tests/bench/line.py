"""The line between a relying party and its upstreams: a TCP proxy that adds distance and counts connections."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final

_CHUNK: Final = 65_536


class Line:
    """Forwards connections to loopback ports; each direction takes `one_way` seconds longer than it really does."""

    def __init__(self) -> None:
        self.one_way = 0.0
        self.accepted = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._servers: list[asyncio.Server] = []

    async def forward_to(self, port: int) -> int:
        """Return the port of a new way to `port`."""

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._carry(reader, writer, port)

        server = await asyncio.start_server(carry, "localhost", 0, family=2)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def drop(self) -> None:
        """Close every connection, as servers and firewalls do with idle ones."""
        for writer in self._open:
            writer.close()

    async def _carry(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter, port: int) -> None:
        self.accepted += 1
        self._open.add(near_out)
        far, far_out = await asyncio.open_connection("127.0.0.1", port)
        # The kernel accepted at once; over a real line the client's first byte leaves one round trip later.
        connected_at = asyncio.get_running_loop().time() + 2 * self.one_way
        try:
            await asyncio.gather(self._pump(near, far_out, connected_at), self._pump(far, near_out, 0.0))
        finally:
            self._open.discard(near_out)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, not_before: float) -> None:
        loop = asyncio.get_running_loop()
        travelling: deque[bytes] = deque()

        def arrive() -> None:
            if not writer.is_closing():
                writer.write(travelling.popleft())

        with suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                travelling.append(data)
                loop.call_at(max(loop.time(), not_before) + self.one_way, arrive)
        loop.call_later(self.one_way, writer.close)
