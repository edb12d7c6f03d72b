"""The stand-in of the OpenAPI: one address, signatures that are really checked, and refusals in the cloud's form."""

from __future__ import annotations

import hashlib
import time
import tomllib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from alibabacloud_tea_openapi.utils import Utils
from darabonba.request import DaraRequest

from bridge.sandbox.acs3 import ACCESS_KEYS
from bridge.sandbox.demo import demo_config
from tests.rooms.sandbox.party import Clock, body_of

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from bridge.sandbox.world import World

LIN = {"InstanceId": "ccc_xp_demo", "AccountName": "lin@contoso.example"}
KEY = ACCESS_KEYS["contoso"]


class Caller:
    """Signs with the vendor's own function; each call may be altered before and after that."""

    def __init__(self, http: FlaskClient, clock: Clock) -> None:
        self.http = http
        self.clock = clock

    def headers(self, query: dict[str, str], form: dict[str, str], **changes: str) -> dict[str, str]:
        signed = DaraRequest()
        signed.method, signed.pathname, signed.query = changes.pop("method", "GET"), "/", query
        key_id, secret = changes.pop("key_id", KEY.access_key_id), changes.pop("secret", KEY.access_key_secret)
        given = {name.replace("_", "-"): value for name, value in changes.items()}
        signed.headers = {
            "host": "localhost",
            "x-acs-version": "2019-10-15",
            "x-acs-action": "GetAgent",
            "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.clock())),
            "x-acs-signature-nonce": "nonce-1",
            "x-acs-content-sha256": hashlib.sha256(urlencode(form).encode()).hexdigest(),
        } | {name: value for name, value in given.items() if value}
        signed.headers = {name: value for name, value in signed.headers.items() if given.get(name, value)}
        payload = signed.headers.get("x-acs-content-sha256", "")
        authorization = Utils.get_authorization(signed, "ACS3-HMAC-SHA256", payload, key_id, secret)
        return {**signed.headers, "Authorization": authorization}

    def get(self, query: dict[str, str] | None = None, **changes: str) -> TestResponse:
        asked = LIN if query is None else query
        return self.http.get("/", query_string=asked, headers=self.headers(asked, {}, **changes))


@pytest.fixture
def caller(http: FlaskClient, clock: Clock) -> Caller:
    return Caller(http, clock)


def refused(answer: TestResponse) -> tuple[int, Any]:
    body = body_of(answer)
    assert body.keys() >= {"RequestId", "HostId", "Code", "Message", "Recommend"}
    return answer.status_code, body["Code"]


def test_an_agent_is_told_with_status_and_groups(caller: Caller, world: World) -> None:
    body = body_of(caller.get())
    assert (body["Code"], body["Success"], body["HttpStatusCode"]) == ("Success", True, 200)
    agent = world.agents["lin@contoso.example"]
    assert body["Data"] | {"GroupList": []} == {
        "AccountName": "lin@contoso.example",
        "AgentId": agent.agent_id,
        "DisplayName": "小林",
        "GroupList": [],
        "Status": 0,
        "TenantId": 905,
    }
    assert [group["DisplayName"] for group in body["Data"]["GroupList"]] == ["客服热线"]


def test_a_frozen_agent_has_status_one(caller: Caller, world: World) -> None:
    world.freeze("lin@contoso.example")
    assert body_of(caller.get())["Data"]["Status"] == 1


def test_instances_are_listed(caller: Caller) -> None:
    form = {"PageSize": "20"}
    headers = caller.headers({}, form, method="POST", x_acs_action="GetInstanceList")
    body = body_of(caller.http.post("/", data=form, headers=headers))
    assert body["CommodityInstances"] == [{"InstanceId": "ccc_xp_demo", "Name": "ccc_xp_demo"}]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"key_id": "LTAI-nobody"}, 404, "InvalidAccessKeyId.NotFound"),
        ({"secret": "another"}, 400, "SignatureDoesNotMatch"),
        ({"x_acs_signature_nonce": ""}, 400, "IncompleteSignature"),
        ({"x_acs_date": ""}, 400, "IncompleteSignature"),
        ({"x_acs_content_sha256": "0" * 64}, 400, "IncompleteSignature"),
        ({"x_acs_date": "2020-01-01T00:00:00Z"}, 400, "InvalidTimeStamp.Expired"),
        ({"x_acs_date": "yesterday"}, 400, "InvalidTimeStamp.Expired"),
        ({"x_acs_version": "2018-01-01"}, 404, "InvalidAction.NotFound"),
        ({"x_acs_action": "GetNobody"}, 404, "InvalidAction.NotFound"),
        ({"x_acs_action": "GetInstanceList"}, 404, "InvalidAction.NotFound"),
    ],
    ids=[
        "key", "secret", "no_nonce", "no_date", "hash", "old", "no_time", "version", "operation", "method",
    ],
)  # fmt: skip
def test_a_request_that_is_not_well_signed_is_refused(
    caller: Caller, changes: dict[str, Any], status: int, code: str
) -> None:
    assert refused(caller.get(**changes)) == (status, code)


