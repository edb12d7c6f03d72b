"""The control desk: its page, and the same switches for programs."""

from __future__ import annotations

import threading
import tomllib
from typing import TYPE_CHECKING

import pytest
from flask import Flask, request
from werkzeug.serving import make_server

from bridge.sandbox.registrations import FuyunApplication
from tests.rooms.sandbox.party import Party, answer_of, body_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask.testing import FlaskClient

    from bridge.sandbox.world import World

    Parties = Callable[[str], Party]


def test_the_page_shows_people_agents_and_faults(http: FlaskClient, world: World) -> None:
    world.faults.set("token", "slow", times=3, connection="acme")
    page = http.get("/").get_data(as_text=True)
    for text in ("王芳", "13800000004", "token: slow, 3 times for acme — off", "Reset the world"):
        assert text in page


def test_the_page_leads_to_the_bridge_last_seen(http: FlaskClient, party: Parties) -> None:
    assert "sign in at the bridge" not in http.get("/").get_data(as_text=True)
    party("acme").pick()
    assert 'href="http://localhost:5000/login/acme"' in http.get("/").get_data(as_text=True)


def test_a_program_sets_lists_and_clears_faults(http: FlaskClient, world: World) -> None:
    wish = {"target": "token", "fault": "slow", "times": 2, "seconds": 9, "connection": "acme"}
    assert body_of(http.post("/sandbox/faults", json=wish))["faults"] == [wish]
    assert world.faults.active()[0].number("seconds", 0) == 9
    assert body_of(http.get("/sandbox/faults"))["faults"] == [wish]
    assert "slow" in body_of(http.get("/sandbox/faults"))["known"]["token"]
    assert body_of(http.delete("/sandbox/faults"))["faults"] == []


@pytest.mark.parametrize(
    "wish",
    [
        {},
        [],
        {"target": "token"},
        {"target": "token", "fault": "levitate"},
        {"target": "token", "fault": "slow", "times": "often"},
        {"target": "token", "fault": "slow", "times": [1]},
        {"target": "token", "fault": "slow", "times": 0},
        {"target": "token", "fault": "slow", "seconds": "long"},
    ],
)
def test_a_wish_that_means_nothing_is_refused(http: FlaskClient, world: World, wish: object) -> None:
    assert http.post("/sandbox/faults", json=wish).status_code == 400
    assert world.faults.active() == []


def test_the_pages_buttons_switch_a_fault_on_and_off(http: FlaskClient, world: World) -> None:
    form = {"target": "exchange", "fault": "slow", "times": "", "seconds": "", "connection": "", "back": "active"}
    answer = http.post("/sandbox/faults", data=form)
    assert (answer.status_code, answer.location) == (303, "/#active")
    assert [(fault.name, fault.times) for fault in world.faults.active()] == [("slow", None)]
    http.post("/sandbox/faults/off", data={"target": "exchange", "fault": "slow", "connection": "", "back": "active"})
    assert world.faults.active() == []


def test_agents_are_frozen_and_thawed(http: FlaskClient, world: World) -> None:
    assert body_of(http.post("/sandbox/agents", json={"account_name": "王芳", "frozen": True}))["frozen"] is True
    assert world.agents["王芳"].frozen
    http.post("/sandbox/agents", data={"account_name": "王芳", "frozen": "0", "back": "agents"})
    assert not world.agents["王芳"].frozen
    assert http.post("/sandbox/agents", json={"account_name": "nobody"}).status_code == 404


def test_keys_rotate_for_one_or_for_all(http: FlaskClient, world: World) -> None:
    before = {name: ring.current.kid for name, ring in world.keys.items()}
    after = body_of(http.post("/sandbox/rotate-keys", json={"connection": "acme"}))
    assert [name for name in after if after[name] != before[name]] == ["acme"]
    after = body_of(http.post("/sandbox/rotate-keys"))
    assert all(after[name] != before[name] for name in after)


def test_silent_single_sign_on_is_switched(http: FlaskClient, world: World) -> None:
    assert body_of(http.post("/sandbox/settings", json={"single_sign_on": True}))["single_sign_on"] is True
    http.post("/sandbox/settings", data={"single_sign_on": "off", "back": "people"})
    assert world.single_sign_on is False


def test_a_grace_for_replaced_refresh_tokens_is_given(http: FlaskClient, world: World) -> None:
    world.single_sign_on = True
    assert body_of(http.post("/sandbox/settings", json={"rotation_grace": 30})) == {
        "single_sign_on": True,
        "rotation_grace": 30,
    }
    assert http.post("/sandbox/settings", json={"rotation_grace": "long"}).status_code == 400
    assert "Grace for replaced refresh tokens: 30 s" in http.get("/").get_data(as_text=True)
    http.post("/sandbox/settings", data={"rotation_grace": "0", "back": "people"})
    assert world.rotation_grace == 0


