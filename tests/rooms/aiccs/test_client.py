"""The one call path: what it sends, how it judges each answer, and what it never tells."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import requests_mock
from alibabacloud_aiccs20191015 import models
from alibabacloud_aiccs20191015.client import Client
from alibabacloud_tea_openapi.utils_models import Config

from bridge.aiccs.client import ContactCenter
from bridge.aiccs.contact_center import contact_center_desk
from bridge.aiccs.instance import Instance
from bridge.aiccs.pacing import Pace
from bridge.core.contact_center_errors import ContactCenterThrottled, ContactCenterUncertain
from bridge.core.errors import AgentUnknown, BridgeError, ContactCenterError, ContactCenterUnreachable
from bridge.core.model import AiccsAccess, Secret
from bridge.outbound import Outbound
from tests.kit.processes import ROOT

if TYPE_CHECKING:
    from bridge.sandbox.world import World

URL = "https://aiccs.aliyuncs.com/"
ACCESS = AiccsAccess(Secret("LTAI-one"), Secret("the-access-key-secret"))
NOW = 1_800_000_000
INSTANCE = Instance(ACCESS, "ccc_xp_1")
GOOD = {"Code": "Success", "Success": True, "RequestId": "ID-1", "Data": {"AccountName": "lin", "Status": 0}}


class Line:
    def __init__(self) -> None:
        self.answers = requests_mock.Adapter()
        self.pauses: list[float] = []
        outbound = Outbound(adapter=self.answers)
        self.contact_center = ContactCenter(outbound, lambda: NOW, pause=self.pauses.append)

    def gives(self, *answers: dict[str, Any]) -> dict[str, Any]:
        self.answers.register_uri(requests_mock.ANY, URL, list(answers))
        return self.contact_center.read(INSTANCE, "get_agent", account_name="lin")

    def refuses(self, *answers: dict[str, Any]) -> BridgeError:
        with pytest.raises(BridgeError) as refusal:
            self.gives(*answers)
        return refusal.value

    def writes(self, operation: str, *answers: dict[str, Any], **parameters: Any) -> dict[str, Any]:
        self.answers.register_uri(requests_mock.ANY, URL, list(answers))
        return self.contact_center.write(INSTANCE, operation, **parameters)


@pytest.fixture
def line() -> Line:
    return Line()


def test_the_sdk_signs_what_goes_out(line: Line) -> None:
    line.gives({"json": GOOD})
    (asked,) = line.answers.request_history
    token = parse_qs(urlsplit(asked.url).query)["ClientToken"][0]
    assert (asked.method, asked.url) == ("GET", f"{URL}?AccountName=lin&ClientToken={token}&InstanceId=ccc_xp_1")
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


def test_parameters_of_a_form_are_signed_too(contact_center: ContactCenter, instance: Instance, world: World) -> None:
    answer = contact_center.read(instance, "get_instance_list", page_size=5, name="a b+~*/é&=王", page_number=1)
    assert answer["CommodityInstances"] == [{"InstanceId": "ccc_xp_demo", "Name": "ccc_xp_demo"}]
    (asked,) = world.requests_to("/GetInstanceList")
    assert asked.form == {"Name": ["a b+~*/é&=王"], "PageNumber": ["1"], "PageSize": ["5"]}


def test_a_form_without_parameters_is_signed_too(
    contact_center: ContactCenter, instance: Instance, world: World
) -> None:
    assert contact_center.read(instance, "get_instance_list")["TotalCount"] == 1


@pytest.mark.filterwarnings(
    "ignore:datetime.datetime.utcnow:DeprecationWarning"
)  # the SDK's own transport, Python 3.12
def test_the_sandbox_answers_the_sdks_own_transport_alike(
    contact_center: ContactCenter, instance: Instance, world: World
) -> None:
    world.add_agent("王芳", instance_id="ccc_xp_demo")
    access = instance.access
    key_id, secret = access.access_key_id.reveal(), access.access_key_secret.reveal()
    config = Config(access_key_id=key_id, access_key_secret=secret, endpoint=access.endpoint, protocol="http")
    asked = {"instance_id": "ccc_xp_demo", "account_name": "王芳"}
    theirs = Client(config).get_agent(models.GetAgentRequest(**asked)).body.to_map()
    ours = contact_center.read(instance, "get_agent", account_name="王芳")
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
    refusal = line.refuses(answer)
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
def test_trouble_that_may_pass_is_asked_again_but_not_for_ever(
    line: Line, answer: dict[str, Any], received: str
) -> None:
    refusal = line.refuses(answer)
    assert (isinstance(refusal, ContactCenterUnreachable), refusal.received) == (True, received)
    assert refusal.retryable
    # Whoever waits for a page has waited long enough after one time-out.
    assert len(line.answers.request_history) == (1 if received == "none in time" else 3)
    assert all(0.05 < pause <= 1 for pause in line.pauses)


def test_what_passes_meanwhile_is_no_error(line: Line) -> None:
    assert (
        line.gives({"status_code": 500, "json": {}}, {"exc": requests.ConnectionError}, {"json": GOOD})["RequestId"]
        == "ID-1"
    )


@pytest.mark.parametrize(
    ("headers", "pauses", "retry_after"),
    [
        ({"x-acs-retry-after": "700"}, [0.7, 0.7], 1),
        ({"Retry-After": "1"}, [1.0, 1.0], 1),
        ({"x-acs-retry-after": "61000"}, [], 61),
        ({"Retry-After": "3600"}, [], 3600),
    ],
    ids=["milliseconds", "seconds", "longer_than_a_page_waits", "an_hour"],
)
def test_throttling_says_itself_how_long_to_wait(
    line: Line, headers: dict[str, str], pauses: list[float], retry_after: int
) -> None:
    refusal = line.refuses({"status_code": 429, "json": {"Code": "Throttling.User"}, "headers": headers})
    assert isinstance(refusal, ContactCenterThrottled)
    assert (line.pauses, refusal.retry_after) == (pauses, retry_after)


def test_a_change_that_is_sent_again_is_the_same_change(line: Line) -> None:
    line.writes("create_agent", {"exc": requests.ConnectionError}, {"json": GOOD}, account_name="lin")
    tokens = [parse_qs(asked.text)["ClientToken"] for asked in line.answers.request_history]
    assert (len(tokens), tokens[0]) == (2, tokens[1])


@pytest.mark.parametrize(
    ("answer", "times", "expected"),
    [
        ({"exc": requests.ConnectionError}, 1, ContactCenterUncertain),
        ({"exc": requests.ReadTimeout}, 1, ContactCenterUncertain),
        ({"status_code": 503, "json": {}}, 1, ContactCenterUncertain),
        ({"status_code": 429, "json": {}}, 3, ContactCenterThrottled),
        ({"exc": requests.ConnectionError("[Errno 111] Connection refused")}, 3, ContactCenterUnreachable),
        ({"status_code": 500, "json": {"Code": "NoTenantFound"}}, 1, ContactCenterError),
    ],
    ids=["broken", "timeout", "unavailable", "throttled", "refused_connection", "definite_no"],
)
def test_a_change_without_a_token_is_sent_again_only_where_it_surely_was_not_made(
    line: Line, answer: dict[str, Any], times: int, expected: type[BridgeError]
) -> None:
    with pytest.raises(BridgeError) as refusal:
        line.writes("create_department", answer, can_repeat=False, department_name="Sales")
    assert (type(refusal.value), len(line.answers.request_history)) == (expected, times)


def test_a_change_that_was_repeated_in_vain_is_not_said_to_be_undone(line: Line) -> None:
    with pytest.raises(ContactCenterUncertain):
        line.writes("create_agent", {"exc": requests.ConnectionError}, account_name="lin")
    assert len(line.answers.request_history) == 3


def test_a_deletion_whose_answer_was_lost_is_done_where_nothing_is_there_any_more(
    contact_center: ContactCenter, instance: Instance, world: World
) -> None:
    desk = contact_center_desk(contact_center)
    empty = desk.departments.create(instance, "空部门")
    number = next(desk.numbers.every(instance)).number
    world.faults.set("aiccs", "write_lost", times=1)
    desk.agents.delete(instance, "lin@contoso.example")
    world.faults.set("aiccs", "write_lost", times=1)
    desk.numbers.delete(instance, number)
    world.faults.set("aiccs", "write_lost", times=1)
    desk.departments.delete(instance, empty)
    group_id = desk.skill_groups.create(instance, "leer")
    world.faults.set("aiccs", "write_lost", times=1)
    desk.skill_groups.remove(instance, group_id)
    assert desk.agents.find(instance, "lin@contoso.example") is None
    with pytest.raises(AgentUnknown):
        desk.agents.delete(instance, "lin@contoso.example")


def test_whoever_tells_the_same_page_for_ever_is_not_listened_to_for_ever(line: Line) -> None:
    row = {"SkillGroupId": 1, "SkillGroupName": "one"}
    line.answers.register_uri(requests_mock.ANY, URL, json={"Data": [row], "TotalResults": 10**9})
    groups = contact_center_desk(line.contact_center).skill_groups
    assert [group.id for group in groups.every(INSTANCE)] == [1]
    assert len(line.answers.request_history) == 2


def test_an_access_key_that_is_asked_too_fast_waits_or_is_told_so() -> None:
    clock = [0.0]
    pace = Pace(lambda: clock[0])
    waits = [pace.reserve("one", 10, 0.2) for _ in range(13)]
    assert waits[:10] == [0.0] * 10
    assert waits[10:12] == pytest.approx([0.1, 0.2])
    assert waits[12] is None
    assert pace.reserve("another", 10, 0.0) == 0.0
    clock[0] = 5.0
    assert pace.reserve("one", 10, 0.0) == 0.0


def test_the_bridges_own_pace_is_kept_before_anything_is_sent(line: Line) -> None:
    hasty = Instance(replace(ACCESS, requests_per_second=1), "ccc_xp_1")
    line.answers.register_uri(requests_mock.ANY, URL, json=GOOD)
    for _ in range(2):
        line.contact_center.read(hasty, "get_agent", account_name="lin")
    with pytest.raises(ContactCenterThrottled, match="at most 1 calls a second"):
        line.contact_center.read(hasty, "get_agent", account_name="lin")
    assert line.pauses[0] == pytest.approx(1, abs=0.1)


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
        ContactCenter(Outbound(), time.time).read(Instance(public, "ccc_xp_1"), "get_agent", account_name="lin")


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
