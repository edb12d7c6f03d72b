"""The policy of every page there is: each route for each kind of reader, and each refusal as page and as problem."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

from bridge.access.rules import Allowed
from bridge.core.every_error import every_error
from tests.kit.desk import administrator, allowing
from tests.kit.house import SECURE_BRIDGE, build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.browser import Browser
    from tests.kit.house import House

FIXED: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
}
NEVER: Final = re.compile(r"access-control-|x-powered-by|x-aspnet|via$|server$", re.IGNORECASE)
KEPT: Final = {
    "/static/<path:filename>": "no-cache",
    "/bootstrap/static/<path:filename>": "no-cache",
    "/.well-known/jwks.json": "public, max-age=300",
    "/api/v1/openapi.json": "public, max-age=300",
}
"""What may be kept: the same for everybody, in every language, without a cookie."""
FRAMED: Final = "/frontchannel-logout/<name>"
PHONE: Final = "/softphone"
FILES: Final = {"static": "css/base.css", "bootstrap.static": "css/bootstrap.min.css"}
VALUES: Final = {"name": "globex", "connection": "globex", "chosen": "zh"}
READS: Final = {"stranger": "/", "agent": "/(?!admin)", "administrator": "/admin"}
"""What each kind of reader is shown around in: a stranger in all of it."""
TYPES: Final = re.compile(
    r"text/(html|css|plain|csv)\b.*; charset=utf-8|application/(json|problem\+json|jwk-set\+json|octet-stream)"
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    lin = Allowed("globex", "preferred_username", ("lin",))
    built = build_house(allowing(demo_settings(tmp_path_factory.mktemp("policy"), SECURE_BRIDGE), lin))
    built.world.register("globex", f"{SECURE_BRIDGE}/callback/globex")
    yield built
    built.services.database.close()


def reader(house: House, kind: str) -> Browser:
    if kind == "administrator":
        return administrator(house, "globex")
    browser = house.browser()
    if kind == "agent":
        browser.sign_in("globex")
    return browser


def ways(house: House, where: str) -> list[tuple[str, str]]:
    """Return each route that can be read, and an address of it."""
    every = house.app.url_map.iter_rules()
    rules = [rule for rule in every if "GET" in (rule.methods or ()) and re.match(where, rule.rule)]
    return [(rule.rule, filled(rule.rule, FILES.get(rule.endpoint, "1"))) for rule in rules]


def filled(rule: str, otherwise: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda part: VALUES.get(part[1], otherwise), rule)


def directives(policy: str) -> dict[str, list[str]]:
    parts = [part.split() for part in policy.split(";")]
    assert len({part[0] for part in parts}) == len(parts)
    return {part[0]: part[1:] for part in parts}


def assert_headers(headers: Any, where: str, rule: str = "") -> str:
    """Check all that every answer has; returns its nonce."""
    assert {name: headers.get(name) for name in FIXED} == FIXED, where
    assert [name for name, _ in headers.items() if NEVER.match(name)] == [], where
    policy = directives(headers["Content-Security-Policy"])
    assert policy["default-src"] == policy["base-uri"] == ["'none'"], where
    own, nonce, *sdk = policy["script-src"]
    assert (own, bool(re.fullmatch(r"'nonce-[\w-]{22}'", nonce))) == ("'self'", True), where
    assert sdk == [] or rule == PHONE, where
    words = {word for name, values in policy.items() for word in values if (name, rule) != ("style-src", PHONE)}
    assert not words & {"'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'", "*", "http:", "https:"}, where
    assert policy["form-action"][0] == "'self'", where
    is_framed = rule == FRAMED and policy["frame-ancestors"] != ["'none'"]
    assert headers.get("X-Frame-Options", "") == ("" if is_framed else "DENY"), where
    assert is_framed or policy["frame-ancestors"] == ["'none'"], where
    return nonce[7:-1]


def assert_body(text: str, nonce: str, where: str) -> None:
    """Check that a page runs nothing that its policy would have to make an exception for."""
    for attributes, content in re.findall(r"<script\b([^>]*)>(.*?)</script>", text, re.DOTALL):
        assert f'nonce="{nonce}"' in attributes or ('src="/static/' in attributes and not content.strip()), where
    assert re.search(r"<[^>]+\s(?:on[a-z]+|style|srcdoc)=", text) is None, where
    assert re.search(r"<(?:style|base|object|embed|iframe|applet)\b|http-equiv|javascript:", text) is None, where


@pytest.mark.parametrize("kind", READS)
def test_every_route_has_the_policy(house: House, kind: str) -> None:
    browser, nonces, pages = reader(house, kind), set(), 0
    for rule, address in ways(house, READS[kind]):
        answer = browser.open(address, follow=False)
        where = f"{kind} at {address}: {answer.status_code}"
        assert answer.status_code != 500, where
        nonce = assert_headers(answer.headers, where, rule)
        assert nonce not in nonces, where
        nonces.add(nonce)
        kept = KEPT.get(rule, "no-store") if answer.status_code < 400 else "no-store"
        assert answer.headers["Cache-Control"] == kept, where
        assert kept == "no-store" or not {"Set-Cookie", "Vary"} & set(answer.headers), where
        assert not answer.content or TYPES.match(answer.headers["Content-Type"]), where
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            assert_body(answer.text, nonce, where)
            pages += answer.status_code == 200
    assert pages >= {"stranger": 3, "agent": 4, "administrator": 15}[kind]


def test_every_refusal_has_the_policy_as_page_and_as_problem(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> NoReturn:
        raise refusal

    monkeypatch.setattr(house.app, "dispatch_request", refuse)
    client = house.app.test_client()
    for code, error in every_error().items():
        refusal = error(expected="<b>", received="<script>x")
        for accept, path in (("text/html", "/login"), ("application/json", "/login"), ("text/html", "/api/v1/x")):
            answer = client.get(path, base_url=SECURE_BRIDGE, headers={"Accept": accept})
            where = f"{code} at {path} as {accept}"
            nonce = assert_headers(answer.headers, where)
            assert answer.headers["Cache-Control"] == "no-store", where
            assert TYPES.match(answer.headers["Content-Type"]), where
            assert answer.mimetype != "text/html" or "<script>x" not in answer.text, where
            if answer.mimetype == "text/html" and answer.status_code != 303:
                assert_body(answer.text, nonce, where)


@pytest.mark.parametrize("override", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_method_is_what_the_request_line_says(house: House, override: str) -> None:
    client = house.app.test_client()
    assert client.get("/logout", headers={override: "POST"}).status_code == 405
    assert client.post("/session?_method=GET", headers={override: "GET"}, data={"_method": "GET"}).status_code == 405


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "TRACK", "PROPFIND", "DEBUG", "PATCH", "FOO"])
def test_a_method_that_nothing_has_is_refused_and_echoes_nothing(house: House, method: str) -> None:
    answer = house.app.test_client().open("/login", method=method, headers={"X-Secret": "to-be-kept"})
    assert (answer.status_code, "to-be-kept" in answer.text) == (405, False)


def test_another_sites_script_learns_nothing_by_asking_first(house: House) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for path in ("/session", "/session/token", "/api/v1/connections", "/admin/connections"):
        answer = house.app.test_client().options(path, headers=asked)
        assert [name for name, _ in answer.headers if name.lower().startswith("access-control-")] == []


@pytest.mark.parametrize(("path", "told"), [("/login", 200), ("/softphone", 303), ("/nowhere", 404)])
def test_a_part_of_a_page_or_its_head_alone_has_the_same_policy(house: House, path: str, told: int) -> None:
    client = house.app.test_client()
    part = client.get(path, headers={"Range": "bytes=0-10", "Accept": "text/html"})
    head = client.head(path, headers={"Accept": "text/html"})
    assert (part.status_code, head.status_code, head.data) == (told, told, b"")
    for answer in (part, head):
        assert_headers(answer.headers, path)
        assert "Content-Range" not in answer.headers


VERSIONED: Final = re.compile(r"/static/css/base\.css\?v=[0-9a-f]{12}")


def test_a_file_is_kept_for_good_under_the_version_that_pages_name_and_no_other(house: House) -> None:
    browser = house.browser()
    found = VERSIONED.search(browser.open("/login").text)
    assert found is not None
    assert browser.open(found[0]).headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for other in (found[0][:-1], "/static/css/base.css?v=", "/static/css/base.css"):
        assert browser.open(other).headers["Cache-Control"] == "no-cache"
    assert browser.open("/static/css/gone.css?v=").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "//admin", "//metrics", "//session", "///softphone", "//127.0.0.1:5000/login", "//evil.example/%2e%2e",
        "/%2fadmin", "/softphone/", "/softphone/.", "/softphone%2f", "/./softphone", "/static/../softphone",
        "/static/..%2f..%2fapp.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/%2fetc/passwd",
        "/static/css%00.png", "/bootstrap/static/../__init__.py",
        "/SOFTPHONE", "/softphone;x=y", "/softphone%20", "/softphone%00", "/softphone.css", "/session/x.js",
    ],
)  # fmt: skip
def test_another_spelling_of_a_path_is_no_page(house: House, path: str) -> None:
    answer = house.app.test_client().get("/", environ_overrides={"PATH_INFO": unquoted(path)})
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Location" not in answer.headers


def unquoted(path: str) -> str:
    """Return a path as servers hand it on, decoded once."""
    return re.sub("%([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), path)
