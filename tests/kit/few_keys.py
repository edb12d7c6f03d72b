"""RSA keys for the tables of tests, few and each handed out again: to find the primes of one takes a tenth of a second.

Tests themselves get new ones: what a house rotates to must be unlike all that its process has seen.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import count
from threading import Event
from typing import TYPE_CHECKING, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIFFERENT: Final = 4
"""More than any one table compares."""
_PLACES: Final = (
    "cryptography.hazmat.primitives.asymmetric.rsa.generate_private_key",
    "bridge.connections.keys.generate_private_key",
    "joserfc._rfc7518.rsa_key.generate_private_key",
)
_find: Final = rsa.generate_private_key


@contextmanager
def few_keys() -> Iterator[None]:
    """Let modules that are loaded meanwhile find few RSA keys of each size, each in its turn: two in a row differ."""
    found: dict[tuple[int, int, int], rsa.RSAPrivateKey] = {}
    turn, is_over = count(), Event()

    def found_before(public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
        if is_over.is_set():  # for a module that took this function by its name
            return _find(public_exponent, key_size)
        place = (public_exponent, key_size, next(turn) % _DIFFERENT)
        if place not in found:
            found[place] = _find(public_exponent, key_size)
        return found[place]

    with pytest.MonkeyPatch.context() as patch:
        for place in _PLACES:
            patch.setattr(place, found_before)
        yield
    is_over.set()
