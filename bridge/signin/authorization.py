"""The authorization response: what the browser brought back, judged before anything is redeemed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bridge.core.errors import IdpAnswerInvalid, IdpError, showable
from bridge.upstream.metadata import issuer_matches

if TYPE_CHECKING:
    from bridge.signin.pending import PendingSignIn

_BAD_REQUEST: Final = 400


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """What the browser brought back (RFC 6749 section 4.1.2, RFC 9207); missing parameters are empty."""

    state: str = ""
    code: str = field(default="", repr=False)
    error: str = ""
    iss: str = ""


def code_in(pending: PendingSignIn, response: AuthorizationResponse) -> str:
    """Return the code that a response to this sign-in brought.

    Raises:
        IdpAnswerInvalid: another provider's response, or neither code nor error.
        IdpError: the provider ended the sign-in.
    """
    _check_iss(pending, response.iss)
    if response.error:
        raise IdpError("The identity provider ended the sign-in.", received=showable(response.error))
    if not response.code:
        raise IdpAnswerInvalid(expected="code", received="neither code nor error", status=_BAD_REQUEST)
    return response.code


def _check_iss(pending: PendingSignIn, iss: str) -> None:
    # Mix-up (RFC 9207 section 2.4): an answer that another provider made must not be redeemed here.
    if (iss or pending.expects_iss) and not (pending.issuer and issuer_matches(pending.issuer, iss)):
        raise IdpAnswerInvalid(expected=f"iss {pending.issuer}", received=f"iss {showable(iss)}" if iss else "no iss")
