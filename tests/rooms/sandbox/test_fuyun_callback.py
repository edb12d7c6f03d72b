"""Fuyun's own two callbacks: what they give for a code, and a table of what they refuse."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from bridge.sandbox.demo import demo_config
from tests.rooms.sandbox.party import Party, answer_of, body_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from bridge.sandbox.world import World

    Parties = Callable[[str], Party]

OPEN_API = "/oauth/callback/contoso"
WORKBENCH = "/workbench/callback/contoso"


def code_for(me: Party, path: str = OPEN_API, person: str = "lin", **changes: str | None) -> str:
    """Return a code for one of the two callbacks, which know no code_verifier."""
    plain: dict[str, str | None] = {"code_challenge": None, "code_challenge_method": None}
    return me.code(person, **{**plain, "redirect_uri": f"http://localhost:5100{path}", **changes})


def refused(answer: TestResponse) -> tuple[int, str]:
    body = body_of(answer)
    return answer.status_code, body.get("error") or body["Code"]


@pytest.fixture
def me(party: Parties) -> Party:
    return party("contoso")


class TestTheOpenApi:
    def test_it_answers_the_documented_json_and_sets_the_cookie_of_this_host(self, me: Party) -> None:
        answer = me.http.get(OPEN_API, query_string={"code": code_for(me), "state": "x"})
        body = body_of(answer)
        assert body.keys() == {"access_token", "token_type", "expires_in", "scope", "iss", "jti"}
        (cookie,) = answer.headers.getlist("Set-Cookie")
        assert cookie.startswith(f"AC_TOKEN={body['access_token']};")
        assert {"Max-Age=2591999", "Path=/", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
        assert answer.headers["Cache-Control"] == "no-store"

    def test_it_takes_whatever_code_a_browser_is_made_to_bring(self, me: Party, sandbox: Any) -> None:
        attackers = code_for(me, person="fang")
        victim = sandbox.test_client()
        answer = victim.get(OPEN_API, query_string={"code": attackers, "state": "of another browser"})
        assert (answer.status_code, victim.get_cookie("AC_TOKEN") is not None) == (200, True)

    def test_a_code_is_good_once(self, me: Party) -> None:
        code = {"code": code_for(me)}
        assert me.http.get(OPEN_API, query_string=code).status_code == 200
        assert refused(me.http.get(OPEN_API, query_string=code)) == (400, "invalid_grant")

    QUERIES: ClassVar = {
        "the person said no": ("error=access_denied&error_description=no&state=x", (400, "access_denied")),
        "nothing": ("", (400, "invalid_request")),
        "an empty code": ("code=", (400, "invalid_request")),
        "two codes": ("code=a&code=b", (400, "invalid_request")),
        "an invented code": ("code=invented", (400, "invalid_grant")),
    }

    @pytest.mark.parametrize(("query", "told"), QUERIES.values(), ids=QUERIES)
    def test_it_refuses_a_query_in_springs_shape(self, http: FlaskClient, query: str, told: tuple[int, str]) -> None:
        answer = http.get(f"{OPEN_API}?{query}")
        assert refused(answer) == told
        assert "Set-Cookie" not in answer.headers

    PEOPLE: ClassVar = {
        "without an agent": ("nora", "NoAgentFound"),
        "frozen": ("kim", "AgentFrozen"),
        "without the mapping field": ("bo", "NoAgentFound"),
    }

    @pytest.mark.parametrize(("person", "code"), PEOPLE.values(), ids=PEOPLE)
    def test_it_refuses_a_person_in_alibabas_shape(self, me: Party, person: str, code: str) -> None:
        answer = me.http.get(OPEN_API, query_string={"code": code_for(me, person=person)})
        assert refused(answer) == (400, code)
        assert body_of(answer).keys() == {"Success", "Code", "Message", "RequestId"}
        assert "Set-Cookie" not in answer.headers

    def test_a_code_for_another_address_client_or_verifier_is_refused(self, me: Party, party: Parties) -> None:
        codes = {
            "the workbench's": code_for(me, WORKBENCH),
            "another provider's": code_for(party("globex"), "/oauth/callback/globex"),
            "with PKCE": me.code(redirect_uri=f"http://localhost:5100{OPEN_API}"),
        }
        told = {what: refused(me.http.get(OPEN_API, query_string={"code": code})) for what, code in codes.items()}
        assert told == dict.fromkeys(codes, (400, "invalid_grant"))

    def test_the_portal_must_know_the_client_and_the_user_endpoint_the_token(self, me: Party) -> None:
        me.world.faults.set("token", "invalid_client")
        code = {"code": code_for(me)}
        assert refused(me.http.get(OPEN_API, query_string=code)) == (401, "invalid_client")
        me.world.faults.clear()
        me.world.faults.set("userinfo", "bad_token")
        assert refused(me.http.get(OPEN_API, query_string=code)) == (400, "invalid_grant")

    def test_only_an_application_in_mode_oauth_has_the_two_addresses(self, me: Party) -> None:
        assert refused(me.http.get("/oauth/callback/nobody?code=x")) == (404, "AppNotFound")
        me.world.use_jwt("contoso", "http://crm.example.com", "")
        assert refused(me.http.get(OPEN_API, query_string={"code": "x"})) == (400, "AppModeInvalid")


class TestTheWorkbench:
    def test_it_is_a_page_of_the_agents_own(self, me: Party) -> None:
        answer = me.http.get(WORKBENCH, query_string={"code": code_for(me, WORKBENCH)})
        assert (answer.status_code, answer.mimetype) == (200, "text/html")
        assert "Workbench of 小林" in answer.text
        assert "Set-Cookie" not in answer.headers

    def test_it_says_on_a_page_why_it_does_not_open(self, me: Party) -> None:
        answers = {
            "NoAgentFound": me.http.get(WORKBENCH, query_string={"code": code_for(me, WORKBENCH, "nora")}),
            "invalid_grant": me.http.get(WORKBENCH, query_string={"code": code_for(me, OPEN_API)}),
            "access_denied: &lt;b&gt;": me.http.get(f"{WORKBENCH}?error=access_denied&error_description=<b>"),
        }
        for told, answer in answers.items():
            assert (answer.status_code, answer.mimetype) == (400, "text/html")
            assert told in answer.text


class TestTheProvider:
    UNREGISTERED: ClassVar = (
        "http://localhost:5100/oauth/callback/contoso/",
        "http://localhost:5100/oauth/callback/contoso?app=1",
        "http://localhost:5100/oauth/callback/globex",
        "http://127.0.0.1:5100/workbench/callback/contoso",
    )

    @pytest.mark.parametrize("redirect_uri", UNREGISTERED)
    def test_it_compares_fuyuns_addresses_exactly(self, me: Party, redirect_uri: str) -> None:
        answer = me.authorize(redirect_uri=redirect_uri)
        assert (answer.status_code, "redirect_uri is not registered" in answer.text) == (400, True)

    @pytest.mark.parametrize("scope", [None, "", " "])
    def test_microsoft_shows_its_own_error_where_the_scope_is_missing(self, me: Party, scope: str | None) -> None:
        answer = me.authorize(scope=scope)
        assert (answer.status_code, "AADSTS900144" in answer.text) == (400, True)

    def test_others_send_the_browser_back_without_one(self, party: Parties) -> None:
        assert answer_of(party("globex").authorize(scope=None))["error"] == "invalid_scope"

    def test_it_goes_on_telling_the_bridge_of_logouts(self, party: Parties, world: World) -> None:
        me = party("globex")
        me.code()
        code_for(me, "/workbench/callback/globex")
        assert world.last_redirect_uri["globex"] == me.redirect_uri


def test_the_demo_configuration_knows_no_secret_of_a_connection_in_mode_frontend(tmp_path: Path) -> None:
    text = demo_config("http://localhost:5100", "http://127.0.0.1:5000", str(tmp_path), frontend=("acme",))
    connections = {one["name"]: one for one in tomllib.loads(text)["connections"]}
    assert {name: one["mode"] for name, one in connections.items()} == {
        "contoso": "oauth",
        "acme": "frontend",
        "globex": "oauth",
        "initech": "oauth",
    }
    assert "client_secret" not in connections["acme"]["idp"]
    assert connections["acme"]["fuyun"] == {
        "frontend_redirect_url": "http://localhost:5100/oauth/callback/acme",
        "workbench_redirect_url": "http://localhost:5100/workbench/callback/acme",
    }
