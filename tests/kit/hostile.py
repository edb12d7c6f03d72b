"""An identity provider and a Fuyun that do everything well but the one thing a row tells them to do badly.

Each connection ``r0``, ``r1`` … has a provider of its own below ``http://localhost:5200/r0/``, so nothing that the
bridge remembers of one row can reach another. An alteration takes the good value and gives what is sent instead:
members of a JSON object, a `Reply` with exact bytes, or an error that breaks the line.
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from werkzeug.wrappers import Request, Response

from bridge.connections.presets import complete
from bridge.core.model import Connection, FuyunApp, IdentityProvider, Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ORIGIN: Final = "http://localhost:5200"
TENANT: Final = "11111111-2222-4333-8444-555555555555"
ORGANIZATION: Final = "00D000000000001AAA"
CLIENT_ID: Final = "bridge-at-hostile"
CLIENT_SECRET: Final = "client-secret-of-the-bridge-0123456789"
FUYUN_SECRET: Final = "fuyun-secret-of-the-bridge-0123456789"
ACCOUNT: Final = "lin@contoso.example"

Members = dict[str, Any]
Alter = Callable[[Members], Any]
Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer's exact bytes; `pause` seconds between them make it drip."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0
    measured: bool = True

    def response(self) -> Response:
        """Return it as WSGI sends it."""
        body: Any = self.body if not self.pause else self._dripping()
        response = Response(body, self.status, content_type=self.content_type)
        if self.measured:
            response.headers["Content-Length"] = str(len(self.body))
        response.headers.update(self.headers)
        return response

    def _dripping(self) -> Iterator[bytes]:
        for octet in self.body:
            time.sleep(self.pause)
            yield bytes([octet])


# Alterations ----------------------------------------------------------------------------------------------------------


def well(members: Members) -> Any:
    """Do nothing bad."""
    return members


def having(**members: object) -> Alter:
    """Add or replace members."""
    return lambda good: {**good, **members}


def without(*names: str) -> Alter:
    """Leave members out."""
    return lambda good: {name: value for name, value in good.items() if name not in names}


def moved(name: str, seconds: float) -> Alter:
    """Put a time `seconds` away from now."""
    return lambda good: {**good, name: int(time.time() + seconds)}


def spelt(name: str, text: str) -> Alter:
    """Send JSON with one member's value spelt as `text`, which may be no JSON at all."""

    def alter(good: Members) -> Any:
        mark = "\0here"
        return Reply(body=json.dumps({**good, name: mark}).replace(json.dumps(mark), text).encode())

    return alter


def repeated(name: str) -> Alter:
    """Send one member twice."""
    return lambda good: Reply(body=b"{%s,%s" % (json.dumps({name: good[name]})[1:-1].encode(), _json(good)[1:]))


def replies(status: int, body: bytes | object = b"", content_type: str = "application/json", **headers: str) -> Alter:
    """Send exactly this; anything but bytes is sent as JSON."""
    sent = body if isinstance(body, bytes) else _json(body)
    reply = Reply(status, sent, content_type, {name.replace("_", "-"): value for name, value in headers.items()})
    return lambda _: reply


def page(status: int = 200) -> Alter:
    """Send a gateway's HTML page."""
    return replies(status, b"<!doctype html><title>Blocked</title><p>Your request was blocked.", "text/html")


def elsewhere(status: int = 302) -> Alter:
    """Redirect to a page that would answer whatever is wanted."""
    return replies(status, b"", "text/html", Location=f"{ORIGIN}/elsewhere")


def dripping(seconds: float, *, measured: bool = True) -> Alter:
    """Send the good answer byte by byte."""
    return lambda good: Reply(body=_json(good), pause=seconds, measured=measured)


def late(seconds: float) -> Alter:
    """Answer well after a while."""

    def alter(good: Members) -> Any:
        time.sleep(seconds)
        return good

    return alter


def breaks(error: Exception) -> Alter:
    """Break the line instead of answering."""
    return lambda _: error


