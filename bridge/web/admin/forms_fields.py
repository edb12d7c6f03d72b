"""The kinds of field in the connection forms; a field's name is its key: ``idp_tenant`` for ``idp.tenant``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from wtforms import PasswordField, StringField

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask_babel.speaklater import LazyString

_TABLES: Final = ("idp", "fuyun", "jwt", "aiccs", "provisioning")
YES: Final = "yes"
NO: Final = "no"
_SWITCHED: Final = {YES: True, NO: False}
_LOCAL: Final = re.compile(r"[0-9-]{10}T[0-9:]{5,8}")
_BETWEEN: Final = re.compile(r"[\s,;、，；]+")  # noqa: RUF001 — commas and semicolons as Chinese keyboards type them
_BETWEEN_NAMES: Final = re.compile(r"[\r\n,;、，；]+")  # noqa: RUF001 — likewise; names may hold spaces
_BETWEEN_LINES: Final = re.compile(r"[\r\n]+")


def key_of(field_name: str) -> tuple[str, str]:
    """Return table and key that a field stands for; the table is empty for the connection's own keys."""
    table, _, key = field_name.partition("_")
    return (table, key) if table in _TABLES else ("", field_name)


def dotted_key_of(field_name: str) -> str:
    """Return the dotted key that a field stands for, as faults name it."""
    return ".".join(filter(None, key_of(field_name)))


class ListField(StringField):  # type: ignore[misc]
    """Several words in one line, between commas or spaces."""

    between = _BETWEEN
    joint = ", "

    def words(self) -> list[str]:
        """Return what was typed, word by word."""
        return [word.strip() for word in self.between.split(self.data or "") if word.strip()]


class NamesField(ListField):
    """Several names in one line, between commas."""

    between = _BETWEEN_NAMES


class LinesField(ListField):
    """Several lines, each a value of its own."""

    between = _BETWEEN_LINES
    joint = "\n"


class ChoiceField(StringField):  # type: ignore[misc]
    """One of several values; whatever else is sent is for the rules to refuse."""

    def __init__(self, *arguments: Any, options: Sequence[tuple[str, Any]] = (), **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.options = options


class SwitchField(ChoiceField):
    """Yes or no, as a list of two: a box that is not ticked would not be sent, and so not be told from one left out."""


class MomentField(StringField):  # type: ignore[misc]
    """A moment in UTC, as browsers let one choose it: without its offset."""


class SecretField(PasswordField):  # type: ignore[misc]
    """A secret, which goes one way only: no page ever holds its value."""

    is_long = False


class LongSecretField(SecretField):
    """A secret of several lines."""

    is_long = True


def entered(one: Any) -> Any:
    """Return what a field says, as the configuration file would have it."""
    typed = one.data or ""
    if isinstance(one, ListField):
        return one.words()
    if isinstance(one, SwitchField):
        return _SWITCHED.get(typed, typed)
    return f"{typed}Z" if isinstance(one, MomentField) and _LOCAL.fullmatch(typed) else typed


def shown(one: Any, value: Any) -> str:
    """Return what a field shows for a value of the configuration file."""
    if isinstance(one, SwitchField):
        return YES if value else NO
    if isinstance(one, MomentField):
        return str(value).removesuffix("Z")
    return one.joint.join(value) if isinstance(one, ListField) else str(value)


def text(label: LazyString, description: LazyString, example: str = "", default: str = "", **more: Any) -> StringField:
    """Return a line of text.

    Args:
        example: stands in the empty field.
        default: what an empty configuration would have.
        more: attributes of the input.
    """
    return StringField(label, description=description, default=default, **_as_typed(example, **more))


def words(label: LazyString, description: LazyString, example: str = "") -> ListField:
    """Return a line of words."""
    return ListField(label, description=description, default="", **_as_typed(example))


def names(label: LazyString, description: LazyString, example: str = "") -> NamesField:
    """Return a line of names."""
    return NamesField(label, description=description, default="", **_as_typed(example))


def lines(label: LazyString, description: LazyString, example: str = "") -> LinesField:
    """Return a box of lines."""
    typed = _as_typed(example)
    # Browsers send CRLF, and what was not changed must not look changed.
    return LinesField(label, description=description, default="", **{**typed, "filters": [_stripped, _unix_lines]})


def address(label: LazyString, description: LazyString, example: str = "", default: str = "") -> StringField:
    """Return a web address."""
    return text(label, description, example, default, inputmode="url")


def secret(label: LazyString, description: LazyString) -> SecretField:
    """Return a secret of one line."""
    return SecretField(label, description=description, filters=[_stripped])


def long_secret(label: LazyString, description: LazyString, example: str) -> LongSecretField:
    """Return a secret of several lines, such as a PEM file."""
    return LongSecretField(label, description=description, filters=[_stripped], render_kw={"placeholder": example})


def day(label: LazyString, description: LazyString) -> StringField:
    """Return a date; kept as text, so that whatever was typed comes back."""
    return text(label, description, type="date")


def moment(label: LazyString, description: LazyString) -> MomentField:
    """Return a moment in UTC."""
    return MomentField(label, description=description, default="", **_as_typed("", type="datetime-local", step="1"))


def switch(label: LazyString, description: LazyString, no: LazyString, yes: LazyString) -> SwitchField:
    """Return a choice between two, `no` at the beginning."""
    return SwitchField(label, description=description, options=[(NO, no), (YES, yes)], default=NO)


def choice(label: LazyString, description: LazyString, options: Sequence[tuple[str, Any]]) -> ChoiceField:
    """Return a list of values and labels to choose from, the first at the beginning."""
    return ChoiceField(label, description=description, options=options, default=options[0][0])


def _as_typed(example: str, **more: Any) -> dict[str, Any]:
    attributes = {"placeholder": example, "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
    return {"filters": [_stripped], "render_kw": attributes | more}


def _unix_lines(value: object) -> object:
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def _stripped(value: object) -> object:
    # What is copied from a portal often brings a space or a line break along.
    return value.strip() if isinstance(value, str) else value
