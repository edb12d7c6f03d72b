"""Hand-offs: a platform opens a signed-in softphone for its own people, once, in their browser and in no other."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest

from bridge.core.errors import LoginRequired, StoreUnavailable
from bridge.signin.issue import Issue
from tests.journeys.steps import another_tab, asked, at_once, records, refused
from tests.kit.house import change
from tests.kit.platform import platform_of
from tests.kit.signing import signing_house, signing_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from requests.models import Response

    from bridge.core.model import FuyunToken, Mode
    from tests.kit.browser import Browser
    from tests.kit.house import House
    from tests.kit.platform import Platform

LIN: Final = "lin@contoso.example"
AN_HOUR: Final = 3600


def from_site(site: str) -> dict[str, Any]:
    """Return what a browser says of where a link was followed."""
    return {"Sec-Fetch-Site": site}


CROSS: Final = from_site("cross-site")


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Globex has no identity provider, contoso has one; both are in mode jwt."""
    built = signing_house(signing_settings(tmp_path_factory.mktemp("house")))
    yield built
    built.services.database.close()


@pytest.fixture
def house(standing: House) -> House:
    """The same house for many tests, with nobody in it."""
    for name in ("contoso", "globex"):
        standing.services.endings.by_admin(name, None, actor="operator")
    standing.world.faults.clear()
    standing.calls.clear()
    return standing


@pytest.fixture
def another(tmp_path: Path) -> Iterator[House]:
    """A house for a test that changes its connections."""
    built = signing_house(signing_settings(tmp_path))
    yield built
    built.services.database.close()


@pytest.fixture
def platform(house: House) -> Platform:
    return platform_of(house, "contoso", "globex")


def url_of(platform: Platform, connection: str = "globex", account_name: str = "lin", **more: str) -> str:
    answer = platform.handoff(connection, account_name, **more)
    assert answer.status_code == 200, answer.text
    url: str = answer.json()["url"]
    return url


def who(browser: Browser) -> str:
    """Return whose phone a browser shows; nothing where nobody is signed in."""
    name: str = browser.fetch("/session").json().get("account_name", "")
    return name


def code_of(page: Response) -> tuple[int, str]:
    """Return status and code of an error page."""
    found = re.search(r'<dt>Code</dt><dd><code class="hb-code">([a-z_]+)</code>', page.text)
    return page.status_code, found[1] if found else ""


@pytest.mark.parametrize(("connection", "account_name"), [("globex", "lin"), ("contoso", LIN)])
def test_the_link_opens_a_signed_in_phone_without_any_provider(
    house: House, platform: Platform, connection: str, account_name: str
) -> None:
    browser = house.browser()
    answer = platform.handoff(connection, account_name, display_name="林", next="/softphone?record=7").json()
    assert answer.keys() == {"url", "expires_in", "expires_at"}
    assert answer["expires_in"] == 60
    assert answer["expires_at"] == pytest.approx(house.clock() + 60, abs=5)
    assert asked(house) == []
    page = browser.open(answer["url"], **CROSS)
    assert (page.status_code, urlsplit(page.url).path, urlsplit(page.url).query) == (200, "/softphone", "record=7")
    assert "林" in page.text
    assert asked(house) == ["token_exchange"]
    told = browser.fetch("/session").json()
    assert (told["connection"], told["account_name"], told["display_name"]) == (connection, account_name, "林")
    assert browser.post("/session/token").json()["access_token"] == browser.cookie("AC_TOKEN")
    (session,) = records(house)
    assert session.fuyun.access_token == browser.cookie("AC_TOKEN")
    taken, offered = house.journal()[:2]
    assert (taken.event, taken.person, taken.code) == ("handoff", account_name, "ok")
    assert (offered.event, offered.person) == ("handoff_offered", account_name)
    assert offered.details == {"api_key": platform.key_id}


