"""The world's own facts, and the configuration that points a bridge at it."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import jwt
import pytest

from bridge.sandbox.app import create_sandbox
from bridge.sandbox.people import Person
from bridge.sandbox.world import World, account_at, demo_config
from tests.rooms.sandbox.party import Party, body_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask.testing import FlaskClient

    Parties = Callable[[str], Party]

SANDBOX = "http://localhost:5100"
PUBLIC = "http://localhost:5000"


def test_the_demo_has_one_connection_of_each_kind(tmp_path: Path) -> None:
    config = tomllib.loads(demo_config(SANDBOX, PUBLIC, str(tmp_path)))
    kinds = {one["name"]: one["idp"]["kind"] for one in config["connections"]}
    assert kinds == {"contoso": "microsoft", "acme": "salesforce", "globex": "oidc", "initech": "oauth2"}
    instances = [one["instance_id"] for one in config["connections"]]
    assert instances == ["ccc_xp_demo", "ccc_xp_acme", "ccc_xp_globex", "ccc_xp_initech"]
    assert config["store"]["database"] == f"sqlite:///{tmp_path}/bridge.db"
    assert config["server"] == {"bind": "127.0.0.1:5000"}


def test_the_demos_secrets_match_the_world_and_its_keys_are_fresh(tmp_path: Path, world: World) -> None:
    first, second = (tomllib.loads(demo_config(SANDBOX, PUBLIC, str(tmp_path))) for _ in range(2))
    for one in first["connections"]:
        assert world.clients[one["idp"]["client_id"]].client_secret == one["idp"]["client_secret"]
        assert world.fuyun_apps[one["fuyun"]["client_id"]].client_secret == one["fuyun"]["client_secret"]
    assert first["secret_keys"] != second["secret_keys"]
    assert len(first["secret_keys"][0]) >= 32


def test_the_demo_may_be_smaller_and_public(tmp_path: Path, world: World) -> None:
    public = "https://phone.example.com"
    text = demo_config(SANDBOX, public, str(tmp_path), connections=("globex",), world=world)
    config = tomllib.loads(text)
    assert [one["name"] for one in config["connections"]] == ["globex"]
    assert "admin" not in config
    assert "server" not in config
    assert world.client_of("globex").redirect_uris == {f"{public}/callback/globex"}


def test_a_connection_of_the_demo_may_sign_itself(tmp_path: Path, world: World) -> None:
    text = demo_config(SANDBOX, PUBLIC, str(tmp_path), connections=("globex",), jwt=("globex",), world=world)
    (globex,) = tomllib.loads(text)["connections"]
    assert (globex["mode"], globex["jwt"]["issuer"]) == ("jwt", PUBLIC)
    path = tmp_path / "globex.pem"
    assert path.stat().st_mode & 0o077 == 0
    token = jwt.encode({"iss": PUBLIC}, path.read_text(), algorithm="RS256")
    assert jwt.decode(token, world.fuyun_of("globex").jwt_public_key, ["RS256"])
    with pytest.raises(ValueError, match="needs the world"):
        demo_config(SANDBOX, PUBLIC, str(tmp_path), jwt=("globex",))


@pytest.mark.parametrize(
    ("connection", "lin", "fang", "bo"),
    [
        ("contoso", "lin@contoso.example", "wang.fang@contoso.example", ""),
        ("acme", "lin@acme.example", "wang.fang@acme.example", ""),
        ("globex", "lin", "王芳", ""),
        ("initech", "13800000000", "13800000001", ""),
    ],
)
def test_each_company_maps_its_people_by_its_own_field(
    world: World, connection: str, lin: str, fang: str, bo: str
) -> None:
    assert [world.account_name(connection, key) for key in ("lin", "fang", "bo")] == [lin, fang, bo]
    assert {lin, fang} <= world.agents.keys()
    assert world.account_name(connection, "nora") not in world.agents
    assert world.agents[world.account_name(connection, "kim")].frozen


def test_people_and_agents_can_join(world: World, party: Parties) -> None:
    world.add_person(
        Person(
            key="ada", name="Ada New", given_name="Ada", family_name="New", email="ada@contoso.example",
            phone=None, username="ada", sub="1", number=1,
        )
    )  # fmt: skip
    world.add_agent("ada@contoso.example", "Ada")
    assert party("contoso").fuyun_token("ada")


def test_an_agent_who_is_replaced_or_returns_stays_the_same_one_of_the_same_contact_center(world: World) -> None:
    kim = world.agents["kim"]
    thawed = world.add_agent("kim", "Kim")
    world.remove_agent("kim")
    world.remove_agent("nobody")
    assert "kim" not in world.agents
    again = world.add_agent("kim")
    assert (kim.frozen, thawed.frozen, again.instance_id) == (True, False, "ccc_xp_globex")
    assert kim.agent_id == thawed.agent_id == again.agent_id
    assert world.add_agent("zoe").instance_id == "ccc_xp_demo"


def test_register_everywhere_registers_every_callback(world: World, party: Parties) -> None:
    world.any_loopback = False
    world.register_everywhere("https://phone.example.com")
    for connection in ("contoso", "acme", "globex", "initech"):
        answer = party(connection).authorize(redirect_uri=f"https://phone.example.com/callback/{connection}")
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("value", "expected"),
    [("  lin ", "lin"), (10086, "10086"), (True, ""), (None, ""), ([], ""), ({}, ""), (1.5, "")],
)
def test_a_mapping_value_is_text_or_a_whole_number(value: object, expected: str) -> None:
    assert account_at({"a": {"b": value}}, "a.b") == expected
    assert account_at({"a": "text"}, "a.b") == ""


def test_requests_are_counted_by_the_end_of_their_path(party: Parties, world: World) -> None:
    me = party("globex")
    tokens = me.tokens()
    me.userinfo(tokens["access_token"])
    me.exchange(tokens["access_token"])
    assert (world.count("/protocol/token"), world.count("/userinfo"), world.count("/oauth/token_exchange")) == (1, 1, 1)
    (exchange,) = world.requests_to("/oauth/token_exchange")
    assert exchange.form["subject_token"] == [tokens["access_token"]]
    assert (exchange.scheme, exchange.content_type) == ("Basic", "application/x-www-form-urlencoded")
    assert tokens["access_token"] not in repr(exchange)


def test_the_control_desk_itself_is_not_counted(http: FlaskClient, world: World) -> None:
    http.get("/")
    http.get("/sandbox/faults")
    http.get("/assets/sandbox.css").close()
    assert list(world.requests) == []


def test_expired_and_revoked_tokens_are_told_apart(party: Parties, world: World) -> None:
    me = party("contoso")
    tokens = me.tokens()
    world.grants["contoso"].expire_access_tokens()
    assert me.userinfo(tokens["access_token"]).status_code == 401
    renewed = body_of(me.refresh(tokens["refresh_token"]))
    assert me.userinfo(renewed["access_token"]).status_code == 200
    world.grants["contoso"].revoke_refresh_tokens()
    assert body_of(me.refresh(tokens["refresh_token"]))["error"] == "invalid_grant"
    assert me.userinfo(renewed["access_token"]).status_code == 200


def test_a_prepared_world_moves_to_the_sandboxs_address() -> None:
    world = World()
    app = create_sandbox("http://127.0.0.1:8111/", world=world)
    document = body_of(app.test_client().get("/oidc/.well-known/openid-configuration"))
    assert document["issuer"] == "http://127.0.0.1:8111/oidc"
    assert app.extensions["world"] is world
