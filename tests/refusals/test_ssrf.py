"""Server-side request forgery: addresses by which somebody in the console would make the bridge knock inside.

Each is asked for as `public_only` calls are, with the real transport; a look at every name that is resolved and every
address that is connected to shows that no packet leaves for a private network, whichever parser is fooled on the way.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import pytest

from bridge.core.errors import BridgeError, IdpAnswerInvalid, IdpUnreachable
from bridge.egress.addresses import is_public
from bridge.outbound import FailAs, Limits, Outbound

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILURES: Final = FailAs(IdpUnreachable, IdpAnswerInvalid)
INSIDE: Final = {
    "intranet.example": ["10.1.2.3"],
    "intranet.example.": ["10.1.2.3"],
    "metadata.google.internal": ["169.254.169.254"],
    "kubernetes.default.svc": ["10.96.0.1"],
    "router.local": ["192.168.0.1"],
    "mixed.example": ["93.184.216.34", "127.0.0.1"],
    "late.example": ["2606:2800:220:1::1", "93.184.216.34", "::ffff:10.0.0.1"],
    "six.example": ["fd00::1"],
    "127.0.0.1.nip.example": ["127.0.0.1"],
    "zero.example": ["0.0.0.0"],
    "cgnat.example": ["100.64.0.1"],
    "nat64.example": ["64:ff9b::a9fe:a9fe"],
    "xn--fsqu00a.example": ["172.16.5.4"],
}
"""Names that lie inside, with what the resolver says of them."""
SPELLINGS: Final = {
    "decimal": ["2130706433", "2852039166", "3232235777", "167772161", "0", "4294967295"],
    "octal": ["0177.0.0.1", "0251.0376.0251.0376", "017700000001", "00000177.0.0.1", "0300.0250.0.1"],
    "hexadecimal": ["0x7f000001", "0x7f.1", "0xa9fea9fe", "0x7F.0x0.0x0.0x1", "0xc0.0xa8.0.1", "0x0"],
    "mixed": ["0x7f.0.0.01", "127.0x1", "169.0376.0xa9fe", "10.0x10203", "0x7f.00.1"],
    "short": ["127.1", "127.0.1", "10.1", "192.168.1", "169.254.43518"],
    "loopback": ["127.0.0.1", "127.255.255.254", "localhost", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1."],
    "of companies": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.255.255", "100.64.0.1", "100.127.255.255"],
    "of clouds": [
        "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "[fd00:ec2::254]",
    ],
    "for nobody": [
        "0.0.0.0", "0.0.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "240.0.0.1",
        "255.255.255.255", "192.88.99.1",
    ],
    "for many": ["224.0.0.1", "239.255.255.250", "[ff02::1]", "[ff0e::1]", "[ff05::1:3]"],
    "IPv6": [
        "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[fc00::1]", "[fdff::1]", "[fe80::1]", "[fe80::1%25eth0]",
        "[fec0::1]", "[2001:db8::1]", "[100::1]", "[3fff::1]", "[5f00::1]", "[2001:10::1]", "[2001:2::1]",
    ],
    "IPv4 in IPv6": [
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:a9fe:a9fe]", "[::ffff:0:127.0.0.1]", "[::127.0.0.1]",
        "[::7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::10.0.0.1]", "[2002:7f00:1::]",
        "[2002:a9fe:a9fe::1]", "[2002:c0a8:1::1]", "[2001:0:7f00:1::]", "[0:0:0:0:0:ffff:10.0.0.1]",
        "[::ffff:192.168.1.1]",
    ],
    "letters that look like digits": [
        "\u2460\u2461\u2466.0.0.1", "\uff11\uff12\uff17.\uff10.\uff10.\uff11", "127\u30020\u30020\u30021",
        "169\uff0e254\uff0e169\uff0e254", "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
        "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54", "127.0.0.\u00b9",
    ],
    "names": list(INSIDE),
}  # fmt: skip
FRAMES: Final = {
    "alone": "https://{}/",
    "with a port": "https://{}:8443/x",
    "after a user's name": "https://idp.example@{}/",
    "after a name and a password": "https://idp.example:443@{}/",
    "in capitals": "HTTPS://{}/",
}
DISGUISES: Final = [
    "https://127.0.0.1#@idp.example/", "https://127.0.0.1?@idp.example/", "https://127.0.0.1\\@idp.example/",
    "https://idp.example\\@127.0.0.1/", "https://127.0.0.1\\.idp.example/", "https://127.0.0.1%2f@idp.example/",
    "https://127.0.0.1%23.idp.example/", "https://127.0.0.1%00.idp.example/", "https://127.0.0.1 .idp.example/",
    "https://127.0.0.1\t.idp.example/", "https://127.0.0.1\r\nHost: idp.example/", "https://127.0.0.1\n/",
    "https:127.0.0.1/", "https:/127.0.0.1/", "https:///127.0.0.1/", "https:\\\\127.0.0.1\\", "https://%31%32%37.0.0.1/",
    "https://[::1", "https://::1/", "https://[::1]@idp.example/", "https://[::ffff:127.0.0.1%25x]/", "https://@127.0.0.1/",
    "https://:@127.0.0.1/", "https://a@b@127.0.0.1/", "https://127.0.0.1:443:443/", "https://127.0.0.1:443@/",
    "https://127.0.0.1:0/", "https://127.0.0.1:99999/", "https://127.0.0.1:-1/", "https://127.0.0.1:\uff14\uff14\uff13/",
    " https://127.0.0.1/", "\thttps://127.0.0.1/", "\x00https://127.0.0.1/", "https://127.0.0.1\u3000/",
    "https://127\u200b.0.0.1/", "https://127.0.0.1\u00ad/", "https://1\u00ad27.0.0.1/", "https://127.0.0.1;idp.example/",
    "https://127.0.0.1,idp.example/", "https://{127.0.0.1}/", "https://127.0.0.1&@idp.example/", "https://127.0.0.1|x/",
    "https://127.0.0.1..../", "https://.127.0.0.1/", "https://127..0.0.1/", "https:// 127.0.0.1/", "https://*/", "https:///",
    "https://", "https:", "https://?", "https://#", "",
]  # fmt: skip
OTHER_SCHEMES: Final = [
    "http://idp.example/", "http://127.0.0.1/", "HTTP://[::1]/", "http:127.0.0.1", "file:///etc/passwd",
    "file://localhost/x", "gopher://127.0.0.1:6379/_FLUSHALL", "ftp://127.0.0.1/", "dict://127.0.0.1:11211/stats",
    "ldap://127.0.0.1/", "sftp://127.0.0.1/", "tftp://127.0.0.1/x", "jar:https://127.0.0.1!/",
    "netdoc:///etc/passwd", "data:application/json,{}", "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/x", "ws://127.0.0.1/", "//127.0.0.1/", "127.0.0.1", "javascript:1",
    "about:blank", "blob:https://127.0.0.1/x", "https+http://127.0.0.1/", "httpss://127.0.0.1/",
    "ht\ntps://127.0.0.1/", "\uff48ttps://127.0.0.1/",
]  # fmt: skip


class Tripwire:
    """The machine's resolver and sockets: inside names have private addresses, others public ones; nobody answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached: list[str] = []

        def getaddrinfo(host: str, port: int, *_: Any) -> list[Any]:
            # The real resolver reads digits of every script, and knows localhost by many names.
            name = host.encode("idna").decode()
            found = INSIDE.get(name.lower(), ["93.184.216.34"]) if is_public(name.partition("%")[0]) else ["127.0.0.1"]
            return [
                (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
                for one in found
            ]

        def connect(_socket: socket.socket, target: tuple[Any, ...]) -> None:
            self.reached.append(str(target[0]))
            raise ConnectionRefusedError(111, "refused")

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture
def tripwire(monkeypatch: pytest.MonkeyPatch) -> Tripwire:
    return Tripwire(monkeypatch)


@pytest.fixture(scope="module")
def outbound() -> Iterator[Outbound]:
    way_out = Outbound(limits=Limits(connect=20, read=20, deadline=60))
    yield way_out
    way_out.close()


def outcome(outbound: Outbound, url: str) -> BridgeError:
    with pytest.raises(BridgeError) as refusal:
        outbound.get(url, FAILURES, public_only=True)
    return refusal.value


def test_the_corpus_is_large() -> None:
    spelt = sum(map(len, SPELLINGS.values()))
    assert spelt * len(FRAMES) + len(DISGUISES) + len(OTHER_SCHEMES) >= 500


@pytest.mark.parametrize("kind", SPELLINGS)
def test_a_private_host_is_not_reached_in_any_spelling(outbound: Outbound, tripwire: Tripwire, kind: str) -> None:
    for spelling in SPELLINGS[kind]:
        for frame in FRAMES.values():
            refusal = outcome(outbound, frame.format(spelling))
            assert tripwire.reached == [], ascii(frame.format(spelling))
            assert "10." not in str(refusal.received)
            with pytest.raises(BridgeError):
                outbound.check_public(frame.format(spelling), FAILURES)


@pytest.mark.parametrize("url", DISGUISES, ids=ascii)
def test_whatever_parser_is_fooled_only_public_hosts_are_reached(
    outbound: Outbound, tripwire: Tripwire, url: str
) -> None:
    outcome(outbound, url)
    assert [address for address in tripwire.reached if not is_public(address)] == []
    assert outbound.certificate_expiry(url, public_only=True) is None
    assert [address for address in tripwire.reached if not is_public(address)] == []


@pytest.mark.parametrize("url", OTHER_SCHEMES, ids=ascii)
def test_only_https_leaves(outbound: Outbound, tripwire: Tripwire, url: str) -> None:
    outcome(outbound, url)
    with suppress(BridgeError):
        outbound.check_public(url, FAILURES)
    outbound.certificate_expiry(url, public_only=True)
    assert tripwire.reached == []


def test_the_tripwire_sees_a_public_host(outbound: Outbound, tripwire: Tripwire) -> None:
    refusal = outcome(outbound, "https://idp.example/")
    assert (refusal.code, tripwire.reached) == ("idp_unreachable", ["93.184.216.34"])
