"""What operations of the API on the contact center's places have in common."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pydantic import Field

from bridge.core.contact_center_errors import ContactCenterShared, ContactCenterThrottled
from bridge.core.errors import ConnectionModeUnsuited, ContactCenterError, ContactCenterUnreachable, showable
from bridge.http.api import Message

if TYPE_CHECKING:
    from bridge.core.errors import BridgeError

REFUSALS: Final = (
    ConnectionModeUnsuited,
    ContactCenterShared,
    ContactCenterError,
    ContactCenterThrottled,
    ContactCenterUnreachable,
)
"""What each of them can answer."""
LONGEST_NAME: Final = 255
LONGEST_DESCRIPTION: Final = 1000
_NUMBER: Final = re.compile("[1-9][0-9]{0,17}", re.ASCII)


class Removed(Message):
    """What was removed."""

    removed: int = Field(description="How many.", examples=[1])


def number_in_path(text: str, unknown: type[BridgeError]) -> int:
    """Return the number that stands in an address; raises `unknown` for anything else, which nobody has as a number."""
    if not _NUMBER.fullmatch(text):
        raise unknown(expected="a whole number", received=showable(text))
    return int(text)
