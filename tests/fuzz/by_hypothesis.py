"""One target where atheris has no wheel for the machine: edits of seeds, drawn and made smaller by hypothesis."""

from __future__ import annotations

import logging
import sys
import time
import traceback
import warnings
from hashlib import sha256

from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.mutations import inputs
from tests.fuzz.targets import SEEDS, TARGETS

__all__ = ["TARGETS", "fuzz"]

_AT_ONCE = 500


def fuzz(name: str, seconds: int) -> None:
    """Run until the time is over, or until something breaks, which is made small and put beside the seeds."""
    target, count, last = TARGETS[name], 0, b""
    warnings.simplefilter("ignore")

    @settings(
        max_examples=_AT_ONCE,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs(target.seeds(), target.words))
    def changed(data: bytes) -> None:
        nonlocal count, last
        count, last = count + 1, data
        target.run(data)

    target.run(b"")
    # By now all is configured that would write a line for each refusal.
    logging.disable(logging.CRITICAL)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            changed()
    except Exception:  # noqa: BLE001 — whatever breaks is what is looked for
        # The last one that was tried is the smallest one that breaks.
        (SEEDS / name / sha256(last).hexdigest()).write_bytes(last)
        sys.stderr.write(traceback.format_exc())
        raise SystemExit(1) from None
    finally:
        sys.stdout.write(f"executions: {count}\n")
        sys.stdout.flush()
