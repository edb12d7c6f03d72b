"""The agent's account name: from UserInfo's mapping field or as written out; whatever is no name is refused."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bridge.core.errors import MappingFieldMissing, RequestInvalid, showable
from bridge.core.model import AccountName

_MOST_FIELDS_NAMED: Final = 40
_DEEPEST: Final = 32
"""Levels of an answer whose fields are named: JSON may be read deeper than Python lets a function call itself."""
_LONGEST_NAME: Final = 255
_ABSENT: Final = object()


def map_account(claims: Mapping[str, Any], mapping_field: str) -> AccountName:
    """Return the account name that `mapping_field` holds in `claims`.

    Args:
        claims: the UserInfo answer or the verified ID token's claims.
        mapping_field: dotted path, for example ``email`` or ``custom_attributes.agent_account``.

    Raises:
        MappingFieldMissing: the field is absent, or is null, empty, a list, an object or no plain text; the error names
            the fields that did come.
    """
    value = find_field(claims, mapping_field)
    name = as_text(value)
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise MappingFieldMissing(expected=mapping_field, received=_describe(claims, mapping_field, value))
    return AccountName(name)


def account_name_of(text: str) -> AccountName:
    """Return the account name that somebody wrote out, exactly as it is: 1 to 255 printable characters.

    A name is never trimmed or cut short to fit: what is left could be another agent's.

    Raises:
        RequestInvalid: the text is empty, too long, padded, or holds what cannot be printed.
    """
    received = _unlike_a_name(text)
    if received:
        raise RequestInvalid(
            "This is no account name.",
            expected=f"an account name: 1 to {_LONGEST_NAME} printable characters without white space around them",
            received=received,
        )
    return AccountName(text)


def folded(account_name: str) -> str:
    """Return what spellings of one name have in common: people and providers change case and width of letters freely.

    Two agents may well differ in no more than that; nobody who was sent away comes back as the other one, though.
    """
    # Folding may leave what is not normal any more (Unicode, D145 and D147).
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", account_name).casefold())


def _unlike_a_name(text: str) -> str:
    """Return why `text` is no account name, nothing where it is one; never repeats it."""
    if not text.strip():
        return "an empty text"
    if text != text.strip():
        return "white space around it"
    if len(text) > _LONGEST_NAME:
        return f"{len(text)} characters"
    return "" if text.isprintable() else "a character that cannot be printed"


def find_field(claims: Mapping[str, Any], path: str) -> object:
    """Return the value at a dotted path; a key that itself holds the dots wins (``https://example.com/email``)."""
    if path in claims:
        return claims[path]
    here: object = claims
    for step in path.split("."):
        if not isinstance(here, Mapping) or step not in here:
            return _ABSENT
        here = here[step]
    return here


def as_text(value: object) -> str:
    """Return a claim's value as stripped text, a whole number as its decimal text, anything else as nothing."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return ""
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return str(int(value))
    return ""


def display_name(claims: Mapping[str, Any]) -> str:
    """Return what to call the person, an empty text where no claim says it."""
    name = as_text(claims.get("name")) or as_text(claims.get("preferred_username"))
    # JSON can name half a character (an emoji cut in two), which no page can be written with.
    return name[:_LONGEST_NAME].encode(errors="replace").decode()


def field_names(claims: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of all fields, in the answer's order."""
    for key, value in claims.items():
        name = f"{prefix}{showable(key)}"
        if isinstance(value, Mapping) and value and prefix.count(".") < _DEEPEST:
            yield from field_names(value, f"{name}.")
        else:
            yield name


def _describe(claims: Mapping[str, Any], mapping_field: str, value: object) -> str:
    names = list(field_names(claims))
    listed = ", ".join(names[:_MOST_FIELDS_NAMED]) + (" …" if len(names) > _MOST_FIELDS_NAMED else "") or "no fields"
    return listed if value is _ABSENT else f"{mapping_field} as {_kind_of(value)}; fields: {listed}"


def _kind_of(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return "empty text" if not value.strip() else "text that is no account name"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, dict) else "a number that is not whole"
