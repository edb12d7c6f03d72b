"""What Fuyun is given for a person: the provider's access token, or a JWT of our own."""

from __future__ import annotations

import uuid
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol

import jwt

from bridge.core.errors import ConnectionModeUnsuited
from bridge.core.model import AccountName, Connection, JwtSigning, SubjectToken
from bridge.core.protocol import FUYUN_USER_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_ALGORITHM: Final = "RS256"
_MILLISECONDS: Final = 1000


class SubjectStrategy(Protocol):
    """Makes the subject token of one mode."""

    def subject_tokens(
        self, connection: Connection, access_token: str, account_name: AccountName
    ) -> Iterator[SubjectToken]:
        """Yield what to send as ``subject_token`` and ``subject_issuer``: the next one where Fuyun refuses the first.

        Args:
            access_token: the provider's; empty where nobody signed in there.
        """


class AccessTokenSubject:
    """Mode oauth: the provider's access token; Fuyun asks the provider's user endpoint who it is."""

    def subject_tokens(
        self,
        connection: Connection,
        access_token: str,
        account_name: AccountName,  # noqa: ARG002 — Fuyun maps
    ) -> Iterator[SubjectToken]:
        """Yield the access token; its issuer is the portal's App Name."""
        yield SubjectToken(access_token, connection.name)


class MintedSubject:
    """Mode jwt: a short-lived RS256 JWT with exactly the documented claims.

    Args:
        load_key: reads the private key of a connection; its result is held, since parsing costs 29 ms.
        now: epoch seconds.
    """

    def __init__(self, load_key: Callable[[str], RSAPrivateKey], now: Callable[[], float]) -> None:
        self._load_key = lru_cache(maxsize=512)(load_key)
        self._now = now

    def subject_tokens(
        self,
        connection: Connection,
        access_token: str,  # noqa: ARG002 — the JWT says it all
        account_name: AccountName,
    ) -> Iterator[SubjectToken]:
        """Yield a JWT that names the agent for each key of the connection, the one that is due first.

        Document, section "JWT token 生成规则"; ``exp`` is in seconds, as the document's own samples have it.
        """
        signing = connection.jwt
        if signing is None:
            raise ConnectionModeUnsuited(expected="[connections.jwt]", received="none")
        for private_key in signing.keys_at(self._now()):
            key = self._load_key(private_key.reveal())
            yield SubjectToken(
                jwt.encode(self._claims(signing, account_name), key, algorithm=_ALGORITHM), signing.issuer
            )

    def _claims(self, signing: JwtSigning, account_name: AccountName) -> dict[str, str | int]:
        expires_at = int(self._now()) + signing.lifetime
        return {
            "iss": signing.issuer,
            "exp": expires_at * _MILLISECONDS if signing.exp_in_milliseconds else expires_at,
            "jti": str(uuid.uuid4()),
            FUYUN_USER_NAME: account_name,
        }
