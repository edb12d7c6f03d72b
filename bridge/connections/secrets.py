"""The key ring: seals what is kept in a cookie or a database, so that either alone is useless."""

from __future__ import annotations

import base64
import json
import zlib
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.core.model import Secret

_PREFIX: Final = b"hotline-bridge/"
_LARGEST: Final = 1_048_576
_FINGERPRINT: Final = "fingerprint"


class SealBroken(Exception):
    """The sealed text was not made by this key ring for this purpose, or was changed."""


class KeyRing:
    """Seals and opens small records; the first secret seals, all of them open (rotation).

    Each purpose has keys of its own (HKDF, RFC 5869), so that a cookie can never be passed off as a database record.

    Args:
        secrets: texts of at least 32 characters, newest first.
    """

    def __init__(self, secrets: Sequence[Secret]) -> None:
        if not secrets:
            message = "a key ring needs at least one secret"
            raise ValueError(message)
        self._secrets = tuple(secrets)
        # Each key is derived once: they are asked for several times a request.
        self._fernets = lru_cache(maxsize=32)(self._make_fernets)
        self._signing_keys = lru_cache(maxsize=32)(self._make_signing_keys)

    def seal(self, purpose: str, record: Mapping[str, Any]) -> str:
        """Return `record` encrypted and authenticated, as URL-safe text."""
        # Names that people give themselves may hold half a character; UTF-8 by the book cannot write it.
        plain = json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")
        if len(plain) > _LARGEST:
            message = f"a record of {len(plain)} bytes is too large to be opened again"
            raise ValueError(message)
        return self._fernets(purpose)[0].encrypt(_packed(plain)).decode("ascii")

    def open(self, purpose: str, sealed: str) -> dict[str, Any]:
        """Return the record that `seal` was given.

        Raises:
            SealBroken: another key, another purpose, changed, or not sealed at all.
        """
        try:
            packed = MultiFernet(self._fernets(purpose)).decrypt(sealed.encode("ascii"))
            record = json.loads(zlib.decompressobj().decompress(packed, _LARGEST))
        except (InvalidToken, UnicodeEncodeError, zlib.error, ValueError) as fault:
            raise SealBroken(purpose) from fault
        if not isinstance(record, dict):
            raise SealBroken(purpose)
        return record

    def key_of(self, purpose: str, sealed: str) -> int | None:
        """Return the position of the secret that opens a sealed text, 0 for the newest; None where none does."""
        for position, fernet in enumerate(self._fernets(purpose)):
            with suppress(InvalidToken, UnicodeEncodeError):
                fernet.decrypt(sealed.encode("ascii"))
                return position
        return None

    def resealed(self, purpose: str, sealed: str) -> str:
        """Return the same record, letter by letter, sealed by the newest secret; raises SealBroken."""
        try:
            return MultiFernet(self._fernets(purpose)).rotate(sealed.encode("ascii")).decode("ascii")
        except (InvalidToken, UnicodeEncodeError) as fault:
            raise SealBroken(purpose) from fault

    def fingerprints(self) -> list[str]:
        """Return eight hexadecimal digits for each secret, newest first, which name it and tell nothing about it."""
        # Of a purpose of their own: no key that seals or signs anything can be told from them.
        return [_derive(secret, _FINGERPRINT)[:4].hex() for secret in self._secrets]

    def signing_keys(self, purpose: str) -> list[bytes]:
        """Return one key a secret for a library that signs by itself, oldest first, the signing one last."""
        return list(self._signing_keys(purpose))

    def _make_signing_keys(self, purpose: str) -> tuple[bytes, ...]:
        return tuple(_derive(secret, purpose) for secret in reversed(self._secrets))

    def _make_fernets(self, purpose: str) -> tuple[Fernet, ...]:
        return tuple(Fernet(base64.urlsafe_b64encode(_derive(secret, purpose))) for secret in self._secrets)


def _packed(plain: bytes) -> bytes:
    # A window of 4 kB holds any session whole; the usual 32 kB take five times as long to be cleared as to be used.
    packer = zlib.compressobj(wbits=12, memLevel=6)
    return packer.compress(plain) + packer.flush()


def _derive(secret: Secret, purpose: str) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PREFIX + purpose.encode())
    return hkdf.derive(secret.reveal().encode())
