"""Mode frontend: the sign-in ends at Fuyun's own callback, and the bridge neither keeps nor learns anything of it."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from bridge.core.model import IdentityProvider
from bridge.sandbox.world import demo_config
from bridge.settings import load
from tests.journeys.steps import refused, rehoused, signed_in
from tests.kit.house import BRIDGE, SANDBOX, build_house, change, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests import Response

    from bridge.core.model import Connection
    from bridge.settings import Settings
    from tests.kit.browser import Browser
    from tests.kit.house import House

ENDED_AT_FUYUN = ("contoso", "acme", "globex", "initech")
OPEN_ID = ("contoso", "acme", "globex")
WORKBENCH = f"{SANDBOX}/workbench/callback/globex"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """All four kinds of providers in mode frontend, in a bridge that no test of this file changes."""
    folder = tmp_path_factory.mktemp("frontend")
    path = folder / "bridge.toml"
    path.write_text(demo_config(SANDBOX, BRIDGE, str(folder), frontend=ENDED_AT_FUYUN), encoding="utf-8")
    house = build_house(load(path, os.environ))
    yield house
    house.services.database.close()


@pytest.fixture
def browser(shared: House) -> Browser:
    return shared.browser()


def globex_with(settings: Settings, **changes: Any) -> Settings:
    """Return settings where Globex is another; ``fuyun`` is a table of changes."""

    def alter(one: Connection) -> Connection:
        return replace(one, **{**changes, "fuyun": replace(one.fuyun, **changes.get("fuyun", {}))})

    return change(settings, "globex", alter)


@pytest.fixture(scope="module")
def with_workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Globex in mode oauth, with Fuyun's workbench."""
    settings = demo_settings(tmp_path_factory.mktemp("workbench"))
    built = build_house(globex_with(settings, fuyun={"workbench_redirect_url": WORKBENCH}))
    yield built
    built.services.database.close()


