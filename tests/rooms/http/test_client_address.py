"""Whose request it is: the peer, unless a trusted proxy says otherwise."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from flask import Flask

from bridge.http.address import UNKNOWN, client_address
from bridge.http.current import EXTENSION

TRUSTED = ("10.0.0.0/8", "2001:db8:cafe::/48")
PROXY, STRANGER = "10.0.0.1", "203.0.113.9"


def address_of(peer: str | None, forwarded: str | None = None, trusted: tuple[str, ...] = TRUSTED) -> str:
    app = Flask(__name__)
    app.extensions[EXTENSION] = SimpleNamespace(site=SimpleNamespace(trusted_proxies=trusted))
    told = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}
    with app.test_request_context(
        "/", environ_overrides={name: what for name, what in told.items() if what is not None}
    ):
        return client_address()


FORWARDED = {
    "by one proxy": (PROXY, STRANGER, STRANGER),
    "by one proxy, after what the client invented": (PROXY, f"198.51.100.1, {STRANGER}", STRANGER),
    "by a chain of proxies": (PROXY, f"198.51.100.1,{STRANGER}, 10.9.9.9,\t2001:db8:cafe::7", STRANGER),
    "by a proxy that speaks IPv6": ("2001:db8:cafe::1", "2001:DB8::0001", "2001:db8::1"),
    "by a proxy in IPv4's disguise": ("::ffff:10.0.0.1", "::ffff:203.0.113.9", STRANGER),
    "with a port": (PROXY, "203.0.113.9:5678", STRANGER),
    "with a port after IPv6": (PROXY, "[2001:db8::1]:80", "2001:db8::1"),
    "in brackets": (PROXY, "[2001:db8::1]", "2001:db8::1"),
    "with a zone": (PROXY, "fe80::1%eth0 <script>", "fe80::1"),
    "within the proxies' own network": (PROXY, "10.1.1.1, 10.2.2.2", "10.1.1.1"),
    "not at all": (PROXY, None, PROXY),
    "as nothing": (PROXY, "", PROXY),
    "as commas": (PROXY, " , ,,", PROXY),
    "as a word": (PROXY, f"{STRANGER}, unknown", PROXY),
    "as garbage behind a good hop": (PROXY, f"{STRANGER}, <script>, 10.2.2.2", "10.2.2.2"),
    "with a port that is none": (PROXY, "203.0.113.9:http", PROXY),
    "with leading zeros": (PROXY, "203.0.113.009", PROXY),
    "in digits of another script": (PROXY, "203.0.113.\u0669", PROXY),
    "as bytes that are no text": (PROXY, "\xff\x00\n", PROXY),
    "as a network": (PROXY, "0.0.0.0/0", PROXY),
    "too often": (PROXY, f"{STRANGER}, " + ", ".join(["10.2.2.2"] * 20), "10.2.2.2"),
    "endlessly": (PROXY, "10.2.2.2," * 9000 + "10.3.3.3", "10.2.2.2"),
}


@pytest.mark.parametrize(("peer", "forwarded", "address"), FORWARDED.values(), ids=FORWARDED)
def test_a_trusted_proxy_forwards(peer: str, forwarded: str | None, address: str) -> None:
    assert address_of(peer, forwarded) == address


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [(STRANGER, TRUSTED), ("2001:db8::1", TRUSTED), (PROXY, ())],
    ids=["v4", "v6", "nobody trusted"],
)
def test_nobody_else_may_say_whose_request_it_is(peer: str, trusted: tuple[str, ...]) -> None:
    assert address_of(peer, "198.51.100.1", trusted) == peer


@pytest.mark.parametrize("peer", [None, "", "unix:/run/bridge.sock", "localhost"])
def test_a_peer_without_an_address_is_nobody(peer: str | None) -> None:
    assert address_of(peer, "198.51.100.1", ("0.0.0.0/0", "::/0")) == UNKNOWN


def test_no_other_header_counts() -> None:
    app = Flask(__name__)
    app.extensions[EXTENSION] = SimpleNamespace(site=SimpleNamespace(trusted_proxies=TRUSTED))
    headers = {"Forwarded": "for=198.51.100.1", "X-Real-IP": "198.51.100.1", "X-Client-IP": "198.51.100.1"}
    with app.test_request_context("/", headers=headers, environ_overrides={"REMOTE_ADDR": PROXY}):
        assert client_address() == PROXY
