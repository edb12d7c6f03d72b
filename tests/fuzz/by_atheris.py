"""One target, led by which edges of the bridge's code an input reaches (libFuzzer, by way of atheris)."""

from __future__ import annotations

import logging
import tempfile
import warnings
from contextlib import redirect_stderr
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import atheris

# It tells each module that it looks into.
with redirect_stderr(StringIO()), atheris.instrument_imports(include=["bridge"]):
    from tests.fuzz.targets import LONGEST, SEEDS, TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fuzz.targets import Target

__all__ = ["TARGETS", "fuzz"]

_FOUND: Final = Path("build", "fuzz")
"""What was worth keeping: the next run goes on from there."""
_LONGEST_WORD: Final = 60
_PATIENCE: Final = 10
"""Seconds that one input may take."""


def fuzz(name: str, seconds: int) -> None:
    """Hand over to libFuzzer, which ends the process; an input that breaks is put beside the seeds."""
    target = TARGETS[name]
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as made:
        for number, seed in enumerate(target.made()):
            Path(made, str(number)).write_bytes(seed)
        target.run(b"")
        # By now all is configured that would write a line for each refusal.
        logging.disable(logging.CRITICAL)
        words = Path(made, "words")
        words.write_text("".join(f'"{_quoted(word)}"\n' for word in target.words if 0 < len(word) <= _LONGEST_WORD))
        found = _FOUND / name
        found.mkdir(parents=True, exist_ok=True)
        limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-timeout={_PATIENCE}", "-rss_limit_mb=4096"]
        told = [f"-dict={words}", "-print_final_stats=1", f"-artifact_prefix={SEEDS / name}/"]
        atheris.Setup([name, *limits, *told, str(found), str(SEEDS / name), made], _keeping(target))
        atheris.Fuzz()


def _keeping(target: Target) -> Callable[[bytes], None]:
    """Let a target put what it breaks at beside its seeds; in a child, libFuzzer keeps only what takes too long."""

    def run(data: bytes) -> None:
        try:
            target.run(data)
        except BaseException:
            (SEEDS / target.name / sha256(data).hexdigest()).write_bytes(data)
            raise

    return run


def _quoted(word: bytes) -> str:
    return "".join(f"\\x{octet:02x}" for octet in word)