@pytest.fixture(scope="module")
def by_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Globex in mode jwt, without an identity provider."""
    settings = demo_settings(tmp_path_factory.mktemp("platform"))
    built = build_house(globex_with(settings, mode="jwt", idp=IdentityProvider(kind="none", client_id="")))
    yield built
    built.services.database.close()


def sent_to(answer: Response) -> tuple[str, dict[str, str]]:
    """Return where a redirect leads, without its query, and that query."""
    assert answer.status_code == 302, answer.text
    url = urlsplit(answer.headers["Location"])
    query = {name: values[0] for name, values in parse_qs(url.query, strict_parsing=True).items()}
    return url._replace(query="").geturl(), query


def links(page: Response) -> list[str]:
    return [unescape(link) for link in re.findall(r'href="(/login/[^"]*)"', page.text)]


class TestTheRequest:
    @pytest.mark.parametrize("name", ENDED_AT_FUYUN)
    def test_it_holds_what_fuyuns_callback_can_use_and_nothing_more(
        self, shared: House, browser: Browser, name: str
    ) -> None:
        _, asked = sent_to(browser.open(f"/login/{name}", follow=False))
        connection = shared.services.connections.get(name)
        own = {"state": asked["state"]} | ({"nonce": asked["nonce"]} if name in OPEN_ID else {})
        assert asked == own | {
            "client_id": connection.idp.client_id,
            "response_type": "code",
            "redirect_uri": f"{SANDBOX}/oauth/callback/{name}",
            "scope": connection.idp.scope,
        }

    def test_state_and_nonce_are_new_each_time(self, browser: Browser) -> None:
        asked = [sent_to(browser.open("/login/contoso", follow=False))[1] for _ in range(2)]
        values = [each[name] for each in asked for name in ("state", "nonce")]
        assert len(set(values)) == 4
        assert min(len(value) for value in values) >= 32

    def test_hint_and_prompt_go_along(self, browser: Browser) -> None:
        _, asked = sent_to(browser.open("/login/globex?login_hint=lin&prompt=login", follow=False))
        assert (asked["login_hint"], asked["prompt"]) == ("lin", "login")

    def test_microsoft_would_refuse_it_without_its_scope(self, browser: Browser) -> None:
        address, asked = sent_to(browser.open("/login/contoso", follow=False))
        del asked["scope"]
        answer = browser.open(f"{address}?" + "&".join(f"{name}={quote(value)}" for name, value in asked.items()))
        assert (answer.status_code, "AADSTS900144" in answer.text) == (400, True)


class TestTheSignIn:
    @pytest.mark.parametrize("name", ENDED_AT_FUYUN)
    def test_it_ends_at_fuyun_with_the_answer_and_a_cookie_of_that_host(
        self, shared: House, browser: Browser, name: str
    ) -> None:
        told = browser.sign_in(name)
        assert told.url.startswith(f"{SANDBOX}/oauth/callback/{name}?")
        assert browser.cookie("AC_TOKEN") == told.json()["access_token"]
        assert {cookie.domain for cookie in browser.wire.cookies} == {"localhost.local"}
        assert refused(browser.fetch("/session")) == (401, "session_missing")
        assert set(shared.rows().values()) == {0}
        assert shared.journal() == []

    def test_an_unknown_agent_is_told_by_fuyun_alone(self, shared: House, browser: Browser) -> None:
        told = browser.sign_in("contoso", "nora")
        assert (told.status_code, told.json()["Code"]) == (400, "NoAgentFound")
        assert (browser.cookie("AC_TOKEN"), shared.journal()) == (None, [])

    def test_an_answer_that_comes_here_belongs_to_no_sign_in(self, browser: Browser) -> None:
        _, asked = sent_to(browser.open("/login/globex", follow=False))
        answer = browser.open(f"/callback/globex?code=x&state={asked['state']}")
        assert (answer.status_code, "state_unknown" in answer.text) == (400, True)

    def test_it_leaves_a_session_of_another_connection_alone(self, house: House) -> None:
        fuyun = {"frontend_redirect_url": house.world.fuyun_callback("globex")}
        built = rehoused(house, lambda old: globex_with(old, mode="frontend", fuyun=fuyun))
        browser = signed_in(built, "acme")
        answer = browser.open("/login/globex", follow=False, **{"Sec-Fetch-Site": "cross-site"})
        assert sent_to(answer)[1]["redirect_uri"] == fuyun["frontend_redirect_url"]
        assert browser.fetch("/session").json()["connection"] == "acme"
        built.services.database.close()


class TestThePage:
    WAYS: ClassVar = ("/login?login_hint=lin@globex.example", "/login/globex/about")

    @pytest.mark.parametrize("way", WAYS)
    def test_it_explains_before_anybody_is_sent_away(self, browser: Browser, way: str) -> None:
        page = browser.open(way, follow=False)
        assert page.status_code == 200
        hint = "?login_hint=lin@globex.example" if "hint" in way else ""
        assert links(page) == [f"/login/globex{hint}", f"/login/globex/workbench{hint}"]
        assert "ends at Alibaba Cloud, not on this site" in page.text
        assert page.text.count('target="_blank"') == page.text.count('rel="noopener"') == 2

    def test_a_host_of_its_own_leads_there(self, house: House) -> None:
        own: dict[str, Any] = {
            "hosts": ("phone.globex.example",),
            "fuyun": {"frontend_redirect_url": f"{SANDBOX}/callback"},
        }
        built = rehoused(house, lambda old: globex_with(old, mode="frontend", **own))
        client = built.app.test_client()
        answer = client.get("/", headers={"Host": "phone.globex.example"})
        assert (answer.status_code, answer.location) == (303, f"{BRIDGE}/login/globex/about")
        assert "workbench" not in client.get("/login/globex/about", headers={"Host": urlsplit(BRIDGE).netloc}).text
        built.services.database.close()

    def test_there_is_nothing_to_explain_where_the_sign_in_comes_back(self, with_workbench: House) -> None:
        answer = with_workbench.browser().open("/login/globex/about", follow=False)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/login/globex")

    def test_a_remembered_connection_is_explained_too(self, browser: Browser) -> None:
        browser.wire.cookies.set("bridge_connection", "acme", path="/login", domain="127.0.0.1")
        page = browser.open("/login")
        assert links(page) == ["/login/acme", "/login/acme/workbench"]
        assert "ends at Alibaba Cloud, not on this site" in page.text


class TestAConnectionWithoutProvider:
    def test_it_is_offered_nowhere(self, by_platform: House) -> None:
        browser = by_platform.browser()
        browser.wire.cookies.set("bridge_connection", "globex", path="/login", domain="127.0.0.1")
        pages = [browser.open(way) for way in ("/login", "/login?login_hint=lin@globex.example")]
        assert [(page.status_code, links(page), "Globex" in page.text) for page in pages] == [(200, [], False)] * 2

    @pytest.mark.parametrize("path", ["/login/globex", "/login/globex/workbench"])
    def test_its_address_says_why(self, by_platform: House, path: str) -> None:
        answer = signed_in(by_platform, "acme").open(path, follow=True, **{"Sec-Fetch-Site": "cross-site"})
        assert (answer.status_code, "no_identity_provider" in answer.text) == (404, True)

    def test_where_there_is_no_other_the_page_says_where_to_go(self, house: House, by_platform: House) -> None:
        (globex,) = (one for one in by_platform.settings.connections if one.name == "globex")
        alone = rehoused(house, lambda old: replace(old, connections=(globex,)))
        page = alone.browser().open("/login")
        assert "Open the phone from your business software" in page.text
        assert 'name="login_hint"' not in page.text
        alone.services.database.close()


class TestTheWorkbench:
    def test_it_opens_for_the_agent_by_the_second_address(self, with_workbench: House) -> None:
        browser, before = with_workbench.browser(), with_workbench.rows()
        page = browser.open("/login/globex/workbench?login_hint=lin")
        assert parse_qs(urlsplit(page.url).query).keys().isdisjoint({"code_challenge", "code_challenge_method"})
        shown = browser.choose(page, "lin")
        assert shown.url.startswith(WORKBENCH)
        assert "Workbench of" in shown.text
        assert {cookie.domain for cookie in browser.wire.cookies} == {"localhost.local"}
        assert with_workbench.rows() == before

    def test_the_phone_links_to_it_in_a_tab_of_its_own(self, with_workbench: House) -> None:
        page = signed_in(with_workbench).open("/softphone").text
        (link,) = re.findall(r'<a [^>]*href="/login/globex/workbench"[^>]*>', page)
        assert 'target="_blank" rel="noopener"' in link
        assert "workbench" not in signed_in(with_workbench, "acme").open("/softphone").text

    REFUSED: ClassVar = {
        "not configured": ("/login/acme/workbench", 400, "request_invalid"),
        "an unknown connection": ("/login/nobody/workbench", 404, "connection_unknown"),
        "an unknown prompt": ("/login/globex/workbench?prompt=always", 400, "request_invalid"),
        "a hint twice": ("/login/globex/workbench?login_hint=a&login_hint=b", 400, "request_invalid"),
    }

    @pytest.mark.parametrize(("path", "status", "code"), REFUSED.values(), ids=REFUSED)
    def test_it_is_refused_on_a_page(self, with_workbench: House, path: str, status: int, code: str) -> None:
        answer = with_workbench.browser().open(path)
        assert (answer.status_code, code in answer.text) == (status, True)

    def test_a_script_cannot_open_it(self, with_workbench: House) -> None:
        assert refused(with_workbench.browser().fetch("/login/globex/workbench")) == (401, "login_required")
