"""Reads one table of the file, telling every fault of it and going on with what is good.

A faulty key is reported and then left at its default, so that the rules between keys are still asked and one run tells
everything that must be put right.
"""

from __future__ import annotations

import copy
import difflib
import tomllib
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import ValidationError

from bridge.configuration.sections import SECTIONS, AcTokenCookie, Root
from bridge.configuration.tables import SUBTABLES, ConnectionTable
from bridge.core.wording import said

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from bridge.configuration.faults import Faults
    from bridge.configuration.values import Part, Surroundings
    from bridge.core.wording import Sentence

P = TypeVar("P", bound="Part")
Table = dict[str, Any]

_SENTENCES: Final = {
    "bool_type": said("must be true or false"),
    "dict_type": said("must be a table"),
    "missing": said("is required"),
    "string_too_short": said("must not be empty"),
    "string_too_long": said("must be at most 120 characters"),
    "too_long": said("must be at most 500 entries"),
    "too_short": said("must not be empty"),
    "int_type": said("must be a whole number"),
    "model_type": said("must be a table"),
    "string_type": said("must be text"),
    "string_unicode": said("must be text"),
    "tuple_type": said("must be a list"),
    "string_pattern_mismatch": said("must be three numbers such as 1.0.5"),
}
_DEEPEST: Final = 32
"""Levels of tables and lists in a file; what is copied or shown later is walked level by level."""
_PLACES: Final[dict[str, type[Part]]] = {
    "": Root,
    **SECTIONS,
    "session.ac_token_cookie": AcTokenCookie,
    "[connections]": ConnectionTable,
    **{f"connections.{name}": table for name, table in SUBTABLES.items()},
}


def read_toml(path: Path, faults: Faults) -> Table:
    """Return the file's tables; raises at once when it cannot be read or is no TOML."""
    document: Table = {}
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as refusal:
        faults.add("", f"cannot be read: {refusal.strerror}")
    except UnicodeDecodeError:
        faults.add("", "is not UTF-8 text")
    except tomllib.TOMLDecodeError as broken:
        what, _, where = str(broken).removesuffix(")").rpartition(" (at ")
        faults.add(where.split(",")[0], f"is no TOML: {what}")
    except (ValueError, RecursionError):
        # Python's own limits: 4,300 digits of a number, and how often a reader may call itself.
        faults.add("", "is no TOML that can be read: it holds a number or nested lists that no setting has")
    if _is_deeper(document, _DEEPEST):
        faults.add("", "is no TOML that can be read: it holds nested lists or tables that no setting has")
    faults.raise_if_any()
    return document


def _is_deeper(value: object, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_is_deeper(one, levels - 1) for one in inner)


def read_part(model: type[P], table: object, place: str, surroundings: Surroundings, faults: Faults) -> P:
    """Return `table` as a `model`, with faulty keys at their defaults and their faults added."""
    if not isinstance(table, dict):
        faults.add(place, said("must be a table: [%(place)s]", place=place))
        table = {}
    good: Table = copy.deepcopy(table)
    for name in [name for name in good if not name.isprintable()]:
        # Half a character, as JSON can name one, leaves the reader below without words for where the fault is.
        faults.add(place, said("is no key that the bridge knows"))
        del good[name]
    _require(model, good, place, faults)
    while True:
        try:
            return model.model_validate(good, context=surroundings)
        except ValidationError as refusal:
            for error in refusal.errors(include_url=False, include_input=False):
                faults.add(_dotted(place, error["loc"]), _sentence(model, error))
                _leave_out(good, error["loc"])


def _require(model: type[Part], table: Table, place: str, faults: Faults) -> None:
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra["required"] and table.get(name, "") in ("", [], {}):
            faults.add(_dotted(place, (name,)), said("must not be empty") if name in table else said("is required"))
            table.pop(name, None)


def _sentence(model: type[Part], error: ErrorDetails) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown(model, str(error["loc"][-1]), nested=len(error["loc"]) > 1)
    if kind == "literal_error":
        return said("must be %(choices)s", choices=error["ctx"]["expected"])
    if kind == "value_error":
        told: str = error["ctx"]["error"].args[0]
        return told
    return _SENTENCES.get(kind, error["msg"].replace("Input should be", "must be"))


def _unknown(model: type[Part], name: str, *, nested: bool) -> Sentence:
    known: list[str] = [] if nested else [*model.model_fields]
    if model is Root:
        known += [*SECTIONS, "connections"]
    if model is ConnectionTable:
        known += SUBTABLES
    homes = [place for place, home in _PLACES.items() if name in home.model_fields]
    if homes and not nested:
        return _belongs_in(homes)
    if close := difflib.get_close_matches(name, known, n=1):
        return said("is no key that the bridge knows; did you mean %(key)s?", key=close[0])
    return said("is no key that the bridge knows")


def _belongs_in(homes: list[str]) -> Sentence:
    if not homes[0]:
        return said("is no key that the bridge knows here; it belongs at the top of the file, above every table")
    tables = [f"[{home}]" for home in homes]
    if len(tables) == 1:
        return said("is no key that the bridge knows here; it belongs in %(table)s", table=tables[0])
    return said(
        "is no key that the bridge knows here; it belongs in %(table)s or in %(other)s",
        table=tables[0],
        other=", ".join(tables[1:]),
    )


def _dotted(place: str, location: tuple[int | str, ...]) -> str:
    dotted = place
    for step in location:
        dotted += f"[{step}]" if isinstance(step, int) else f".{step}"
    return dotted.removeprefix(".")


def _leave_out(table: Table, location: tuple[int | str, ...]) -> None:
    """Remove the faulty key; of a list with a faulty member, the whole list."""
    *above, last = location[: next((at for at, step in enumerate(location) if isinstance(step, int)), len(location))]
    home: Any = table
    for step in above:
        home = home.get(step, {})
    home.pop(last, None)


def sections_of(document: Mapping[str, Any]) -> tuple[Table, dict[str, Any], object]:
    """Part the document into the keys above every table, the tables of the bridge, and the connections."""
    top = {name: value for name, value in document.items() if name not in SECTIONS and name != "connections"}
    tables = {name: document.get(name, {}) for name in SECTIONS}
    return top, tables, document.get("connections", [])
