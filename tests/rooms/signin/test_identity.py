"""Whom a mapping may name: in mode jwt nobody but the bridge looks at whether the provider vouches for an address."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.core.errors import MappingFieldMissing
from bridge.core.model import Connection, FuyunApp, IdentityProvider, JwtSigning, Mode, Secret, TokenSet
from bridge.core.trace import Trace
from bridge.signin.identity import identify

LIN = "lin@contoso.example"


class Provider:
    """A plain OAuth 2.0 provider with one answer."""

    def __init__(self, **claims: Any) -> None:
        self._claims = {"sub": "kim", **claims}

    def userinfo(self, _idp: IdentityProvider, _access_token: str) -> dict[str, Any]:
        return self._claims


def mapped(mode: Mode, field: str, *, accepts: bool = False, **claims: Any) -> str:
    """Return the account that somebody with these claims is taken for."""
    signing = JwtSigning("https://crm.example.com", Secret("k"), accept_unverified_email=accepts)
    connection = Connection(
        name="contoso",
        title="Contoso",
        idp=IdentityProvider("oauth2", "client"),
        fuyun=FuyunApp("app", Secret("s")),
        mode=mode,
        mapping_field=field,
        jwt=signing if mode == "jwt" else None,
    )
    _, account_name = identify(Provider(**claims), connection, TokenSet("access"), "nonce", Trace())  # type: ignore[arg-type]  # all that it is asked
    return account_name


@pytest.mark.parametrize("verified", [False, "false", None, 0, "yes"])
def test_an_address_that_nobody_has_verified_names_nobody_in_mode_jwt(verified: object) -> None:
    with pytest.raises(MappingFieldMissing, match="that the provider has verified"):
        mapped("jwt", "email", email=LIN, email_verified=verified)


@pytest.mark.parametrize("claims", [{}, {"email_verified": True}, {"email_verified": "true"}], ids=str)
def test_one_that_is_vouched_for_or_not_spoken_of_does(claims: dict[str, Any]) -> None:
    assert mapped("jwt", "email", email=LIN, **claims) == LIN


def test_it_does_where_the_operator_says_so_and_where_fuyun_reads_it_by_itself() -> None:
    assert mapped("jwt", "email", accepts=True, email=LIN, email_verified=False) == LIN
    assert mapped("oauth", "email", email=LIN, email_verified=False) == LIN


def test_other_fields_are_not_addresses() -> None:
    assert mapped("jwt", "account", account="10086", email=LIN, email_verified=False) == "10086"
