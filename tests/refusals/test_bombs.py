"""What is small to send and large to read: from servers that the bridge asks, and from strangers who ask the bridge."""

from __future__ import annotations

import gzip
import time
import tracemalloc
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

from bridge.core.errors import BridgeError, IdpAnswerInvalid, IdpUnreachable
from bridge.egress.answer import Answer
from bridge.outbound import FailAs, Limits, Outbound
from tests.rooms.loopback import Act, http, requests_on, serving

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from tests.kit.house import House
    from tests.rooms.loopback import Server

FAILURES: Final = FailAs(IdpUnreachable, IdpAnswerInvalid)
MOST_SECONDS: Final = 30
MOST_MEMORY: Final = 24 * 1024 * 1024
MEGABYTE: Final = b"\0" * 1024 * 1024
# A file of gzip may hold many members: a gigabyte of zeros in a megabyte.
GIGABYTE: Final = gzip.compress(MEGABYTE, mtime=0) * 1024
DEFLATED: Final = zlib.compress(MEGABYTE * 16, 1)
INVALID: Final = "idp_answer_invalid"
UNREACHABLE: Final = "idp_unreachable"
# What is refused for what it is gets time for that, also on a busy machine; what never ends is cut soon.
LIMITS: Final = {
    INVALID: Limits(connect=10, read=10, deadline=10),
    UNREACHABLE: Limits(connect=10, read=10, deadline=0.4),
}


# From servers ---------------------------------------------------------------------------------------------------------


def packed(body: bytes, coding: str) -> Act:
    """Answer with a body in these codings."""
    return sending(http(body, "200 OK", f"Content-Encoding: {coding}"))


def sending(start: bytes, again: bytes = b"") -> Act:
    """Answer with `start`, then with `again` as long as anybody listens."""

    def act(connected: socket.socket, server: Server) -> None:
        server.asked.append(next(requests_on(connected)))
        connected.sendall(start)
        while again:
            connected.sendall(again)

    return act


