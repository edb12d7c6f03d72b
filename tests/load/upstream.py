"""The other side of every sign-in: one identity provider and one exchange for all agents, in a process of its own.

It refuses what a real one would refuse, rotates refresh tokens, and answers after a while, as one that is far away.
Run as a module it tells its counters for each line on its standard input, and ends with it.
"""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.bench.upstream import BASIC, CLIENT_ID, Refusal, Request, Upstream, decoded, encoded, next_request, require
from tests.load.faults import LoadFault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HOUR: Final = 3600
_MONTH: Final = 2_591_999
_PADDING: Final = "x" * 600
"""Makes tokens as long as real ones: about 1,000 bytes."""


def account_name(agent: int) -> str:
    """Return the AccountName of an agent."""
    return f"agent{agent:06}@contoso.example"


def approve(authorization_url: str, agent: int, lifetime: int) -> str:
    """Return where the provider sends a browser whose person it knows; the code carries what its redemption needs.

    Args:
        lifetime: seconds of the first access token.

    Raises:
        LoadFault: the authorization request is not as RFC 7636 and OpenID Connect Core section 3.1.2.1 have it.
    """
    asked = dict(parse_qsl(urlsplit(authorization_url).query))
    fixed = {"response_type": "code", "client_id": CLIENT_ID, "code_challenge_method": "S256"}
    if any(asked.get(name) != value for name, value in fixed.items()) or not asked.get("state"):
        raise LoadFault(f"An authorization request is wrong: {sorted(asked)}")
    granted = {name: asked[name] for name in ("nonce", "code_challenge", "redirect_uri")}
    code = encoded(json.dumps({"agent": agent, "lifetime": lifetime, **granted}).encode())
    return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"


def agent_of(fuyun_token: str) -> int:
    """Return whose token of the exchange this is."""
    return int(json.loads(decoded(fuyun_token.split(".")[1]))["user_name"].removeprefix("agent").partition("@")[0])


