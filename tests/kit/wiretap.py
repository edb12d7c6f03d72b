"""Listens to everything that goes over the wire, and knows which of it is secret."""

from __future__ import annotations

import base64
import json
import re
import ssl
from collections import defaultdict
from html import escape
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from bridge.outbound import PooledAdapter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from requests import PreparedRequest, Response

IN_FORMS = {"code", "code_verifier", "client_secret", "refresh_token", "subject_token", "token", "state"}
IN_ADDRESSES = {"code", "state", "nonce", "id_token_hint"}
IN_JSON = {"access_token", "refresh_token", "id_token", "csrf_token"}
NO_SECRET_COOKIES = {"bridge_connection", "bridge_language", "bridge_signin_slot"}
_SHORTEST = 16
_A_PART = 24
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")


class Secrets:
    """What was seen and must not be told, by kind."""

    def __init__(self) -> None:
        self.by_kind: dict[str, set[str]] = defaultdict(set)

    def add(self, kind: str, value: object) -> None:
        """Remember a secret; what is too short to be one is passed over."""
        if isinstance(value, str) and len(value) >= _SHORTEST:
            self.by_kind[kind].add(value)

    def search(self, *, allowed: tuple[str, ...] = ()) -> Search:
        """Return a search for every secret; where a value is of an allowed kind too, it is allowed."""
        pardoned = {value for kind in allowed for value in self.by_kind[kind]}
        return Search((kind, value) for kind, values in self.by_kind.items() for value in values - pardoned)


class Search:
    """Finds secrets in texts, whole or in good part, in whatever spelling.

    Thousands of secrets are looked for in megabytes: every place is compared with their beginnings first.
    """

    def __init__(self, secrets: Iterable[tuple[str, str]]) -> None:
        self._by_beginning: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for kind, value in secrets:
            for spelling in _spellings(value):
                self._by_beginning[spelling[:_SHORTEST]].add((kind, spelling))

    def kinds_in(self, text: str) -> list[str]:
        """Return the kinds of the secrets that stand in `text`."""
        beginnings = self._by_beginning
        return sorted({
            kind
            for place in range(len(text) - _SHORTEST + 1)
            if (beginning := text[place : place + _SHORTEST]) in beginnings
            for kind, spelling in beginnings[beginning]
            if text.startswith(spelling, place)
        })  # fmt: skip


def _spellings(value: str) -> Iterator[str]:
    # A JWT's first part tells only its algorithm; each of the others is as good as the whole. Of other long values the
    # beginning counts, for a shortened secret is half told.
    parts = value.split(".")[1:] if _JWT.fullmatch(value) else [value[:_A_PART]]
    for part in parts:
        if len(part) >= _SHORTEST:
            yield from {part, quote(part, safe=""), quote_plus(part), escape(part), json.dumps(part)[1:-1]}


class Wiretap(PooledAdapter):
    """The bridge's own way out, overheard: keeps the secrets of every request and of every answer."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__(ssl.create_default_context())
        self.secrets = secrets

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        response = super().send(request, *args, **kwargs)
        _hear_form(self.secrets, request)
        _hear_authorization(self.secrets, request.headers.get("Authorization", ""))
        _hear_json(self.secrets, response)
        return response


def hear_browser(secrets: Secrets, response: Response) -> None:
    """Keep the secrets of an answer that a browser got, and of the request that it sent."""
    _hear_form(secrets, response.request)
    for address in (str(response.request.url), response.headers.get("Location", "")):
        _hear_address(secrets, address)
    for header in response.raw.headers.getlist("Set-Cookie"):
        for name, morsel in SimpleCookie(header).items():
            if name not in NO_SECRET_COOKIES and not name.startswith("sandbox_"):  # the provider's own
                secrets.add(f"cookie {re.sub('[0-9]+', '', name)}", morsel.value)
    _hear_json(secrets, response)
    for token in re.findall(r'name="csrf[_-]token" (?:content|value)="([^"]+)"', response.text):
        secrets.add("csrf_token", token)


def _hear_address(secrets: Secrets, address: str) -> None:
    for name, value in parse_qsl(urlsplit(address).query):
        if name in IN_ADDRESSES:
            secrets.add(name, value)


def _hear_form(secrets: Secrets, request: PreparedRequest) -> None:
    body = request.body.decode() if isinstance(request.body, bytes) else str(request.body or "")
    for name, value in parse_qsl(body):
        if name in IN_FORMS:
            secrets.add(name, value)


def _hear_authorization(secrets: Secrets, header: str | bytes) -> None:
    text = header.decode() if isinstance(header, bytes) else header
    scheme, _, credentials = text.partition(" ")
    if scheme == "Bearer":
        secrets.add("bearer", credentials)
    elif scheme == "Basic":
        secrets.add("basic", credentials[len(credentials) // 2 :])  # the client's id, which begins it, is known
        secrets.add("client_secret", unquote(base64.b64decode(credentials).decode().partition(":")[2]))


def _hear_json(secrets: Secrets, response: Response) -> None:
    if "json" not in response.headers.get("Content-Type", ""):
        return
    try:
        members = response.json()
    except ValueError:
        return
    for name in IN_JSON & members.keys() if isinstance(members, dict) else ():
        secrets.add(name, members[name])
        _hear_claims(secrets, str(members[name]))


def _hear_claims(secrets: Secrets, token: str) -> None:
    if _JWT.fullmatch(token):
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        secrets.add("nonce", claims.get("nonce"))
        secrets.add("sid", claims.get("sid"))
