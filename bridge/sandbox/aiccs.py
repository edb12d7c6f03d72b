"""The contact center's OpenAPI (product aiccs, version 2019-10-15): one address, the operation named in a header."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, request

from bridge.sandbox.acs3 import GOOD_FOR, AccessKey, is_by, is_complete, is_current, signature_of, string_to_sign
from bridge.sandbox.wire import clock, json_answer, staged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from bridge.sandbox.faults import Drawn
    from bridge.sandbox.people import Agent
    from bridge.sandbox.world import World

VERSION: Final = "2019-10-15"
_PREFIX: Final = "/aiccs/"
_METHODS: Final = ("GET", "POST", "PUT", "DELETE")
_NORMAL: Final = 0
_FROZEN: Final = 1
_DELETED: Final = 2
_HOTLINE: Final = 1


class ApiRefusal(Exception):
    """A refusal in the common form of Alibaba Cloud's gateways, which the product's own refusals share."""

    def __init__(self, code: str, message: str, status: int, *, success: bool | None = None) -> None:
        self.code = code
        self.message = message
        self.status = status
        self.success = success
        super().__init__(f"{code}: {message}")


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
    """Answers whoever signs with one of the companies' access keys; all of them see the one instance."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.operations: dict[tuple[str, str], Callable[[Drawn], dict[str, Any]]] = {
            ("GET", "GetAgent"): self._get_agent,
            ("POST", "GetInstanceList"): self._get_instance_list,
        }

    def answer(self, operation: str) -> Response:
        """Answer one operation."""
        key = self.world.access_keys.get(signature_of(request).access_key_id)

        def answer(drawn: Drawn) -> Response:
            request_id = str(uuid.uuid4()).upper()
            try:
                _refuse_as_told(drawn)
                self._admit(key, clock(self.world, drawn))
                return json_answer({"RequestId": request_id, **self._perform(operation, drawn)})
            except ApiRefusal as refusal:
                return json_answer(_refused(refusal, request_id), refusal.status)

        return staged(self.world, "aiccs", key.connection if key else "", answer)

    def _admit(self, key: AccessKey | None, now: float) -> None:
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

    def _perform(self, operation: str, drawn: Drawn) -> dict[str, Any]:
        perform = self.operations.get((request.method, operation))
        if perform is None or request.headers["x-acs-version"] != VERSION:
            raise ApiRefusal("InvalidAction.NotFound", "Specified api is not found.", 404)
        return {"Code": "Success", "HttpStatusCode": 200, "Success": True, **perform(drawn)}

    def _get_agent(self, drawn: Drawn) -> dict[str, Any]:
        account_name = self._of_the_instance("AccountName")
        agent = self.world.agents.get(account_name)
        if agent is None or "unknown_agent" in drawn:
            # Published for DeleteAgent only; that GetAgent says the same is a guess.
            raise ApiRefusal("NoAgentFound", "The specified agent does not exist.", 500)
        return {} if "no_data" in drawn else {"Data": _agent_row(agent, _status(agent, drawn))}

    def _of_the_instance(self, parameter: str) -> str:
        given = request.values
        for name in ("InstanceId", parameter):
            if not given.get(name):
                raise ApiRefusal("MissingParameter", f"The parameter {name} is mandatory for this action.", 400)
        if given["InstanceId"] not in self.world.instance_ids:
            raise ApiRefusal("NoTenantFound", "The specified instance does not exist.", 500)
        return str(given[parameter])

    def _get_instance_list(self, _: Drawn) -> dict[str, Any]:
        rows = [{"InstanceId": one, "Name": one} for one in sorted(self.world.instance_ids)]
        return {"CommodityInstances": rows, "PageNumber": 1, "PageSize": 20, "TotalCount": len(rows)}


def _refuse_as_told(drawn: Drawn) -> None:
    if "throttled_user" in drawn:
        raise ApiRefusal("Throttling.User", "Request was denied due to user flow control.", 429)
    if "refused_key" in drawn:
        raise ApiRefusal("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404)
    if "no_permission" in drawn:
        raise ApiRefusal("NoPermission", "The RAM user is not authorized to operate this.", 403)
    if "success_false" in drawn:
        status = int(drawn["success_false"].number("status", 200))
        raise ApiRefusal("SystemError", "The system is busy.", status, success=False)


def _refused(refusal: ApiRefusal, request_id: str) -> dict[str, Any]:
    success = {} if refusal.success is None else {"Success": refusal.success}
    return {
        "RequestId": request_id,
        "HostId": request.host,
        "Code": refusal.code,
        "Message": refusal.message,
        "Recommend": "https://api.aliyun.com/troubleshoot",
        **success,
    }


def _status(agent: Agent, drawn: Drawn) -> int:
    if "deleted_agent" in drawn:
        return _DELETED
    return _FROZEN if agent.frozen or "frozen_agent" in drawn else _NORMAL


def _agent_row(agent: Agent, status: int) -> dict[str, Any]:
    groups = [
        {"ChannelType": _HOTLINE, "Description": "", "DisplayName": name, "Name": name, "SkillGroupId": number}
        for number, name in enumerate(agent.groups, 1001)
    ]
    return {
        "AccountName": agent.account_name,
        "AgentId": agent.agent_id,
        "DisplayName": agent.display_name,
        "GroupList": groups,
        "Status": status,
        "TenantId": 1,
    }