@dataclass(slots=True)
class Provider(Upstream):
    """Many agents' provider and exchange.

    Args:
        counts: requests by endpoint, refusals by code, connections.
        newest: of each consent the number of its only good refresh token.
    """

    counts: Counter[str] = field(default_factory=Counter)
    newest: dict[str, int] = field(default_factory=dict)

    def answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        """Return status and JSON of the answer."""
        endpoint = _ENDPOINTS.get(request.path)
        name = request.path.rpartition("/")[2]
        if endpoint is None:
            self.counts["refused"] += 1
            return 404, {"error": "not_found"}
        if request.path == _TOKEN and "refresh_token" in request.form:
            name = "refresh"
        self.counts[name] += 1
        try:
            return 200, endpoint(self, request)
        except (Refusal, KeyError, ValueError) as refusal:
            self.counts["refused"] += 1
            error = str(refusal) if isinstance(refusal, Refusal) else "invalid_request"
            return 400, {"error": error}

    def metadata(self, request: Request) -> dict[str, Any]:
        """OpenID Connect Discovery section 3, RFC 8414 section 2."""
        return self.discovery(request) | {"revocation_endpoint": f"{self.issuer}/revoke"}

    def give(self, request: Request) -> dict[str, Any]:
        """RFC 6749 sections 4.1.3 and 6, with PKCE."""
        form = request.form
        require(request.authorization == BASIC, "invalid_client")
        if form["grant_type"] == "refresh_token":
            return self._refresh(form["refresh_token"])
        granted = json.loads(decoded(form["code"]))
        require(encoded(sha256(form["code_verifier"].encode()).digest()) == granted["code_challenge"], "invalid_grant")
        require(form["redirect_uri"] == granted["redirect_uri"], "invalid_grant")
        consent = granted["nonce"]
        require(consent not in self.newest, "invalid_grant")  # a code is good once
        given = self._tokens(granted["agent"], consent, granted["lifetime"])
        return given | {"id_token": self._id(granted["agent"], granted["nonce"], given["access_token"])}

    def who(self, request: Request) -> dict[str, Any]:
        """OpenID Connect Core section 5.3."""
        agent = _agent_of_access(request.authorization.removeprefix("Bearer "))
        return {"sub": f"agent-{agent}", "name": f"Agent {agent}", "email": account_name(agent)}

    def exchanged(self, request: Request) -> dict[str, Any]:
        """Fuyun's token exchange."""
        require(request.authorization == BASIC, "invalid_client")
        agent = _agent_of_access(request.form["subject_token"])
        jti = f"{agent}.{self.counts['token_exchange']}"
        payload = {"user_name": account_name(agent), "jti": jti, "padding": _PADDING}
        # Nobody but Fuyun verifies its signature, so that any will do.
        token = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "RS256"}, payload, "x" * 190))
        return {"access_token": token, "token_type": "bearer", "expires_in": _MONTH, "jti": jti}

    def revoke(self, request: Request) -> dict[str, Any]:
        """RFC 7009 section 2."""
        require(request.authorization == BASIC, "invalid_client")
        self.newest.pop(request.form["token"].split(".")[1], None)
        return {}

    def _refresh(self, token: str) -> dict[str, Any]:
        agent, consent, number = token.split(".")
        # RFC 9700 section 4.14.2: a token that was used before ends the consent.
        require(self.newest.get(consent) == int(number), "invalid_grant")
        return self._tokens(int(agent), consent, HOUR)

    def _tokens(self, agent: int, consent: str, lifetime: int) -> dict[str, Any]:
        number = self.newest[consent] = self.newest.get(consent, 0) + 1
        return {
            "access_token": f"{agent}~{consent}~{number}~{_PADDING}",
            "token_type": "Bearer",
            "expires_in": lifetime,
            "refresh_token": f"{agent}.{consent}.{number}",
        }

    def _id(self, agent: int, nonce: str, access_token: str) -> str:
        now = int(time.time())
        half = sha256(access_token.encode()).digest()[:16]
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "sub": f"agent-{agent}", "sid": nonce, "nonce": nonce}
        return self._signed(claims | {"iat": now, "exp": now + HOUR, "at_hash": encoded(half)})


_TOKEN: Final = "/token"
_ENDPOINTS: Final[Mapping[str, Callable[[Provider, Request], dict[str, Any]]]] = {
    "/.well-known/openid-configuration": Provider.metadata,
    "/jwks": Provider.jwks,
    _TOKEN: Provider.give,
    "/userinfo": Provider.who,
    "/revoke": Provider.revoke,
    "/oauth/token_exchange": Provider.exchanged,
}


def _agent_of_access(token: str) -> int:
    agent, mark, _ = token.partition("~")
    require(mark and agent.isdecimal(), "invalid_token")
    return int(agent)


# The wire ------------------------------------------------------------------------------------------------------------


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, no more of it than the bridge uses; each answer leaves after `distance` seconds."""

    def __init__(self, provider: Provider, distance: float) -> None:
        self._provider = provider
        self._distance = distance
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._provider.counts["connections"] += 1
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._received += data
        while request := self._next_request():
            status, members = self._provider.answer(request)
            asyncio.get_running_loop().call_later(self._distance, self._send, status, json.dumps(members).encode())

    def _send(self, status: int, body: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            self._transport.write(head.encode("ascii") + body)

    def _next_request(self) -> Request | None:
        request, self._received = next_request(self._received)
        return request


async def _serve(certificate: str, distance: float) -> None:
    loop, provider = asyncio.get_running_loop(), Provider()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = await loop.create_server(lambda: _Connection(provider, distance), "127.0.0.1", 0, ssl=context, backlog=512)
    address = f"https://localhost:{server.sockets[0].getsockname()[1]}"
    provider.open_at(address)
    _say({"issuer": address})
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while await commands.readline():
        _say(provider.counts)


def _say(members: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(members) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the load test's to answer; it closes our input
    asyncio.run(_serve(sys.argv[1], float(sys.argv[2])))