def test_reset_takes_the_portal_back_but_leaves_a_platform_that_joined(http: FlaskClient, world: World) -> None:
    joined = FuyunApplication("crm", "idp_demo_crm", "a secret", "", mode="jwt", jwt_issuer="https://crm.example.com")
    world.fuyun_apps[joined.client_id] = joined
    before = world.fuyun_of("globex")
    world.use_jwt("globex", "https://crm.example.com", "a key")
    world.expect_exp_in("globex", "milliseconds")
    http.post("/sandbox/reset")
    assert (world.fuyun_of("globex"), world.fuyun_of("crm")) == (before, joined)


def test_reset_begins_anew_but_keeps_callbacks(http: FlaskClient, party: Parties, world: World) -> None:
    world.register("contoso", "https://phone.example.com/callback/contoso")
    me = party("contoso")
    tokens = me.tokens()
    world.dismiss("lin")
    world.freeze("王芳")
    world.faults.set("token", "slow")
    assert body_of(http.post("/sandbox/reset")) == {"reset": True}
    assert me.userinfo(tokens["access_token"]).status_code == 401
    assert ("lin" in world.people, world.agents["王芳"].frozen, world.faults.active()) == (True, False, [])
    assert world.client_of("contoso").redirect_uris == {"https://phone.example.com/callback/contoso"}
    assert me.authorize().status_code == 200


def test_the_list_of_requests_holds_names_and_no_values(http: FlaskClient, party: Parties) -> None:
    me = party("contoso")
    tokens = me.tokens()
    me.exchange(tokens["access_token"])
    text = http.get("/sandbox/requests").get_data(as_text=True) + http.get("/").get_data(as_text=True)
    assert "subject_token" in text
    for secret in (tokens["access_token"], tokens["refresh_token"], me.world.client_of("contoso").client_secret):
        assert secret not in text


def test_a_page_of_another_site_cannot_switch_anything(http: FlaskClient, world: World) -> None:
    cross_site = {"Sec-Fetch-Site": "cross-site"}
    assert http.post("/sandbox/reset", headers=cross_site).status_code == 403
    assert http.get("/", headers=cross_site).status_code == 200


# Back-channel logout --------------------------------------------------------------------------------------------------


@pytest.fixture
def bridge() -> Iterator[tuple[str, list[str]]]:
    """A bridge of which only the back-channel logout route exists; gives its URL and the tokens it got."""
    app, received = Flask("bridge"), []

    @app.post("/backchannel-logout/<connection>")
    def logout(connection: str) -> tuple[str, int]:
        received.append(request.form["logout_token"])
        return connection, 200 if len(received) == 1 else 400

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()
    thread.join(60)


def test_the_provider_tells_the_bridge_of_each_ended_session(
    http: FlaskClient, party: Parties, world: World, bridge: tuple[str, list[str]]
) -> None:
    url, received = bridge
    me = party("globex")
    callback = f"{url}/callback/globex"
    for person in ("lin", "lin", "fang"):
        answer_of(me.pick(person, redirect_uri=callback))
    sent = body_of(http.post("/sandbox/backchannel-logout", json={"connection": "globex", "person": "lin"}))["sent"]
    assert [one["status"] for one in sent] == [200, 400]
    claims = [world.keys["globex"].opened(token, audience="hotline-bridge") or {} for token in received]
    assert {claim["sub"] for claim in claims} == {world.people["lin"].sub}
    assert len({claim["sid"] for claim in claims}) == 2
    assert [session.person_key for session in world.grants["globex"].sessions()] == ["fang"]


def test_a_bridge_that_is_gone_is_reported_as_status_zero(http: FlaskClient, party: Parties) -> None:
    party("globex").pick("lin", redirect_uri="http://127.0.0.1:9/callback/globex")
    sent = body_of(http.post("/sandbox/backchannel-logout", json={"connection": "globex", "person": "lin"}))["sent"]
    assert [one["status"] for one in sent] == [0]


@pytest.mark.parametrize("path", ["backchannel-logout", "frontchannel-logout", "leave"])
def test_nobody_is_signed_out_who_does_not_exist(http: FlaskClient, path: str) -> None:
    assert http.post(f"/sandbox/{path}", json={"connection": "globex", "person": "x"}).status_code == 404


def test_a_bridge_out_in_the_world_is_not_posted_to(world: World, party: Parties) -> None:
    world.register("globex", "https://phone.example.com/callback/globex")
    party("globex").pick("lin", redirect_uri="https://phone.example.com/callback/globex")
    (told,) = world.sign_out("globex", "lin")
    assert told == {"to": "https://phone.example.com/backchannel-logout/globex", "status": 0}


@pytest.mark.parametrize("name", ["contoso", "acme", "globex", "initech"])
def test_what_to_enter_by_hand_is_written_down_for_each_company(http: FlaskClient, name: str) -> None:
    assert f"/sandbox/companies/{name}.toml" in http.get("/").get_data(as_text=True)
    written = tomllib.loads(http.get(f"/sandbox/companies/{name}.toml").get_data(as_text=True))
    assert [one["name"] for one in written["connections"]] == [name]
    assert http.get("/sandbox/companies/nobody.toml").status_code == 404
