"""The ways in: one button or the e-mail question, the remembered choice, sign-ins begun elsewhere, and the language."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from bridge.http.language import choose_language
from tests.journeys.steps import housed, rehoused, signed_in
from tests.kit.house import SANDBOX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.browser import Browser
    from tests.kit.house import House

CUSTOMERS = re.compile("contoso|acme|globex|initech", re.IGNORECASE)
ISSUER = f"{SANDBOX}/oidc"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A bridge that no test of this file changes."""
    yield from housed(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def browser(shared: House) -> Browser:
    return shared.browser()


@pytest.fixture
def single(tmp_path: Path) -> Iterator[House]:
    """A bridge of one customer."""
    yield from housed(tmp_path, connections=("globex",))


def links(page: str) -> list[str]:
    return re.findall(r'href="(/login/[^"]*)"', page)


def location(browser: Browser, address: str) -> str:
    answer = browser.open(address, follow=False)
    assert answer.status_code in {302, 303}, answer.text
    return str(answer.headers["Location"])


def asked_of_provider(browser: Browser, address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location(browser, address)).query).items()}


class TestTheSignInPage:
    def test_the_front_door_leads_to_the_phone(self, browser: Browser) -> None:
        assert location(browser, "/") == "/softphone"

    def test_with_one_customer_it_is_one_button(self, single: House) -> None:
        page = single.browser().open("/login?next=/softphone?record=7")
        assert links(page.text) == ["/login/globex?next=/softphone?record%3D7"]
        assert "login_hint" not in page.text

    def test_with_several_it_asks_for_the_address_and_names_nobody(self, browser: Browser) -> None:
        page = browser.open("/login")
        assert 'name="login_hint"' in page.text
        assert links(page.text) == []
        assert not CUSTOMERS.search(page.text)

    def test_a_known_domain_needs_no_question(self, browser: Browser) -> None:
        address = f"/login?login_hint={quote('Lin@Globex.example')}&next=/softphone?record=7"
        onward = location(browser, address)
        assert onward == "/login/globex?next=/softphone?record%3D7&login_hint=Lin@Globex.example"
        assert asked_of_provider(browser, onward)["login_hint"] == "Lin@Globex.example"

    @pytest.mark.parametrize("hint", ["lin@nobody.example", "lin@a.nobody.example", "nobody.example", "lin", "@", "@@"])
    def test_an_unknown_one_gets_the_same_page_with_a_neutral_sentence(self, browser: Browser, hint: str) -> None:
        answer = browser.open(f"/login?login_hint={quote(hint)}", follow=False)
        assert answer.status_code == 200
        assert 'id="unknown-domain"' in answer.text
        assert 'name="login_hint"' in answer.text
        assert links(answer.text) == []
        assert not CUSTOMERS.search(answer.text.replace(hint, ""))

    def test_a_domain_of_several_customers_offers_them_with_the_hint(self, house: House) -> None:
        shared = tuple(
            replace(one, domains=("shared.example",)) if one.name in {"acme", "globex"} else one
            for one in house.settings.connections
        )
        built = rehoused(house, lambda old: replace(old, connections=shared))
        page = built.browser().open("/login?login_hint=lin@shared.example")
        assert links(page.text) == [
            "/login/acme?login_hint=lin@shared.example",
            "/login/globex?login_hint=lin@shared.example",
        ]
        built.services.database.close()

    def test_the_choice_of_this_browser_is_remembered(self, shared: House) -> None:
        browser = signed_in(shared, "acme")
        browser.submit("/logout", {"csrf_token": browser.csrf_token()}, follow=False)
        page = browser.open("/login?next=/softphone?record=7")
        assert links(page.text) == ["/login/acme?next=/softphone?record%3D7"]
        assert 'name="login_hint"' in page.text

    @pytest.mark.parametrize("remembered", ["nobody", "<script>", "", "x" * 3000])
    def test_a_choice_that_is_none_any_more_is_forgotten(self, browser: Browser, remembered: str) -> None:
        browser.wire.cookies.set("bridge_connection", remembered, path="/login", domain="127.0.0.1")
        page = browser.open("/login")
        assert (page.status_code, links(page.text)) == (200, [])

    def test_a_name_is_found_in_any_case(self, browser: Browser) -> None:
        answer = browser.open("/login/GLOBEX", follow=False)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/login/globex")

    def test_hints_and_prompt_go_along_to_the_provider(self, browser: Browser) -> None:
        asked = asked_of_provider(browser, "/login/globex?login_hint=lin&prompt=login")
        assert (asked["login_hint"], asked["prompt"]) == ("lin", "login")

    def test_nobody_signs_in_while_no_connection_is_enabled(self, house: House) -> None:
        closed = tuple(replace(one, enabled=False) for one in house.settings.connections)
        built = rehoused(house, lambda old: replace(old, connections=closed))
        assert built.browser().open("/login").status_code == 200
        built.services.database.close()