# Signatures -----------------------------------------------------------------------------------------------------------


@cache
def key(name: str) -> RSAPrivateKey:
    """Return the key of this name."""
    del name
    return generate_private_key(65537, 2048)


def rs256(name: str = "published") -> Sign:
    """Sign with a key; only one of them is published."""
    return lambda signed: key(name).sign(signed, PKCS1v15(), SHA256())


def hs256(secret: bytes) -> Sign:
    """Sign with a shared secret."""
    return lambda signed: hmac.new(secret, signed, sha256).digest()


def public_pem() -> bytes:
    """Return the published key as a text that an HS256 forger could use."""
    return key("published").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def jwk(name: str = "published", **members: object) -> Members:
    """Return a public key as a key set has it (RFC 7517)."""
    numbers = key(name).public_key().public_numbers()
    return {"kty": "RSA", "kid": name, "n": _number(numbers.n), "e": _number(numbers.e), **members}


def compact(header: Members, payload: bytes, sign: Sign) -> str:
    """Return a JWS in compact form (RFC 7515 section 7.1)."""
    signed = f"{_b64(_json(header))}.{_b64(payload)}"
    return f"{signed}.{_b64(sign(signed.encode()))}"


# The provider ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Does:
    """What is done badly; every default is good.

    Args:
        comes_back: the callback's parameters.
        header, claims, sign: of the ID token.
    """

    discovery: Alter = well
    comes_back: Callable[[Members], Iterable[tuple[str, str]] | Members] = dict
    token: Alter = well
    header: Alter = well
    claims: Alter = well
    sign: Sign = field(default_factory=rs256)
    jwks: Alter = well
    userinfo: Alter = well
    exchange: Alter = well


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came in."""

    method: str
    endpoint: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Provider:
    """One connection's provider, and its Fuyun.

    Args:
        secrets: everything that was issued and that no page may show.
    """

    def __init__(self, connection: Connection, does: Does, origin: str = ORIGIN) -> None:
        self.connection = connection
        self.name = connection.name
        self.does = does
        self.base = f"{origin}/{connection.name}"
        self.received: list[Received] = []
        self.secrets = {CLIENT_SECRET, FUYUN_SECRET}
        self._nonce = ""

    @property
    def issuer(self) -> str:
        """The issuer of its ID tokens."""
        return self._issuer_of(TENANT)

    def come_back(self, location: str) -> str:
        """Return the path to which it sends the browser that `location` brought."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        self._nonce = asked.get("nonce", "")
        code = self._issued("code")
        brought = {"code": code, "state": asked["state"]}
        if self.connection.idp.kind != "oauth2":
            brought["iss"] = self.issuer
        parameters = self.does.comes_back(brought)
        pairs = parameters.items() if isinstance(parameters, dict) else parameters
        return f"{urlsplit(asked['redirect_uri']).path}?{urlencode(list(pairs))}"

    def answer(self, request: Request) -> Response:
        """Answer one request of the bridge."""
        endpoint = request.path.rsplit("/", 1)[1]
        self.received.append(
            Received(request.method, endpoint, request.query_string.decode(), dict(request.headers), request.get_data())
        )
        desk = {
            "openid-configuration": (self._discovery, self.does.discovery),
            "jwks": (self._jwks, self.does.jwks),
            "token": (self._token, self.does.token),
            "userinfo": (self._userinfo, self.does.userinfo),
            "token_exchange": (self._exchange, self.does.exchange),
        }
        good, alter = desk[endpoint]
        return _sent(alter(good()))

    def _issuer_of(self, tenant: str) -> str:
        return f"{self.base}/{tenant}/v2.0" if self.connection.idp.kind == "microsoft" else self.base

    def _discovery(self) -> Members:
        spans_tenants = self.connection.idp.tenant in {"common", "organizations"}
        return {
            "issuer": self._issuer_of("{tenantid}" if spans_tenants else TENANT),
            "authorization_endpoint": f"{self.base}/authorize",
            "token_endpoint": f"{self.base}/token",
            "userinfo_endpoint": f"{self.base}/userinfo",
            "jwks_uri": f"{self.base}/jwks",
            "authorization_response_iss_parameter_supported": True,
        }

    def _jwks(self) -> Members:
        return {"keys": [jwk()]}

    def _token(self) -> Members:
        access_token = self._issued("access-token")
        return {
            "access_token": access_token,
            "refresh_token": self._issued("refresh-token"),
            "id_token": self._id_token(access_token),
            "token_type": "Bearer",
            "expires_in": 3600,
        }

    def _id_token(self, access_token: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "subject-of-lin",
            "aud": CLIENT_ID,
            "exp": now + 3600,
            "iat": now,
            "nonce": self._nonce,
            "at_hash": _b64(sha256(access_token.encode()).digest()[:16]),
            "tid": TENANT,
        }
        header: Any = self.does.header({"alg": "RS256", "typ": "JWT", "kid": "published"})
        altered = self.does.claims(claims)
        payload = altered.body if isinstance(altered, Reply) else _json(altered)
        token = compact(header, payload, self.does.sign)
        self.secrets.update(token.split(".")[1:2])
        return token

    def _userinfo(self) -> Members:
        return {
            "sub": "subject-of-lin",
            "name": "Lin",
            "email": ACCOUNT,
            "organization_id": ORGANIZATION,
            "custom_attributes": {"account": ACCOUNT, "level": 3},
        }

    def _exchange(self) -> Members:
        jti = self._issued("jti")
        claims = {"iss": "http://developer.rhinokeen.com", "exp": int(time.time()) + 2_591_999, "user_name": ACCOUNT}
        access_token = compact({"alg": "RS256", "typ": "JWT"}, _json({**claims, "jti": jti}), hs256(b"unknown"))
        self.secrets.update(access_token.split(".")[1:])
        return {"access_token": access_token, "token_type": "bearer", "expires_in": 2_591_999, "jti": jti}

    def _issued(self, kind: str) -> str:
        secret = f"{kind}-of-{self.name}-{len(self.secrets)}-{time.monotonic_ns()}"
        self.secrets.add(secret)
        return secret


