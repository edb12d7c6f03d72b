"""Running commands as children: they are watched and ended."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from bridge import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def sleeper(folder: Path, code: str) -> running.Child:
    log = folder / "sleeper.log"
    with log.open("wb") as output:
        command = [sys.executable, "-u", "-c", f"import signal, sys, time\n{code}"]
        return running.Child("sleeper", subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT), log)


class TestAChild:
    def test_that_died_is_told_with_its_last_lines(self, tmp_path: Path) -> None:
        child = sleeper(tmp_path, "for i in range(30): print('line', i)\nsys.exit(3)")
        child.process.wait(60)
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
        child.process.wait(60)
        with pytest.raises(running.CannotRun, match="ended with exit code 1"):
            running.wait_until_answering([child], {1: "/"})
