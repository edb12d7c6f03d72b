"""The browser's session: sealed JSON under a hashed id, never pickle, and kept at once when it begins."""

from __future__ import annotations

import pickle
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

import pytest
from flask import session
from sqlalchemy import text

from bridge.connections.secrets import KeyRing
from bridge.core.errors import StoreUnavailable
from bridge.core.model import Secret
from bridge.http.session import BrowserSession, BrowserSessionInterface, SealedSerializer

if TYPE_CHECKING:
    from flask import Flask

    from tests.kit.house import House


def interface(app: Flask) -> BrowserSessionInterface:
    return cast("BrowserSessionInterface", app.session_interface)


def rows(house: House) -> dict[str, bytes]:
    with house.services.database.transaction() as connection:
        found = connection.execute(text("SELECT id_hash, sealed FROM browser_sessions")).all()
    return {row.id_hash: row.sealed for row in found}


class Trap:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (pytest.fail, ("a pickle was opened",))


@pytest.mark.parametrize("stored", [b"", b"garbage", b"\xff\xfe", pickle.dumps(Trap()), b'{"agent_session": "x"}'])
def test_whatever_was_not_sealed_here_is_no_session(stored: bytes) -> None:
    assert SealedSerializer(KeyRing([Secret("a" * 32)])).decode(stored) == {}


def test_a_session_is_kept_under_a_hash_of_its_id_and_sealed(house: House) -> None:
    browser = house.browser()
    browser.sign_in("globex")
    ((id_hash, sealed),) = rows(house).items()
    cookie = str(browser.cookie("bridge_session"))
    assert len(cookie) >= 43
    assert id_hash == sha256(cookie.encode()).hexdigest()
    content = interface(house.app).serializer.decode(sealed)
    assert content.keys() == {"agent_session", "csrf_token", "_permanent", "row"}
    assert not any(content[name].encode() in sealed for name in ("agent_session", "csrf_token"))


def test_a_visitor_has_no_row_and_no_cookie(house: House) -> None:
    answer = house.browser().open("/login")
    assert rows(house) == {}
    assert "Set-Cookie" not in answer.headers


def test_a_living_session_sets_its_cookie_once(house: House) -> None:
    browser = house.browser()
    browser.sign_in("globex")
    assert "Set-Cookie" not in browser.fetch("/session").headers
    assert "Cookie" in browser.fetch("/session").headers["Vary"]


def test_an_outage_while_a_session_begins_sets_no_cookie(house: House) -> None:
    with house.services.database.transaction() as connection:
        connection.execute(text("DROP TABLE browser_sessions"))
    with house.app.test_request_context("/"):
        current = cast("BrowserSession", session)
        with pytest.raises(StoreUnavailable):
            interface(house.app).start(current, {"agent_session": "x"})
        answer = house.app.response_class()
        interface(house.app).save_session(house.app, current, answer)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/static/css/base.css", "/.well-known/jwks.json"])
def test_probes_and_files_do_not_ask_the_store(house: House, path: str) -> None:
    with house.services.database.transaction() as connection:
        connection.execute(text("DROP TABLE browser_sessions"))
    browser = house.browser()
    browser.wire.cookies.set("bridge_session", "x" * 43, domain="127.0.0.1")
    assert browser.open(path).status_code in {200, 404}


def test_content_that_was_forgotten_is_deleted_with_its_row(house: House) -> None:
    browser = house.browser()
    browser.sign_in("globex")
    with house.app.test_request_context("/", headers={"Cookie": f"bridge_session={browser.cookie('bridge_session')}"}):
        session.clear()
        answer = house.app.response_class()
        interface(house.app).save_session(house.app, session, answer)
    assert rows(house) == {}
