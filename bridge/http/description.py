"""The OpenAPI 3.1 document of the server-to-server API, made of the operations that its routes are made of."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from bridge import __version__
from bridge.core.errors import (
    BridgeError,
    ConnectionDisabled,
    ConnectionUnknown,
    Internal,
    RateLimited,
    RequestInvalid,
    StoreUnavailable,
)
from bridge.core.gate_errors import ApiKeyForbidden, ApiKeyInvalid, IdempotencyConflict, IdempotencyKeyReused
from bridge.http.api import IDEMPOTENCY_KEY, PREFIX, REPLAYED, Message, Nothing, Operation
from bridge.http.api_pages import Page
from bridge.http.description_parts import BUDGETS, GUIDE, HEADERS, IN_PATH, PARAMETERS, PROBLEM, SECURITY_SCHEME, SOUNDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Json = dict[str, Any]

PROBLEM_TYPE: Final = "application/problem+json"
_JSON: Final = "application/json"
_REF: Final = "#/components/schemas/{model}"
_SECURITY: Final = "apiKey"
_PLACE: Final = re.compile(r"<(?:\w+:)?(\w+)>")
_UNSUPPORTED: Final = 415
_UNAUTHORIZED: Final = 401
_NOT_FOUND: Final = 404
_SHOWN: Final = ("const", "default")
_ANYTHING: Final = {"boolean": False, "integer": 0, "number": 0, "object": {}}
_KEY_REFUSALS: Final = (ApiKeyInvalid, ApiKeyForbidden)


def document(operations: tuple[Operation, ...], public_url: str) -> str:
    """Return the document as JSON text, made once in each process."""
    return _written(operations, public_url)


@lru_cache(maxsize=4)
def _written(operations: tuple[Operation, ...], public_url: str) -> str:
    return json.dumps(describe(operations, public_url), ensure_ascii=False, separators=(",", ":"))


def describe(operations: Iterable[Operation], public_url: str) -> Json:
    """Return the document (OpenAPI Specification 3.1.0)."""
    listed = tuple(operations)
    server = f"{public_url}{PREFIX}"
    references, schemas = _schemas(listed)
    paths: dict[str, Json] = defaultdict(dict)
    for operation in listed:
        described = _operation(operation, references, schemas)
        described["x-codeSamples"] = [{"lang": "Shell", "label": "curl", "source": _curl(server, operation, described)}]
        paths[_path(operation)][operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hotline Bridge",
            "version": __version__,
            "summary": "Fuyun tokens, hand-offs and agents for a platform's own back end.",
            "description": "\n\n".join(f"## {title}\n\n{text}" for title, text in GUIDE),
        },
        "servers": [{"url": server}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in listed)],
        "security": [{_SECURITY: []}],
        "paths": dict(paths),
        "components": {
            "schemas": schemas | {"Problem": PROBLEM},
            "headers": HEADERS,
            "parameters": PARAMETERS,
            "securitySchemes": {_SECURITY: SECURITY_SCHEME},
        },
    }


# What goes in and out -------------------------------------------------------------------------------------------------


class _Schemas(GenerateJsonSchema):
    """Schemas without a title for each member, which would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 — pydantic's signature
        return False


def _schemas(operations: Iterable[Operation]) -> tuple[Mapping[type[Message], Json], Json]:
    """Return a reference to each body and answer, and what they refer to."""
    asked = {one.takes: "validation" for one in operations if one.takes is not Nothing}
    given = {one.gives: "serialization" for one in operations if not one.is_audio}
    modes: Any = [*asked.items(), *given.items()]
    found, schemas = models_json_schema(modes, ref_template=_REF, schema_generator=_Schemas)
    definitions: Json = schemas.get("$defs", {})
    names = {reference["$ref"].rpartition("/")[2] for (model, _), reference in found.items() if model in asked}
    for name, definition in definitions.items():
        if name not in names:
            # What we take is exactly this; what we give may grow.
            definition.pop("additionalProperties", None)
    references: Any = {model: reference for (model, _), reference in found.items()}
    return references, definitions


