"""The one call path: what it sends, how it judges each answer, and what it never tells."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
import requests_mock
from alibabacloud_aiccs20191015 import models
from alibabacloud_aiccs20191015.client import Client
from alibabacloud_tea_openapi.utils_models import Config

from bridge.aiccs.client import ContactCenter
from bridge.core.errors import BridgeError, ContactCenterError, ContactCenterUnreachable
from bridge.core.model import AiccsAccess, Secret
from bridge.outbound import Outbound
from tests.kit.processes import ROOT

if TYPE_CHECKING:
    from bridge.sandbox.world import World

URL = "https://aiccs.aliyuncs.com/"
ACCESS = AiccsAccess(Secret("LTAI-one"), Secret("the-access-key-secret"))
NOW = 1_800_000_000
GET_AGENT = {"instance_id": "ccc_xp_1", "account_name": "lin"}
GOOD = {"Code": "Success", "Success": True, "RequestId": "ID-1", "Data": {"AccountName": "lin", "Status": 0}}


class Line:
    def __init__(self) -> None:
        self.answers = requests_mock.Adapter()
        self.contact_center = ContactCenter(Outbound(adapter=self.answers), lambda: NOW)

    def gives(self, *answers: dict[str, Any], again: bool = False) -> dict[str, Any]:
        self.answers.register_uri(requests_mock.ANY, URL, list(answers))
        return self.contact_center.call(ACCESS, "get_agent", GET_AGENT, again=again)

    def refuses(self, *answers: dict[str, Any], again: bool = False) -> BridgeError:
        with pytest.raises(BridgeError) as refusal:
            self.gives(*answers, again=again)
        return refusal.value


@pytest.fixture
def line() -> Line:
    return Line()


def test_the_sdk_signs_what_goes_out(line: Line) -> None:
    line.gives({"json": GOOD})
    (asked,) = line.answers.request_history
    assert (asked.method, asked.url) == ("GET", f"{URL}?AccountName=lin&InstanceId=ccc_xp_1")
    assert asked.headers["x-acs-action"] == "GetAgent"
    assert asked.headers["x-acs-version"] == "2019-10-15"
    assert asked.headers["x-acs-date"] == "2027-01-15T08:00:00Z"
    assert asked.headers["User-Agent"].endswith("hotline-bridge")
    signed = "accept;host;user-agent;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"
    authorization = rf"ACS3-HMAC-SHA256 Credential=LTAI-one,SignedHeaders={signed},Signature=[0-9a-f]{{64}}"
    assert re.fullmatch(authorization, asked.headers["Authorization"])


def test_no_two_requests_share_a_nonce(line: Line) -> None:
    line.gives({"json": GOOD})
    line.gives({"json": GOOD})
    assert len({asked.headers["x-acs-signature-nonce"] for asked in line.answers.request_history}) == 2


def test_parameters_of_a_form_are_signed_too(contact_center: ContactCenter, access: AiccsAccess, world: World) -> None:
    answer = contact_center.call(
        access, "get_instance_list", {"page_size": 5, "name": "a b+~*/é&=王", "page_number": 1}
    )
    assert answer["CommodityInstances"] == [{"InstanceId": "ccc_xp_demo", "Name": "ccc_xp_demo"}]
    (asked,) = world.requests_to("/GetInstanceList")
    assert asked.form == {"Name": ["a b+~*/é&=王"], "PageNumber": ["1"], "PageSize": ["5"]}


def test_a_form_without_parameters_is_signed_too(
    contact_center: ContactCenter, access: AiccsAccess, world: World
) -> None:
    assert contact_center.call(access, "get_instance_list", {})["TotalCount"] == 1


@pytest.mark.filterwarnings(
    "ignore:datetime.datetime.utcnow:DeprecationWarning"
)  # the SDK's own transport, Python 3.12
def test_the_sandbox_answers_the_sdks_own_transport_alike(
    contact_center: ContactCenter, access: AiccsAccess, world: World
) -> None:
    key_id, secret = access.access_key_id.reveal(), access.access_key_secret.reveal()
    config = Config(access_key_id=key_id, access_key_secret=secret, endpoint=access.endpoint, protocol="http")
    asked = {"instance_id": "ccc_xp_demo", "account_name": "王芳"}
    theirs = Client(config).get_agent(models.GetAgentRequest(**asked)).body.to_map()
    ours = contact_center.call(access, "get_agent", asked)
    assert {**ours, "RequestId": ""} == {**theirs, "RequestId": ""}
    assert Client(config).get_instance_list(models.GetInstanceListRequest(name="a b")).body.total_count == 1


@pytest.mark.parametrize(
    "success", [{}, {"Success": True}, {"Success": "true"}, {"Success": "True"}, {"Success": None}]
)
@pytest.mark.parametrize("code", [{}, {"Code": "Success"}, {"Code": "200"}, {"Code": "OK"}])
def test_success_has_many_spellings(line: Line, success: dict[str, object], code: dict[str, str]) -> None:
    assert line.gives({"json": {"Data": {"AccountName": "lin"}, **success, **code}})["Data"]["AccountName"] == "lin"


@pytest.mark.parametrize(
    ("answer", "received"),
    [
        ({"json": {"Code": "NoTenantFound", "Success": False}}, "NoTenantFound"),
        ({"json": {"Code": "NoTenantFound", "Success": "false"}}, "NoTenantFound"),
        ({"json": {"Code": "NoTenantFound"}, "status_code": 500}, "NoTenantFound"),
        ({"json": {"Code": "NoPermission"}, "status_code": 403}, "NoPermission"),
        ({"json": {"code": "Forbidden.RAM"}, "status_code": 403}, "Forbidden.RAM"),
        ({"json": {"Code": "eyJhbGciOiJub25lIn0"}, "status_code": 403}, "str of 19 characters"),
        ({"json": {"Code": "the key the-access-key-secret"}, "status_code": 403}, "str of 29 characters"),
        ({"json": {"Success": False}}, "HTTP 200 without a type"),
        ({"json": {"Code": 7}, "status_code": 400}, "HTTP 400 without a type"),
        ({"json": GOOD, "status_code": 201}, "Success"),
        ({"json": [GOOD]}, "HTTP 200 without a type"),
        ({"json": {**GOOD, "Data": "text"}}, "another JSON object"),
        ({"text": "", "status_code": 204}, "HTTP 204 without a type"),
        ({"text": ""}, "HTTP 200 without a type"),
        ({"text": '{"Success": true, "Success": true}'}, "HTTP 200 without a type"),
        ({"text": "<Error/>", "status_code": 404, "headers": {"Content-Type": "text/xml"}}, "HTTP 404 text/xml"),
        ({"text": "", "status_code": 302, "headers": {"Location": "http://x.example"}}, "HTTP 302 without a type"),
    ],
    ids=[
        "success_false", "success_false_text", "code_500", "code_403", "small_code", "token_as_code", "secret_in_code",
        "success_false_only", "code_number", "created", "list", "wrong_nesting", "no_content", "empty", "twice", "xml",
        "redirect",
    ],
)  # fmt: skip
def test_a_definite_no_or_an_unusable_answer_is_an_error(line: Line, answer: dict[str, Any], received: str) -> None:
    refusal = line.refuses(answer, again=True)
    assert (type(refusal), refusal.received, len(line.answers.request_history)) == (ContactCenterError, received, 1)


@pytest.mark.parametrize(
    ("answer", "received"),
    [
        ({"json": {"Code": "Throttling.User"}, "status_code": 400}, "Throttling.User"),
        ({"json": {"Code": "Throttling"}, "status_code": 503}, "Throttling"),
        ({"json": {"Code": "Throttling.Api", "Success": False}}, "Throttling.Api"),
        ({"json": {"Message": "slow down"}, "status_code": 429}, "HTTP 429"),
        ({"json": {"Code": "SystemError"}, "status_code": 500}, "SystemError"),
        ({"json": {"Code": "SystemError", "Success": False}}, "SystemError"),
        ({"json": {"Code": "ServiceUnavailable"}, "status_code": 503}, "ServiceUnavailable"),
        ({"json": {"Code": "Whatever"}, "status_code": 502}, "Whatever"),
        ({"json": {}, "status_code": 500}, "HTTP 500"),
        ({"text": "<html>", "status_code": 502}, "HTTP 502"),
        ({"text": "", "status_code": 504}, "HTTP 504"),
        ({"exc": requests.ReadTimeout}, "none in time"),
        ({"exc": requests.ConnectTimeout}, "none in time"),
    ],
    ids=[
        "throttled_400", "throttled_503", "throttled_200", "bare_429", "system_500", "system_200", "unavailable_503",
        "code_502", "bare_500", "html_502", "empty_504", "read_timeout", "connect_timeout",
    ],
)  # fmt: skip
def test_trouble_that_may_pass_is_unreachable_and_asked_once(line: Line, answer: dict[str, Any], received: str) -> None:
    refusal = line.refuses(answer, again=True)
    found = (type(refusal), refusal.received, len(line.answers.request_history))
    assert found == (ContactCenterUnreachable, received, 1)


@pytest.mark.parametrize(("again", "times"), [(False, 1), (True, 2)], ids=["once", "again"])
def test_a_broken_line_is_tried_again_only_where_that_does_no_harm(line: Line, *, again: bool, times: int) -> None:
    refusal = line.refuses({"exc": requests.ConnectionError}, again=again)
    assert (type(refusal), len(line.answers.request_history)) == (ContactCenterUnreachable, times)


def test_only_the_code_and_the_request_id_are_told(line: Line) -> None:
    message = "server string to sign is:the-access-key-secret eyJhbGci"
    body = {"Code": "SignatureDoesNotMatch", "Message": message, "RequestId": "ID-9", "Recommend": message}
    refusal = line.refuses({"json": body, "status_code": 400})
    assert str(refusal) == (
        "contact_center_error: The contact center's OpenAPI refused GetAgent (request ID-9)."
        " (expected the answer of GetAgent, received SignatureDoesNotMatch)"
    )


def test_an_address_from_the_console_is_called_as_public_only() -> None:
    public = AiccsAccess(Secret("id"), Secret("secret"), "127.0.0.1:9", "http", public_only=True)
    with pytest.raises(ContactCenterError):
        ContactCenter(Outbound(), time.time).call(public, "get_agent", GET_AGENT)


def test_clients_are_held_but_not_without_bound(line: Line) -> None:
    for number in range(70):
        line.contact_center._client(AiccsAccess(Secret(f"id-{number}"), Secret("secret")))
    assert line.contact_center._client.cache_info().currsize == 64
    assert "secret" not in repr(line.contact_center._client(AiccsAccess(Secret("id-69"), Secret("secret"))))


def test_the_sdk_is_not_loaded_before_the_first_call() -> None:
    asked = "import sys, bridge.app, bridge.aiccs.agents, bridge.aiccs.client; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    vendors = ("alibabacloud", "darabonba", "Tea", "aiohttp")
    assert [name for name in loaded.split() if name.startswith(vendors)] == []
