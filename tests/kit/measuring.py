"""When coverage looks on: to follow each line makes a test half as slow again, and seldom shows anything new."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING

from coverage import Coverage

import bridge

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def unmeasured() -> Iterator[None]:
    """Let coverage look away; within another one this changes nothing."""
    measuring = Coverage.current()
    if measuring is None:
        yield
        return
    measuring.stop()
    try:
        yield
    finally:
        measuring.start()


def is_measuring() -> bool:
    """Tell whether coverage looks on now."""
    return Coverage.current() is not None


@contextmanager
def collecting() -> Iterator[None]:
    """Collect quickly: coverage sees the bridge being loaded and nothing else; nothing that is made is garbage."""
    if is_measuring():
        _load_all()
    gc.disable()
    with unmeasured():
        yield
    gc.freeze()
    gc.enable()


def _load_all() -> None:
    for module in walk_packages(bridge.__path__, "bridge."):
        # One would run the program, and the others wait for Alembic.
        if not module.name.startswith(("bridge.__main__", "bridge.migrations")):
            import_module(module.name)
