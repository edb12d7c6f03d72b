"""What can stand between a client and its Redis: a line with TLS, a line that breaks, somebody else."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tests.rooms.loopback import HOST, Server, serving

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator


class Line:
    """A line to a server, which may lose an answer.

    Args:
        leads_to: port to which new connections are carried.
    """

    def __init__(self, leads_to: int) -> None:
        self.port = 0
        self.lost = 0
        self.leads_to = leads_to
        self._loses = threading.Event()

    @property
    def is_losing(self) -> bool:
        """Whether there was no answer yet that could get lost."""
        return self._loses.is_set()

    def loses_next(self) -> None:
        """Lose the next answer, and the connection with it."""
        self._loses.set()

    def carry(self, client: socket.socket, _: Server) -> None:
        """Carry one connection until one side ends it."""
        with socket.create_connection((HOST, self.leads_to)) as server:
            back = threading.Thread(target=self._answers, args=(server, client), daemon=True)
            back.start()
            with suppress(OSError):
                while data := client.recv(65536):
                    server.sendall(data)
            _shut(server)
            back.join(60)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if self._loses.is_set():
                    self._loses.clear()
                    self.lost += 1
                    break
                client.sendall(data)
        _shut(client)


@contextmanager
def line_to(port: int, tls: ssl.SSLContext | None = None) -> Iterator[Line]:
    """Lay a line to the server at `port`, with TLS for clients where there is a context."""
    line = Line(port)
    with serving(line.carry, tls) as server:
        line.port = server.port
        yield line


@contextmanager
def somebody_saying(answer: Callable[[bytes], bytes], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve what is no Redis: each question in whole gets `answer`; gives the port."""

    def act(connected: socket.socket, _: Server) -> None:
        while question := connected.recv(65536):
            connected.sendall(answer(question))

    with serving(act, tls) as server:
        yield server.port


def _shut(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
