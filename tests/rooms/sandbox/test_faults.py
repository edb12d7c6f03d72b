"""Each fault does what its line in the table says, for whom and as often as asked."""

from __future__ import annotations

import hmac
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests
from werkzeug.serving import make_server

from bridge.sandbox.app import create_sandbox
from bridge.sandbox.faults import TARGETS, WIRE, Faults, UnknownFault
from bridge.sandbox.keys import public_pem
from tests.rooms.sandbox.party import Clock, Party, answer_of, body_of, fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask.testing import FlaskClient

    from bridge.sandbox.world import World

    Parties = Callable[[str], Party]

DISCOVERY = "/oidc/.well-known/openid-configuration"


def unverified(id_token: str) -> dict[str, Any]:
    return dict(jwt.decode(id_token, options={"verify_signature": False}))


@pytest.mark.parametrize(
    ("fault", "shows"),
    [
        ("wrong_nonce", lambda claims, _: claims["nonce"] != "the-nonce"),
        ("no_nonce", lambda claims, _: "nonce" not in claims),
        ("wrong_aud", lambda claims, _: claims["aud"] == "another-client"),
        ("wrong_azp", lambda claims, _: claims["azp"] == "another-client" and len(claims["aud"]) == 2),
        ("wrong_iss", lambda claims, _: claims["iss"] == "https://evil.example"),
        ("expired_id_token", lambda claims, now: claims["iat"] < claims["exp"] == int(now) - 600),
        ("future_iat", lambda claims, now: claims["iat"] == int(now) + 3600),
        ("wrong_sub", lambda claims, _: claims["sub"] == "somebody-else"),
        ("no_sub", lambda claims, _: "sub" not in claims),
        ("no_sid", lambda claims, _: "sid" not in claims),
        ("clock_off", lambda claims, now: claims["iat"] == int(now) + 3600),
    ],
)
def test_claims_of_the_id_token_go_wrong(
    party: Parties, world: World, clock: Clock, fault: str, shows: Callable[[dict[str, Any], float], bool]
) -> None:
    world.faults.set("token", fault)
    assert shows(unverified(party("globex").tokens()["id_token"]), clock())


def test_wrong_at_hash_is_there_also_where_the_provider_sends_none(party: Parties, world: World) -> None:
    assert "at_hash" not in unverified(party("contoso").tokens()["id_token"])
    world.faults.set("token", "wrong_at_hash")
    assert unverified(party("contoso").tokens()["id_token"])["at_hash"]


@pytest.mark.parametrize(
    ("connection", "claim", "marks"),
    [("contoso", "tid", "99999999-"), ("acme", "sub", "00D000000000009AAA"), ("globex", "iss", "/strangers")],
)
def test_foreign_tenant_changes_what_names_the_tenant(
    party: Parties, world: World, connection: str, claim: str, marks: str
) -> None:
    world.faults.set("token", "foreign_tenant")
    assert marks in unverified(party(connection).tokens()["id_token"])[claim]


def test_alg_none_is_unsigned(party: Parties, world: World) -> None:
    world.faults.set("token", "alg_none")
    token = party("globex").tokens()["id_token"]
    assert jwt.get_unverified_header(token)["alg"] == "none"
    assert token.endswith(".")


@pytest.mark.parametrize("key", ["client_secret", "public"])
def test_alg_hs256_is_signed_with_what_an_attacker_or_a_lax_client_has(party: Parties, world: World, key: str) -> None:
    world.faults.set("token", "alg_hs256", key=key)
    head, _, signature = party("globex").tokens()["id_token"].rpartition(".")
    secret = world.client_of("globex").client_secret if key != "public" else ""
    secret = secret or public_pem(world.keys["globex"].current.public)
    expected = hmac.digest(secret.encode(), head.encode(), "sha256")
    assert jwt.utils.base64url_decode(signature) == expected


@pytest.mark.parametrize("fault", ["bad_signature", "unknown_kid"])
def test_a_rogue_key_signs(party: Parties, world: World, fault: str) -> None:
    world.faults.set("token", fault)
    token = party("globex").tokens()["id_token"]
    assert world.keys["globex"].opened(token) is None
    published = [key["kid"] for key in world.keys["globex"].key_set()["keys"]]
    assert (jwt.get_unverified_header(token)["kid"] in published) == (fault == "bad_signature")


@pytest.mark.parametrize(
    ("fault", "member"),
    [
        ("no_id_token", "id_token"),
        ("no_access_token", "access_token"),
        ("no_refresh_token", "refresh_token"),
        ("no_expires_in", "expires_in"),
    ],
)
def test_members_of_the_token_answer_go_missing(party: Parties, world: World, fault: str, member: str) -> None:
    assert member in party("globex").tokens()
    world.faults.set("token", fault)
    assert member not in party("globex").tokens()


