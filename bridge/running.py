"""How servers run: one under Granian in this process, or several of our own commands as children of this one.

Knows no room of the bridge; the command line says what is to run.
"""

from __future__ import annotations

import errno
import http.client
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

import click
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import MPServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LOCALHOST: Final = "127.0.0.1"
SECONDS_TO_START: Final = 60
SECONDS_TO_STOP: Final = 10
_SECONDS_TO_FINISH: Final = 25
"""For what was begun when the end came: longer than a call outside may take, shorter than the 30 of Kubernetes."""
_LAST_LINES: Final = 20
_POKE: Final = signal.SIGUSR2


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


# One server in this process ------------------------------------------------------------------------------------------


def serve_wsgi(target: str, host: str, port: int, *, threads: int, workers: int = 1) -> None:
    """Serve the application that the factory `target` ("module:function") makes, until a signal ends it."""
    # A forked worker inherits handlers that swallow SIGTERM until it is up: ending a starting server would take long.
    multiprocessing.set_start_method("spawn", force=True)
    hear_signals()
    MPServer(
        target,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=workers,
        blocking_threads=threads,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(keep_alive=True),
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_SECONDS_TO_FINISH,
        log_access=False,
        log_level=LogLevels.error,  # the bridge writes its own log
    ).serve()


def end_with_parent() -> None:
    """End this worker once the process that started it is gone; it would keep the port, and nobody could end it."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def hear_signals() -> None:
    """Make sure that the main thread wakes for signals; call it there, in Granian's own process and in each worker.

    Python runs signal handlers in the main thread only, and a signal that the kernel hands to another thread does not
    wake a main thread that waits for a lock, as Granian's does: now and then Ctrl-C was noticed after ten seconds.
    """
    heard, written = os.pipe()
    os.set_blocking(written, False)
    signal.set_wakeup_fd(written, warn_on_full_buffer=False)
    signal.signal(_POKE, lambda *_: None)
    main_thread = threading.main_thread().ident
    assert main_thread is not None  # noqa: S101 — the main thread runs

    def poke() -> None:
        while received := os.read(heard, 1):
            if received[0] != _POKE:
                signal.pthread_kill(main_thread, _POKE)

    threading.Thread(target=poke, name="hear-signals", daemon=True).start()


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
def beside(arguments: list[str]) -> Iterator[None]:
    """Run another of our own commands as long as this one runs; it writes where this one writes."""
    process = subprocess.Popen([sys.executable, "-u", "-m", "bridge", *arguments])  # noqa: S603 — our own command
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


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
