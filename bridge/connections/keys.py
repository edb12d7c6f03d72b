"""The private keys of JWT mode, in every form that people hold them, and the public halves that others are given."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)
from cryptography.x509 import load_der_x509_certificate

from bridge.core.wording import said

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.core.wording import Sentence

_SMALLEST: Final = 2048
_LARGEST: Final = 8192
"""Signing with a larger key takes whole seconds, and looking whether its numbers fit together takes longer."""
_EXPONENT: Final = 65537
_LARGEST_EXPONENT: Final = 2**32
_BEGIN: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_SEQUENCE: Final = b"\x30"
"""What every key begins with in DER (X.690 section 8.9)."""
_PSS: Final = bytes.fromhex("06092a864886f70d01010a")
"""The object identifier id-RSASSA-PSS (RFC 4055 section 3.1) in DER."""
_HEAD: Final = 40
"""Bytes at a key's beginning that hold its algorithm."""

_IS_PUBLIC: Final = said("this is a public key; signing needs the private one")
_IS_CERTIFICATE: Final = said("this is a certificate; signing needs the private key that belongs to it")
_IS_ENCRYPTED: Final = said(
    "the key is encrypted, and nobody is there to type its password; "
    "decrypt it with: openssl pkcs8 -topk8 -nocrypt -in ENCRYPTED -out PLAIN"
)
_IS_OPENSSH: Final = said(
    "the key is in OpenSSH's own format; turn a copy into PEM with: ssh-keygen -p -m PEM -N '' -f COPY"
)
_IS_NO_RSA: Final = said("the key is no RSA key; Fuyun takes RS256 only")
_IS_NO_KEY: Final = said("the text is no private key in PEM or base64")
_IS_DAMAGED: Final = said("the base64 holds no private key: it was cut short, was altered, or is of something else")
_OTHERS: Final[Mapping[Sentence, Callable[[bytes], object]]] = {
    _IS_PUBLIC: load_der_public_key,
    _IS_CERTIFICATE: load_der_x509_certificate,
}


class KeyUnusable(ValueError):
    """The text is no private RSA key that Fuyun would take and that is safe to sign with.

    Args:
        sentence: what it is instead.
    """

    def __init__(self, sentence: Sentence) -> None:
        self.sentence = sentence
        super().__init__(sentence)


# The private half ----------------------------------------------------------------------------------------------------


def load_private_key(text: str) -> RSAPrivateKey:
    r"""Return the key in PKCS#1 or PKCS#8, as PEM or as the bare base64 of the document's demo.

    Line breaks may be lost or written as ``\n``, as happens in environment variables and in JSON.

    Raises:
        KeyUnusable: says what the text is instead; never repeats it.
    """
    text = text.removeprefix("\ufeff").replace("\\r", "").replace("\\n", "\n").strip()
    if not text:
        raise KeyUnusable(said("the text is empty"))
    return _loaded(_der_of(text))


def key_text(content: bytes) -> str:
    """Return what a key file holds as text for `load_private_key`: binary DER becomes its base64.

    Raises:
        UnicodeDecodeError: it is neither text nor DER.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        if content.startswith(_SEQUENCE):
            return base64.b64encode(content).decode("ascii")
        raise


def new_private_key(bits: int) -> str:
    """Return a fresh RSA key as PKCS#8 in PEM."""
    key = generate_private_key(_EXPONENT, bits)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def _der_of(text: str) -> bytes:
    labels = _BEGIN.findall(text)
    if not labels:
        return _decoded(text)
    # `openssl ecparam -genkey` writes two blocks, and their number is not what is wrong with them.
    if len(labels) > 1 and not any(label.startswith("EC ") for label in labels):
        raise KeyUnusable(said("the text holds %(number)s PEM blocks; leave the private key alone", number=len(labels)))
    label = labels[0]
    body, end, _ = text.partition(f"-----BEGIN {label}-----")[2].partition(f"-----END {label}-----")
    if refusal := _other_than_a_key(label, body):
        raise KeyUnusable(refusal)
    if not end:
        raise KeyUnusable(_IS_NO_KEY)
    return _decoded(body)


