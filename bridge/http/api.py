"""The server-to-server API: the one road that each of its operations goes, from the key to the answer.

A web file describes its operations to a `Desk`; the same description makes the routes and the OpenAPI document.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, ValidationError

from bridge.access.answers import errand
from bridge.core.contact_center_errors import ContactCenterUncertain
from bridge.core.errors import BridgeError, ConnectionUnknown, RequestInvalid, StoreUnavailable, showable
from bridge.core.gate_errors import ApiKeyForbidden, ApiKeyInvalid
from bridge.http.address import client_address
from bridge.http.current import services
from bridge.http.limits import spend_on_key, spend_on_wrong_key
from bridge.http.problem import Context, in_context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.access.answers import Errand, KeptAnswer
    from bridge.access.api_keys import ApiKey
    from bridge.core.model import Connection

PREFIX: Final = "/api/v1"
OPERATIONS: Final = "bridge.operations"
"""Where the application keeps what all desks can do."""
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
LONGEST_IDEMPOTENCY_KEY: Final = 255
REPLAYED: Final = "Idempotency-Replayed"
_CONNECTION: Final = "connection"
_UNSUPPORTED: Final = 415
_NOT_FOUND: Final = 404

Body = TypeVar("Body")
Query = TypeVar("Query")


class Message(BaseModel):
    """What goes in or out: no member that it does not know, no text where a number belongs."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Nothing(Message):
    """What an operation takes that takes nothing."""


class Audio(Message):
    """The recording itself, or the part of it that `Range` asks for."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a platform can ask for, as the OpenAPI document describes it.

    Args:
        name: the ``operationId``.
        rule: address below `PREFIX`, in Flask's spelling; the connection's place is called ``connection``.
        scope: what the key must be good for; empty: any living key.
        takes: the body; `query` the parameters of the address.
        refuses: what it can answer besides what every operation can.
        not_found: what it answers with 404, whatever the status elsewhere: it speaks of a thing that is not there.
        is_repeatable: whether it finds out by itself what came of the same request before, so that it may be done again
            where nobody knows how that ended.
    """

    name: str
    method: str
    rule: str
    tag: str
    summary: str
    description: str
    scope: str
    takes: type[Message]
    query: type[Message]
    gives: type[Message]
    refuses: tuple[type[BridgeError], ...] = ()
    not_found: tuple[type[BridgeError], ...] = ()
    is_repeatable: bool = False

    @property
    def is_once(self) -> bool:
        """Whether it takes an ``Idempotency-Key``."""
        return self.method == "POST"

    @property
    def is_audio(self) -> bool:
        """Whether it answers with a sound instead of JSON."""
        return self.gives is Audio

    @property
    def may_be_unchanged(self) -> bool:
        """Whether its answers have an ``ETag``."""
        return self.method == "GET" and not self.is_audio

    @property
    def has_connection(self) -> bool:
        """Whether its address names a connection."""
        return f"<{_CONNECTION}>" in self.rule


@dataclass(frozen=True, slots=True)
class Call(Generic[Body, Query]):
    """One request that may be done.

    Args:
        path: what stands at the other places of the address.
        once: the ``Idempotency-Key``; empty where there is none.
    """

    key: ApiKey
    body: Body
    query: Query
    path: Mapping[str, str]
    named: Connection | None = None
    once: str = ""

    @property
    def connection(self) -> Connection:
        """The connection that the address names; raises ConnectionUnknown where it names none."""
        if self.named is None:
            raise ConnectionUnknown
        return self.named

    @property
    def actor(self) -> str:
        """Who asks, as the journal names them."""
        return f"API key {self.key.id}"


