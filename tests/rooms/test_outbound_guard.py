"""Addresses that somebody entered in the console reach no private network; this machine plays the private host."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests_mock

from bridge.core.errors import BridgeError, IdpAnswerInvalid, IdpUnreachable
from bridge.outbound import FailAs, Limits, Outbound, PooledAdapter
from tests.kit.mounted import Mounted
from tests.rooms.loopback import HOST, Authority, Server, answering, serving
from tests.rooms.loopback import http as answer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

FAILURES = FailAs(IdpUnreachable, IdpAnswerInvalid)
LIMITS = Limits(connect=20, read=20, deadline=60)
NAME = "idp.example"
PUBLIC, OTHER_PUBLIC = "93.184.216.34", "2606:2800:220:1::1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def tls(authority: Authority) -> ssl.SSLContext:
    return authority.server_context(HOST, NAME)


@pytest.fixture
def outbound(authority: Authority) -> Iterator[Outbound]:
    way_out = Outbound(ca_bundle=str(authority.bundle), limits=LIMITS)
    yield way_out
    way_out.close()


@pytest.fixture
def server(tls: ssl.SSLContext) -> Iterator[Server]:
    with serving(answering(answer()), tls) as served:
        yield served


class World:
    """Name servers and routes by hand: public addresses lead to this machine, whatever they are."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: list[list[str]] = []
        self.asked: list[str] = []
        self.reached: list[str] = []
        self.silent: set[str] = set()
        self.tried: list[tuple[str, float]] = []
        self.hurries = False
        connect, look_up = socket.socket.connect, socket.getaddrinfo

        def getaddrinfo(host: str, port: int, *args: Any) -> Any:
            if host != NAME:
                return look_up(host, port, *args)
            self.asked.append(host)
            found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

        def reach(connected: socket.socket, target: Any) -> None:
            self.tried.append((target[0], connected.gettimeout() or 0))
            if target[0] in self.silent:
                time.sleep(0 if self.hurries else connected.gettimeout() or 0)
                raise TimeoutError
            self.reached.append(target[0])
            connect(connected, (HOST, target[1]))

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(socket.socket, "connect", reach)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def named(server: Server) -> str:
    return f"https://{NAME}:{server.port}/secret-path"


def refused(act: Callable[[], object]) -> BridgeError:
    with pytest.raises(BridgeError) as failure:
        act()
    return failure.value


def assert_private(failure: BridgeError) -> None:
    assert failure.code == "idp_answer_invalid"
    assert (failure.expected, failure.received) == ("a public address", "a private one")
    assert str(failure.__cause__) == ""


class TestRefused:
    @pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0.0.0.0", "localhost", "[::1]"])
    def test_a_literal_private_host_is_not_reached(self, outbound: Outbound, server: Server, host: str) -> None:
        url = f"https://{host}:{server.port}/"
        assert_private(refused(lambda: outbound.get(url, FAILURES, public_only=True)))
        assert_private(refused(lambda: outbound.send("POST", url, FAILURES, form={"a": "b"}, public_only=True)))
        assert_private(refused(lambda: outbound.check_public(url, FAILURES)))
        assert server.connections == 0

    @pytest.mark.parametrize(
        "host",
        ["[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]", "[fe80::1]", "[fd00:ec2::254]"],
    )
    def test_ipv6_forms_of_private_addresses_are_refused(self, outbound: Outbound, host: str) -> None:
        assert_private(refused(lambda: outbound.get(f"https://{host}/", FAILURES, public_only=True)))

    @pytest.mark.parametrize("host", ["169.254.169.254", "100.100.100.200", "10.0.0.1", "100.64.0.1", "192.168.0.1"])
    def test_hosts_of_clouds_and_companies_are_refused(self, outbound: Outbound, host: str) -> None:
        assert_private(refused(lambda: outbound.get(f"https://{host}/latest/meta-data/", FAILURES, public_only=True)))

    @pytest.mark.parametrize(
        "addresses",
        [[HOST], [PUBLIC, HOST], [HOST, PUBLIC], [PUBLIC, "10.0.0.1"], ["169.254.169.254", PUBLIC]],
        ids=["private", "private second", "private first", "company second", "cloud first"],
    )
    def test_a_private_address_is_refused_after_resolution(
        self, outbound: Outbound, server: Server, world: World, addresses: list[str]
    ) -> None:
        world.answers = [addresses]
        assert_private(refused(lambda: outbound.get(named(server), FAILURES, public_only=True)))
        assert_private(refused(lambda: outbound.check_public(named(server), FAILURES)))
        assert (world.tried, server.connections) == ([], 0)

    def test_an_open_port_and_a_closed_one_look_the_same(self, outbound: Outbound, server: Server) -> None:
        with serving(answering(answer())) as gone:
            pass
        texts = {
            str(refused(lambda: outbound.get(f"https://{HOST}:{port}/", FAILURES, public_only=True)))  # noqa: B023
            for port in (server.port, gone.port)
        }
        assert len(texts) == 1
        assert HOST not in texts.pop()

    def test_plain_http_is_refused(self, outbound: Outbound, world: World) -> None:
        for url in (f"http://{NAME}/", "HTTP://8.8.8.8/", f"http://{HOST}:1/"):
            for act in (
                lambda: outbound.get(url, FAILURES, public_only=True),  # noqa: B023
                lambda: outbound.check_public(url, FAILURES),  # noqa: B023
            ):
                failure = refused(act)
                assert (failure.code, failure.expected) == ("idp_answer_invalid", "an https address")
        assert (world.tried, world.asked) == ([], [])

    def test_the_guarded_pools_know_no_plain_http(self, outbound: Outbound) -> None:
        guarded = outbound._public_transport
        assert isinstance(guarded, PooledAdapter)
        assert set(guarded.poolmanager.pool_classes_by_scheme) == {"https"}


