"""One browser's keep-alive connection over TLS, as lean as it can be: ten thousand of them fit into one process."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

_CHUNK: Final = 65_536
_PATIENCE: Final = 60.0
"""Seconds for one answer: longer than anything in front of the bridge may wait."""


class WireBroken(Exception):
    """The connection ended before the answer did; the text says when."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; names of headers are in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """Return the first value of a header, or an empty text."""
        return next((value for found, value in self.headers if found == name), "")


class Wire:
    """A connection that is opened when it is needed.

    Args:
        source: address of loopback that the browser has for its own.
    """

    def __init__(self, port: int, source: str, context: ssl.SSLContext) -> None:
        self._port = port
        self._source = source
        self._context = context
        self._tls: ssl.SSLSocket | None = None
        self.opened = 0

    async def ask(self, request: bytes) -> Answer:
        """Send a request and return its answer.

        Raises:
            WireBroken: refused, broken, or nothing came for a minute.
        """
        try:
            async with asyncio.timeout(_PATIENCE):
                tls = self._tls or await self._open()
                await self._send(tls, request)
                answer = await self._receive(tls)
        except (OSError, ValueError) as fault:  # TimeoutError is an OSError
            self.close()
            raise WireBroken(f"{type(fault).__name__}") from fault
        if answer.header("connection") == "close":
            self.close()
        return answer

    def close(self) -> None:
        """Hang up."""
        if self._tls is not None:
            with suppress(OSError):
                self._tls.close()
            self._tls = None

    async def _open(self) -> ssl.SSLSocket:
        self.opened += 1
        plain = socket.socket()
        plain.settimeout(0)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.bind((self._source, 0))
        try:
            await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", self._port))
        except BaseException:
            plain.close()
            raise
        self._tls = tls = self._context.wrap_socket(plain, server_hostname="localhost", do_handshake_on_connect=False)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                await _readable(tls)
            else:
                return tls

    async def _send(self, tls: ssl.SSLSocket, data: bytes) -> None:
        while data:
            try:
                data = data[tls.send(data) :]
            except ssl.SSLWantWriteError:
                await asyncio.sleep(0.001)

    async def _receive(self, tls: ssl.SSLSocket) -> Answer:
        received = b""
        while b"\r\n\r\n" not in received:
            received += await _some(tls)
        head, _, body = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = [line.partition(":") for line in lines]
        headers = [(name.lower(), value.strip()) for name, _, value in pairs]
        answer = Answer(int(first.split()[1]), headers, body)
        return Answer(answer.status, headers, await _rest(tls, answer))


async def _rest(tls: ssl.SSLSocket, answer: Answer) -> bytes:
    body, length = answer.body, answer.header("content-length")
    if answer.header("transfer-encoding") == "chunked":
        while not body.endswith(b"0\r\n\r\n"):
            body += await _some(tls)
        return body  # whoever looks into it looks for a few words
    while len(body) < int(length or 0):
        body += await _some(tls)
    return body


async def _some(tls: ssl.SSLSocket) -> bytes:
    while True:
        try:
            data = tls.recv(_CHUNK)
        except ssl.SSLWantReadError:
            await _readable(tls)
            continue
        if not data:
            raise ConnectionResetError
        return data


async def _readable(tls: ssl.SSLSocket) -> None:
    loop = asyncio.get_running_loop()
    waiting = loop.create_future()
    number = tls.fileno()
    loop.add_reader(number, _wake, waiting)
    try:
        await waiting
    finally:
        loop.remove_reader(number)


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
