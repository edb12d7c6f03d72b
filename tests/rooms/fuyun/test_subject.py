"""What Fuyun is given: the provider's token with the App Name, or a JWT of exactly the documented claims."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from bridge.core.model import NO_SECRET, AccountName, Connection, FuyunApp, IdentityProvider, JwtSigning, Secret
from bridge.fuyun.subject import AccessTokenSubject, MintedSubject

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

NOW = 1_800_000_000.9
KEY = rsa.generate_private_key(65537, 2048)
IDP = IdentityProvider(kind="oidc", client_id="bridge")
CONNECTION = Connection("contoso", "Contoso", IDP, FuyunApp("app", NO_SECRET))
SIGNING = replace(CONNECTION, mode="jwt", jwt=JwtSigning("https://crm.example.com", Secret("pem"), 90))
LIN = AccountName("王芳")


class Keys:
    def __init__(self) -> None:
        self.loaded: list[str] = []

    def load(self, text: str) -> RSAPrivateKey:
        self.loaded.append(text)
        return KEY


def test_mode_oauth_gives_the_providers_token_and_the_app_name() -> None:
    subject = AccessTokenSubject().subject_token(CONNECTION, "access-1", LIN)
    assert (subject.token, subject.issuer) == ("access-1", "contoso")


def test_mode_jwt_gives_four_claims_and_no_more() -> None:
    subject = MintedSubject(Keys().load, lambda: NOW).subject_token(SIGNING, "never sent", LIN)
    header = jwt.get_unverified_header(subject.token)
    claims = jwt.decode(subject.token, KEY.public_key(), ["RS256"], options={"verify_exp": False})
    assert subject.issuer == "https://crm.example.com"
    assert header == {"alg": "RS256", "typ": "JWT"}
    assert uuid.UUID(claims.pop("jti")).version == 4
    assert claims == {"iss": "https://crm.example.com", "exp": 1_800_000_090, "user_name": "王芳"}


def test_every_jwt_has_an_id_of_its_own_and_the_key_is_read_once() -> None:
    keys = Keys()
    minted = MintedSubject(keys.load, lambda: NOW)
    tokens = [minted.subject_token(SIGNING, "", LIN).token for _ in range(3)]
    ids = {jwt.decode(token, options={"verify_signature": False})["jti"] for token in tokens}
    assert len(ids) == 3
    assert keys.loaded == ["pem"]


def test_a_connection_without_its_key_is_named() -> None:
    with pytest.raises(ValueError, match="contoso has no"):
        MintedSubject(Keys().load, lambda: NOW).subject_token(CONNECTION, "", LIN)
