"""Discovery and keys: whose document it must be, which addresses are taken, and how both survive an outage."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import requests_mock
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from bridge.connections.presets import complete
from bridge.core.errors import IdpAnswerInvalid, IdpUnreachable
from bridge.core.model import IdentityProvider
from bridge.outbound import Outbound
from bridge.upstream.metadata import KeyCache, MetadataCache, issuer_matches

if TYPE_CHECKING:
    from collections.abc import Callable

    from joserfc.jwk import Key

ISSUER = "https://idp.example"
DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"
JWKS = f"{ISSUER}/keys"
IDP = IdentityProvider(kind="oidc", client_id="bridge", issuer=ISSUER, discovery_url=DISCOVERY)
DOCUMENT: dict[str, Any] = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": JWKS,
    "userinfo_endpoint": f"{ISSUER}/me",
    "end_session_endpoint": f"{ISSUER}/logout",
    "revocation_endpoint": f"{ISSUER}/revoke",
    "token_endpoint_auth_methods_supported": ["client_secret_post", 7],
    "id_token_signing_alg_values_supported": ["RS256", "ES256"],
    "authorization_response_iss_parameter_supported": True,
}
GUID, OTHER_GUID = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490", "11111111-2b34-4da1-9baa-8bc8c9d6a490"
TEMPLATE = "https://login.microsoftonline.com/{tenantid}/v2.0"
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})


class Wire:
    """The provider's answers by hand, on a clock that moves by hand."""

    def __init__(self) -> None:
        self.time = 0.0
        self.answers = requests_mock.Adapter()
        outbound = Outbound(adapter=self.answers)
        self.metadata = MetadataCache(outbound, self.clock)
        self.keys = KeyCache(outbound, self.clock)

    def clock(self) -> float:
        return self.time

    def says(self, url: str, document: object = None, **answer: Any) -> None:
        given: dict[str, Any] = answer if document is None else {"json": document, **answer}
        self.answers.register_uri("GET", url, **given)


@pytest.fixture
def wire() -> Wire:
    made = Wire()
    made.says(DISCOVERY, DOCUMENT)
    made.says(JWKS, {"keys": [RSA.as_dict(private=False)]})
    return made


