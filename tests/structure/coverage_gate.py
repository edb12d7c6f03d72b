"""Hold coverage to two figures, lines and branches, each by itself; coverage's own fail_under mixes them.

Run as a script with the path of `coverage json`'s report.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

LINES = 95.0
BRANCHES = 88.0


def judge(totals: dict[str, Any]) -> tuple[str, bool]:
    """Return the sentence that tells both figures, and whether they are good enough."""
    lines = percent(totals["covered_lines"], totals["num_statements"])
    branches = percent(totals["covered_branches"], totals["num_branches"])
    told = f"coverage: lines {lines:.1f} % (at least {LINES:g} %), branches {branches:.1f} % (at least {BRANCHES:g} %)"
    return told, lines >= LINES and branches >= BRANCHES


def percent(covered: int, all_of_them: int) -> float:
    return 100.0 * covered / all_of_them if all_of_them else 100.0


def main(report: str) -> int:
    told, good = judge(json.loads(Path(report).read_text("utf-8"))["totals"])
    print(told if good else f"{told}: too little")  # noqa: T201 — the gate speaks to the terminal
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