def test_expires_in_comes_as_text(party: Parties, world: World) -> None:
    world.faults.set("token", "expires_in_text")
    assert party("globex").tokens()["expires_in"] == "300"


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ("invalid_grant", 400, "invalid_grant"),
        ("invalid_client", 401, "invalid_client"),
        ("error_200", 200, "invalid_grant"),
    ],
)
def test_the_token_endpoint_refuses_as_told_and_leaves_the_refresh_token_good(
    party: Parties, world: World, fault: str, status: int, error: str
) -> None:
    me = party("globex")
    refresh_token = me.tokens()["refresh_token"]
    world.faults.set("token", fault, times=1)
    refused = me.refresh(refresh_token)
    assert (refused.status_code, body_of(refused)["error"]) == (status, error)
    assert me.refresh(refresh_token).status_code == 200


@pytest.mark.parametrize("connection", ["contoso", "acme", "globex", "initech"])
@pytest.mark.parametrize(
    ("fault", "value"),
    [
        ("email_null", None),
        ("email_list", ["lin@contoso.example", "second@contoso.example"]),
        ("email_empty", ""),
        ("email_number", 13800000000),
        ("email_other", "somebody.else@contoso.example"),
    ],
)
def test_the_mapping_field_holds_nonsense(
    party: Parties, world: World, connection: str, fault: str, value: object
) -> None:
    world.faults.set("userinfo", fault)
    me = party(connection)
    found: Any = body_of(me.userinfo(me.tokens()["access_token"]))
    for step in world.fuyun_of(connection).mapping_field.split("."):
        found = found[step]
    assert found == value


@pytest.mark.parametrize("connection", ["contoso", "acme", "globex", "initech"])
def test_no_email_drops_the_mapping_field(party: Parties, world: World, connection: str) -> None:
    world.faults.set("userinfo", "no_email")
    me = party(connection)
    text = me.userinfo(me.tokens()["access_token"]).get_data(as_text=True)
    assert f'"{world.fuyun_of(connection).mapping_field.rpartition(".")[2]}"' not in text


@pytest.mark.parametrize(("fault", "sub"), [("wrong_sub", "somebody-else"), ("no_sub", None)])
def test_userinfo_speaks_of_somebody_else_or_of_nobody(
    party: Parties, world: World, fault: str, sub: str | None
) -> None:
    world.faults.set("userinfo", fault)
    me = party("globex")
    assert body_of(me.userinfo(me.tokens()["access_token"])).get("sub") == sub


def test_userinfo_refuses_a_good_token_as_told(party: Parties, world: World) -> None:
    world.faults.set("userinfo", "bad_token")
    me = party("acme")
    answer = me.userinfo(me.tokens()["access_token"])
    assert (answer.status_code, answer.get_data()) == (403, b"Bad_OAuth_Token")


@pytest.mark.parametrize(
    ("fault", "name", "values"),
    [
        ("foreign_iss_parameter", "iss", ["https://evil.example"]),
        ("no_iss_parameter", "iss", []),
        ("wrong_state", "state", ["a-state-of-somebody-else"]),
        ("no_state", "state", []),
    ],
)
def test_parameters_go_wrong_on_the_way_back(
    party: Parties, world: World, fault: str, name: str, values: list[str]
) -> None:
    world.faults.set("authorize", fault, times=1)
    back = fields_of(party("globex").pick())
    assert [value for key, value in back if key == name] == values


def test_the_code_comes_twice(party: Parties, world: World) -> None:
    world.faults.set("authorize", "duplicate_code")
    assert [name for name, _ in fields_of(party("contoso").pick())].count("code") == 2


def test_access_is_denied_before_any_page(party: Parties, world: World) -> None:
    world.faults.set("authorize", "error_access_denied")
    assert answer_of(party("contoso").authorize())["error"] == "access_denied"


def test_discovery_and_keys_go_wrong(http: FlaskClient, world: World) -> None:
    world.faults.set("discovery", "wrong_iss")
    assert body_of(http.get(DISCOVERY))["issuer"] == "https://evil.example"
    world.faults.set("discovery", "no_endpoints")
    assert "token_endpoint" not in body_of(http.get(DISCOVERY))
    world.faults.set("jwks", "no_keys")
    assert body_of(http.get("/oidc/protocol/certs")) == {"keys": []}