def test_it_works_once(house: House, platform: Platform) -> None:
    url, first, second = url_of(platform), house.browser(), house.browser()
    assert first.open(url, follow=False).status_code == 303
    for browser in (first, second):
        assert code_of(browser.open(url)) == (400, "handoff_invalid")
    assert (who(first), second.cookies()) == ("lin", {})
    ways = ["Go to the phone" in browser.open(url).text for browser in (first, second)]
    assert ways == [True, False]


def test_of_browsers_that_race_for_it_one_gets_in(house: House, platform: Platform) -> None:
    url = url_of(platform)
    house.world.faults.set("exchange", "slow", seconds=0.1)
    statuses = at_once([lambda: house.browser().open(url, follow=False).status_code for _ in range(6)])
    assert sorted(statuses) == [303, *[400] * 5]
    assert asked(house) == ["token_exchange"]
    assert len(records(house)) == 1


def test_it_works_for_a_minute(house: House, platform: Platform) -> None:
    early, late = url_of(platform), url_of(platform)
    house.clock.advance(58)
    assert house.browser().open(early, follow=False).status_code == 303
    house.clock.advance(2)
    assert code_of(house.browser().open(late)) == (400, "handoff_invalid")


def test_it_is_remembered_as_used_for_as_long_as_it_could_be_good_anywhere(house: House, platform: Platform) -> None:
    url = url_of(platform)
    house.browser().open(url)
    # Another replica's clock may be slow; the mark of the first use outlives the link by more.
    house.clock.advance(80)
    house.browser().open(url_of(platform))
    house.clock.advance(-25)
    assert code_of(house.browser().open(url)) == (400, "handoff_invalid")
    assert len(records(house)) == 2


class TestWhoeverBringsItElsewhere:
    def test_opens_nothing_at_another_connection_and_uses_nothing_up(self, house: House, platform: Platform) -> None:
        url = url_of(platform)
        for name in ("contoso", "acme", "umbrella"):
            page = house.browser().open(url.replace("/globex/", f"/{name}/"))
            assert (code_of(page), page.headers.get("Set-Cookie", "")) == ((400, "handoff_invalid"), "")
        assert asked(house) == []
        assert house.browser().open(url.replace("/globex/", "/GLOBEX/"), follow=False).status_code == 303

    def test_opens_nothing_with_a_code_that_was_changed(self, house: House, platform: Platform) -> None:
        url = url_of(platform)
        start, _, code = url.rpartition("/")
        sealed = house.services.key_ring.seal("browser session", {"connection": "globex"})
        flipped = f"{code[:40]}{'B' if code[40] == 'A' else 'A'}{code[41:]}"
        junk = [code[:-5], flipped, f"A{code}", code.swapcase(), "x", "%00", "%F0%9F%92%A9", sealed, "a" * 5000]
        for changed in junk:
            assert code_of(house.browser().open(f"{start}/{changed}")) == (400, "handoff_invalid")
        assert house.browser().open(f"{start}/").status_code == 404
        assert asked(house) == []
        assert house.browser().open(url, follow=False).status_code == 303

    def test_opens_nothing_once_the_key_has_been_revoked(self, house: House, platform: Platform) -> None:
        url = url_of(platform)
        house.services.api_keys.revoke(platform.key_id)
        page = house.browser().open(url)
        assert (code_of(page), asked(house)) == ((400, "handoff_invalid"), [])

    def test_opens_nothing_once_the_connection_is_off(self, another: House) -> None:
        url = url_of(platform_of(another, "globex"))
        another.services.register.provision(
            [replace(one, enabled=one.name != "globex") for one in another.settings.connections]
        )
        another.services.connections.refresh()
        assert code_of(another.browser().open(url)) == (404, "connection_disabled")
        assert asked(another) == []

    @pytest.mark.parametrize("is_late", [False, True], ids=["at once", "on a replica that has not looked yet"])
    def test_opens_nothing_at_somebody_elses_connection_that_has_taken_the_name(
        self,
        another: House,
        is_late: bool,  # noqa: FBT001 — a row of the table
    ) -> None:
        url = url_of(platform_of(another, "globex"))
        register, given = another.services.register, another.settings.connections
        register.provision([one for one in given if one.name != "globex"])
        register.provision([replace(one, title="Somebody else") if one.name == "globex" else one for one in given])
        if not is_late:
            another.services.connections.refresh()
        assert code_of(another.browser().open(url)) == (400, "handoff_invalid")
        assert asked(another) == []


