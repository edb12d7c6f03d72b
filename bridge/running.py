"""Several of our own commands as children of this one; and may a server listen where it is told to."""

from __future__ import annotations

import errno
import http.client
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LOCALHOST: Final = "127.0.0.1"
SECONDS_TO_START: Final = 60
SECONDS_TO_STOP: Final = 10
_LAST_LINES: Final = 20


class CannotRun(click.ClickException):
    """Something outside ourselves keeps a server from running; the command ends with this sentence and exit code 1."""

    def show(self, file: object = None) -> None:  # noqa: ARG002 — click's signature
        """Print the sentence alone."""
        click.echo(self.message, err=True)


def listenable(host: str, port: int) -> str:
    """Return the address of `host` when a server may listen at it; raises CannotRun."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as refusal:
        raise CannotRun(_why_not(refusal, host, port)) from None
    return str(address[0])


def _why_not(refusal: OSError, host: str, port: int) -> str:
    if refusal.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is in use already; end the other program or choose another port."
    return f"Cannot listen at {host} port {port}: {refusal.strerror or refusal}."


# Several commands as children ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Child:
    """One of our own commands as a process, with the file it writes to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, name: str, arguments: list[str], folder: Path) -> Child:
        """Start ``hotline-bridge`` with `arguments`."""
        log = folder / f"{name}.log"
        command = [sys.executable, "-u", "-m", "bridge", *arguments]
        with log.open("wb") as output:
            return cls(name, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT), log)  # noqa: S603 — our own command

    def check_alive(self) -> None:
        """Raise CannotRun with the last lines that it wrote, when it has ended."""
        if (code := self.process.poll()) is not None:
            lines = self.log.read_text("utf-8", "replace").splitlines()[-_LAST_LINES:]
            raise CannotRun("\n".join([*lines, f"The {self.name} ended with exit code {code}, so all of it ends."]))

    def end(self) -> None:
        """Wait until it has ended; it was asked to."""
        try:
            self.process.wait(SECONDS_TO_STOP + 5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def children(commands: Mapping[str, list[str]], folder: Path) -> Iterator[list[Child]]:
    """Start our own commands as processes, and end every one of them whatever happens."""
    running: list[Child] = []
    try:
        for name, arguments in commands.items():
            running.append(Child.start(name, arguments, folder))
        yield running
    finally:
        with _undisturbed():
            for child in running:
                child.process.terminate()
            for child in running:
                child.end()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let a second Ctrl-C not leave anything running."""
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def wait_until_answering(running: list[Child], addresses: Mapping[int, str]) -> None:
    """Return once every port of `addresses` answers at its path; raises CannotRun when that cannot come."""
    deadline = time.monotonic() + SECONDS_TO_START
    for port, path in addresses.items():
        while not _answers(port, path):
            for child in running:
                child.check_alive()
            if time.monotonic() > deadline:
                raise CannotRun(f"Nothing answered at port {port} within {SECONDS_TO_START} seconds.")
            time.sleep(0.1)


def _answers(port: int, path: str) -> bool:
    caller = http.client.HTTPConnection(LOCALHOST, port, timeout=5)
    try:
        caller.request("GET", path)
        return caller.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        caller.close()


def wait_until_one_ends(running: list[Child]) -> NoReturn:
    """Wait; raises CannotRun when a child ends by itself."""
    while True:
        for child in running:
            child.check_alive()
        time.sleep(0.3)
