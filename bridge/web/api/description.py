"""What the API says of itself: the OpenAPI document for programs, and a page for people. Neither needs a key."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, cast

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from markupsafe import Markup, escape

from bridge import __version__
from bridge.http.api import OPERATIONS, PREFIX, Operation
from bridge.http.current import services
from bridge.http.description import describe, document, refusals_of
from bridge.http.description_parts import GUIDE
from bridge.http.language import spoken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.core.errors import BridgeError

description = Blueprint("api_description", __name__, url_prefix=PREFIX)

_MAX_AGE: Final = 300
_JSON: Final = "application/json"
_QUOTED: Final = re.compile(r"`([^`]+)`")
_LIMITS: Final = {"minimum": "at least {}", "maximum": "at most {}", "maxLength": "at most {} characters"}


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is sent or answered.

    Args:
        place: ``path``, ``query``, ``header`` or ``body``; empty in answers.
    """

    name: str
    kind: str
    told: str
    place: str = ""
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """One operation as the page has it."""

    name: str
    tag: str
    method: str
    path: str
    summary: str
    paragraphs: tuple[str, ...]
    takes: tuple[Row, ...]
    gives: tuple[Row, ...]
    curl: str
    answer: str
    refusals: tuple[tuple[int, type[BridgeError]], ...]


@description.get("")
@description.get("/")
def index() -> Response:
    """Lead whoever opens the API's address in a browser to what it says of itself."""
    return cast("Response", redirect(url_for("api_description.docs"), 303))


@description.get("/openapi.json")
def openapi() -> Response:
    """Serve the document; caches may keep it, and ask whether it is still this one."""
    response = Response(document(_operations(), services().site.public_url), content_type=_JSON)
    response.headers["Cache-Control"] = f"public, max-age={_MAX_AGE}"
    response.add_etag()
    response.make_conditional(request)
    return response


@description.get("/docs")
def docs() -> str:
    """Show the same to people."""
    public_url = services().site.public_url
    guide = [(f"guide-{number}", spoken(title), spoken(text)) for number, (title, text) in enumerate(GUIDE, 1)]
    return render_template(
        "api/docs.html",
        version=__version__,
        server=f"{public_url}{PREFIX}",
        guide=guide,
        groups=[(tag, list(found)) for tag, found in groupby(_shown(_operations(), public_url), lambda one: one.tag)],
        prose=_prose,
    )


def _operations() -> tuple[Operation, ...]:
    operations: tuple[Operation, ...] = current_app.extensions[OPERATIONS]
    return operations


def _prose(text: str) -> Markup:
    """Return text with what stands in backticks as code."""
    return Markup(_QUOTED.sub(r'<code class="hb-code">\1</code>', str(escape(text))))  # noqa: S704 — escaped first


@lru_cache(maxsize=4)
def _shown(operations: tuple[Operation, ...], public_url: str) -> tuple[Shown, ...]:
    whole = describe(operations, public_url)
    found = {(path, method): one for path, item in whole["paths"].items() for method, one in item.items()}
    of_name = {operation.name: operation for operation in operations}
    return tuple(_one(of_name[one["operationId"]], path, one, whole["components"]) for (path, _), one in found.items())


def _one(operation: Operation, path: str, described: dict[str, Any], components: dict[str, Any]) -> Shown:
    good = described["responses"]["200"]
    answer = good["content"].get(_JSON)
    body = described.get("requestBody", {}).get("content", {}).get(_JSON)
    rows = [_parameter(one, components) for one in described["parameters"]]
    rows += _members(body["schema"], components, "body") if body else ()
    return Shown(
        name=operation.name,
        tag=operation.tag,
        method=operation.method,
        path=path,
        summary=operation.summary,
        paragraphs=tuple(described["description"].split("\n\n")),
        takes=tuple(rows),
        gives=tuple(_members(answer["schema"], components, "")) if answer else (),
        curl=described["x-codeSamples"][0]["source"],
        answer=json.dumps(answer["example"], ensure_ascii=False, indent=2) if answer else good["description"],
        refusals=tuple(sorted(refusals_of(operation), key=lambda one: one[0])),
    )


def _parameter(given: dict[str, Any], components: dict[str, Any]) -> Row:
    one = components["parameters"][given["$ref"].rpartition("/")[2]] if "$ref" in given else given
    told = one.get("description", "")
    return Row(one["name"], _kind(one["schema"]), told, one["in"], is_required=one.get("required", False))


def _members(schema: dict[str, Any], components: dict[str, Any], place: str, before: str = "") -> Iterator[Row]:
    found = _resolved(schema, components)
    for name, part in found.get("properties", {}).items():
        is_required = bool(place) and name in found.get("required", ())
        yield Row(f"{before}{name}", _kind(part), part.get("description", ""), place, is_required=is_required)
        if "$ref" in part.get("items", {}):
            yield from _members(part["items"], components, place, f"{before}{name}[].")


def _resolved(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    resolved: dict[str, Any] = components["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return resolved


def _kind(schema: dict[str, Any]) -> str:
    """Return a schema's type and limits in words."""
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}s"
    kind = " or ".join(map(str, schema["enum"])) if "enum" in schema else schema.get("type", "object")
    limits = [text.format(schema[name]) for name, text in _LIMITS.items() if name in schema]
    return ", ".join([kind, *limits])