class Hostile:
    """The WSGI application in which all providers answer."""

    def __init__(self) -> None:
        self.providers: dict[str, Provider] = {}

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        provider = self.providers[request.path.split("/")[1]]
        return provider.answer(request)(environ, start_response)


# The connection -------------------------------------------------------------------------------------------------------


def connection(name: str, origin: str = ORIGIN, mapping_field: str = "email", **idp: Any) -> Connection:
    """Return a connection to the provider of this name; `idp` changes what an OpenID Connect provider needs."""
    base = f"{origin}/{name}"
    kind = idp.get("kind", "oidc")
    given: Members = {"kind": "oidc", "client_id": CLIENT_ID, "client_secret": Secret(CLIENT_SECRET)}
    if kind == "oauth2":
        given |= {f"{path}_endpoint": f"{base}/{end}" for path, end in _PLAIN.items()}
    elif kind == "microsoft":
        given |= {"issuer": f"{base}/{{tenantid}}/v2.0", "tenant": TENANT}
    else:
        given |= {"host": base} if kind == "salesforce" else {"issuer": base}
    fuyun = FuyunApp(
        client_id="fuyun-client",
        client_secret=Secret(FUYUN_SECRET),
        redirect_url=f"https://crm.example.com/callback/{name}",
        token_exchange_url=f"{base}/token_exchange",
    )
    completed = complete(IdentityProvider(**given | idp), "oauth")
    return Connection(name, f"Company {name}", completed, fuyun, mapping_field=mapping_field)


_PLAIN: Final = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}


def _sent(altered: object) -> Response:
    if isinstance(altered, Exception):
        raise altered
    return altered.response() if isinstance(altered, Reply) else Reply(body=_json(altered)).response()


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))
