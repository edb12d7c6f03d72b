"""The server: Granian's workers under a parent that lets none of them leave while it is needed.

Knows no room of the bridge; the command line says what is to be served. The parent has loaded the program and forks
workers from it: they start at once and share its memory. It alone opens the port, so that a connection that waits to
be accepted belongs to no worker and is not lost with one.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import select
import signal
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.net import SocketSpec  # type: ignore[attr-defined]  # it does not say what it exports
from granian.server.mp import MPServer

from bridge.ops import garbage
from bridge.ops.diary import Diary
from bridge.ops.health import NOTIFY_SOCKET, Board, State, notify, stating

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from granian.server.mp import WorkerProcess

SECONDS_TO_FINISH: Final = 25
"""For what was begun when the end came: longer than a call outside may take, shorter than the 30 of Kubernetes."""
SECONDS_TO_BE_READY: Final = 60
_SECONDS_TO_LEAVE: Final = 1.0
"""A worker that was replaced closes connections after their next answer, before it closes those that lie idle."""
_SECONDS_AFTER_CTRL_C: Final = 3
"""A browser's connection that says nothing would keep a developer waiting until its time is up."""
_A_MOMENT: Final = 0.2
_HEADERS: Final = HTTP1Settings(keep_alive=True, header_read_timeout=20_000, max_buffer_size=65_536)
"""Milliseconds for a request's headers, which are also those that an idle connection stays open; bytes of them."""
_WAITING: Final = 2048
_CONNECTIONS: Final = 8192
"""Of one worker. Who opens connections and says nothing must not keep others out; threads bound what is worked on."""
_OTHER_FILES: Final = 1024
_POKE: Final = signal.SIGUSR2
_ENDINGS: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Shape:
    """How many processes serve, and with how many threads each.

    Args:
        settle: is told whether all `are_ready`; else the former ones go on.
    """

    workers: int = 1
    threads: int = 1
    settle: Callable[..., object] = field(default=lambda **_: None, compare=False, repr=False)


# Granian's own lines go where ours go, in their form.
_AS_ONE_LOG: Final = {"handlers": {}, "formatters": {}, "loggers": {"_granian": {"propagate": True, "handlers": []}}}


def serve_wsgi(
    target: str,
    host: str,
    port: int,
    shape: Shape,
    *,
    drain: float = 0,
    board: Board | None = None,
    told: Board | None = None,
    renew: Callable[[], Shape | None] | None = None,
    diary: Diary | None = None,
) -> None:
    """Serve the application that the factory `target` ("module:function") makes, until a signal ends it.

    Args:
        drain: seconds to go on after SIGTERM, while probes are told that the end is near.
        board: where this server's state is written, for a process beside this one.
        told: whose state the application is told, if not this server's.
        renew: is asked at SIGHUP; returns the shape of the workers that replace the present ones, None to let them be.
        diary: where this server's life is written down.
    """
    multiprocessing.set_start_method("fork", force=True)
    hear_signals()
    _allow_files(_CONNECTIONS + _OTHER_FILES)
    server = Server(
        target,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=shape.workers,
        blocking_threads=shape.threads,
        http=HTTPModes.http1,
        http1_settings=_HEADERS,
        websockets=False,
        backlog=_WAITING,
        backpressure=_CONNECTIONS,
        respawn_failed_workers=True,
        workers_kill_timeout=SECONDS_TO_FINISH,
        log_access=False,
        log_level=LogLevels.error,
        log_dictconfig=_AS_ONE_LOG,
    )
    board = board or Board()
    server.furnish(drain, board, told or board, renew, diary or Diary())
    garbage.pass_over_what_is_loaded()
    server.serve()


