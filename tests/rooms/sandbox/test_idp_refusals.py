"""What the identity providers refuse: one row each."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from tests.rooms.sandbox.party import Clock, Party, answer_of, body_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient

    from bridge.sandbox.world import World

    Parties = Callable[[str], Party]

EVERY = ("contoso", "acme", "globex", "initech")


@pytest.mark.parametrize(
    "redirect_uri",
    [
        None,
        "http://evil.example/callback/globex",
        "http://localhost:5000/callback/contoso",
        "http://localhost:5000/callback/globex/",
        "http://localhost:5000/callback/globex?x=1",
        "http://localhost:5000/callback/globex?",
        "http://localhost:5000/callback/globex#",
        "http://localhost:5000/a/../callback/globex",
        "http://localhost@evil.example/callback/globex",
        "http://user@localhost:5000/callback/globex",
        "http://localhost.evil.example/callback/globex",
        "http://localhost:port/callback/globex",
        "HTTP://localhost:5000/callback/globex",
        "ftp://localhost:5000/callback/globex",
        "http://[::1/callback/globex",
    ],
)
def test_a_foreign_redirect_uri_is_never_followed(party: Parties, redirect_uri: str | None) -> None:
    answer = party("globex").authorize(redirect_uri=redirect_uri)
    assert answer.status_code == 400
    assert "Location" not in answer.headers


@pytest.mark.parametrize("port", [5000, 8123])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_a_demo_on_any_loopback_port_is_admitted(party: Parties, host: str, port: int) -> None:
    assert party("globex").authorize(redirect_uri=f"http://{host}:{port}/callback/globex").status_code == 200


def test_a_registered_redirect_uri_is_admitted_and_only_that(party: Parties, world: World) -> None:
    world.any_loopback = False
    world.register("globex", "https://phone.example.com/callback/globex")
    me = party("globex")
    assert me.authorize(redirect_uri="https://phone.example.com/callback/globex").status_code == 200
    assert me.authorize().status_code == 400


@pytest.mark.parametrize("client_id", [None, "nobody", "sandbox-initech-client"])
def test_an_unknown_client_is_refused_at_the_door(party: Parties, client_id: str | None) -> None:
    assert party("globex").authorize(client_id=client_id).status_code == 400


def test_microsoft_refuses_an_unknown_tenant_at_the_door(world: World, http: FlaskClient) -> None:
    assert Party(world, http, "contoso", tenant="fabrikam.example").authorize().status_code == 400


@pytest.mark.parametrize("connection", EVERY)
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"scope": "openid user everything"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": "ä" * 43}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "magic"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_a_bad_authorization_request_goes_back_with_its_error_and_state(
    party: Parties, connection: str, changes: dict[str, str | None], error: str
) -> None:
    answer = answer_of(party(connection).authorize(**changes))
    assert (answer["error"], answer["state"]) == (error, "the-state")
    assert "code" not in answer


@pytest.mark.parametrize("connection", ["contoso", "acme", "globex"])
def test_an_openid_provider_wants_the_scope_openid(party: Parties, connection: str) -> None:
    assert answer_of(party(connection).authorize(scope="profile email"))["error"] == "invalid_scope"


def test_a_repeated_parameter_is_refused(party: Parties, http: FlaskClient) -> None:
    me = party("globex")
    parameters = [*me.parameters().items(), ("state", "another")]
    assert http.get(me.path("authorize"), query_string=parameters).status_code == 400


def test_cancel_answers_access_denied(party: Parties) -> None:
    assert answer_of(party("contoso").press({"cancel": "1"}))["error"] == "access_denied"


def test_a_person_nobody_knows_is_denied(party: Parties) -> None:
    assert answer_of(party("contoso").pick("mallory"))["error"] == "access_denied"


@pytest.mark.parametrize("connection", EVERY)
@pytest.mark.parametrize(
    "changes",
    [
        {"code": "invented"},
        {"redirect_uri": "http://localhost:5001/callback/other"},
        {"redirect_uri": ""},
        {"code_verifier": "another-verifier-that-is-long-enough-for-the-rfc"},
        {"code_verifier": ""},
    ],
)
def test_a_code_is_bound_to_what_asked_for_it(party: Parties, connection: str, changes: dict[str, str]) -> None:
    me = party(connection)
    answer = me.redeem(**{"code": me.code(), **changes})
    assert (answer.status_code, body_of(answer)["error"]) == (400, "invalid_grant")


def test_a_verifier_without_a_challenge_is_refused(party: Parties) -> None:
    me = party("globex")
    answer = me.redeem(me.code(code_challenge=None, code_challenge_method=None))
    assert body_of(answer)["error"] == "invalid_grant"


def test_a_second_redemption_fails_and_ends_the_first_ones_tokens(party: Parties) -> None:
    me = party("globex")
    code = me.code()
    first = body_of(me.redeem(code))
    assert body_of(me.redeem(code))["error"] == "invalid_grant"
    assert me.userinfo(first["access_token"]).status_code == 401


def test_a_code_lives_a_minute(party: Parties, clock: Clock) -> None:
    me = party("contoso")
    in_time, too_late = me.code(), me.code()
    clock.advance(59)
    assert me.redeem(in_time).status_code == 200
    clock.advance(2)
    assert body_of(me.redeem(too_late))["error"] == "invalid_grant"


def test_a_code_of_one_provider_is_worth_nothing_at_another(party: Parties) -> None:
    assert body_of(party("globex").redeem(party("acme").code()))["error"] == "invalid_grant"


@pytest.mark.parametrize("connection", EVERY)
def test_a_wrong_secret_is_refused(party: Parties, connection: str) -> None:
    me = party(connection)
    client_id = me.world.client_of(connection).client_id
    answer = me.token({"grant_type": "authorization_code", "code": me.code()}, (client_id, "wrong"))
    assert body_of(answer)["error"] == "invalid_client"
    assert answer.status_code == (400 if connection == "acme" else 401)


def test_the_client_of_another_provider_is_refused(party: Parties) -> None:
    other = party("acme").world.client_of("acme")
    answer = party("globex").token({"grant_type": "refresh_token"}, (other.client_id, other.client_secret))
    assert body_of(answer)["error"] == "invalid_client"


@pytest.mark.parametrize("header", ["Bearer abc", "Basic !!!", "Basic " + base64.b64encode(b"\xff").decode(), "Basic"])
def test_a_broken_authorization_header_proves_nothing(party: Parties, http: FlaskClient, header: str) -> None:
    answer = http.post(party("globex").path("token"), data={"grant_type": "x"}, headers={"Authorization": header})
    assert body_of(answer)["error"] == "invalid_client"


def test_client_secret_post_is_accepted(party: Parties, http: FlaskClient) -> None:
    me = party("globex")
    client = me.world.client_of("globex")
    form = {
        "grant_type": "refresh_token",
        "refresh_token": me.tokens()["refresh_token"],
        "client_id": client.client_id,
        "client_secret": client.client_secret,
    }
    assert http.post(me.path("token"), data=form).status_code == 200


def test_two_ways_of_client_authentication_at_once_are_refused(party: Parties) -> None:
    me = party("globex")
    secret = me.world.client_of("globex").client_secret
    assert body_of(me.token({"grant_type": "refresh_token", "client_secret": secret}))["error"] == "invalid_request"


def test_a_client_id_beside_another_basic_pair_is_refused(party: Parties) -> None:
    answer = party("globex").token({"grant_type": "refresh_token", "client_id": "somebody-else"})
    assert body_of(answer)["error"] == "invalid_request"


def test_another_grant_type_is_refused(party: Parties) -> None:
    assert body_of(party("globex").token({"grant_type": "password"}))["error"] == "unsupported_grant_type"


@pytest.mark.parametrize("kind", ["json", "query", "repeated"])
def test_a_token_request_is_a_form_in_the_body_with_each_field_once(
    party: Parties, http: FlaskClient, kind: str
) -> None:
    path = party("globex").path("token")
    answer = {
        "json": lambda: http.post(path, json={"grant_type": "refresh_token"}),
        "query": lambda: http.post(f"{path}?grant_type=refresh_token", data={"x": "1"}),
        "repeated": lambda: http.post(path, data={"grant_type": ["refresh_token", "refresh_token"]}),
    }[kind]()
    assert body_of(answer)["error"] == "invalid_request"


def test_microsoft_refuses_with_its_numbers(party: Parties) -> None:
    answer = body_of(party("contoso").refresh("invented"))
    assert answer["error_codes"] == [70008]
    assert answer["error_description"].startswith("AADSTS70008:")


def test_a_refresh_token_of_another_client_is_refused(party: Parties) -> None:
    token = party("acme").tokens()["refresh_token"]
    assert body_of(party("contoso").refresh(token))["error"] == "invalid_grant"


def test_an_access_token_in_the_address_is_not_read(party: Parties, http: FlaskClient) -> None:
    me = party("globex")
    answer = http.get(f"{me.path('userinfo')}?access_token={me.tokens()['access_token']}")
    assert answer.status_code == 401
