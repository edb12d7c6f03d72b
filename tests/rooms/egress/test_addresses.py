"""Which addresses are public, in every spelling, and how a name becomes addresses."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from bridge.egress.addresses import Address, PrivateAddress, demand_public, is_public, resolve

if TYPE_CHECKING:
    from collections.abc import Callable

PRIVATE = [
    "",
    "localhost",
    "LOCALHOST.",
    "idp.localhost",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "2130706433",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.9",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "[::1]",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "[::ffff:a00:1]",
    "::ffff:169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8.",
    "134744072",
    "100.63.255.255",
    "100.128.0.1",
    "172.32.0.1",
    "2606:4700::1111",
    "[2606:4700::1111]",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
    "idp.example",
    "localhost.example",
    "10.example",
]


def four(*hosts: str) -> list[tuple[Any, ...]]:
    """Return what a resolver answers: one row an address."""
    rows: list[tuple[Any, ...]] = []
    for host in hosts:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        target = (host, 443, 0, 0) if ":" in host else (host, 443)
        rows.append((family, socket.SOCK_STREAM, 6, "", target))
    return rows


def answers(rows: list[tuple[Any, ...]]) -> Callable[..., list[tuple[Any, ...]]]:
    return lambda *_args, **_kwargs: rows


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_host_is_known_in_every_spelling(host: str) -> None:
    assert not is_public(host)


@pytest.mark.parametrize("host", PUBLIC)
def test_a_public_host_and_a_name_may_be_public(host: str) -> None:
    assert is_public(host)


@pytest.mark.parametrize("host", [host for host in PRIVATE if ":" in host and "[" not in host])
def test_a_private_address_among_public_ones_spoils_the_name(host: str) -> None:
    addresses = [Address(family, target) for family, _, _, _, target in four("1.1.1.1", host, "2606:4700::1111")]
    demand_public([addresses[0], addresses[2]])
    with pytest.raises(PrivateAddress) as refusal:
        demand_public(addresses)
    assert str(refusal.value) == ""


def test_an_answer_that_is_no_address_is_not_public() -> None:
    with pytest.raises(PrivateAddress):
        demand_public([Address(socket.AF_INET, ("idp.example", 443))])


class TestResolving:
    def test_families_come_in_turn_and_the_resolvers_first_choice_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = four("2606::1", "2606::2", "2606::3", "1.1.1.1", "1.1.1.2")
        monkeypatch.setattr(socket, "getaddrinfo", answers(rows))
        found = [address.target[0] for address in resolve("idp.example", 443, 5)]
        assert found == ["2606::1", "1.1.1.1", "2606::2", "1.1.1.2", "2606::3"]

    def test_an_address_resolves_to_itself(self) -> None:
        assert resolve("[::1]", 443, 0) == [Address(socket.AF_INET6, ("::1", 443))]
        assert resolve("127.1", 443, 0) == [Address(socket.AF_INET, ("127.0.0.1", 443))]

    def test_the_zone_of_a_link_local_address_is_left_to_the_system(self, monkeypatch: pytest.MonkeyPatch) -> None:
        zoned = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1", 443, 0, 7))]
        monkeypatch.setattr(socket, "getaddrinfo", answers(zoned))
        assert resolve("[fe80::1%eth0]", 443, 5) == [Address(socket.AF_INET6, ("fe80::1", 443, 0, 7))]

    @pytest.mark.parametrize("fault", [socket.gaierror(-2, "unknown"), RuntimeError("a fault")], ids=["name", "fault"])
    def test_a_failure_of_the_resolver_reaches_who_asked(
        self, fault: Exception, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> None:
            raise fault

        monkeypatch.setattr(socket, "getaddrinfo", fail)
        with pytest.raises(type(fault)):
            resolve("idp.example", 443, 5)

    @pytest.mark.parametrize("name", ["a..b", f"{'a' * 64}.example"], ids=["an empty label", "a long label"])
    def test_an_impossible_name_is_not_asked_for(self, name: str) -> None:
        with pytest.raises(UnicodeError):
            resolve(name, 443, 5)

    def test_a_resolver_that_hangs_is_left_behind(self, monkeypatch: pytest.MonkeyPatch) -> None:
        awake = threading.Event()

        def hang(*_: Any) -> list[tuple[Any, ...]]:
            awake.wait(60)
            return four("1.1.1.1")

        monkeypatch.setattr(socket, "getaddrinfo", hang)
        with pytest.raises(TimeoutError):
            resolve("idp.example", 443, 0.05)
        awake.set()
