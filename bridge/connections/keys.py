"""The private keys of JWT mode, in every form that people hold them."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

_SMALLEST: Final = 2048


class KeyUnusable(ValueError):
    """The text is no private RSA key of at least 2048 bits."""


def load_private_key(text: str) -> RSAPrivateKey:
    """Return the key in PKCS#1 or PKCS#8, as PEM or as the bare base64 of the document's demo.

    Raises:
        KeyUnusable: says what the text is instead; never repeats it.
    """
    if "PUBLIC KEY" in text:
        message = "this is a public key; signing needs the private one"
        raise KeyUnusable(message)
    key = _load(text)
    if not isinstance(key, RSAPrivateKey):
        message = "the key is no RSA key; Fuyun takes RS256 only"
        raise KeyUnusable(message)
    if key.key_size < _SMALLEST:
        message = f"the key has {key.key_size} bits; at least {_SMALLEST} are needed"
        raise KeyUnusable(message)
    return key


def _load(text: str) -> object:
    try:
        if "-----BEGIN" in text:
            return load_pem_private_key(text.strip().encode("ascii"), password=None)
        return load_der_private_key(base64.b64decode("".join(text.split()), validate=True), password=None)
    except (ValueError, TypeError, binascii.Error, UnsupportedAlgorithm) as fault:
        message = "the text is no private key in PEM or base64"
        raise KeyUnusable(message) from fault
