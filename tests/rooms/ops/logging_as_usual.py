"""The log as the bridge configures it, and everything put back afterwards."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from bridge.ops.logs import configure_logs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.ops.logs import LogFormat

_NAMES = ("", "urllib3", "sqlalchemy", "_granian", "granian.access")


@contextmanager
def logging_as_usual(level: str = "info", form: LogFormat = "json") -> Iterator[None]:
    """Configure the log as the bridge does, and put everything back."""
    loggers = [logging.getLogger(name) for name in _NAMES]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    configure_logs(level, form)
    try:
        yield
    finally:
        for logger, (handlers, former, propagate) in zip(loggers, before, strict=True):
            logger.handlers[:], logger.propagate = handlers, propagate
            logger.setLevel(former)
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()
