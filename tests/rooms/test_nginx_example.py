"""The example for nginx: nginx takes it, and what it says of itself and of the bridge is true."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import jsonify, request

from bridge import serving
from bridge.http.address import client_address
from bridge.outbound import Limits
from bridge.web.admin.coverage import _LARGEST_UPLOAD
from tests.kit.house import build_house, demo_settings
from tests.kit.listening import listening
from tests.kit.ports import free_port
from tests.kit.processes import is_closed

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = Path(__file__).parents[2] / "config"
NAME = "phone.example.com"
LOOPBACK = "127.0.0.1"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
NEEDS_NGINX = pytest.mark.skipif(not NGINX, reason="nginx is not installed; .ci/install-tools does it on Debian")


def certificate(folder: Path) -> None:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / f"{NAME}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    (folder / f"{NAME}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))


def proxied(folder: Path, first: int, upstream: int, port: int) -> Path:
    """Return the example with this machine's addresses: its first replica at one port, the others at another."""
    text = (CONFIG / "nginx.example.conf").read_text("utf-8")
    replaced = {
        r"server 10\.0\.0\.11:8000": f"server {LOOPBACK}:{first}",
        r"server 10\.0\.0\.1[23]:8000": f"server {LOOPBACK}:{upstream}",
        r"listen \[::\][^;]*;": "",
        r"listen 80;": f"listen {LOOPBACK}:{free_port()};",
        r"listen 443": f"listen {LOOPBACK}:{port}",
        r"/etc/nginx/tls|/var/log/nginx": str(folder),
    }
    for found, instead in replaced.items():
        text, times = re.subn(found, instead, text)
        assert times, found
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    path = folder / "nginx.conf"
    path.write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{\n{paths}{text}}}\n",
        "utf-8",
    )
    return path


class Proxy:
    """A caller of the running nginx, by the name that the example gives."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.trust = ssl.create_default_context(cafile=str(folder / f"{NAME}.pem"))

    def ask(self, path: str, headers: dict[str, str] | None = None, method: str = "GET", body: bytes = b"") -> Any:
        """Return status and body of an answer; the body of JSON as what it says."""
        caller = http.client.HTTPConnection(NAME, timeout=60)
        caller.sock = self.trust.wrap_socket(self.line(), server_hostname=NAME)
        try:
            caller.request(method, path, body or None, headers or {})
            answer = caller.getresponse()
            return answer.status, answer.read().decode()
        finally:
            caller.close()

    def line(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection((LOOPBACK, self.port), timeout=60)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """The example's nginx before a replica that is down, and a bridge that also tells what it sees."""
    folder = tmp_path_factory.mktemp("proxy")
    settings = demo_settings(folder, f"https://{NAME}")
    trusting = settings.server.model_copy(update={"trusted_proxies": (f"{LOOPBACK}/32",)})
    house = build_house(type(settings)(**{**_fields(settings), "server": trusting}))
    house.app.add_url_rule("/healthz/seen", view_func=_seen, methods=["GET", "POST"])
    house.app.add_url_rule("/admin/healthz/seen", view_func=_seen, methods=["GET", "POST"])
    port, upstream = free_port(), free_port()
    certificate(folder)
    with listening(house.app, upstream), _nginx(proxied(folder, free_port(), upstream, port), port):
        yield Proxy(folder, port)


def _fields(settings: Any) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}


def _seen() -> Any:
    return jsonify(address=client_address(), headers={name.lower(): value for name, value in request.headers})


@contextmanager
def _nginx(conf: Path, port: int) -> Iterator[None]:
    command = [str(NGINX), "-c", str(conf), "-p", str(conf.parent), "-e", str(conf.parent / "error.log")]
    tried = subprocess.run([*command, "-t"], capture_output=True, encoding="utf-8", check=False)
    assert tried.returncode == 0, tried.stderr
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            give_up_at = time.monotonic() + 20
            while is_closed(port):
                assert time.monotonic() < give_up_at, (conf.parent / "error.log").read_text("utf-8")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()


