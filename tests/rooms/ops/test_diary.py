"""The server's own life, told line by line."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.core.errors import StoreUnavailable
from bridge.ops.diary import Diary


class Log:
    """Keeps what was written."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def error(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))


def failing(fault: Exception) -> Any:
    def load() -> None:
        raise fault

    return load


def test_why_a_worker_cannot_start_is_one_line_with_its_code() -> None:
    log, fault = Log(), StoreUnavailable("The database does not answer.", received="nothing", where="db:5432")
    with pytest.raises(SystemExit, match="1"):
        Diary(log).load(failing(fault))
    assert log.lines == [("worker_refused", {"code": "store_unavailable", "reason": str(fault)})]


def test_what_nobody_expected_keeps_its_traceback_in_that_line() -> None:
    log, fault = Log(), KeyError("x")
    with pytest.raises(SystemExit, match="1"):
        Diary(log).load(failing(fault))
    assert log.lines == [("worker_refused", {"exc_info": fault})]


def test_without_a_log_the_fault_itself_is_told() -> None:
    with pytest.raises(KeyError):
        Diary().load(failing(KeyError("x")))


def test_what_can_be_loaded_is_given_on() -> None:
    assert Diary(Log()).load(lambda: "program") == "program"
