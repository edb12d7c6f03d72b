"""Several threads at the same moment, as several workers would be."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Result = TypeVar("Result")


def together(acts: Iterable[Callable[[], Result]]) -> list[Result]:
    """Do all acts at once, each in a thread of its own; raises what the first of them raised."""
    chosen = list(acts)
    barrier = Barrier(len(chosen))

    def run(act: Callable[[], Result]) -> Result:
        barrier.wait(60)
        return act()

    with ThreadPoolExecutor(len(chosen)) as threads:
        return list(threads.map(run, chosen))
