"""Cells of a file that a spreadsheet opens: nothing in them that it would run, and what Excel needs to read them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MARK: Final = "\ufeff"
"""Excel takes a file without this mark for one in the system's own encoding, and shows Chinese names as noise."""
# A cell that begins so is a formula, which may fetch addresses or run programs; full-width ones in Chinese versions.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def harmless(text: str) -> str:
    """Return a cell's text so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.lstrip(" \u3000").startswith(_FORMULA) or text.startswith(_FORMULA) else text


def as_meant(cell: str) -> str:
    """Return the text that `harmless` made a cell of, such as a phone number that begins with a plus sign."""
    return cell[1:] if cell.startswith("'") and harmless(cell[1:]) == cell else cell


def csv_line(cells: Sequence[str]) -> str:
    """Return one line of the file, its end included."""
    written = io.StringIO()
    csv.writer(written).writerow([harmless(cell) for cell in cells])
    return written.getvalue()
