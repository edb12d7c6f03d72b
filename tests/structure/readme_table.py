"""Tables of the README that are made from the code, each between two marks of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

README: Final = Path(__file__).parents[2] / "README.md"


def table_at(mark: str) -> str:
    """Return the table that stands in the README."""
    return README.read_text("utf-8").partition(_begin(mark))[2].partition(_end(mark))[0].strip()


def put_table(mark: str, table: str) -> None:
    """Put a Markdown table in its place."""
    between = re.compile(f"{re.escape(_begin(mark))}.*?{re.escape(_end(mark))}", re.DOTALL)
    placed = f"{_begin(mark)}\n{table.rstrip()}\n{_end(mark)}"
    README.write_text(between.sub(lambda _: placed, README.read_text("utf-8")), "utf-8")


def _begin(mark: str) -> str:
    return f"<!-- {mark} -->"


def _end(mark: str) -> str:
    return f"<!-- /{mark} -->"
