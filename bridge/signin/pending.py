"""A sign-in under way: it lives in a sealed cookie of its own, so a stranger's request writes nothing on the server."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from itsdangerous import BadSignature, SignatureExpired, TimestampSigner

from bridge.connections.secrets import KeyRing, SealBroken
from bridge.core.errors import StateExpired, StateUnknown

if TYPE_CHECKING:
    from collections.abc import Callable

LIFETIME: Final = 600
"""Seconds that a person may spend at the identity provider."""
SLOTS: Final = 8
"""Sign-ins that one browser can have under way at one connection."""

_PURPOSE: Final = "pending sign-in"
_SALT: Final = "state"


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """What the callback is compared with.

    Args:
        landing: where the person wanted to go, a path of our own.
        issuer: the provider's issuer at the beginning, for RFC 9207.
        expects_iss: whether the provider announced the ``iss`` parameter.
    """

    connection: str
    state: str
    nonce: str
    code_verifier: str
    landing: str
    issuer: str = ""
    expects_iss: bool = False


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
        self._signer = _Signer(key_ring.signing_keys(_SALT), salt=_SALT, digest_method=sha256)
        self._signer.now = now

    def new_state(self, slot: int) -> str:
        """Return a fresh state that says which slot it belongs to (0 to 7)."""
        return self._signer.sign(f"{slot}{secrets.token_urlsafe(18)}").decode("ascii")

    def seal(self, pending: PendingSignIn) -> str:
        """Return the cookie's value."""
        return self._key_ring.seal(_PURPOSE, asdict(pending))

    def find(self, connection: str, state: str, cookie_of: Callable[[int], str]) -> PendingSignIn:
        """Return the sign-in that `state` belongs to.

        Args:
            cookie_of: gives the cookie's value in a slot, or an empty text.

        Raises:
            StateExpired: begun here, but more than ten minutes ago.
            StateUnknown: not begun in this browser, finished already, or its slot was taken by a newer one.
        """
        slot = self._slot(state)
        try:
            pending = PendingSignIn(**self._key_ring.open(_PURPOSE, cookie_of(slot)))
        except (SealBroken, TypeError) as fault:
            raise StateUnknown(expected="a sign-in begun in this browser", received="none") from fault
        if pending.connection != connection or not hmac.compare_digest(pending.state, state):
            raise StateUnknown(expected="the state of this sign-in", received="another")
        return pending

    def peek(self, state: str, cookie_of: Callable[[int], str]) -> tuple[int | None, str]:
        """Return slot and landing of a state that we made, however old; None and nothing for any other."""
        try:
            slot = self._slot(state)
        except StateExpired:
            slot = int(state[0])
        except StateUnknown:
            return None, ""
        try:
            return slot, str(self._key_ring.open(_PURPOSE, cookie_of(slot)).get("landing", ""))
        except SealBroken:
            return slot, ""

    def _slot(self, state: str) -> int:
        try:
            return int(self._signer.unsign(state, max_age=LIFETIME).decode("ascii")[0])
        except SignatureExpired as fault:
            raise StateExpired(expected=f"an answer within {LIFETIME} seconds", received="a later one") from fault
        except (BadSignature, ValueError, IndexError) as fault:
            raise StateUnknown(expected="a state that the bridge made", received="another") from fault
