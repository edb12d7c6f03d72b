"""What an administrator may not enter, each with the field at which it is said and the sentence that says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.kit.console_forms import FUYUN_SECRET, IDP_SECRET, TENANT, filled, sent, told
from tests.kit.desk import operator
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.browser import Browser
    from tests.kit.house import House

EMPTY = "Please fill this in."


class Row(NamedTuple):
    id: str
    kind: str
    typed: dict[str, str]
    field: str
    sentence: str


ROWS = [
    Row("name empty", "oidc", {"name": ""}, "name", EMPTY),
    Row("name of 11", "oidc", {"name": "elevenchars"}, "name", "1 to 10 ASCII letters or digits"),
    Row("name with a dash", "microsoft", {"name": "con-toso"}, "name", "1 to 10 ASCII letters or digits"),
    Row("name taken", "microsoft", {"name": "contoso"}, "name", "Is taken already"),
    Row("name taken in capitals", "oauth2", {"name": "CONTOSO"}, "name", "Is taken already"),
    Row("name of an address", "oidc", {"name": "New"}, "name", "a word of the console's own addresses"),
    Row("no tenant", "microsoft", {"idp_tenant": ""}, "idp_tenant", EMPTY),
    Row("no tenant at all", "microsoft", {"idp_tenant": "con toso"}, "idp_tenant", "Must be the tenant's GUID"),
    Row("every tenant", "microsoft", {"idp_tenant": "common"}, "idp_allowed_tenants", "nOAuth"),
    Row("every company", "microsoft", {"idp_tenant": "organizations"}, "idp_allowed_tenants", "nOAuth"),
    Row(
        "tenant that is no GUID",
        "microsoft",
        {"idp_tenant": "common", "idp_allowed_tenants": f"{TENANT}, contoso.com"},
        "idp_allowed_tenants",
        "contoso.com: must be a tenant's GUID",
    ),
    Row("no host", "salesforce", {"idp_host": ""}, "idp_host", EMPTY),
    Row("http host", "salesforce", {"idp_host": "http://acme.my.salesforce.com"}, "idp_host", "begin with https://"),
    Row("private host", "salesforce", {"idp_host": "10.0.0.7"}, "idp_host", "Leads into a private network"),
    Row("short org", "salesforce", {"idp_organization_id": "00D"}, "idp_organization_id", "15 or 18 letters"),
    Row("no issuer", "oidc", {"idp_issuer": ""}, "idp_issuer", EMPTY),
    Row("http issuer", "oidc", {"idp_issuer": "http://idp.contoso.example"}, "idp_issuer", "begin with https://"),
    Row("issuer with a query", "oidc", {"idp_issuer": "https://idp.contoso.example/?a=b"}, "idp_issuer", "no query"),
    Row("loopback issuer", "oidc", {"idp_issuer": "https://127.0.0.1"}, "idp_issuer", "a private network"),
    Row("loopback in disguise", "oidc", {"idp_issuer": "https://2130706433"}, "idp_issuer", "a private network"),
    Row("metadata service", "oidc", {"idp_issuer": "https://169.254.169.254"}, "idp_issuer", "a private network"),
    Row("name of a private host", "oidc", {"idp_issuer": "https://intranet.example"}, "idp_issuer", "private network"),
    Row("plain http on loopback", "oidc", {"idp_issuer": "http://localhost:5100/oidc"}, "idp_issuer", "private"),
    Row("no authorization", "oauth2", {"idp_authorization_endpoint": ""}, "idp_authorization_endpoint", EMPTY),
    Row("no token endpoint", "oauth2", {"idp_token_endpoint": ""}, "idp_token_endpoint", EMPTY),
    Row("no userinfo", "oauth2", {"idp_userinfo_endpoint": ""}, "idp_userinfo_endpoint", EMPTY),
    Row(
        "http token endpoint",
        "oauth2",
        {"idp_token_endpoint": "http://idp.contoso.example/token"},
        "idp_token_endpoint",
        "Must begin with https://",
    ),
    Row(
        "private userinfo",
        "oauth2",
        {"idp_userinfo_endpoint": "https://192.168.1.1/me"},
        "idp_userinfo_endpoint",
        "Leads into a private network",
    ),
    Row("subject path", "oauth2", {"idp_subject_field": "a..b"}, "idp_subject_field", "a field of UserInfo"),
    Row("private jwks", "oidc", {"idp_jwks_uri": "https://10.1.1.1/keys"}, "idp_jwks_uri", "a private network"),
    Row("no client id", "microsoft", {"idp_client_id": " "}, "idp_client_id", EMPTY),
    Row("no day", "microsoft", {"idp_client_secret_expires": "31.1.2027"}, "idp_client_secret_expires", "a date"),
    Row("no mapping field", "oidc", {"mapping_field": ""}, "mapping_field", "Must be a field of UserInfo"),
    Row("no domain", "oidc", {"domains": "contoso.example, lin@contoso"}, "domains", "lin@contoso: must be an e-mail"),
    Row("no host name", "oidc", {"hosts": "https://phone.example"}, "hosts", "https://phone.example: must be a host"),
    Row("own host", "oidc", {"hosts": "127.0.0.1"}, "hosts", "127.0.0.1: is the host of public_url"),
    Row("instance with a space", "oidc", {"instance_id": "ccc xp"}, "instance_id", "Must have no spaces"),
    Row("unknown mode", "oidc", {"mode": "telepathy"}, "mode", "Must be 'oauth', 'jwt' or 'frontend'"),
    Row("no Fuyun client", "oidc", {"fuyun_client_id": ""}, "fuyun_client_id", EMPTY),
    Row("no Fuyun secret", "oidc", {"fuyun_client_secret": ""}, "fuyun_client_secret", EMPTY),
    Row(
        "private exchange",
        "oidc",
        {"fuyun_token_exchange_url": "https://10.2.3.4/x"},
        "fuyun_token_exchange_url",
        "Leads into a private network",
    ),
    Row("frontend without address", "oidc", {"mode": "frontend"}, "fuyun_frontend_redirect_url", EMPTY),
    Row("jwt without issuer", "oidc", {"mode": "jwt"}, "jwt_issuer", EMPTY),
    Row("jwt without key", "oidc", {"mode": "jwt", "jwt_issuer": "a"}, "jwt_private_key", EMPTY),
    Row(
        "public key",
        "oidc",
        {"mode": "jwt", "jwt_issuer": "a", "jwt_private_key": "-----BEGIN PUBLIC KEY-----"},
        "jwt_private_key",
        "This is a public key",
    ),
    Row("lifetime", "oidc", {"mode": "jwt", "jwt_lifetime": "soon"}, "jwt_lifetime", "Must be a duration"),
    Row(
        "half an access key",
        "oidc",
        {"aiccs_access_key_id": "LTAI1"},
        "aiccs_access_key_secret",
        EMPTY,
    ),
    Row("form_post over http", "oidc", {"idp_response_mode": "form_post"}, "idp_response_mode", "Form_post needs an"),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house in which nothing is ever saved."""
    built = build_house(demo_settings(tmp_path_factory.mktemp("fields")))
    built.adapter.private.add("intranet.example")
    yield built
    built.services.database.close()


