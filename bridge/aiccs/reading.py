"""Members of an answer as this program's own values; the SDK converts no types and drops what it does not know."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from bridge.core.errors import ContactCenterError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOMENT = "%Y-%m-%d %H:%M:%S"
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,19}")
_LARGEST: Final = 2**63 - 1
# What lies outside is no moment of a call, and nothing that every zone has a date for.
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC).timestamp()


class Page:
    """Rows of one answer, and how many there are in all; None where the answer does not tell."""

    def __init__(self, rows: object, total: object) -> None:
        self.rows = rows_in(rows)
        self.total = whole_number(total)


def rows_in(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list, none where it is no list."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def part(members: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return an object inside, an empty one where there is none."""
    value = members.get(name)
    return value if isinstance(value, dict) else {}


def text(members: Mapping[str, Any], name: str) -> str:
    """Return a member as text, empty where it is missing; what looks like a number may come as one."""
    value = members.get(name)
    return "" if value is None else str(value)


def whole_number(value: object) -> int | None:
    """Return a number, which may come as text; None where it is none, or larger than any column holds."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
        value = int(value)
    return value if isinstance(value, int) and abs(value) <= _LARGEST else None


def number(members: Mapping[str, Any], name: str) -> int | None:
    """Return a member as a number, None where it is none."""
    return whole_number(members.get(name))


def flag(members: Mapping[str, Any], name: str) -> bool:
    """Return a member as true or false: some operations say so in text."""
    return str(members.get(name)).casefold() == "true"


def demanded_id(answer: Mapping[str, Any], operation: str) -> int:
    """Return the id of what was made; raises ContactCenterError where the answer has none."""
    found = number(answer, "Data")
    if found is None:
        raise ContactCenterError(
            "The contact center's answer is not usable.", expected=f"the id that {operation} gives", received="none"
        )
    return found


def moment(members: Mapping[str, Any], name: str, utc_offset: str) -> float | None:
    """Return a moment such as ``2026-11-20 09:00:00`` as epoch seconds.

    None where it is missing, another text, or outside the years 2000 to 2099.

    Args:
        utc_offset: such as ``+08:00``; the texts carry no zone.
    """
    try:
        read = datetime.strptime(text(members, name), _MOMENT)  # noqa: DTZ007 — the zone comes next
    except ValueError:
        return None
    return _sane(read.replace(tzinfo=zone(utc_offset)).timestamp())


def milliseconds(members: Mapping[str, Any], name: str) -> float | None:
    """Return a moment that comes in milliseconds as epoch seconds; None as `moment`."""
    found = number(members, name)
    return None if found is None else _sane(found / 1000)


def _sane(epoch: float) -> float | None:
    return epoch if _EARLIEST <= epoch < _LATEST else None


def zone(utc_offset: str) -> timezone:
    """Return the zone with this offset, ``+08:00``."""
    sign = -1 if utc_offset.startswith("-") else 1
    hours, minutes = utc_offset.lstrip("+-").split(":")
    return timezone(sign * timedelta(hours=int(hours), minutes=int(minutes)))
