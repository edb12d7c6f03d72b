"""The one call path to the contact center's OpenAPI, and its judgement of every answer."""

from __future__ import annotations

import time
import uuid
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from bridge.aiccs.pacing import Pace
from bridge.aiccs.patience import BRIEF, Patience, was_not_done
from bridge.core.contact_center_errors import ContactCenterThrottled, ContactCenterUncertain
from bridge.core.errors import BridgeError, ContactCenterError, ContactCenterUnreachable, showable
from bridge.outbound import FailAs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.aiccs.instance import Instance
    from bridge.aiccs.reading import Page
    from bridge.aiccs.wire import SignedClient
    from bridge.core.model import AiccsAccess
    from bridge.egress.answer import Answer
    from bridge.outbound import Outbound

_FAILURES: Final = FailAs(ContactCenterUnreachable, ContactCenterError, "aiccs")
_CLIENTS: Final = 64
_OK: Final = 200
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_ITS_OWN_TROUBLE: Final = frozenset({"SystemError", "InternalError", "ServiceUnavailable"})
_MOST_PAGES: Final = 100_000


class ContactCenter:
    """Calls operations of the OpenAPI with the access key of whichever connection asks.

    Args:
        now: epoch seconds; the OpenAPI refuses signatures that are more than a quarter of an hour old.
        patience: how often what came to nothing is tried.
        pause: sleeps for seconds.
        pace: spreads the calls of each access key.
    """

    def __init__(
        self,
        outbound: Outbound,
        now: Callable[[], float],
        *,
        patience: Patience = BRIEF,
        pause: Callable[[float], None] = time.sleep,
        pace: Pace | None = None,
    ) -> None:
        self._outbound = outbound
        self._now = now
        self._patience = patience
        self._pause = pause
        self._pace = pace or Pace()
        self._client = lru_cache(maxsize=_CLIENTS)(self._new_client)

    def with_patience(self, patience: Patience) -> ContactCenter:
        """Return the same contact center for a caller with more or less time; the pace is a common one."""
        return ContactCenter(self._outbound, self._now, patience=patience, pause=self._pause, pace=self._pace)

    def read(self, instance: Instance, operation: str, **parameters: object) -> dict[str, Any]:
        """Return the answer of an operation that changes nothing, with the wire's names.

        An answer is good when its HTTP status is 200 and ``Success`` is absent or true; ``Code`` says "Success", "200"
        or "OK", as the operation likes, and tells nothing.

        Args:
            operation: as the SDK spells its methods, such as ``get_agent``.
            parameters: the fields of the SDK's request, such as ``account_name``; None: left out.

        Raises:
            ContactCenterError: a definite no, whose ``received`` is the OpenAPI's code alone, or an unusable answer.
            ContactCenterThrottled: too many calls for the OpenAPI, or for the configured pace.
            ContactCenterUnreachable: no answer, or trouble on the OpenAPI's side.
        """
        return self._persist(instance, operation, parameters)

    def write(
        self, instance: Instance, operation: str, *, can_repeat: bool = True, **parameters: object
    ) -> dict[str, Any]:
        """Return the answer of an operation that changes something; an operation that takes a ClientToken gets one.

        Args:
            operation, parameters: as for `read`.
            can_repeat: whether doing it twice does what doing it once does: it has a ClientToken, or sets a whole
                state. Else it is sent again only where it surely was not done.

        Raises:
            ContactCenterUncertain: it was sent, and no answer came, however often it was repeated.
            BridgeError: as for `read`.
        """
        return self._persist(instance, operation, parameters, can_repeat=can_repeat, is_change=True)

    def pages(
        self, instance: Instance, operation: str, rows_of: Callable[[Mapping[str, Any]], Page], **parameters: object
    ) -> Iterator[dict[str, Any]]:
        """Yield the rows of all pages of a reading operation, one page in memory at a time.

        Args:
            rows_of: finds the rows and their total number in an answer.
            parameters: all but page and size; ``page`` names the field of the page's number, ``current_page`` or so.

        Raises:
            BridgeError: as for `read`.
        """
        field, size = str(parameters.pop("page")), instance.access.page_size
        seen, former = 0, None
        for number in range(1, _MOST_PAGES):
            page = rows_of(self.read(instance, operation, **{field: number, "page_size": size}, **parameters))
            if page.rows == former:
                # Whoever does not count pages tells the first one for ever.
                return
            yield from page.rows
            seen, former = seen + len(page.rows), page.rows
            # A total that nobody told is no end: then the first page that is not full is the last one.
            if not page.rows or (seen >= page.total if page.total is not None else len(page.rows) < size):
                return

    def _persist(
        self,
        instance: Instance,
        operation: str,
        parameters: Mapping[str, object],
        *,
        can_repeat: bool = True,
        is_change: bool = False,
    ) -> dict[str, Any]:
        request = self._request(instance, operation, parameters)
        may_be_done = False
        for attempt in count(1):
            try:
                self._keep_pace(instance.access)
                return self._once(instance.access, operation, request)
            except ContactCenterError as refusal:
                refusal.may_be_done = may_be_done
                raise
            except ContactCenterUnreachable as fault:
                undone = was_not_done(fault)
                may_be_done = may_be_done or not undone
                pause = self._patience.pause(attempt, fault) if can_repeat or undone else None
                if pause is None or pause >= self._outbound.seconds_left():
                    if not is_change or not may_be_done:
                        raise
                    raise ContactCenterUncertain(expected=fault.expected, received=fault.received) from fault
                self._pause(pause)
        raise AssertionError  # pragma: no cover — count() does not end

    def _keep_pace(self, access: AiccsAccess) -> None:
        longest = min(self._patience.longest, self._outbound.seconds_left())
        # Not the key's id alone, which is no secret: a stranger who names it would slow its owner down.
        key = (access.endpoint, access.access_key_id, access.access_key_secret)
        wait = self._pace.reserve(key, access.requests_per_second, longest)
        if wait is None:
            raise ContactCenterThrottled(
                expected=f"at most {access.requests_per_second} calls a second", received="more at once"
            )
        if wait:
            self._pause(wait)

    def _request(self, instance: Instance, operation: str, parameters: Mapping[str, object]) -> Any:
        from alibabacloud_aiccs20191015 import models  # noqa: PLC0415 — see `_new_client`

        kind = getattr(models, f"{_in_camel_case(operation)}Request")
        request = kind(**{name: _as_models(models, kind, name, value) for name, value in parameters.items()})
        if hasattr(request, "instance_id"):
            request.instance_id = instance.id
        if hasattr(request, "client_token") and request.client_token is None:
            # Made once, so that a repeated call is known as the same one.
            request.client_token = str(uuid.uuid4())
        return request

    def _once(self, access: AiccsAccess, operation: str, request: Any) -> dict[str, Any]:
        body = getattr(self._client(access), f"{operation}_with_options")(request, None).body
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


