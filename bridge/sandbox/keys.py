"""Signing keys of one party: the current one, those still published, and a rogue that nobody publishes."""

from __future__ import annotations

import base64
import functools
import hashlib
import threading
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An RSA key with its name in the key set."""

    kid: str
    private: rsa.RSAPrivateKey

    @property
    def public(self) -> rsa.RSAPublicKey:
        """The half that verifies."""
        return self.private.public_key()

    def jwk(self) -> dict[str, Any]:
        """Return the public half as a JWK (RFC 7517)."""
        numbers = self.public.public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "n": _base64_uint(numbers.n),
            "e": _base64_uint(numbers.e),
        }

    def sign(self, claims: dict[str, Any], *, typ: str = "JWT") -> str:
        """Return a compact RS256 JWS that names this key."""
        return jwt.encode(claims, self.private, algorithm="RS256", headers={"kid": self.kid, "typ": typ})


def new_rsa() -> rsa.RSAPrivateKey:
    """Return a fresh 2048-bit key, the size of Fuyun's own signatures."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_pem(key: rsa.RSAPublicKey) -> str:
    """Return the key as ``BEGIN PUBLIC KEY``."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def spki_pem(text: str) -> str:
    """Return a public key as ``BEGIN PUBLIC KEY``, also where its Base64 was pasted without the lines around it."""
    if "-----" in text:
        return text
    return f"-----BEGIN PUBLIC KEY-----\n{text.strip()}\n-----END PUBLIC KEY-----\n"


def is_public_key(text: str) -> bool:
    """Tell whether `spki_pem` makes a usable key of a text."""
    try:
        return isinstance(serialization.load_pem_public_key(spki_pem(text).encode()), rsa.RSAPublicKey)
    except (ValueError, UnsupportedAlgorithm):
        return False


def private_pem(key: rsa.RSAPrivateKey) -> str:
    """Return the key as unencrypted PKCS#8."""
    form, sealed = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, sealed).decode()


@functools.cache
def _first_key(owner: str) -> rsa.RSAPrivateKey:
    # Making a key costs a tenth of a second; worlds of one process may begin with the same ones.
    del owner
    return new_rsa()


class KeyRing:
    """The keys of one party, changed by `rotate`."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._lock = threading.Lock()
        self._count = 1
        self._published: list[SigningKey] | None = None
        self._retired: list[SigningKey] = []

    @property
    def current(self) -> SigningKey:
        """The key that signs now."""
        return self.published[0]

    @property
    def published(self) -> list[SigningKey]:
        """The keys of the key set, the signing one first."""
        with self._lock:
            if self._published is None:
                private = _first_key(self._owner)
                self._published = [SigningKey(self._kid(private), private)]
            return list(self._published)

    @property
    def ever(self) -> list[SigningKey]:
        """Every key that signed since the start, for hints that may be old."""
        return [*self.published, *self._retired]

    def rotate(self, *, keep_old: bool = False, same_kid: bool = False) -> SigningKey:
        """Sign with a new key from now on; the old one leaves the key set unless `keep_old`."""
        old = self.published
        private = new_rsa()
        fresh = SigningKey(old[0].kid if same_kid else self._kid(private), private)
        with self._lock:
            self._count += 1
            self._published = [fresh, *(old if keep_old else [])]
            self._retired += [] if keep_old else old
        return fresh

    def rogue(self, kid: str | None = None) -> SigningKey:
        """Return a key outside the key set that borrows the current key's name, or takes `kid`."""
        return SigningKey(kid or self.current.kid, _first_key("rogue"))

    def key_set(self) -> dict[str, Any]:
        """Return the published keys as a JWK set."""
        return {"keys": [key.jwk() for key in self.published]}

    def opened(self, token: str, *, audience: str | None = None) -> dict[str, Any] | None:
        """Return the claims of a token this party signed once, however old it is; None for anything else."""
        options: Any = {"verify_exp": False, "verify_aud": audience is not None, "verify_iat": False}
        for key in self.ever:
            try:
                claims = jwt.decode(token, key.public, ["RS256"], audience=audience, options=options)
            except jwt.PyJWTError:
                continue
            return dict(claims)
        return None

    def _kid(self, private: rsa.RSAPrivateKey) -> str:
        modulus = str(private.public_key().public_numbers().n).encode()
        return f"{self._owner}-{self._count}-{hashlib.sha256(modulus).hexdigest()[:8]}"


def _base64_uint(number: int) -> str:
    octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
