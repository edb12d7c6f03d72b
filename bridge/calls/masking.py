"""Phone numbers as everybody may see them: enough to recognize one that is known, too little to call it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bridge.aiccs.calls import Call

_NUMBER: Final = re.compile(r"\+?[0-9][0-9() /.\-]*")
_COUNTRY: Final = re.compile(r"(?:\+|00)86[ -]?(?=(?:[0-9][ -]?){10})")
_STARS: Final = "*" * 4
_LONG: Final = 11
_SHORT: Final = 3


def masked(number: str) -> str:
    """Return a phone number with its middle hidden; empty stays empty.

    Of 11 digits and more the first 3 and the last 4 stay (``138****0000``), of fewer the last 2, of up to three none. A
    country code that China's numbers carry stays before it, so that a number is masked alike with and without it.
    """
    text = number.strip()
    found = _COUNTRY.match(text)
    country, rest = (text[: found.end()], text[found.end() :]) if found else ("", text)
    letters = "".join(letter for letter in rest if letter.isalnum())
    if not letters:
        return _STARS if text else ""
    if len(letters) >= _LONG:
        return f"{country}{letters[:3]}{_STARS}{letters[-4:]}"
    return f"{country}{_STARS}{letters[-2:] if len(letters) > _SHORT else ''}"


def without_numbers(call: Call, own: frozenset[str] = frozenset()) -> Call:
    """Return a call with its numbers masked.

    Args:
        own: the company's own hotline numbers, which stay readable.
    """

    def seen(number: str) -> str:
        return number if number in own else masked(number)

    # A member nobody has named is named by the number that called.
    name = seen(call.member_name) if _NUMBER.fullmatch(call.member_name.strip()) else call.member_name
    return replace(call, caller=seen(call.caller), callee=seen(call.callee), trunk=seen(call.trunk), member_name=name)