def test_what_was_changed_on_the_way_is_refused(caller: Caller) -> None:
    headers = caller.headers(LIN, {})
    answer = caller.http.get("/", query_string={**LIN, "AccountName": "kim@contoso.example"}, headers=headers)
    assert refused(answer) == (400, "SignatureDoesNotMatch")


def test_a_changed_body_is_refused(caller: Caller) -> None:
    headers = caller.headers({}, {"PageSize": "1"}, method="POST", x_acs_action="GetInstanceList")
    assert refused(caller.http.post("/", data={"PageSize": "9"}, headers=headers)) == (400, "IncompleteSignature")


def test_a_request_without_authorization_is_refused(caller: Caller) -> None:
    for headers in ({"x-acs-action": "GetAgent"}, {"x-acs-action": "GetAgent", "Authorization": "Bearer x"}):
        assert refused(caller.http.get("/", query_string=LIN, headers=headers)) == (400, "IncompleteSignature")


def test_a_request_counts_once(caller: Caller) -> None:
    assert caller.get().status_code == 200
    assert refused(caller.get()) == (400, "SignatureNonceUsed")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"AccountName": "lin@contoso.example"}, 400, "MissingParameter"),
        ({"InstanceId": "ccc_xp_demo"}, 400, "MissingParameter"),
        ({**LIN, "InstanceId": "ccc_xp_other"}, 500, "NoTenantFound"),
        ({**LIN, "AccountName": "nora@contoso.example"}, 500, "NoAgentFound"),
    ],
    ids=["no_instance", "no_account", "other_instance", "unknown_account"],
)
def test_wrong_parameters_are_refused(caller: Caller, query: dict[str, str], status: int, code: str) -> None:
    assert refused(caller.get(query)) == (status, code)


def test_faults_meet_the_company_whose_key_signs(caller: Caller, world: World) -> None:
    world.faults.set("aiccs", "throttled_user", connection="acme")
    assert caller.get().status_code == 200
    acme = ACCESS_KEYS["acme"]
    answer = caller.get(key_id=acme.access_key_id, secret=acme.access_key_secret, x_acs_signature_nonce="nonce-2")
    assert refused(answer) == (429, "Throttling.User")


def test_the_same_address_still_has_the_control_desks_page(http: FlaskClient) -> None:
    assert "Active faults" in http.get("/").get_data(as_text=True)


def test_calls_are_remembered_by_their_operation(caller: Caller, world: World) -> None:
    caller.get()
    (asked,) = world.requests_to("/GetAgent")
    assert (asked.method, asked.query["AccountName"]) == ("GET", ["lin@contoso.example"])
    assert asked.scheme == "ACS3-HMAC-SHA256"


def test_the_demo_configuration_holds_each_companys_access_key(tmp_path: Path, world: World) -> None:
    config = tomllib.loads(demo_config("http://localhost:5100", "http://localhost:5000", str(tmp_path)))
    for one in config["connections"]:
        key = world.access_keys[one["aiccs"]["access_key_id"]]
        assert (key.connection, key.access_key_secret) == (one["name"], one["aiccs"]["access_key_secret"])
        assert (one["aiccs"]["endpoint"], one["aiccs"]["protocol"]) == ("localhost:5100", "http")


def test_the_control_desk_tells_how_large_each_contact_center_is(http: FlaskClient, world: World) -> None:
    page = " ".join(http.get("/").get_data(as_text=True).split())
    for instance_id, center in world.contact_centers.items():
        assert f"<td><code>{instance_id}</code></td> <td>{len(center.agents)}</td> <td>3</td> <td>3</td>" in page