class Desk:
    """The operations of one web file, and the blueprint with their routes."""

    def __init__(self, name: str, tag: str) -> None:
        self.blueprint = Blueprint(f"api_{name}", __name__, url_prefix=PREFIX)
        self.operations: list[Operation] = []
        self._tag = tag

    def operation(
        self,
        method: str,
        rule: str,
        *,
        scope: str,
        gives: type[Message],
        takes: type[Message] = Nothing,
        query: type[Message] = Nothing,
        refuses: tuple[type[BridgeError], ...] = (),
        not_found: tuple[type[BridgeError], ...] = (),
        is_repeatable: bool = False,
    ) -> Callable[[Callable[[Call[Any, Any]], Message]], Callable[[Call[Any, Any]], Message]]:
        """Make a route of a function; its docstring's first sentence is the summary, the rest the description."""

        def add(act: Callable[[Call[Any, Any]], Message]) -> Callable[[Call[Any, Any]], Message]:
            facts = {"takes": takes, "query": query, "gives": gives, "refuses": refuses, "not_found": not_found}
            road = {"method": method, "rule": rule, "tag": self._tag, "scope": scope, "is_repeatable": is_repeatable}
            described = _described(act, **road, **facts)
            self._route(described, lambda call: _done_once(described, call, act))
            return act

        return add

    def audio(
        self,
        rule: str,
        *,
        scope: str,
        query: type[Message] = Nothing,
        refuses: tuple[type[BridgeError], ...] = (),
    ) -> Callable[[Callable[[Call[Any, Any]], Response]], Callable[[Call[Any, Any]], Response]]:
        """Make a route of a function that answers with a sound; see `operation`."""

        def add(act: Callable[[Call[Any, Any]], Response]) -> Callable[[Call[Any, Any]], Response]:
            facts = {"takes": Nothing, "query": query, "gives": Audio, "refuses": refuses}
            self._route(_described(act, method="GET", rule=rule, tag=self._tag, scope=scope, **facts), act)
            return act

        return add

    def _route(self, described: Operation, done: Callable[[Call[Any, Any]], Response]) -> None:
        self.operations.append(described)
        self.blueprint.add_url_rule(
            described.rule,
            described.name,
            lambda **path: _answer(described, done, path),
            methods=[described.method],
        )


def _described(act: Callable[[Call[Any, Any]], Any], **facts: Any) -> Operation:
    summary, _, description = (act.__doc__ or "").partition("\n")
    return Operation(
        name=act.__name__,
        summary=summary.strip().rstrip("."),
        description="\n".join(line.strip() for line in description.strip().splitlines()),
        **facts,
    )


def _answer(operation: Operation, done: Callable[[Call[Any, Any]], Response], path: dict[str, str]) -> Response:
    started = time.monotonic()
    in_context(Context("api", details={"operation": operation.name}))
    key = _authenticated()
    details = {"operation": operation.name, "api_key": key.id}
    in_context(Context("api", details=details))
    spend_on_key(key.id)
    if operation.scope:
        key.check_scope(operation.scope)
    named = _reached(key, path.pop(_CONNECTION)) if operation.has_connection else None
    name = named.name if named else ""
    in_context(Context("api", name, details=details))
    call = Call(key, _body(operation), _query(operation), path, named)
    try:
        response = done(call)
    except operation.not_found as fault:
        fault.status = _NOT_FOUND
        raise
    services().journal.record("api", connection=name, seconds=time.monotonic() - started, **details)
    return response


def _authenticated() -> ApiKey:
    address = client_address()
    try:
        return services().api_keys.check(_bearer(), address)
    except (ApiKeyInvalid, ApiKeyForbidden):
        spend_on_wrong_key(address)
        raise


def _bearer() -> str:
    # Several headers have become one by now, which holds no key (RFC 3875 section 4.1.18).
    given = request.headers.get("Authorization", "")
    scheme, _, text = given.partition(" ")
    if scheme.lower() != "bearer":
        # RFC 6750 section 2.1; a key in an address would stand in logs.
        raise ApiKeyInvalid(expected="Authorization: Bearer", received="another scheme" if given else "none")
    return text.strip()


def _reached(key: ApiKey, name: str) -> Connection:
    connection = services().connections.get(name) if key.reaches(name) else None
    if connection is None or not key.is_for(connection):
        # The same as for a name that nobody has: a key must not tell which other customers there are.
        raise ConnectionUnknown(received=showable(name))
    return connection


# What comes in --------------------------------------------------------------------------------------------------------


def _body(operation: Operation) -> Message:
    if operation.takes is Nothing:
        return Nothing()
    if request.mimetype != "application/json":
        raise RequestInvalid(
            expected="application/json", received=showable(request.mimetype or "no type"), status=_UNSUPPORTED
        )
    try:
        text = request.get_data().decode("utf-8")
        given = json.loads(text, object_pairs_hook=_without_twins, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as fault:
        raise RequestInvalid(expected="a JSON object", received="another body") from fault
    return _read(operation.takes, given, strict=True)


def _query(operation: Operation) -> Message:
    twins = [name for name, values in request.args.lists() if len(values) > 1]
    if twins:
        # Two readers of one request may take different twins of a parameter (HTTP parameter pollution).
        raise RequestInvalid(expected=f"{showable(twins[0])} once", received="more than once")
    return _read(operation.query, request.args.to_dict(), strict=False)


def _read(model: type[Message], given: object, *, strict: bool) -> Message:
    try:
        return model.model_validate(given, strict=strict)
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False)[0]
        place = ".".join(showable(step) for step in first["loc"]) or "the body"
        expected, received = _complaint(first["type"], first.get("ctx", {}))
        raise RequestInvalid(expected=f"{place}: {expected or first['msg']}", received=received) from None


