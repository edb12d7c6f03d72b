"""The benchmark's upstream at a distance: provider and exchange are two hosts, and each answers after a while.

Run as a module with a certificate it tells its addresses. Then each line on its standard input says after how many
seconds the provider answers from now on; the exchange keeps to `DISTANCE`. It ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import sys
from dataclasses import dataclass
from typing import Final

from tests.bench.processes import LOCALHOST
from tests.bench.upstream import Upstream, _Connection, _response, _say

DISTANCE: Final = 0.040


@dataclass(slots=True)
class _Pace:
    seconds: float = DISTANCE


class _Distant(_Connection):
    def __init__(self, upstream: Upstream, pace: _Pace) -> None:
        super().__init__(upstream)
        self._pace = pace

    def data_received(self, data: bytes) -> None:
        self._received += data
        while request := self._next_request():
            status, members = self._upstream.answer(request)
            answer = _response(status, json.dumps(members).encode())
            asyncio.get_running_loop().call_later(self._pace.seconds, self._send, answer)

    def _send(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


async def _open(upstream: Upstream, pace: _Pace, context: ssl.SSLContext) -> str:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Distant(upstream, pace), LOCALHOST, 0, ssl=context, backlog=512)
    return f"https://localhost:{server.sockets[0].getsockname()[1]}"


async def _serve(certificate: str) -> None:
    upstream, provider = Upstream(), _Pace()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    upstream.open_at(await _open(upstream, provider, context))
    _say({"issuer": upstream.issuer, "fuyun": await _open(upstream, _Pace(), context)})
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while command := await commands.readline():
        provider.seconds = float(command)
        _say({"requests": upstream.requests})


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the benchmark's to answer; it closes our input
    asyncio.run(_serve(sys.argv[1]))