def framed(*headers: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", "Content-Type: application/json", *headers, "", ""]).encode()


CHUNKED: Final = framed("Transfer-Encoding: chunked")
SERVERS: Final[dict[str, tuple[Act, str]]] = {
    "a gigabyte in gzip": (packed(GIGABYTE, "gzip"), INVALID),
    "a gigabyte in gzip in gzip": (packed(gzip.compress(GIGABYTE), "gzip, gzip"), INVALID),
    "a gigabyte in gzip in gzip in gzip": (packed(gzip.compress(gzip.compress(GIGABYTE)), "gzip, gzip, gzip"), INVALID),
    "sixteen megabytes in deflate": (packed(DEFLATED, "deflate"), INVALID),
    "sixteen megabytes in raw deflate": (packed(DEFLATED[2:-4], "deflate"), INVALID),
    "a hundred codings": (packed(b"x", ", ".join(["gzip"] * 100)), INVALID),
    "what is not packed at all": (packed(b'{"a": 1}', "deflate"), INVALID),
    "two megabytes": (sending(http(MEGABYTE * 2)), INVALID),
    "a body without an end": (sending(framed(), MEGABYTE), INVALID),
    "chunks without an end": (sending(CHUNKED, b"10000\r\n" + b" " * 0x10000 + b"\r\n"), INVALID),
    "a chunk of 16 exabytes": (sending(CHUNKED + b"FFFFFFFFFFFFFFFF\r\n", MEGABYTE), INVALID),
    "a chunk of less than nothing": (sending(CHUNKED + b"-1\r\n", MEGABYTE), UNREACHABLE),
    "a chunk whose length never ends": (sending(CHUNKED, b"0" * 65_536), UNREACHABLE),
    "a chunk's length of words": (sending(CHUNKED + b"many\r\n"), UNREACHABLE),
    "a length of 16 exabytes": (sending(framed("Content-Length: 18446744073709551615"), MEGABYTE), INVALID),
    "a length of a million digits": (sending(framed(f"Content-Length: {'9' * 1_000_000}")), UNREACHABLE),
    "headers without an end": (sending(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 1000), UNREACHABLE),
    "a header without an end": (sending(b"HTTP/1.1 200 OK\r\nA: ", b"b" * 65_536), UNREACHABLE),
    "a first line without an end": (sending(b"HTTP/1.1 200 ", b"O" * 65_536), UNREACHABLE),
    "answers that only go on": (sending(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), UNREACHABLE),
    "another protocol": (sending(b"SSH-2.0-OpenSSH_9.9\r\n"), UNREACHABLE),
    "nothing but line breaks": (sending(b"", b"\r\n" * 10_000), UNREACHABLE),
}


@pytest.fixture(scope="module")
def ways_out() -> Iterator[dict[str, Outbound]]:
    ways = {code: Outbound(limits=limits) for code, limits in LIMITS.items()}
    yield ways
    for way_out in ways.values():
        way_out.close()


@pytest.mark.parametrize("sent", SERVERS)
def test_a_servers_bomb_costs_little_and_is_refused(ways_out: dict[str, Outbound], sent: str) -> None:
    act, code = SERVERS[sent]
    with serving(act) as server:
        tracemalloc.start()
        started = time.monotonic()
        with pytest.raises(BridgeError) as refusal:
            ways_out[code].get(server.url(), FAILURES)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert refusal.value.code == code
    # What this process itself sends is counted too: three megabytes at most.
    assert peak < MOST_MEMORY
    assert time.monotonic() - started < MOST_SECONDS


@pytest.mark.parametrize("sent", ["a gigabyte in gzip", "chunks without an end", "a body without an end"])
def test_a_streamed_bomb_ends_at_the_streams_own_limit(ways_out: dict[str, Outbound], sent: str) -> None:
    came: list[int] = []
    with (
        serving(SERVERS[sent][0]) as server,
        ways_out[INVALID].stream(server.url(), FAILURES, largest=100_000, deadline=MOST_SECONDS) as streamed,
        pytest.raises(IdpAnswerInvalid) as refusal,
    ):
        came.extend(map(len, streamed.chunks))
    assert refusal.value.received == "a larger answer"
    assert sum(came) <= 100_000


TEXTS: Final[dict[str, bytes]] = {
    "half a million brackets": b"[" * 500_000,
    "a hundred thousand objects in one another": b'{"a":' * 100_000,
    "deep, and closed again": b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "a number of a million digits": b'{"a":' + b"9" * 1_000_000 + b"}",
    "a negative number of a million digits": b'{"a":-' + b"9" * 1_000_000 + b"}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-16 without a mark": '{"a": 1}'.encode("utf-16-le"),
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "half a character as bytes": b'{"a": "\xed\xa0\x80"}',
    "a slash in two bytes": b'{"a": "\xc0\xaf"}',
    "a broken character": b'{"a": "\xe4\xb8"}',
    "a nul after the end": b'{"a": 1}\0',
    "a second object": b'{"a": 1}{"a": 2}',
    "a comment": b'{"a": 1 /* b */}',
    "a comma too many": b'{"a": 1,}',
    "single quotes": b"{'a': 1}",
    "a control character": b'{"a": "\x01"}',
    "a hundred thousand twins": b"{" + b'"a":1,' * 100_000 + b'"a":1}',
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_is_hard_to_read_is_no_json(text: str) -> None:
    started = time.thread_time()
    assert Answer(200, "application/json", TEXTS[text]).json_object() is None
    assert time.thread_time() - started < 1


def test_a_byte_order_mark_is_passed_over() -> None:
    assert Answer(200, "application/json", b'\xef\xbb\xbf{"a": 1}').json_object() == {"a": 1}


# From strangers -------------------------------------------------------------------------------------------------------


FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
PART: Final = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
MANY: Final = "&".join(f"{number:x}" for number in range(12_000))
DEEP: Final = "W1tb" * 4000 + ".e30.x"


def asking(path: str, **headers: str) -> Callable[[Any], Any]:
    return lambda client: client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def posting(path: str, body: str, content_type: str = FORM["Content-Type"]) -> Callable[[Any], Any]:
    return lambda client: client.post(path, data=body, headers={"Content-Type": content_type})


CALLBACK: Final = "/callback/globex"
_parted: Final = partial(posting, CALLBACK)
STRANGERS: Final[dict[str, Callable[[Any], Any]]] = {
    "30,000 twins in the address": asking("/login?" + "a&" * 30_000),
    "12,000 names in the address": asking(f"/login?{MANY}"),
    "names in brackets": asking("/login?" + "a[b]" * 15_000 + "=c"),
    "an address encoded often": asking("/login?next=" + "%25" * 20_000),
    "a path of 30,000 parts": asking("/" + "a/" * 30_000),
    "a name of 60,000 letters": asking("/login/" + "x" * 60_000),
    "32,000 twins in a form": posting(CALLBACK, "a&" * 32_000),
    "12,000 names in a form": posting(CALLBACK, MANY),
    "2,000 parts": _parted(PART * 1200 + "--x--\r\n", "multipart/form-data; boundary=x"),
    "a boundary everywhere": _parted("-" * 60_000, "multipart/form-data; boundary=-"),
    "a part of line breaks": _parted(PART + "\r" * 60_000, "multipart/form-data; boundary=x"),
    "a part's header of semicolons": _parted(PART[:40] + " ;" * 30_000, "multipart/form-data; boundary=x"),
    "a type with 10,000 parameters": _parted("a=b", "multipart/form-data" + "; a=b" * 10_000),
    "a type of quotes": _parted("a=b", 'multipart/form-data; a="' + '\\"' * 25_000),
    "7,000 cookies": asking("/login", Cookie="; ".join(f"a{number}=b" for number in range(7000))),
    "a cookie of semicolons": asking("/login", Cookie=";" * 60_000),
    "a cookie of backslashes": asking("/login", Cookie='a="' + "\\" * 60_000),
    "a session id of 60,000 letters": asking("/session", Cookie="bridge_session=" + "x" * 60_000),
    "eight pending sign-ins of 7,000 letters": asking(
        f"{CALLBACK}?state=x", Cookie="; ".join(f"bridge_signin_{number}={'x' * 7000}" for number in range(8))
    ),
    "5,000 languages": asking("/login", Accept_Language=",".join(f"a{number};q=0.5" for number in range(5000))),
    "a language of 30,000 parts": asking("/login", Accept_Language="z" + "-z" * 30_000),
    "a language of blanks": asking("/login", Accept_Language="z" + " " * 60_000 + "x"),
    "5,000 kinds of answers": asking("/nowhere", Accept=",".join(f"a/b{number}" for number in range(5000))),
    "a kind of answer with 15,000 parameters": asking("/nowhere", Accept="text/html" + ";a=b" * 15_000),
    "a key of 60,000 letters": asking("/api/v1/connections", Authorization="Bearer " + "hlb_" * 15_000),
    "9,000 parts of a file": asking("/static/css/base.css", Range="bytes=" + ",".join(map("{}-".format, range(9000)))),
    "9,000 versions of a file": asking("/static/css/base.css", If_None_Match=",".join(map('"{}"'.format, range(9000)))),
    "a date of 12,000 days": asking("/static/css/base.css", If_Modified_Since="Sun, " * 12_000),
    "a browser of 7,000 names": asking("/login/globex", User_Agent="Mozilla/" * 7000),
    "8,000 hops": asking(CALLBACK, X_Forwarded_For="1.1.1.1," * 8000),
    "a logout token of dots": posting("/backchannel-logout/globex", "logout_token=" + "." * 16_000),
    "a logout token of brackets": posting("/backchannel-logout/globex", f"logout_token={DEEP}"),
}


@pytest.mark.parametrize("sent", STRANGERS)
def test_a_strangers_bomb_costs_little(shared: House, sent: str) -> None:
    client = shared.app.test_client()
    client.get("/login")
    started = time.thread_time()
    answer = STRANGERS[sent](client)
    answer.close()
    assert time.thread_time() - started < 1
    assert answer.status_code < 500