def _other_than_a_key(label: str, body: str) -> Sentence | None:
    """Return what a PEM block is, by its label (RFC 7468) and the headers of RFC 1421; None for a plain key."""
    if "PUBLIC KEY" in label:
        return _IS_PUBLIC
    if "CERTIFICATE" in label:
        return _IS_CERTIFICATE
    if "OPENSSH" in label:
        return _IS_OPENSSH
    if label.startswith(("EC ", "DSA ")):
        return _IS_NO_RSA
    return _IS_ENCRYPTED if "ENCRYPTED" in f"{label}{body}" else None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise KeyUnusable(_IS_NO_KEY) from None


def _loaded(der: bytes) -> RSAPrivateKey:
    try:
        # Whether the numbers fit together takes long to say for a large key, so that its size is looked at before.
        _check(load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True), der)
        key = load_der_private_key(der, password=None)
    except KeyUnusable:
        raise
    except TypeError:
        raise KeyUnusable(_IS_ENCRYPTED) from None
    except UnsupportedAlgorithm:
        raise KeyUnusable(_IS_NO_RSA) from None
    except ValueError:
        raise KeyUnusable(_what_else(der)) from None
    assert isinstance(key, RSAPrivateKey)  # noqa: S101 — the same bytes were one a moment ago
    return key


def _check(key: object, der: bytes) -> None:
    if not isinstance(key, RSAPrivateKey):
        raise KeyUnusable(_IS_NO_RSA)
    if _PSS in der[:_HEAD]:
        raise KeyUnusable(said("the key is for RSA-PSS signatures only; Fuyun takes RS256 only"))
    if key.key_size < _SMALLEST:
        raise KeyUnusable(
            said("the key has %(bits)s bits; at least %(smallest)s are needed", bits=key.key_size, smallest=_SMALLEST)
        )
    if key.key_size > _LARGEST:
        raise KeyUnusable(
            said("the key has %(bits)s bits; more than %(largest)s are too slow", bits=key.key_size, largest=_LARGEST)
        )
    # With a small exponent a careless verifier takes forged signatures (CVE-2006-4339), and how Fuyun verifies is
    # unknown; the floor is FIPS 186-5's, appendix A.1.1. Many verifiers hold the exponent in 32 bits.
    exponent = key.public_key().public_numbers().e
    if not _EXPONENT <= exponent < _LARGEST_EXPONENT:
        raise KeyUnusable(said("the key's public exponent is unusual; 65537 is what everybody uses"))


def _what_else(der: bytes) -> Sentence:
    for sentence, load in _OTHERS.items():
        try:
            load(der)
        except (ValueError, UnsupportedAlgorithm):
            continue
        return sentence
    return _IS_DAMAGED


# The public half -----------------------------------------------------------------------------------------------------


def public_pem(key: RSAPrivateKey) -> str:
    """Return the public half as ``BEGIN PUBLIC KEY`` (SubjectPublicKeyInfo, RFC 7468 section 13), no line end last."""
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode("ascii").strip()


def public_base64(key: RSAPrivateKey) -> str:
    """Return the same on one line, without the lines around it, as the document's demo has its keys."""
    return "".join(public_pem(key).splitlines()[1:-1])


def key_id(key: RSAPrivateKey) -> str:
    """Return the public half's thumbprint with SHA-256 (RFC 7638), which says nothing about whose it is."""
    numbers = _numbers(key)
    members = json.dumps(numbers, sort_keys=True, separators=(",", ":"))
    return _base64url(hashlib.sha256(members.encode("ascii")).digest())


def public_jwk(key: RSAPrivateKey) -> dict[str, str]:
    """Return the public half as a JWK (RFC 7517 section 4, RFC 7518 section 6.3.1)."""
    return {**_numbers(key), "use": "sig", "alg": "RS256", "kid": key_id(key)}


def _numbers(key: RSAPrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": _base64url_of(numbers.n), "e": _base64url_of(numbers.e)}


def _base64url_of(number: int) -> str:
    return _base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
