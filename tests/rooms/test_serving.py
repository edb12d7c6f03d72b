"""The server's parent: workers that are ready before others leave, the drain, signals, and what systemd is told."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from granian.constants import Interfaces
from granian.log import LogLevels
from prometheus_client.mmap_dict import MmapedDict

from bridge import serving
from bridge.ops.diary import Diary
from bridge.ops.health import STATE, Board, State, notify, stating
from bridge.serving import Shape
from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]


# Workers --------------------------------------------------------------------------------------------------------------


def idle(_number: int, _name: None, load: Callable[[], Any], *_: Any) -> None:
    """Be a worker that makes its application and serves nobody."""
    load()
    signal.pause()


class Desk:
    """A server with tiny workers, whose factory does what `manner` says."""

    def __init__(self, workers: int = 2, *, drain: float = 0, renew: Callable[[], Shape | None] | None = None) -> None:
        self.manner: Callable[[], Any] = object
        self.server = serving.Server(
            "none",
            port=free_port(),
            interface=Interfaces.WSGI,
            workers=workers,
            blocking_threads=1,
            workers_kill_timeout=5,
            log_level=LogLevels.error,
        )
        self.board = Board()
        self.lines: list[tuple[str, dict[str, Any]]] = []
        log = SimpleNamespace(info=self.write, error=self.write)
        self.server.furnish(drain, self.board, self.board, renew, Diary(log, {"bind": "here"}))
        self.server._init_shared_socket()
        self.server._start_ipc()  # type: ignore[no-untyped-call]

    def make(self) -> Any:
        return self.manner()

    def write(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    def told(self) -> list[str]:
        return [event for event, _ in self.lines]

    def start(self) -> None:
        self.server._spawn_workers(idle, self.make)

    def state(self) -> State:
        return self.board.state

    def pids(self) -> list[int]:
        return [worker._id() for worker in self.server.wrks]

    def respawn(self, number: int) -> None:
        self.server._respawn_workers([number], idle, self.make)

    def close(self) -> None:
        self.server._drop_shared_socket()
        self.server._end(self.server.wrks)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Desk]]:
    monkeypatch.setattr("multiprocessing.get_start_method", lambda: "fork")
    monkeypatch.setattr(serving, "_SECONDS_TO_LEAVE", 0.0)
    monkeypatch.setattr("bridge.serving.time.sleep", lambda _: None)
    made: list[Desk] = []

    def make(*args: Any, **kwargs: Any) -> Desk:
        made.append(Desk(*args, **kwargs))
        return made[-1]

    yield make
    for one in made:
        one.close()


def fails() -> None:
    sys.exit(1)


def are_alive(pids: list[int]) -> list[bool]:
    return [Path(f"/proc/{pid}").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text("utf-8") for pid in pids]


class TestWorkers:
    def test_are_ready_when_the_server_says_that_it_serves(self, desk: Callable[..., Desk]) -> None:
        one = desk()
        assert one.state() is State.STARTING
        one.start()
        assert one.state() is State.SERVING
        assert are_alive(one.pids()) == [True, True]
        assert one.lines == [("serving", {"bind": "here", "workers": 2, "threads": 1})]

    def test_one_that_cannot_start_ends_the_server_with_exit_code_1(self, desk: Callable[..., Desk]) -> None:
        one = desk()
        one.manner = fails
        one.start()
        assert one.state() is not State.SERVING
        assert one.server.interrupt_signal
        assert one.server.interrupt_children
        assert one.told() == ["worker_not_started"]

    def test_that_take_too_long_end_it_too(self, desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(serving, "SECONDS_TO_BE_READY", 0)
        monkeypatch.setattr(serving, "_A_MOMENT", 0.01)
        one = desk(1)
        one.manner = signal.pause
        one.start()
        assert one.server.interrupt_signal

    def test_one_that_died_is_replaced_by_a_ready_one(self, desk: Callable[..., Desk]) -> None:
        one = desk()
        one.start()
        dead, other = one.pids()
        os.kill(dead, signal.SIGKILL)
        assert one.server.main_loop_interrupt.wait(30)
        assert one.server.interrupt_children == [0]
        one.respawn(0)
        assert one.pids()[1] == other
        assert dead not in one.pids()
        assert are_alive(one.pids()) == [True, True]
        assert one.lines[1:] == [
            ("worker_replaced", {"pid": one.pids()[0], "former_pid": dead, "exit_code": -signal.SIGKILL})
        ]

    def test_one_that_nobody_can_replace_is_tried_again_while_others_serve(self, desk: Callable[..., Desk]) -> None:
        one = desk()
        one.start()
        os.kill(one.pids()[0], signal.SIGKILL)
        one.server.wrks[0].join()
        one.manner = fails
        one.respawn(0)
        assert 0 in one.server.interrupt_children
        assert not one.server.interrupt_signal
        assert one.told() == ["serving", "worker_not_replaced"]

    def test_the_last_one_that_nobody_can_replace_ends_the_server(self, desk: Callable[..., Desk]) -> None:
        one = desk(1)
        one.start()
        os.kill(one.pids()[0], signal.SIGKILL)
        one.server.wrks[0].join()
        one.manner = fails
        one.respawn(0)
        assert one.server.interrupt_signal


class TestAReload:
    def test_replaces_all_workers_and_may_change_how_many_they_are(self, desk: Callable[..., Desk]) -> None:
        settled: list[dict[str, bool]] = []
        one = desk(2, renew=lambda: Shape(3, 5, lambda **told: settled.append(told)))
        one.start()
        before = one.pids()
        one.server._reload(idle, one.make)
        assert are_alive(before) == [False, False]
        assert are_alive(one.pids()) == [True] * 3
        assert one.server.blocking_threads == 5
        assert one.lines[1:] == [("reloaded", {"workers": 3, "threads": 5})]
        assert settled == [{"are_ready": True}]
        assert not one.server.interrupt_children

    def test_lets_what_the_old_workers_counted_lie_in_one_file(
        self, desk: Callable[..., Desk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
        one = desk(2)
        one.manner = lambda: MmapedDict(f"{tmp_path}/counter_{os.getpid()}.db").write_value("[]", 1.5, 0.0)  # type: ignore[no-untyped-call]
        one.start()
        for _ in range(2):
            one.server._reload(idle, one.make)
        assert {file.name for file in tmp_path.iterdir()} == {
            "counter_ended.db",
            *(f"counter_{pid}.db" for pid in one.pids()),
        }
        ended = MmapedDict.read_all_values_from_file(tmp_path / "counter_ended.db")  # type: ignore[no-untyped-call]
        assert [(key.strip(), value) for key, value, *_ in ended] == [("[]", 6.0)]

    def test_that_is_refused_leaves_everything_as_it_was(self, desk: Callable[..., Desk]) -> None:
        one = desk(1, renew=lambda: None)
        one.start()
        before = one.pids()
        one.server._reload(idle, one.make)
        assert one.pids() == before

    def test_whose_workers_do_not_start_leaves_the_old_ones(self, desk: Callable[..., Desk]) -> None:
        settled: list[dict[str, bool]] = []
        one = desk(1, renew=lambda: Shape(2, 5, lambda **told: settled.append(told)))
        one.start()
        before, one.manner = one.pids(), fails
        one.server._reload(idle, one.make)
        assert one.pids() == before
        assert are_alive(before) == [True]
        assert (one.server.workers, one.server.blocking_threads) == (1, 1)
        assert settled == [{"are_ready": False}]
        assert not one.server.interrupt_children
        assert one.told() == ["serving", "reload_refused"]

    def test_does_not_swallow_an_end_that_came_meanwhile(self, desk: Callable[..., Desk]) -> None:
        one = desk(1)
        one.start()
        one.server.interrupt_signal = True
        one.server._reload(idle, one.make)
        assert one.server.main_loop_interrupt.is_set()


class TestTheEnd:
    def test_comes_after_the_drain_and_is_told_before(self, desk: Callable[..., Desk]) -> None:
        one = desk(1, drain=0.05)
        one.server.signal_handler_interrupt(signal.SIGTERM, None)
        assert one.state() is State.DRAINING
        assert not one.server.interrupt_signal
        assert one.server.main_loop_interrupt.wait(30)
        assert one.server.interrupt_signal

    @pytest.mark.parametrize(
        ("drain", "signals", "first"),
        [
            pytest.param(0, [signal.SIGTERM], 0, id="without_a_drain"),
            pytest.param(600, [signal.SIGINT], 0, id="at_ctrl_c"),
            pytest.param(600, [signal.SIGTERM, signal.SIGTERM], 600, id="told_twice"),
        ],
    )
    def test_comes_at_once(
        self, desk: Callable[..., Desk], drain: float, signals: list[signal.Signals], first: float
    ) -> None:
        one = desk(1, drain=drain)
        for number in signals:
            one.server.signal_handler_interrupt(number, None)
        assert one.server.interrupt_signal
        assert one.state() is State.DRAINING
        assert one.lines == [("draining", {"seconds": first})]

    @pytest.mark.parametrize(("failed", "code"), [([], 0), ([0], 1)], ids=["well", "by a worker"])
    def test_is_the_last_line(self, desk: Callable[..., Desk], failed: list[int], code: int) -> None:
        one = desk(1)
        one.server.wrks, one.server.interrupt_children = [], failed
        with suppress(SystemExit):
            one.server.shutdown()
        one.server._init_shared_socket()
        assert one.lines == [("stopped", {"exit_code": code})]


# What applications and systemd are told -------------------------------------------------------------------------------


def answered(board: Board, leaving: Board) -> tuple[State, dict[str, str]]:
    """Ask an application once; returns the state that it was told, and its answer's headers."""
    told: list[Any] = []

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        told.append(environ[STATE])
        start_response("200 OK", [("X-Own", "kept")])
        return [b""]

    stating(application, board, leaving)({}, lambda _status, headers, *_: told.append(dict(headers)))
    return told[0], told[1]


