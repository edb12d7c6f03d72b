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
CLIENT_SECRET: Final = "aSecretOfTheBenchmark"
"""Letters alone: what else a secret may have is written in two ways in the header (RFC 6749 section 2.3.1)."""
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
BASIC: Final = "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode("ascii")
_DOMAIN: Final = "@contoso.example"
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


def require(condition: object, code: str) -> None:
    """Raise Refusal with this error code unless the condition holds."""
    if not condition:
        raise Refusal(code)


def encoded(data: bytes) -> str:
    """Return base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decoded(text: str) -> bytes:
    """Return what base64url without padding says."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(slots=True)
class Upstream:
    """The identity provider and the exchange; `issuer` is known once the ports are."""

    key: RSAPrivateKey = field(default_factory=lambda: generate_private_key(65_537, 2048))
    issuer: str = ""
    requests: int = 0
    fuyun_tokens: dict[str, str] = field(default_factory=dict)
    access_tokens: dict[int, str] = field(default_factory=dict)
    agents: dict[str, int] = field(default_factory=dict)

    def open_at(self, issuer: str) -> None:
        """Take the address by which relying parties know us."""
        self.issuer = issuer

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
            "response_types_supported": ["code"],
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
        granted = json.loads(decoded(form["code"]))
        challenge = encoded(sha256(form["code_verifier"].encode()).digest())
        require(challenge == granted["code_challenge"], "code_verifier")
        require(form["redirect_uri"] == granted["redirect_uri"], "redirect_uri")
        require(request.authorization == BASIC, "invalid_client")
        return {
            "access_token": self._access_token(granted["agent"]),
            "token_type": "Bearer",
            "expires_in": 3600,
            "refresh_token": "a refresh token",
            "id_token": self._id_token(granted["agent"], granted["nonce"]),
        }

    def userinfo(self, request: Request) -> dict[str, Any]:
        """OpenID Connect Core section 5.3."""
        agent = self._agent_of(request.authorization.removeprefix("Bearer "))
        return _claims(agent)

    def exchange(self, request: Request) -> dict[str, Any]:
        """Fuyun's token exchange, for an access token or a JWT of the relying party's own."""
        form = request.form
        require(form["grant_type"] == TOKEN_EXCHANGE, "grant_type")
        require(request.authorization == BASIC, "invalid_client")
        token = self._fuyun_token(self._user_name(form["subject_token"]))
        return {"access_token": token, "token_type": "bearer", "expires_in": 2_591_999}

    def _user_name(self, subject_token: str) -> str:
        if subject_token in self.agents:
            return account_name(self.agents[subject_token])
        return str(jwt.decode(subject_token, options={"verify_signature": False})["user_name"])

    def _fuyun_token(self, user_name: str) -> str:
        if user_name not in self.fuyun_tokens:
            self.fuyun_tokens[user_name] = self._signed({"user_name": user_name, "jti": "1", "padding": _PADDING})
        return self.fuyun_tokens[user_name]

    def _access_token(self, agent: int) -> str:
        """Return the agent's token, the same each time: signing another would cost us and show nothing."""
        if agent not in self.access_tokens:
            made = self._signed({"iss": self.issuer, "sub": f"agent-{agent}", "padding": _PADDING})
            self.access_tokens[agent], self.agents[made] = made, agent
        return self.access_tokens[agent]

    def _agent_of(self, access_token: str) -> int:
        require(access_token in self.agents, "invalid_token")
        return self.agents[access_token]

    def _id_token(self, agent: int, nonce: str) -> str:
        now = int(time.time())
        half = sha256(self._access_token(agent).encode()).digest()[:16]
        who = {"iss": self.issuer, "aud": CLIENT_ID, **_claims(agent)}
        return self._signed(who | {"iat": now, "exp": now + 3600, "nonce": nonce, "at_hash": encoded(half)})

    def _signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": _KID})


def account_name(agent: int) -> str:
    """Return the address of an agent."""
    return f"agent-{agent}{_DOMAIN}"


def approve(authorization_url: str, agent: int) -> str:
    """Return where the provider would send the browser back: the code carries all that the token endpoint needs."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(authorization_url).query).items()}
    wanted = ("nonce", "code_challenge", "redirect_uri")
    code = encoded(json.dumps({"agent": agent, **{name: asked[name] for name in wanted}}).encode())
    return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"


_ENDPOINTS: Final[Mapping[str, Callable[[Upstream, Request], dict[str, Any]]]] = {
    "/.well-known/openid-configuration": Upstream.discovery,
    "/jwks": Upstream.jwks,
    "/token": Upstream.token,
    "/userinfo": Upstream.userinfo,
    "/oauth/token_exchange": Upstream.exchange,
}


def _claims(agent: int) -> dict[str, Any]:
    return {"sub": f"agent-{agent}", "name": "Lin", "email": account_name(agent)}


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
        request, self._received = next_request(self._received)
        return request


def next_request(received: bytes) -> tuple[Request | None, bytes]:
    """Return the first whole request of what a connection brought, None where it is not there yet, and what follows."""
    head, complete, rest = received.partition(b"\r\n\r\n")
    if not complete:
        return None, received
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(fields.get("content-length", "0"))
    if len(rest) < length:
        return None, received
    return Request(first.split()[1], fields.get("authorization", ""), rest[:length]), rest[length:]


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
