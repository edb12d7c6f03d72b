"""Who signed in: whose subject counts, and when UserInfo must be asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.core.errors import UserinfoInvalid
from bridge.core.model import NO_SECRET, Connection, FuyunApp, IdentityProvider, VerifiedClaims
from bridge.signin import identity

OAUTH2 = Connection(
    "initech", "Initech", IdentityProvider(kind="oauth2", client_id="bridge"), FuyunApp("app", NO_SECRET)
)
OIDC = replace(OAUTH2, idp=replace(OAUTH2.idp, kind="oidc"), mode="jwt")


class TestTheSubject:
    @pytest.mark.parametrize(
        ("userinfo", "field", "subject"),
        [
            ({"sub": "lin", "id": 7}, "", "lin"),
            ({"id": 10086}, "", "10086"),
            ({"sub": None, "id": "x"}, "", "x"),
            ({"data": {"id": 10086}}, "data.id", "10086"),
            ({"sub": "lin", "login": "other"}, "login", "other"),
        ],
    )
    def test_plain_oauth_finds_it_where_it_is(self, userinfo: dict[str, Any], field: str, subject: str) -> None:
        connection = replace(OAUTH2, idp=replace(OAUTH2.idp, subject_field=field))
        assert identity._same_subject(connection, None, userinfo) == subject

    @pytest.mark.parametrize("userinfo", [{}, {"sub": ""}, {"id": True}, {"sub": ["lin"]}, {"id": None}])
    def test_an_answer_without_one_is_refused(self, userinfo: dict[str, Any]) -> None:
        with pytest.raises(UserinfoInvalid, match="expected sub or id"):
            identity._same_subject(OAUTH2, None, userinfo)

    def test_with_an_id_token_both_must_name_the_same(self) -> None:
        claims = VerifiedClaims({"sub": "lin"})
        assert identity._same_subject(OIDC, claims, {"sub": "lin"}) == "lin"
        for userinfo, received in (({"sub": "boss"}, "another sub"), ({"sub": None}, "another sub"), ({}, "no sub")):
            with pytest.raises(UserinfoInvalid) as refusal:
                identity._same_subject(OIDC, claims, userinfo)
            assert refusal.value.received == received


@pytest.mark.parametrize(
    ("kind", "organization", "claims", "suffices"),
    [
        ("oidc", "", {"email": "lin@contoso.example"}, True),
        ("oidc", "", {"email": ""}, False),
        ("oidc", "", {}, False),
        ("salesforce", "00D000000000001AAA", {"email": "lin@acme.example"}, False),
        ("salesforce", "00D000000000001AAA", {"email": "lin@acme.example", "organization_id": "x"}, True),
        ("salesforce", "", {"email": "lin@acme.example"}, True),
    ],
)
def test_mode_jwt_asks_userinfo_only_for_what_the_id_token_lacks(
    kind: Any,
    organization: str,
    claims: dict[str, Any],
    suffices: bool,  # noqa: FBT001 — a table's column
) -> None:
    connection = replace(OIDC, idp=replace(OIDC.idp, kind=kind, organization_id=organization))
    assert identity._suffices(connection, VerifiedClaims(claims)) is suffices
