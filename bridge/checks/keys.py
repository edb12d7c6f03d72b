"""The key ring: whether somebody could guess it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.checks.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.connections.secrets import KeyRing
    from bridge.core.model import Secret

_FEW: Final = 10
"""Different characters in a key: hexadecimal digits of 32 drawn by lot are fewer in one of a million keys."""
_NEW_KEY: Final = "Put a new key before it (`hotline-bridge keys secret`), run `keys reseal`, then drop it."


def look(ring: KeyRing, secrets: Sequence[Secret]) -> Iterator[Finding]:
    """Yield which keys there are, and every one that is weak or there twice.

    Args:
        secrets: what the ring was made of, newest first.
    """
    names = ring.fingerprints()
    what = f"{names[0]} seals" + (f", {', '.join(names[1:])} only open" if names[1:] else "")
    advice = "`hotline-bridge keys status` tells which of them may go." if names[1:] else ""
    yield Finding("keys.ring", what, advice=advice)
    for at in _doubled(names):
        yield Finding("keys.doubled", f"secret_keys[{at}] is there already", "warn", advice="Drop one of the two.")
    for at in (at for at, one in enumerate(secrets) if is_weak(one.reveal())):
        what = f"secret_keys[{at}] ({names[at]}) can be guessed: it repeats itself or has few characters"
        yield Finding("keys.weak", what, "warn", advice=_NEW_KEY)


def _doubled(names: Sequence[str]) -> Iterator[int]:
    return (at for at, name in enumerate(names) if name in names[:at])


def is_weak(text: str) -> bool:
    """Say whether a secret was typed rather than drawn by lot."""
    repeats_itself = (text + text).find(text, 1) < len(text)
    return repeats_itself or len(set(text)) < _FEW
