"""The contact center's OpenAPI (product aiccs, version 2019-10-15): one address, the operation named in a header."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, request

from bridge.sandbox.acs3 import GOOD_FOR, AccessKey, is_by, is_complete, is_current, signature_of, string_to_sign
from bridge.sandbox.aiccs_calls import call_operations
from bridge.sandbox.aiccs_people import people_operations
from bridge.sandbox.aiccs_places import place_operations
from bridge.sandbox.aiccs_wire import ApiRefusal, Given, throttled
from bridge.sandbox.faults import TARGETS
from bridge.sandbox.registrations import instance_of
from bridge.sandbox.wire import clock, hang_up, json_answer, staged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from bridge.sandbox.aiccs_wire import Operations
    from bridge.sandbox.faults import Drawn
    from bridge.sandbox.world import World

VERSION: Final = "2019-10-15"
_PREFIX: Final = "/aiccs/"
_METHODS: Final = ("GET", "POST", "PUT", "DELETE")
_READS: Final = ("Get", "List", "Query", "Describe", "HotlineSessionQuery")
_OF_NO_INSTANCE: Final = frozenset({"GetInstanceList"})
_SPELLED_400: Final = {"GetConfigNumList": frozenset({"NoTenantFound", "NoAgentFound", "Department.NotFound"})}
"""Whose page lists with HTTP 400 what is 500 elsewhere."""
_OF_READS: Final = frozenset(TARGETS["aiccs"]) - {"write_lost"}


def by_operation(application: WSGIApplication) -> WSGIApplication:
    """Return a layer that gives each operation a path of its own: on the wire all of them come to ``/``."""

    def layer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        operation = environ.get("HTTP_X_ACS_ACTION", "")
        if operation and environ.get("PATH_INFO") == "/":
            environ = {**environ, "PATH_INFO": _PREFIX + operation}
        return application(environ, start_response)

    return layer


def openapi(world: World) -> Blueprint:
    """Return the operations' routes."""
    room = Blueprint("aiccs", __name__)
    desk = OpenApi(world)
    room.add_url_rule(f"{_PREFIX}<operation>", "operation", desk.answer, methods=_METHODS)
    return room


class OpenApi:
    """Answers whoever signs with one of the companies' access keys, about that company's instance alone."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.operations: Operations = {
            **people_operations(world),
            **place_operations(world),
            **call_operations(world),
        }

    def answer(self, operation: str) -> Response:
        """Answer one operation."""
        key = self.world.access_keys.get(signature_of(request).access_key_id)

        def answer(drawn: Drawn) -> Response:
            request_id = str(uuid.uuid4()).upper()
            try:
                _refuse_as_told(drawn)
                account = self._admit(key, clock(self.world, drawn))
                done = self._perform(operation, drawn, account)
            except ApiRefusal as refusal:
                return _refused(refusal, request_id)
            return hang_up() if "write_lost" in drawn else json_answer({"RequestId": request_id, **done})

        among = _OF_READS if operation.startswith(_READS) else None
        return staged(self.world, "aiccs", key.connection if key else "", answer, among=among)

    def _admit(self, key: AccessKey | None, now: float) -> str:
        signature = signature_of(request)
        if not is_complete(signature, request):
            raise ApiRefusal("IncompleteSignature", "The request signature does not conform to the standards.", 400)
        if key is None:
            raise ApiRefusal("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404)
        if not is_by(key, signature, request):
            told = f"server string to sign is:{string_to_sign(signature, request)}"  # as the real ones tell it
            raise ApiRefusal(
                "SignatureDoesNotMatch", f"Specified signature does not match our calculation. {told}", 400
            )
        if not is_current(request, now):
            raise ApiRefusal("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.", 400)
        if not self.world.is_first_use(f"acs3 {request.headers['x-acs-signature-nonce']}", now + 2 * GOOD_FOR):
            raise ApiRefusal("SignatureNonceUsed", "Specified signature nonce was used already.", 400)
        return key.connection

    def _perform(self, operation: str, drawn: Drawn, account: str) -> dict[str, Any]:
        perform = self.operations.get((request.method, operation))
        if perform is None or request.headers["x-acs-version"] != VERSION:
            raise ApiRefusal("InvalidAction.NotFound", "Specified api is not found.", 404)
        values = {name: request.values[name] for name in request.values}
        given = Given(values.get("InstanceId", ""), values, drawn, account)
        with self.world.lock:
            self.world.openapi_quota.take(account, self.world.now())
            try:
                if operation not in _OF_NO_INSTANCE:
                    _demand_own_instance(given)
                return perform(given)
            except ApiRefusal as refusal:
                if refusal.code in _SPELLED_400.get(operation, ()):
                    refusal.status = 400
                raise


def _demand_own_instance(given: Given) -> None:
    if given.demand("InstanceId") != instance_of(given.account):
        raise ApiRefusal("NoTenantFound", "The specified instance does not exist.", 500)


def _refuse_as_told(drawn: Drawn) -> None:
    if "throttled_user" in drawn:
        raise throttled(int(drawn["throttled_user"].number("milliseconds", 0)))
    if "refused_key" in drawn:
        raise ApiRefusal("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404)
    if "no_permission" in drawn:
        raise ApiRefusal("NoPermission", "The RAM user is not authorized to operate this.", 403)
    if "success_false" in drawn:
        status = int(drawn["success_false"].number("status", 200))
        raise ApiRefusal("SystemError", "The system is busy.", status, success=False)


def _refused(refusal: ApiRefusal, request_id: str) -> Response:
    success = {} if refusal.success is None else {"Success": refusal.success}
    body = {
        "RequestId": request_id,
        "HostId": request.host,
        "Code": refusal.code,
        "Message": refusal.message,
        "Recommend": "https://api.aliyun.com/troubleshoot",
        **success,
    }
    headers = {"x-acs-retry-after": str(refusal.retry_after)} if refusal.retry_after else {}
    return json_answer(body, refusal.status, headers)
