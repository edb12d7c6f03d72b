"""The gate judges lines and branches each by itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.structure.coverage_gate import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("lines", "branches", "code"), [(95, 88, 0), (94, 100, 1), (100, 87, 1), (100, 100, 0), (0, 0, 1)]
)
def test_both_figures_must_be_reached(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: int, branches: int, code: int
) -> None:
    report = tmp_path / "coverage.json"
    totals = {"covered_lines": lines, "num_statements": 100, "covered_branches": branches, "num_branches": 100}
    report.write_text(json.dumps({"totals": totals}), "utf-8")
    assert main(str(report)) == code
    told = capsys.readouterr().out
    assert f"lines {lines}.0 %" in told
    assert ("too little" in told) is bool(code)


def test_code_without_branches_has_covered_them_all(tmp_path: Path) -> None:
    report = tmp_path / "coverage.json"
    totals = {"covered_lines": 10, "num_statements": 10, "covered_branches": 0, "num_branches": 0}
    report.write_text(json.dumps({"totals": totals}), "utf-8")
    assert main(str(report)) == 0