@pytest.mark.parametrize(
    ("fault", "settings", "status", "starts"),
    [
        ("http_500", {}, 500, b"The sandbox"),
        ("http_500", {"status": 503}, 503, b"The sandbox"),
        ("throttled_429", {}, 429, b"{"),
        ("html", {}, 200, b"<!doctype html>"),
        ("html", {"status": 403}, 403, b"<!doctype html>"),
        ("redirect", {}, 302, b""),
        ("empty", {}, 200, b""),
        ("not_json", {}, 200, b'{"access_token": "broken'),
        ("json_list", {}, 200, b"[]"),
        ("huge", {"bytes": 2000}, 200, b'{"filling": "xxx'),
        ("slow", {"seconds": 0.01}, 200, b"{"),
    ],
)
def test_any_server_fails_on_the_line(  # noqa: PLR0917
    http: FlaskClient, world: World, fault: str, settings: dict[str, Any], status: int, starts: bytes
) -> None:
    world.faults.set("discovery", fault, **settings)
    answer = http.get(DISCOVERY)
    assert (answer.status_code, answer.get_data()[: len(starts)]) == (status, starts)
    assert answer.content_length == len(answer.get_data())


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_target_knows_every_fault_of_the_line(world: World, target: str) -> None:
    assert WIRE.keys() <= TARGETS[target].keys()


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_target_fails_on_the_line(party: Parties, world: World, http: FlaskClient, target: str) -> None:
    me = party("globex")
    visits: dict[str, Callable[[], Any]] = {
        "discovery": lambda: http.get(DISCOVERY),
        "jwks": lambda: http.get("/oidc/protocol/certs"),
        "authorize": me.authorize,
        "token": lambda: me.refresh("x"),
        "userinfo": lambda: me.userinfo("x"),
        "exchange": lambda: me.exchange("x"),
    }
    world.faults.set(target, "http_500", status=599)
    assert {name: visit().status_code == 599 for name, visit in visits.items()} == {
        name: name == target for name in visits
    }


def test_a_clock_that_is_off_shows_in_the_date_header(http: FlaskClient, world: World, clock: Clock) -> None:
    world.faults.set("discovery", "clock_off", seconds=-7200)
    expected = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(clock() - 7200))
    assert http.get(DISCOVERY).headers["Date"] == expected


def test_a_fault_lasts_as_many_requests_as_asked(http: FlaskClient, world: World) -> None:
    world.faults.set("discovery", "http_500", times=2)
    assert [http.get(DISCOVERY).status_code for _ in range(3)] == [500, 500, 200]
    assert world.faults.active() == []


def test_a_fault_may_concern_one_connection(http: FlaskClient, world: World) -> None:
    world.faults.set("discovery", "http_500", connection="acme")
    assert http.get(DISCOVERY).status_code == 200
    assert http.get("/salesforce/.well-known/openid-configuration").status_code == 500


def test_a_fault_set_again_replaces_itself_and_clear_takes_what_matches() -> None:
    faults = Faults()
    faults.set("token", "slow", seconds=9)
    faults.set("token", "slow", seconds=1)
    faults.set("userinfo", "slow")
    assert [fault.settings for fault in faults.active()] == [{"seconds": 1}, {}]
    faults.clear("token")
    assert [fault.target for fault in faults.active()] == ["userinfo"]
    faults.clear()
    assert faults.active() == []


@pytest.mark.parametrize(("target", "fault"), [("token", "wrong_user"), ("nobody", "slow"), ("exchange", "alg_none")])
def test_an_unknown_fault_is_refused(target: str, fault: str) -> None:
    with pytest.raises(UnknownFault):
        Faults().set(target, fault)


def test_many_threads_meet_a_fault_exactly_as_often_as_asked() -> None:
    faults = Faults()
    faults.set("token", "http_500", times=50)
    with ThreadPoolExecutor(8) as pool:
        met = list(pool.map(lambda _: len(faults.draw("token", "globex")), range(200)))
    assert sum(met) == 50


def test_fuyun_meets_the_user_endpoints_faults_without_using_them_up(party: Parties, world: World) -> None:
    me = party("contoso")
    token = me.tokens()["access_token"]
    world.faults.set("userinfo", "email_number", times=1)
    answer = body_of(me.exchange(token))
    assert unverified(answer["access_token"])["user_name"] == "13800000000"
    assert body_of(me.userinfo(token))["email"] == 13800000000
    assert body_of(me.userinfo(token))["email"] == "lin@contoso.example"


def test_where_the_server_cannot_reset_the_answer_breaks_off(http: FlaskClient, world: World) -> None:
    world.faults.set("discovery", "reset")
    with pytest.raises(ConnectionResetError):
        http.get(DISCOVERY)
    with pytest.raises(ConnectionResetError):
        http.get(DISCOVERY, environ_overrides={"SERVER_SOFTWARE": "Granian"}).get_data()


# Over real sockets ----------------------------------------------------------------------------------------------------


@pytest.fixture
def served() -> Iterator[tuple[str, World]]:
    app = create_sandbox("http://localhost:0")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", app.extensions["world"]
    server.shutdown()
    server.server_close()
    thread.join(60)


def test_reset_closes_the_connection_without_an_answer(served: tuple[str, World]) -> None:
    url, world = served
    world.faults.set("discovery", "reset", times=1)
    with pytest.raises(requests.ConnectionError):
        requests.get(url + DISCOVERY, timeout=60)
    assert requests.get(url + DISCOVERY, timeout=60).status_code == 200


def test_drip_sends_a_whole_answer_slowly(served: tuple[str, World]) -> None:
    url, world = served
    world.faults.set("jwks", "drip", seconds=0.0005)
    answer = requests.get(url + "/oidc/protocol/certs", timeout=60)
    assert json.loads(answer.content)["keys"]
    assert answer.headers["Content-Length"] == str(len(answer.content))
