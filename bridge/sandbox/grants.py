"""What one identity provider has handed out: codes, access tokens, refresh tokens, and browser sessions."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Rotation = Literal["keeps", "adds", "replaces"]
"""On refresh: no new refresh token; a new one while old ones stay good; a new one instead of the old."""

CODE_LIFETIME: Final = 60
_TIDY_ABOVE: Final = 5000
_TIDY_EVERY: Final = 10
_OF_ONE_FAMILY: Final = 20
"""How many refresh tokens of one consent are remembered, so that a long shift cannot fill the memory."""


class OAuthRefusal(Exception):
    """An error answer of RFC 6749 section 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        self.error = error
        self.description = description
        self.status = status
        super().__init__(f"{error}: {description}")


@dataclass(frozen=True, slots=True)
class Grant:
    """One consent: who let which client do what. `family` ties its tokens together."""

    family: str
    client_id: str
    person_key: str
    scopes: tuple[str, ...]
    sid: str
    auth_time: int
    nonce: str = ""
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code, bound as RFC 6749 section 4.1.3 and RFC 7636 want it."""

    grant: Grant
    redirect_uri: str
    code_challenge: str
    expires_at: float
    used: bool = False


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token for this provider's user endpoint."""

    grant: Grant
    expires_at: float


_Ending = TypeVar("_Ending", Code, AccessToken)


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token; `used_at` says when a rotating provider replaced it."""

    grant: Grant
    used_at: float | None = None


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """Somebody who is signed in at the provider, as its own cookie tells."""

    sid: str
    person_key: str
    auth_time: int


class Grants:
    """The records of one provider; thread-safe, every check happens together with its change."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.RLock()
        self._codes: dict[str, Code] = {}
        self._access: dict[str, AccessToken] = {}
        self._refresh: dict[str, RefreshToken] = {}
        self._families: dict[str, deque[str]] = {}
        self._sessions: dict[str, BrowserSession] = {}
        self._tidied_at = {Code: 0.0, AccessToken: 0.0}

    def open_session(self, person_key: str) -> BrowserSession:
        """Sign somebody in at the provider itself."""
        session = BrowserSession(secrets.token_urlsafe(16), person_key, int(self._now()))
        with self._lock:
            self._sessions[session.sid] = session
        return session

    def end_sessions(self, person_key: str) -> list[BrowserSession]:
        """End every session of a person with its tokens; return what was ended."""
        with self._lock:
            ended = [one for one in self._sessions.values() if one.person_key == person_key]
            for one in ended:
                self.close_session(one.sid, revoke=True)
        return ended

    def session(self, sid: str) -> BrowserSession | None:
        """Return the live session that a cookie names."""
        with self._lock:
            return self._sessions.get(sid)

    def sessions(self) -> list[BrowserSession]:
        """Return every live session."""
        with self._lock:
            return list(self._sessions.values())

    def close_session(self, sid: str, *, revoke: bool) -> BrowserSession | None:
        """End a session and return it, if there was one; `revoke` takes its tokens along."""
        with self._lock:
            if revoke:
                self._forget(lambda grant: grant.sid == sid)
            return self._sessions.pop(sid, None)

    def issue_code(self, grant: Grant, redirect_uri: str, code_challenge: str) -> str:
        """Return a new code, good once and for a minute."""
        value = secrets.token_urlsafe(32)
        with self._lock:
            self._codes = self._tidied(Code, self._codes)
            self._codes[value] = Code(grant, redirect_uri, code_challenge, self._now() + CODE_LIFETIME)
        return value

    def redeem(self, value: str, *, client_id: str, redirect_uri: str, code_verifier: str) -> Grant:
        """Spend a code; a second attempt ends what the first one got (RFC 6749 section 4.1.2)."""
        with self._lock:
            code = self._codes.get(value)
            if code is None or code.grant.client_id != client_id:
                raise OAuthRefusal("invalid_grant", "The code is unknown or was issued to another client.")
            if code.used:
                self._forget(lambda grant: grant.family == code.grant.family)
                raise OAuthRefusal("invalid_grant", "The code was already redeemed.")
            self._codes[value] = replace(code, used=True)
        if code.expires_at < self._now():
            raise OAuthRefusal("invalid_grant", "The code has expired.")
        if code.redirect_uri != redirect_uri:
            raise OAuthRefusal("invalid_grant", "redirect_uri is not the one of the authorization request.")
        _verify_challenge(code.code_challenge, code_verifier)
        return code.grant

    def issue_access(self, value: str, grant: Grant, lifetime: float) -> None:
        """Record an access token."""
        with self._lock:
            self._access = self._tidied(AccessToken, self._access)
            self._access[value] = AccessToken(grant, self._now() + lifetime)

    def issue_refresh(self, value: str, grant: Grant) -> None:
        """Record a refresh token; the oldest of its family is forgotten where there are many."""
        with self._lock:
            family = self._families.setdefault(grant.family, deque())
            if len(family) == _OF_ONE_FAMILY:
                self._refresh.pop(family.popleft(), None)
            family.append(value)
            self._refresh[value] = RefreshToken(grant)

    def refresh(self, value: str, *, client_id: str, rotation: Rotation, grace: int = 0) -> Grant:
        """Check a refresh token; with rotation `replaces`, reuse of an old one ends its whole family.

        Args:
            grace: seconds in which a token that was replaced may be used again, for clients that lost the answer.
        """
        with self._lock:
            token, now = self._refresh.get(value), self._now()
            if token is None or token.grant.client_id != client_id:
                raise OAuthRefusal("invalid_grant", "The refresh token is unknown, expired or revoked.")
            if token.used_at is not None and not (grace and now < token.used_at + grace):
                self._forget(lambda grant: grant.family == token.grant.family)
                raise OAuthRefusal("invalid_grant", "The refresh token was already used; all of its family is revoked.")
            if rotation == "replaces" and token.used_at is None:
                self._refresh[value] = replace(token, used_at=now)
            return token.grant

    def bearer(self, value: str) -> Grant | None:
        """Return what a good access token stands for."""
        with self._lock:
            token = self._access.get(value)
        return token.grant if token and token.expires_at > self._now() else None

    def revoke(self, value: str, client_id: str) -> None:
        """Forget a token (RFC 7009); a refresh token takes its family along."""
        with self._lock:
            access, refresh = self._access.get(value), self._refresh.get(value)
            if refresh and refresh.grant.client_id == client_id:
                self._forget(lambda grant: grant.family == refresh.grant.family)
            elif access and access.grant.client_id == client_id:
                del self._access[value]

    def revoke_person(self, person_key: str) -> None:
        """End everything a person has here, as an admin does with a leaver."""
        with self._lock:
            self._forget(lambda grant: grant.person_key == person_key)
            self._sessions = {sid: one for sid, one in self._sessions.items() if one.person_key != person_key}

    def expire_access_tokens(self) -> None:
        """Make every access token too old; refresh tokens stay good."""
        with self._lock:
            self._access.clear()

    def revoke_refresh_tokens(self) -> None:
        """Make every refresh token worthless; access tokens stay good until they expire."""
        with self._lock:
            self._refresh.clear()
            self._families.clear()

    def _tidied(self, kind: type[_Ending], records: dict[str, _Ending]) -> dict[str, _Ending]:
        """Leave out what has expired, where there is much of it: load tests must not fill the memory."""
        now = self._now()
        if len(records) < _TIDY_ABOVE or now < self._tidied_at[kind] + _TIDY_EVERY:
            return records
        self._tidied_at[kind] = now
        return {value: record for value, record in records.items() if record.expires_at > now}

    def _forget(self, matches: Callable[[Grant], bool]) -> None:
        self._access = {value: token for value, token in self._access.items() if not matches(token.grant)}
        gone = {value: token.grant.family for value, token in self._refresh.items() if matches(token.grant)}
        self._refresh = {value: token for value, token in self._refresh.items() if value not in gone}
        for family in gone.values():
            self._families.pop(family, None)


def _verify_challenge(code_challenge: str, code_verifier: str) -> None:
    if not code_challenge:
        if code_verifier:
            raise OAuthRefusal("invalid_grant", "code_verifier came without a code_challenge before.")
        return
    digest = hashlib.sha256(code_verifier.encode()).digest()
    computed = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if not hmac.compare_digest(computed.encode(), code_challenge.encode()):
        raise OAuthRefusal("invalid_grant", "code_verifier does not match the code_challenge (RFC 7636 section 4.6).")
