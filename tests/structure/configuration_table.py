"""The README's table of configuration keys, made from the code: ``python -m tests.structure.configuration_table``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

from bridge.configuration.sections import SECTIONS, AcTokenCookie, Root
from bridge.configuration.tables import SUBTABLES, ConnectionTable
from bridge.configuration.values import Part, Shown
from tests.structure.readme_table import put_table, table_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

_MARK: Final = "configuration"
HEADER: Final = "| Key | Type | Default | Meaning |\n| --- | --- | --- | --- |\n"
_WORDS: Final[dict[object, str]] = {bool: "true or false", str: "text", int: "number"}


def every_key() -> Iterator[tuple[str, FieldInfo]]:
    """Yield the dotted path of every key with what is known of it, in the order of the file."""
    places: list[tuple[str, type[Part]]] = [("", Root), *((f"{name}.", part) for name, part in SECTIONS.items())]
    places += [("connections.", ConnectionTable)]
    places += [(f"connections.{name}.", part) for name, part in SUBTABLES.items()]
    for place, part in places:
        yield from _keys(place, part)


def _keys(place: str, part: type[Part]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in part.model_fields.items():
        if field.annotation is AcTokenCookie:
            yield from _keys(f"{place}{name}.", AcTokenCookie)
        else:
            yield f"{place}{name}", field


def table() -> str:
    """Return the reference as a Markdown table."""
    return HEADER + "".join(
        f"| `{path}` | {_type(field)} | {_default(field)} | {field.description} |\n" for path, field in every_key()
    )


def _type(field: FieldInfo) -> str:
    shown = [mark.word for mark in field.metadata if isinstance(mark, Shown)]
    if shown:
        return shown[0]
    if get_origin(field.annotation) is Literal:
        return " · ".join(f"`{word}`" for word in get_args(field.annotation) if word)
    return _WORDS[field.annotation]


def _default(field: FieldInfo) -> str:
    extra: Any = field.json_schema_extra
    if extra and extra["required"]:
        return "required"
    return f"`{json.dumps(field.default)}`"


def written() -> str:
    """Return the table that stands in the README."""
    return table_at(_MARK)


def write() -> None:
    """Put the table into the README."""
    put_table(_MARK, table())


if __name__ == "__main__":
    write()
