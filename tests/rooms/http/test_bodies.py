"""Bodies that do not come hold half of the threads at most."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from flask import Flask, request

from bridge.core.errors import RateLimited
from bridge.http import bodies

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

THREADS = 4


class Slow(io.BytesIO):
    """A body whose sender takes his time."""

    def __init__(self) -> None:
        super().__init__(b"a=b")
        self.is_wanted, self.may_come = threading.Event(), threading.Event()

    def read(self, size: int | None = -1, /) -> bytes:
        self.is_wanted.set()
        assert self.may_come.wait(10)
        return super().read(size)


def application() -> Flask:
    app = Flask(__name__)
    bodies.install(app, THREADS)
    app.add_url_rule("/", view_func=lambda: dict(request.form), methods=["GET", "POST"])
    app.register_error_handler(RateLimited, lambda fault: (str(fault), fault.status))
    return app


def post(app: Flask, body: io.BytesIO) -> TestResponse:
    sent = {"wsgi.input": body, "CONTENT_LENGTH": "3", "CONTENT_TYPE": "application/x-www-form-urlencoded"}
    return app.test_client().post("/", environ_overrides=sent)


def test_while_half_of_the_threads_wait_for_bodies_a_further_one_is_refused_and_what_has_none_is_answered() -> None:
    app, slow = application(), [Slow() for _ in range(THREADS // 2)]
    with ThreadPoolExecutor(THREADS) as pool:
        waiting = [pool.submit(post, app, body) for body in slow]
        try:
            assert all(body.is_wanted.wait(10) for body in slow)
            refused = post(app, io.BytesIO(b"a=b"))
            assert (refused.status_code, refused.headers["Connection"]) == (429, "close")
            assert app.test_client().get("/").status_code == 200
        finally:
            for body in slow:
                body.may_come.set()
        assert [one.result().get_json() for one in waiting] == [{"a": "b"}] * len(slow)
    assert post(app, io.BytesIO(b"a=b")).get_json() == {"a": "b"}
