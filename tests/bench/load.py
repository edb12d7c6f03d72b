"""A load from a process of its own: threads that ask for one path over keep-alive connections, as fast as they can.

Run as a module with port, path, cookie, threads and seconds; tells the count of answers as one JSON line.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

LOCALHOST: Final = "127.0.0.1"
_CHUNK: Final = 65_536
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"


def run(port: int, path: str, cookie: str, threads: int, seconds: float) -> dict[str, float]:
    """Return how many answers came in how many seconds."""
    asked = f"GET {path} HTTP/1.1\r\nHost: {LOCALHOST}:{port}\r\nAccept: application/json\r\nCookie: {cookie}\r\n\r\n"
    started = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        counts = pool.map(lambda _: _ask_until(started + seconds, port, asked.encode("ascii")), range(threads))
    return {"requests": sum(counts), "seconds": time.monotonic() - started}


def _ask_until(end: float, port: int, asked: bytes) -> int:
    answers = 0
    with socket.create_connection((LOCALHOST, port), timeout=30) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not answers or time.monotonic() < end:
            wire.sendall(asked)
            _receive(wire)
            answers += 1
    return answers


def _receive(wire: socket.socket) -> None:
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(wire)
    head, _, body = received.partition(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise ConnectionError(head.decode("latin-1"))
    if b"\r\ntransfer-encoding: chunked" in head.lower():
        while not body.endswith(_LAST_CHUNK):
            body += _some(wire)
        return
    missing = _length(head) - len(body)
    while missing > 0:
        missing -= len(_some(wire))


def _some(wire: socket.socket) -> bytes:
    data = wire.recv(_CHUNK)
    if not data:
        raise ConnectionError("the server hung up")
    return data


def _length(head: bytes) -> int:
    _, _, after = head.lower().partition(b"content-length:")
    return int(after.partition(b"\r\n")[0])


if __name__ == "__main__":
    _port, _path, _cookie, _threads, _seconds = sys.argv[1:]
    sys.stdout.write(json.dumps(run(int(_port), _path, _cookie, int(_threads), float(_seconds))) + "\n")
