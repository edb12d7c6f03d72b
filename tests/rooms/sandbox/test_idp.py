"""The identity providers' good answers, and how the four differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jwt
import pytest

from bridge.sandbox.grants import Grant
from bridge.sandbox.idp_tokens import left_half_hash
from tests.rooms.sandbox.party import Clock, Party, answer_of, body_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient

    from bridge.sandbox.world import World

    Parties = Callable[[str], Party]

BASE = "http://localhost:5100"
EVERY = ("contoso", "acme", "globex", "initech")
OPENID = ("contoso", "acme", "globex")


def claims_of(world: World, connection: str, id_token: str) -> dict[str, Any]:
    """Verify an ID token with the published key that its header names."""
    kid = jwt.get_unverified_header(id_token)["kid"]
    published = {key["kid"]: key for key in world.keys[connection].key_set()["keys"]}
    options: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
    audience = world.client_of(connection).client_id
    return dict(jwt.decode(id_token, jwt.PyJWK(published[kid]), ["RS256"], audience=audience, options=options))


@pytest.mark.parametrize("connection", EVERY)
def test_a_person_signs_in_and_fuyun_gives_a_token(party: Parties, connection: str) -> None:
    me = party(connection)
    tokens = me.tokens("lin")
    assert me.userinfo(tokens["access_token"]).status_code == 200
    answer = body_of(me.exchange(tokens["access_token"]))
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert claims["user_name"] == me.world.account_name(connection, "lin") != ""


@pytest.mark.parametrize("connection", OPENID)
def test_the_id_token_is_signed_and_says_for_whom_when_and_which_session(
    party: Parties, world: World, clock: Clock, connection: str
) -> None:
    claims = claims_of(world, connection, party(connection).tokens()["id_token"])
    assert claims["nonce"] == "the-nonce"
    assert claims["iat"] == int(clock()) < claims["exp"]
    assert claims["sid"]
    assert claims["iss"] == world.manners[connection].issuer(claims.get("tid", ""))


@pytest.mark.parametrize("connection", ["acme", "globex"])
def test_at_hash_belongs_to_the_access_token(party: Parties, world: World, connection: str) -> None:
    tokens = party(connection).tokens()
    assert claims_of(world, connection, tokens["id_token"])["at_hash"] == left_half_hash(tokens["access_token"])


@pytest.mark.parametrize("connection", OPENID)
def test_userinfo_speaks_of_the_id_tokens_subject(party: Parties, world: World, connection: str) -> None:
    me = party(connection)
    tokens = me.tokens()
    subject = claims_of(world, connection, tokens["id_token"])["sub"]
    assert body_of(me.userinfo(tokens["access_token"]))["sub"] == subject


def test_microsoft_discovery_of_a_tenant_names_its_guid(http: FlaskClient) -> None:
    document = body_of(http.get("/entra/contoso.example/v2.0/.well-known/openid-configuration"))
    assert document["issuer"] == f"{BASE}/entra/1f0c5a52-7a3e-4c1e-9a55-3d0a6d6f1e11/v2.0"
    assert document["token_endpoint"].startswith(f"{BASE}/entra/1f0c5a52-")
    assert not {"code_challenge_methods_supported", "revocation_endpoint"} & document.keys()


@pytest.mark.parametrize("shared", ["common", "organizations"])
def test_microsoft_shared_discovery_and_keys_carry_the_issuer_template(http: FlaskClient, shared: str) -> None:
    template = f"{BASE}/entra/{{tenantid}}/v2.0"
    document = body_of(http.get(f"/entra/{shared}/v2.0/.well-known/openid-configuration"))
    keys = body_of(http.get(f"/entra/{shared}/discovery/v2.0/keys"))["keys"]
    assert document["issuer"] == template
    assert [key["issuer"] for key in keys] == [template]


def test_microsoft_knows_no_other_tenant(http: FlaskClient) -> None:
    assert http.get("/entra/fabrikam.example/v2.0/.well-known/openid-configuration").status_code == 400


def test_microsoft_userinfo_returns_six_members_at_most(party: Parties) -> None:
    me = party("contoso")
    answer = body_of(me.userinfo(me.tokens()["access_token"]))
    assert answer.keys() == {"sub", "name", "family_name", "given_name", "picture", "email"}


def test_microsoft_leaves_the_email_of_a_mailless_account_out(party: Parties, world: World) -> None:
    me = party("contoso")
    tokens = me.tokens("bo")
    assert "email" not in body_of(me.userinfo(tokens["access_token"]))
    assert "email" not in claims_of(world, "contoso", tokens["id_token"])


def test_microsoft_tokens_of_a_stranger_carry_the_strangers_tenant(party: Parties, world: World) -> None:
    claims = claims_of(world, "contoso", party("contoso").tokens("sam")["id_token"])
    assert claims["tid"] != "1f0c5a52-7a3e-4c1e-9a55-3d0a6d6f1e11"
    assert claims["iss"] == f"{BASE}/entra/{claims['tid']}/v2.0"


def test_salesforce_gives_no_expiry_but_a_time_in_milliseconds_as_text(party: Parties, clock: Clock) -> None:
    tokens = party("acme").tokens()
    assert "expires_in" not in tokens
    assert tokens["issued_at"] == str(int(clock() * 1000))
    assert tokens["access_token"].startswith("00D000000000001!")


def test_salesforce_discovery_has_the_hosts_issuer_and_no_logout(http: FlaskClient) -> None:
    document = body_of(http.get("/salesforce/.well-known/openid-configuration"))
    assert document["issuer"] == f"{BASE}/salesforce"
    assert "end_session_endpoint" not in document


def test_salesforce_names_the_organization_and_a_url_as_subject(party: Parties) -> None:
    me = party("acme")
    mine = body_of(me.userinfo(me.tokens("lin")["access_token"]))
    theirs = body_of(me.userinfo(me.tokens("sam")["access_token"]))
    assert mine["sub"] == f"https://login.salesforce.com/id/{mine['organization_id']}/{mine['user_id']}"
    assert mine["organization_id"] == "00D000000000001AAA" != theirs["organization_id"]


def test_globex_answers_with_its_issuer_and_advertises_every_logout(party: Parties, http: FlaskClient) -> None:
    document = body_of(http.get("/oidc/.well-known/openid-configuration"))
    assert answer_of(party("globex").pick())["iss"] == document["issuer"] == f"{BASE}/oidc"
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["backchannel_logout_supported"] is True
    assert document["code_challenge_methods_supported"] == ["S256"]


def test_globex_opens_claims_by_scope(party: Parties) -> None:
    me = party("globex")
    answer = body_of(me.userinfo(me.tokens(scope="openid email")["access_token"]))
    assert answer.keys() == {"sub", "email", "email_verified"}


def test_initech_wraps_its_user_and_sends_neither_expiry_nor_id_token(party: Parties) -> None:
    me = party("initech")
    tokens = me.tokens()
    assert tokens.keys() == {"access_token", "token_type", "scope"}
    assert tokens["token_type"] == "bearer"
    assert body_of(me.userinfo(tokens["access_token"]))["data"]["id"] == 10086


@pytest.mark.parametrize(
    ("connection", "status", "text"),
    [
        ("contoso", 401, "InvalidAuthenticationToken"),
        ("acme", 403, "Bad_OAuth_Token"),
        ("globex", 401, "invalid_token"),
        ("initech", 401, "access token invalid"),
    ],
)
def test_userinfo_refuses_a_bad_token_in_its_own_words(party: Parties, connection: str, status: int, text: str) -> None:
    answer = party(connection).userinfo("not-a-token")
    assert (answer.status_code, text in answer.get_data(as_text=True)) == (status, True)


@pytest.mark.parametrize("connection", EVERY)
def test_an_access_token_ends_with_its_lifetime(party: Parties, world: World, clock: Clock, connection: str) -> None:
    me = party(connection)
    access_token = me.tokens()["access_token"]
    clock.advance(world.manners[connection].access_token_lifetime + 1)
    assert me.userinfo(access_token).status_code in {401, 403}


def test_microsoft_gives_a_new_refresh_token_and_keeps_the_old_one_good(party: Parties, world: World) -> None:
    me = party("contoso")
    first = me.tokens()["refresh_token"]
    second = body_of(me.refresh(first))
    assert second["refresh_token"] != first
    assert "nonce" not in claims_of(world, "contoso", second["id_token"])
    assert me.refresh(first).status_code == 200


def test_salesforce_gives_no_new_refresh_token(party: Parties) -> None:
    me = party("acme")
    refreshed = body_of(me.refresh(me.tokens()["refresh_token"]))
    assert refreshed["access_token"]
    assert "refresh_token" not in refreshed


def test_globex_revokes_the_whole_family_when_an_old_refresh_token_returns(party: Parties) -> None:
    me = party("globex")
    first = me.tokens()["refresh_token"]
    second = body_of(me.refresh(first))
    reuse = me.refresh(first)
    assert (reuse.status_code, body_of(reuse)["error"]) == (400, "invalid_grant")
    assert body_of(me.refresh(second["refresh_token"]))["error"] == "invalid_grant"
    assert me.userinfo(second["access_token"]).status_code == 401


@pytest.mark.parametrize(("connection", "scope"), [("contoso", "openid"), ("acme", "openid full"), ("initech", "user")])
def test_no_refresh_token_without_its_scope(party: Parties, connection: str, scope: str) -> None:
    assert "refresh_token" not in party(connection).tokens(scope=scope)


def test_a_refresh_cannot_widen_the_scope(party: Parties) -> None:
    me = party("globex")
    tokens = me.tokens(scope="openid offline_access")
    assert body_of(me.refresh(tokens["refresh_token"], scope="openid email"))["error"] == "invalid_scope"


def test_a_revoked_refresh_token_takes_its_access_tokens_along(party: Parties, http: FlaskClient) -> None:
    me = party("acme")
    tokens, client = me.tokens(), me.world.client_of("acme")
    form = {"token": tokens["refresh_token"]}
    answer = http.post(me.path("revoke"), data=form, auth=(client.client_id, client.client_secret))
    assert answer.status_code == 200
    assert me.userinfo(tokens["access_token"]).status_code == 403


def test_a_revoked_access_token_leaves_the_refresh_token_good(party: Parties, http: FlaskClient) -> None:
    me = party("acme")
    tokens, client = me.tokens(), me.world.client_of("acme")
    http.post(me.path("revoke"), data={"token": tokens["access_token"]}, auth=(client.client_id, client.client_secret))
    assert me.userinfo(tokens["access_token"]).status_code == 403
    assert me.refresh(tokens["refresh_token"]).status_code == 200


def test_old_records_are_forgotten_where_there_are_many(world: World, clock: Clock) -> None:
    grants = world.grants["globex"]
    grant = Grant(family="f", client_id="c", person_key="lin", scopes=(), sid="s", auth_time=0)
    for number in range(5000):
        grants.issue_access(f"old-{number}", grant, 10)
    clock.advance(11)
    grants.issue_access("new", grant, 10)
    assert len(grants._access) == 1
    assert grants.bearer("new") == grant


def test_a_dismissed_person_can_neither_refresh_nor_sign_in(party: Parties, world: World) -> None:
    me = party("contoso")
    tokens = me.tokens()
    world.dismiss("lin")
    assert body_of(me.refresh(tokens["refresh_token"]))["error"] == "invalid_grant"
    assert answer_of(me.pick("lin"))["error"] == "access_denied"


def test_keys_rotate_and_the_old_one_leaves_the_key_set(party: Parties, world: World) -> None:
    before = world.keys["globex"].current.kid
    world.rotate_keys("globex")
    token = party("globex").tokens()["id_token"]
    assert jwt.get_unverified_header(token)["kid"] != before
    assert before not in [key["kid"] for key in world.keys["globex"].key_set()["keys"]]
    assert claims_of(world, "globex", token)


def test_keys_can_rotate_under_the_same_name_or_beside_the_old_one(world: World) -> None:
    ring = world.keys["globex"]
    before = ring.current
    world.rotate_keys("globex", same_kid=True)
    assert (ring.current.kid, ring.current.private) == (before.kid, ring.published[0].private)
    assert ring.current.private is not before.private
    world.rotate_keys("globex", keep_old=True)
    assert [key.kid for key in ring.published][1] == before.kid
