"""What the way out sends, what it tells, and what it takes for JSON; over real sockets."""

from __future__ import annotations

import http.client
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from bridge.core.errors import BridgeError, IdpAnswerInvalid, IdpUnreachable
from bridge.egress.answer import Answer
from bridge.outbound import FailAs, Limits, Outbound, host_of
from tests.rooms.loopback import HOST, answering, serving
from tests.rooms.loopback import http as answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FAILURES = FailAs(IdpUnreachable, IdpAnswerInvalid)


@pytest.fixture(scope="module")
def outbound() -> Iterator[Outbound]:
    way_out = Outbound(limits=Limits(connect=20, read=20, deadline=60))
    yield way_out
    way_out.close()


def refused(act: Callable[[], object]) -> BridgeError:
    with pytest.raises(BridgeError) as failure:
        act()
    return failure.value


class TestWhatIsSent:
    def test_a_form_goes_in_the_body_with_its_type(self, outbound: Outbound) -> None:
        with serving(answering(answer())) as server:
            outbound.send("POST", server.url("/token"), FAILURES, form={"code": "a b&c", "name": "王"})
        asked = server.asked[0]
        assert (asked.method, asked.target) == ("POST", "/token")
        assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
        assert asked.body == b"code=a+b%26c&name=%E7%8E%8B"

    def test_every_call_says_who_asks_and_for_json(self, outbound: Outbound) -> None:
        with serving(answering(answer())) as server:
            outbound.get(server.url(), FAILURES)
            outbound.get(server.url(), FAILURES, headers={"Accept": "application/jwt"})
        first, second = (asked.headers for asked in server.asked)
        assert set(first) == {"host", "accept", "accept-encoding", "user-agent"}
        assert (first["accept"], first["user-agent"]) == ("application/json", "hotline-bridge")
        assert second["accept"] == "application/jwt"

    def test_an_authenticator_signs_the_request(self, outbound: Outbound) -> None:
        def sign(request: Any) -> Any:
            request.headers["Authorization"] = "Basic signed"
            return request

        with serving(answering(answer())) as server:
            outbound.send("POST", server.url(), FAILURES, form={}, auth=sign)
        assert server.asked[0].headers["authorization"] == "Basic signed"

    def test_a_cookie_of_one_answer_goes_nowhere(self, outbound: Outbound) -> None:
        setting = answer(b"{}", "200 OK", "Set-Cookie: secret=of-one-customer; Path=/")
        with serving(answering(setting)) as server, serving(answering(setting)) as other:
            for _ in range(2):
                outbound.get(server.url(), FAILURES)
            outbound.get(other.url(), FAILURES)
            assert not any("cookie" in asked.headers for asked in server.asked + other.asked)

    def test_neither_proxies_nor_netrc_of_the_environment_are_heeded(
        self, outbound: Outbound, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with serving(answering(answer())) as server, serving(answering(answer())) as proxy:
            (tmp_path / ".netrc").write_text(f"machine {HOST} login somebody password secret\n")
            (tmp_path / ".netrc").chmod(0o600)
            monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
            monkeypatch.setenv("HOME", str(tmp_path))
            for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url())
            monkeypatch.setenv("no_proxy", "")
            outbound.get(server.url(), FAILURES)
            assert "authorization" not in server.asked[0].headers
            assert proxy.connections == 0


class TestWhatIsTold:
    SECRET = "https://user:pass-word@idp.example:8443/secret-path/token?code=secret-code#secret-fragment"

    def test_an_address_is_shown_by_scheme_and_host_alone(self) -> None:
        assert host_of(self.SECRET) == "https://idp.example:8443"
        assert host_of("https://idp.example?code=secret") == "https://idp.example"
        assert host_of("https://idp.example#secret") == "https://idp.example"

    def test_no_failure_tells_path_query_or_credentials(self, outbound: Outbound) -> None:
        with serving(answering(answer())) as server:
            pass
        secret = self.SECRET.replace("https:", "http:").replace("idp.example:8443", f"{HOST}:{server.port}")
        failure = refused(lambda: outbound.get(secret, FAILURES))
        told = f"{failure} {failure.args} {failure.expected} {failure.received}"
        assert f"http://{HOST}:{server.port}" in told
        assert not re.search("secret|user|pass-word", told)

    def test_an_answer_does_not_print_its_body(self) -> None:
        assert "secret" not in repr(Answer(200, "application/json", b'{"access_token": "secret"}'))


class TestJson:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"no json",
            b"[]",
            b'"text"',
            b"1",
            b"null",
            b'{"a": 1, "a": 2}',
            b'{"deep": {"a": 1, "a": 2}}',
            b'{"a": NaN}',
            b'{"a": -Infinity}',
            b'{"a": 1',
            b"\xff\xfe\xff",
            b'{"a":' * 5000,
            b'{"a": ' + b"1" * 5000 + b"}",
        ],
        ids=range(14),
    )
    def test_whatever_is_no_plain_json_object_is_none(self, body: bytes) -> None:
        assert Answer(200, "application/json", body).json_object() is None

    def test_an_object_is_an_object(self) -> None:
        assert Answer(200, "text/plain", '{"名": "王芳", "n": 1}'.encode()).json_object() == {"名": "王芳", "n": 1}

    @pytest.mark.parametrize(
        ("content_type", "kind"),
        [
            ("application/json; charset=utf-8", "application/json"),
            ("", "without"),
            ("text/html<script>", "str of"),
        ],
    )
    def test_the_kind_of_an_answer_may_be_shown(self, content_type: str, kind: str) -> None:
        assert Answer(200, content_type, b"").kind.startswith(kind)


def test_the_servers_date_comes_along(outbound: Outbound) -> None:
    date = "Sun, 22 Nov 2026 08:00:00 GMT"
    with serving(answering(answer(json.dumps({}).encode(), "200 OK", f"Date: {date}"))) as server:
        assert outbound.get(server.url(), FAILURES).date == date


def test_http_clients_own_limits_stand(outbound: Outbound) -> None:
    many = "\r\n".join(f"X-{number}: 1" for number in range(http.client._MAXHEADERS + 5))  # type: ignore[attr-defined]
    with serving(answering(answer(b"{}", "200 OK", many))) as server:
        assert refused(lambda: outbound.get(server.url(), FAILURES)).code == "idp_unreachable"