def _allow_files(wanted: int) -> None:
    """Raise the soft limit of open files, which shells set to 1024, as far as the hard one lets us."""
    with suppress(OSError, ValueError):  # a filter of system calls may forbid even to ask
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class Server(MPServer):
    """Granian's parent process, with drain, a reload that asks first, and one open port."""

    def furnish(
        self, drain: float, board: Board, told: Board, renew: Callable[[], Shape | None] | None, diary: Diary
    ) -> None:
        """Take what `serve_wsgi` was given beside Granian's own options."""
        self._drain, self._board, self._told, self._renew, self._diary = drain, board, told, renew, diary
        self._tidings: dict[WorkerProcess, tuple[int, Board]] = {}

    def shutdown(self, exit_code: int = 0) -> None:
        """End what is left, and the process where that is no good end."""
        try:
            super().shutdown(exit_code)  # type: ignore[no-untyped-call]
        finally:
            self._diary.tell("stopped", exit_code=exit_code or int(bool(self.interrupt_children)))

    # Workers

    def _init_shared_socket(self) -> None:
        # Granian would let each worker open the port (SO_REUSEPORT): what waits for one that ends is then reset.
        self._ssp = self._sso = None
        holder: Any = SocketSpec(self.bind_addr, self.bind_port, self.backlog).build()
        self._shd, self._door = holder, int(holder.get_fd())

    def _drop_shared_socket(self) -> None:
        os.close(self._door)

    def _spawn_workers(self, spawn_target: Any, target_loader: Any) -> None:
        self.wrks = self._launch(range(self.workers), spawn_target, target_loader)
        if self._are_ready(self.wrks):
            self._tell(State.SERVING, "READY=1")
            self._diary.tell("serving", **self._diary.facts, workers=self.workers, threads=self.blocking_threads)
        elif not self.interrupt_signal:
            self._diary.fault("worker_not_started")
            self.interrupt_children.append(0)  # Granian's way to exit code 1
            self._stop()

    def _launch(self, numbers: Iterable[int], spawn_target: Any, target_loader: Any) -> list[WorkerProcess]:
        return [self._launch_one(number, spawn_target, target_loader) for number in numbers]

    def _launch_one(self, number: int, spawn_target: Any, target_loader: Any) -> WorkerProcess:
        heard, told = os.pipe()
        leaving = Board()
        make = partial(_make, partial(self._diary.load, target_loader), told, self._told, leaving)
        worker: WorkerProcess = self._spawn_worker(number, partial(_begin, spawn_target), make)
        worker.interrupt_by_parent = True  # until it is ready nobody is to replace it
        with _signals_held():
            worker.start()
        os.close(told)
        self._tidings[worker] = heard, leaving
        return worker

    def _are_ready(self, workers: list[WorkerProcess]) -> bool:
        give_up_at = time.monotonic() + SECONDS_TO_BE_READY
        for worker in workers:
            heard, _ = self._tidings[worker]
            while not select.select([heard], [], [], _A_MOMENT)[0]:
                if self.interrupt_signal or time.monotonic() > give_up_at:
                    return False
            if not os.read(heard, 1):  # its end of the pipe closed with it
                return False
            worker.interrupt_by_parent = False
        return True

    def _respawn_workers(self, workers: Iterable[int], spawn_target: Any, target_loader: Any, delay: float = 0) -> None:  # noqa: ARG002 — Granian's signature
        """Replace workers that died; as long as nobody can start, as in an outage of the database, try again."""
        for number in workers:
            (new,) = self._launch([number], spawn_target, target_loader)
            if self._are_ready([new]):
                old, self.wrks[number] = self.wrks[number], new
                self.respawned_wrks[number] = time.monotonic()
                self._diary.tell("worker_replaced", pid=new._id(), former_pid=old._id(), exit_code=old.inner.exitcode)  # noqa: SLF001 — it has no other name
                self._end([old])
            else:
                self._end([new])
                self._try_again(number)

    def _try_again(self, number: int) -> None:
        self._diary.fault("worker_not_replaced", worker=number)
        self.interrupt_children.append(number)
        if any(worker.is_alive() for worker in self.wrks):
            time.sleep(1)
            self.main_loop_interrupt.set()
        else:
            self._stop()

    def _reload(self, spawn_target: Any, target_loader: Any) -> None:
        """Replace all workers at once by ready ones, or none."""
        self.reload_signal = False
        self.main_loop_interrupt.clear()
        shape = self._renew() if self._renew else Shape(self.workers, self.blocking_threads)
        if shape:
            self._tell(State.SERVING, "RELOADING=1")
            self._replace(shape, spawn_target, target_loader)
            self._tell(State.SERVING, "READY=1")
        if self.interrupt_signal:
            self.main_loop_interrupt.set()

    def _replace(self, shape: Shape, spawn_target: Any, target_loader: Any) -> None:
        former = self.workers, self.blocking_threads
        self.workers, self.blocking_threads = shape.workers, shape.threads
        new = self._launch(range(shape.workers), spawn_target, target_loader)
        are_ready = self._are_ready(new)
        # What replaces a worker that dies later is made as those that serve.
        shape.settle(are_ready=are_ready)
        if not are_ready:
            self._diary.fault("reload_refused", reason="a new worker did not start, the old ones go on")
            self.workers, self.blocking_threads = former
            self._end(new)
            return
        old, self.wrks = self.wrks, new
        for worker in old:
            worker.interrupt_by_parent = True
            self._tidings[worker][1].state = State.DRAINING
        time.sleep(_SECONDS_TO_LEAVE)
        self._end(old)
        self._diary.tell("reloaded", workers=shape.workers, threads=shape.threads)

    def _end(self, workers: list[WorkerProcess]) -> None:
        """End workers once they have finished what they began, at the latest after `SECONDS_TO_FINISH`."""
        for worker in workers:
            worker.terminate()
        give_up_at = time.monotonic() + SECONDS_TO_FINISH
        for worker in workers:
            worker.join(max(0.0, give_up_at - time.monotonic()))
            if worker.is_alive():
                worker.kill()
                worker.join()
            os.close(self._tidings.pop(worker)[0])
        _fold_counts([worker._id() for worker in workers])  # noqa: SLF001 — it has no other name

    # Signals

    def signal_handler_interrupt(self, *args: Any, **_: Any) -> None:
        """End: at once at Ctrl-C and when told twice, else after the drain."""
        at_once = not self._drain or signal.SIGINT in args or self._board.state is State.DRAINING
        if signal.SIGINT in args:
            self.workers_kill_timeout = _SECONDS_AFTER_CTRL_C
        if self._board.state is not State.DRAINING:
            self._diary.tell("draining", seconds=0 if at_once else self._drain)
        self._tell(State.DRAINING, "STOPPING=1")
        if at_once:
            self._stop()
        else:
            waiting = threading.Timer(self._drain, self._stop)
            waiting.daemon = True
            waiting.start()

    def _stop(self) -> None:
        self.interrupt_signal = True
        self.main_loop_interrupt.set()

    def _tell(self, state: State, word: str) -> None:
        if self._board.state is not State.DRAINING:
            self._board.state = state
            notify(word)