class TestDiscovery:
    def test_a_document_gives_endpoints_and_abilities(self, wire: Wire) -> None:
        found = wire.metadata.get(IDP)
        assert (found.issuer, found.jwks_uri, found.userinfo_endpoint) == (ISSUER, JWKS, f"{ISSUER}/me")
        assert (found.end_session_endpoint, found.revocation_endpoint) == (f"{ISSUER}/logout", f"{ISSUER}/revoke")
        assert found.token_endpoint_auth_methods == ("client_secret_post",)
        assert found.id_token_signing_algs == ("RS256", "ES256")
        assert found.sends_iss_parameter

    def test_what_the_document_leaves_out_is_empty(self, wire: Wire) -> None:
        needed = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
        wire.says(DISCOVERY, {name: DOCUMENT[name] for name in needed})
        found = wire.metadata.get(IDP)
        assert (found.userinfo_endpoint, found.end_session_endpoint, found.revocation_endpoint) == ("", "", "")
        assert (found.token_endpoint_auth_methods, found.sends_iss_parameter) == ((), False)

    def test_it_is_asked_once(self, wire: Wire) -> None:
        assert wire.metadata.get(IDP) is wire.metadata.get(IDP)
        assert wire.answers.call_count == 1

    def test_it_is_kept_through_an_outage(self, wire: Wire) -> None:
        found = wire.metadata.get(IDP)
        wire.time += 7200
        wire.says(DISCOVERY, status_code=503)
        assert wire.metadata.get(IDP) is found

    def test_endpoints_of_the_configuration_win(self, wire: Wire) -> None:
        idp = replace(IDP, userinfo_endpoint="https://other.example/me", token_endpoint="https://other.example/token")
        found = wire.metadata.get(idp)
        assert found.userinfo_endpoint == "https://other.example/me"
        assert found.token_endpoint == "https://other.example/token"
        assert found.authorization_endpoint == f"{ISSUER}/authorize"

    def test_with_every_endpoint_given_nobody_is_asked(self, wire: Wire) -> None:
        idp = replace(
            IDP,
            discovery_url="",
            authorization_endpoint="https://a.example/a",
            token_endpoint="https://a.example/t",
        )
        found = wire.metadata.get(idp)
        assert (found.issuer, found.token_endpoint, found.jwks_uri) == (ISSUER, "https://a.example/t", "")
        assert wire.answers.call_count == 0

    @pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
    def test_a_needed_endpoint_that_is_missing_is_named(self, wire: Wire, name: str) -> None:
        wire.says(DISCOVERY, {**DOCUMENT, name: None})
        with pytest.raises(IdpAnswerInvalid, match=name):
            wire.metadata.get(IDP)

    @pytest.mark.parametrize(
        "address",
        [
            "http://idp.example/x",
            "http://10.0.0.1/x",
            "ftp://idp.example/x",
            "javascript:alert(1)",
            "/relative",
            "https://",
            "https:///x",
            "https://[::1",
            "https://idp.example/a\nb",
            "",
            7,
            ["https://idp.example/x"],
        ],
    )
    def test_an_endpoint_that_is_no_https_address_is_refused(self, wire: Wire, address: object) -> None:
        wire.says(DISCOVERY, {**DOCUMENT, "userinfo_endpoint": address})
        with pytest.raises(IdpAnswerInvalid, match="userinfo_endpoint as an https address"):
            wire.metadata.get(IDP)

    @pytest.mark.parametrize("host", ["localhost:5100", "127.0.0.1", "127.8.8.8:1", "[::1]:80"])
    def test_plain_http_is_good_where_all_is_on_this_machine(self, wire: Wire, host: str) -> None:
        here = replace(IDP, discovery_url="http://localhost:5100/x", issuer="http://localhost:5100")
        document = {**DOCUMENT, "issuer": here.issuer, "userinfo_endpoint": f"http://{host}/me"}
        wire.says(here.discovery_url, document)
        assert wire.metadata.get(here).userinfo_endpoint == f"http://{host}/me"

    @pytest.mark.parametrize(
        "host", ["localhost", "127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "[fd00::1]"]
    )
    def test_a_provider_outside_leads_nowhere_inside(self, wire: Wire, host: str) -> None:
        wire.says(DISCOVERY, {**DOCUMENT, "userinfo_endpoint": f"https://{host}/me"})
        with pytest.raises(IdpAnswerInvalid, match="userinfo_endpoint"):
            wire.metadata.get(IDP)

    def test_an_address_with_credentials_is_refused(self, wire: Wire) -> None:
        wire.says(DISCOVERY, {**DOCUMENT, "userinfo_endpoint": "https://user:word@idp.example/me"})
        with pytest.raises(IdpAnswerInvalid, match="userinfo_endpoint"):
            wire.metadata.get(IDP)

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            ({"status_code": 500}, IdpUnreachable),
            ({"status_code": 404, "json": DOCUMENT}, IdpAnswerInvalid),
            ({"status_code": 302, "headers": {"Location": "https://idp.example/2"}}, IdpAnswerInvalid),
            ({"text": "<html>"}, IdpAnswerInvalid),
            ({"json": []}, IdpAnswerInvalid),
            ({"exc": ConnectionRefusedError}, IdpUnreachable),
        ],
    )
    def test_whatever_else_comes_is_told_apart(self, wire: Wire, answer: dict[str, Any], error: type) -> None:
        wire.says(DISCOVERY, **answer)
        with pytest.raises(error):
            wire.metadata.get(IDP)


MICROSOFT = IdentityProvider(kind="microsoft", client_id="bridge")


