"""The log: one JSON object an event, and no secret in it, whatever its type, name or look."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

import pytest
import structlog

from bridge.core.model import Secret
from bridge.ops.logs import mask_secrets
from bridge.ops.under_way import UnderWay, begin, end
from tests.rooms.ops.logging_as_usual import logging_as_usual

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl-_"
FERNET = "gAAAAABmQ0Z3kQ1abcdefghijklmnopqrstuvwxyz0123456789-_=="
SALESFORCE = "00D000000000001!AQ.aBcDeFgHiJkLmNoPqRsTuVwXyZ"
BEARER = "Bearer at-0123456789abcdef"
BASIC = "basic Y2xpZW50OnNlY3JldA=="
SHAPES = {"JWT": JWT, "sealed": FERNET, "Salesforce": SALESFORCE, "bearer": BEARER, "basic": BASIC}
NAMES = [
    "client_secret",
    "password",
    "access_token",
    "refresh_token",
    "unverified_id_token",
    "token",
    "csrf_token",
    "code_verifier",
    "cookie",
    "Set-Cookie",
    "Authorization",
    "nonce",
    "private_key",
    "tokens",
    "cookies",
]
MASK = "********"


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def masked(value: object, name: str = "received") -> Any:
    return mask_secrets(None, "info", {name: value})[name]


@pytest.mark.parametrize("shape", SHAPES)
def test_what_looks_like_a_token_is_masked_within_any_text(shape: str) -> None:
    assert SHAPES[shape][8:] not in masked(f"expected ok, received {SHAPES[shape]}, again")
    assert MASK in masked(SHAPES[shape])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_named_as_a_secret_is_masked(name: str) -> None:
    assert masked("an opaque value", name) == MASK
    assert masked({"inner": {name: "an opaque value"}}) == {"inner": {name: MASK}}


def test_a_secret_is_masked_by_its_type() -> None:
    assert masked(Secret("an opaque value")) == MASK
    assert masked([Secret("an opaque value")]) == [MASK]


@pytest.mark.parametrize(
    "value",
    [JWT.encode(), {JWT}, (JWT,), [{"deep": [JWT]}], ValueError(f"Invalid access token: {JWT}"), Secret(JWT)],
    ids=["bytes", "set", "tuple", "deep", "exception", "secret"],
)
def test_a_token_is_masked_in_values_of_any_type(value: object) -> None:
    assert "c2lnbmF0dXJl" not in json.dumps(masked(value), default=str)


@pytest.mark.parametrize("value", [None, True, 7, 1.5, "ok", "contoso", ["a", 1], {"a": {"b": None}}])
def test_what_is_no_secret_stays(value: object) -> None:
    assert masked(value) == value


@pytest.mark.parametrize("name", ["token_type", "expires_in", "code", "reference", "connection", "token_endpoint"])
def test_names_that_only_begin_like_a_secret_stay(name: str) -> None:
    assert masked("plain", name) == "plain"


def test_an_empty_secret_shows_that_it_is_empty() -> None:
    assert masked("", "access_token") == ""


Capture = pytest.CaptureFixture[str]


def test_an_event_is_one_json_object(capsys: Capture) -> None:
    with logging_as_usual():
        structlog.stdlib.get_logger("bridge").warning("sign_in", code="idp_error", name="王芳", access_token=JWT)
    (line,) = written(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "sign_in", "level": "warning", "code": "idp_error", "name": "王芳", "access_token": MASK}


def test_a_line_of_a_library_has_the_same_form_and_mask(capsys: Capture) -> None:
    with logging_as_usual():
        logging.getLogger("library").warning("refused %s", JWT)
    (line,) = written(capsys)
    assert (line["event"], line["level"]) == (f"refused {MASK}", "warning")


def _fail() -> None:
    try:
        os.environ[SALESFORCE]
    except KeyError as cause:
        raise ValueError(f"Invalid access token: {JWT}") from cause


def test_an_exception_is_told_with_its_cause_and_without_its_tokens(capsys: Capture) -> None:
    with logging_as_usual():
        try:
            _fail()
        except ValueError as fault:
            structlog.stdlib.get_logger("bridge").error("surprise", exc_info=fault)
    (line,) = written(capsys)
    assert "ValueError: Invalid access token" in line["exception"]
    assert "KeyError" in line["exception"]
    assert "test_logs.py" in line["exception"]
    assert not [secret for secret in (JWT[30:40], SALESFORCE[20:30]) if secret in line["exception"]]


def test_less_important_lines_are_left_out(capsys: Capture) -> None:
    with logging_as_usual():
        structlog.stdlib.get_logger("bridge").debug("detail")
        logging.getLogger("urllib3.connectionpool").info("GET /token?code=secret")
    assert written(capsys) == []


def test_addresses_and_rows_are_left_out_even_where_everything_is_told(capsys: Capture) -> None:
    with logging_as_usual("debug"):
        logging.getLogger("urllib3.connectionpool").debug("GET /userinfo?access_token=secret")
        logging.getLogger("sqlalchemy.engine").debug("Row ('secret',)")
        logging.getLogger("bridge").debug("told")
    assert [line["event"] for line in written(capsys)] == ["told"]


def test_a_value_that_json_does_not_know_is_written_as_text(capsys: Capture) -> None:
    with logging_as_usual():
        structlog.stdlib.get_logger("bridge").info("event", path=b"/x", kinds={"one"})
    (line,) = written(capsys)
    assert (line["path"], line["kinds"]) == ("b'/x'", "{'one'}")


def test_a_line_of_a_request_that_is_traced_names_its_trace(capsys: Capture) -> None:
    begun = begin(UnderWay("r1", trace_id="a" * 32, span_id="b" * 16))
    with logging_as_usual():
        logging.getLogger("library").warning("slow")
    end(begun)
    (line,) = written(capsys)
    assert (line["request_id"], line["trace_id"], line["span_id"]) == ("r1", "a" * 32, "b" * 16)


def test_the_servers_own_lines_have_the_same_form(capsys: Capture) -> None:
    server = logging.getLogger("_granian")
    server.addHandler(logging.StreamHandler())
    server.propagate = False
    with logging_as_usual():
        server.error("Application callable raised an exception")
    (line,) = written(capsys)
    assert (line["event"], line["level"]) == ("Application callable raised an exception", "error")


OBEYED = {
    "a new line": "a\nb",
    "a carriage return": "a\rb",
    "an escape sequence": "\x1b[2Jb",
    "the same of one character": "\x9b2Jb",
    "delete": "\x7f",
    "a line of Unicode": "a\u2028b",
    "another direction": "a\u202eb",
    "half a character": "a\udc80b",
    "the end of the object": '"}\n{"event":"forged',
}


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("kind", OBEYED)
def test_nothing_in_a_value_makes_a_line_of_its_own_or_moves_a_terminal(capsys: Capture, kind: str, form: Any) -> None:
    with logging_as_usual(form=form):
        structlog.stdlib.get_logger("bridge").info("refused", received=OBEYED[kind], **{"na" + OBEYED[kind]: 1})
        logging.getLogger("library").warning(OBEYED[kind])
    told = capsys.readouterr().err
    assert told.count("\n") == 2
    assert all(letter == "\n" or letter.isprintable() for letter in told)
    if form == "json":
        assert [json.loads(line)["event"] for line in told.splitlines()] == ["refused", OBEYED[kind]]


LONG = {
    "a long text": "x" * 5_000_000,
    "many texts": ["x" * 1000] * 5000,
    "many names": {f"{number:0500}": number for number in range(5000)},
    "deep": [[[[[[[[[[[["x" * 5_000]]]]]]]]]]]],
}


@pytest.mark.parametrize("kind", LONG)
def test_however_much_a_stranger_sends_a_line_stays_short_and_whole(capsys: Capture, kind: str) -> None:
    with logging_as_usual():
        structlog.stdlib.get_logger("bridge").info("refused", received=LONG[kind], reference="ABC")
    (line,) = written(capsys)
    assert len(json.dumps(line)) < 40_000
    assert (line["event"], line["reference"]) == ("refused", "ABC")


def test_a_secret_that_is_cut_is_masked_all_the_same(capsys: Capture) -> None:
    with logging_as_usual():
        structlog.stdlib.get_logger("bridge").info("refused", received="x " * 1990 + JWT * 1000)
    assert "eyJ" not in capsys.readouterr().err


def test_text_is_for_somebody_who_looks_on_with_an_exception_below(capsys: Capture) -> None:
    with logging_as_usual(form="text"):
        try:
            int("one\n2026-01-01 info forged")
        except ValueError as fault:
            structlog.stdlib.get_logger("bridge").error("surprise", exc_info=fault, code="ok", why="two words", none="")
    head, *rows = capsys.readouterr().err.splitlines()
    assert head.endswith('error   surprise code=ok why="two words"')
    assert rows
    assert all(row.startswith("    ") for row in rows)
