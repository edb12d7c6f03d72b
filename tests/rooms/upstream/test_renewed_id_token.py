"""An ID token that a refresh brought, beside the one of the sign-in (OpenID Connect Core section 12.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from bridge.core.errors import IdTokenInvalid
from bridge.core.model import VerifiedClaims
from bridge.upstream.id_token import check_renewed

if TYPE_CHECKING:
    from collections.abc import Callable

KEY: Final = OctKey.import_key("a-key-of-thirty-two-octets-or-so")
CLAIMS: Final = {"iss": "https://login.example/tenant-1/v2.0", "sub": "lin", "nonce": "n-1"}


def former(**claims: Any) -> str:
    return jwt.encode({"alg": "HS256"}, CLAIMS | claims, KEY)


def renewed(**claims: Any) -> VerifiedClaims:
    return VerifiedClaims({name: value for name, value in (CLAIMS | claims).items() if value is not None})


@pytest.mark.parametrize("changed", [{}, {"nonce": None}, {"exp": 7}])
def test_a_token_of_the_same_sign_in_is_good(changed: dict[str, Any]) -> None:
    check_renewed(renewed(**changed), former())


@pytest.mark.parametrize(
    ("changed", "named"),
    [({"iss": "https://login.example/tenant-2/v2.0"}, "iss"), ({"nonce": "n-2"}, "nonce"), ({"nonce": 1}, "nonce")],
)
def test_one_of_another_sign_in_is_refused_by_the_claim(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(IdTokenInvalid) as refusal:
        check_renewed(renewed(**changed), former())
    assert (refusal.value.expected, refusal.value.received) == (f"the {named} of this session", f"another {named}")


@pytest.mark.parametrize(
    "before",
    [
        lambda: "",
        lambda: "身份.令牌.签名",
        lambda: "a.b.c",
        lambda: former().replace(".", ".W10", 1),
        lambda: "e30.W10.e30",
    ],
)
def test_where_nothing_is_known_of_the_sign_in_there_is_nothing_to_compare(before: Callable[[], str]) -> None:
    check_renewed(renewed(), before())
