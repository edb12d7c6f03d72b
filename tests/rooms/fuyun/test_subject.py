"""What Fuyun is given: the provider's token with the App Name, or a JWT of exactly the documented claims."""

from __future__ import annotations

import json
import uuid
from base64 import urlsafe_b64decode
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.core.errors import BridgeError, ConnectionModeUnsuited
from bridge.core.mapping import account_name_of, map_account
from bridge.core.model import NO_SECRET, AccountName, Connection, FuyunApp, IdentityProvider, JwtSigning, Secret
from bridge.fuyun.subject import AccessTokenSubject, MintedSubject
from bridge.sandbox.fuyun_jwt import user_name_in
from bridge.sandbox.keys import public_pem
from bridge.sandbox.registrations import FuyunApplication

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from bridge.core.model import SubjectToken

NOW = 1_800_000_000.9
AT_NOON = "2027-01-15T12:00:00Z"
NOON = 1_800_014_400
KEY = rsa.generate_private_key(65537, 2048)
IDP = IdentityProvider(kind="oidc", client_id="bridge")
CONNECTION = Connection("contoso", "Contoso", IDP, FuyunApp("app", NO_SECRET))
SIGNING = replace(CONNECTION, mode="jwt", jwt=JwtSigning("https://crm.example.com", Secret("pem"), 90))
LIN = AccountName("王芳")


@cache
def other_key() -> RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


class Keys:
    def __init__(self) -> None:
        self.loaded: list[str] = []

    def load(self, text: str) -> RSAPrivateKey:
        self.loaded.append(text)
        return other_key() if text == "next" else KEY


def claims_of(subject: SubjectToken) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(subject.token, options={"verify_signature": False})
    return claims


def with_signing(**changes: Any) -> Connection:
    assert SIGNING.jwt is not None
    return replace(SIGNING, jwt=replace(SIGNING.jwt, **changes))


def test_mode_oauth_gives_the_providers_token_and_the_app_name() -> None:
    (subject,) = AccessTokenSubject().subject_tokens(CONNECTION, "access-1", LIN)
    assert (subject.token, subject.issuer) == ("access-1", "contoso")


def test_mode_jwt_gives_four_claims_and_no_more() -> None:
    (subject,) = MintedSubject(Keys().load, lambda: NOW).subject_tokens(SIGNING, "never sent", LIN)
    claims = jwt.decode(subject.token, KEY.public_key(), ["RS256"], options={"verify_exp": False})
    assert subject.issuer == "https://crm.example.com"
    assert urlsafe_b64decode(subject.token.split(".")[0] + "==") == b'{"alg":"RS256","typ":"JWT"}'
    assert uuid.UUID(claims.pop("jti")).version == 4
    assert claims == {"iss": "https://crm.example.com", "exp": 1_800_000_090, "user_name": "王芳"}


def test_every_jwt_has_an_id_of_its_own_and_the_key_is_read_once() -> None:
    keys = Keys()
    minted = MintedSubject(keys.load, lambda: NOW)
    ids = {claims_of(subject)["jti"] for _ in range(3) for subject in minted.subject_tokens(SIGNING, "", LIN)}
    assert len(ids) == 3
    assert keys.loaded == ["pem"]


def test_a_connection_that_signs_nothing_is_told_so() -> None:
    with pytest.raises(ConnectionModeUnsuited, match=r"expected \[connections.jwt\]"):
        next(MintedSubject(Keys().load, lambda: NOW).subject_tokens(CONNECTION, "", LIN))


def test_exp_is_a_whole_number_of_milliseconds_only_where_that_was_asked_for() -> None:
    (subject,) = MintedSubject(Keys().load, lambda: NOW).subject_tokens(with_signing(exp_in_milliseconds=True), "", LIN)
    assert claims_of(subject)["exp"] == 1_800_000_090_000