class TestASignInBegunAtTheProvider:
    def test_it_leads_to_the_provider_with_hint_and_landing(self, shared: House) -> None:
        browser = shared.browser()
        target = f"{shared.settings.public_url}/softphone?record=7"
        address = f"/login/globex/initiate?iss={quote(ISSUER)}&login_hint=lin&target_link_uri={quote(target)}"
        page = browser.open(address)
        assert "login_hint=lin" in page.url
        landed = browser.choose(page, "lin")
        assert landed.url == target

    @pytest.mark.parametrize("iss", ["", "https://evil.example", f"{ISSUER}/", f"{SANDBOX}/salesforce"])
    def test_another_issuer_is_refused(self, browser: Browser, iss: str) -> None:
        answer = browser.open(f"/login/globex/initiate?iss={quote(iss)}", follow=False)
        assert answer.status_code == 400
        assert "idp_answer_invalid" in answer.text

    def test_a_provider_without_an_issuer_cannot_begin_one(self, browser: Browser) -> None:
        assert browser.open("/login/initech/initiate?iss=", follow=False).status_code == 400

    @pytest.mark.parametrize(
        "target", ["https://evil.example/", "{here}.evil.example/x", "{here}@evil.example", "//evil.example", ""]
    )
    def test_a_foreign_target_becomes_the_phone(self, shared: House, target: str) -> None:
        browser = shared.browser()
        wanted = quote(target.replace("{here}", shared.settings.public_url))
        page = browser.open(f"/login/globex/initiate?iss={quote(ISSUER)}&target_link_uri={wanted}")
        assert browser.choose(page, "lin").url == f"{shared.settings.public_url}/softphone"


class TestLanguage:
    ACCEPTED: ClassVar = [
        ("", "en"),
        ("en", "en"),
        ("zh", "zh-CN"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("zh-TW", "zh-CN"),
        ("zh-Hant-HK", "zh-CN"),
        ("en;q=0.8,zh;q=0.9", "zh-CN"),
        ("en-GB,en;q=0.9,zh;q=0.1", "en"),
        ("fr,de;q=0.5", "en"),
        ("fr,zh;q=0.5", "zh-CN"),
        ("nonsense;;;q=x", "en"),
    ]

    @pytest.mark.parametrize(("accepted", "tag"), ACCEPTED)
    def test_it_follows_what_the_browser_accepts(self, browser: Browser, accepted: str, tag: str) -> None:
        page = browser.open("/logged-out", follow=True, **{"Accept-Language": accepted})
        assert f'<html class="hb" lang="{tag}">' in page.text

    def test_a_choice_wins_and_leads_back(self, browser: Browser) -> None:
        answer = browser.open("/language/zh?next=/login?login_hint=x", follow=False)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/login?login_hint=x")
        page = browser.open("/logged-out", follow=True, **{"Accept-Language": "en"})
        assert 'lang="zh-CN"' in page.text
        browser.open("/language/en", follow=False)
        assert 'lang="en"' in browser.open("/logged-out", follow=True, **{"Accept-Language": "zh"}).text

    def test_every_page_offers_the_other_language_and_the_way_back(self, browser: Browser) -> None:
        page = browser.open("/login?login_hint=x%26y")
        (address,) = set(re.findall(r'href="(/language/zh[^"]*)"', page.text))
        assert location(browser, address.replace("&amp;", "&")) == "/login?login_hint=x%26y"

    @pytest.mark.parametrize("next_", ["//evil.example", "https://evil.example", "/\\evil.example", ""])
    def test_it_never_leads_elsewhere(self, browser: Browser, next_: str) -> None:
        assert location(browser, f"/language/zh?next={quote(next_)}") == "/"

    def test_outside_of_a_request_it_is_english(self) -> None:
        assert choose_language() == "en"

    @pytest.mark.parametrize("chosen", ["fr", "zh-CN", "EN", "x" * 200])
    def test_there_are_two(self, browser: Browser, chosen: str) -> None:
        answer = browser.open(f"/language/{chosen}", follow=False)
        assert answer.status_code == 404
        assert browser.cookies() == {}

    def test_problems_have_their_title_in_it(self, browser: Browser) -> None:
        browser.wire.headers["Accept-Language"] = "zh"
        chinese = browser.fetch("/session").json()["title"]
        browser.wire.headers["Accept-Language"] = "en"
        english = browser.fetch("/session").json()["title"]
        assert english == "You are not signed in"
        assert re.search("[一-鿿]", chinese)


class TestALinkFromElsewhere:
    """Somebody else's link must not end a session, and the call that is up in it, without a word."""

    CROSS_SITE = {"Sec-Fetch-Site": "cross-site"}  # noqa: RUF012 — never changed

    def test_asks_before_it_leaves_another_connections_session(self, house: House) -> None:
        browser = signed_in(house, "globex")
        page = browser.open("/login/contoso", follow=False, **self.CROSS_SITE)
        assert page.status_code == 200
        assert "You are signed in with Globex as lin" in page.text
        assert 'href="/login/contoso"' in page.text
        # Coming back from the switch of the language would be a way of our own, past the question.
        assert "/language/" not in page.text
        assert browser.fetch("/session").json()["connection"] == "globex"

    @pytest.mark.parametrize(
        ("path", "headers"),
        [
            ("/login/globex", CROSS_SITE),
            ("/login/contoso", {"Sec-Fetch-Site": "same-origin"}),
            ("/login/contoso", {"Sec-Fetch-Site": "none"}),
            ("/login/contoso", {}),
        ],
        ids=["the same connection", "a page of ours", "typed by hand", "an old browser"],
    )
    def test_goes_on_at_once_otherwise(self, house: House, path: str, headers: dict[str, str]) -> None:
        browser = signed_in(house, "globex")
        assert browser.open(path, follow=False, **headers).status_code == 302

    def test_goes_on_at_once_for_whoever_has_no_session(self, house: House) -> None:
        assert house.browser().open("/login/contoso", follow=False, **self.CROSS_SITE).status_code == 302

    def test_goes_on_at_once_after_the_session_ended(self, house: House) -> None:
        browser = signed_in(house, "globex")
        house.clock.advance(13 * 3600)
        assert browser.open("/login/contoso", follow=False, **self.CROSS_SITE).status_code == 302
