"""Calls as lines of a file: CSV for spreadsheets, JSON Lines for programs."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from bridge.aiccs.calls import Call
from bridge.aiccs.reading import zone
from bridge.core.spreadsheet import MARK, csv_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timezone

Format = Literal["csv", "jsonl"]

COLUMNS: Final = tuple(one.name for one in fields(Call))


def head(kind: Format) -> bytes:
    """Return what stands before the first line."""
    return (MARK + csv_line(COLUMNS)).encode() if kind == "csv" else b""


def lines(calls: Iterable[Call], kind: Format, utc_offset: str) -> bytes:
    """Return one line in UTF-8 for each call, its moments with their offset (RFC 3339); empty where there was none.

    Args:
        utc_offset: such as ``+08:00``.
    """
    place = zone(utc_offset)
    write = _csv if kind == "csv" else _json
    return "".join(write(as_told(call, place)) for call in calls).encode(errors="replace")


def as_told(call: Call, place: timezone) -> dict[str, Any]:
    """Return a call's fields with its moments as people and programs write them, in this zone."""
    told = {name: getattr(call, name) for name in COLUMNS}
    moments = {
        name: datetime.fromtimestamp(value, place).isoformat(timespec="seconds")
        for name, value in told.items()
        if name.endswith("_at") and value is not None
    }
    return told | moments


def _csv(told: dict[str, Any]) -> str:
    return csv_line(["" if value is None else str(value) for value in told.values()])


def _json(told: dict[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n"
