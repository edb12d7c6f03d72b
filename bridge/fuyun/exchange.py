"""The token exchange at Fuyun, with exactly the documented fields, and its judgement of every answer."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Any, Final

from bridge.core import protocol
from bridge.core.errors import (
    AgentMismatch,
    BridgeError,
    ExchangeAnswerInvalid,
    ExchangeRejected,
    ExchangeUnreachable,
    showable,
)
from bridge.core.model import AccountName, FuyunApp, FuyunToken, SubjectToken
from bridge.outbound import FailAs, Outbound

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.egress.answer import Answer

_FAILURES: Final = FailAs(ExchangeUnreachable, ExchangeAnswerInvalid, "exchange")
_OK: Final = 200
_CLIENT_ERROR: Final = 400
_REDIRECTS: Final = range(300, 400)
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_USUAL_LIFE: Final = 2_591_999
_LONGEST_LIFE: Final = 10 * 365 * 86_400
_JWT_PARTS: Final = 3
_LONGEST_REASON: Final = 120
# Some servers repeat the token in it: words of letters alone, none of them long.
_REASON: Final = re.compile(r"([A-Za-z_]{1,18}[,.;:]?)( [A-Za-z_]{1,18}[,.;:]?){1,24}")


class FuyunExchange:
    """Exchanges subject tokens at Fuyun's ``/oauth/token_exchange``.

    Args:
        now: epoch seconds.
    """

    def __init__(self, outbound: Outbound, now: Callable[[], float]) -> None:
        self._outbound = outbound
        self._now = now

    def get_ready(self, app: FuyunApp) -> None:
        """Open a line to the exchange in the background, for whoever will come soon."""
        self._outbound.get_ready(app.token_exchange_url, public_only=app.public_only)

    def exchange(self, app: FuyunApp, subject: SubjectToken) -> FuyunToken:
        """Return Fuyun's token for `subject` (document, "请求参数"; RFC 8693 section 2.1 without its type fields).

        Raises:
            ExchangeRejected: a definite no; ``received`` holds Fuyun's error code.
            ExchangeUnreachable: no answer, 429 or 5xx.
            ExchangeAnswerInvalid: HTML, a redirect, JSON without a token, or an address that must not be private.
        """
        form = {
            "grant_type": protocol.TOKEN_EXCHANGE,
            "scope": app.scope,
            protocol.FUYUN_REDIRECT_URL: app.redirect_url,
            "subject_token": subject.token,
            protocol.FUYUN_SUBJECT_ISSUER: subject.issuer,
        }
        headers = {"Authorization": _basic(app)}
        answer = self._outbound.send(
            "POST", app.token_exchange_url, _FAILURES, form=form, headers=headers, public_only=app.public_only
        )
        return self._read(answer)

    def _read(self, answer: Answer) -> FuyunToken:
        members = answer.json_object()
        refusal = _refusal(answer, members)
        if refusal is not None:
            raise refusal
        access_token = (members or {}).get("access_token")
        if answer.status != _OK or members is None or not isinstance(access_token, str) or not access_token.strip():
            raise ExchangeAnswerInvalid(expected="JSON with access_token", received=_shape(answer, members))
        if not (access_token.isascii() and access_token.isprintable()):
            # It goes into a cookie next (RFC 6749 appendix A.12).
            raise ExchangeAnswerInvalid(expected="access_token of printable ASCII characters", received="another")
        token_type = members.get("token_type", "bearer")
        if not isinstance(token_type, str) or token_type.lower() != "bearer":
            raise ExchangeAnswerInvalid(expected="token_type bearer", received=showable(token_type))
        return FuyunToken(
            access_token=access_token,
            token_type=token_type,
            expires_at=int(self._now()) + _lifetime(members.get("expires_in", _USUAL_LIFE)),
            scope=str(members.get("scope", "")),
            jti=str(members.get("jti", "")),
            unverified_user_name=_user_name(access_token),
        )


def check_agent(token: FuyunToken, account_name: AccountName) -> None:
    """Refuse a token for another agent than the mapping named.

    Fuyun publishes no key to verify its tokens with, so ``user_name`` is a cross-check, and an opaque token passes.

    Raises:
        AgentMismatch: names both accounts.
    """
    if token.unverified_user_name is not None and token.unverified_user_name != account_name:
        received = showable(token.unverified_user_name) if token.unverified_user_name else "no user_name"
        raise AgentMismatch(expected=showable(account_name), received=received)


def _basic(app: FuyunApp) -> str:
    pair = f"{app.client_id}:{app.client_secret.reveal()}"
    return f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"


def _refusal(answer: Answer, members: dict[str, Any] | None) -> BridgeError | None:
    failed = members is not None and members.get("Success") is False
    if answer.status == _TOO_MANY or (answer.status >= _SERVER_ERROR and not failed):
        return ExchangeUnreachable(expected="a token", received=f"HTTP {answer.status}")
    if members is None or answer.status in _REDIRECTS:
        return ExchangeAnswerInvalid(expected="a token in JSON", received=_shape(answer, members))
    if failed or answer.status >= _CLIENT_ERROR or "error" in members:
        return ExchangeRejected(_why(members), expected="a token", received=_error_code(answer, members))
    return None


def _why(members: dict[str, Any]) -> str:
    """Return the refusal with the server's own reason, where that is a few plain words and can be nothing else."""
    for name in ("error_description", "Message", "message"):
        reason = members.get(name)
        if isinstance(reason, str) and len(reason) <= _LONGEST_REASON and _REASON.fullmatch(reason):
            return f"{ExchangeRejected.default} It says: {reason}"
    return ""


def _error_code(answer: Answer, members: dict[str, Any]) -> str:
    # The code alone: descriptions of some servers repeat the token ("Invalid access token: eyJ…").
    for name in ("Code", "error", "code"):
        code = members.get(name)
        if isinstance(code, str) and code:
            return showable(code)
    return f"HTTP {answer.status}"


def _shape(answer: Answer, members: dict[str, Any] | None) -> str:
    return f"HTTP {answer.status} {answer.kind}" + ("" if members is None else " without it")


def _lifetime(expires_in: object) -> int:
    try:
        seconds = int(str(expires_in))
    except ValueError:
        seconds = 0
    if not 0 < seconds <= _LONGEST_LIFE:
        raise ExchangeAnswerInvalid(expected="expires_in in seconds", received=showable(expires_in))
    return seconds


def _user_name(access_token: str) -> str | None:
    """Return the token's ``user_name``, an empty text where a JWT has none, and None where it is no JWT."""
    parts = access_token.split(".")
    if len(parts) != _JWT_PARTS:
        return None
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not isinstance(payload, dict):
        return None
    user_name = payload.get(protocol.FUYUN_USER_NAME, "")
    return user_name if isinstance(user_name, str) else ""
