"""Running servers: main threads that hear signals, children that are watched and ended."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from bridge import running

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

# The main thread refuses SIGTERM, so that the kernel hands it to the other thread, and waits for a lock without end.
DEAF = """
import signal, sys, threading, time
from bridge.running import hear_signals
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
if sys.argv[1] == "hears":
    hear_signals()
print("ready", flush=True)
ended.wait()
"""


def seconds_to_end(manner: str) -> float:
    with subprocess.Popen([sys.executable, "-c", DEAF, manner], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout
        process.stdout.readline()
        time.sleep(0.3)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
        return time.monotonic() - began


def test_a_waiting_main_thread_hears_signals_that_other_threads_got() -> None:
    assert seconds_to_end("is deaf") > 2.9
    assert seconds_to_end("hears") < 2.9


def test_signals_are_heard_while_the_main_thread_works_too() -> None:
    heard: list[int] = []
    numbers = (signal.SIGUSR1, signal.SIGUSR2)
    handlers = [signal.getsignal(number) for number in numbers]
    try:
        running.hear_signals()
        signal.signal(signal.SIGUSR1, lambda number, _frame: heard.append(number))
        signal.raise_signal(signal.SIGUSR1)
        deadline = time.monotonic() + 5
        while not heard and time.monotonic() < deadline:
            time.sleep(0.01)
        assert heard == [signal.SIGUSR1]
    finally:
        time.sleep(0.1)
        signal.set_wakeup_fd(-1)
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)


def test_the_server_gets_workers_threads_and_open_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[dict[str, Any]] = []

    class Server:
        def __init__(self, target: str, **options: Any) -> None:
            self.options = {"target": target, **options}

        def serve(self) -> None:
            served.append(self.options)

    monkeypatch.setattr(running, "MPServer", Server)
    monkeypatch.setattr(running, "hear_signals", lambda: None)
    running.serve_wsgi("room:factory", "127.0.0.1", 8000, threads=7, workers=3)
    (options,) = served
    assert (options["target"], options["factory"], options["address"], options["port"]) == (
        "room:factory",
        True,
        "127.0.0.1",
        8000,
    )
    assert (options["workers"], options["blocking_threads"]) == (3, 7)
    assert options["http1_settings"].keep_alive
    assert not options["log_access"]


def sleeper(folder: Path, code: str) -> running.Child:
    log = folder / "sleeper.log"
    with log.open("wb") as output:
        command = [sys.executable, "-u", "-c", f"import signal, sys, time\n{code}"]
        return running.Child("sleeper", subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT), log)


class TestAChild:
    def test_that_died_is_told_with_its_last_lines(self, tmp_path: Path) -> None:
        child = sleeper(tmp_path, "for i in range(30): print('line', i)\nsys.exit(3)")
        child.process.wait(10)
        with pytest.raises(running.CannotRun) as refusal:
            running.wait_until_one_ends([child])
        lines = refusal.value.message.splitlines()
        assert lines[0] == "line 10"
        assert lines[-1] == "The sleeper ended with exit code 3, so all of it ends."

    def test_that_ignores_its_end_is_killed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(running, "SECONDS_TO_STOP", -4.5)
        child = sleeper(tmp_path, "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready')\ntime.sleep(60)")
        while b"ready" not in child.log.read_bytes():
            time.sleep(0.05)
        child.process.terminate()
        child.end()
        assert child.process.returncode == -signal.SIGKILL

    def test_is_ended_even_when_something_breaks(self, tmp_path: Path) -> None:
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        children: list[running.Child] = []

        def break_something() -> None:
            with running.children({"secret": ["keys", "secret"]}, tmp_path) as started:
                children.extend(started)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            break_something()
        assert [child.process.returncode is not None for child in children] == [True]
        assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


class Grumbler(BaseHTTPRequestHandler):
    """Answers 500 twice, then 200."""

    answers = iter((500, 500, 200))

    def do_GET(self) -> None:
        self.send_response(next(self.answers))
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def grumbler() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Grumbler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


class TestWaitingForAnswers:
    def test_goes_on_until_the_answer_is_good(self, grumbler: int) -> None:
        running.wait_until_answering([], {grumbler: "/"})
        assert next(Grumbler.answers, None) is None

    def test_gives_up_in_the_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(running, "SECONDS_TO_START", 0)
        with socket.create_server(("127.0.0.1", 0)) as held:
            port = held.getsockname()[1]
        with pytest.raises(running.CannotRun, match=f"Nothing answered at port {port} within 0 seconds"):
            running.wait_until_answering([], {port: "/"})

    def test_ends_when_a_child_has_died(self, tmp_path: Path) -> None:
        child = sleeper(tmp_path, "sys.exit(1)")
        child.process.wait(10)
        with pytest.raises(running.CannotRun, match="ended with exit code 1"):
            running.wait_until_answering([child], {1: "/"})


def test_a_worker_ends_with_whoever_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gone, ended = threading.Event(), threading.Event()
    parent = SimpleNamespace(join=gone.wait)
    monkeypatch.setattr("multiprocessing.parent_process", lambda: parent)
    monkeypatch.setattr("os.kill", lambda _, number: ended.set() if number == signal.SIGKILL else None)
    running.end_with_parent()
    assert not ended.wait(0.05)
    gone.set()
    assert ended.wait(10)


def test_a_process_that_nobody_started_as_a_worker_lives_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiprocessing.parent_process", lambda: None)
    running.end_with_parent()
    assert "end-with-parent" not in {thread.name for thread in threading.enumerate()}