def _fold_counts(pids: list[int]) -> None:
    """Let what ended workers counted lie in one file, however many reloads there are."""
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from bridge.ops import counters  # noqa: PLC0415 — loads the metrics, which the light commands do without

        counters.fold(folder, pids)


# In a worker ---------------------------------------------------------------------------------------------------------


def _begin(target: Callable[..., None], *args: Any) -> None:
    """Be a process of its own: a forked one begins with its parent's way to hear signals, and would swallow them."""
    forget_signals()
    target(*args)


def forget_signals() -> None:
    """Hear signals as a fresh process does; SIGHUP, which is for the parent, not at all."""
    signal.set_wakeup_fd(-1)
    for number in _ENDINGS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDINGS)


def _make(load: Callable[[], Any], told: int, board: Board, leaving: Board) -> Any:
    application = load()
    garbage.pass_over_what_is_loaded()
    garbage.look_seldom()
    os.write(told, b".")
    os.close(told)
    return stating(application, board, leaving)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Hold back what a process between its fork and its first line would lose."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDINGS)


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


# Beside it -----------------------------------------------------------------------------------------------------------


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[int]:
    """Do `work` in a process forked from this one, as long as this one goes on; gives its id."""

    def begin() -> None:
        forget_signals()
        end_with_parent()
        os.environ.pop(NOTIFY_SOCKET, None)  # systemd hears the main process alone, and complains of any other
        work()

    with _signals_held():
        process = multiprocessing.get_context("fork").Process(target=begin)
        process.start()
    try:
        yield process.pid or 0
    finally:
        process.terminate()
        process.join(SECONDS_TO_FINISH)
        process.kill()
