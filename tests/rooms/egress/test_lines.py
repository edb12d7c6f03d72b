"""Lines as a pool opens them: with a usual patience where nobody set a limit, and failures in the pool's own words."""

from __future__ import annotations

import socket

import pytest
from urllib3.exceptions import LocationParseError, MaxRetryError, NameResolutionError, NewConnectionError

from bridge.egress.addresses import PrivateAddress
from bridge.egress.lines import POOLS, PUBLIC_POOLS, open_socket
from tests.rooms.loopback import HOST, answering, http, serving


def test_a_line_works_outside_any_watched_call() -> None:
    with serving(answering(http())) as server:
        pool = POOLS["http"](HOST, server.port)
        assert [pool.request("GET", "/").status for _ in range(2)] == [200, 200]
        assert server.connections == 1
        pool.close()


def test_a_socket_keeps_the_whole_limit_for_what_follows() -> None:
    with serving(answering(http())) as server:
        with open_socket("localhost", server.port, 5, public_only=False) as connected:
            assert connected.gettimeout() == 5
            assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        with pytest.raises(PrivateAddress):
            open_socket("localhost", server.port, 5, public_only=True)


@pytest.mark.parametrize(
    ("host", "fault"),
    [("idp.invalid", NameResolutionError), (HOST, NewConnectionError)],
    ids=["unknown", "refused"],
)
def test_a_failure_to_connect_is_one_that_pools_know(host: str, fault: type[Exception]) -> None:
    with serving(answering(http())) as server:
        pass
    for scheme in POOLS:
        with POOLS[scheme](host, server.port, timeout=1, retries=0) as pool, pytest.raises(MaxRetryError) as failure:
            pool.request("GET", "/")
        assert isinstance(failure.value.reason, fault)


def test_an_impossible_name_is_one_that_pools_know() -> None:
    with POOLS["http"]("a..b", 80) as pool, pytest.raises(LocationParseError):
        pool.request("GET", "/")


def test_a_private_host_is_no_failure_of_the_line() -> None:
    with PUBLIC_POOLS["https"](HOST, 443) as pool, pytest.raises(PrivateAddress):
        pool.request("GET", "/")