def example_of(schema: Json, schemas: Json) -> Any:
    """Return a value that a schema admits: its first example, or one made of its parts."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    shown = [*schema.get("examples", ()), *schema.get("enum", ()), *(schema[name] for name in _SHOWN if name in schema)]
    if shown:
        return shown[0]
    if schema.get("type") == "array":
        return [example_of(schema["items"], schemas)]
    return {name: example_of(part, schemas) for name, part in schema.get("properties", {}).items()} or _made(schema)


def _made(schema: Json) -> Any:
    parts = schema.get("anyOf")
    return _made(parts[0]) if parts else _ANYTHING.get(schema.get("type", ""), "")


# One operation --------------------------------------------------------------------------------------------------------


def _path(operation: Operation) -> str:
    return _PLACE.sub(r"{\1}", operation.rule)


def _operation(operation: Operation, references: Mapping[type[Message], Json], schemas: Json) -> Json:
    described: Json = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": _description(operation),
        # From 3.1 on, the scopes that are needed may stand here for every kind of scheme.
        "security": [{_SECURITY: [operation.scope] if operation.scope else []}],
        "parameters": list(_parameters(operation)),
        "responses": _responses(operation, references, schemas),
    }
    if operation.takes is not Nothing:
        reference = references[operation.takes]
        content = {_JSON: {"schema": reference, "example": example_of(reference, schemas)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _description(operation: Operation) -> str:
    need = f"The key needs the scope `{operation.scope}`." if operation.scope else "Every key may ask."
    paragraphs = [" ".join(one.split("\n")) for one in operation.description.split("\n\n") if one]
    return "\n\n".join([*paragraphs, need])


def _parameters(operation: Operation) -> Iterator[Json]:
    for place in _PLACE.findall(operation.rule):
        known = place in PARAMETERS
        yield _parameter(place) if known else {**IN_PATH, "name": place, "schema": {"type": "string", "minLength": 1}}
    query = operation.query.model_json_schema(schema_generator=_Schemas)
    for name, part in query.get("properties", {}).items():
        told = {"description": text} if (text := part.pop("description", "")) else {}
        yield {"name": name, "in": "query", "required": name in query.get("required", ()), **told, "schema": part}
    if operation.is_once:
        yield _parameter(IDEMPOTENCY_KEY)
    if operation.may_be_unchanged:
        yield _parameter("If-None-Match")
    if operation.is_audio:
        yield _parameter("Range")


def _parameter(name: str) -> Json:
    return {"$ref": f"#/components/parameters/{name}"}


def _responses(operation: Operation, references: Mapping[type[Message], Json], schemas: Json) -> Json:
    responses = _sound(operation) if operation.is_audio else _answer(operation, references[operation.gives], schemas)
    by_status: dict[int, list[type[BridgeError]]] = defaultdict(list)
    for status, refusal in sorted(dict.fromkeys(refusals_of(operation)), key=lambda one: one[0]):
        by_status[status].append(refusal)
    return responses | {str(status): _refusal(status, found) for status, found in by_status.items()}


def _answer(operation: Operation, answer: Json, schemas: Json) -> Json:
    good: Json = {
        "description": schemas[answer["$ref"].rpartition("/")[2]].get("description", "Done."),
        "headers": _headers(*BUDGETS, *_good_headers(operation)),
        "content": {_JSON: {"schema": answer, "example": example_of(answer, schemas)}},
    }
    if not operation.may_be_unchanged:
        return {"200": good}
    unchanged = {
        "description": "Nothing has changed since the answer with this `ETag`.",
        "headers": _headers("ETag", *BUDGETS),
    }
    return {"200": good, "304": unchanged}


def _sound(operation: Operation) -> Json:
    # Of bytes as they are, OpenAPI 3.1 has no schema (section 4.8.14.1).
    content: Json = {kind: {} for kind in SOUNDS}
    whole = {"description": operation.gives.__doc__, "headers": _headers("Accept-Ranges", *BUDGETS), "content": content}
    part = {
        "description": "The part that `Range` asks for.",
        "headers": _headers("Accept-Ranges", "Content-Range", *BUDGETS),
        "content": content,
    }
    return {"200": whole, "206": part}


def refusals_of(operation: Operation) -> Iterator[tuple[int, type[BridgeError]]]:
    """Yield status and class of everything that an operation may answer instead."""
    usual: tuple[type[BridgeError], ...] = (RequestInvalid, *_KEY_REFUSALS, RateLimited, Internal, StoreUnavailable)
    of_connections = (ConnectionUnknown, ConnectionDisabled) if operation.has_connection else ()
    of_errands = (IdempotencyConflict, IdempotencyKeyReused) if operation.is_once else ()
    yield from ((one.status, one) for one in (*usual, *of_connections, *operation.refuses, *of_errands))
    yield from ((_NOT_FOUND, one) for one in operation.not_found)
    if operation.takes is not Nothing:
        yield _UNSUPPORTED, RequestInvalid


def _refusal(status: int, refusals: list[type[BridgeError]]) -> Json:
    lines = [f"- `{one.code}`: {one.default}" for one in refusals]
    codes = {"properties": {"status": {"const": status}, "code": {"enum": [one.code for one in refusals]}}}
    return {
        "description": "\n".join(lines),
        "headers": _refusal_headers(status, refusals),
        "content": {PROBLEM_TYPE: {"schema": {"$ref": _REF.format(model="Problem"), **codes}}},
    }


# Headers --------------------------------------------------------------------------------------------------------------


def _good_headers(operation: Operation) -> Iterator[str]:
    if operation.may_be_unchanged:
        yield "ETag"
    if issubclass(operation.gives, Page):
        yield "Link"
    if operation.is_once:
        yield REPLAYED


def _refusal_headers(status: int, refusals: list[type[BridgeError]]) -> Json:
    headers = _headers(*BUDGETS) if status != _UNAUTHORIZED else {}
    of_keys = [issubclass(one, _KEY_REFUSALS) for one in refusals]
    again = [one.retryable for one in refusals]
    for name, sent in (("WWW-Authenticate", of_keys), ("Retry-After", again)):
        if any(sent):
            headers[name] = {**HEADERS[name], "required": True} if all(sent) else _headers(name)[name]
    return headers


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


# Samples --------------------------------------------------------------------------------------------------------------


def _curl(server: str, operation: Operation, described: Json) -> str:
    """Return a command that asks for an operation's example with the key in ``$API_KEY``."""
    path = _PLACE.sub(lambda place: quote(str(PARAMETERS.get(place[1], {}).get("example", place[1]))), operation.rule)
    needed = [one for one in described["parameters"] if one.get("in") == "query" and one["required"]]
    takes_body = "requestBody" in described
    if takes_body and needed:
        # curl's -G would put the body into the address too.
        path += f"?{urlencode({one['name']: example_of(one['schema'], {}) for one in needed})}"
        needed = []
    how = " -G" if needed else ""
    how += "" if operation.method == "GET" else f" -X {operation.method}"
    how += " -o recording.wav" if operation.is_audio else ""
    lines = [f"curl -sS{how}", f'"{server}{path}"', '-H "Authorization: Bearer $API_KEY"']
    lines += [f'--data-urlencode "{one["name"]}={example_of(one["schema"], {})}"' for one in needed]
    if takes_body:
        body = described["requestBody"]["content"][_JSON]["example"]
        lines += ['-H "Content-Type: application/json"', f"-d '{json.dumps(body, ensure_ascii=False)}'"]
    return " \\\n  ".join(lines)
