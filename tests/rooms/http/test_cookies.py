"""The cookies of sign-ins: whose path they have, who may read them, and for how long."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from flask import Request, Response
from werkzeug.sansio.http import parse_cookie
from werkzeug.test import EnvironBuilder

from bridge.core.model import AccountName, FuyunToken, TokenSet
from bridge.http import cookies
from bridge.signin.agent_session import AgentSession

if TYPE_CHECKING:
    from bridge.core.model import Connection
    from tests.kit.house import House

NOW = 1_800_000_000
SESSION = AgentSession(
    id="id",
    connection="globex",
    iss="",
    sub="",
    sid="",
    account_name=AccountName("lin"),
    display_name="Lin",
    tokens=TokenSet("at"),
    fuyun=FuyunToken("a.b.c", "bearer", NOW + 2_591_999),
    created_at=NOW,
    expires_at=NOW + 43_200.5,
)


def connection(house: House, response_mode: str = "") -> Connection:
    found = house.services.connections.get("globex")
    return replace(found, idp=replace(found.idp, response_mode=response_mode))


def bringing(header: str) -> Request:
    return Request(EnvironBuilder(headers=[("Cookie", header)]).get_environ())


def set_by(response: Response) -> dict[str, set[str]]:
    """Return the attributes of each cookie that an answer sets."""
    found: dict[str, set[str]] = {}
    for header in response.headers.getlist("Set-Cookie"):
        pair, *attributes = header.split("; ")
        found[pair.partition("=")[0]] = {one for one in attributes if not one.startswith("Expires")}
    return found


@pytest.mark.parametrize(
    ("value", "slot"),
    [("", 0), ("0", 0), ("7", 7), ("8", 0), ("9", 1), ("-1", 0), ("x", 0), ("²", 0), ("٣", 0), ("10", 0)],
)
def test_the_next_slot_is_what_the_cookie_says_if_it_makes_sense(value: str, slot: int) -> None:
    assert cookies.next_slot(bringing(f"bridge_signin_slot={value}")) == slot


def test_a_pending_sign_in_goes_to_its_callback_and_the_slot_to_the_login(quiet: House, secure: House) -> None:
    for house, extra in ((quiet, set()), (secure, {"Secure"})):
        response = Response()
        cookies.set_pending(response, house.services.site, connection(house), 7, "sealed")
        usual = {"HttpOnly", "Max-Age=600", "SameSite=Lax", *extra}
        assert set_by(response) == {
            "bridge_signin_7": {"Path=/callback/globex", *usual},
            "bridge_signin_slot": {"Path=/login/globex", *usual},
        }
        assert "bridge_signin_slot=0;" in response.headers.getlist("Set-Cookie")[1]


def test_only_form_post_lets_it_come_across_sites(secure: House) -> None:
    response = Response()
    cookies.set_pending(response, secure.services.site, connection(secure, "form_post"), 0, "sealed")
    attributes = set_by(response)
    assert {"SameSite=None", "Secure"} <= attributes["bridge_signin_0"]
    assert "SameSite=Lax" in attributes["bridge_signin_slot"]


@pytest.mark.parametrize("response_mode", ["", "form_post"])
def test_a_pending_sign_in_is_taken_back_as_it_was_set(secure: House, response_mode: str) -> None:
    kept, taken = Response(), Response()
    cookies.set_pending(kept, secure.services.site, connection(secure, response_mode), 3, "sealed")
    cookies.clear_pending(taken, secure.services.site, connection(secure, response_mode), 3)
    assert set_by(taken)["bridge_signin_3"] - {"Max-Age=0"} == set_by(kept)["bridge_signin_3"] - {"Max-Age=600"}
    assert "Max-Age=0" in set_by(taken)["bridge_signin_3"]


def test_a_pending_sign_in_is_found_in_its_slot() -> None:
    request = bringing("bridge_signin_3=sealed")
    assert (cookies.pending_in(request, 3), cookies.pending_in(request, 4)) == ("sealed", "")


@pytest.mark.parametrize(
    ("moment", "max_age"), [(NOW, 43_200), (NOW + 43_000, 200), (NOW + 43_300, 0), (NOW + 10**8, 0)]
)
def test_the_token_never_outlives_the_session(quiet: House, moment: int, max_age: int) -> None:
    response = Response()
    cookies.set_ac_token(response, quiet.services.site, SESSION, moment)
    assert set_by(response)["AC_TOKEN"] == {"Path=/", "HttpOnly", "SameSite=Lax", f"Max-Age={max_age}"}
    assert parse_cookie(response.headers["Set-Cookie"])["AC_TOKEN"] == "a.b.c"


def test_nor_itself(quiet: House) -> None:
    response = Response()
    dying = replace(SESSION, fuyun=replace(SESSION.fuyun, expires_at=NOW + 60))
    cookies.set_ac_token(response, quiet.services.site, dying, NOW)
    assert "Max-Age=60" in set_by(response)["AC_TOKEN"]


def test_it_is_set_and_taken_back_with_the_configured_attributes(secure: House) -> None:
    site = replace(secure.services.site, ac_token_domain=".example.com", ac_token_http_only=False)
    kept, taken = Response(), Response()
    cookies.set_ac_token(kept, site, SESSION, NOW)
    cookies.clear_ac_token(taken, site)
    usual = {"Domain=example.com", "Path=/", "Secure", "SameSite=Lax"}
    assert set_by(kept)["AC_TOKEN"] == {*usual, "Max-Age=43200"}
    assert set_by(taken)["AC_TOKEN"] == {*usual, "Max-Age=0"}


def test_the_choice_is_remembered_for_the_sign_in_page_alone(secure: House) -> None:
    response = Response()
    cookies.remember_connection(response, secure.services.site, "globex")
    assert set_by(response)["bridge_connection"] == {
        "Path=/login",
        "Secure",
        "HttpOnly",
        "SameSite=Lax",
        "Max-Age=31536000",
    }


@pytest.mark.parametrize(
    "header",
    [
        "",
        "id=a",
        "other=b; id=a; id=c",
        "other=b;id=a ;last=d",
        "xid=b; id=a=b==",
        "other=id=b; IDX=c; id",
        ";; =b; id=; other",
        "\xa0id=of_a_sibling_host; id=a",
        "\x85id=of_a_sibling_host; id=a",
        "id =a",
    ],
)
def test_one_cookie_is_the_one_that_werkzeug_reads(header: str) -> None:
    assert cookies.one_of(header, "id") == parse_cookie(header).get("id", "")
