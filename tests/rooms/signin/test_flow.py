"""The road's own decisions: what the callback is judged by, whose subject counts, how long a renewal is waited for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bridge.core.errors import BridgeError, IdpAnswerInvalid, IdpError, StateUnknown
from bridge.core.model import NO_SECRET, AccountName, Connection, FuyunApp, FuyunToken, Identity, IdentityProvider
from bridge.core.trace import Trace
from bridge.signin.arrival import new_session
from bridge.signin.authorization import AuthorizationResponse, code_in
from bridge.signin.pending import PendingSignIn
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
        assert code_in(pending, AuthorizationResponse(code="code-1", iss=iss)) == "code-1"

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
            code_in(pending, response)
        assert refusal.value.received == received

    def test_an_error_comes_before_a_code(self) -> None:
        with pytest.raises(IdpError, match="received access_denied"):
            code_in(PENDING, AuthorizationResponse(code="code-1", error="access_denied"))

    def test_neither_code_nor_error_is_the_browsers_fault(self) -> None:
        with pytest.raises(IdpAnswerInvalid) as refusal:
            code_in(PENDING, AuthorizationResponse())
        assert refusal.value.status == 400


@pytest.mark.parametrize(
    ("endpoint", "origin"),
    [
        ("https://idp.example/logout?x=1", "https://idp.example"),
        ("http://localhost:5100/x", "http://localhost:5100"),
        ("", ""),
    ],
)
def test_the_way_out_is_known_by_its_origin(endpoint: str, origin: str) -> None:
    connection = Connection("contoso", "Contoso", IdentityProvider("oidc", "bridge"), FuyunApp("app", NO_SECRET))
    person, token = Identity("https://idp.example", "lin", "", ""), FuyunToken("t", "bearer", 0)
    session = new_session(connection, person, AccountName("lin"), token, end_session_endpoint=endpoint)
    assert session.end_session_origin == origin
    assert session.display_name == "lin"


class TestTheRoad:
    def test_a_sign_in_that_was_not_begun_here_redeems_nothing(self, house: House) -> None:
        with pytest.raises(StateUnknown):
            house.services.flow.complete("globex", AuthorizationResponse("state", "code"), lambda _: "", Trace())
        assert house.calls == []

    def test_an_issuer_is_the_connections_or_it_is_not(self, house: House) -> None:
        connections, road = house.services.connections, house.services.flow
        assert road.is_issuer(connections.get("globex"), f"{SANDBOX}/oidc")
        assert not road.is_issuer(connections.get("globex"), f"{SANDBOX}/oidc/")
        assert not road.is_issuer(connections.get("initech"), "")

    def test_nothing_is_renewed_for_a_connection_that_was_switched_off(self, house: House) -> None:
        signed_in(house)
        (record,) = records(house)
        stranger = replace(record, connection="closed")
        assert house.services.flow.end(stranger) == ""
        with pytest.raises(BridgeError):
            house.services.flow.renew(record.id)
