"""What comes back from a server, and JSON that nobody can read in two ways."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.core.errors import showable

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read whole; body and headers are kept out of the text form."""

    status: int
    content_type: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def date(self) -> str:
        """The server's clock (RFC 9110 section 6.6.1); empty where it tells none."""
        return self.headers.get("Date", "")

    @property
    def kind(self) -> str:
        """The media type alone, as it may be shown."""
        media_type = self.content_type.partition(";")[0].strip()
        return showable(media_type) if media_type else "without a type"

    def json(self) -> Any:
        """Return the body as JSON; raises ValueError where it is none, or repeats a member or holds NaN."""
        # UTF-8 alone (RFC 8259 section 8.1): of bytes, Python would also take UTF-16, UTF-32 and halves of characters.
        text = self.body.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_unique_members, parse_constant=_refuse_constant)

    def json_object(self) -> dict[str, Any] | None:
        """Return the body as a JSON object, or None where it is anything else."""
        try:
            value = self.json()
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two readers of one document may take different twins of a member: refuse instead of choosing.
    members = dict(pairs)
    if len(members) != len(pairs):
        message = "a member is repeated"
        raise ValueError(message)
    return members


def _refuse_constant(constant: str) -> None:
    message = f"{constant} is no JSON"
    raise ValueError(message)