@NEEDS_NGINX
class TestNginx:
    FORGED = {  # noqa: RUF012 — read only
        "X-Forwarded-For": "203.0.113.9",
        "X_Forwarded_For": "203.0.113.9",
        "Forwarded": "for=203.0.113.9",
        "X-Real-IP": "203.0.113.9",
        "X-Request-Id": "forged",
        "traceparent": "00-forged",
    }

    def test_says_whose_request_it_is_and_drops_what_a_stranger_says(self, proxy: Proxy) -> None:
        status, told = proxy.ask("/healthz/seen", self.FORGED)
        assert status == 200
        seen = json.loads(told)
        assert seen["address"] == LOOPBACK
        assert seen["headers"]["x-forwarded-for"] == LOOPBACK
        assert "forged" not in told
        assert "203.0.113.9" not in told
        assert re.fullmatch("[0-9a-f]{32}", seen["headers"]["x-request-id"])

    def test_begins_a_sign_in_although_one_replica_is_down(self, proxy: Proxy) -> None:
        assert [proxy.ask("/login")[0] for _ in range(3)] == [200] * 3
        assert proxy.ask("/login/globex")[0] == 302

    @pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
    def test_keeps_what_is_for_probes_to_itself(self, proxy: Proxy, path: str) -> None:
        status, told = proxy.ask(path)
        assert status == 404
        assert "nginx" in told

    @pytest.mark.parametrize(
        ("path", "size", "status"),
        [
            pytest.param("/healthz/seen", 60_000, 200, id="a_form"),
            pytest.param("/healthz/seen", 70_000, 413, id="too_large_a_form"),
            pytest.param("/admin/healthz/seen", _LARGEST_UPLOAD, 200, id="the_largest_list"),
            pytest.param("/admin/healthz/seen", 9_000_000, 413, id="too_large_a_list"),
        ],
    )
    def test_bounds_bodies_as_the_bridge_does(self, proxy: Proxy, path: str, size: int, status: int) -> None:
        headers = {"Origin": f"https://{NAME}", "Sec-Fetch-Site": "same-origin"}
        with proxy.line():  # nginx may answer before it has read everything
            try:
                answered, _ = proxy.ask(path, headers, "POST", b"a" * size)
            except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                answered = 413
        assert (answered == 413) == (status == 413)

    def test_bounds_headers(self, proxy: Proxy) -> None:
        assert proxy.ask("/healthz/seen", {"Cookie": "a" * 12_000})[0] == 200
        assert proxy.ask("/healthz/seen", {"Cookie": "a" * 20_000})[0] == 400

    def test_shows_no_certificate_under_another_name(self, proxy: Proxy) -> None:
        with pytest.raises(ssl.SSLError), proxy.line() as line:
            proxy.trust.wrap_socket(line, server_hostname="evil.example")

    def test_speaks_http2(self, proxy: Proxy) -> None:
        offers = ssl.create_default_context(cafile=str(proxy.folder / f"{NAME}.pem"))
        offers.set_alpn_protocols(["h2", "http/1.1"])
        with offers.wrap_socket(proxy.line(), server_hostname=NAME) as line:
            assert line.selected_alpn_protocol() == "h2"

    def test_logs_no_codes_and_no_states(self, proxy: Proxy) -> None:
        for path in ("/callback/globex?code=seldom-seen", "/handoff/globex/seldom-seen", "/admin/enter/seldom-seen"):
            assert proxy.ask(path)[0] >= 400
        proxy.ask("/login", {"Referer": f"https://{NAME}/callback/globex?code=seldom-seen"})
        log, give_up_at = proxy.folder / "hotline-bridge.log", time.monotonic() + 5
        while '"GET /login" ' not in log.read_text("utf-8"):  # written after the answer
            assert time.monotonic() < give_up_at
        told = "".join(path.read_text("utf-8") for path in proxy.folder.glob("*.log"))
        assert '"GET /admin/enter/..." ' in told
        assert "seldom-seen" not in told


@NEEDS_NGINX
def test_of_requests_that_a_replica_breaks_off_nginx_repeats_a_callback_and_no_form_and_quotes_neither(
    tmp_path: Path,
) -> None:
    certificate(tmp_path)
    port, broken = free_port(), free_port()
    heard: list[str] = []
    with _breaking_off(broken, heard), _nginx(proxied(tmp_path, broken, broken, port), port):
        caller = Proxy(tmp_path, port)
        assert caller.ask("/callback/globex", method="POST", body=b"code=seldom-seen")[0] == 502
        assert heard == ["POST"]
        assert caller.ask("/callback/globex?code=seldom-seen")[0] == 502
        assert heard == ["POST", "GET", "GET"]
        caller.ask("/login", {"Referer": f"https://{NAME}/callback/globex?code=seldom-seen"})
    told = "".join(path.read_text("utf-8") for path in tmp_path.glob("*.log"))
    assert f"upstream {LOOPBACK}:{broken}" in told
    assert "seldom-seen" not in told


@NEEDS_NGINX
def test_whoever_floods_waits_and_files_are_not_counted(tmp_path: Path) -> None:
    certificate(tmp_path)
    port, broken = free_port(), free_port()
    conf = proxied(tmp_path, broken, broken, port)
    usual = conf.read_text("utf-8")
    conf.write_text(usual.replace("rate=1000r/s", "rate=1r/m").replace("burst=2000", "burst=2"), "utf-8")
    with _breaking_off(broken, []), _nginx(conf, port):
        caller = Proxy(tmp_path, port)
        paths = ("/login", "/login", "/callback/globex", "/session", "/callback/globex", "/static/base.css")
        assert [caller.ask(path)[0] for path in paths] == [502, 502, 502, 429, 429, 502]


@contextmanager
def _breaking_off(port: int, heard: list[str]) -> Iterator[None]:
    """Listen as a replica that is killed once it has a request; `heard` gets each request's method."""

    class Killed(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            heard.append(self.rfile.readline().split()[0].decode())

    with socketserver.TCPServer((LOOPBACK, port), Killed) as server:
        serving_on = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving_on.start()
        try:
            yield
        finally:
            server.shutdown()
            serving_on.join()


def test_nginx_repeats_nothing_that_is_slow_and_waits_longer_than_the_bridge_for_others() -> None:
    text = (CONFIG / "nginx.example.conf").read_text("utf-8")
    directives = dict(re.findall(r"^\s*(\w+) ([^;]+);", text, re.MULTILINE))
    assert directives["proxy_next_upstream"] == "error"
    assert seconds(directives["proxy_read_timeout"]) > 4 * Limits().deadline
    assert seconds(directives["proxy_connect_timeout"]) <= 5
    assert seconds(re.search(r"keepalive 64;\s+keepalive_timeout (\w+);", text)[1]) < 20  # type: ignore[index]
    assert serving._HEADERS.header_read_timeout == 20_000


def seconds(text: str) -> float:
    return float(text.removesuffix("s")) * (1 if text.endswith("s") else 60)
