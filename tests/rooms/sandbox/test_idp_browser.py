"""The authorize page, the provider's own session, and logout."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from tests.rooms.sandbox.party import Party, answer_of, fields_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from flask.testing import FlaskClient

    from bridge.sandbox.world import World

    Parties = Callable[[str], Party]

EVERY = ("contoso", "acme", "globex", "initech")


@pytest.mark.parametrize("connection", EVERY)
def test_the_page_says_sandbox_and_offers_everybody(party: Parties, world: World, connection: str) -> None:
    page = party(connection).authorize().get_data(as_text=True)
    assert f"<h1>Sandbox — {world.manners[connection].title}</h1>" in page
    assert re.findall(r'name="person" value="(\w+)"', page) == ["lin", "fang", "bo", "nora", "kim", "sam"]


def test_the_page_cannot_be_framed(party: Parties) -> None:
    answer = party("contoso").authorize()
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_the_hinted_person_comes_first(party: Parties) -> None:
    page = party("acme").authorize(login_hint="wang.fang@acme.example").get_data(as_text=True)
    assert re.findall(r'name="person" value="(\w+)"', page)[0] == "fang"


def test_the_pages_form_leads_back_with_code_and_state(party: Parties, http: FlaskClient) -> None:
    page = party("globex").authorize(state='a"b&c').get_data(as_text=True)
    action = re.search(r'<form method="post" action="([^"]+)"', page)
    assert action is not None
    answer = answer_of(http.post(unescape(action[1]), data={"person": "lin"}))
    assert answer["state"] == 'a"b&c'
    assert answer["code"]


def test_the_request_itself_may_come_as_a_form(party: Parties, http: FlaskClient) -> None:
    me = party("globex")
    assert http.post(me.path("authorize"), data=me.parameters()).status_code == 200


def test_form_post_answers_with_a_form_that_works_without_script(party: Parties) -> None:
    page = party("contoso").pick(response_mode="form_post").get_data(as_text=True)
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
    assert fields["state"] == "the-state"
    assert fields["code"]
    assert 'action="http://localhost:5000/callback/contoso"' in page
    assert "<button" in page


def test_fragment_answers_behind_the_hash(party: Parties) -> None:
    location = urlsplit(party("contoso").pick(response_mode="fragment").location)
    assert location.query == ""
    assert parse_qs(location.fragment)["code"]


@pytest.mark.parametrize("connection", EVERY)
def test_prompt_none_answers_a_browser_that_signed_in_before(party: Parties, connection: str) -> None:
    me = party(connection)
    me.pick("lin")
    assert answer_of(me.authorize(prompt="none"))["code"]


def test_prompt_none_refuses_a_hint_at_somebody_else(party: Parties) -> None:
    me = party("contoso")
    me.pick("lin")
    assert answer_of(me.authorize(prompt="none", login_hint="wang.fang@contoso.example"))["error"] == "login_required"
    assert answer_of(me.authorize(prompt="none", login_hint="lin@contoso.example"))["code"]


def test_prompt_none_of_somebody_dismissed_is_refused(party: Parties, world: World) -> None:
    me = party("contoso")
    me.pick("lin")
    world.people.pop("lin")
    assert answer_of(me.authorize(prompt="none"))["error"] in {"login_required", "access_denied"}


def test_single_sign_on_is_silent_only_where_it_is_switched_on(party: Parties, world: World) -> None:
    me = party("contoso")
    me.pick("lin")
    assert me.authorize().status_code == 200
    world.single_sign_on = True
    assert answer_of(me.authorize())["code"]
    assert me.authorize(prompt="login").status_code == 200
    assert me.authorize(prompt="select_account").status_code == 200


def test_sessions_belong_to_one_browser_and_one_provider(party: Parties, world: World, sandbox: Flask) -> None:
    party("contoso").pick("lin")
    assert answer_of(party("globex").authorize(prompt="none"))["error"] == "login_required"
    stranger = Party(world, sandbox.test_client(), "contoso")
    assert answer_of(stranger.authorize(prompt="none"))["error"] == "login_required"


def test_logout_ends_the_session_and_returns_with_state(party: Parties, http: FlaskClient) -> None:
    me = party("globex")
    tokens = me.tokens()
    target = "http://localhost:5000/logged-out"
    query = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": target, "state": "s 1"}
    answer = http.get(me.path("logout"), query_string=query)
    assert fields_of(answer) == [("state", "s 1")]
    assert answer.location.startswith(target)
    assert answer_of(me.authorize(prompt="none"))["error"] == "login_required"
    assert me.userinfo(tokens["access_token"]).status_code == 401


def test_logout_at_microsoft_leaves_tokens_alone(party: Parties, http: FlaskClient) -> None:
    me = party("contoso")
    tokens = me.tokens()
    assert http.get(me.path("logout")).status_code == 200
    assert me.refresh(tokens["refresh_token"]).status_code == 200


def test_an_old_hint_of_a_retired_key_is_still_a_hint(party: Parties, world: World, http: FlaskClient) -> None:
    me = party("globex")
    hint = me.tokens()["id_token"]
    world.rotate_keys("globex")
    assert http.get(me.path("logout"), query_string={"id_token_hint": hint}).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {"id_token_hint": "garbage"},
        {"post_logout_redirect_uri": "https://evil.example/"},
        {"post_logout_redirect_uri": "http://[broken"},
    ],
)
def test_logout_refuses_foreign_hints_and_targets(party: Parties, http: FlaskClient, query: dict[str, str]) -> None:
    me = party("globex")
    me.pick("lin")
    assert http.get(me.path("logout"), query_string=query).status_code == 400
    assert answer_of(me.authorize(prompt="none"))["code"]


def test_logout_admits_the_registered_origin(party: Parties, world: World, http: FlaskClient) -> None:
    world.register("globex", "https://phone.example.com/callback/globex")
    query = {"post_logout_redirect_uri": "https://phone.example.com/logged-out?x=1", "state": "s"}
    answer = http.get(party("globex").path("logout"), query_string=query)
    assert answer.location == "https://phone.example.com/logged-out?x=1&state=s"


def test_a_logout_token_is_of_its_type_and_has_no_nonce(world: World) -> None:
    token = world.logout_token("globex", "lin", "the-sid", sub=None)
    claims = world.keys["globex"].opened(token)
    assert claims is not None
    assert jwt.get_unverified_header(token)["typ"] == "logout+jwt"
    assert claims["sid"] == "the-sid"
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert not {"nonce", "sub"} & claims.keys()