@pytest.mark.parametrize(
    ("now", "first"), [(NOON - 0.1, "present"), (NOON, "next"), (NOON + 90 * 86_400, "next")], ids=str
)
def test_the_key_that_is_due_signs_first_and_the_other_one_is_there(now: float, first: str) -> None:
    connection = with_signing(next_private_key=Secret("next"), next_key_from=AT_NOON)
    subjects = list(MintedSubject(Keys().load, lambda: now).subject_tokens(connection, "", LIN))
    due, other = (other_key(), KEY) if first == "next" else (KEY, other_key())
    for subject, key in zip(subjects, (due, other), strict=True):
        assert jwt.decode(subject.token, key.public_key(), ["RS256"], options={"verify_exp": False})
    assert claims_of(subjects[0])["jti"] != claims_of(subjects[1])["jti"]


def test_no_jwt_is_signed_with_the_second_key_unless_somebody_wants_it() -> None:
    keys = Keys()
    connection = with_signing(next_private_key=Secret("next"), next_key_from=AT_NOON)
    next(MintedSubject(keys.load, lambda: NOW).subject_tokens(connection, "", LIN))
    assert keys.loaded == ["pem"]


# Account names: what they are on the way in is what they are at Fuyun -------------------------------------------------

NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=255)
"""Letters, digits, marks and symbols of every script."""
UNPRINTABLE = st.characters(categories=["Cc", "Cf", "Cs", "Co", "Zl", "Zp"])


@cache
def application() -> FuyunApplication:
    signing = {"mode": "jwt", "jwt_issuer": "https://crm.example.com", "jwt_public_key": public_pem(KEY.public_key())}
    return FuyunApplication("contoso", "app", "secret", "email", **signing)  # type: ignore[arg-type]


def arrived(name: AccountName) -> str:
    """Return what Fuyun reads out of the JWT for an account."""
    (subject,) = MintedSubject(Keys().load, lambda: NOW).subject_tokens(SIGNING, "", name)
    return user_name_in(subject.token, application(), NOW, lambda _, __: True)


@given(name=NAMES)
@example(name="王芳")
@example(name="lin@contoso.example")
@example(name="+86 138 0000 0000")
@example(name="e\u0301cole")
@example(name="\u00e9cole")
@example(name="值班👩🏽😀")
@example(name="字" * 255)
@example(name="𠮷" * 255)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_a_name_arrives_at_fuyun_letter_by_letter(name: str) -> None:
    assert account_name_of(name) == name
    assert arrived(account_name_of(name)) == name
    assert arrived(map_account({"user": {"name": name}}, "user.name")) == name


READERS: list[Callable[[str], AccountName]] = [account_name_of, lambda text: map_account({"name": text}, "name")]


@pytest.mark.parametrize("read", READERS, ids=["written out", "mapped"])
@given(before=st.text(max_size=5), bad=UNPRINTABLE, after=st.text(max_size=5))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_what_cannot_be_printed_never_stands_in_a_name(
    read: Callable[[str], AccountName], before: str, bad: str, after: str
) -> None:
    with pytest.raises(BridgeError) as refusal:
        read(f"a{before}{bad}{after}z")
    assert refusal.value.code in {"request_invalid", "mapping_field_missing"}


@pytest.mark.parametrize("read", READERS, ids=["written out", "mapped"])
@pytest.mark.parametrize(
    "text",
    ["", " ", "\t\n", "\u3000", "x" * 256, "𠮷" * 256, "a\x00b", "a\r\nb", "a\x7fb", "\ud800", "a\u202eb", "a\u200bb"],
    ids=lambda text: json.dumps(text if len(text) < 9 else f"{len(text)} times {text[0]}"),
)
def test_no_name_is_made_of_what_is_none(read: Callable[[str], AccountName], text: str) -> None:
    with pytest.raises(BridgeError):
        read(text)


@pytest.mark.parametrize("text", [" lin", "lin ", "lin\n", "\u3000王芳"], ids=json.dumps)
def test_a_name_that_is_written_out_is_not_trimmed_into_another_ones(text: str) -> None:
    with pytest.raises(BridgeError) as refusal:
        account_name_of(text)
    assert refusal.value.received == "white space around it"
