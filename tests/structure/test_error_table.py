"""Every error code is explained: in the README, and on its page in both languages."""

from __future__ import annotations

from tests.structure.error_table import table, written


def test_the_readme_lists_every_code_as_the_code_explains_it() -> None:
    assert written() == table(), "run: python -m tests.structure.error_table"
