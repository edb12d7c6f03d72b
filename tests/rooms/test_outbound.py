"""The way out, over real sockets: connections kept alive, limits held, nothing followed and nothing sent along."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import zlib
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import certifi
import pytest

from bridge.core.errors import BridgeError, IdpAnswerInvalid, IdpUnreachable
from bridge.egress import lines
from bridge.outbound import FailAs, Limits, Outbound
from tests.rooms.loopback import HOST, Authority, Server, answering, dripping, requests_on, serving
from tests.rooms.loopback import http as answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FAILURES = FailAs(IdpUnreachable, IdpAnswerInvalid)
PATIENT = Limits(connect=20, read=20, deadline=60, size=2000)
QUICK = Limits(connect=0.3, read=0.3, deadline=0.5, size=2000)
SOON = 20.0
"""Seconds that nobody would notice who waits for what never ends."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def outbound(authority: Authority) -> Iterator[Outbound]:
    way_out = Outbound(ca_bundle=str(authority.bundle), limits=PATIENT)
    yield way_out
    way_out.close()


@pytest.fixture(scope="module")
def hasty(authority: Authority) -> Iterator[Outbound]:
    way_out = Outbound(ca_bundle=str(authority.bundle), limits=QUICK)
    yield way_out
    way_out.close()


def took(act: Callable[[], object]) -> tuple[BridgeError, float]:
    """Return how an act failed and after how long."""
    started = time.monotonic()
    with pytest.raises(BridgeError) as failure:
        act()
    return failure.value, time.monotonic() - started


def get_ready(outbound: Outbound, url: str) -> None:
    """Have a line opened and wait until it is, or is not."""
    outbound.get_ready(url)
    for thread in threading.enumerate():
        if thread.name == "egress-ready":
            thread.join(60)


class TestReadiness:
    @pytest.mark.parametrize("is_tls", [False, True], ids=["http", "https"])
    def test_a_line_that_was_opened_beforehand_is_the_one_that_is_used(
        self, outbound: Outbound, authority: Authority, monkeypatch: pytest.MonkeyPatch, *, is_tls: bool
    ) -> None:
        monkeypatch.setattr(lines, "_TICKETS", 0.1)
        with serving(answering(answer()), authority.server_context(HOST) if is_tls else None) as server:
            get_ready(outbound, server.url())
            assert (server.opened(), len(server.asked)) == (1, 0)
            get_ready(outbound, server.url())
            assert outbound.get(server.url(), FAILURES).status == 200
            assert server.connections == 1

    def test_where_a_line_is_open_none_is_added(self, outbound: Outbound) -> None:
        with serving(answering(answer())) as server:
            outbound.get(server.url(), FAILURES)
            get_ready(outbound, server.url())
            assert outbound.get(server.url(), FAILURES).status == 200
            assert server.connections == 1

    @pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "https://[", "no address", "ftp://127.0.0.1/"], ids=str)
    def test_what_cannot_be_opened_is_no_failure_yet(self, outbound: Outbound, url: str) -> None:
        get_ready(outbound, url)


