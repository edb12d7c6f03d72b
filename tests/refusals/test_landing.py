"""Open redirectors: whatever stands in ``next``, no answer of the bridge sends a browser away from it."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, quote, urljoin, urlsplit

import pytest

from bridge.core.landing import HOME
from tests.kit.hostile import Does, Provider, connection
from tests.kit.house import BRIDGE, build_house, demo_settings
from tests.refusals.refused import beside, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.browser import Browser
    from tests.kit.house import House

SLASHES: Final = [
    "//", "///", "////", "/\\", "\\/", "\\\\", "/\\/", "//\\", "\\//", "/\t/", "/\n/", "/\r/", "/\r\n/", "\t//", "\n//",
    " //", "/ /", "/\x00/", "\x00//", "/\x0b/", "/\x0c/", "/\x1f/", "\x1f//", "/\x7f/", "/\x85/", "/\xa0/", "\xa0//",
    "/\u2028/", "\u2029//", "/\u200b/", "\u200b//", "\ufeff//", "/\u202e/", "/\u3000/",
    "/\uff0f", "\uff0f\uff0f", "\uff0f", "/\uff3c", "\uff3c", "/\u2044", "/\u2215", "/\u29f8", "/\u29f5", "/\u2024/",
    "/./", "/.//", "//./", "/..//", "/../", "//../", "/;//", "/%2f", "/%2F%2f", "%2f%2f", "/%5c", "%5c%5c", "/%09/",
    "/%0a/", "/%0d%0a/", "/%00/", "%00//", "/%2e//", "/%2e%2e//", "/%ef%bc%8f", "/%c0%af", "/%252f", "/%255c",
    "/softphone//", "/softphone/..//", "/softphone/../../", "/softphone\\..\\\\", "/softphone/%2e%2e//",
]  # fmt: skip
SCHEMES: Final = [
    "http://", "https://", "HTTPS://", "hTtP://", "http:", "https:/", "https:", "http:///", "http:\\\\", "http:\\/\\/",
    "\thttps://", "ht\ttps://", "https\n://", "\x01https://", " https://", "https:%2f%2f", "https%3a//", "ftp://",
    "file://",
    "javascript:alert(1)//", "JaVaScRiPt:alert(1)//", "java\tscript:alert(1)//", "javascript://%0aalert(1)//",
    "vbscript:x//", "data:text/html,<script>alert(1)</script>//", "blob:https://", "view-source:https://",
    "//user@", "//user:password@", "//127.0.0.1:5000@", "https://127.0.0.1:5000@", "http://127.0.0.1:5000.",
    "//127.0.0.1:5000.", "//127.0.0.1:5000\\@", "/@", "@", ".", ":", "?next=//", "#//", "/?//", "/#//", "/:", "/:80//",
    "*", "//[::1]@", "//0/..//",
]  # fmt: skip
SINGLE: Final = [
    "", " ", "softphone", "./softphone", "../softphone", "/", "\\", "?", "#", "//", "///", "/\\", "//%65vil.example",
    "//evil\u3002example", "//\uff45\uff56\uff49\uff4c.example", "//evil.example:443/", "//evil.example%00.127.0.0.1",
    "//\u2460\u2461\u2462",
    "//3232235521", "//[::ffff:1.2.3.4]/", "//[evil", "https://[", "/[evil", "/" + "a" * 1999,
    "/logout", "/login", "/login/globex", "/LOGOUT", "/logout/", "/logout?x", "/logout#x", "/callback/globex?code=x",
    "/session/renew", "/logged-out", "/language/zh?next=//evil.example", "/backchannel-logout/globex",
]  # fmt: skip
PAYLOADS: Final = [*(f"{start}evil.example" for start in (*SLASHES, *SCHEMES)), *SINGLE]
GOOD: Final = [
    "/softphone", "/softphone?record=7&name=%E6%9E%97", "/softphone#dial", "/softphone?back=https://crm.example/a?b=c",
    "/softphone?names=a//b", "/admin/connections", "/a;b=c/d,e", "/softphone?q=王芳", "/log", "/sessions",
]  # fmt: skip


def stays(location: str) -> bool:
    """Say whether a browser on the bridge stays there (WHATWG URL: it drops tabs, and reads a backslash as a slash)."""
    seen = re.sub(r"[\t\r\n]", "", location.strip("".join(map(chr, range(33)))))
    seen = seen.partition("#")[0].partition("?")[0].replace("\\", "/")
    parts = urlsplit(urljoin(f"{BRIDGE}/", seen))
    return not seen.startswith("//") and f"{parts.scheme}://{parts.netloc}" == BRIDGE


def lands_at_home_or_where_it_was_told(location: str) -> bool:
    first = urlsplit(location).path.split("/")[1].lower()
    return location.startswith("/") and first not in {
        "login",
        "logout",
        "callback",
        "session",
        "logged-out",
        "language",
    }


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    built = build_house(demo_settings(tmp_path_factory.mktemp("many")))
    yield built
    built.services.database.close()


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with one connection, whose sign-in page has a button."""
    built = build_house(demo_settings(tmp_path_factory.mktemp("single"), connections=("globex",)))
    yield built
    built.services.database.close()


@pytest.fixture(scope="module")
def provider() -> Provider:
    return Provider(connection("r0"), Does())


@pytest.fixture(scope="module")
def traveller(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Browser]:
    """A browser for whole sign-ins."""
    built = beside(tmp_path_factory.mktemp("whole"), [provider])
    yield built.browser()
    built.services.database.close()


def test_the_corpus_is_large_and_without_twins() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 150


