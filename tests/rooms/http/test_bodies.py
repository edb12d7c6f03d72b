"""Bodies that do not come hold half of the threads at most, and none for long."""

from __future__ import annotations

import io
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import pytest
from flask import Flask, request

from bridge.core.errors import BridgeError
from bridge.http import bodies
from tests.kit.ports import free_port
from tests.kit.processes import answers, running

if TYPE_CHECKING:
    from pathlib import Path

    from werkzeug.test import TestResponse

THREADS = 4


class Slow(io.BytesIO):
    """A body whose sender takes his time."""

    def __init__(self) -> None:
        super().__init__(b"a=b")
        self.is_wanted, self.may_come = threading.Event(), threading.Event()

    def read(self, size: int | None = -1, /) -> bytes:
        self.is_wanted.set()
        assert self.may_come.wait(60)
        return super().read(size)


def application(seconds: float = bodies.SECONDS) -> Flask:
    app = Flask(__name__)
    bodies.install(app, THREADS, seconds)
    app.add_url_rule("/", view_func=lambda: dict(request.form), methods=["GET", "POST"])
    app.testing = True
    app.register_error_handler(BridgeError, lambda fault: (str(fault), fault.status))
    return app


def post(app: Flask, body: io.BytesIO) -> TestResponse:
    sent = {"wsgi.input": body, "CONTENT_LENGTH": "3", "CONTENT_TYPE": "application/x-www-form-urlencoded"}
    return app.test_client().post("/", environ_overrides=sent)


def test_while_half_of_the_threads_wait_for_bodies_a_further_one_is_refused_and_what_has_none_is_answered() -> None:
    app, slow = application(), [Slow() for _ in range(THREADS // 2)]
    with ThreadPoolExecutor(THREADS) as pool:
        waiting = [pool.submit(post, app, body) for body in slow]
        try:
            assert all(body.is_wanted.wait(60) for body in slow)
            refused = post(app, io.BytesIO(b"a=b"))
            assert (refused.status_code, refused.headers["Connection"]) == (429, "close")
            assert app.test_client().get("/").status_code == 200
        finally:
            for body in slow:
                body.may_come.set()
        assert [one.result().get_json() for one in waiting] == [{"a": "b"}] * len(slow)
    assert post(app, io.BytesIO(b"a=b")).get_json() == {"a": "b"}


def test_a_body_that_takes_too_long_is_given_up_and_frees_its_place() -> None:
    app, slow = application(0.01), Slow()
    late = post(app, slow)
    assert (late.status_code, late.headers["Connection"]) == (408, "close")
    # What lets the server drop the line, see `_break_off`.
    assert late.content_length == len(late.data) + 1
    slow.may_come.set()
    assert [post(app, io.BytesIO(b"a=b")).status_code for _ in range(THREADS)] == [200] * THREADS


def test_nobody_waits_for_what_a_head_request_brings() -> None:
    sent = {"wsgi.input": Slow(), "CONTENT_LENGTH": "3", "CONTENT_TYPE": "application/x-www-form-urlencoded"}
    assert application().test_client().head("/", environ_overrides=sent).status_code == 200


def test_a_large_body_may_take_longer() -> None:
    app = application(0.0)
    sent = {"wsgi.input": io.BytesIO(b"a" * 400_000), "CONTENT_LENGTH": "400000"}
    assert app.test_client().post("/", environ_overrides=sent).status_code == 200


FORM: Final = b"Content-Type: application/x-www-form-urlencoded"
SERVER: Final = """
import sys
from bridge import serving
from tests.rooms.http.test_bodies import application

def make():
    return application(0.5)

serving.serve_wsgi("__main__:make", "127.0.0.1", int(sys.argv[-1]), serving.Shape(threads=2))
"""


def test_a_real_server_lets_go_of_a_client_that_never_finishes_its_body(tmp_path: Path) -> None:
    port = free_port()
    with running(["slow", str(port)], tmp_path, program=[sys.executable, "-c", SERVER]) as command:
        command.wait_until(lambda: answers(f"http://127.0.0.1:{port}/"))
        for _ in range(3):  # one at a time has a place
            with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
                line.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n" + FORM + b"\r\n\r\nabc")
                told = b"".join(iter(lambda: line.recv(4096), b""))
            # A machine that is very busy may drop the answer with the line.
            assert told.partition(b"\r")[0] in {b"HTTP/1.1 408 Request Timeout", b""}
            assert answers(f"http://127.0.0.1:{port}/")
        with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
            # Its answer can promise no byte too many: a server that waits for this body serves nobody else.
            line.sendall(b"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n" + FORM + b"\r\n\r\n")
            assert line.recv(4096).startswith(b"HTTP/1.1 200")
            assert answers(f"http://127.0.0.1:{port}/")


class Broken(io.BytesIO):
    """A body whose sender has hung up."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise ConnectionResetError(size)


def test_whatever_keeps_a_body_from_being_read_frees_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    app = application()
    assert [post(app, Broken()).status_code for _ in range(THREADS)] == [400] * THREADS
    with monkeypatch.context() as crowded:
        crowded.setattr(threading.Thread, "start", no_more)
        for _ in range(THREADS):
            with pytest.raises(RuntimeError):
                post(app, io.BytesIO(b"a=b"))
    assert post(app, io.BytesIO(b"a=b")).get_json() == {"a": "b"}


def no_more(_thread: threading.Thread) -> None:
    message = "can't start new thread"
    raise RuntimeError(message)


def test_a_body_that_was_given_up_is_not_waited_for_again() -> None:
    app, slow = application(0.01), Slow()

    @app.before_request
    def look() -> None:
        with suppress(BridgeError):
            request.get_data()

    assert post(app, slow).status_code == 408
    slow.may_come.set()
