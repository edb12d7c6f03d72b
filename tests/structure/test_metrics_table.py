"""Every metric is explained in the README."""

from __future__ import annotations

from tests.structure.metrics_table import table, written


def test_the_readme_lists_every_metric_as_the_code_tells_it() -> None:
    assert written() == table(), "run: python -m tests.structure.metrics_table"
