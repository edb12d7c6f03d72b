"""Long lists, a page at a time: the cursor says after which place to go on, so that nothing is told twice."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import Field

from bridge.core.errors import RequestInvalid
from bridge.http.api import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")

USUAL: Final = 50
MOST: Final = 200
_LONGEST_CURSOR: Final = 1024


class PageQuery(Message):
    """Which page."""

    limit: int = Field(default=USUAL, ge=1, le=MOST, description="Items on a page at most.")
    cursor: str = Field(
        default="", max_length=_LONGEST_CURSOR, description="`next_cursor` of the page before; empty: the first page."
    )


class Page(Message):
    """One page of a list."""

    next_cursor: str | None = Field(
        description="For the next page; null on the last one. So has the `Link` header.", examples=[None]
    )


def page_of(items: Sequence[Item], place: Callable[[Item], str], query: PageQuery) -> tuple[Sequence[Item], str | None]:
    """Return one page, and the cursor of the next.

    Args:
        items: sorted by `place`, which no two share.

    Raises:
        RequestInvalid: the cursor is none of ours.
    """
    after = place_in(query.cursor)
    rest = [item for item in items if place(item) > after] if query.cursor else items
    page = rest[: query.limit]
    return page, cursor_of(place(page[-1])) if len(rest) > len(page) else None


def cursor_of(place: str) -> str:
    """Return the cursor that goes on after a place."""
    return base64.urlsafe_b64encode(place.encode(errors="surrogatepass")).decode("ascii").rstrip("=")


def place_in(cursor: str) -> str:
    """Return the place after which to go on; raises RequestInvalid where the cursor is none of ours."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as fault:
        raise RequestInvalid(expected="cursor as next_cursor gave it", received="another text") from fault
