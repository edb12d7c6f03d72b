"""The other side of every sign-in: a lean identity provider and a token exchange, over TLS in a process of their own.

Raw on purpose, so that its cost does not blur the figures; it still refuses what a real one would refuse. Run as a
module it obeys lines on its standard input (see `_obey`) and ends with it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import selectors
import signal
import ssl
import sys
import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from tests.bench.line import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CLIENT_ID: Final = "benchmark"
CLIENT_SECRET: Final = "a-secret-of-the-benchmark"
ACCOUNT_NAME: Final = "lin@contoso.example"
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
_KID: Final = "benchmark-1"
_PADDING: Final = "x" * 600
"""Makes tokens as long as real ones: about 1,000 bytes."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as far as the endpoints look at it."""

    path: str
    authorization: str
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The body's fields."""
        return dict(parse_qsl(self.body.decode("ascii")))


class Refusal(Exception):
    """A request that a real server would refuse; its text is the error code."""


@dataclass(slots=True)
class Upstream:
    """The identity provider and the exchange; `issuer` is known once the ports are."""

    key: RSAPrivateKey = field(default_factory=lambda: generate_private_key(65_537, 2048))
    issuer: str = ""
    requests: int = 0
    access_token: str = ""
    fuyun_token: str = ""

    def open_at(self, issuer: str) -> None:
        """Take the address by which relying parties know us, and make what is the same for everybody."""
        self.issuer = issuer
        self.access_token = self._signed({"iss": issuer, "sub": "agent-1", "padding": _PADDING})
        self.fuyun_token = self._signed({"user_name": ACCOUNT_NAME, "jti": "1", "padding": _PADDING})

    def answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        """Return status and JSON of the answer."""
        self.requests += 1
        endpoint = _ENDPOINTS.get(request.path)
        try:
            return (200, endpoint(self, request)) if endpoint else (404, {"error": "not_found"})
        except (Refusal, KeyError, ValueError) as refusal:
            return 400, {"error": "invalid_request", "error_description": str(refusal)}

    def discovery(self, _request: Request) -> dict[str, Any]:
        """OpenID Connect Discovery section 3."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/logout",
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    def jwks(self, _request: Request) -> dict[str, Any]:
        """RFC 7517 section 5."""
        public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [public | {"kid": _KID, "use": "sig", "alg": "RS256"}]}

    def token(self, request: Request) -> dict[str, Any]:
        """RFC 6749 section 4.1.3, with PKCE."""
        form = request.form
        granted = json.loads(_decoded(form["code"]))
        challenge = _encoded(sha256(form["code_verifier"].encode()).digest())
        _require(challenge == granted["code_challenge"], "code_verifier")
        _require(form["redirect_uri"] == granted["redirect_uri"], "redirect_uri")
        _require(request.authorization == _BASIC, "invalid_client")
        return {
            "access_token": self.access_token,
            "token_type": "Bearer",
            "expires_in": 3600,
            "refresh_token": "a refresh token",
            "id_token": self._id_token(granted["nonce"]),
        }

    def userinfo(self, request: Request) -> dict[str, Any]:
        """OpenID Connect Core section 5.3."""
        _require(request.authorization == f"Bearer {self.access_token}", "invalid_token")
        return {"sub": "agent-1", "name": "Lin", "email": ACCOUNT_NAME}

    def exchange(self, request: Request) -> dict[str, Any]:
        """Fuyun's token exchange, for an access token or a JWT of the relying party's own."""
        form = request.form
        _require(form["grant_type"] == TOKEN_EXCHANGE, "grant_type")
        _require(request.authorization == _BASIC, "invalid_client")
        if form["subject_token"] != self.access_token:
            claims = jwt.decode(form["subject_token"], options={"verify_signature": False})
            _require(claims["user_name"] == ACCOUNT_NAME, "user_name")
        return {"access_token": self.fuyun_token, "token_type": "bearer", "expires_in": 2_591_999}

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        half = sha256(self.access_token.encode()).digest()[:16]
        who = {"iss": self.issuer, "aud": CLIENT_ID, "sub": "agent-1", "name": "Lin", "email": ACCOUNT_NAME}
        return self._signed(who | {"iat": now, "exp": now + 3600, "nonce": nonce, "at_hash": _encoded(half)})

    def _signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": _KID})


def approve(authorization_url: str) -> str:
    """Return where the provider would send the browser back: the code carries all that the token endpoint needs."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(authorization_url).query).items()}
    wanted = ("nonce", "code_challenge", "redirect_uri")
    code = _encoded(json.dumps({name: asked[name] for name in wanted}).encode())
    return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"


_ENDPOINTS: Final[Mapping[str, Callable[[Upstream, Request], dict[str, Any]]]] = {
    "/.well-known/openid-configuration": Upstream.discovery,
    "/jwks": Upstream.jwks,
    "/token": Upstream.token,
    "/userinfo": Upstream.userinfo,
    "/oauth/token_exchange": Upstream.exchange,
}


def _require(condition: object, what: str) -> None:
    if not condition:
        raise Refusal(what)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


_BASIC: Final = "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode("ascii")


# The wire ------------------------------------------------------------------------------------------------------------


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, no more of it than clients of this benchmark use."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._received += data
        while self._transport is not None and (request := self._next_request()):
            status, members = self._upstream.answer(request)
            self._transport.write(_response(status, json.dumps(members).encode()))

    def _next_request(self) -> Request | None:
        head, complete, rest = self._received.partition(b"\r\n\r\n")
        if not complete:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(fields.get("content-length", "0"))
        if len(rest) < length:
            return None
        self._received = rest[length:]
        return Request(first.split()[1], fields.get("authorization", ""), rest[:length])


def _response(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("ascii") + body


# The process ---------------------------------------------------------------------------------------------------------


def _obey(command: str, upstream: Upstream, line: Line) -> dict[str, float]:
    """Carry out ``distance SECONDS`` (one way), ``drop`` (every connection) or ``count``; tell the counters."""
    verb, *arguments = command.split()
    if verb == "distance":
        line.one_way = float(arguments[0])
    elif verb == "drop":
        line.drop()
    return {"connections": line.accepted, "requests": upstream.requests}


async def _serve(certificate: str) -> None:
    loop, upstream, line = asyncio.get_running_loop(), Upstream(), Line()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = await loop.create_server(lambda: _Connection(upstream), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    idp, fuyun = await line.forward_to(port), await line.forward_to(port)
    upstream.open_at(f"https://localhost:{idp}")
    _say({"issuer": upstream.issuer, "fuyun": f"https://localhost:{fuyun}"})
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while command := await commands.readline():
        _say(_obey(command.decode("ascii"), upstream, line))


def _say(members: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(members) + "\n")
    sys.stdout.flush()


def _new_loop() -> asyncio.AbstractEventLoop:
    # epoll rounds time-outs up to whole milliseconds, which would lengthen every round trip by one or two.
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the benchmark's to answer; it closes our input
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(_serve(sys.argv[1]))
