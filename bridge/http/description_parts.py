"""The parts of the OpenAPI document that are the same for every operation."""

from __future__ import annotations

from typing import Any, Final

from bridge.access.answers import KEPT_FOR
from bridge.access.api_keys import PREFIX as KEY_PREFIX
from bridge.core.scopes import SCOPES
from bridge.core.wording import said
from bridge.http.api import IDEMPOTENCY_KEY, LONGEST_IDEMPOTENCY_KEY, REPLAYED

GUIDE: Final = (
    (
        said("Keys"),
        said(
            "Send an API key with each request: `Authorization: Bearer hlb_…`. An administrator makes one in the"
            " console or with `hotline-bridge api-keys new`. It is good for some connections and some scopes, and"
            " only for a time. A connection that it is not for is answered like one that does not exist."
        ),
    ),
    (
        said("Refusals"),
        said(
            "Every refusal is a problem document (RFC 9457) of type `application/problem+json`. Decide by its"
            " `code`, which never changes; `detail`, `expected` and `received` are for people. `reference` finds the"
            " line in the bridge's log. Where the header `Retry-After` comes along, the same request may succeed"
            " after so many seconds. An address that is none answers 404 `page_unknown`, a wrong method 405"
            " `request_invalid`."
        ),
    ),
    (
        said("Doing something once"),
        said(
            "Send an `Idempotency-Key` with each POST, a new one for each thing that you want. The same request with"
            " the same key gets the first answer again for an hour, marked with `Idempotency-Replayed: true`. A"
            " refusal is not kept: try again with the same key."
        ),
    ),
    (
        said("Limits"),
        said(
            "`RateLimit-Policy` names the budgets of your key, `RateLimit` what is left of them. Whoever has spent"
            " one is answered 429 `rate_limited` with `Retry-After`."
        ),
    ),
    (
        said("Pages"),
        said(
            "A list comes in pages. Send `next_cursor` back as `cursor`, or follow the `Link` header with"
            " `rel=next`; on the last page `next_cursor` is null."
        ),
    ),
    (
        said("What has not changed"),
        said(
            "Answers to GET have an `ETag`. Send it back as `If-None-Match`, and what has not changed is answered"
            " 304 without a body."
        ),
    ),
    (
        said("Versions"),
        said(
            "What stands here stays. Answers may gain members and operations may gain optional parameters, so ignore"
            " what you do not know. Whatever breaks a client gets an address of its own beside `/api/v1`."
        ),
    ),
)
"""What holds for every operation: titles and texts."""

BUDGETS: Final = ("RateLimit", "RateLimit-Policy")
SOUNDS: Final = ("audio/*", "application/octet-stream")
"""What a recording can be."""
HEADERS: Final[dict[str, Any]] = {
    "Accept-Ranges": {
        "description": "`Range` is understood in bytes (RFC 9110 section 14).",
        "required": True,
        "schema": {"type": "string", "const": "bytes"},
    },
    "Content-Range": {
        "description": "Which part this is.",
        "required": True,
        "schema": {"type": "string", "pattern": "^bytes [0-9]+-[0-9]+/([0-9]+|[*])$"},
        "example": "bytes 0-1023/96044",
    },
    "ETag": {
        "description": "Names this answer; for `If-None-Match`.",
        "required": True,
        "schema": {"type": "string"},
        "example": '"eb18b86428582230adb1758dc6bee67bebeb2816"',
    },
    "Link": {
        "description": "The next page, as `rel=next` (RFC 8288); left out on the last one.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "For each budget what is left, and the seconds until there is more.",
        "schema": {"type": "string"},
        "example": '"1-minute";r=599;t=42',
    },
    "RateLimit-Policy": {
        "description": "For each budget how many requests it holds, and its window in seconds.",
        "schema": {"type": "string"},
        "example": '"1-minute";q=600;w=60',
    },
    REPLAYED: {
        "description": "The answer is that of the first request with this `Idempotency-Key`.",
        "schema": {"type": "string", "const": "true"},
    },
    "Retry-After": {
        "description": "Seconds after which the same request may succeed; with codes of which that can be hoped.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "How to come in (RFC 6750); with refusals of the key.",
        "schema": {"type": "string"},
        "example": 'Bearer realm="hotline-bridge", error="invalid_token"',
    },
}

IN_PATH: Final[dict[str, Any]] = {"in": "path", "required": True}
_WHOLE_NUMBER: Final[dict[str, Any]] = {
    "description": "The contact center's number of it.",
    "schema": {"type": "integer", "minimum": 1},
}
PARAMETERS: Final[dict[str, Any]] = {
    "connection": {
        **IN_PATH,
        "name": "connection",
        "description": "Name of the connection; case does not matter.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9]{1,10}$"},
        "example": "contoso",
    },
    "skill_group_id": {**IN_PATH, "name": "skill_group_id", **_WHOLE_NUMBER, "example": 1234009},
    "department_id": {**IN_PATH, "name": "department_id", **_WHOLE_NUMBER, "example": 19},
    "number": {
        **IN_PATH,
        "name": "number",
        "description": "The hotline number, as the contact center writes it.",
        "schema": {"type": "string", "minLength": 1},
        "example": "4008000003",
    },
    "call_id": {
        **IN_PATH,
        "name": "call_id",
        "description": "The contact center's number of the whole call; a text, for it is large.",
        "schema": {"type": "string", "minLength": 1},
        "example": "10009060001",
    },
    "recording_id": {
        **IN_PATH,
        "name": "recording_id",
        "description": "`recording_id` in the list of recordings.",
        "schema": {"type": "string", "minLength": 1},
        "example": "10009060002",
    },
    IDEMPOTENCY_KEY: {
        "name": IDEMPOTENCY_KEY,
        "in": "header",
        "description": "Any text, such as a UUID: the same request with the same text gets the same answer for "
        f"{KEPT_FOR // 60} minutes.",
        "schema": {"type": "string", "maxLength": LONGEST_IDEMPOTENCY_KEY, "pattern": "^[ -~]*$"},
        "example": "6b0d8e0c-0f5e-4f0b-9d5e-6f1f3c7b2a11",
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "`ETag` of the answer that you have.",
        "schema": {"type": "string"},
    },
    "Range": {
        "name": "Range",
        "in": "header",
        "description": "One range of bytes; whatever else stands here is passed over.",
        "schema": {"type": "string"},
    },
}
PROBLEM: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "Why something was not done (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "reference"],
    "properties": {
        "type": {"type": "string", "pattern": "^urn:hotline-bridge:problem:[a-z_]+$"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "For programs; never changes."},
        "detail": {"type": "string", "description": "For people."},
        "reference": {"type": "string", "description": "Finds the line in the bridge's log."},
        "expected": {"type": "string", "description": "What would have been good."},
        "received": {"type": "string", "description": "What came instead; never a secret."},
    },
}
SECURITY_SCHEME: Final[dict[str, Any]] = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": f"{KEY_PREFIX}…",
    "description": "An API key. Its scopes are some of\n\n"
    + "\n".join(f"- `{name}`: {text}" for name, text in SCOPES.items()),
}
