"""The one tree of errors; every refusal of the bridge is one of these classes.

    BridgeError
    ├── RequestInvalid, StateUnknown, StateExpired, CsrfFailed, RateLimited, PageUnknown      what the browser brought
    ├── ConnectionUnknown, ConnectionDisabled, NoIdentityProvider, ConnectionModeUnsuited      what the address names
    ├── ConnectionReadOnly, ConnectionChanged, RehearsalMissing, RehearsalLinkInvalid         how a connection is kept
    ├── AdminSignInRequired, AdminNotAllowed, AdminLinkInvalid                                who may enter the console
    ├── ApiKeyInvalid, ApiKeyForbidden                                                        who may use the API
    ├── IdempotencyConflict, IdempotencyKeyReused, HandoffInvalid                             what may happen once
    ├── IdpError, IdpUnreachable, IdpAnswerInvalid, IdTokenInvalid, UserinfoInvalid           the identity provider
    ├── TenantNotAllowed, MappingFieldMissing, AgentUnknown, AgentFrozen, AgentMismatch       who the person is
    ├── ExchangeRejected, ExchangeUnreachable, ExchangeAnswerInvalid                          Fuyun
    ├── ContactCenterError, ContactCenterUnreachable, ContactCenterUncertain and so on        its OpenAPI
    ├── SessionMissing, SessionEnded, LoginRequired, LogoutTokenInvalid                       the session
    ├── SignInLoop, CookiesRefused                                                            what keeps coming back
    └── StoreUnavailable, Internal                                                            ourselves

``code`` is public contract: it stands on the error page, in the RFC 9457 problem, in the log line and in the metric.
``expected`` and ``received`` name fields, claims, hosts and codes; they never carry a token or a secret.
"""

from __future__ import annotations

import re
from typing import ClassVar

_SHOWABLE = re.compile(r"[\w.:/@{}+*#-]{1,80}")


def showable(value: object) -> str:
    """Return a foreign value as it may be shown to people: a short plain word, or only its type and length.

    Servers repeat tokens in their messages ("Invalid access token: eyJ…"), so free text of theirs is never repeated.
    """
    text = str(value)
    if _SHOWABLE.fullmatch(text) and not text.startswith("eyJ"):
        return text
    return f"{type(value).__name__} of {len(text)} characters"


class BridgeError(Exception):
    """A refusal with a public code.

    Args:
        description: one English sentence for logs and problem documents; never holds a secret.
        expected: what a good answer or request would have held.
        received: what came instead, shortened and free of secrets.
        status: an HTTP status other than the class's own.
    """

    code: ClassVar[str] = "internal_error"
    status: int = 500
    retryable: ClassVar[bool] = False
    default: ClassVar[str] = "The bridge failed to answer."
    retry_after: int = 5
    """Seconds after which trying again makes sense, where it does at all."""
    ends_session: bool = False
    """Whether the browser's cookies are worthless from now on."""

    def __init__(
        self, description: str = "", *, expected: str = "", received: str = "", status: int | None = None
    ) -> None:
        self.description = description or self.default
        self.expected = expected
        self.received = received
        if status is not None:
            self.status = status
        super().__init__(self.description)

    def __str__(self) -> str:
        compared = {"expected": self.expected, "received": self.received}
        told = ", ".join(f"{word} {what}" for word, what in compared.items() if what)
        return f"{self.code}: {self.description}" + (f" ({told})" if told else "")


class RequestInvalid(BridgeError):
    """A parameter of the request is missing, repeated, too long or malformed."""

    code = "request_invalid"
    status = 400
    default = "The request is not one the bridge understands."


class PageUnknown(BridgeError):
    """The address names no page, or not with this method."""

    code = "page_unknown"
    status = 404
    default = "There is no page at this address."


class StateUnknown(BridgeError):
    """The callback belongs to no sign-in that this browser began (RFC 6749 section 10.12)."""

    code = "state_unknown"
    status = 400
    default = "This browser began no sign-in with this state."