class TestReached:
    def test_what_was_checked_is_what_is_connected_to(self, outbound: Outbound, server: Server, world: World) -> None:
        world.answers = [[PUBLIC], [HOST]]
        assert outbound.get(named(server), FAILURES, public_only=True).status == 200
        assert (world.asked, world.reached) == ([NAME], [PUBLIC])

    def test_a_name_that_turns_private_is_refused_at_the_next_connection(
        self, outbound: Outbound, tls: ssl.SSLContext, world: World
    ) -> None:
        world.answers = [[PUBLIC], [HOST]]
        with serving(answering(answer(b"{}", "200 OK", "Connection: close")), tls) as closing:
            assert outbound.get(named(closing), FAILURES, public_only=True).status == 200
            assert_private(refused(lambda: outbound.get(named(closing), FAILURES, public_only=True)))
            assert (world.reached, closing.connections) == ([PUBLIC], 1)

    def test_a_guarded_connection_is_kept_alive(self, outbound: Outbound, server: Server, world: World) -> None:
        world.answers = [[PUBLIC], [HOST]]
        for _ in range(3):
            assert outbound.get(named(server), FAILURES, public_only=True).status == 200
        assert (server.connections, server.handshakes, world.asked) == (1, 1, [NAME])

    def test_a_free_connection_is_never_used_again_under_the_guard(
        self, outbound: Outbound, server: Server, world: World
    ) -> None:
        world.answers = [[HOST]]
        assert outbound.get(named(server), FAILURES).status == 200
        assert_private(refused(lambda: outbound.get(named(server), FAILURES, public_only=True)))
        assert len(server.asked) == 1

    def test_the_certificate_must_be_for_the_name_and_not_for_the_address(
        self, outbound: Outbound, authority: Authority, world: World
    ) -> None:
        world.answers = [[PUBLIC]]
        with serving(answering(answer()), authority.server_context(PUBLIC)) as impostor:
            failure = refused(lambda: outbound.get(named(impostor), FAILURES, public_only=True))
            assert (failure.code, failure.received) == ("idp_unreachable", "a failed TLS handshake")
            assert impostor.asked == []

    def test_the_name_is_sent_along_for_servers_of_many_names(
        self, outbound: Outbound, authority: Authority, world: World
    ) -> None:
        names: list[str | None] = []
        context = authority.server_context(NAME)
        context.sni_callback = lambda _socket, name, _context: names.append(name)
        world.answers = [[PUBLIC]]
        with serving(answering(answer()), context) as served:
            outbound.get(named(served), FAILURES, public_only=True)
            assert served.asked[0].headers["host"] == f"{NAME}:{served.port}"
        assert names == [NAME]

    def test_a_redirect_to_a_private_host_is_an_answer_and_is_not_followed(
        self, outbound: Outbound, tls: ssl.SSLContext, world: World
    ) -> None:
        world.answers = [[PUBLIC]]
        with serving(answering(answer()), tls) as inner:
            with serving(answering(answer(b"", "302 Found", f"Location: {inner.url()}")), tls) as outer:
                assert outbound.get(named(outer), FAILURES, public_only=True).status == 302
            assert inner.connections == 0

    def test_a_public_name_passes_the_check_without_a_connection(self, outbound: Outbound, world: World) -> None:
        world.answers = [[PUBLIC]]
        outbound.check_public(f"https://{NAME}/path", FAILURES)
        assert (world.asked, world.tried) == ([NAME], [])

    def test_where_the_deployment_allows_it_the_guard_is_off(self, authority: Authority, server: Server) -> None:
        free = Outbound(ca_bundle=str(authority.bundle), limits=LIMITS, allow_private=True)
        with serving(answering(answer())) as plain:
            for one in (server, plain):
                assert free.get(one.url(), FAILURES, public_only=True).status == 200
                free.check_public(one.url(), FAILURES)
        free.close()


