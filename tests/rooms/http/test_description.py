"""The OpenAPI document: valid, complete, and exact about what each operation can answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
import pytest
from pydantic import Field
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from bridge import __version__
from bridge.app import API
from bridge.core.errors import AgentUnknown, ContactCenterUnreachable
from bridge.http.api import Call, Desk, Message
from bridge.http.description import describe, document, example_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PUBLIC_URL: Final = "https://phone.example.com"
OPERATIONS: Final = tuple(operation for desk in API for operation in desk.operations)
DOCUMENT: Final = describe(OPERATIONS, PUBLIC_URL)
DESCRIBED: Final = {one["operationId"]: one for item in DOCUMENT["paths"].values() for one in item.values()}
PROBLEM: Final = "application/problem+json"

each_operation = pytest.mark.parametrize("name", DESCRIBED)


def contents(described: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield everything that an operation takes or gives."""
    for holder in (described.get("requestBody", {}), *described["responses"].values()):
        yield from holder.get("content", {}).values()


def refused(described: dict[str, Any], status: int) -> list[str]:
    codes: list[str] = described["responses"][str(status)]["content"][PROBLEM]["schema"]["properties"]["code"]["enum"]
    return codes


def test_it_is_an_openapi_document_of_version_3_1() -> None:
    OPENAPI_31_VALIDATOR.validate(DOCUMENT)
    assert DOCUMENT["openapi"] == "3.1.0"
    assert DOCUMENT["info"]["version"] == __version__
    assert DOCUMENT["servers"] == [{"url": f"{PUBLIC_URL}/api/v1"}]


def test_every_schema_is_one_of_draft_2020_12_and_every_reference_leads_somewhere() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    for kind, name in re.findall(r'"#/components/(\w+)/([\w-]+)"', document(OPERATIONS, PUBLIC_URL)):
        assert name in DOCUMENT["components"][kind]


def test_every_operation_is_there_once_with_its_own_name() -> None:
    assert list(DESCRIBED) == [operation.name for operation in OPERATIONS]
    assert {tag for one in DESCRIBED.values() for tag in one["tags"]} == {tag["name"] for tag in DOCUMENT["tags"]}


@each_operation
def test_every_example_is_what_its_schema_says(name: str) -> None:
    components = {"components": DOCUMENT["components"]}
    for content in contents(DESCRIBED[name]):
        if "example" in content:
            jsonschema_rs.validate({**content["schema"], **components}, content["example"])


@each_operation
def test_every_operation_says_what_it_does_and_which_scope_it_needs(name: str) -> None:
    described = DESCRIBED[name]
    assert described["summary"]
    (needed,) = described["security"]
    words = f"the scope `{needed['apiKey'][0]}`" if needed["apiKey"] else "Every key may ask."
    assert words in described["description"]


@each_operation
def test_a_refusal_may_be_tried_again_where_every_code_of_its_status_says_so(name: str) -> None:
    of_code = {one.code: one for operation in OPERATIONS for one in operation.refuses}
    for status, response in DESCRIBED[name]["responses"].items():
        if int(status) < 400:
            continue
        retry_after = response["headers"].get("Retry-After", {})
        own = [of_code[code].retryable for code in refused(DESCRIBED[name], int(status)) if code in of_code]
        if status in {"429", "503"}:
            assert retry_after["required"] is True
        elif status != "409":
            assert retry_after.get("required", False) is (bool(own) and all(own)), status


@pytest.mark.parametrize(
    ("name", "status", "codes"),
    [
        ("issue_token", 400, ["request_invalid"]),
        ("issue_token", 401, ["api_key_invalid"]),
        ("issue_token", 403, ["api_key_forbidden", "agent_unknown", "agent_frozen", "agent_mismatch"]),
        ("issue_token", 404, ["connection_unknown", "connection_disabled"]),
        ("issue_token", 409, ["connection_mode_unsuited", "idempotency_conflict"]),
        ("issue_token", 415, ["request_invalid"]),
        ("issue_token", 422, ["idempotency_key_reused"]),
        ("issue_token", 429, ["rate_limited"]),
        ("issue_token", 500, ["internal_error"]),
        ("issue_token", 502, ["exchange_rejected", "exchange_answer_invalid"]),
        ("issue_token", 503, ["store_unavailable"]),
        ("issue_token", 504, ["exchange_unreachable"]),
        ("list_connections", 403, ["api_key_forbidden"]),
        ("show_agent", 504, ["contact_center_unreachable"]),
    ],
)
def test_each_status_names_exactly_the_codes_that_can_come(name: str, status: int, codes: list[str]) -> None:
    assert refused(DESCRIBED[name], status) == codes


