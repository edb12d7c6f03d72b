"""What the API refuses, and how: keys that are none, bodies that nobody understands, networks, agents, modes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from bridge.core.model import FuyunApp, Secret
from bridge.http.api import OPERATIONS
from tests.kit.house import change
from tests.kit.platform import platform_of
from tests.kit.signing import signing_house, signing_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests.models import Response

    from tests.kit.house import House
    from tests.kit.platform import Platform

LIN: Final = "lin@contoso.example"
TOKEN: Final = "/connections/contoso/token"
HANDOFF: Final = "/connections/contoso/handoff"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with connections in each mode; initech's is the front-end one, without access to the contact center."""
    fuyun = FuyunApp("app", Secret("hidden-at-fuyun"), frontend_redirect_url="https://fuyun.example/callback")
    settings = signing_settings(tmp_path_factory.mktemp("house"))
    frontend = change(settings, "initech", lambda one: replace(one, mode="frontend", fuyun=fuyun, aiccs=None))
    built = signing_house(frontend)
    yield built
    built.services.database.close()


@pytest.fixture(scope="module")
def platform(house: House) -> Platform:
    return platform_of(house, "contoso", "globex", "acme", "initech")


def told(answer: Response) -> tuple[int, str]:
    """Return status and code of a problem that says what a problem has to (RFC 9457)."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"urn:hotline-bridge:problem:{problem['code']}"
    return answer.status_code, problem["code"]


def documented(house: House, name: str) -> set[str]:
    """Return the codes that an operation says it may answer with, besides those of every operation."""
    (operation,) = (one for one in house.app.extensions[OPERATIONS] if one.name == name)
    return {refusal.code for refusal in (*operation.refuses, *operation.not_found)}


WITHOUT_KEY: Final[dict[str, Callable[[str], str]]] = {
    "nothing": lambda _key: "",
    "no scheme": lambda key: key,
    "basic": lambda key: f"Basic {key}",
    "scheme alone": lambda _key: "Bearer",
    "empty": lambda _key: "Bearer ",
    "another key": lambda key: f"Bearer {key[:-4]}0000",
    "a word more": lambda key: f"Bearer {key} {key}",
    "twice": lambda key: f"Bearer {key}, Bearer {key}",
    "twice, the first a stranger's": lambda key: f"Bearer x,Bearer {key}",
    "a JWT": lambda _key: "Bearer eyJhbGciOiJub25lIn0.e30.",
    "a tab": lambda key: f"Bearer\t{key}",
}


@pytest.mark.parametrize("case", WITHOUT_KEY)
def test_whoever_brings_no_key_is_told_how_to(platform: Platform, case: str) -> None:
    header = WITHOUT_KEY[case](platform.key)
    answer = platform.ask("POST", TOKEN, {"account_name": LIN}, Authorization=header)
    assert told(answer) == (401, "api_key_invalid")
    invalid = ', error="invalid_token"' if header else ""
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="hotline-bridge"{invalid}'
    assert platform.key[-20:] not in answer.text
    assert "login_url" not in answer.json()


@pytest.mark.parametrize("place", ["access_token", "api_key", "key", "token"])
def test_a_key_in_an_address_is_none(platform: Platform, place: str) -> None:
    answer = platform.ask("GET", f"/connections?{place}={platform.key}", Authorization="")
    assert told(answer) == (401, "api_key_invalid")


def test_the_scheme_is_read_as_the_standard_says(platform: Platform) -> None:
    for scheme in ("bearer", "BEARER"):
        answer = platform.ask("GET", "/connections", Authorization=f"{scheme}  {platform.key}")
        assert answer.status_code == 200


def test_a_signed_in_browser_is_no_key_and_a_key_is_no_browser(house: House, platform: Platform) -> None:
    browser = house.browser()
    browser.open(platform.handoff("globex", "lin").json()["url"])
    assert browser.fetch("/session").status_code == 200
    answer = browser.fetch("/api/v1/connections")
    assert told(answer) == (401, "api_key_invalid")
    assert "Set-Cookie" not in answer.headers
    assert browser.fetch("/session").status_code == 200
    for path in (
        "/session",
        "/session/renew",
        "/session/token",
        "/softphone",
        "/admin",
        "/admin/connections",
        "/metrics",
    ):
        for method in ("GET", "POST"):
            url = f"{house.settings.public_url}{path}"
            kept = platform.wire.request(
                method, url, headers={"Authorization": f"Bearer {platform.key}"}, allow_redirects=False, timeout=30
            )
            with_key = path == "/metrics" and method == "GET"
            assert (path, kept.status_code == 200) == (path, with_key)
            assert "access_token" not in kept.text


BODIES: Final[dict[str, tuple[str, bytes, int]]] = {
    "none": ("application/json", b"", 400),
    "form": ("application/x-www-form-urlencoded", b"account_name=lin", 415),
    "text": ("text/plain", b'{"account_name": "lin"}', 415),
    "no type": ("", b'{"account_name": "lin"}', 415),
    "list": ("application/json", b'["lin"]', 400),
    "null": ("application/json", b"null", 400),
    "number": ("application/json", b'{"account_name": 7}', 400),
    "list of names": ("application/json", b'{"account_name": ["lin"]}', 400),
    "nothing": ("application/json", b"{}", 400),
    "empty name": ("application/json", b'{"account_name": ""}', 400),
    "blank name": ("application/json", b'{"account_name": " "}', 400),
    "padded name": ("application/json", b'{"account_name": "lin "}', 400),
    "control character": ("application/json", b'{"account_name": "lin\\u0000"}', 400),
    "line feed": ("application/json", b'{"account_name": "lin\\nkim"}', 400),
    "right to left": ("application/json", b'{"account_name": "lin\\u202e"}', 400),
    "half a character": ("application/json", b'{"account_name": "lin\\ud83d"}', 400),
    "256 characters": ("application/json", json.dumps({"account_name": "a" * 256}).encode(), 400),
    "twins": ("application/json", b'{"account_name": "lin", "account_name": "kim"}', 400),
    "twins by escape": ("application/json", b'{"account_name": "lin", "account\\u005fname": "kim"}', 400),
    "a stranger": ("application/json", b'{"account_name": "lin", "user_name": "kim"}', 400),
    "not a number": ("application/json", b'{"account_name": NaN}', 400),
    "endless number": ("application/json", b'{"account_name": ' + b"9" * 5000 + b"}", 400),
    "deep": ("application/json", b"[" * 30_000 + b"]" * 30_000, 400),
    "large": ("application/json", b'{"account_name": "' + b"a" * 70_000 + b'"}', 400),
    "UTF-16": ("application/json", '{"account_name": "lin"}'.encode("utf-16"), 400),
    "half of UTF-8": ("application/json", b'{"account_name": "\xe7\x8e"}', 400),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_nobody_understands_reaches_nobody(house: House, platform: Platform, case: str) -> None:
    content_type, body, status = BODIES[case]
    house.calls.clear()
    for path in (TOKEN, HANDOFF):
        answer = platform.wire.post(
            f"{house.settings.public_url}/api/v1{path}",
            data=body,
            headers={"Authorization": f"Bearer {platform.key}", "Content-Type": content_type, "Idempotency-Key": case},
            timeout=30,
        )
        assert told(answer) == (status, "request_invalid")
    assert house.calls == []


@pytest.mark.parametrize(
    ("case", "more"),
    [
        ("another site", {"next": "https://evil.example/"}),
        ("another host", {"next": "//evil.example/"}),
        ("a backslash", {"next": "/\\evil.example"}),
        ("a tab", {"next": "/\t/evil.example"}),
        ("a script", {"next": "javascript:alert(1)"}),
        ("nowhere", {"next": ""}),
        ("up", {"next": "/softphone/../../x"}),
        ("the way out", {"next": "/logout"}),
        ("another hand-off", {"next": "/handoff/contoso/code"}),
        ("the API", {"next": "/api/v1/connections"}),
        ("a header", {"next": "/softphone\r\nSet-Cookie: a=b"}),
        ("endless", {"next": "/" + "a" * 2000}),
        ("a name of two lines", {"display_name": "Lin\nKim"}),
        ("a name of 256", {"display_name": "a" * 256}),
    ],
)
def test_a_hand_off_leads_to_an_own_page_and_names_a_person(
    platform: Platform, case: str, more: dict[str, str]
) -> None:
    assert (case, told(platform.handoff("contoso", LIN, **more))) == (case, (400, "request_invalid"))


@pytest.mark.parametrize("text", ["a" * 256, "wang\xe9", "a\tb", "\x7f"], ids=ascii)
def test_a_junk_idempotency_key_is_refused_before_anything_is_done(house: House, platform: Platform, text: str) -> None:
    house.calls.clear()
    assert told(platform.token("contoso", LIN, **{"Idempotency-Key": text})) == (400, "request_invalid")
    assert house.calls == []


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "limit=1&limit=2", "cursor=%00", "cursor=*", "cursor=YQ%3D%3D%3D", "cursor=_w",
     "page=2", f"cursor={'a' * 1025}", "limit=1%0D%0ASet-Cookie:x=y", "limit=", "limit=1e1", "limit=-1"],
)  # fmt: skip
def test_a_question_that_nobody_understands_is_none(platform: Platform, query: str) -> None:
    answer = platform.ask("GET", f"/connections?{query}")
    assert told(answer) == (400, "request_invalid")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("limit", ["1%0A", "%201", "1_0", "%2B1", "01"])
def test_whatever_else_reads_as_a_number_does_no_harm_in_a_header(platform: Platform, limit: str) -> None:
    answer = platform.ask("GET", f"/connections?limit={limit}")
    assert answer.status_code in {200, 400}
    assert "\n" not in answer.headers.get("Link", "")


@pytest.mark.parametrize("verb", ["token", "handoff"])
@pytest.mark.parametrize(("mode", "connection"), [("oauth", "acme"), ("frontend", "initech")])
def test_what_needs_mode_jwt_says_so_in_another(platform: Platform, verb: str, mode: str, connection: str) -> None:
    answer = getattr(platform, verb)(connection, "lin")
    assert told(answer) == (409, "connection_mode_unsuited")
    assert answer.json()["received"] == f"mode {mode}"


FUYUN: Final = {
    "http_500": (504, "exchange_unreachable"),
    "invalid_grant": (502, "exchange_rejected"),
    "echo_token": (502, "exchange_rejected"),
    "no_access_token": (502, "exchange_answer_invalid"),
    "wrong_user": (403, "agent_mismatch"),
}


@pytest.mark.parametrize("fault", FUYUN)
def test_each_failure_of_fuyun_is_a_documented_problem(house: House, platform: Platform, fault: str) -> None:
    house.world.faults.set("exchange", fault)
    answer = platform.token("contoso", LIN)
    house.world.faults.clear()
    assert told(answer) == FUYUN[fault]
    assert answer.json()["code"] in documented(house, "issue_token")
    assert ("Retry-After" in answer.headers) is (fault == "http_500")
    assert "eyJ" not in answer.text


def test_an_agent_is_looked_up_where_the_connection_may(house: House, platform: Platform) -> None:
    unknown = platform.ask("GET", "/connections/contoso/agent?account_name=nobody")
    assert told(unknown) == (404, "agent_unknown")
    unsuited = platform.ask("GET", "/connections/initech/agent?account_name=lin")
    assert told(unsuited) == (409, "connection_mode_unsuited")
    assert {"agent_unknown", "connection_mode_unsuited"} <= documented(house, "show_agent")


@pytest.mark.parametrize(("account_name", "code"), [("nobody", "agent_unknown"), ("old", "agent_frozen")])
def test_an_agent_who_cannot_work_is_a_documented_problem(
    house: House, platform: Platform, account_name: str, code: str
) -> None:
    house.world.add_agent("old", frozen=True)
    answer = platform.token("contoso", account_name)
    assert told(answer) == (403, code)
    assert code in documented(house, "issue_token")


@pytest.mark.parametrize("account_name", ["王芳", "李" * 255, "+86 138 0000 0000", "a'b\"c<d>&e", "𠮷野家"], ids=ascii)
def test_a_name_is_taken_as_it_is(house: House, platform: Platform, account_name: str) -> None:
    house.world.add_agent(account_name)
    assert platform.token("contoso", account_name).json()["account_name"] == account_name


@pytest.mark.parametrize(
    ("network", "address", "is_inside"),
    [
        ("203.0.113.0/24", "203.0.113.255", True),
        ("203.0.113.0/24", "203.0.114.0", False),
        ("203.0.113.7/32", "203.0.113.7", True),
        ("203.0.113.0/24", "::ffff:203.0.113.9", True),
        ("203.0.113.0/24", "::203.0.113.9", False),
        ("2001:db8::/32", "2001:db8::1", True),
        ("2001:db8::/32", "2001:db9::1", False),
        ("2001:db8::/32", "203.0.113.9", False),
        ("128.0.0.0/1", "2001:db8::1", False),
        ("203.0.113.0/24", "", False),
        ("203.0.113.0/24", "unix:", False),
    ],
)
def test_a_key_is_good_from_its_networks_alone_whatever_a_header_says(
    house: House,
    network: str,
    address: str,
    is_inside: bool,  # noqa: FBT001 — a row of the table
) -> None:
    platform = platform_of(house, "contoso", networks=("192.0.2.1/32", network))
    asked = house.app.test_client().get
    headers = {"Authorization": f"Bearer {platform.key}", "X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1"}
    answer = asked("/api/v1/connections", headers=headers, environ_overrides={"REMOTE_ADDR": address})
    assert answer.status_code == (200 if is_inside else 403)
    if not is_inside:
        assert answer.json is not None
        assert answer.json["code"] == "api_key_forbidden"
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/nothing", (404, "page_unknown")),
        ("GET", "/connections/", (404, "page_unknown")),
        ("GET", "/connections/contoso/nothing", (404, "page_unknown")),
        ("GET", TOKEN, (405, "request_invalid")),
        ("DELETE", "/connections", (405, "request_invalid")),
    ],
)
def test_an_address_that_is_none_answers_as_the_api_does(
    platform: Platform, method: str, path: str, expected: tuple[int, str]
) -> None:
    answer = platform.ask(method, path, Accept="text/html")
    assert told(answer) == expected
    assert ("Allow" in answer.headers) is (expected[0] == 405)
