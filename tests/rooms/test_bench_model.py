"""The measuring of workers and threads runs, and says which figures are the machine's rather than the model's."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.bench.model_report import BESIDE, FEW, HANGING, LOOKS, MANY, Window, report
from tests.bench.processes import ROOT, module
from tests.load.tally import Tally

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [*module("tests.bench.model"), "--models", "1x8", "--rounds", "1", "--seconds", "0.05", "--sqlite"]
HEAD = "a second p50 ms p99 ms CPU ms"


def words(text: str) -> str:
    return " ".join(text.split())


def window(sign_ins: int = 100, callback: float = 0.2, cores: float = 1.0, lag: float = 0.0, **faults: int) -> Window:
    """Return a second in which 300 looks were answered and the bridge took 0.5 s of CPU."""
    seconds = {"page": [0.01] * sign_ins, "callback": [callback] * sign_ins, "session": [0.004] * 300}
    return Window(Tally(seconds, Counter(faults), lag=[lag]), 1.0, 0.5, 0.1, cores, 150.0, 33, 7)


def told(what: str, **models: Window) -> list[str]:
    """Return the rows of a report about one thing that was done."""
    of = {title.removeprefix("m"): [one] for title, one in models.items()}
    return [words(row) for row in report({FEW: of, what: of}, 1).split("\n\n")[-2].splitlines()[2:]]


def test_the_smallest_cell_of_everything_is_measured_and_told(tmp_path: Path) -> None:
    scratch = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(COMMAND, cwd=ROOT, env=scratch, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, list(tmp_path.iterdir())) == (0, "", [])
    assert (words(done.stdout).count(HEAD), done.stdout.count("\n1x8 ")) == (5, 5)


def test_models_are_told_beside_the_first() -> None:
    rows = told(MANY, m1x32=window(), m2x16=window(150, 0.1))
    assert rows == [
        "1x32 100 x1.00 200.0 200.0 5.00 x1.00 0.0 0.50 0.10 1.00 150 33 7",
        "2x16 150 x1.50 100.0 100.0 3.33 x0.67 0.0 0.50 0.10 1.00 150 33 7",
    ]


@pytest.mark.parametrize(
    ("what", "row", "remark"),
    [
        pytest.param(LOOKS, window(cores=99.0), "SHORT OF CPU, late by 0 ms", id="the_machine_is_full"),
        pytest.param(LOOKS, window(lag=0.05), "SHORT OF CPU, late by 50 ms", id="the_generator_is_late"),
        pytest.param(BESIDE, window(session_503=2), "33 7 2 looks failed", id="looks_failed"),
        pytest.param(HANGING, window(0), "300 x1.00 4.0 4.0 1.67 x1.00 0.0 0.0 0.50", id="nobody_was_signed_in"),
        pytest.param(BESIDE, window(75, callback_504=25), "1.67 x1.00 75.0 25.0 0.50", id="a_quarter_was_refused"),
    ],
)
def test_what_spoils_a_figure_stands_beside_it(what: str, row: Window, remark: str) -> None:
    assert remark in told(what, m1x32=row)[0]