def _as_models(models: Any, kind: type[Any], name: str, value: object) -> object:
    """Return the objects of a list, given with the wire's names, as the SDK's own; anything else as it is."""
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return value
    inner = getattr(models, f"{kind.__name__}{_in_camel_case(name)}")
    return [inner().from_map(row) for row in value]


def _in_camel_case(name: str) -> str:
    return name.title().replace("_", "")


def judged(operation: str, answer: Answer) -> dict[str, Any]:
    """Return the JSON object of a good answer; raises what `ContactCenter.read` does."""
    members = answer.json_object()
    if answer.status == _OK and members is not None and _succeeded(members):
        return members
    code, request_id = _code(members or {}), _request_id(members)
    expected, told = f"the answer of {operation}", f" (request {request_id})" if request_id else ""
    received = showable(code) if code else f"HTTP {answer.status}"
    if answer.status == _TOO_MANY or code.startswith("Throttling"):
        raise ContactCenterThrottled(
            f"The contact center's OpenAPI was asked too often for {operation}{told}.",
            expected=expected,
            received=received,
            request_id=request_id,
            wait=_wait(answer),
        )
    if _may_pass(answer.status, code):
        raise ContactCenterUnreachable(
            f"The contact center's OpenAPI cannot answer {operation} now{told}.",
            expected=expected,
            received=received,
            request_id=request_id,
        )
    if not code:
        raise _unusable(operation, f"HTTP {answer.status} {answer.kind}")
    raise ContactCenterError(
        f"The contact center's OpenAPI refused {operation}{told}.",
        expected=expected,
        received=received,
        request_id=request_id,
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
    return code in _ITS_OWN_TROUBLE or status > _SERVER_ERROR or (status == _SERVER_ERROR and not code)


def _wait(answer: Answer) -> float | None:
    """Return the seconds that the OpenAPI asks for: its own header counts milliseconds, HTTP's counts seconds."""
    for header, unit in (("x-acs-retry-after", 1000), ("Retry-After", 1)):
        text = answer.headers.get(header, "")
        if text.isascii() and text.isdigit():
            return int(text[:9]) / unit
    return None


def _request_id(members: Mapping[str, Any] | None) -> str:
    request_id = (members or {}).get("RequestId")
    return showable(request_id) if request_id else ""


def _unusable(operation: str, received: str) -> BridgeError:
    return ContactCenterError(
        "The contact center's answer is not usable.", expected=f"the answer of {operation}", received=received
    )