def test_what_takes_no_body_and_names_no_connection_cannot_be_refused_for_them() -> None:
    assert {"404", "409", "415", "422"}.isdisjoint(DESCRIBED["list_connections"]["responses"])


def test_only_what_happens_once_takes_an_idempotency_key_and_only_what_is_read_has_an_etag() -> None:
    for operation in OPERATIONS:
        described = DESCRIBED[operation.name]
        references = [one.get("$ref", "").rpartition("/")[2] for one in described["parameters"]]
        is_read = operation.method == "GET" and not operation.is_audio
        assert ("Idempotency-Key" in references) is (operation.method == "POST")
        assert ("ETag" in described["responses"]["200"]["headers"]) is is_read
        assert ("304" in described["responses"]) is ("If-None-Match" in references) is is_read


def test_a_sound_comes_as_it_is_or_in_the_part_that_is_asked_for() -> None:
    described = DESCRIBED["fetch_recording"]
    assert {"$ref": "#/components/parameters/Range"} in described["parameters"]
    assert described["responses"]["200"]["content"].keys() == {"audio/*", "application/octet-stream"}
    assert "Content-Range" in described["responses"]["206"]["headers"]
    assert "-o recording.wav" in described["x-codeSamples"][0]["source"]


def test_a_sample_with_a_body_has_its_query_in_the_address() -> None:
    sample = DESCRIBED["change_agent"]["x-codeSamples"][0]["source"]
    assert "/agent?account_name=lin%40contoso.example" in sample
    assert "-G" not in sample.split()


def test_bodies_are_closed_and_answers_may_grow() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["TokenRequest"]["additionalProperties"] is False
    assert "additionalProperties" not in schemas["TokenAnswer"]


def test_an_unknown_place_of_an_address_is_a_parameter_too() -> None:
    class Found(Message):
        """A call."""

        call_id: str
        seconds: int | None = Field(examples=[None])

    desk = Desk("calls", "Calls")

    @desk.operation(
        "GET",
        "/connections/<connection>/lines/<line_id>",
        scope="calls",
        gives=Found,
        refuses=(AgentUnknown, ContactCenterUnreachable),
    )
    def show_call(call: Call[Any, Any]) -> Found:
        """Show a call."""
        return Found(call_id=call.path["line_id"], seconds=None)

    whole = describe(desk.operations, PUBLIC_URL)
    OPENAPI_31_VALIDATOR.validate(whole)
    described = whole["paths"]["/connections/{connection}/lines/{line_id}"]["get"]
    assert described["parameters"][1] == {
        "in": "path",
        "name": "line_id",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
    }
    assert show_call.__name__ == described["operationId"]


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ({"type": "string", "examples": ["a", "b"], "default": "c"}, "a"),
        ({"type": "string", "enum": ["a", "b"]}, "a"),
        ({"type": "string", "const": "true"}, "true"),
        ({"type": "integer", "default": 50}, 50),
        ({"type": "string"}, ""),
        ({"type": "boolean"}, False),
        ({"type": "object"}, {}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 0),
        ({"type": "array", "items": {"$ref": "#/components/schemas/One"}}, [{"name": "x"}]),
    ],
    ids=["examples", "enum", "const", "default", "text", "boolean", "object", "any of", "list of references"],
)
def test_an_example_is_made_where_none_is_written(schema: dict[str, Any], example: object) -> None:
    one = {"type": "object", "properties": {"name": {"type": "string", "examples": ["x"]}}}
    assert example_of(schema, {"One": one}) == example