@pytest.mark.parametrize("location", ["//evil.example", "/\\evil.example", "/\t/evil.example", "https:evil.example"])
def test_the_judge_of_these_tests_sees_who_leaves(location: str) -> None:
    assert not stays(location)


@pytest.mark.parametrize("payload", PAYLOADS, ids=ascii)
def test_a_whole_sign_in_lands_on_the_bridge(traveller: Browser, provider: Provider, payload: str) -> None:
    landed = sign_in(traveller, provider, query=f"?next={quote(payload, safe='')}")
    assert landed.status_code == 303
    assert stays(landed.headers["Location"])
    assert lands_at_home_or_where_it_was_told(landed.headers["Location"])


@pytest.mark.parametrize("payload", PAYLOADS, ids=ascii)
def test_the_sign_in_pages_keep_a_safe_next_alone(house: House, single: House, payload: str) -> None:
    asked = quote(payload, safe="")
    sent = house.browser().open(f"/login?login_hint=lin%40globex.example&next={asked}", follow=False)
    assert sent.headers["Location"].startswith("/login/globex?")
    assert kept_next(sent.headers["Location"])
    for page in (house.browser().open(f"/login?next={asked}"), single.browser().open(f"/login?next={asked}")):
        named = re.findall(r'(?:href|action|src)="([^"]*)"|name="next" value="([^"]*)"', page.text)
        assert all(stays(unescape(address)) for pair in named for address in pair if address)
        links = [unescape(link) for link, _ in named if link.startswith("/login/globex")]
        assert all(kept_next(link) for link in links)


def kept_next(link: str) -> bool:
    wanted = parse_qs(urlsplit(link).query).get("next", [HOME])[0]
    return stays(wanted) and lands_at_home_or_where_it_was_told(wanted)


@pytest.mark.parametrize("payload", PAYLOADS, ids=ascii)
def test_the_other_doors_stay_on_the_bridge(house: House, payload: str) -> None:
    browser, asked = house.browser(), quote(payload, safe="")
    assert stays(browser.open(f"/language/zh?next={asked}", follow=False).headers["Location"])
    issuer = next(one.idp.issuer for one in house.settings.connections if one.name == "globex")
    begun = browser.open(f"/login/globex/initiate?iss={quote(issuer)}&target_link_uri={asked}", follow=False)
    assert begun.headers["Location"].startswith(issuer)
    sealed = browser.cookie("bridge_signin_0")
    assert stays(house.services.key_ring.open("pending sign-in", str(sealed))["landing"])


@pytest.mark.parametrize("wanted", GOOD)
def test_a_page_of_the_bridge_is_landed_on_unchanged(traveller: Browser, provider: Provider, wanted: str) -> None:
    landed = sign_in(traveller, provider, query=f"?next={quote(wanted, safe='')}")
    assert landed.headers["Location"] == quote(wanted, safe="/?#&=%:;,")


# Header injection -----------------------------------------------------------------------------------------------------


INJECTIONS: Final = [
    "/login/globex?next=/softphone%0d%0aSet-Cookie:%20injected=1",
    "/login/globex?next=/softphone%0aSet-Cookie:%20injected=1",
    "/login/globex?next=/%E5%98%8D%E5%98%8ASet-Cookie:%20injected=1",
    "/login/globex?login_hint=a%0d%0aSet-Cookie:%20injected=1",
    "/login/globex?prompt=login%0d%0aSet-Cookie:%20injected=1",
    "/login?login_hint=a@globex.example%0d%0aSet-Cookie:%20injected=1",
    "/login?next=/a%0d%0aSet-Cookie:%20injected=1&login_hint=a@globex.example",
    "/language/zh%0d%0aSet-Cookie:%20injected=1",
    "/language/zh?next=/a%0d%0aSet-Cookie:%20injected=1",
    "/callback/globex?state=x%0d%0aSet-Cookie:%20injected=1",
    "/softphone?a=%0d%0aSet-Cookie:%20injected=1",
    "/login/globex%0d%0aSet-Cookie:%20injected=1",
]


@pytest.mark.parametrize("address", INJECTIONS)
def test_a_line_break_in_the_address_makes_no_header(house: House, address: str) -> None:
    browser = house.browser()
    answer = browser.open(address, follow=False)
    assert answer.status_code < 500
    assert browser.cookie("injected") is None
    assert not any(b in value for value in answer.headers.values() for b in ("\r", "\n"))


@pytest.mark.parametrize("language", ["xx", "zh; injected=1", '"zh', "../../etc", "z" * 4000, "\u00ff"])
def test_a_strange_language_cookie_means_english_or_what_is_accepted(house: House, language: str) -> None:
    browser = house.browser()
    browser.wire.cookies.set("bridge_language", language, domain="127.0.0.1", path="/")
    page = browser.wire.get(f"{BRIDGE}/login", headers={"Accept-Language": "zh-CN,zh;q=0.9"}, timeout=30)
    assert (page.status_code, '<html class="hb" lang="zh-CN"' in page.text) == (200, True)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
        {"Forwarded": "host=evil.example;proto=https"},
        {"X-Original-URL": "/softphone", "X-Rewrite-URL": "/softphone"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_a_foreign_host_name_changes_no_address(house: House, headers: dict[str, str]) -> None:
    client = house.app.test_client()
    departure = client.get("/login/globex", headers=headers)
    assert parse_qs(urlsplit(departure.headers["Location"]).query)["redirect_uri"] == [f"{BRIDGE}/callback/globex"]
    assert "evil" not in departure.headers["Location"]
    assert "Secure" not in departure.headers["Set-Cookie"]
    refused = client.get("/session", headers=headers)
    assert refused.get_json()["login_url"] == f"{BRIDGE}/login"
