"""Cells of a file that a spreadsheet opens: nothing in them that it would run, and what Excel needs to read them."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MARK: Final = "\ufeff"
"""Excel takes a file without this mark for one in the system's own encoding, and shows Chinese names as noise."""
# A cell that begins so is a formula, which may fetch addresses or run programs; full-width ones in Chinese versions.
_FORMULA: Final = r"[=+\-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b]"
# What a spreadsheet drops or nobody sees before it: white space, controls, formats; and quotation marks, which it
# takes off. The apostrophe is among them so that `as_meant` gives back a text that had one.
_PASSED: Final = (
    r"\s\x00-\x08\x0e-\x1f\x7f-\xa0\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0001-\U000e007f\"'"
)
# In many countries a file is split at semicolons, and pasted it is at tabs: then the cell begins in the middle.
_BREAK: Final = r"[;\t\r\n]"
_AT_FIRST: Final = rf"(?='*[\t\r\n]|[{_PASSED}]*{_FORMULA})"
_INSIDE: Final = rf"(?=(?:(?!{_BREAK})[{_PASSED}])*{_FORMULA})"
_BEGINS: Final = re.compile(rf"\A{_AT_FIRST}|(?<={_BREAK}){_INSIDE}")
_GUARDED: Final = re.compile(rf"\A'{_AT_FIRST}|(?<={_BREAK})'{_INSIDE}")


def harmless(text: str) -> str:
    """Return a cell's text so that no spreadsheet takes it, or what a separator in it begins, for a formula."""
    return _BEGINS.sub("'", text)


def as_meant(cell: str) -> str:
    """Return the text that `harmless` made a cell of, such as a phone number that begins with a plus sign."""
    return _GUARDED.sub("", cell) if "'" in cell else cell


def csv_line(cells: Sequence[str]) -> str:
    """Return one line of the file, its end included."""
    written = io.StringIO()
    csv.writer(written).writerow([harmless(cell) for cell in cells])
    return written.getvalue()
