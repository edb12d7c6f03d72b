"""What commands are tried on: a configuration of its own with a database, and the rooms behind it."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from bridge.app import provision
from bridge.rooms import build_services, make_outbound
from bridge.settings import load
from tests.rooms.configurations import changed, toml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.services import Services


@contextmanager
def configured(folder: Path) -> Iterator[Path]:
    """Give the path of a good configuration, and take back how its commands have set up the log."""
    path = folder / "bridge.toml"
    path.write_text(toml(changed({"store": {"database": f"sqlite:///{folder}/bridge.db"}})), "utf-8")
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield path
    # The commands send log lines to a standard error that ends with them.
    logging.getLogger().handlers[:], logging.getLogger().level = handlers, level
    logging.captureWarnings(False)  # noqa: FBT003 — Python's own spelling
    structlog.reset_defaults()


@contextmanager
def opened(config: Path) -> Iterator[Services]:
    """Give the rooms of a configuration, which the database knows."""
    settings = load(config, {})
    built = build_services(settings, make_outbound(settings), time.time)
    provision(settings, built)
    yield built
    built.database.close()
