"""The journal as a file for spreadsheets: one line at a time, and nothing in it that a spreadsheet would run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from bridge.core.spreadsheet import MARK, csv_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


def lines(records: Iterable[Record]) -> Iterator[bytes]:
    """Yield the file in UTF-8: the heads, then one line for each record."""
    yield (MARK + csv_line(_HEADS)).encode()
    for record in records:
        yield csv_line(_cells(record)).encode(errors="replace")


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