class StateExpired(BridgeError):
    """The sign-in was begun here, but more than ten minutes ago."""

    code = "state_expired"
    status = 400
    default = "The sign-in took longer than ten minutes."


class CsrfFailed(BridgeError):
    """A POST without the session's CSRF token or from a foreign origin."""

    code = "csrf_failed"
    status = 403
    default = "The request did not come from a page of the bridge."


class RateLimited(BridgeError):
    """Too many requests with one API key, too many refused ones from one address, or too many slow ones at once.

    Args:
        retry_after: whole seconds until another has a chance.
    """

    code = "rate_limited"
    status = 429
    retryable = True
    default = "Too many requests."

    def __init__(self, *, expected: str = "", received: str = "", retry_after: int = BridgeError.retry_after) -> None:
        super().__init__(expected=expected, received=received)
        self.retry_after = retry_after


class ConnectionUnknown(BridgeError):
    """No connection has this name."""

    code = "connection_unknown"
    status = 404
    default = "No connection has this name."


class ConnectionDisabled(BridgeError):
    """The connection exists but is switched off."""

    code = "connection_disabled"
    status = 404
    default = "This connection is switched off."


class NoIdentityProvider(BridgeError):
    """The connection has no identity provider: its people come from the platform's own software."""

    code = "no_identity_provider"
    status = 404
    default = "Nobody signs in here: people of this connection come from the platform's own software."


class ConnectionModeUnsuited(BridgeError):
    """The connection exists, but in its mode the bridge cannot speak for an agent."""

    code = "connection_mode_unsuited"
    status = 409
    default = "This connection is not set up for that."


class IdpError(BridgeError):
    """The identity provider answered with an OAuth error, or refused the code or the token."""

    code = "idp_error"
    status = 400
    default = "The identity provider refused the sign-in."


class IdpUnreachable(BridgeError):
    """The identity provider timed out, reset the connection or answered 5xx."""

    code = "idp_unreachable"
    status = 504
    retryable = True
    default = "The identity provider did not answer."


class IdpAnswerInvalid(BridgeError):
    """The identity provider's answer breaks the protocol."""

    code = "idp_answer_invalid"
    status = 502
    default = "The identity provider's answer breaks the protocol."


class IdTokenInvalid(BridgeError):
    """The ID token is missing or fails a check of OpenID Connect Core section 3.1.3.7."""

    code = "id_token_invalid"
    status = 502
    default = "The ID token did not pass its checks."


class UserinfoInvalid(BridgeError):
    """The UserInfo answer is unusable or speaks of another subject (OpenID Connect Core section 5.3.2)."""

    code = "userinfo_invalid"
    status = 502
    default = "The UserInfo answer is not usable."


class TenantNotAllowed(BridgeError):
    """The person belongs to a tenant or organization that this connection does not admit."""

    code = "tenant_not_allowed"
    status = 403
    default = "This organization is not admitted by the connection."


class MappingFieldMissing(BridgeError):
    """The mapping field is absent from UserInfo, or holds no usable text."""

    code = "mapping_field_missing"
    status = 403
    default = "The mapping field names no account."


class AgentUnknown(BridgeError):
    """No agent has the mapped account name."""

    code = "agent_unknown"
    status = 403
    default = "No agent has this account name."


class AgentFrozen(BridgeError):
    """The agent exists but is frozen."""

    code = "agent_frozen"
    status = 403
    default = "The agent is frozen."


class AgentMismatch(BridgeError):
    """Fuyun's token names another agent than the mapping did."""

    code = "agent_mismatch"
    status = 403
    default = "The contact center's token names another agent."


class ExchangeRejected(BridgeError):
    """Fuyun refused the token exchange with a definite answer."""

    code = "exchange_rejected"
    status = 502
    default = "The contact center refused the exchange."


