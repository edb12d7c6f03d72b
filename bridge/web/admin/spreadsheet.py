"""The journal as a file for spreadsheets: one line at a time, and nothing in it that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bridge.ops.trail import Record

_HEADS: Final = (
    "time",
    "event",
    "outcome",
    "connection",
    "person",
    "administrator",
    "seconds",
    "reference",
    "failed_step",
    "expected",
    "received",
    "steps",
    "changes",
)
# Excel takes a file without this mark for one in the system's own encoding, and shows Chinese names as noise.
_MARK: Final = "\ufeff"
# A cell that begins so is a formula, which may fetch addresses or run programs; full-width ones in Chinese versions.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def lines(records: Iterable[Record]) -> Iterator[bytes]:
    """Yield the file in UTF-8: the heads, then one line for each record."""
    yield (_MARK + _line(_HEADS)).encode()
    for record in records:
        yield _line(_cells(record)).encode(errors="replace")


def harmless(text: str) -> str:
    """Return a cell's text so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.lstrip(" \u3000").startswith(_FORMULA) or text.startswith(_FORMULA) else text


def _line(cells: Sequence[str]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow([harmless(cell) for cell in cells])
    return written.getvalue()


def _cells(record: Record) -> tuple[str, ...]:
    steps = record.details.get("steps", [])
    failed: dict[str, str] = next((step for step in steps if step["code"] != "ok"), {})
    changes = record.details.get("changes", [])
    return (
        datetime.fromtimestamp(record.at, UTC).isoformat(timespec="seconds"),
        record.event,
        record.code,
        record.connection,
        record.person,
        record.actor,
        "" if record.seconds is None else f"{record.seconds:.3f}",
        record.reference,
        failed.get("name", ""),
        failed.get("expected", ""),
        failed.get("received", ""),
        "; ".join(f"{step['name']} {step['seconds']:.3f}" for step in steps),
        "; ".join(f"{change['key']}: {change['before']} -> {change['after']}" for change in changes),
    )
