"""What must not happen to a session: to be lost in an outage, to pass for somebody else's, to outlive its end."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, select, update

from bridge.core.errors import SessionEnded, StoreUnavailable
from bridge.sessions.database import agent_sessions, browser_sessions
from bridge.signin.agent_session import AgentSessions
from tests.journeys.steps import another_tab, at_once, records, refused, signed_in

if TYPE_CHECKING:
    from tests.kit.browser import Browser
    from tests.kit.house import House


def is_in(browser: Browser) -> bool:
    return browser.fetch("/session").status_code == 200


def test_a_store_that_fails_in_the_middle_of_a_renewal_costs_no_session(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider has rotated: its new refresh token must not be lost because the store restarts at this moment."""
    browser = signed_in(house, "contoso")
    monkeypatch.setattr("bridge.signin.renewal._POLL", (0.01, 0.01))
    store, failures = house.services.session_store, iter(range(3))
    rewrite = store.rewrite

    def fails_at_first(*arguments: Any, **named: Any) -> bool:
        if next(failures, None) is not None:
            raise StoreUnavailable
        return rewrite(*arguments, **named)

    monkeypatch.setattr(store, "rewrite", fails_at_first)
    assert browser.post("/session/renew").status_code == 200
    house.clock.advance(60)
    assert browser.post("/session/renew").status_code == 200