@pytest.fixture
def name_server_that_hangs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let names be asked for, and answered a minute later."""
    over = threading.Event()

    def hang(*_: Any) -> list[Any]:
        over.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    yield
    over.set()


class TestChecking:
    @pytest.mark.parametrize("url", ["https://idp.invalid/", "https://a..b/", "https://[::1", "no address"])
    def test_an_address_that_leads_nowhere_is_unreachable(self, outbound: Outbound, url: str) -> None:
        assert refused(lambda: outbound.check_public(url, FAILURES)).code == "idp_unreachable"

    def test_an_unknown_name_is_told_as_such(self, outbound: Outbound) -> None:
        failure = refused(lambda: outbound.check_public("https://idp.invalid/", FAILURES))
        assert failure.received == "an unknown host name"

    @pytest.mark.usefixtures("name_server_that_hangs")
    def test_a_name_server_that_hangs_is_left_after_the_connect_limit(self) -> None:
        hasty = Outbound(limits=Limits(connect=0.05, read=60))
        started = time.monotonic()
        failure = refused(lambda: hasty.check_public(f"https://{NAME}/", FAILURES))
        assert (failure.code, failure.received) == ("idp_unreachable", "none in time")
        assert time.monotonic() - started < 30
        hasty.close()


class TestManyAddresses:
    """Connecting has one time limit, however many addresses a host has."""

    def test_silent_addresses_share_one_time_limit(self, authority: Authority, world: World) -> None:
        world.answers = [[f"93.184.216.{last}" for last in range(1, 9)]]
        world.silent = set(world.answers[0])
        hasty = Outbound(ca_bundle=str(authority.bundle), limits=Limits(connect=0.3, read=1, deadline=5))
        for public_only in (False, True):
            call = lambda: hasty.get(f"https://{NAME}/", FAILURES, public_only=public_only)  # noqa: B023, E731
            assert refused(call).received == "none in time"
        # In binary, eight parts of a limit may add up to a little more than the whole.
        assert all(sum(seconds for _, seconds in tries) < 0.31 for tries in (world.tried[:8], world.tried[8:]))
        assert len(world.tried) == 16
        hasty.close()

    def test_the_second_address_is_reached_when_the_first_is_silent(
        self, authority: Authority, server: Server, world: World
    ) -> None:
        world.answers, world.silent = [[PUBLIC, "1.1.1.1"]], {PUBLIC}
        hasty = Outbound(ca_bundle=str(authority.bundle), limits=Limits(connect=20, read=20, deadline=60))
        world.hurries = True
        assert hasty.get(named(server), FAILURES).status == 200
        assert [address for address, _ in world.tried] == [PUBLIC, "1.1.1.1"]
        assert world.tried[0][1] == pytest.approx(10, abs=5)
        hasty.close()

    @pytest.mark.usefixtures("name_server_that_hangs")
    def test_a_name_server_that_hangs_is_left_at_the_deadline(self) -> None:
        hasty = Outbound(limits=Limits(connect=60, read=60, deadline=0.1))
        assert refused(lambda: hasty.get(f"https://{NAME}/", FAILURES)).received == "none in time"
        hasty.close()


class TestOtherTransports:
    def test_mounted_applications_are_private_by_name_and_by_address(self) -> None:
        mounted, private, date = Mounted(), "inside.example", 1_800_000_000.0
        mounted.private.add(private)
        mounted.certificates = {NAME: date, private: date}
        outbound = Outbound(adapter=mounted)
        for host in (private, HOST, "[::1]"):
            url = f"https://{host}/"
            mounted.mount(f"https://{host}", _empty)
            assert outbound.get(url, FAILURES).status == 200
            assert_private(refused(lambda: outbound.get(url, FAILURES, public_only=True)))  # noqa: B023
            assert_private(refused(lambda: outbound.check_public(url, FAILURES)))  # noqa: B023
        mounted.mount(f"https://{NAME}", _empty)
        assert outbound.get(f"https://{NAME}/", FAILURES, public_only=True).status == 200
        outbound.check_public(f"https://{NAME}/", FAILURES)
        dates = [outbound.certificate_expiry(f"https://{host}/", public_only=True) for host in (NAME, private)]
        assert dates == [date, None]
        outbound.close()

    def test_no_line_is_opened_beforehand_where_plain_http_is_refused(self, outbound: Outbound) -> None:
        outbound.get_ready(f"http://{NAME}/", public_only=True)
        assert not [thread for thread in threading.enumerate() if thread.name == "egress-ready"]

    def test_a_transport_that_knows_no_addresses_is_asked_as_it_is(self) -> None:
        adapter = requests_mock.Adapter()
        adapter.register_uri("GET", f"https://{NAME}/", json={})
        outbound = Outbound(adapter=adapter)
        assert outbound.get(f"https://{NAME}/", FAILURES, public_only=True).status == 200
        outbound.check_public(f"https://{NAME}/", FAILURES)
        assert outbound.certificate_expiry(f"https://{NAME}/") is None


def _empty(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    return [b"{}"]
