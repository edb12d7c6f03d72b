"""Answers that are read while they come: what ends them, whose error that is, and what is not even asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.core.errors import BridgeError, IdpAnswerInvalid, IdpUnreachable
from bridge.outbound import FailAs, Limits, Outbound
from tests.rooms.loopback import answering, dripping, http, requests_on, serving

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from tests.rooms.loopback import Server

FAILURES = FailAs(IdpUnreachable, IdpAnswerInvalid)
BODY = bytes(range(256)) * 1024


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    way_out = Outbound(limits=Limits(connect=20, read=20, deadline=20, size=10))
    yield way_out
    way_out.close()


@pytest.fixture
def hasty() -> Iterator[Outbound]:
    way_out = Outbound(limits=Limits(connect=20, read=0.2, deadline=20, size=10))
    yield way_out
    way_out.close()


def read(
    outbound: Outbound, url: str, *, largest: int = 10_000_000, deadline: float = 60, public: bool = False
) -> bytes:
    with outbound.stream(url, FAILURES, largest=largest, deadline=deadline, public_only=public) as answer:
        return b"".join(answer.chunks)


def half(connected: socket.socket, server: Server) -> None:
    server.asked.append(next(requests_on(connected)))
    connected.sendall(http(BODY)[: len(BODY) // 2])


def chunked(ending: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" + ending


class TestWhatComes:
    def test_a_body_larger_than_usual_comes_whole_and_in_pieces(self, outbound: Outbound) -> None:
        asked = {"Range": "bytes=0-", "Accept": "audio/*"}
        with (
            serving(answering(http(BODY, "206 Partial Content", "Content-Range: bytes 0-1/2"))) as server,
            outbound.stream(server.url("/x"), FAILURES, headers=asked, largest=len(BODY), deadline=60) as answer,
        ):
            pieces = list(answer.chunks)
            assert (answer.status, answer.content_type, answer.length) == (206, "application/json", len(BODY))
            assert answer.headers["Content-Range"] == "bytes 0-1/2"
            assert (b"".join(pieces), len(pieces) > 1, repr(answer).count("chunks")) == (BODY, True, 0)
        sent = server.asked[0].headers
        assert (sent["range"], sent["accept"], sent["accept-encoding"]) == ("bytes=0-", "audio/*", "identity")

    def test_without_a_length_the_end_is_what_the_wire_says(self, outbound: Outbound) -> None:
        with serving(answering(chunked(b"0\r\n\r\n"))) as server:
            assert read(outbound, server.url()) == b"hello"

    def test_a_redirect_is_an_answer(self, outbound: Outbound) -> None:
        with (
            serving(answering(http(b"", "302 Found", "Location: http://10.0.0.1/"))) as server,
            outbound.stream(server.url(), FAILURES, largest=9, deadline=60) as answer,
        ):
            assert answer.status == 302

    def test_its_line_is_used_again(self, outbound: Outbound) -> None:
        with serving(answering(http(BODY))) as server:
            assert [read(outbound, server.url()) == BODY for _ in range(3)] == [True] * 3
            assert server.connections == 1


class TestWhatEndsIt:
    @pytest.mark.parametrize("ending", [b"", b"5\r\nhel"], ids=["no-last-chunk", "half-a-chunk"])
    def test_chunks_that_break_off_are_no_success(self, outbound: Outbound, ending: bytes) -> None:
        def act(connected: socket.socket, server: Server) -> None:
            server.asked.append(next(requests_on(connected)))
            connected.sendall(chunked(ending))

        with serving(act) as server, pytest.raises(IdpUnreachable):
            read(outbound, server.url())

    def test_a_body_shorter_than_announced_is_no_success(self, outbound: Outbound) -> None:
        with serving(half) as server, pytest.raises(IdpUnreachable):
            read(outbound, server.url())

    def test_a_body_that_stalls_is_given_up(self, hasty: Outbound) -> None:
        def act(connected: socket.socket, server: Server) -> None:
            half(connected, server)
            connected.recv(1)

        with serving(act) as server, pytest.raises(IdpUnreachable) as refusal:
            read(hasty, server.url())
        assert refusal.value.received == "none in time"

    @pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
    def test_a_body_that_drips_is_cut_at_the_deadline(self, outbound: Outbound, start: bytes) -> None:
        with serving(dripping(start, b".", 0.05)) as server, pytest.raises(IdpUnreachable) as refusal:
            read(outbound, server.url(), deadline=0.2)
        assert refusal.value.received == "none in time"

    @pytest.mark.parametrize(
        "answer", [http(BODY), chunked(b"6\r\n world\r\n0\r\n\r\n")], ids=["announced", "not-announced"]
    )
    def test_a_body_that_is_too_large_is_refused(self, outbound: Outbound, answer: bytes) -> None:
        with serving(answering(answer)) as server, pytest.raises(IdpAnswerInvalid) as refusal:
            read(outbound, server.url(), largest=10)
        assert refusal.value.expected == "at most 10 bytes"

    def test_the_readers_own_trouble_stays_its_own(self, outbound: Outbound) -> None:
        def use(url: str) -> None:
            with outbound.stream(url, FAILURES, largest=len(BODY), deadline=60) as answer:
                for _ in answer.chunks:
                    raise OSError(28, "No space left on device")

        with serving(answering(http(BODY))) as server:
            with pytest.raises(OSError, match="No space left"):
                use(server.url())
            assert set(outbound.circuits().values()) == {"closed"}
            assert read(outbound, server.url()) == BODY


class TestWhatIsNotAskedFor:
    def test_a_public_only_address_needs_tls(self, outbound: Outbound) -> None:
        with serving(answering(http(BODY))) as server:
            with pytest.raises(IdpAnswerInvalid):
                read(outbound, server.url(), public=True)
            assert server.asked == []

    def test_a_private_host_is_refused(self, outbound: Outbound) -> None:
        with pytest.raises(IdpAnswerInvalid) as refusal:
            read(outbound, "https://127.0.0.1:9/", public=True)
        assert refusal.value.expected == "a public address"

    def test_a_host_that_never_answers_is_left_alone(self, outbound: Outbound) -> None:
        with serving(answering(http())) as server:
            url = server.url()
        told = []
        for _ in range(6):
            with pytest.raises(BridgeError) as refusal:
                read(outbound, url)
            told.append(refusal.value.received)
        assert told[0] != told[-1] == "none lately, so it was not asked"

    def test_a_hurry_counts_for_the_body_too(self, outbound: Outbound) -> None:
        drip = dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b".", 0.05)
        with serving(drip) as server, pytest.raises(IdpUnreachable), outbound.in_a_hurry(0.2):
            read(outbound, server.url(), deadline=60)
