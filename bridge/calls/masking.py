"""Phone numbers as everybody may see them: enough to recognize one that is known, too little to call it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.aiccs.calls import Call

_CHINESE: Final = dict(zip("零〇○一壹幺二贰两三叁四肆五伍六陆七柒八捌九玖", "00011122233445566778899", strict=True))
# Seven digits and more are somebody's number, in figures or as they are said; signs between them are how people write
# it, or how a transcript has the pauses.
_NUMBER: Final = re.compile(r"\+?[0-9](?:[\s().,、。/·_-]{0,3}[0-9]){6,}")
_SHORTEST: Final = 7
_ROW_ID: Final = re.compile(r"[0-9A-Za-z_-]*")
# Ids of rows may be figures alone; these are what a phone dials within China, or from abroad.
_DIALLED: Final = re.compile(r"(?:00)?(?:86)?-?1[3-9](?:-?[0-9]){9}|0(?:-?[0-9]){9,15}")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
_COUNTRY: Final = re.compile(r"(?:\+|00)86[ -]?(?=(?:[0-9][ -]?){10})")
_STARS: Final = "*" * 4
# Numbers that China gives to companies and no person has: 400 and 800, and the short ones of companies and carriers.
_SERVICE: Final = re.compile(r"(?:400|800)[0-9]{7}|(?:95|10)[0-9]{3,6}")
_LONG: Final = 11
_SHORT: Final = 3


def masked(number: str) -> str:
    """Return a phone number with its middle hidden; empty stays empty.

    Of 11 digits and more the first 3 and the last 4 stay (``138****0000``), of fewer the last 2, of up to three none. A
    country code that China's numbers carry stays before it, so that a number is masked alike with and without it.
    China's service numbers (``4001234567``, ``95188``, ``10086``) are a company's and stay whole.
    """
    text = number.strip()
    found = _COUNTRY.match(text)
    country, rest = (text[: found.end()], text[found.end() :]) if found else ("", text)
    letters = "".join(letter for letter in rest if letter.isalnum())
    if not letters:
        return _STARS if text else ""
    if _SERVICE.fullmatch(letters):
        return text
    if len(letters) >= _LONG:
        return f"{country}{letters[:3]}{_STARS}{letters[-4:]}"
    return f"{country}{_STARS}{letters[-2:] if len(letters) > _SHORT else ''}"


def without_numbers(call: Call, own: frozenset[str] = frozenset()) -> Call:
    """Return a call with its numbers masked.

    Args:
        own: the company's own hotline numbers, which stay readable.

    Its ids stay as they are.
    """

    def seen(number: str) -> str:
        return number if number in own else masked(number)

    def read(text: str) -> str:
        return without_numbers_in(text, own)

    return replace(
        call,
        caller=seen(call.caller),
        callee=seen(call.callee),
        trunk=seen(call.trunk),
        result=read(call.result),
        group_name=read(call.group_name),
        agent_name=read(call.agent_name),
        member_name=read(call.member_name),
        transferred_from=_unless_a_number(call.transferred_from),
        transferred_to=_unless_a_number(call.transferred_to),
    )


def without_numbers_in(text: str, own: frozenset[str] = frozenset()) -> str:
    """Return any text with the phone numbers in it masked, also those in full-width or Chinese figures.

    Args:
        own: numbers that stay readable.
    """
    if len(text) < _SHORTEST:
        return text
    # First figures alone: in a name such as 李四 the character before them is none of theirs.
    return _hidden(_hidden(text, _figure, own), _spoken, own)


def _hidden(text: str, folded: Callable[[str], str], own: frozenset[str]) -> str:
    plain = "".join(map(folded, text))
    parts, end = list[str](), 0
    for found in _NUMBER.finditer(plain):
        written = text[found.start() : found.end()]
        is_own = written in own or re.sub(r"[^0-9]", "", found[0]) in own
        parts += [text[end : found.start()], written if is_own else masked(found[0])]
        end = found.end()
    return "".join([*parts, text[end:]])


def _spoken(letter: str) -> str:
    return _CHINESE.get(letter) or _figure(letter)


def _figure(letter: str) -> str:
    """Return one letter for one: a digit of any script as 0 to 9, what is not seen as a space, a dash as ``-``."""
    if letter.isascii():
        return letter
    folded = unicodedata.normalize("NFKC", letter)
    if len(folded) != 1:
        return letter
    value = unicodedata.decimal(folded, None)
    if value is not None:
        return str(value)
    kind = unicodedata.category(folded)
    return "-" if kind == "Pd" else " " if kind in _UNSEEN else folded


def _unless_a_number(row_id: str) -> str:
    """Return the id of a row; what stands in its place, where a call is handed on to somewhere outside, masked."""
    is_id = _ROW_ID.fullmatch(row_id) and not _DIALLED.fullmatch(row_id)
    return row_id if is_id else without_numbers_in(row_id)
