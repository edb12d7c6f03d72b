"""The log: one JSON object an event, and no secret in it, whatever its type, name or look."""

from __future__ import annotations

import json
import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from bridge.core.model import Secret
from bridge.ops.logs import configure_logs, mask_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@contextmanager
def configured(level: str = "info") -> Iterator[None]:
    """Configure the log as the bridge does, and put everything back."""
    loggers = [logging.getLogger(name) for name in ("", "urllib3", "sqlalchemy")]
    handlers, levels = list(loggers[0].handlers), [logger.level for logger in loggers]
    configure_logs(level)
    try:
        yield
    finally:
        loggers[0].handlers[:] = handlers
        for logger, before in zip(loggers, levels, strict=True):
            logger.setLevel(before)
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()


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
    with configured():
        structlog.stdlib.get_logger("bridge").warning("sign_in", code="idp_error", name="王芳", access_token=JWT)
    (line,) = written(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "sign_in", "level": "warning", "code": "idp_error", "name": "王芳", "access_token": MASK}


def test_a_line_of_a_library_has_the_same_form_and_mask(capsys: Capture) -> None:
    with configured():
        logging.getLogger("library").warning("refused %s", JWT)
    (line,) = written(capsys)
    assert (line["event"], line["level"]) == (f"refused {MASK}", "warning")


def _fail() -> None:
    try:
        os.environ[SALESFORCE]
    except KeyError as cause:
        raise ValueError(f"Invalid access token: {JWT}") from cause


def test_an_exception_is_told_with_its_cause_and_without_its_tokens(capsys: Capture) -> None:
    with configured():
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
    with configured():
        structlog.stdlib.get_logger("bridge").debug("detail")
        logging.getLogger("urllib3.connectionpool").info("GET /token?code=secret")
    assert written(capsys) == []


def test_addresses_and_rows_are_left_out_even_where_everything_is_told(capsys: Capture) -> None:
    with configured("debug"):
        logging.getLogger("urllib3.connectionpool").debug("GET /userinfo?access_token=secret")
        logging.getLogger("sqlalchemy.engine").debug("Row ('secret',)")
        logging.getLogger("bridge").debug("told")
    assert [line["event"] for line in written(capsys)] == ["told"]


def test_a_value_that_json_does_not_know_is_written_as_text(capsys: Capture) -> None:
    with configured():
        structlog.stdlib.get_logger("bridge").info("event", path=b"/x", kinds={"one"})
    (line,) = written(capsys)
    assert (line["path"], line["kinds"]) == ("b'/x'", "{'one'}")