class ExchangeUnreachable(BridgeError):
    """Fuyun timed out, reset the connection, or answered 429 or 5xx."""

    code = "exchange_unreachable"
    status = 504
    retryable = True
    default = "The contact center did not answer."


class ExchangeAnswerInvalid(BridgeError):
    """Fuyun's answer is no token answer: HTML, a redirect, or JSON without a token."""

    code = "exchange_answer_invalid"
    status = 502
    default = "The contact center's answer is not usable."


class ContactCenterError(BridgeError):
    """The contact center's OpenAPI refused with a definite answer, or gave none that can be used.

    Args:
        request_id: by which the vendor finds the call.

    Attributes:
        may_be_done: the change was sent before, and that answer was lost: it may be the reason of this refusal.
    """

    code = "contact_center_error"
    status = 502
    default = "The contact center's OpenAPI gave no good answer."

    def __init__(self, description: str = "", *, expected: str = "", received: str = "", request_id: str = "") -> None:
        super().__init__(description, expected=expected, received=received)
        self.request_id = request_id
        self.may_be_done = False


class ContactCenterUnreachable(BridgeError):
    """The contact center's OpenAPI timed out, reset the connection, throttled the call or has trouble of its own.

    Args:
        request_id: by which the vendor finds the call.
        retry_after: whole seconds until another call makes sense.
    """

    code = "contact_center_unreachable"
    status = 504
    retryable = True
    default = "The contact center's OpenAPI did not answer."

    def __init__(
        self,
        description: str = "",
        *,
        expected: str = "",
        received: str = "",
        request_id: str = "",
        retry_after: int = BridgeError.retry_after,
    ) -> None:
        super().__init__(description, expected=expected, received=received)
        self.request_id = request_id
        self.retry_after = retry_after


class SessionMissing(BridgeError):
    """The request carries no session."""

    code = "session_missing"
    status = 401
    default = "Nobody is signed in."
    ends_session = True


class SessionEnded(BridgeError):
    """The session was ended by logout, by age or by idleness."""

    code = "session_ended"
    status = 401
    default = "The session has ended."
    ends_session = True

    def __init__(
        self, description: str = "", *, expected: str = "", received: str = "", replaced: bool = False
    ) -> None:
        super().__init__(description, expected=expected, received=received)
        # A newer sign-in of the same browser has set cookies of its own, which a late answer must not take away.
        self.ends_session = not replaced


class LoginRequired(BridgeError):
    """Only the person can help: the identity provider wants a new sign-in."""

    code = "login_required"
    status = 401
    default = "A new sign-in is needed."

    def __init__(self, description: str = "", *, expected: str = "", received: str = "", ended: bool = False) -> None:
        super().__init__(description, expected=expected, received=received)
        self.ends_session = ended


class LogoutTokenInvalid(BridgeError):
    """The provider's logout token fails a check of OpenID Connect Back-Channel Logout 1.0 section 2.6."""

    code = "logout_token_invalid"
    status = 400
    default = "The logout token did not pass its checks."


class SignInLoop(BridgeError):
    """The browser was signed in again and again and never kept the session."""

    code = "sign_in_loop"
    status = 400
    default = "The browser signs in again and again without keeping the session."


class CookiesRefused(BridgeError):
    """The browser sends none of the cookies back that it was given."""

    code = "cookies_refused"
    status = 400
    default = "The browser keeps no cookies of this site."


class StoreUnavailable(BridgeError):
    """The database or session store does not answer; the cookie stays good. Only `str` tells `where`: for operators."""

    code = "store_unavailable"
    status = 503
    retryable = True
    default = "The session store does not answer."

    def __init__(self, description: str = "", *, expected: str = "", received: str = "", where: str = "") -> None:
        self.where = where
        super().__init__(description, expected=expected, received=received)

    def __str__(self) -> str:
        return super().__str__() + (f" at {self.where}" if self.where else "")


class Internal(BridgeError):
    """A fault of our own; its details are in the log under the reference."""

    default = "The bridge failed to answer."