def test_a_key_that_ends_while_fuyun_is_asked_leaves_no_session(
    house: House, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, vouch = url_of(platform), Issue.on_behalf

    def slow(self: Issue, *given: Any) -> FuyunToken:
        house.services.api_keys.revoke(platform.key_id)
        return vouch(self, *given)

    monkeypatch.setattr(Issue, "on_behalf", slow)
    assert code_of(house.browser().open(url)) == (400, "handoff_invalid")
    assert records(house) == []


class TestWhoeverOnlyLooksAhead:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Purpose": "prefetch"},
            {"Sec-Purpose": "prefetch;prerender"},
            {"Purpose": "prefetch"},
            {"Purpose": "Prefetch"},
            # In a frame, nobody sees what is opened.
            {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Dest": "embed", "Sec-Fetch-Site": "cross-site"},
        ],
        ids=str,
    )
    def test_does_not_use_it_up(self, house: House, platform: Platform, headers: dict[str, Any]) -> None:
        url, browser = url_of(platform), house.browser()
        assert code_of(browser.open(url, follow=False, **headers)) == (400, "request_invalid")
        assert browser.open(url, follow=False).status_code == 303

    def test_does_not_use_it_up_by_asking_for_the_head(self, house: House, platform: Platform) -> None:
        url = url_of(platform)
        assert house.app.test_client().head(urlsplit(url).path).status_code == 400
        assert house.browser().open(url, follow=False).status_code == 303

    @pytest.mark.parametrize("mode", ["cors", "no-cors", "same-origin", "websocket"])
    def test_by_a_script_is_refused_and_signs_nobody_out(self, house: House, platform: Platform, mode: str) -> None:
        browser = house.browser()
        browser.open(url_of(platform))
        url = url_of(platform, account_name="kim")
        by_script: dict[str, Any] = {"Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": "empty"}
        answer = browser.open(url, follow=False, **by_script)
        assert (refused(answer), "Set-Cookie" in answer.headers) == ((401, "login_required"), False)
        assert who(browser) == "lin"

    def test_does_not_use_it_up_while_nobody_can_tell_who_is_there(
        self, house: House, platform: Platform, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise StoreUnavailable

        browser = house.browser()
        browser.open(url_of(platform))
        url = url_of(platform, account_name="kim")
        with monkeypatch.context() as away:
            away.setattr(house.services.agent_sessions, "load", fail)
            assert code_of(browser.open(url, **CROSS)) == (503, "store_unavailable")
        assert who(browser) == "lin"
        assert "signed in as lin" in browser.open(url, **CROSS).text

    def test_cannot_post_it(self, house: House, platform: Platform) -> None:
        url, browser = url_of(platform), house.browser()
        assert code_of(browser.submit(url, {})) == (403, "csrf_failed")
        assert browser.open(url, follow=False).status_code == 303


class TestSomebodyElseIsSignedIn:
    @pytest.fixture
    def browser(self, house: House, platform: Platform) -> Browser:
        house.world.add_agent("kim")
        browser = house.browser()
        browser.open(url_of(platform))
        asked(house)
        return browser

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", "none", ""])
    def test_a_link_asks_first_wherever_it_was_followed_and_changes_nothing(
        self, house: House, platform: Platform, browser: Browser, site: str
    ) -> None:
        url, token = url_of(platform, account_name="kim", display_name="金"), browser.cookie("AC_TOKEN")
        for _ in range(2):
            page = browser.open(url, **(from_site(site) if site else {}))
            assert page.status_code == 200
            assert ("signed in as lin" in page.text, "金" in page.text) == (True, True)
        assert (asked(house), browser.cookie("AC_TOKEN"), who(browser)) == ([], token, "lin")
        assert browser.post("/session/token").json()["access_token"] == token

    def test_whoever_goes_on_from_there_is_somebody_else(
        self, house: House, platform: Platform, browser: Browser
    ) -> None:
        before, page = records(house), browser.open(url_of(platform, account_name="kim"), **CROSS)
        assert re.findall(r'<a class="hb-button [^"]*" href="([^"]+)"', page.text) == ["/softphone"]
        tab = another_tab(house, browser)
        landed = browser.press(page, {})
        assert (landed.status_code, urlsplit(landed.url).path, who(browser)) == (200, "/softphone", "kim")
        assert [one.account_name for one in records(house)] == ["kim"]
        assert before[0].id not in {one.id for one in records(house)}
        assert refused(tab.fetch("/session"))[0] == 401

    def test_the_switch_of_the_language_goes_on_for_nobody(
        self, house: House, platform: Platform, browser: Browser
    ) -> None:
        page = browser.open(url_of(platform, account_name="kim", display_name="金"), **CROSS)
        (switch,) = re.findall(r'href="(/language/zh[^"]*)"', page.text)
        again = browser.open(unescape(switch), **from_site("same-origin"))
        assert ('lang="zh-CN"' in again.text, "金" in again.text, who(browser), asked(house)) == (True, True, "lin", [])
        assert urlsplit(browser.press(again, {}).url).path == "/softphone"
        assert who(browser) == "kim"

    @pytest.mark.parametrize(
        ("data", "headers"),
        [({}, {}), ({"csrf_token": "guessed"}, {}), (None, {"Origin": "https://elsewhere.example"})],
        ids=["no token", "another token", "another origin"],
    )
    def test_no_other_page_goes_on_for_them(
        self, house: House, platform: Platform, browser: Browser, data: dict[str, str] | None, headers: dict[str, Any]
    ) -> None:
        url = url_of(platform, account_name="kim")
        sent = {"csrf_token": browser.csrf_token()} if data is None else data
        assert code_of(browser.submit(url, sent, **headers)) == (403, "csrf_failed")
        assert (who(browser), asked(house)) == ("lin", [])

    def test_the_same_agent_is_not_asked(self, house: House, platform: Platform, browser: Browser) -> None:
        before = {one.id for one in records(house)}
        assert browser.open(url_of(platform), follow=False, **CROSS).status_code == 303
        assert who(browser) == "lin"
        assert len(records(house)) == 1
        assert before.isdisjoint(one.id for one in records(house))

    def test_the_same_name_elsewhere_is_somebody_else(self, house: House, platform: Platform, browser: Browser) -> None:
        house.world.add_agent("lin")
        page = browser.open(url_of(platform, "contoso", "lin"), **CROSS)
        assert ("signed in as lin" in page.text, browser.fetch("/session").json()["connection"]) == (True, "globex")

    def test_a_session_that_is_over_is_nobody(self, house: House, platform: Platform, browser: Browser) -> None:
        house.services.agent_sessions.end(records(house)[0].id)
        landed = browser.open(url_of(platform, account_name="kim"), follow=False, **CROSS)
        assert (landed.status_code, who(browser)) == (303, "kim")

    def test_who_signed_in_at_a_provider_is_asked_too(self, house: House, platform: Platform) -> None:
        house.world.add_agent("kim")
        browser = house.browser()
        browser.sign_in("contoso")
        page = browser.open(url_of(platform, "contoso", "kim"), **CROSS)
        assert f"signed in as {LIN}" in page.text
        # The same agent came in another way: that is the same person.
        assert browser.open(url_of(platform, "contoso", LIN), follow=False, **CROSS).status_code == 303


class TestItsSession:
    @pytest.mark.parametrize(("connection", "account_name"), [("globex", "lin"), ("contoso", LIN)])
    def test_is_renewed_and_ended_without_a_provider(
        self, house: House, platform: Platform, connection: str, account_name: str
    ) -> None:
        browser, earlier = house.browser(), {one.id for one in house.journal()}
        page = browser.open(url_of(platform, connection, account_name))
        before = browser.cookie("AC_TOKEN")
        house.clock.advance(AN_HOUR)
        asked(house)
        answer = browser.post("/session/renew")
        assert answer.json()["access_token"] == browser.cookie("AC_TOKEN") != before
        assert asked(house) == ["token_exchange"]
        # The page's policy lets the form of the way out lead to no provider, so nothing may send it there.
        assert "form-action 'self';" in page.headers["Content-Security-Policy"]
        gone = browser.post("/logout")
        farewell = "/logged-out?by=platform" if connection == "globex" else "/logged-out"
        assert (gone.status_code, gone.headers["Location"]) == (303, farewell)
        page = browser.open(farewell)
        assert ("Sign in again" in page.text) is (connection == "contoso")
        assert ("open the phone from your business software" in page.text) is (connection == "globex")
        assert asked(house) == []
        assert [one for one in house.journal() if one.id not in earlier and one.code != "ok"] == []
        assert (browser.cookie("AC_TOKEN"), who(browser), records(house)) == (None, "", [])

    def test_has_the_cookie_that_a_sign_in_sets(self, house: House, platform: Platform) -> None:
        def cookie(answer: Response) -> str:
            (header,) = [one for one in answer.raw.headers.getlist("Set-Cookie") if one.startswith("AC_TOKEN=")]
            return re.sub("AC_TOKEN=[^;]+|Expires=[^;]+|Max-Age=[0-9]+", "", str(header))

        signing_in = house.browser()
        back = signing_in.choose(signing_in.begin("contoso"), "lin", follow=False)
        landed = signing_in.open(back.headers["Location"], follow=False)
        handed = house.browser().open(url_of(platform, "contoso", LIN), follow=False)
        assert cookie(handed) == cookie(landed)
        assert (handed.headers["Cache-Control"], handed.headers["Referrer-Policy"]) == ("no-store", "same-origin")

    def test_begins_under_an_id_that_nobody_knew_before(self, house: House, platform: Platform) -> None:
        browser = house.browser()
        browser.open(url_of(platform))
        fixed, token = browser.cookie("bridge_session"), browser.csrf_token()
        browser.open(url_of(platform))
        assert fixed != browser.cookie("bridge_session")
        assert token != browser.csrf_token()

    def test_begins_even_if_the_former_one_cannot_be_ended_now(
        self, house: House, platform: Platform, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **_more: object) -> None:
            raise StoreUnavailable

        browser = house.browser()
        browser.open(url_of(platform))
        url = url_of(platform, display_name="Lin again")
        monkeypatch.setattr(house.services.flow, "replace_former", fail)
        assert browser.open(url, follow=False).status_code == 303
        assert browser.fetch("/session").json()["display_name"] == "Lin again"

    def test_is_ended_by_the_platform(self, house: House, platform: Platform) -> None:
        browser = house.browser()
        page = browser.open(url_of(platform))
        assert '"login_url": ""' in page.text
        assert '"silent_login_url": ""' in page.text
        assert platform.ask("DELETE", "/connections/globex/sessions?account_name=lin").json() == {"ended": 1}
        assert refused(browser.post("/session/renew"))[0] == 401
        # Nobody signs in here again; but others may, since browsers are shared.
        page = browser.open("/softphone")
        assert urlsplit(page.url).path == "/login"
        assert "Open the phone from your business software" in page.text
        assert page.text.index("<details") < page.text.index('name="login_hint"')


class TestFuyunGivesNoToken:
    @pytest.mark.parametrize(
        ("fault", "expected"),
        [("http_500", (504, "exchange_unreachable")), ("wrong_user", (403, "agent_mismatch"))],
    )
    def test_and_so_the_person_is_told_and_stays_out(
        self, house: House, platform: Platform, fault: str, expected: tuple[int, str]
    ) -> None:
        url, browser = url_of(platform), house.browser()
        house.world.faults.set("exchange", fault)
        page = browser.open(url)
        assert code_of(page) == expected
        assert ("Retry-After" in page.headers) is (fault == "http_500")
        house.world.faults.clear()
        assert ("/language/" in page.text, "/softphone" in page.text) == (False, False)
        # It might have succeeded at Fuyun: nothing that came this far is ever tried twice.
        assert code_of(browser.open(url)) == (400, "handoff_invalid")
        assert (browser.cookies().keys() & {"AC_TOKEN"}, records(house)) == (set(), [])
        assert browser.open(url_of(platform), follow=False).status_code == 303

    def test_and_nobody_is_told_to_sign_in_where_the_business_software_does_it(
        self, house: House, platform: Platform
    ) -> None:
        house.world.add_agent("frosty", frozen=True, instance_id="ccc_xp_globex")
        page = house.browser().open(url_of(platform, account_name="frosty"))
        assert code_of(page) == (403, "agent_frozen")
        assert ("open the phone again from" in page.text, "sign in again" in page.text) == (True, False)

    def test_and_so_whoever_was_signed_in_stays_so(self, house: House, platform: Platform) -> None:
        house.world.add_agent("kim")
        browser = house.browser()
        browser.open(url_of(platform))
        question = browser.open(url_of(platform, account_name="kim"))
        house.world.faults.set("exchange", "http_500")
        page = browser.press(question, {})
        assert (page.status_code, "/language/" in page.text) == (504, False)
        assert (who(browser), len(records(house))) == ("lin", 1)


@pytest.mark.parametrize("account_name", ["王芳", "李" * 255, "a/b?c#d%2F&e=f", "𠮷野家", "a" * 255], ids=ascii)
def test_any_name_fits_into_an_address(house: House, platform: Platform, account_name: str) -> None:
    house.world.add_agent(account_name)
    url = url_of(platform, account_name=account_name, display_name="王" * 255, next=f"/softphone?record={'7' * 300}")
    assert (url.isascii(), len(url) < 4096) == (True, True)
    assert account_name not in url
    browser = house.browser()
    assert browser.open(url, follow=False).status_code == 303
    assert who(browser) == account_name


def test_the_person_is_called_by_the_account_where_no_name_was_given(house: House, platform: Platform) -> None:
    for name in ("", "  "):
        browser = house.browser()
        browser.open(url_of(platform, display_name=name))
        assert browser.fetch("/session").json()["display_name"] == "lin"


def test_a_name_of_markup_stays_a_name(house: House, platform: Platform) -> None:
    house.world.add_agent("<b>kim")
    browser = house.browser()
    browser.open(url_of(platform))
    page = browser.open(url_of(platform, account_name="<b>kim", display_name="<script>alert(1)</script>"), **CROSS)
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text


@pytest.mark.parametrize("mode", ["oauth", "frontend"])
def test_a_connection_that_has_left_mode_jwt_meanwhile_speaks_for_nobody(tmp_path: Path, mode: Mode) -> None:
    settings = signing_settings(tmp_path)
    first = signing_house(settings)
    url = url_of(platform_of(first, "contoso"), "contoso", LIN)
    first.browser().open(url_of(platform_of(first, "contoso"), "contoso", LIN))
    (session,) = records(first)
    first.services.database.close()
    second = signing_house(change(settings, "contoso", lambda one: replace(one, mode=mode, jwt=None)))
    assert code_of(second.browser().open(url)) == (409, "connection_mode_unsuited")
    with pytest.raises(LoginRequired):
        second.services.flow.renew(session.id)
    assert asked(second) == []
    second.services.database.close()
