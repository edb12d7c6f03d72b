"""A signed-in agent's session: what pages and scripts learn of it, how it ends, and that an outage is no end."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.journeys.steps import another_tab, housed, records, rehoused, signed_in
from tests.kit.house import change

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.cookiejar import Cookie
    from pathlib import Path

    from requests import Response

    from bridge.configuration.sections import Session
    from bridge.settings import Settings
    from tests.kit.browser import Browser
    from tests.kit.house import House

LIFETIME, IDLE = 43_200, 7_200


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that the tests which use it do not change."""
    yield from housed(tmp_path_factory.mktemp("shared"))


def cookie_of(browser: Browser, name: str) -> Cookie:
    return next(cookie for cookie in browser.wire.cookies if cookie.name == name)


def rest(house: House, cookie: Cookie) -> float:
    """Return for how many seconds the browser keeps a cookie, on the clock of the house."""
    assert cookie.expires is not None
    return cookie.expires - house.clock() + house.clock.moved


def policy(answer: Response) -> dict[str, list[str]]:
    directives = (part.split() for part in answer.headers["Content-Security-Policy"].split(";"))
    return {words[0]: words[1:] for words in directives}


def changed(settings: Settings, **session: Any) -> Settings:
    kept: Session = settings.session
    return replace(settings, session=kept.model_copy(update=session))


class TestWhatScriptsLearn:
    def test_the_session_has_the_documented_members(self, shared: House) -> None:
        browser = signed_in(shared)
        members = browser.fetch("/session").json()
        now = shared.clock()
        assert members.pop("expires_at") == pytest.approx(now + 2_591_999, abs=20)
        assert members.pop("session_expires_at") == pytest.approx(now + LIFETIME, abs=20)
        assert len(members.pop("csrf_token")) > 40
        # The provider's access token lives five minutes; the renewal is due when a fifth to a half of that is left.
        assert 140 <= members.pop("renew_at") - now <= 245
        assert members.pop("signed_in_until") == pytest.approx(now + LIFETIME, abs=20)
        assert members == {"connection": "globex", "account_name": "lin", "display_name": "Lin Example"}

    def test_the_token_is_handed_to_the_pages_own_script(self, shared: House) -> None:
        browser = signed_in(shared)
        members = browser.post("/session/token").json()
        assert members.pop("access_token") == browser.cookie("AC_TOKEN")
        assert members.pop("expires_in") == pytest.approx(2_591_999, abs=20)
        assert members == {"token_type": "bearer", "instance_id": "ccc_xp_globex"}

    def test_a_script_without_session_is_told_where_to_sign_in(self, shared: House) -> None:
        answer = shared.browser().fetch("/session")
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "application/problem+json"
        problem = answer.json()
        assert problem["code"] == "session_missing"
        assert problem["login_url"] == f"{shared.settings.public_url}/login"
        assert {"type", "title", "status", "detail", "reference"} <= problem.keys()

    def test_a_script_that_knocks_at_the_sign_in_ends_no_session(self, shared: House) -> None:
        browser = signed_in(shared)
        assert browser.fetch("/login/globex").status_code == 401
        assert browser.fetch("/session").status_code == 200
        assert browser.cookie("AC_TOKEN")

    @pytest.mark.parametrize("path", ["/", "/login", "/softphone", "/session", "/logged-out", "/login/globex"])
    @pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
    def test_head_and_options_do_no_harm(self, shared: House, method: str, path: str) -> None:
        browser = signed_in(shared)
        before = shared.rows()
        headers = {"Sec-Fetch-Mode": "navigate"}
        url = f"{shared.settings.public_url}{path}"
        answer = browser.wire.request(method, url, headers=headers, allow_redirects=False, stream=True)
        assert answer.status_code < 400
        assert shared.rows() == before
        assert browser.fetch("/session").status_code == 200

    @pytest.mark.parametrize("path", ["/logout", "/session/token", "/session/renew"])
    def test_what_changes_something_answers_no_get(self, shared: House, path: str) -> None:
        browser = signed_in(shared)
        assert browser.fetch(path).status_code == 405
        assert browser.fetch("/session").status_code == 200


