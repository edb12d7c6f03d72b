"""Fuyun's token exchange: what it gives, and a table of what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from tests.rooms.sandbox.party import TOKEN_EXCHANGE, Clock, Party, body_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from bridge.sandbox.world import World

    Parties = Callable[[str], Party]

PATH = "/oauth/token_exchange"


def refused(answer: TestResponse) -> tuple[int, str]:
    """Return status and code of a refusal, in either of Fuyun's two shapes."""
    body = body_of(answer)
    return answer.status_code, body.get("error") or body["Code"]


def test_the_answer_has_exactly_the_documented_members(party: Parties, clock: Clock) -> None:
    me = party("contoso")
    answer = body_of(me.exchange(me.tokens()["access_token"]))
    assert answer.keys() == {"access_token", "token_type", "expires_in", "scope", "iss", "jti"}
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 2591999)
    assert (answer["scope"], answer["iss"]) == ("user_management,hotline", "http://developer.rhinokeen.com")
    assert jwt.get_unverified_header(answer["access_token"]) == {"alg": "RS256", "typ": "JWT"}


def test_the_token_carries_the_agent_and_the_scope_as_a_list(party: Parties, world: World, clock: Clock) -> None:
    me = party("contoso")
    answer = body_of(me.exchange(me.tokens()["access_token"]))
    assert world.keys["fuyun"].opened(answer["access_token"]) == {
        "iss": "http://developer.rhinokeen.com",
        "exp": int(clock()) + 2591999,
        "user_name": "lin@contoso.example",
        "jti": answer["jti"],
        "client_id": "idp_demo_contoso",
        "scope": ["user_management", "hotline"],
    }


def test_a_chinese_account_name_passes(party: Parties, world: World) -> None:
    claims = world.keys["fuyun"].opened(party("globex").fuyun_token("fang"))
    assert claims is not None
    assert claims["user_name"] == "王芳"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"grant_type": ""}, (400, "unsupported_grant_type")),
        ({"grant_type": f"{TOKEN_EXCHANGE}x"}, (400, "unsupported_grant_type")),
        ({"scope": ""}, (400, "invalid_request")),
        ({"scope": "user_management hotline"}, (400, "invalid_scope")),
        ({"scope": "fuyun-dev"}, (400, "invalid_scope")),
        ({"redirect_url": ""}, (400, "invalid_request")),
        ({"redirect_url": "http://localhost:5000/callback/other"}, (400, "invalid_grant")),
        ({"redirect_url": "https://phone.example.com/callback/contoso"}, (400, "invalid_grant")),
        ({"subject_token": ""}, (400, "invalid_request")),
        ({"subject_token": "invented"}, (400, "invalid_grant")),
        ({"subject_issuer": ""}, (400, "invalid_request")),
        ({"subject_issuer": "acme"}, (400, "invalid_grant")),
        ({"subject_issuer": "https://login.microsoftonline.com/common/v2.0"}, (400, "invalid_grant")),
    ],
)
def test_a_bad_field_is_refused(party: Parties, changes: dict[str, str], expected: tuple[int, str]) -> None:
    me = party("contoso")
    assert refused(me.exchange(**{"subject_token": me.tokens()["access_token"], **changes})) == expected


@pytest.mark.parametrize(("client_id", "secret"), [("idp_demo_contoso", "wrong"), ("nobody", "x"), ("", "")])
def test_a_wrong_basic_pair_is_refused(party: Parties, client_id: str, secret: str) -> None:
    answer = party("contoso").exchange("x", auth=(client_id, secret))
    assert answer.status_code == 401
    assert body_of(answer) == {"error": "invalid_client", "error_description": "Bad client credentials"}


def test_the_pair_in_the_form_does_not_count(party: Parties, http: FlaskClient) -> None:
    app = party("contoso").world.fuyun_of("contoso")
    form = {"client_id": app.client_id, "client_secret": app.client_secret, "grant_type": TOKEN_EXCHANGE}
    assert http.post(PATH, data=form).status_code == 401