def test_a_replica_whose_clock_is_ahead_starts_no_second_refresh(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = signed_in(house)
    csrf, asking, go = browser.csrf_token(), threading.Event(), threading.Event()

    def hold(request: Any) -> None:
        if "/token" in request.url:
            asking.set()
            go.wait(60)

    monkeypatch.setattr(house.services.outbound._transport, "before", hold)
    sessions, before = house.services.agent_sessions, house.world.count("/token")
    (record,) = records(house)
    ahead = AgentSessions(
        house.services.session_store,
        house.services.key_ring,
        lifetime=43_200,
        idle=7_200,
        now=lambda: house.clock() + 29,
    )
    first = threading.Thread(target=lambda: browser.post("/session/renew", {"csrf_token": csrf}))
    first.start()
    assert asking.wait(60)
    assert ahead.claim_renewal(record.id) == ""
    assert sessions.claim_renewal(record.id) == ""
    go.set()
    first.join()
    assert house.world.count("/token") == before + 1


def test_a_claim_of_before_the_clock_was_put_back_locks_nobody_out_for_hours(house: House) -> None:
    signed_in(house)
    (record,) = records(house)
    assert house.services.agent_sessions.claim_renewal(record.id)
    house.clock.advance(-3600)
    assert house.services.agent_sessions.claim_renewal(record.id)


def test_a_browsers_row_is_of_no_use_in_another_row(house: House) -> None:
    lin, fang = signed_in(house), signed_in(house, person="fang")
    own = sha256(str(fang.cookie("bridge_session")).encode()).hexdigest()
    victims = sha256(str(lin.cookie("bridge_session")).encode()).hexdigest()
    with house.services.database.transaction() as connection:
        table = browser_sessions
        sealed = connection.execute(select(table.c.sealed).where(table.c.id_hash == victims)).scalar_one()
        connection.execute(update(table).where(table.c.id_hash == own).values(sealed=sealed))
        invented = sha256(b"invented").hexdigest()
        connection.execute(insert(table).values(id_hash=invented, sealed=sealed, expires_at=2_000_000_000))
    assert not is_in(fang)
    fang.wire.cookies.clear()
    fang.wire.cookies.set("bridge_session", "invented", domain="127.0.0.1")
    assert not is_in(fang)
    assert is_in(lin)


def test_a_longer_life_written_into_the_store_is_not_believed(house: House) -> None:
    browser = signed_in(house)
    with house.services.database.transaction() as connection:
        far = house.clock() + 10_000_000
        connection.execute(update(agent_sessions).values(expires_at=far, seen_at=far))
    assert is_in(browser)
    house.clock.advance(43_200 + 60)
    assert refused(browser.fetch("/session"))[1] in {SessionEnded.code, "session_missing"}


def test_a_sign_in_that_was_under_way_does_not_outlive_the_end_of_its_session_at_the_provider(house: House) -> None:
    browser = house.browser()
    back = browser.choose(browser.begin("globex"), "lin", follow=False).headers["Location"]
    (session,) = house.world.grants["globex"].sessions()
    token = house.world.logout_token("globex", "lin", sid=session.sid)
    assert house.browser().knock("/backchannel-logout/globex", {"logout_token": token}) == 200
    answer = browser.open(back, follow=False)
    assert answer.status_code == 400
    assert "idp_error" in answer.text
    assert (records(house), house.world.count("/token_exchange")) == ([], 0)


def test_a_replayed_logout_token_does_not_end_who_signed_in_meanwhile(house: House) -> None:
    signed_in(house)
    token = house.world.logout_token("globex", "lin")
    assert house.browser().knock("/backchannel-logout/globex", {"logout_token": token}) == 200
    back = signed_in(house)
    assert house.browser().knock("/backchannel-logout/globex", {"logout_token": token}) == 400
    assert is_in(back)


def test_a_name_in_other_letters_hides_no_session(house: House) -> None:
    browser = signed_in(house)
    assert house.services.agent_sessions.end_all("GLOBEX") == 1
    assert not is_in(browser)


def test_the_session_before_lives_on_where_the_new_one_could_not_be_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = signed_in(house)
    back = browser.choose(browser.begin("globex"), "lin", follow=False).headers["Location"]

    def fails(*_: object, **__: object) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as outage:
        outage.setattr(house.services.session_store, "put_blob", fails)
        assert browser.open(back, follow=False).status_code == 503
    assert is_in(browser)


def test_a_silent_sign_in_that_finds_somebody_else_asks_who_it_shall_be(house: House) -> None:
    house.world.single_sign_on = True
    browser = signed_in(house)
    browser.lose("sandbox_globex")
    provider = house.world.grants["globex"].open_session("fang")
    browser.wire.cookies.set("sandbox_globex", provider.sid, domain="localhost.local", path="/oidc")
    page = browser.open("/login/globex?prompt=none")
    assert "prompt=login" in str(page.url)
    assert [one.account_name for one in records(house)] == ["lin"]
    assert is_in(browser)


def test_who_is_remembered_at_the_provider_takes_nobodys_phone_whose_session_is_over(house: House) -> None:
    browser = signed_in(house)
    found = re.search(r'"silent_login_url": "([^"]+)"', browser.open("/softphone").text.replace("\\u0026", "&"))
    assert found
    house.world.grants["globex"].revoke_refresh_tokens()
    assert refused(browser.post("/session/renew")) == (401, "login_required")
    house.world.single_sign_on = True
    browser.lose("sandbox_globex")
    provider = house.world.grants["globex"].open_session("fang")
    browser.wire.cookies.set("sandbox_globex", provider.sid, domain="localhost.local", path="/oidc")
    page = browser.open(f"{found[1]}&next=/softphone?case=7")
    assert "prompt=login" in str(page.url)
    assert [one.account_name for one in records(house) if one.account_name != "lin"] == []
    assert "case=7" in str(browser.choose(page, "lin").url)


def test_the_new_session_comes_with_its_own_token_whatever_becomes_of_the_old_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = signed_in(house)
    back = browser.choose(browser.begin("globex"), "fang", follow=False).headers["Location"]
    before = browser.cookie("AC_TOKEN")

    def fails(*_: object, **__: object) -> bool:
        raise StoreUnavailable

    with monkeypatch.context() as outage:
        outage.setattr(house.services.session_store, "bury", fails)
        assert browser.open(back, follow=False).status_code == 303
    assert browser.fetch("/session").json()["display_name"] == "王芳"
    assert browser.cookie("AC_TOKEN") != before


def test_a_frame_with_an_invented_session_writes_nothing(house: House) -> None:
    before = house.rows()
    for number in range(3):
        iss = "http%3A%2F%2Flocalhost:5100/oidc"
        assert house.browser().open(f"/frontchannel-logout/globex?iss={iss}&sid=s{number}").status_code == 200
    assert house.rows() == before


@pytest.mark.parametrize("referrer", ["", "https://phone.example.com/", "https://evil.example/frame"])
def test_another_sites_frame_signs_nobody_out(house: House, referrer: str) -> None:
    browser = signed_in(house)
    browser.open("/frontchannel-logout/globex", follow=False, **{"Sec-Fetch-Dest": "iframe", "Referer": referrer})
    assert is_in(browser)


def test_a_failure_of_a_newer_release_is_a_passing_one(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = signed_in(house)
    csrf, (record,) = browser.csrf_token(), records(house)
    sessions = house.services.agent_sessions
    owner = sessions.claim_renewal(record.id)
    claim, is_waiting = AgentSessions.claim_renewal, threading.Event()

    def claimed(*arguments: Any, **named: Any) -> str:
        got = claim(*arguments, **named)
        is_waiting.set()
        return got

    monkeypatch.setattr(AgentSessions, "claim_renewal", claimed)

    def fail() -> int:
        assert is_waiting.wait(60)
        sessions.release_renewal(record.id, owner, "a_code_of_tomorrow")
        return 0

    waits = another_tab(house, browser)
    answers = at_once([lambda: waits.post("/session/renew", {"csrf_token": csrf}).status_code, fail])
    assert sorted(answers) == [0, 504]


def test_what_a_newer_release_added_to_a_session_is_passed_over(house: House) -> None:
    browser = signed_in(house)
    row = next(house.services.session_store.every())
    ring = house.services.key_ring
    newer = {**ring.open("agent session", row.sealed), "tomorrow": {"a": 1}}
    with house.services.database.transaction() as connection:
        sealed = ring.seal("agent session", newer)
        connection.execute(update(agent_sessions).values(sealed=sealed, format=2))
    assert is_in(browser)
    assert browser.post("/session/renew").status_code == 200
    assert replace(records(house)[0], id="").account_name == "lin"
