"""When certificates end, told by real servers that nobody sends a request to."""

from __future__ import annotations

import datetime as dt
import threading
import time
from typing import TYPE_CHECKING

import pytest

from bridge.egress import certificates
from bridge.egress.certificates import CertificateDates, Place
from bridge.outbound import Limits, Outbound
from tests.rooms.loopback import HOST, Authority, Server, answering, http, serving

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Iterator

TOMORROW = dt.timedelta(days=1).total_seconds()
LIMITS = Limits(connect=20, read=20, deadline=60)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def outbound(authority: Authority) -> Iterator[Outbound]:
    way_out = Outbound(ca_bundle=str(authority.bundle), limits=LIMITS)
    yield way_out
    way_out.close()


@pytest.fixture(scope="module")
def tls(authority: Authority) -> ssl.SSLContext:
    return authority.server_context(HOST)


def test_a_trusted_certificate_tells_its_end_and_gets_no_request(outbound: Outbound, tls: ssl.SSLContext) -> None:
    with serving(answering(http()), tls) as server:
        expiry = outbound.certificate_expiry(server.url("/path?query"))
        assert expiry == pytest.approx(time.time() + TOMORROW, abs=120)
        assert (server.connections, server.asked) == (1, [])


def test_a_certificate_for_another_host_tells_its_end(outbound: Outbound, authority: Authority) -> None:
    with serving(answering(http()), authority.server_context("idp.example")) as server:
        assert outbound.certificate_expiry(server.url()) == pytest.approx(time.time() + TOMORROW, abs=120)
        assert server.asked == []


def test_an_expired_certificate_tells_its_end(outbound: Outbound, authority: Authority) -> None:
    ended = dt.datetime(2020, 1, 31, 12, tzinfo=dt.UTC)
    with serving(answering(http()), authority.server_context(HOST, not_after=ended)) as server:
        assert outbound.certificate_expiry(server.url()) == ended.timestamp()
        assert server.asked == []


def test_a_certificate_of_a_strange_authority_tells_its_end(tls: ssl.SSLContext) -> None:
    usual = Outbound(limits=LIMITS)
    with serving(answering(http()), tls) as server:
        assert usual.certificate_expiry(server.url()) == pytest.approx(time.time() + TOMORROW, abs=120)
    usual.close()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "ftp://idp.example/", "https://", "no address", "https://a..b/", "https://[::1"]
)
def test_an_address_without_a_certificate_has_no_date(outbound: Outbound, url: str) -> None:
    assert outbound.certificate_expiry(url) is None


def test_nobody_at_home_has_no_date(outbound: Outbound, tls: ssl.SSLContext) -> None:
    with serving(answering(http()), tls) as server:
        pass
    assert outbound.certificate_expiry(server.url()) is None
    assert outbound.certificate_expiry("https://idp.invalid/") is None


def test_a_server_without_tls_has_no_date(outbound: Outbound) -> None:
    with serving(lambda connected, _: connected.sendall(http())) as server:
        assert outbound.certificate_expiry(server.url().replace("http:", "https:")) is None


def test_a_silent_server_is_left_after_the_read_limit(authority: Authority) -> None:
    over = threading.Event()

    def act(connected: socket.socket, _: Server) -> None:
        connected.recv(4096)
        over.wait(60)

    hasty = Outbound(ca_bundle=str(authority.bundle), limits=Limits(connect=2, read=0.1))
    with serving(act) as server:
        started = time.monotonic()
        assert hasty.certificate_expiry(server.url().replace("http:", "https:")) is None
        assert time.monotonic() - started < 30
        over.set()
    hasty.close()


def test_under_the_guard_no_private_host_is_asked(outbound: Outbound, tls: ssl.SSLContext) -> None:
    with serving(answering(http()), tls) as server:
        assert outbound.certificate_expiry(server.url()) is not None
        assert outbound.certificate_expiry(server.url(), public_only=True) is None
        assert server.connections == 1


def test_where_the_deployment_allows_it_a_private_host_is_asked(authority: Authority, tls: ssl.SSLContext) -> None:
    free = Outbound(ca_bundle=str(authority.bundle), limits=LIMITS, allow_private=True)
    with serving(answering(http()), tls) as server:
        assert free.certificate_expiry(server.url(), public_only=True) is not None
    free.close()


class TestRemembering:
    def test_a_date_is_kept_for_an_hour(self, outbound: Outbound, tls: ssl.SSLContext) -> None:
        moment = 0.0
        dates = CertificateDates(outbound._transport._context, lambda: moment)  # type: ignore[attr-defined]
        with serving(answering(http()), tls) as server:
            place = Place(HOST, server.port)
            for moment, connections in ((0.0, 1), (3599.0, 1), (3600.0, 2), (7199.0, 2)):  # noqa: B007 — the clock's
                assert dates.get(place, 2, 2, public_only=False) is not None
                assert server.connections == connections

    def test_a_failure_is_kept_for_a_minute(self, outbound: Outbound) -> None:
        moment = 0.0
        dates = CertificateDates(outbound._transport._context, lambda: moment)  # type: ignore[attr-defined]
        with serving(lambda connected, _: connected.close()) as server:
            for moment, connections in ((0.0, 1), (59.0, 1), (60.0, 2)):  # noqa: B007 — the clock's
                assert dates.get(Place(HOST, server.port), 2, 2, public_only=False) is None
                assert server.connections == connections

    def test_no_more_than_so_many_are_kept(self, outbound: Outbound, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(certificates, "MOST", 2)
        dates = CertificateDates(outbound._transport._context)  # type: ignore[attr-defined]
        for number in range(4):
            dates.get(Place(f"idp{number}.invalid", 443), 1, 1, public_only=False)
        assert [place.host for place, _ in dates._known] == ["idp2.invalid", "idp3.invalid"]
