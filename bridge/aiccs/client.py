"""The one call path to the contact center's OpenAPI, and its judgement of every answer."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from bridge.core.errors import BridgeError, ContactCenterError, ContactCenterUnreachable, showable
from bridge.outbound import FailAs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.aiccs.wire import SignedClient
    from bridge.core.model import AiccsAccess
    from bridge.outbound import Answer, Outbound

_FAILURES: Final = FailAs(ContactCenterUnreachable, ContactCenterError)
_CLIENTS: Final = 64
_OK: Final = 200
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_ITS_OWN_TROUBLE: Final = frozenset({"SystemError", "InternalError", "ServiceUnavailable"})
_WITHOUT_AN_ANSWER: Final = frozenset({"a broken connection", "a refused connection"})


class ContactCenter:
    """Calls operations of the OpenAPI with the access key of whichever connection asks.

    Args:
        now: epoch seconds; the OpenAPI refuses signatures that are more than a quarter of an hour old.
    """

    def __init__(self, outbound: Outbound, now: Callable[[], float]) -> None:
        self._outbound = outbound
        self._now = now
        self._client = lru_cache(maxsize=_CLIENTS)(self._new_client)

    def call(
        self, access: AiccsAccess, operation: str, parameters: Mapping[str, object], *, again: bool = False
    ) -> dict[str, Any]:
        """Return the answer of one operation, with the wire's names.

        An answer is good when its HTTP status is 200 and ``Success`` is absent or true; ``Code`` says "Success", "200"
        or "OK", as the operation likes, and tells nothing.

        Args:
            operation: as the SDK spells its methods, such as ``get_agent``.
            parameters: the fields of the SDK's request, such as ``account_name``.
            again: whether a connection that broke may be tried once more; only where doing it twice does no harm.

        Raises:
            ContactCenterError: a definite no, whose ``received`` is the OpenAPI's code alone, or an unusable answer.
            ContactCenterUnreachable: no answer, throttling, or trouble on the OpenAPI's side.
        """
        try:
            return self._once(access, operation, parameters)
        except ContactCenterUnreachable as fault:
            # Not after a time-out: whoever waits for this answer has waited long enough.
            if not again or fault.received not in _WITHOUT_AN_ANSWER:
                raise
        return self._once(access, operation, parameters)

    def _once(self, access: AiccsAccess, operation: str, parameters: Mapping[str, object]) -> dict[str, Any]:
        from alibabacloud_aiccs20191015 import models  # noqa: PLC0415 — see `_new_client`

        method = getattr(self._client(access), f"{operation}_with_options")
        request = getattr(models, f"{operation.title().replace('_', '')}Request")
        body = method(request(**parameters), None).body
        if body is None:  # how the SDK says that the nesting is not the operation's
            raise _unusable(operation, "another JSON object")
        answer: dict[str, Any] = body.to_map()
        return answer

    def _new_client(self, access: AiccsAccess) -> SignedClient:
        # Half a second and 32 MiB that neither start-up nor anybody without an access key shall pay.
        from bridge.aiccs.wire import SignedClient  # noqa: PLC0415

        def send(method: str, url: str, headers: dict[str, str], form: dict[str, str]) -> Answer:
            return self._outbound.send(
                method, url, _FAILURES, headers=headers, form=form, public_only=access.public_only
            )

        return SignedClient(access, send, judged, self._now)


def judged(operation: str, answer: Answer) -> dict[str, Any]:
    """Return the JSON object of a good answer; raises what `ContactCenter.call` does."""
    members = answer.json_object()
    if answer.status == _OK and members is not None and _succeeded(members):
        return members
    code = _code(members or {})
    if _may_pass(answer.status, code):
        received = showable(code) if code else f"HTTP {answer.status}"
        raise ContactCenterUnreachable(
            f"The contact center's OpenAPI cannot answer {operation} now{_request_id(members)}.",
            expected=f"the answer of {operation}",
            received=received,
        )
    if not code:
        raise _unusable(operation, f"HTTP {answer.status} {answer.kind}")
    raise ContactCenterError(
        f"The contact center's OpenAPI refused {operation}{_request_id(members)}.",
        expected=f"the answer of {operation}",
        received=showable(code),
    )


def _succeeded(members: Mapping[str, Any]) -> bool:
    # A boolean in most operations, a text in some, and absent in a few.
    success = members.get("Success")
    return success is None or str(success).casefold() == "true"


def _code(members: Mapping[str, Any]) -> str:
    code = members.get("Code") or members.get("code")
    return code if isinstance(code, str) else ""


def _may_pass(status: int, code: str) -> bool:
    # HTTP 500 with a code is how the OpenAPI says a definite no, such as NoAgentFound.
    throttled = status == _TOO_MANY or code.startswith("Throttling")
    return throttled or code in _ITS_OWN_TROUBLE or status > _SERVER_ERROR or (status == _SERVER_ERROR and not code)


def _request_id(members: Mapping[str, Any] | None) -> str:
    request_id = (members or {}).get("RequestId")
    return f" (request {showable(request_id)})" if request_id else ""


def _unusable(operation: str, received: str) -> BridgeError:
    return ContactCenterError(
        "The contact center's answer is not usable.", expected=f"the answer of {operation}", received=received
    )