class TestIssuers:
    @pytest.mark.parametrize("issuer", [f"{ISSUER}/", "https://IDP.example", "https://evil.example", "", None, 7])
    def test_a_document_of_another_issuer_is_refused(self, wire: Wire, issuer: object) -> None:
        wire.says(DISCOVERY, {**DOCUMENT, "issuer": issuer})
        with pytest.raises(IdpAnswerInvalid, match="expected issuer https://idp"):
            wire.metadata.get(IDP)

    @pytest.mark.parametrize(
        ("cloud", "host"),
        [
            ("global", "login.microsoftonline.com"),
            ("us", "login.microsoftonline.us"),
            ("china", "login.partner.microsoftonline.cn"),
        ],
    )
    def test_each_of_microsofts_clouds_speaks_for_itself(self, wire: Wire, cloud: str, host: str) -> None:
        idp = complete(replace(MICROSOFT, tenant=GUID, cloud=cloud), "oauth")
        url = f"https://{host}/{GUID}/v2.0/.well-known/openid-configuration"
        wire.says(url, {**DOCUMENT, "issuer": f"https://{host}/{GUID}/v2.0"})
        assert wire.metadata.get(idp).issuer == f"https://{host}/{GUID}/v2.0"
        wire.says(url, {**DOCUMENT, "issuer": f"https://login.chinacloudapi.cn/{GUID}/v2.0"})
        wire.time += 7200
        with pytest.raises(IdpAnswerInvalid):
            MetadataCache(Outbound(adapter=wire.answers)).get(idp)

    TENANTS: ClassVar = [
        (GUID, f"https://login.microsoftonline.com/{GUID}/v2.0", True),
        (GUID, f"https://login.microsoftonline.com/{OTHER_GUID}/v2.0", False),
        (GUID, TEMPLATE, False),
        ("contoso.example", f"https://login.microsoftonline.com/{GUID}/v2.0", True),
        ("contoso.example", TEMPLATE, False),
        ("contoso.example", "https://login.microsoftonline.com/contoso.example/v2.0", False),
        ("contoso.example", f"https://evil.example/{GUID}/v2.0", False),
        ("common", TEMPLATE, True),
        ("organizations", TEMPLATE, True),
        ("consumers", f"https://login.microsoftonline.com/{GUID}/v2.0", True),
        ("common", "https://login.microsoftonline.com/common/v2.0", False),
        ("common", f"https://sts.windows.net/{GUID}/", False),
    ]

    @pytest.mark.parametrize(("tenant", "issuer", "good"), TENANTS)
    def test_microsofts_document_must_be_of_the_tenant(self, wire: Wire, tenant: str, issuer: str, good: bool) -> None:  # noqa: FBT001 — a table's column
        idp = complete(replace(MICROSOFT, tenant=tenant), "oauth")
        wire.says(idp.discovery_url, {**DOCUMENT, "issuer": issuer})
        if good:
            assert wire.metadata.get(idp).issuer == issuer
        else:
            with pytest.raises(IdpAnswerInvalid):
                wire.metadata.get(idp)

    def test_a_tenant_with_every_endpoint_given_has_its_concrete_issuer(self, wire: Wire) -> None:
        idp = replace(MICROSOFT, tenant=GUID, issuer=TEMPLATE)
        assert wire.metadata.get(idp).issuer == TEMPLATE.replace("{tenantid}", GUID)

    MATCHES: ClassVar = [
        ("https://idp.example", "https://idp.example", True),
        ("https://idp.example", "https://idp.example/", False),
        ("https://idp.example", "", False),
        ("", "", True),
        (TEMPLATE, TEMPLATE.replace("{tenantid}", GUID), True),
        (TEMPLATE, TEMPLATE.replace("{tenantid}", GUID.upper()), True),
        (TEMPLATE, TEMPLATE, False),
        (TEMPLATE, TEMPLATE.replace("{tenantid}", ""), False),
        (TEMPLATE, TEMPLATE.replace("{tenantid}", "common"), False),
        (TEMPLATE, TEMPLATE.replace("{tenantid}", f"{GUID}/../{GUID}"), False),
        (TEMPLATE, TEMPLATE.replace("{tenantid}", f"{GUID}\n"), False),
        (TEMPLATE, TEMPLATE.replace("{tenantid}", GUID) + "/", False),
        (TEMPLATE, "https://login.microsoftonline.com/v2.0", False),
        (TEMPLATE, "https://login.microsoftonline.com//v2.0", False),
        (TEMPLATE, "", False),
        ("{tenantid}", GUID, True),
        ("{tenantid}", "x", False),
    ]

    @pytest.mark.parametrize(("template", "issuer", "matches"), MATCHES)
    def test_an_issuer_matches_exactly_or_by_a_tenants_guid(self, template: str, issuer: str, matches: bool) -> None:  # noqa: FBT001 — a table's column
        assert issuer_matches(template, issuer) is matches


