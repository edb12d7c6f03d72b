"""The wire between Authlib, which writes the requests of a client, and `outbound`, which alone sends them."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import parse_qsl, quote_plus

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.client import OAuth2Client

from bridge.core import protocol
from bridge.core.errors import BridgeError, IdpAnswerInvalid, IdpError, IdpUnreachable, showable
from bridge.outbound import FailAs, Outbound
from bridge.upstream.metadata import OK, SERVER_ERROR

if TYPE_CHECKING:
    from bridge.egress.answer import Answer

_TOKEN_FAILURES: Final = FailAs(IdpUnreachable, IdpAnswerInvalid, "token")
_CLIENT_ERROR: Final = 400
_LONGEST_LIFE: Final = 10 * 365 * 86_400


def _basic(client: Any, _method: str, uri: str, headers: dict[str, str], body: str) -> tuple[str, dict[str, str], str]:
    """Authenticate by RFC 6749 section 2.3.1, which has both parts form-encoded; Authlib leaves them as they are."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode('ascii')}"
    return uri, headers, body


class _ClientAuth(ClientAuth):  # type: ignore[misc]
    """Authlib's client authentication for a prepared request, whose address no method for POST changes."""

    DEFAULT_AUTH_METHODS: ClassVar = {**ClientAuth.DEFAULT_AUTH_METHODS, protocol.CLIENT_SECRET_BASIC: _basic}

    def __call__(self, request: Any) -> Any:
        """Sign a request; see `Outbound.send`."""
        _, request.headers, request.body = self.prepare(request.method, request.url, request.headers, request.body)
        return request


class Refused(Exception):
    """A token endpoint's error (RFC 6749 section 5.2), as Authlib raises it; its own breaks on some descriptions."""

    def __init__(self, error: object, description: object) -> None:
        self.error = error
        super().__init__(error, description)


class WiredClient(OAuth2Client):  # type: ignore[misc]
    """Authlib's protocol client over our own wire: it writes the requests, `outbound` sends them."""

    client_auth_class = _ClientAuth
    oauth_error_class = Refused


class Wire:
    """The one method of a requests session that Authlib's client uses."""

    def __init__(self, outbound: Outbound, *, public_only: bool) -> None:
        self._outbound = outbound
        self._public_only = public_only

    def post(self, url: str, data: dict[str, str], headers: dict[str, str], auth: Any) -> _TokenAnswer:
        """Send a form to a token or revocation endpoint."""
        fields = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        answer = self._outbound.send(
            "POST", url, _TOKEN_FAILURES, form=data, auth=auth, headers=fields, public_only=self._public_only
        )
        return _TokenAnswer(answer)


class _TokenAnswer:
    """A token endpoint's answer in the shape that Authlib reads; judged when it is read, whatever its status."""

    status_code = OK

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def json(self) -> dict[str, Any]:
        members = _judge(self._answer)
        # Authlib counts with both, and fails on what is no number.
        members.pop("expires_at", None)
        seconds = _seconds(members.pop("expires_in", None))
        return members | ({"expires_in": seconds} if seconds else {})

    def raise_for_refusal(self) -> None:
        """Raise IdpError where the provider refused; whatever else it says, a revocation has no use for (RFC 7009)."""
        if _CLIENT_ERROR <= self._answer.status < SERVER_ERROR:
            raise _refusal(self._answer, self._answer.json_object() or {})


def _judge(answer: Answer) -> dict[str, Any]:
    if answer.status >= SERVER_ERROR:
        raise IdpUnreachable(expected="a token answer", received=f"HTTP {answer.status}")
    members = answer.json_object()
    if members is None and answer.kind == "application/x-www-form-urlencoded":
        members = _form(answer.body)
    if answer.status >= _CLIENT_ERROR:
        raise _refusal(answer, members or {})
    if members is None or answer.status != OK:
        raise IdpAnswerInvalid(expected="a token answer in JSON", received=f"HTTP {answer.status} {answer.kind}")
    return members


def _form(body: bytes) -> dict[str, Any] | None:
    pairs = parse_qsl(body.decode("utf-8", "replace"))
    members = dict(pairs)
    return members if len(members) == len(pairs) else None


def _refusal(answer: Answer, members: dict[str, Any]) -> BridgeError:
    error = members.get("error")
    received = showable(error) if isinstance(error, str) else f"HTTP {answer.status}"
    return IdpError("The provider's token endpoint refused.", received=received)


def _seconds(expires_in: object) -> int:
    """Return a lifetime, 0 where it is unknown: some servers send it as text, Salesforce sends none at all."""
    try:
        seconds = int(str(expires_in))
    except ValueError:
        return 0
    return seconds if 0 < seconds <= _LONGEST_LIFE else 0
