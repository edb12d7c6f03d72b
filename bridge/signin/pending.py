"""A sign-in under way: it lives in a sealed cookie of its own, so a stranger's request writes nothing on the server."""

from __future__ import annotations

import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal

from itsdangerous import BadSignature, SignatureExpired, TimestampSigner

from bridge.connections.secrets import KeyRing, SealBroken
from bridge.core.errors import StateExpired, StateUnknown

if TYPE_CHECKING:
    from collections.abc import Callable

LIFETIME: Final = 600
"""Seconds that a person may spend at the identity provider."""
SLOTS: Final = 8
"""Sign-ins that one browser can have under way at one connection."""

_SKEW: Final = 30
"""Seconds by which the clocks of two replicas may differ."""
_OPENED: Final = 64
"""Cookies that a process holds open: about as many as callbacks can be under way in it."""
_PURPOSE: Final = "pending sign-in"
_SALT: Final = "state"


Purpose = Literal["agent", "admin", "rehearsal"]
"""Who comes back: an agent who wants the phone, an administrator, or somebody who tries a connection out."""


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """What the callback is compared with.

    Args:
        version: of the connection at the beginning; no later change reaches this sign-in.
        landing: where the person wanted to go, a path of our own.
        former: the agent session that this browser had at the beginning; a form_post callback does not see its cookie.
        issuer: the provider's issuer at the beginning, for RFC 9207.
        expects_iss: whether the provider announced the ``iss`` parameter.
        ticket: of a rehearsal, who asked for it; `link` is the test link's mark, if it came by one.
        prompt: what the provider was asked to show (OpenID Connect Core section 3.1.2.1).
        is_return: this browser was signed in before and has no session any more.
        person: for whom a silent sign-in is meant, as a keyed hash; empty where nobody said.
    """

    connection: str
    state: str
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    landing: str = ""
    former: str = ""
    issuer: str = ""
    expects_iss: bool = False
    purpose: Purpose = "agent"
    version: int = 0
    ticket: str = ""
    link: str = ""
    prompt: str = ""
    is_return: bool = False
    person: str = ""


_MEMBERS: Final = frozenset(member.name for member in fields(PendingSignIn))


class _Signer(TimestampSigner):
    now: Callable[[], float]

    def get_timestamp(self) -> int:
        return int(self.now())


class PendingSignIns:
    """Makes states, and seals and opens what belongs to them.

    A state is signed and dated: one that we made ten minutes ago is told apart from one that somebody invented.

    Args:
        now: epoch seconds.
    """

    def __init__(self, key_ring: KeyRing, now: Callable[[], float]) -> None:
        self._key_ring = key_ring
        # A callback looks at its cookie more than once.
        self._opened = lru_cache(maxsize=_OPENED)(self._open)
        self._signer = self._dating(now)
        # The library takes a state from the future for an expired one, and another replica's clock may be ahead.
        self._reader = self._dating(lambda: now() + _SKEW)

    def new_state(self, slot: int) -> str:
        """Return a fresh state that says which slot it belongs to (0 to 7)."""
        return self._signer.sign(f"{slot}{secrets.token_urlsafe(18)}").decode("ascii")

    def seal(self, pending: PendingSignIn) -> str:
        """Return the cookie's value."""
        # Without what is empty: a replica of the release before refuses members that it does not know.
        return self._key_ring.seal(_PURPOSE, {name: value for name in _MEMBERS if (value := getattr(pending, name))})

    def find(self, connection: str, state: str, cookie_of: Callable[[int], str]) -> PendingSignIn:
        """Return the sign-in that `state` belongs to.

        Args:
            cookie_of: gives the cookie's value in a slot, or an empty text.

        Raises:
            StateExpired: begun here, but more than ten minutes ago.
            StateUnknown: not begun in this browser, finished already, or its slot was taken by a newer one.
        """
        pending = self._kept(self._slot(state), cookie_of)
        if pending is None:
            raise StateUnknown(expected="a sign-in begun in this browser", received="none")
        if pending.connection != connection or not hmac.compare_digest(pending.state, state):
            raise StateUnknown(expected="the state of this sign-in", received="another")
        return pending

    def peek(self, state: str, cookie_of: Callable[[int], str]) -> tuple[int, PendingSignIn] | None:
        """Return slot and content of this browser's own sign-in, however old; None for any other state.

        Somebody else's state frees no slot: a link that holds one must not end a sign-in that is under way here.
        """
        try:
            slot = self._slot(state)
        except StateExpired:
            slot = int(state[0])
        except StateUnknown:
            return None
        pending = self._kept(slot, cookie_of)
        if pending is None or not hmac.compare_digest(pending.state, state):
            return None
        return slot, pending

    def is_genuine(self, state: str) -> bool:
        """Say whether the bridge made this state less than ten minutes ago, for whatever browser."""
        with suppress(StateUnknown, StateExpired):
            self._slot(state)
            return True
        return False

    def _dating(self, now: Callable[[], float]) -> _Signer:
        signer = _Signer(self._key_ring.signing_keys(_SALT), salt=_SALT, digest_method=sha256)
        signer.now = now
        return signer

    def _kept(self, slot: int, cookie_of: Callable[[int], str]) -> PendingSignIn | None:
        try:
            return self._opened(cookie_of(slot))
        except (SealBroken, TypeError):
            return None

    def _open(self, sealed: str) -> PendingSignIn:
        kept = self._key_ring.open(_PURPOSE, sealed)
        return PendingSignIn(**{name: value for name, value in kept.items() if name in _MEMBERS})

    def _slot(self, state: str) -> int:
        if not state.isascii():
            # base64 passes over foreign letters, so the signature alone would hold.
            raise StateUnknown(expected="a state that the bridge made", received="another")
        try:
            return int(self._reader.unsign(state, max_age=LIFETIME + _SKEW).decode("ascii")[0])
        except SignatureExpired as fault:
            raise StateExpired(expected=f"an answer within {LIFETIME} seconds", received="a later one") from fault
        except (BadSignature, ValueError, IndexError) as fault:
            raise StateUnknown(expected="a state that the bridge made", received="another") from fault