class TestConnections:
    def test_many_calls_share_one_tcp_connection(self, outbound: Outbound) -> None:
        with serving(answering(answer())) as server:
            for number in range(5):
                assert outbound.get(server.url(f"/{number}"), FAILURES).status == 200
            assert (server.connections, len(server.asked)) == (1, 5)

    def test_many_calls_share_one_tls_handshake(self, outbound: Outbound, authority: Authority) -> None:
        with serving(answering(answer()), authority.server_context(HOST)) as server:
            for _ in range(4):
                assert outbound.send("POST", server.url(), FAILURES, form={"a": "b"}).status == 200
            assert (server.connections, server.handshakes, len(server.asked)) == (1, 1, 4)

    def test_threads_at_once_get_connections_of_their_own_and_keep_them(self, outbound: Outbound) -> None:
        together = threading.Barrier(4)

        def act(connected: socket.socket, server: Server) -> None:
            for asked in requests_on(connected):
                server.asked.append(asked)
                if asked.target == "/first":
                    together.wait(60)
                connected.sendall(answer())

        with serving(act) as server:
            threads = [threading.Thread(target=outbound.get, args=(server.url("/first"), FAILURES)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            for _ in range(4):
                outbound.get(server.url("/later"), FAILURES)
            assert (server.connections, len(server.asked)) == (4, 8)

    def test_a_connection_that_the_server_closed_meanwhile_is_replaced(self, outbound: Outbound) -> None:
        def act(connected: socket.socket, server: Server) -> None:
            server.asked.append(next(requests_on(connected)))
            connected.sendall(answer())

        with serving(act) as server:
            for _ in range(2):
                assert outbound.get(server.url(), FAILURES).status == 200
                time.sleep(0.05)
            assert server.connections == 2

    def test_the_authorities_are_parsed_once_however_many_connections_are_made(
        self, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bundle = tmp_path / "bundle.pem"
        bundle.write_bytes(authority.bundle.read_bytes())
        parsed: list[str] = []
        load, default = ssl.SSLContext.load_verify_locations, ssl.create_default_context

        def counted_load(self: ssl.SSLContext, *args: Any, **kwargs: Any) -> None:
            parsed.append("load")
            load(self, *args, **kwargs)

        def counted_default(*args: Any, **kwargs: Any) -> ssl.SSLContext:
            parsed.append("context")
            return default(*args, **kwargs)

        monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counted_load)
        monkeypatch.setattr(ssl, "create_default_context", counted_default)
        Outbound(ca_bundle=str(bundle), limits=PATIENT).close()
        outbound = Outbound(ca_bundle=str(bundle), limits=PATIENT)
        at_the_start = list(parsed)
        for names in ((HOST,), (HOST, "localhost")):
            with serving(
                answering(answer(b"{}", "200 OK", "Connection: close")), authority.server_context(*names)
            ) as s:
                for _ in range(3):
                    outbound.get(s.url(), FAILURES)
                assert s.handshakes == 3
        assert parsed == at_the_start == ["context", "load"]
        outbound.close()
        # Whom to trust has changed: what was read before counts no longer.
        bundle.write_bytes(authority.bundle.read_bytes() + b"\n")
        Outbound(ca_bundle=str(bundle), limits=PATIENT).close()
        assert parsed == at_the_start * 2


class TestTrust:
    def test_a_certificate_of_an_untrusted_authority_is_refused(self, authority: Authority, tmp_path: Path) -> None:
        other = Outbound(ca_bundle=str(Authority(tmp_path).bundle), limits=PATIENT)
        with serving(answering(answer()), authority.server_context(HOST)) as server:
            failure, _ = took(lambda: other.get(server.url("/secret-path"), FAILURES))
            assert failure.code == "idp_unreachable"
            assert failure.received == "a failed TLS handshake"
            assert server.asked == []
        other.close()

    def test_the_systems_authorities_do_not_trust_a_stranger(self, authority: Authority) -> None:
        usual = Outbound(limits=PATIENT)
        with serving(answering(answer()), authority.server_context(HOST)) as server:
            failure, _ = took(lambda: usual.get(server.url(), FAILURES))
            assert failure.received == "a failed TLS handshake"
        usual.close()

    def test_a_certificate_for_another_host_is_refused(self, outbound: Outbound, authority: Authority) -> None:
        with serving(answering(answer()), authority.server_context("idp.example")) as server:
            failure, _ = took(lambda: outbound.get(server.url(), FAILURES))
            assert (failure.code, failure.received) == ("idp_unreachable", "a failed TLS handshake")
            assert server.asked == []

    def test_a_refused_host_stays_refused_after_a_good_one(self, outbound: Outbound, authority: Authority) -> None:
        with (
            serving(answering(answer()), authority.server_context(HOST)) as good,
            serving(answering(answer()), authority.server_context("idp.example")) as bad,
        ):
            assert outbound.get(good.url(), FAILURES).status == 200
            assert took(lambda: outbound.get(bad.url(), FAILURES))[0].received == "a failed TLS handshake"

    def test_old_versions_of_tls_are_refused(self, outbound: Outbound) -> None:
        context = outbound._transport._context  # type: ignore[attr-defined]
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert context.check_hostname

    def test_a_server_that_speaks_no_tls_is_unreachable(self, outbound: Outbound) -> None:
        with serving(lambda connected, _: connected.sendall(answer())) as server:
            failure, _ = took(lambda: outbound.get(server.url().replace("http:", "https:"), FAILURES))
            assert failure.code == "idp_unreachable"

    def test_a_machine_without_authorities_of_its_own_trusts_certifis(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loaded: list[str] = []
        nothing = SimpleNamespace(cafile=None, capath=None)
        monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nothing)
        monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda _, path: loaded.append(path))
        Outbound(limits=PATIENT).close()
        assert loaded == [certifi.where()]


class TestLimits:
    def test_a_redirect_is_an_answer_and_is_not_followed(self, outbound: Outbound) -> None:
        with serving(answering(answer(b"", "302 Found", "Location: /elsewhere"))) as server:
            assert outbound.send("POST", server.url(), FAILURES, form={"code": "x"}).status == 302
            assert [asked.target for asked in server.asked] == ["/"]

    def test_an_answer_of_exactly_the_limit_is_taken_and_one_byte_more_is_not(self, outbound: Outbound) -> None:
        with serving(answering(answer(b"a" * PATIENT.size), answer(b"a" * (PATIENT.size + 1)))) as server:
            assert len(outbound.get(server.url(), FAILURES).body) == PATIENT.size
            failure, _ = took(lambda: outbound.get(server.url(), FAILURES))
            assert (failure.code, failure.received) == ("idp_answer_invalid", "a larger answer")

    def test_an_endless_answer_is_cut_at_the_size_limit(self, outbound: Outbound) -> None:
        endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        with serving(dripping(endless, b"400\r\n" + b"a" * 1024 + b"\r\n", 0)) as server:
            failure, seconds = took(lambda: outbound.get(server.url(), FAILURES))
            assert failure.code == "idp_answer_invalid"
            assert seconds < PATIENT.deadline

    def test_no_compression_is_asked_for(self, outbound: Outbound) -> None:
        with serving(answering(answer())) as server:
            outbound.get(server.url(), FAILURES)
            assert server.asked[0].headers["accept-encoding"] == "identity"

    @pytest.mark.parametrize("size", [1_000_000, 20_000_000])
    def test_a_compressed_answer_counts_with_its_unfolded_size(self, outbound: Outbound, size: int) -> None:
        packed = gzip.compress(b" " * size, 1) if size < 10**7 else zlib.compress(b" " * size, 1)
        name = "gzip" if size < 10**7 else "deflate"
        with serving(answering(answer(packed, "200 OK", f"Content-Encoding: {name}"))) as server:
            failure, _ = took(lambda: outbound.get(server.url(), FAILURES))
            assert failure.code == "idp_answer_invalid"

    def test_an_answer_that_cannot_be_decoded_is_invalid(self, outbound: Outbound) -> None:
        with serving(answering(answer(b"no gzip at all", "200 OK", "Content-Encoding: gzip"))) as server:
            failure, _ = took(lambda: outbound.get(server.url(), FAILURES))
            assert failure.code == "idp_answer_invalid"

    def test_a_server_that_never_answers_is_unreachable_after_the_read_time_out(self, hasty: Outbound) -> None:
        def act(connected: socket.socket, _: Server) -> None:
            while connected.recv(4096):
                pass

        with serving(act) as server:
            failure, seconds = took(lambda: hasty.get(server.url(), FAILURES))
            assert (failure.code, failure.received) == ("idp_unreachable", "none in time")
            assert QUICK.read * 0.9 < seconds < SOON

    def test_an_answer_that_stops_in_the_middle_is_unreachable_after_the_read_time_out(self, hasty: Outbound) -> None:
        with serving(dripping(answer(b"{}")[:-1], b"", 0.05)) as server:
            failure, seconds = took(lambda: hasty.get(server.url(), FAILURES))
            assert (failure.code, failure.received) == ("idp_unreachable", "none in time")
            assert seconds < SOON

    def test_a_machine_that_takes_no_connection_is_unreachable_after_the_connect_time_out(
        self, hasty: Outbound
    ) -> None:
        with socket.socket() as full:
            full.bind((HOST, 0))
            full.listen(0)
            waiting = [socket.socket() for _ in range(4)]
            for one in waiting:  # the backlog is full when a connection no longer completes
                one.settimeout(0.1)
                one.connect_ex(full.getsockname())
            failure, seconds = took(lambda: hasty.get(f"http://{HOST}:{full.getsockname()[1]}/", FAILURES))
            for one in waiting:
                one.close()
        assert (failure.code, failure.received) == ("idp_unreachable", "none in time")
        assert seconds < SOON

    def test_a_handshake_that_drips_is_cut(self, hasty: Outbound) -> None:
        def act(connected: socket.socket, _: Server) -> None:
            connected.recv(4096)
            connected.sendall(b"\x16\x03\x03\x40\x00")  # a handshake record of 16,384 bytes, which come one by one
            for octet in b"\x02" * 1000:
                time.sleep(0.05)
                connected.sendall(bytes([octet]))

        with serving(act) as server:
            failure, seconds = took(lambda: hasty.get(server.url().replace("http:", "https:"), FAILURES))
            assert failure.code == "idp_unreachable"
            assert seconds < SOON


class TestDeadline:
    """However slowly an answer drips, one call ends."""

    DRIPS: ClassVar = {
        "headers": (b"HTTP/1.1 200 OK\r\n", b"X-Drop: 1\r\n"),
        "a header without an end": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
        "the status line": (b"HTTP/1.1 200 ", b"O"),
        "a measured body": (b"HTTP/1.1 200 OK\r\nContent-Length: 1900\r\n\r\n", b" "),
        "a chunked body": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        "a body without a measure": (b"HTTP/1.1 200 OK\r\n\r\n{}", b" "),
        "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    }

    @pytest.mark.parametrize("drip", DRIPS)
    def test_a_drip_is_cut_at_the_deadline(self, hasty: Outbound, drip: str) -> None:
        start, drop = self.DRIPS[drip]
        with serving(dripping(start, drop, 0.05)) as server:
            failure, seconds = took(lambda: hasty.get(server.url(), FAILURES))
        assert failure.code == "idp_unreachable"
        assert QUICK.deadline * 0.9 < seconds < SOON

    def test_a_drip_over_tls_is_cut_too(self, hasty: Outbound, authority: Authority) -> None:
        start, drop = self.DRIPS["a body without a measure"]
        with serving(dripping(start, drop, 0.05), authority.server_context(HOST)) as server:
            failure, seconds = took(lambda: hasty.get(server.url(), FAILURES))
        assert failure.code == "idp_unreachable"
        assert seconds < SOON

    def test_a_cut_call_leaves_the_others_alone(self) -> None:
        outbound = Outbound(limits=replace(PATIENT, deadline=0.6))
        with serving(dripping(*self.DRIPS["headers"], 0.05)) as slow, serving(answering(answer())) as quick:
            victim = threading.Thread(target=lambda: took(lambda: outbound.get(slow.url(), FAILURES)))
            victim.start()
            while victim.is_alive():
                assert outbound.get(quick.url(), FAILURES).status == 200
                time.sleep(0.02)
            assert quick.connections == 1
        outbound.close()

    def test_a_call_that_ended_meanwhile_is_cut_without_harm(self, hasty: Outbound) -> None:
        flight, connected = hasty._watch.until(0), socket.socket()
        flight.cut()
        assert not flight.is_cut
        flight.uses(connected)
        connected.close()
        flight.cut()
        assert flight.is_cut

    def test_a_slow_answer_within_the_deadline_is_taken(self, outbound: Outbound) -> None:
        with serving(dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"1", 0.05, 4)) as server:
            assert outbound.get(server.url(), FAILURES).body == b"1111"


class TestBrokenLines:
    BREAKS: ClassVar = {
        "before a byte": b"",
        "in the status line": b"HTTP/1.1 2",
        "in the body": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{",
        "in a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        "instead of HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    }

    @pytest.mark.parametrize("place", BREAKS)
    def test_a_line_that_breaks_is_unreachable(self, outbound: Outbound, place: str) -> None:
        def act(connected: socket.socket, _: Server) -> None:
            next(requests_on(connected))
            connected.sendall(self.BREAKS[place])

        with serving(act) as server:
            assert took(lambda: outbound.get(server.url(), FAILURES))[0].code == "idp_unreachable"

    def test_a_reset_is_unreachable(self, outbound: Outbound) -> None:
        def act(connected: socket.socket, _: Server) -> None:
            next(requests_on(connected))
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            connected.close()

        with serving(act) as server:
            failure, _ = took(lambda: outbound.get(server.url(), FAILURES))
            assert (failure.code, failure.received) == ("idp_unreachable", "a broken connection")

    def test_a_closed_port_is_a_refused_connection(self, outbound: Outbound) -> None:
        with serving(answering(answer())) as server:
            pass
        assert took(lambda: outbound.get(server.url(), FAILURES))[0].received == "a refused connection"

    def test_an_unknown_host_is_told_as_such(self, outbound: Outbound) -> None:
        failure, _ = took(lambda: outbound.get("https://idp.invalid/x", FAILURES))
        assert (failure.expected, failure.received) == ("an answer from https://idp.invalid", "an unknown host name")

    @pytest.mark.parametrize("url", ["https://", "https://a..b/", "ftp://idp.example/x", "https://[::1", "no address"])
    def test_an_address_that_is_none_is_unreachable(self, outbound: Outbound, url: str) -> None:
        assert took(lambda: outbound.get(url, FAILURES))[0].code == "idp_unreachable"

    @pytest.mark.parametrize("token", ["a\r\nX-Injected: 1", "王芳", " leading"])
    def test_a_header_that_cannot_be_sent_is_no_surprise(self, outbound: Outbound, token: str) -> None:
        with serving(answering(answer())) as server:
            headers = {"Authorization": token if token[0] == " " else f"Bearer {token}"}
            assert took(lambda: outbound.get(server.url(), FAILURES, headers=headers))[0].code == "idp_unreachable"
            assert server.asked == []
