"""The road's own decisions: what the callback is judged by, whose subject counts, how long a renewal is waited for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.core.errors import BridgeError, IdpAnswerInvalid, IdpError, IdpUnreachable, StateUnknown, UserinfoInvalid
from bridge.core.model import NO_SECRET, Connection, FuyunApp, IdentityProvider, VerifiedClaims
from bridge.signin import flow
from bridge.signin.flow import AuthorizationResponse
from bridge.signin.pending import PendingSignIn
from bridge.upstream.metadata import ProviderMetadata
from tests.journeys.steps import records, signed_in
from tests.kit.house import SANDBOX

if TYPE_CHECKING:
    from tests.kit.house import House

ISSUER = "https://idp.example"
PENDING = PendingSignIn("globex", "state", "nonce", "verifier", "/softphone", issuer=ISSUER)
ANNOUNCED = replace(PENDING, expects_iss=True)
NAMELESS = replace(PENDING, issuer="")
TEMPLATE = replace(PENDING, issuer="https://login.example/{tenantid}/v2.0")
GUID = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
OAUTH2 = Connection(
    "initech", "Initech", IdentityProvider(kind="oauth2", client_id="bridge"), FuyunApp("app", NO_SECRET)
)
OIDC = replace(OAUTH2, idp=replace(OAUTH2.idp, kind="oidc"), mode="jwt")


class TestTheAuthorizationResponse:
    @pytest.mark.parametrize(
        ("pending", "iss"),
        [
            (PENDING, ""),
            (PENDING, ISSUER),
            (ANNOUNCED, ISSUER),
            (NAMELESS, ""),
            (TEMPLATE, f"https://login.example/{GUID}/v2.0"),
        ],
    )
    def test_a_code_of_the_right_provider_is_taken(self, pending: PendingSignIn, iss: str) -> None:
        assert flow._code(pending, AuthorizationResponse(code="code-1", iss=iss)) == "code-1"

    @pytest.mark.parametrize(
        ("pending", "iss", "received"),
        [
            (PENDING, "https://evil.example", "iss https://evil.example"),
            (PENDING, f"{ISSUER}/", f"iss {ISSUER}/"),
            (ANNOUNCED, "", "no iss"),
            (NAMELESS, ISSUER, f"iss {ISSUER}"),
            (TEMPLATE, "https://login.example/common/v2.0", "iss https://login.example/common/v2.0"),
        ],
    )
    def test_an_answer_of_another_provider_is_refused_before_all_else(
        self, pending: PendingSignIn, iss: str, received: str
    ) -> None:
        response = AuthorizationResponse(code="code-1", error="access_denied", iss=iss)
        with pytest.raises(IdpAnswerInvalid) as refusal:
            flow._code(pending, response)
        assert refusal.value.received == received

    def test_an_error_comes_before_a_code(self) -> None:
        with pytest.raises(IdpError, match="received access_denied"):
            flow._code(PENDING, AuthorizationResponse(code="code-1", error="access_denied"))

    def test_neither_code_nor_error_is_the_browsers_fault(self) -> None:
        with pytest.raises(IdpAnswerInvalid) as refusal:
            flow._code(PENDING, AuthorizationResponse())
        assert refusal.value.status == 400


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
        assert flow._same_subject(connection, None, userinfo) == subject

    @pytest.mark.parametrize("userinfo", [{}, {"sub": ""}, {"id": True}, {"sub": ["lin"]}, {"id": None}])
    def test_an_answer_without_one_is_refused(self, userinfo: dict[str, Any]) -> None:
        with pytest.raises(UserinfoInvalid, match="expected sub or id"):
            flow._same_subject(OAUTH2, None, userinfo)

    def test_with_an_id_token_both_must_name_the_same(self) -> None:
        claims = VerifiedClaims({"sub": "lin"})
        assert flow._same_subject(OIDC, claims, {"sub": "lin"}) == "lin"
        for userinfo, received in (({"sub": "boss"}, "another sub"), ({"sub": None}, "another sub"), ({}, "no sub")):
            with pytest.raises(UserinfoInvalid) as refusal:
                flow._same_subject(OIDC, claims, userinfo)
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
    assert flow._suffices(connection, VerifiedClaims(claims)) is suffices


@pytest.mark.parametrize(
    ("endpoint", "origin"),
    [
        ("https://idp.example/logout?x=1", "https://idp.example"),
        ("http://localhost:5100/x", "http://localhost:5100"),
        ("", ""),
    ],
)
def test_the_way_out_is_known_by_its_origin(endpoint: str, origin: str) -> None:
    assert flow._origin(ProviderMetadata("", "", "", end_session_endpoint=endpoint)) == origin


class TestTheRoad:
    def test_a_sign_in_that_was_not_begun_here_redeems_nothing(self, house: House) -> None:
        with pytest.raises(StateUnknown):
            house.services.flow.complete("globex", AuthorizationResponse("state", "code"), lambda _: "")
        assert house.calls == []

    def test_an_issuer_is_the_connections_or_it_is_not(self, house: House) -> None:
        connections, road = house.services.connections, house.services.flow
        assert road.is_issuer(connections.get("globex"), f"{SANDBOX}/oidc")
        assert not road.is_issuer(connections.get("globex"), f"{SANDBOX}/oidc/")
        assert not road.is_issuer(connections.get("initech"), "")

    def test_a_renewal_that_never_ends_is_not_waited_for_for_ever(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        signed_in(house)
        (record,) = records(house)
        house.services.agent_sessions.claim_renewal(record.id)
        monkeypatch.setattr(flow, "_PATIENCE", 0.1)
        with pytest.raises(IdpUnreachable, match="one that never ends"):
            house.services.flow.renew(record.id)

    def test_a_fault_of_our_own_lets_the_next_one_renew(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        signed_in(house)
        (record,) = records(house)

        def broken(*_: object) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr(house.services.flow, "_fresh_tokens", broken)
            with pytest.raises(ZeroDivisionError):
                house.services.flow.renew(record.id)
        assert house.services.agent_sessions.renewal_failure(record.id) == "internal_error"
        assert house.services.flow.renew(record.id).generation == 1
        assert house.services.agent_sessions.renewal_failure(record.id) == ""

    def test_a_session_that_somebody_renewed_meanwhile_is_renewed_no_more(self, house: House) -> None:
        signed_in(house)
        (record,) = records(house)
        renewed = house.services.flow.renew(record.id)
        owner = house.services.agent_sessions.claim_renewal(record.id)
        assert house.services.flow._renew_alone(record.id, owner) == renewed

    def test_nothing_is_renewed_for_a_connection_that_was_switched_off(self, house: House) -> None:
        signed_in(house)
        (record,) = records(house)
        stranger = replace(record, connection="closed")
        assert house.services.flow.end(stranger) == ""
        with pytest.raises(BridgeError):
            house.services.flow.renew(record.id)