def test_connections_stay_open_while_the_server_serves_and_close_when_it_or_its_worker_leaves() -> None:
    board, leaving = Board(), Board()
    board.state = State.SERVING
    assert answered(board, leaving) == (State.SERVING, {"X-Own": "kept"})
    leaving.state = State.DRAINING
    assert answered(board, leaving) == (State.SERVING, {"X-Own": "kept", "Connection": "close"})
    board.state, leaving.state = State.DRAINING, State.STARTING
    assert answered(board, leaving) == (State.DRAINING, {"X-Own": "kept", "Connection": "close"})


def test_systemd_is_told_when_it_is_ready_when_it_reloads_and_that_it_ends(
    desk: Callable[..., Desk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        one = desk(1)
        one.start()
        one.server._reload(idle, one.make)
        one.server.signal_handler_interrupt(signal.SIGTERM, None)
        assert [systemd.recv(99) for _ in range(4)] == [b"READY=1", b"RELOADING=1", b"READY=1", b"STOPPING=1"]


def test_systemd_hears_nothing_of_the_desk_for_probes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        done = multiprocessing.get_context("fork").Event()

        def work() -> None:
            notify("READY=1")
            done.set()

        with serving.beside(work):
            assert done.wait(60)
        with pytest.raises(BlockingIOError):
            systemd.recv(99, socket.MSG_DONTWAIT)
    assert "NOTIFY_SOCKET" in os.environ


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "@nobody-listens-here"])
def test_nobody_listens_and_nothing_happens(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")


def test_the_server_gets_workers_threads_limits_and_open_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[dict[str, Any]] = []

    class Server:
        def __init__(self, target: str, **options: Any) -> None:
            self.options = {"target": target, **options}

        def furnish(self, *told: Any) -> None:
            self.options["furnished"] = told

        def serve(self) -> None:
            served.append(self.options)

    monkeypatch.setattr(serving, "Server", Server)
    monkeypatch.setattr(serving, "hear_signals", lambda: None)
    monkeypatch.setattr("multiprocessing.set_start_method", lambda *_, **__: None)
    monkeypatch.setattr("gc.freeze", lambda: None)
    board = Board()
    serving.serve_wsgi("room:factory", "127.0.0.1", 8000, Shape(3, 7), drain=5, board=board)
    (options,) = served
    assert (options["target"], options["factory"], options["address"], options["port"]) == (
        "room:factory",
        True,
        "127.0.0.1",
        8000,
    )
    assert (options["workers"], options["blocking_threads"]) == (3, 7)
    assert options["http1_settings"].keep_alive
    assert options["http1_settings"].max_buffer_size <= 65_536
    assert options["http1_settings"].header_read_timeout <= 30_000
    assert options["backpressure"] > 1024
    assert options["furnished"] == (5, board, board, None, Diary())
    assert not options["log_access"]


def test_many_connections_need_many_files_and_get_what_the_hard_limit_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr("resource.getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr("resource.setrlimit", lambda _, limits: asked.append(limits))
    serving._allow_files(9000)
    assert asked == [(4096, 4096)]


def test_what_runs_beside_hears_signals_and_ends_with_the_work() -> None:
    with serving.beside(signal.pause) as pid:
        assert are_alive([pid]) == [True]
    assert are_alive([pid]) == [False]


# Signals --------------------------------------------------------------------------------------------------------------

# The main thread refuses SIGTERM, so that the kernel hands it to the other thread, and waits for a lock without end.
DEAF = """
import signal, sys, threading, time
from bridge.serving import hear_signals
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
if sys.argv[1] == "hears":
    hear_signals()
print("ready", flush=True)
ended.wait()
"""


def is_ended_by_a_signal(manner: str, patience: float) -> bool:
    with subprocess.Popen([sys.executable, "-c", DEAF, manner], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout
        process.stdout.readline()
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            return False
        return True


def test_a_waiting_main_thread_hears_signals_that_other_threads_got() -> None:
    assert not is_ended_by_a_signal("is deaf", patience=1)
    assert is_ended_by_a_signal("hears", patience=50)


def test_signals_are_heard_while_the_main_thread_works_too() -> None:
    heard: list[int] = []
    numbers = (signal.SIGUSR1, signal.SIGUSR2)
    handlers = [signal.getsignal(number) for number in numbers]
    try:
        serving.hear_signals()
        signal.signal(signal.SIGUSR1, lambda number, _frame: heard.append(number))
        signal.raise_signal(signal.SIGUSR1)
        deadline = time.monotonic() + 30
        while not heard and time.monotonic() < deadline:
            time.sleep(0.01)
        assert heard == [signal.SIGUSR1]
    finally:
        time.sleep(0.1)
        signal.set_wakeup_fd(-1)
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)


def test_a_worker_ends_with_whoever_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gone, ended = threading.Event(), threading.Event()
    parent = SimpleNamespace(join=gone.wait)
    monkeypatch.setattr("multiprocessing.parent_process", lambda: parent)
    monkeypatch.setattr("os.kill", lambda _, number: ended.set() if number == signal.SIGKILL else None)
    serving.end_with_parent()
    assert not ended.wait(0.05)
    gone.set()
    assert ended.wait(60)


def test_a_process_that_nobody_started_as_a_worker_lives_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiprocessing.parent_process", lambda: None)
    serving.end_with_parent()
    assert "end-with-parent" not in {thread.name for thread in threading.enumerate()}
