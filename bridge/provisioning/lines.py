"""A table as people export it: any usual encoding, any usual separator, each line with its number."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.core.contact_center_errors import RosterInvalid
from bridge.core.spreadsheet import as_meant

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST: Final = 5 * 1024 * 1024
"""Bytes of one file."""
MOST_LINES: Final = 20_000
"""Lines below the heads."""
MOST_CELLS: Final = 200
"""Cells of one line; a file of commas alone would be millions."""
LONGEST_CELL: Final = 1_000
"""Characters."""
_SEPARATORS: Final = ",;\t"
# Less than the longest cell that the reader takes, so that one long line does not fail here.
_LOOKED_AT: Final = 100_000
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `number` counts as an editor does, from 1, and is where it begins."""

    number: int
    cells: tuple[str, ...]


def lines_of(data: bytes) -> list[Line]:
    """Return the lines that hold anything, cells without white space around them, each at least one cell.

    Args:
        data: CSV in UTF-8 with or without a mark, GB18030 as Excel in China saves it, or UTF-16 with a mark; separated
            by commas, semicolons or tabs. What guards a cell against being a formula is taken off.

    Raises:
        RosterInvalid: it is too large, no text, no table, or empty, or has too many lines or cells, or too long ones.
    """
    if len(data) > LARGEST:
        raise RosterInvalid(expected=f"at most {LARGEST // 1024 // 1024} MB", received="a larger file")
    found = list(_read(_text(data)))
    if not found:
        raise RosterInvalid(expected="a table", received="an empty file")
    return found


def _text(data: bytes) -> str:
    if data.startswith(_UTF_16):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise RosterInvalid(expected="a CSV file in UTF-8 or GB18030", received="something else")


def _read(text: str) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    end, count = 0, 0
    while True:
        try:
            row = next(reader, None)
        except csv.Error as fault:
            raise RosterInvalid(
                expected="cells whose quotation marks match", received=f"others from line {end + 1} on"
            ) from fault
        if row is None:
            return
        number, end = end + 1, reader.line_num
        _check(row, number)
        cells = tuple(as_meant(cell.strip()) for cell in row)
        if any(cells):
            count += 1
            if count > MOST_LINES + 1:
                raise RosterInvalid(expected=f"at most {MOST_LINES} lines", received="more")
            yield Line(number, cells)


def _check(row: list[str], number: int) -> None:
    if len(row) > MOST_CELLS:
        raise RosterInvalid(expected=f"at most {MOST_CELLS} cells a line", received=f"more in line {number}")
    if max(map(len, row), default=0) > LONGEST_CELL:
        raise RosterInvalid(
            expected=f"cells of at most {LONGEST_CELL} characters", received=f"a longer one in line {number}"
        )


def _separator(text: str) -> str:
    """Return what separates the first line into the most cells."""
    first = next((line for line in text.splitlines() if line.strip()), "")[:_LOOKED_AT]
    return max(_SEPARATORS, key=lambda one: len(next(csv.reader([first], delimiter=one), [])))