class TestKeys:
    def test_public_keys_of_every_known_kind_are_taken(self, wire: Wire) -> None:
        kinds: list[Key] = [RSA, ECKey.generate_key("P-256"), OKPKey.generate_key("Ed25519")]
        wire.says(JWKS, {"keys": [key.as_dict(private=False) for key in kinds]})
        assert [key.key_type for key in wire.keys.get(IDP, JWKS).keys] == ["RSA", "EC", "OKP"]

    STRANGE: ClassVar[list[object]] = [
        OctKey.generate_key(256).as_dict(),
        {**RSA.as_dict(private=False), "use": "enc"},
        {"kty": "RSA", "n": "AQAB"},
        {"kty": "RSA", "n": 7, "e": None},
        {"kty": "RSA", "n": "é", "e": "AQAB"},
        {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "X25519", "x": "AA"},
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"},
        {"kty": ["RSA"]},
        {**RSA.as_dict(private=False), "alg": ["RS256"]},
        {**RSA.as_dict(private=False), "kid": 7},
        {**RSA.as_dict(private=False), "key_ops": "verify"},
        {},
        "a text",
        None,
        [],
    ]

    @pytest.mark.parametrize("strange", STRANGE, ids=range(len(STRANGE)))
    def test_a_key_that_is_not_understood_is_passed_over(self, wire: Wire, strange: object) -> None:
        wire.says(JWKS, {"keys": [strange, RSA.as_dict(private=False)]})
        assert "rsa" in [key.kid for key in wire.keys.get(IDP, JWKS).keys]

    @pytest.mark.parametrize(
        "document", [{}, {"keys": {}}, {"keys": []}, {"keys": [STRANGE[0]]}, {"keys": None}, {"keys": "x"}]
    )
    def test_a_set_without_a_usable_key_is_refused(self, wire: Wire, document: dict[str, Any]) -> None:
        wire.says(JWKS, document)
        with pytest.raises(IdpAnswerInvalid):
            wire.keys.get(IDP, JWKS)

    def test_keys_are_fetched_once_and_anew_when_they_do_not_fit(self, wire: Wire) -> None:
        first = wire.keys.get(IDP, JWKS)
        assert wire.keys.get(IDP, JWKS) is first
        wire.says(JWKS, {"keys": [RSAKey.generate_key(2048, {"kid": "new"}).as_dict(private=False)]})
        newer = wire.keys.refetch(IDP, JWKS, first)
        assert [key.kid for key in newer.keys] == ["new"]
        assert wire.keys.refetch(IDP, JWKS, newer) is newer
        assert wire.answers.call_count == 2
        wire.time += 60
        assert wire.keys.refetch(IDP, JWKS, newer) is not newer

    def test_keys_outlive_an_outage(self, wire: Wire) -> None:
        first = wire.keys.get(IDP, JWKS)
        wire.time += 7200
        wire.says(JWKS, status_code=502)
        assert wire.keys.get(IDP, JWKS) is first
        assert wire.keys.refetch(IDP, JWKS, first) is first

    def test_each_connection_has_keys_of_its_own(self, wire: Wire) -> None:
        wire.keys.get(IDP, JWKS)
        wire.keys.get(replace(IDP, client_id="another"), JWKS)
        assert wire.answers.call_count == 2


def test_a_provider_that_is_asked_says_so_in_every_refusal(wire: Wire) -> None:
    asks: list[Callable[[], object]] = [lambda: wire.metadata.get(IDP), lambda: wire.keys.get(IDP, JWKS)]
    wire.says(DISCOVERY, text="<html>secret</html>", headers={"Content-Type": "text/html"})
    wire.says(JWKS, text="<html>secret</html>", headers={"Content-Type": "text/html"})
    for ask in asks:
        with pytest.raises(IdpAnswerInvalid, match="received HTTP 200 text/html") as refusal:
            ask()
        assert "secret" not in str(refusal.value)
