"""How the providers tell that somebody is gone, and what a refresh token is worth after it was replaced."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.sandbox.grants import Grant, Grants, OAuthRefusal
from bridge.sandbox.world import Request
from tests.rooms.sandbox.party import Clock, Party, answer_of, body_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from bridge.sandbox.world import World

    Parties = Callable[[str], Party]

EVERY = ("contoso", "acme", "globex", "initech")


def frames_of(page: TestResponse) -> list[str]:
    assert page.status_code == 200
    return [unescape(one) for one in re.findall(r'<iframe src="([^"]+)"', page.get_data(as_text=True))]


# The front channel ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("connection", "iss"), [("globex", "/oidc"), ("contoso", f"/entra/{Party.tenant}/v2.0")])
def test_the_logout_page_opens_the_bridge_in_a_frame(
    party: Parties, world: World, http: FlaskClient, connection: str, iss: str
) -> None:
    me = party(connection)
    me.pick("lin")
    (session,) = world.grants[connection].sessions()
    page = http.get(me.path("logout"))
    (frame,) = frames_of(page)
    assert frame.split("?")[0] == f"http://localhost:5000/frontchannel-logout/{connection}"
    assert parse_qs(urlsplit(frame).query) == {"iss": [f"http://localhost:5100{iss}"], "sid": [session.sid]}
    assert page.headers["Content-Security-Policy"].endswith("; frame-src http://localhost:5000")
    assert answer_of(me.authorize(prompt="none"))["error"] == "login_required"


def test_two_sessions_of_one_browser_get_a_frame_each(party: Parties, http: FlaskClient) -> None:
    me = party("globex")
    hint = me.tokens("lin")["id_token"]
    me.pick("fang")
    assert len(frames_of(http.get(me.path("logout"), query_string={"id_token_hint": hint}))) == 2


@pytest.mark.parametrize("connection", ["acme", "initech"])
def test_a_provider_without_the_front_channel_opens_nothing(
    party: Parties, world: World, http: FlaskClient, connection: str
) -> None:
    party(connection).pick("lin")
    form = {"connection": connection, "person": "lin"}
    assert frames_of(http.post("/sandbox/frontchannel-logout", data=form)) == []
    assert world.grants[connection].sessions() == []


def test_the_control_desk_signs_out_through_this_browser(party: Parties, world: World, http: FlaskClient) -> None:
    me = party("globex")
    for person in ("lin", "lin", "fang"):
        me.pick(person)
    sids = {one.sid for one in world.grants["globex"].sessions() if one.person_key == "lin"}
    frames = frames_of(http.post("/sandbox/frontchannel-logout", data={"person": "lin"}))
    assert {parse_qs(urlsplit(frame).query)["sid"][0] for frame in frames} == sids
    assert [one.person_key for one in world.grants["globex"].sessions()] == ["fang"]
    assert len(body_of(http.post("/sandbox/frontchannel-logout", json={"person": "fang"}))["frames"]) == 1


def test_only_who_can_do_it_announces_it(http: FlaskClient, world: World, party: Parties) -> None:
    announced = {}
    for connection in ("contoso", "acme", "globex"):
        document = body_of(http.get(party(connection).path("discovery")))
        announced[connection] = {name for name, value in document.items() if "channel_logout" in name and value}
        assert world.manners[connection].backchannel_logout == ("backchannel_logout_supported" in announced[connection])
    assert announced["acme"] == set()
    assert announced["contoso"] == {"frontchannel_logout_supported"}
    assert announced["globex"] == {
        "frontchannel_logout_supported",
        "frontchannel_logout_session_supported",
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
    }


# Somebody leaves ------------------------------------------------------------------------------------------------------


def test_who_leaves_is_dismissed_everywhere_before_the_bridge_hears_of_each_session(
    party: Parties, world: World, http: FlaskClient
) -> None:
    heard: list[str] = []

    def send(address: str, form: dict[str, str]) -> int:
        assert "lin" not in world.people
        assert address == "http://localhost:5000/backchannel-logout/globex"
        heard.append((world.keys["globex"].opened(form["logout_token"]) or {})["sid"])
        return 204

    world.send = send
    tokens = {connection: party(connection).tokens("lin") for connection in EVERY}
    party("globex").pick("lin")
    party("globex").pick("fang")
    sids = [one.sid for one in world.grants["globex"].sessions() if one.person_key == "lin"]
    sent = body_of(http.post("/sandbox/leave", json={"person": "lin"}))["sent"]
    assert heard == sids
    assert [one["status"] for one in sent] == [204, 204]
    for connection in EVERY:
        assert party(connection).userinfo(tokens[connection]["access_token"]).status_code in {401, 403}
        assert {one.person_key for one in world.grants[connection].sessions()} <= {"fang"}
    assert world.leave("lin") == []


def test_who_leaves_before_any_bridge_was_seen_is_just_dismissed(world: World, http: FlaskClient) -> None:
    world.grants["globex"].open_session("lin")
    assert http.post("/sandbox/leave", data={"person": "lin", "back": "people"}).location == "/#people"
    assert "lin" not in world.people
    assert world.grants["globex"].sessions() == []


# Refresh tokens -------------------------------------------------------------------------------------------------------


def test_within_the_grace_a_replaced_refresh_token_still_gets_a_fresh_one(
    party: Parties, world: World, clock: Clock
) -> None:
    world.rotation_grace = 30
    me = party("globex")
    first = me.tokens()["refresh_token"]
    second = body_of(me.refresh(first))["refresh_token"]
    clock.advance(29)
    again = body_of(me.refresh(first))["refresh_token"]
    assert again not in {first, second}
    clock.advance(1)
    assert body_of(me.refresh(first))["error"] == "invalid_grant"
    assert [me.refresh(token).status_code for token in (second, again)] == [400, 400]


def test_without_a_grace_a_clock_that_goes_back_makes_nothing_good_again(party: Parties, clock: Clock) -> None:
    me = party("globex")
    first = me.tokens()["refresh_token"]
    me.refresh(first)
    clock.advance(-60)
    assert me.refresh(first).status_code == 400


def grant_of(family: str) -> Grant:
    return Grant(family=family, client_id="c", person_key="lin", scopes=(), sid=family, auth_time=0)


def test_a_long_shift_of_renewals_does_not_fill_the_memory(clock: Clock, world: World) -> None:
    grants, current = Grants(clock), ["start-0", "start-1"]
    for token in current:
        grants.issue_refresh(token, grant_of(token))
    for number in range(12_000):
        clock.advance(1)
        agent = number % 2
        grant = grants.refresh(current[agent], client_id="c", rotation="replaces")
        current[agent] = f"rt-{number}"
        grants.issue_refresh(current[agent], grant)
        grants.issue_access(f"at-{number}", grant, 300)
        world.record(Request("POST", "/oidc/protocol/token", {}, {}))
    assert len(grants._refresh) == sum(map(len, grants._families.values())) == 40
    assert len(grants._access) < 5100
    assert len(world.requests) == 2000
    assert world.count("/protocol/token") == 12_000
    for number in range(1001):
        world.record(Request("GET", f"/nowhere/{number}", {}, {}))
    assert len(world._counted) == 1000


def test_the_last_refresh_tokens_of_a_family_still_betray_their_reuse(clock: Clock) -> None:
    grants = Grants(clock)
    for number in range(30):
        grants.issue_refresh(f"rt-{number}", grant_of("f"))
        if number < 29:
            grants.refresh(f"rt-{number}", client_id="c", rotation="replaces")
    with pytest.raises(OAuthRefusal, match="already used"):
        grants.refresh("rt-10", client_id="c", rotation="replaces")
    assert (grants._refresh, grants._families) == ({}, {})


# Microsoft's hint -----------------------------------------------------------------------------------------------------


def test_microsoft_tells_the_login_hint_only_where_the_registration_asks_for_it(party: Parties, world: World) -> None:
    me, keys = party("contoso"), world.keys["contoso"]
    assert "login_hint" not in (keys.opened(me.tokens()["id_token"]) or {})
    world.manners["contoso"].optional_claims = frozenset({"login_hint"})
    hint = (keys.opened(me.tokens()["id_token"]) or {})["login_hint"]
    assert "code" in answer_of(me.authorize(prompt="none", login_hint=hint))
    me.pick("fang")
    assert answer_of(me.authorize(prompt="none", login_hint=hint))["error"] == "login_required"