@pytest.mark.parametrize("kind", ["json", "query", "repeated", "multipart"])
def test_the_request_is_a_form_in_the_body(party: Parties, http: FlaskClient, kind: str) -> None:
    me = party("contoso")
    app = me.world.fuyun_of("contoso")
    form: dict[str, Any] = {
        "grant_type": TOKEN_EXCHANGE,
        "scope": "user_management,hotline",
        "redirect_url": me.redirect_uri,
        "subject_token": me.tokens()["access_token"],
        "subject_issuer": "contoso",
    }
    sent: dict[str, dict[str, Any]] = {
        "json": {"json": form},
        "query": {"query_string": form, "data": ""},
        "repeated": {"data": {**form, "scope": ["user_management", "hotline"]}},
        "multipart": {"data": form, "content_type": "multipart/form-data"},
    }
    answer = http.post(PATH, auth=(app.client_id, app.client_secret), **sent[kind])
    assert refused(answer) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("person", "code"),
    [("nora", "NoAgentFound"), ("bo", "NoAgentFound"), ("sam", "NoAgentFound"), ("kim", "AgentFrozen")],
)
@pytest.mark.parametrize("connection", ["contoso", "acme", "globex", "initech"])
def test_only_an_agent_who_may_work_gets_a_token(party: Parties, connection: str, person: str, code: str) -> None:
    me = party(connection)
    answer = me.exchange(me.tokens(person)["access_token"])
    assert refused(answer) == (400, code)
    assert body_of(answer)["Success"] is False


def test_the_token_of_another_provider_is_refused(party: Parties) -> None:
    assert refused(party("contoso").exchange(party("acme").tokens()["access_token"])) == (400, "invalid_grant")


def test_an_id_token_is_no_subject_token(party: Parties) -> None:
    me = party("contoso")
    assert refused(me.exchange(me.tokens()["id_token"])) == (400, "invalid_grant")


def test_an_expired_access_token_is_refused(party: Parties, clock: Clock) -> None:
    me = party("globex")
    token = me.tokens()["access_token"]
    clock.advance(301)
    assert refused(me.exchange(token)) == (400, "invalid_grant")


def test_a_registered_redirect_url_is_compared_exactly(party: Parties, world: World) -> None:
    world.register("contoso", "https://phone.example.com/callback/contoso")
    me = party("contoso")
    token = me.tokens()["access_token"]
    assert refused(me.exchange(token)) == (400, "invalid_grant")
    assert me.exchange(token, redirect_url="https://phone.example.com/callback/contoso").status_code == 200


def test_the_mapping_field_of_the_portal_decides(party: Parties, world: World) -> None:
    app = world.fuyun_of("globex")
    world.fuyun_apps[app.client_id] = replace(app, mapping_field="email")
    world.add_agent("lin@globex.example")
    claims = world.keys["fuyun"].opened(party("globex").fuyun_token())
    assert claims is not None
    assert claims["user_name"] == "lin@globex.example"


# Told to misbehave ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "settings", "expected"),
    [
        ("invalid_grant", {}, (400, "invalid_grant")),
        ("invalid_client", {}, (401, "invalid_client")),
        ("boot_401", {}, (401, "Unauthorized")),
        ("unknown_agent", {}, (400, "NoAgentFound")),
        ("frozen_agent", {}, (400, "AgentFrozen")),
        ("success_false", {}, (200, "SystemError")),
        ("success_false", {"status": 500}, (500, "SystemError")),
        ("throttled_429", {}, (429, "temporarily_unavailable")),
    ],
)
def test_the_exchange_refuses_as_told(
    party: Parties, world: World, fault: str, settings: dict[str, Any], expected: tuple[int, str]
) -> None:
    me = party("contoso")
    world.faults.set("exchange", fault, times=1, **settings)
    token = me.tokens()["access_token"]
    assert refused(me.exchange(token)) == expected
    assert me.exchange(token).status_code == 200


def test_the_exchange_repeats_the_token_as_told(party: Parties, world: World) -> None:
    world.faults.set("exchange", "echo_token")
    me = party("contoso")
    token = me.tokens()["access_token"]
    assert token in body_of(me.exchange(token))["error_description"]


def test_the_exchange_answers_for_somebody_else_as_told(party: Parties, world: World) -> None:
    world.faults.set("exchange", "wrong_user")
    claims = world.keys["fuyun"].opened(party("contoso").fuyun_token())
    assert claims is not None
    assert claims["user_name"] == "somebody.else@contoso.example"


def test_the_exchange_forgets_the_access_token_as_told(party: Parties, world: World) -> None:
    world.faults.set("exchange", "no_access_token")
    me = party("contoso")
    assert "access_token" not in body_of(me.exchange(me.tokens()["access_token"]))


def test_a_fault_of_one_connection_leaves_the_others_alone(party: Parties, world: World) -> None:
    world.faults.set("exchange", "http_500", connection="acme")
    contoso, acme = party("contoso"), party("acme")
    assert contoso.exchange(contoso.tokens()["access_token"]).status_code == 200
    assert acme.exchange(acme.tokens()["access_token"]).status_code == 500
