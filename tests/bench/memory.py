"""``python -m tests.bench.memory --sign-ins N``: does a worker's memory stay where it is over a long run?"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from statistics import linear_regression
from typing import TYPE_CHECKING, Final

from tests.bench.bridges import with_redis
from tests.bench.browser import Browser
from tests.bench.footprint import Footprint, largest
from tests.bench.stage import on_stage, open_stage, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from tests.bench.world import Party

_SAMPLES: Final = 20
_BROWSERS: Final = 2
_AGENTS: Final = 1_000
_WARM: Final = 0.25
"""Share of the run before the slope counts: until then tables, pools and free lists find their size."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A worker's memory after so many sign-ins."""

    sign_ins: int
    footprint: Footprint


def main() -> int:
    """Sign in again and again, and tell the worker's memory as it goes."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory", description=__doc__)
    parser.add_argument("--sign-ins", type=int, default=10_000, help="in both modes together (default: 10,000)")
    asked = parser.parse_args()
    return on_stage(lambda folder, stack: _run(folder, stack, asked.sign_ins))


def _run(folder: Path, stack: ExitStack, sign_ins: int) -> None:
    world, _ = open_stage(folder, stack)
    parties = with_redis(world, stack)
    started, samples = time.monotonic(), []
    for sample in sampled(parties, sign_ins):
        samples.append(sample)
        say(_told(sample, time.monotonic() - started))
    say(verdict(samples))


def sampled(parties: Sequence[Party], sign_ins: int) -> Iterator[Sample]:
    """Sign agents in, two at a time and in every party's mode in turn; yield the memory now and then."""
    numbers = count()
    step = max(1, sign_ins // _SAMPLES)

    def sign_in(number: int) -> None:
        Browser(parties[number % len(parties)], number % _AGENTS).sign_in()

    with ThreadPoolExecutor(_BROWSERS) as pool:
        for done in range(0, sign_ins + 1, step):
            yield Sample(done, largest(parties[0].server))
            for _ in pool.map(sign_in, (next(numbers) for _ in range(min(step, sign_ins - done)))):
                pass


def slope(samples: Sequence[Sample]) -> float:
    """Return by how many MiB of PSS the worker grows in 10,000 sign-ins, once it is warm."""
    warm = [sample for sample in samples if sample.sign_ins >= _WARM * samples[-1].sign_ins]
    return 10_000 * linear_regression([one.sign_ins for one in warm], [one.footprint.pss for one in warm]).slope


def verdict(samples: Sequence[Sample]) -> str:
    """Return how the run went, in a sentence."""
    largest_pss = max(sample.footprint.pss for sample in samples)
    return (
        f"{samples[-1].sign_ins:,} sign-ins of {_AGENTS:,} agents: at most {largest_pss:.1f} MiB PSS, "
        f"{slope(samples):+.2f} MiB per 10,000 sign-ins after the first {_WARM:.0%}."
    )


def _told(sample: Sample, seconds: float) -> str:
    of = sample.footprint
    return f"{sample.sign_ins:>9,} sign-ins {of.pss:7.1f} MiB PSS {of.private:7.1f} MiB private {seconds:8.0f} s"


if __name__ == "__main__":
    sys.exit(main())
