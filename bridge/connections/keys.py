"""The private keys of JWT mode, in every form that people hold them."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

from bridge.core.wording import said

if TYPE_CHECKING:
    from bridge.core.wording import Sentence

_SMALLEST: Final = 2048


class KeyUnusable(ValueError):
    """The text is no private RSA key of at least 2048 bits.

    Args:
        sentence: what it is instead.
    """

    def __init__(self, sentence: Sentence) -> None:
        self.sentence = sentence
        super().__init__(sentence)


def load_private_key(text: str) -> RSAPrivateKey:
    """Return the key in PKCS#1 or PKCS#8, as PEM or as the bare base64 of the document's demo.

    Raises:
        KeyUnusable: says what the text is instead; never repeats it.
    """
    if "PUBLIC KEY" in text:
        raise KeyUnusable(said("this is a public key; signing needs the private one"))
    key = _load(text)
    if not isinstance(key, RSAPrivateKey):
        raise KeyUnusable(said("the key is no RSA key; Fuyun takes RS256 only"))
    if key.key_size < _SMALLEST:
        raise KeyUnusable(
            said("the key has %(bits)s bits; at least %(smallest)s are needed", bits=key.key_size, smallest=_SMALLEST)
        )
    return key


def _load(text: str) -> object:
    try:
        if "-----BEGIN" in text:
            return load_pem_private_key(text.strip().encode("ascii"), password=None)
        return load_der_private_key(base64.b64decode("".join(text.split()), validate=True), password=None)
    except (ValueError, TypeError, binascii.Error, UnsupportedAlgorithm) as fault:
        raise KeyUnusable(said("the text is no private key in PEM or base64")) from fault