@pytest.fixture
def desk(house: House) -> Browser:
    return operator(house)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_it_is_refused_at_its_field(house: House, desk: Browser, row: Row) -> None:
    typed = filled(row.kind, **row.typed)
    answer = sent(desk, f"/admin/connections/new?kind={row.kind}", typed)
    assert answer.status_code == 422
    assert row.sentence in told(answer).get(row.field, ""), told(answer)
    for secret in (IDP_SECRET, FUYUN_SECRET):
        assert secret not in answer.text
    assert "fresh" not in {entry.name for entry in house.services.register.entries()}


def test_a_fault_without_a_field_stands_above_the_form(house: House, desk: Browser) -> None:
    typed = filled("oauth2", idp_authorization_endpoint="https://login.microsoftonline.com/common/oauth2/authorize")
    answer = sent(desk, "/admin/connections/new?kind=oauth2", typed | {"name": "doubtful"})
    assert answer.status_code == 303
    page = desk.open("/admin/connections/doubtful/edit")
    assert "idp.kind: Microsoft for all tenants needs kind microsoft" in page.text


def test_several_faults_are_told_at_once_and_listed_above(desk: Browser) -> None:
    answer = sent(desk, "/admin/connections/new?kind=microsoft", filled("microsoft", name="", idp_tenant="a b"))
    assert {"name", "idp_tenant"} <= told(answer).keys()
    assert '<a href="#idp_tenant">' in answer.text
