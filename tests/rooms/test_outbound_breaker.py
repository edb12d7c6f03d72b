"""A host that does not answer is left alone and holds few threads; whoever is in a hurry waits for nobody."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from bridge.core.errors import BridgeError, IdpAnswerInvalid, IdpUnreachable
from bridge.egress.breaker import FAILURES
from bridge.outbound import FailAs, Limits, Outbound
from tests.kit.mounted import Mounted
from tests.rooms.loopback import HOST, Act, Authority, Server, answering, dripping, requests_on, serving
from tests.rooms.loopback import http as answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AS = FailAs(IdpUnreachable, IdpAnswerInvalid)
LIMITS = Limits(connect=20, read=20, deadline=40, size=100)
QUICK = replace(LIMITS, read=0.02)
NOT_ASKED = "none lately, so it was not asked"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def outbound(authority: Authority) -> Iterator[Outbound]:
    way_out = Outbound(ca_bundle=str(authority.bundle), limits=LIMITS)
    yield way_out
    way_out.close()


def refused(act: Callable[[], object]) -> BridgeError:
    with pytest.raises(BridgeError) as failure:
        act()
    return failure.value


def sending(data: bytes) -> Act:
    """Answer each request with these bytes and hang up."""

    def act(connected: socket.socket, _: Server) -> None:
        next(requests_on(connected))
        connected.sendall(data)

    return act


def changing(moods: list[Act]) -> Act:
    """Treat each new connection by the newest mood."""

    def act(connected: socket.socket, server: Server) -> None:
        moods[-1](connected, server)

    return act


def stalling(data: bytes) -> Act:
    """Answer with these bytes and say nothing more."""

    def act(connected: socket.socket, _: Server) -> None:
        next(requests_on(connected))
        connected.sendall(data)
        connected.recv(1)

    return act


def silent(connected: socket.socket, server: Server) -> None:
    """Take what comes and never answer."""
    for asked in requests_on(connected):
        server.asked.append(asked)


def reset(connected: socket.socket, _: Server) -> None:
    """Break the connection off after the request."""
    next(requests_on(connected))
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connected.close()


UNANSWERED: dict[str, Act] = {
    "silence": silent,
    "a reset": reset,
    "no byte": sending(b""),
    "another protocol": sending(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "a body that breaks off": sending(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
    "headers without an end": stalling(b"HTTP/1.1 200 OK\r\nX-Long: "),
}
ANSWERED = {
    "a document": answer(),
    "a redirect": answer(b"", "302 Found", "Location: /elsewhere"),
    "a refusal": answer(b"{}", "400 Bad Request"),
    "trouble of its own": answer(b"{}", "503 Service Unavailable"),
    "too many bytes": answer(b"a" * 101),
    "bytes that cannot be decoded": answer(b"no gzip", "200 OK", "Content-Encoding: gzip"),
}


class TestWhatCounts:
    @pytest.mark.parametrize("act", UNANSWERED)
    def test_calls_that_nobody_answered_open_the_circuit(self, act: str) -> None:
        outbound = Outbound(limits=QUICK)
        with serving(UNANSWERED[act]) as server:
            failures = [refused(lambda: outbound.get(server.url(), AS)) for _ in range(FAILURES + 1)]
            assert server.connections <= FAILURES
        assert {failure.code for failure in failures} == {"idp_unreachable"}
        assert [failure.received == NOT_ASKED for failure in failures] == [False] * FAILURES + [True]
        assert failures[-1].expected == f"an answer from {server.url('')}"
        assert outbound.circuits() == {server.url(""): "open"}
        outbound.close()

    def test_so_do_refused_connections_unknown_names_and_failed_handshakes(
        self, outbound: Outbound, authority: Authority
    ) -> None:
        with serving(answering(answer()), authority.server_context("idp.example")) as untrusted:
            with serving(answering(answer())) as gone:
                pass
            hosts = [untrusted.url(""), gone.url(""), "https://idp.invalid"]
            for host in hosts:
                received = [refused(lambda: outbound.get(f"{host}/", AS)).received for _ in range(6)]  # noqa: B023
                assert (received[-2] != NOT_ASKED, received[-1]) == (True, NOT_ASKED)
            assert untrusted.connections == FAILURES
        assert outbound.circuits() == dict.fromkeys(hosts, "open")

    @pytest.mark.parametrize("data", ANSWERED)
    def test_an_answer_of_any_kind_ends_the_row_of_failures(self, outbound: Outbound, data: str) -> None:
        moods: list[Act] = []
        with serving(changing(moods)) as server:

            def call() -> str:
                try:
                    return str(outbound.get(server.url(), AS).status)
                except BridgeError as failure:
                    return failure.code

            for mood in (reset, sending(ANSWERED[data]), reset):
                moods.append(mood)
                ended = [call() for _ in range(1 if mood is not reset else FAILURES - 1)]
                assert ("idp_unreachable" in ended) == (mood is reset)
        assert outbound.circuits() == {server.url(""): "closed"}

    @pytest.mark.parametrize(
        ("url", "headers"),
        [
            ("https://127.0.0.1:9/", {}),
            ("https://idp.example/", {"Authorization": "Bearer 王芳"}),
            ("https://idp.example/", {"Authorization": "a\r\nX-Injected: 1"}),
            ("https://a..b/", {}),
        ],
        ids=["private", "unsendable", "injected", "no name"],
    )
    def test_what_was_never_sent_counts_as_nothing(
        self, outbound: Outbound, monkeypatch: pytest.MonkeyPatch, url: str, headers: dict[str, str]
    ) -> None:
        with serving(answering(answer())) as server:
            place = (HOST, server.port)
            found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place)]
            if headers:
                monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
                url = f"http://idp.example:{server.port}/"
            for _ in range(FAILURES + 1):
                failure = refused(lambda: outbound.get(url, AS, headers=headers, public_only=not headers))
                assert failure.received != NOT_ASKED
        assert set(outbound.circuits().values()) <= {"closed"}

    def test_one_host_in_several_spellings_has_one_circuit(self) -> None:
        outbound = Outbound(adapter=Mounted())
        for url in (
            "https://idp.example/a",
            "https://IDP.example:443/b",
            "https://u:p@idp.example?c",
            "http://idp.example",
        ):
            refused(lambda: outbound.get(url, AS))  # noqa: B023
        assert outbound.circuits() == {"https://idp.example": "closed", "http://idp.example": "closed"}


def test_a_host_that_came_back_is_found_by_one_probe_without_a_restart(authority: Authority) -> None:
    now = [0.0]
    outbound = Outbound(limits=LIMITS, clock=lambda: now[0])
    moods: list[Act] = [reset]
    with serving(changing(moods)) as server:
        for _ in range(FAILURES):
            refused(lambda: outbound.get(server.url(), AS))
        moods.append(answering(answer()))
        assert refused(lambda: outbound.get(server.url(), AS)).received == NOT_ASKED
        now[0] = 10
        assert outbound.circuits() == {server.url(""): "half_open"}
        assert [outbound.get(server.url(), AS).status for _ in range(2)] == [200, 200]
    assert outbound.circuits() == {server.url(""): "closed"}
    outbound.close()


def test_a_silent_host_of_one_customer_holds_few_threads_and_costs_the_others_nothing() -> None:
    outbound = Outbound(limits=replace(LIMITS, per_host=4, wait=0))
    with serving(answering(answer())) as good, ThreadPoolExecutor(8) as threads:
        with serving(silent) as hanging:
            waiting = [threads.submit(outbound.get, hanging.url(), AS) for _ in range(40)]
            answers = [threads.submit(outbound.get, good.url(), AS) for _ in range(20)]
            assert [one.result(LIMITS.read / 2).status for one in answers] == [200] * 20
            refusals = [one.exception() for one in islice(as_completed(waiting, LIMITS.read / 2), 36)]
            assert {getattr(one, "received", "") for one in refusals} == {"too many calls under way"}
            still = [one for one in waiting if not one.done()]
            assert len(still) == 4
            assert hanging.connections <= 4
        assert {type(one.exception(60)) for one in still} == {IdpUnreachable}
    outbound.close()


def test_a_crowd_at_a_host_that_answers_waits_for_its_turn() -> None:
    outbound = Outbound(limits=replace(LIMITS, per_host=2, wait=60))
    with serving(answering(answer())) as server, ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: outbound.get(server.url(), AS).status, range(60)))
        assert answers == [200] * 60
        assert server.connections <= 2
    outbound.close()


class TestHurry:
    def test_all_calls_together_end_in_time_and_a_late_one_is_not_sent(self, outbound: Outbound) -> None:
        with serving(silent) as server, outbound.in_a_hurry(0.3):
            started = time.monotonic()
            failures = [refused(lambda: outbound.get(server.url(), AS)) for _ in range(FAILURES + 1)]
            assert 0.29 < time.monotonic() - started < LIMITS.read
            assert {(one.code, one.received) for one in failures} == {("idp_unreachable", "none in time")}
            assert server.requests() == 1
            assert refused(lambda: outbound.check_public(server.url(), AS)).received == "none in time"

    def test_a_drip_is_cut_at_the_hurrys_end(self, outbound: Outbound) -> None:
        with serving(dripping(b"HTTP/1.1 200 OK\r\n", b"X-Drop: 1\r\n", 0.02)) as server, outbound.in_a_hurry(0.05):
            started = time.monotonic()
            assert refused(lambda: outbound.get(server.url(), AS)).received == "none in time"
            assert time.monotonic() - started < LIMITS.read

    def test_what_a_hurry_cut_short_is_not_held_against_the_host(self, outbound: Outbound) -> None:
        with serving(silent) as server:
            for _ in range(FAILURES + 1):
                with outbound.in_a_hurry(0.02):
                    assert refused(lambda: outbound.get(server.url(), AS)).received == "none in time"
        assert outbound.circuits() == {server.url(""): "closed"}

    def test_what_fails_by_itself_in_a_hurry_is(self, outbound: Outbound) -> None:
        with serving(reset) as server, outbound.in_a_hurry(60):
            for _ in range(FAILURES):
                refused(lambda: outbound.get(server.url(), AS))
        assert outbound.circuits() == {server.url(""): "open"}

    def test_answers_in_time_are_taken_and_afterwards_there_is_time_again(self, outbound: Outbound) -> None:
        with serving(answering(answer())) as server:
            with outbound.in_a_hurry(5), outbound.in_a_hurry(60):
                assert outbound.get(server.url(), AS).status == 200
            with outbound.in_a_hurry(0):
                refused(lambda: outbound.get(server.url(), AS))
            assert outbound.get(server.url(), AS).status == 200
