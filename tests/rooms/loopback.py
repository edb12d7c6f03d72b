"""Servers of raw bytes on this machine, and a certificate authority of our own."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOST = "127.0.0.1"
_PATIENCE = 60
_TICK = 0.005


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as its bytes said it; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """What a server saw: its connections, TLS handshakes and requests."""

    port: int
    scheme: str
    connections: int = 0
    handshakes: int = 0
    asked: list[Asked] = field(default_factory=list)

    def url(self, path: str = "/") -> str:
        return f"{self.scheme}://{HOST}:{self.port}{path}"

    def opened(self) -> int:
        """Return the number of connections once there is one: who connects is ahead of who accepts."""
        _wait_until(lambda: self.connections > 0)
        return self.connections

    def requests(self) -> int:
        """Return the number of requests once there is one: who asks is ahead of who reads."""
        _wait_until(lambda: len(self.asked) > 0)
        return len(self.asked)


def _wait_until(ready: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + _PATIENCE
    while not ready() and time.monotonic() < give_up_at:
        time.sleep(_TICK)


Act = Callable[[socket.socket, Server], None]
"""What a server does with a connected socket."""


@contextmanager
def serving(act: Act, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Serve one thread a connection; `act` gets the connected socket and may do with it what it likes."""
    listener = socket.create_server((HOST, 0))
    server = Server(listener.getsockname()[1], "https" if tls else "http")
    open_now: list[socket.socket] = []
    stopping = threading.Event()

    def work(raw: socket.socket) -> None:
        with suppress(OSError):
            connected = _shaken(raw, tls, server)
            open_now.append(connected)
            with connected:
                act(connected, server)

    def accept() -> None:
        while not stopping.is_set():
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            raw.settimeout(_PATIENCE)
            server.connections += 1
            threading.Thread(target=work, args=(raw,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        stopping.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for one in open_now:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        thread.join(_PATIENCE)


def _shaken(raw: socket.socket, tls: ssl.SSLContext | None, server: Server) -> socket.socket:
    if tls is None:
        return raw
    connected = tls.wrap_socket(raw, server_side=True)
    server.handshakes += 1
    return connected


def answering(*answers: bytes) -> Act:
    """Keep the connection alive and give each request the next answer, the last one for ever."""

    def act(connected: socket.socket, server: Server) -> None:
        for asked in requests_on(connected):
            server.asked.append(asked)
            connected.sendall(answers[min(len(server.asked), len(answers)) - 1])

    return act


def dripping(start: bytes, drop: bytes, seconds: float, drops: int = 1000) -> Act:
    """Answer with `start`, then one drop after the other."""

    def act(connected: socket.socket, server: Server) -> None:
        server.asked.append(next(requests_on(connected)))
        connected.sendall(start)
        for _ in range(drops):
            time.sleep(seconds)
            connected.sendall(drop)

    return act


def requests_on(connected: socket.socket) -> Iterator[Asked]:
    """Read the requests of one connection."""
    stream = connected.makefile("rb")
    while line := stream.readline():
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers = {}
        while header := stream.readline().strip():
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        yield Asked(method, target, headers, stream.read(int(headers.get("content-length", "0"))))


def http(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    """Return the bytes of an answer."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


# A certificate authority ---------------------------------------------------------------------------------------------


class Authority:
    """Signs server certificates; `bundle` is the file that trusts it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority of our own")])
        certificate = self._signed(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None))
        self.bundle = folder / "authority.pem"
        self.bundle.write_bytes(certificate.public_bytes(Encoding.PEM))

    def server_context(self, *names: str, not_after: dt.datetime | None = None) -> ssl.SSLContext:
        """Return the TLS context of a server with a certificate for these host names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A server")])
        certificate = self._signed(
            subject, key, x509.SubjectAlternativeName([_general(name) for name in names]), not_after
        )
        path = self._folder / f"{'-'.join(names)}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extension: x509.ExtensionType,
        not_after: dt.datetime | None = None,
    ) -> x509.Certificate:
        day, end = dt.timedelta(days=1), not_after or dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - 2 * day)
            .not_valid_after(end)
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
            .sign(self._key, SHA256())
        )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
