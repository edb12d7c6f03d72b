"""Requests of two readings are refused before anything of ours looks at them."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.kit.house import House


@pytest.mark.parametrize("path", ["/login", "/nowhere", "/api/v1/connections"])
def test_a_body_without_a_length_is_refused_and_hung_up_on(quiet: House, path: str) -> None:
    answer = quiet.app.test_client().post(path, headers={"Transfer-Encoding": "chunked", "Accept": "application/json"})
    assert (answer.status_code, answer.get_json()["code"], answer.get_json()["expected"]) == (
        411,
        "request_invalid",
        "Content-Length",
    )
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize(
    ("host", "status"), [("a.example,b.example", 400), ("a.example:1,b.example:2", 400), ("", 200)]
)
def test_there_is_one_host_at_most(quiet: House, host: str, status: int) -> None:
    answer = quiet.app.test_client().get("/login", environ_overrides={"HTTP_HOST": host})
    assert (answer.status_code, "Connection" in answer.headers) == (status, False)


def test_a_body_that_breaks_off_is_refused_whatever_the_server_says(quiet: House) -> None:
    sent = {"wsgi.input": BytesIO(b"state=x"), "wsgi.input_terminated": True, "CONTENT_LENGTH": "100"}
    client = quiet.app.test_client()
    client.get("/login")
    told = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    answer = client.post("/callback/globex", headers=told, environ_overrides=sent)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "request_invalid")