def _complaint(kind: str, bounds: Mapping[str, Any]) -> tuple[str, str]:
    """Return what was expected and what came, in words of ours; an empty text leaves the library's."""
    least, most = bounds.get("min_length", bounds.get("ge")), bounds.get("max_length", bounds.get("le"))
    found = {
        "missing": ("a value", "none"),
        "extra_forbidden": ("no member of this name", "one"),
        "model_type": ("a JSON object", "another value"),
        "model_attributes_type": ("a JSON object", "another value"),
        "string_type": ("a text", "another value"),
        "string_too_short": (f"at least {least} characters", "fewer"),
        "string_too_long": (f"at most {most} characters", "more"),
        "int_type": ("a whole number", "another value"),
        "int_parsing": ("a whole number", "another text"),
        "greater_than_equal": (f"at least {least}", "less"),
        "less_than_equal": (f"at most {most}", "more"),
    }
    return found.get(kind, ("", kind))


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name stands twice")
    return members


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


# What goes out --------------------------------------------------------------------------------------------------------


def _done_once(operation: Operation, call: Call[Any, Any], act: Callable[[Call[Any, Any]], Message]) -> Response:
    idempotency_key = _idempotency_key() if operation.is_once else ""
    if not idempotency_key:
        return _written(operation, act(call).model_dump(mode="json"))
    call = replace(call, once=idempotency_key)
    body = json.dumps(call.body.model_dump(mode="json"), sort_keys=True)
    # Another version of the connection may lead elsewhere: what was answered before is no answer of it.
    asker = f"{call.key.id} {call.named.version if call.named else ''}"
    one = errand(asker, idempotency_key, f"{operation.method} {request.path}\n{body}")
    kept = services().kept_answers.begin(one)
    if kept is not None:
        return _replayed(operation, kept)
    return _written(operation, _kept_answer(operation, one, lambda: act(call).model_dump(mode="json")))


def _kept_answer(operation: Operation, one: Errand, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the answer, which is given again from now on; so is that nobody knows what came of a change."""
    answers = services().kept_answers
    try:
        answer = act()
    except BaseException as fault:
        with suppress(StoreUnavailable):
            if isinstance(fault, ContactCenterUncertain) and not operation.is_repeatable:
                answers.keep(one, {"expected": fault.expected, "received": fault.received}, is_uncertain=True)
            else:
                answers.drop(one)
        raise
    with suppress(StoreUnavailable):
        answers.keep(one, answer)
    return answer


def _replayed(operation: Operation, kept: KeptAnswer) -> Response:
    if kept.is_uncertain:
        raise ContactCenterUncertain(**kept.members)
    response = _written(operation, _aged(kept))
    response.headers[REPLAYED] = "true"
    return response


def _aged(kept: KeptAnswer) -> dict[str, Any]:
    """Return an answer of before as it is now: seconds from now are fewer by now."""
    if "expires_in" not in kept.members:
        return kept.members
    return {**kept.members, "expires_in": max(kept.members["expires_in"] - kept.age, 0)}


def _idempotency_key() -> str:
    text = request.headers.get(IDEMPOTENCY_KEY)
    if text is None:
        return ""
    if not text or len(text) > LONGEST_IDEMPOTENCY_KEY or not (text.isascii() and text.isprintable()):
        expected = f"{IDEMPOTENCY_KEY} of 1 to {LONGEST_IDEMPOTENCY_KEY} printable ASCII characters"
        raise RequestInvalid(expected=expected, received="another")
    return text


def _written(operation: Operation, answer: dict[str, Any]) -> Response:
    response = jsonify(answer)
    if operation.method != "GET":
        return response
    # Each caller may keep what it read and ask whether it has changed (RFC 9110 section 13.1.2).
    response.headers["Cache-Control"] = "private, no-cache"
    following = answer.get("next_cursor")
    if following:
        asked = urlencode({**request.args.to_dict(), "cursor": following})
        response.headers["Link"] = f'<{services().site.public_url}{quote(request.path)}?{asked}>; rel="next"'
    response.add_etag()
    conditional: Response = response.make_conditional(request)  # type: ignore[assignment]
    return conditional