class TestThePage:
    def test_it_has_the_csrf_token_and_never_the_fuyun_token(self, shared: House) -> None:
        browser = signed_in(shared)
        page = browser.open("/softphone")
        token = re.search(r'<meta name="csrf-token" content="([^"]+)">', page.text)
        assert token is not None
        assert browser.post("/session/token", None, **{"X-CSRF-Token": str(token[1])}).status_code == 200
        record = records(shared)[-1]
        kept = {record.fuyun.access_token, record.tokens.access_token, record.tokens.refresh_token, record.id}
        assert not any(secret in page.text for secret in (*kept, record.tokens.unverified_id_token))

    def test_a_page_without_session_has_no_csrf_token(self, shared: House) -> None:
        assert "csrf-token" not in shared.browser().open("/login").text

    def test_its_policy_admits_the_sdk_the_sandbox_and_the_way_out(self, shared: House) -> None:
        browser = signed_in(shared, "globex")
        directives = policy(browser.open("/softphone"))
        assert directives["default-src"] == ["'none'"]
        assert directives["frame-ancestors"] == ["'none'"]
        assert directives["base-uri"] == ["'none'"]
        assert "http://localhost:5100" in directives["script-src"]
        assert "http://localhost:5100" in directives["style-src"]
        assert {"http://localhost:5100", "https://aiccs.aliyuncs.com"} <= set(directives["connect-src"])
        assert directives["form-action"] == ["'self'", "http://localhost:5100"]
        assert "'unsafe-inline'" not in directives["script-src"]
        assert "'unsafe-eval'" not in directives["script-src"]

    def test_where_no_provider_ends_sessions_forms_stay_at_home(self, shared: House) -> None:
        browser = signed_in(shared, "acme")
        assert policy(browser.open("/softphone"))["form-action"] == ["'self'"]

    def test_every_script_of_it_has_the_nonce_of_its_answer(self, shared: House) -> None:
        browser = signed_in(shared)
        nonces = set()
        for _ in range(2):
            page = browser.open("/softphone")
            (nonce,) = [word[7:-1] for word in policy(page)["script-src"] if word.startswith("'nonce-")]
            assert set(re.findall(r'<script[^>]* nonce="([^"]*)"', page.text)) == {nonce}
            assert len(re.findall("<script", page.text)) == len(re.findall(r"<script[^>]* nonce=", page.text))
            nonces.add(nonce)
        assert len(nonces) == 2

    @pytest.mark.parametrize("path", ["/login", "/logged-out", "/nowhere", "/session", "/healthz"])
    def test_other_answers_reach_nobody_else(self, shared: House, path: str) -> None:
        directives = policy(shared.browser().open(path))
        words = [word for values in directives.values() for word in values if not word.startswith("'nonce-")]
        assert set(words) <= {"'self'", "'none'", "data:"}

    @pytest.mark.parametrize("path", ["/login", "/softphone", "/session", "/logged-out", "/nowhere"])
    def test_every_answer_has_the_usual_headers(self, shared: House, path: str) -> None:
        headers = signed_in(shared).open(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Permissions-Policy"].startswith("microphone=(self)")
        assert "Strict-Transport-Security" not in headers

    def test_a_visitor_without_session_is_sent_to_sign_in_and_back(self, shared: House) -> None:
        answer = shared.browser().open("/softphone?record=7&name=a%26b", follow=False)
        assert (answer.status_code, answer.headers["Location"]) == (
            303,
            "/login?next=%2Fsoftphone%3Frecord%3D7%26name%3Da%2526b",
        )


class TestTheTokensCookie:
    def test_it_lives_as_long_as_the_session_where_the_token_lives_longer(self, house: House) -> None:
        browser = signed_in(house)
        assert rest(house, cookie_of(browser, "AC_TOKEN")) == pytest.approx(LIFETIME, abs=20)
        house.clock.advance(3600)
        browser.post("/session/renew")
        assert rest(house, cookie_of(browser, "AC_TOKEN")) == pytest.approx(LIFETIME - 3600, abs=20)

    def test_it_lives_as_long_as_the_token_where_the_session_lives_longer(self, house: House) -> None:
        longer = rehoused(house, lambda old: changed(old, lifetime=40 * 86_400))
        browser = signed_in(longer)
        assert rest(longer, cookie_of(browser, "AC_TOKEN")) == pytest.approx(2_591_999, abs=20)
        longer.services.database.close()

    def test_it_is_out_of_reach_of_scripts_unless_configured(self, house: House) -> None:
        cookie = cookie_of(signed_in(house), "AC_TOKEN")
        assert (cookie.path, cookie.domain_specified, cookie.has_nonstandard_attr("HttpOnly")) == ("/", False, True)
        given = house.settings.session.ac_token_cookie.model_copy(update={"http_only": False})
        open_house = rehoused(house, lambda old: changed(old, ac_token_cookie=given))
        cookie = cookie_of(signed_in(open_house), "AC_TOKEN")
        assert not cookie.has_nonstandard_attr("HttpOnly")
        open_house.services.database.close()


class TestTheEnd:
    def refused(self, house: House, browser: Browser) -> None:
        assert browser.fetch("/session").json()["code"] == "session_ended"
        assert browser.cookie("AC_TOKEN") is None
        assert browser.cookie("bridge_session") is None
        answer = browser.open("/softphone", follow=False)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=%2Fsoftphone")

    def test_it_comes_by_age(self, house: House) -> None:
        browser = signed_in(house)
        while house.clock.moved < LIFETIME - IDLE:
            house.clock.advance(IDLE - 60)
            assert browser.fetch("/session").status_code == 200
        house.clock.advance(LIFETIME - house.clock.moved + 5)
        self.refused(house, browser)

    def test_it_comes_by_idleness(self, house: House) -> None:
        browser = signed_in(house)
        house.clock.advance(IDLE + 5)
        self.refused(house, browser)

    def test_an_old_cookie_hears_that_its_session_has_ended(self, house: House) -> None:
        browser = signed_in(house)
        tab = another_tab(house, browser)
        house.clock.advance(LIFETIME + 60)
        self.refused(house, browser)
        for name in ("AC_TOKEN", "bridge_session"):
            cookie_of(tab, name).expires = None
        assert tab.fetch("/session").json()["code"] == "session_ended"

    def test_a_page_of_an_ended_session_is_never_shown_again(self, house: House) -> None:
        browser = signed_in(house)
        house.clock.advance(IDLE + 5)
        assert browser.open("/softphone").url.endswith("/login?next=%2Fsoftphone")
        assert browser.open("/softphone", follow=False).status_code == 303

    def test_a_second_sign_in_in_the_same_browser_ends_the_first_session(self, house: House) -> None:
        browser = signed_in(house)
        tab = another_tab(house, browser)
        browser.sign_in("acme")
        assert browser.fetch("/session").json()["connection"] == "acme"
        assert tab.fetch("/session").json()["code"] == "session_ended"
        assert len(records(house)) == 1


def test_who_is_signed_in_does_not_depend_on_the_connection_being_switched_on(house: House) -> None:
    browser = signed_in(house)
    off = rehoused(house, lambda old: change(old, "globex", lambda one: replace(one, enabled=False)))
    off.adapter.applications.update({house.settings.public_url: off.app})
    tab = another_tab(off, browser)
    assert tab.fetch("/session").json()["account_name"] == "lin"
    off.services.database.close()


class TestOutages:
    BREAK = "ALTER TABLE {} RENAME TO elsewhere"
    MEND = "ALTER TABLE elsewhere RENAME TO {}"
    TABLES = ("browser_sessions", "agent_sessions")

    def run(self, house: House, statement: str) -> None:
        with house.services.database.transaction() as connection:
            connection.execute(text(statement))

    @pytest.mark.parametrize("table", TABLES)
    def test_an_outage_is_no_logout(self, house: House, table: str) -> None:
        browser = signed_in(house)
        before, token = browser.cookies(), browser.csrf_token()
        self.run(house, self.BREAK.format(table))
        answers = [
            browser.fetch("/session"),
            browser.open("/softphone", follow=False),
            browser.post("/session/token", None, **{"X-CSRF-Token": token}),
            browser.post("/session/renew", None, **{"X-CSRF-Token": token}),
            browser.submit("/logout", {"csrf_token": token}, follow=False),
        ]
        assert [answer.status_code for answer in answers] == [503] * 5
        assert all(answer.headers["Retry-After"].isdecimal() for answer in answers)
        assert not any("Set-Cookie" in answer.headers for answer in answers)
        self.run(house, self.MEND.format(table))
        assert browser.cookies() == before
        assert browser.fetch("/session").status_code == 200
        assert browser.open("/softphone").status_code == 200

    @pytest.mark.parametrize("table", TABLES)
    def test_a_sign_in_during_an_outage_is_told_and_can_be_repeated(self, house: House, table: str) -> None:
        browser = house.browser()
        page = browser.begin("globex")
        self.run(house, self.BREAK.format(table))
        answer = browser.choose(page, "lin")
        assert answer.status_code == 503
        assert "store_unavailable" in answer.text
        assert browser.cookie("AC_TOKEN") is None
        self.run(house, self.MEND.format(table))
        assert browser.sign_in("globex").status_code == 200

    def test_the_sign_in_pages_stand_without_the_store(self, house: House) -> None:
        self.run(house, self.BREAK.format("browser_sessions"))
        browser = house.browser()
        assert browser.open("/login").status_code == 200
        assert browser.open("/logged-out").status_code == 200
        assert browser.open("/login/globex", follow=False).status_code == 302

    @pytest.mark.parametrize("table", ["browser_sessions", "agent_sessions"])
    def test_a_store_that_lost_a_table_is_not_ready(self, house: House, table: str) -> None:
        with house.services.database.transaction() as connection:
            connection.execute(text(f"DROP TABLE {table}"))
        assert house.browser().fetch("/readyz").status_code == 503

    def test_probes_tell_alive_from_ready(self, house: House) -> None:
        browser = house.browser()
        assert browser.fetch("/readyz").json() == {"status": "ok", "checks": {"database": "ok"}}
        house.services.database.engine.dispose()
        house.services.database.engine = type(house.services.database)("sqlite:////proc/nowhere/x.db").engine
        answer = browser.fetch("/readyz")
        assert (answer.status_code, answer.json()["checks"]) == (503, {"database": "store_unavailable"})
        assert browser.fetch("/healthz").json() == {"status": "ok"}
        assert browser.fetch("/session").status_code == 401


def test_whoever_reads_the_databases_files_finds_neither_tokens_nor_sessions_nor_what_the_provider_said(
    house: House, tmp_path: Path
) -> None:
    browser = signed_in(house, "contoso")
    browser.post("/session/renew")
    (record,) = records(house)
    hidden = [
        record.tokens.access_token,
        record.tokens.refresh_token,
        record.tokens.unverified_id_token,
        record.fuyun.access_token,
        record.fuyun.jti,
        record.sub,
        record.sid,
        "Lin Example",
        str(browser.cookie("bridge_session")),
        browser.csrf_token(),
    ]
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("bridge.db*"))
    assert record.id.encode() in kept
    assert [secret for secret in hidden if secret.encode() in kept] == []
    # The journal says who signed in, as the agent's account: that is what it is for.
    assert [record.person for record in house.journal()] == ["lin@contoso.example"]


class TestMetrics:
    def test_they_count_events_and_name_nobody(self, house: House) -> None:
        browser = signed_in(house)
        browser.post("/session/renew")
        house.browser().open("/callback/globex?state=invented&code=x")
        answer = browser.fetch("/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert 'bridge_events_total{code="ok",connection="globex",event="sign_in"} 1.0' in answer.text
        assert 'bridge_events_total{code="ok",connection="globex",event="renewal"} 1.0' in answer.text
        assert 'bridge_events_total{code="state_unknown",connection="globex",event="sign_in"} 1.0' in answer.text
        assert not re.search("lin|Lin|example|invented", answer.text.replace("line", ""))

    def test_a_strangers_words_make_no_new_counter(self, house: House) -> None:
        browser = house.browser()
        browser.open("/login/somebody-invented")
        browser.open("/nowhere/invented")
        assert "invented" not in browser.fetch("/metrics").text
