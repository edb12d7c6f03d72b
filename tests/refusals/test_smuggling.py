"""Request smuggling: bytes that a proxy and our own server may read in two ways, sent to our server as it runs.

After each attack stands a good request on the same line. Where the attack is read in one way only, its answers are
those listed: the line is hung up after a doubtful one, and nothing of a body is ever answered as a request.
"""

from __future__ import annotations

import json
import re
import select
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from bridge.sandbox.world import demo_config
from tests.kit.ports import free_port
from tests.kit.processes import answers, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.processes import Command

HOST: Final = b"Host: phone.example.com\r\n"
LAST: Final = b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
INNER: Final = b"GET /nowhere HTTP/1.1\r\n" + HOST + b"\r\n"
_STATUS: Final = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")
ALSO_LAST: Final = 200


class Row(NamedTuple):
    id: str
    sent: bytes
    statuses: list[int]


def post(headers: bytes, body: bytes = b"") -> bytes:
    return b"POST /login HTTP/1.1\r\n" + HOST + headers + b"\r\n" + body


def get(headers: bytes = b"", target: bytes = b"/healthz", version: bytes = b"HTTP/1.1") -> bytes:
    return b"GET " + target + b" " + version + b"\r\n" + HOST + headers + b"\r\n"


REFUSED: Final = [400]
NO_LENGTH: Final = [411]
CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"
UPGRADE: Final = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAA\r\n"
ROWS: Final = [
    Row("a good request", get(), [200, ALSO_LAST]),
    Row("a body with its length", post(b"Content-Length: 3\r\n", b"a=b"), [405, ALSO_LAST]),
    Row("a request as a body", post(b"Content-Length: %d\r\n" % len(INNER), INNER), [405, ALSO_LAST]),
    Row("a request as the body of a GET", get(b"Content-Length: %d\r\n" % len(INNER)) + INNER, [200, ALSO_LAST]),
    # Content-Length (RFC 9112 section 6.3)
    Row("two lengths", post(b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(INNER), INNER), REFUSED),
    Row("two lengths in one line", post(b"Content-Length: 0, %d\r\n" % len(INNER), INNER), REFUSED),
    Row("a length twice in one line", post(b"Content-Length: 3, 3\r\n", b"a=b"), REFUSED),
    Row("a length with a sign", post(b"Content-Length: +3\r\n", b"a=b"), REFUSED),
    Row("a negative length", post(b"Content-Length: -1\r\n", INNER), REFUSED),
    Row("a hexadecimal length", post(b"Content-Length: 0x3\r\n", b"a=b"), REFUSED),
    Row("a length with a blank", post(b"Content-Length: 3 0\r\n", b"a=b"), REFUSED),
    Row("a length beyond 64 bits", post(b"Content-Length: 18446744073709551619\r\n", b"a=b"), REFUSED),
    Row("an empty length", post(b"Content-Length:\r\n", INNER), REFUSED),
    Row("a length with a point", post(b"Content-Length: 3.0\r\n", b"a=b"), REFUSED),
    Row("an underscore's length", post(b"Content_Length: 3\r\nContent-Length: 0\r\n"), [405, ALSO_LAST]),
    # Transfer-Encoding (section 6.1)
    Row("both, the length first", post(b"Content-Length: 4\r\n" + CHUNKED, b"0\r\n\r\n" + INNER), NO_LENGTH),
    Row("both, the length last", post(CHUNKED + b"Content-Length: 4\r\n", b"0\r\n\r\n" + INNER), NO_LENGTH),
    Row("chunks", post(CHUNKED, b"3\r\na=b\r\n0\r\n\r\n"), NO_LENGTH),
    Row("chunks in capitals", post(b"TRANSFER-ENCODING: CHUNKED\r\n", b"0\r\n\r\n"), NO_LENGTH),
    Row("chunks of a GET", get(CHUNKED) + b"0\r\n\r\n" + INNER, NO_LENGTH),
    Row("chunks twice", post(b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n" + INNER), NO_LENGTH),
    Row("chunks in two lines", post(CHUNKED * 2, b"0\r\n\r\n" + INNER), NO_LENGTH),
    Row("packed chunks", post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n" + INNER), NO_LENGTH),
    Row("chunks after a tab", post(b"Transfer-Encoding:\tchunked\r\n", b"0\r\n\r\n" + INNER), NO_LENGTH),
    Row("chunks that are not last", post(b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n" + INNER), REFUSED),
    Row("identity", post(b"Transfer-Encoding: identity\r\nContent-Length: 3\r\n", b"a=b"), REFUSED),
    Row("an unknown encoding", post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n" + INNER), REFUSED),
    Row("a quoted encoding", post(b'Transfer-Encoding: "chunked"\r\n', b"0\r\n\r\n" + INNER), REFUSED),
    Row("an encoding after a vertical tab", post(b"Transfer-Encoding:\x0bchunked\r\n", b"0\r\n\r\n"), REFUSED),
    Row("an encoding with a nul", post(b"Transfer-Encoding: chunked\x00\r\n", b"0\r\n\r\n"), REFUSED),
    Row("an encoding in HTTP/1.0", get(CHUNKED, version=b"HTTP/1.0") + b"0\r\n\r\n" + INNER, REFUSED),
    Row("an underscore's encoding", post(b"Transfer_Encoding: chunked\r\nContent-Length: 0\r\n"), NO_LENGTH),
    # Chunks themselves (section 7.1)
    Row("a chunk's extension with a line feed", post(CHUNKED, b"3;x\na=b\r\n0\r\n\r\n" + INNER), NO_LENGTH),
    Row("chunks with line feeds alone", post(CHUNKED, b"3\na=b\n0\n\n" + INNER), NO_LENGTH),
    Row("a chunk of 0x3", post(CHUNKED, b"0x3\r\na=b\r\n0\r\n\r\n" + INNER), NO_LENGTH),
    Row("a chunk of +3", post(CHUNKED, b"+3\r\na=b\r\n0\r\n\r\n" + INNER), NO_LENGTH),
    Row("a chunk of -3", post(CHUNKED, b"-3\r\na=b\r\n0\r\n\r\n" + INNER), NO_LENGTH),
    Row("a chunk beyond 64 bits", post(CHUNKED, b"F" * 17 + b"\r\na=b\r\n0\r\n\r\n" + INNER), NO_LENGTH),
    Row("a chunk that is longer than it says", post(CHUNKED, b"3\r\na=bXX0\r\n\r\n" + INNER), NO_LENGTH),
    Row("headers after the chunks", post(CHUNKED, b"0\r\nHost: evil.example\r\n\r\n" + INNER), NO_LENGTH),
    # Lines and names (sections 2.2, 5.1, 5.2)
    Row("line feeds alone", b"GET /healthz HTTP/1.1\nHost: phone.example.com\n\n", [200, ALSO_LAST]),
    Row("carriage returns alone", b"GET /healthz HTTP/1.1\rHost: phone.example.com\r\r", REFUSED),
    Row("a carriage return in a header", get(b"A: b\rContent-Length: 9\r\n"), REFUSED),
    Row("a folded header", get(b"A: b\r\n Content-Length: 9\r\n"), REFUSED),
    Row("a folded first header", b"GET /healthz HTTP/1.1\r\n " + HOST + b"\r\n", REFUSED),
    Row("a blank before the colon", post(b"Content-Length : 3\r\n", b"a=b"), REFUSED),
    Row("a blank before the colon of an encoding", post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"), REFUSED),
    Row("a header without a colon", get(b"Content-Length\r\n"), REFUSED),
    Row("a header without a name", get(b": 3\r\n"), REFUSED),
    Row("a name with brackets", get(b"Content(Length): 3\r\n"), REFUSED),
    Row("a nul in a header", get(b"A: b\x00c\r\n"), REFUSED),
    # The first line (section 3)
    Row("two Hosts", get(b"Host: evil.example\r\n"), [*REFUSED, ALSO_LAST]),
    Row("another host in the request line", get(target=b"http://evil.example/healthz"), [200, ALSO_LAST]),
    Row("a host as the target", get(target=b"evil.example:80"), [308, ALSO_LAST]),
    Row("two slashes", get(target=b"//healthz"), [404, ALSO_LAST]),
    Row("a way up", get(target=b"/static/../healthz"), [404, ALSO_LAST]),
    Row("an encoded slash", get(target=b"/%2fhealthz"), [404, ALSO_LAST]),
    Row("bytes that are no text", get(target=b"/\xff\xfe"), REFUSED),
    Row("a nul in the path", get(target=b"/healthz\x00"), REFUSED),
    Row("a blank in the path", get(target=b"/healthz /x"), REFUSED),
    Row("two blanks", b"GET  /healthz HTTP/1.1\r\n" + HOST + b"\r\n", REFUSED),
    Row("tabs for blanks", b"GET\t/healthz\tHTTP/1.1\r\n" + HOST + b"\r\n", REFUSED),
    Row("HTTP/0.9", b"GET /healthz\r\n\r\n", REFUSED),
    Row("HTTP/2.0", get(version=b"HTTP/2.0"), REFUSED),
    Row("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []),
    Row("an upgrade to HTTP/2", get(UPGRADE), [200, ALSO_LAST]),
    Row("CONNECT", b"CONNECT evil.example:80 HTTP/1.1\r\n" + HOST + b"\r\n", [404, ALSO_LAST]),
    Row("TRACE", b"TRACE /healthz HTTP/1.1\r\n" + HOST + b"\r\n", [405, ALSO_LAST]),
    # Sizes
    Row("an address of 70 kB", get(target=b"/healthz?" + b"a" * 70_000), [414]),
    Row("a header of 1 MB", get(b"A: " + b"a" * 1_000_000 + b"\r\n"), [431]),
    Row("200 headers", get(b"".join(b"A%d: b\r\n" % number for number in range(200))), [431]),
    Row("a body of 200 kB that nobody reads", post(b"Content-Length: 200000\r\n", b"G" * 200_000), [405]),
]  # fmt: skip


class Served(NamedTuple):
    port: int
    command: Command


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder, port = tmp_path_factory.mktemp("raw"), free_port()
    url = f"http://127.0.0.1:{port}"
    config = folder / "bridge.toml"
    config.write_text(demo_config("http://localhost:1", url, str(folder)), "utf-8")
    with running(["serve", "--config", str(config)], folder) as command:
        command.wait_until(lambda: answers(f"{url}/healthz"))
        yield Served(port, command)


def exchange(port: int, sent: bytes, *, half: bool = False) -> bytes:
    """Send bytes and return all that comes until the server hangs up."""
    came = bytearray()
    with socket.create_connection(("127.0.0.1", port), 20) as line:
        try:
            line.sendall(sent)
            if half:
                line.shutdown(socket.SHUT_WR)
            while piece := line.recv(65_536):
                came += piece
        except ConnectionError:
            pass  # hung up on while it still sent
    return bytes(came)


def statuses(came: bytes) -> list[int]:
    return [int(found) for found in _STATUS.findall(came)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_there_is_one_reading(served: Served, row: Row) -> None:
    came = exchange(served.port, row.sent + LAST)
    assert statuses(came) == row.statuses
    assert b"evil.example" not in came
    assert re.search(rb"(?i)^server: .*[0-9]", came, re.MULTILINE) is None


def test_half_a_form_is_no_form(served: Served) -> None:
    path, form = b"POST /backchannel-logout/globex HTTP/1.1\r\n", b"Content-Type: application/x-www-form-urlencoded\r\n"
    sent = path + HOST + form + b"Content-Length: 100\r\n\r\nlogout_token=abc"
    came = exchange(served.port, sent, half=True)
    assert statuses(came) in ([400], [])
    assert "logout_token" not in served.command.written


def test_bodies_that_never_come_keep_nobody_else_waiting(served: Served) -> None:
    threads = 32
    sent = post(b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n", b"a").replace(
        b"/login", b"/backchannel-logout/globex"
    )
    with ExitStack() as held:
        lines = [
            held.enter_context(socket.create_connection(("127.0.0.1", served.port), 60)) for _ in range(threads + 8)
        ]
        for line in lines:
            line.sendall(sent)
        give_up_at = time.monotonic() + 60
        while len(answered := select.select(lines, [], [], 1)[0]) < len(lines) - threads // 2:
            assert time.monotonic() < give_up_at
            time.sleep(0.02)
        assert {tuple(statuses(line.recv(65_536))) for line in answered} == {(429,)}
        assert statuses(exchange(served.port, LAST)) == [200]


def test_nothing_of_it_surprised_the_server(served: Served) -> None:
    lines = [json.loads(line) for line in served.command.written.splitlines() if line.startswith("{")]
    assert [line for line in lines if line["event"] == "surprise" or line["level"] in {"error", "critical"}] == []
    assert served.command.process.poll() is None
