"""What Fuyun is given for a person: the provider's access token, or a JWT of our own."""

from __future__ import annotations

import uuid
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol

import jwt

from bridge.core.model import AccountName, Connection, SubjectToken
from bridge.core.protocol import FUYUN_USER_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_ALGORITHM: Final = "RS256"


class SubjectStrategy(Protocol):
    """Makes the subject token of one mode."""

    def subject_token(self, connection: Connection, access_token: str, account_name: AccountName) -> SubjectToken:
        """Return what to send as ``subject_token`` and ``subject_issuer``."""


class AccessTokenSubject:
    """Mode oauth: the provider's access token; Fuyun asks the provider's user endpoint who it is."""

    def subject_token(self, connection: Connection, access_token: str, account_name: AccountName) -> SubjectToken:  # noqa: ARG002 — Fuyun maps
        """Return the access token; its issuer is the portal's App Name."""
        return SubjectToken(access_token, connection.name)


class MintedSubject:
    """Mode jwt: a short-lived RS256 JWT with exactly the documented claims.

    Args:
        load_key: reads the private key of a connection; its result is held, since parsing costs 29 ms.
        now: epoch seconds.
    """

    def __init__(self, load_key: Callable[[str], RSAPrivateKey], now: Callable[[], float]) -> None:
        self._load_key = lru_cache(maxsize=256)(load_key)
        self._now = now

    def subject_token(self, connection: Connection, access_token: str, account_name: AccountName) -> SubjectToken:  # noqa: ARG002 — the JWT says it all
        """Return a JWT that names the agent (document, section "JWT token 生成规则"); ``exp`` is in seconds."""
        signing = connection.jwt
        if signing is None:
            message = f"connection {connection.name} has no [connections.jwt]"
            raise ValueError(message)
        claims = {
            "iss": signing.issuer,
            "exp": int(self._now()) + signing.lifetime,
            "jti": str(uuid.uuid4()),
            FUYUN_USER_NAME: account_name,
        }
        key = self._load_key(signing.private_key.reveal())
        return SubjectToken(jwt.encode(claims, key, algorithm=_ALGORITHM), signing.issuer)
