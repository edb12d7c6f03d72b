"""Who the person is: tenants and organizations, the mapping field, and providers without an ID token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.kit.hostile import (
    ORIGIN,
    TENANT,
    Alter,
    Does,
    Provider,
    having,
    jwk,
    replies,
    spelt,
    well,
    without,
)
from tests.refusals.refused import (
    EXCHANGED,
    ID_TOKEN_INVALID,
    IDP_ANSWER_INVALID,
    INFORMED,
    KNOWN,
    MAPPING_FIELD_MISSING,
    TENANT_NOT_ALLOWED,
    USERINFO_INVALID,
    VERIFIED,
    Row,
    assert_row,
    beside,
    endpoints,
    providers_of,
    sign_in,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.kit.house import House

OTHER: Final = "99999999-2222-4333-8444-555555555555"
PERSONAL: Final = "9188040d-6c67-4c5b-b112-36a304b66dad"
EVIL_ISSUER: Final = "https://evil.example"
PLAIN: Final = ("token", "userinfo")

ONE_TENANT: Final[Mapping[str, Any]] = {"kind": "microsoft"}
DOMAIN: Final[Mapping[str, Any]] = {"kind": "microsoft", "tenant": "contoso.example"}
COMMON: Final[Mapping[str, Any]] = {"kind": "microsoft", "tenant": "common", "allowed_tenants": (TENANT,)}
COMMON_FOR_OTHERS: Final[Mapping[str, Any]] = {"kind": "microsoft", "tenant": "common", "allowed_tenants": (OTHER,)}
OTHERS_ONLY: Final[Mapping[str, Any]] = {"kind": "microsoft", "allowed_tenants": (OTHER,)}
SALESFORCE: Final[Mapping[str, Any]] = {"kind": "salesforce", "organization_id": "00D000000000001AAA"}
SALESFORCE_15: Final[Mapping[str, Any]] = {"kind": "salesforce", "organization_id": "00D000000000001"}
OAUTH2: Final[Mapping[str, Any]] = {"kind": "oauth2"}
WRAPPED: Final[Mapping[str, Any]] = {"kind": "oauth2", "subject_field": "data.id"}


def tenant(name: str, idp: Mapping[str, Any], says: str, **does: Any) -> Row:
    return Row(f"tenant: {name}", TENANT_NOT_ALLOWED, INFORMED, Does(**does), says, idp=idp)


def token_of(name: str, idp: Mapping[str, Any], says: str, **does: Any) -> Row:
    return Row(f"tenant: {name}", ID_TOKEN_INVALID, VERIFIED, Does(**does), says, idp=idp)


def mapping(name: str, says: str, alter: Alter, field: str = "email") -> Row:
    return Row(f"mapping: {name}", MAPPING_FIELD_MISSING, INFORMED, Does(userinfo=alter), says, field)


def of_tenant(tid: str) -> Alter:
    return lambda good: {**good, "tid": tid, "iss": good["iss"].replace(TENANT, tid)}


def of_tenant_too(member: str) -> Alter:
    return lambda good: {**good, member: good[member].replace(TENANT, PERSONAL)}


def template(good: dict[str, Any]) -> dict[str, Any]:
    return {**good, "issuer": good["issuer"].replace(TENANT, "{tenantid}")}


def nested(depth: int) -> bytes:
    return b'{"sub": "subject-of-lin", "a": ' + b'{"a":' * depth + b"1" + b"}" * (depth + 1)


KEY_OF_OTHER: Final = having(keys=[jwk(issuer=f"{ORIGIN}/{OTHER}/v2.0")])
UNNAMED: Final = {"sub": "subject-of-lin", "eyJ" + "h" * 24: 1}
DATA: Final = {"code": 0, "data": {"id": 10086, "email": None, "mobile": "13800000000"}}

TENANTS: Final = [
    tenant("not on the list of common", COMMON, OTHER, claims=of_tenant(OTHER)),
    tenant("personal account at common", COMMON, PERSONAL, claims=of_tenant(PERSONAL)),
    tenant("of the ID token counts, not of UserInfo", COMMON_FOR_OTHERS, TENANT, userinfo=having(tid=OTHER)),
    tenant("the connection's own, but not on its list", OTHERS_ONLY, TENANT),
    token_of("iss of one, tid of another", COMMON, OTHER, claims=having(tid=OTHER)),
    token_of("no tid", COMMON, "None", claims=without("tid")),
    token_of("iss with a tenant that is no GUID", COMMON, "iss", claims=of_tenant("evil")),
    token_of("iss that is the template itself", COMMON, "iss", claims=of_tenant("{tenantid}")),
    token_of("one tenant's issuer, token of another", ONE_TENANT, OTHER, claims=of_tenant(OTHER)),
    token_of("key of another tenant", COMMON, OTHER, jwks=KEY_OF_OTHER),
    token_of("a domain's issuer, token of another", DOMAIN, OTHER, claims=of_tenant(OTHER)),
    tenant("personal accounts behind a domain", DOMAIN, PERSONAL, claims=of_tenant(PERSONAL),
           discovery=of_tenant_too("issuer"), comes_back=of_tenant_too("iss")),
    Row("tenant: domain with a template", IDP_ANSWER_INVALID, KNOWN, Does(discovery=template), "issuer", idp=DOMAIN),
    tenant("other organization", SALESFORCE_15, "00D9", userinfo=having(organization_id="00D999999999999AAA")),
    tenant("organization in other letters", SALESFORCE, "00d0", userinfo=having(organization_id="00d000000000001AAA")),
    tenant("organization that is a number", SALESFORCE, "7", userinfo=having(organization_id=7)),
    tenant("no organization", SALESFORCE, "None", userinfo=without("organization_id")),
]  # fmt: skip

NO_NAME: Final = "email as text that is no account name"

MAPPING: Final = [
    mapping("field missing", "sub, name, organization_id, custom_attributes.account", without("email")),
    mapping("null", "email as null", having(email=None)),
    mapping("empty", "email as empty text", having(email="  ")),
    mapping("list", "email as a list", having(email=["lin@contoso.example"])),
    mapping("object", "email as an object", having(email={"value": "lin@contoso.example"})),
    mapping("true", "email as true or false", having(email=True)),
    mapping("number that is not whole", "email as a number that is not whole", having(email=1.5)),
    mapping("control characters", NO_NAME, having(email="lin\x00@contoso.example")),
    mapping("line break", NO_NAME, having(email="lin@contoso.example\nX: 1")),
    mapping("writing direction", NO_NAME, having(email="lin\u202e@contoso.example")),
    mapping("half a character", NO_NAME, spelt("email", '"lin\\ud83d@contoso.example"')),
    mapping("longer than any name", NO_NAME, having(email="l" * 256)),
    mapping("nested path ends early", "custom_attributes.level", well, "custom_attributes.agent"),
    mapping("nested path through a text", "custom_attributes.level", well, "name.first"),
    mapping("nested path is an object", "custom_attributes as an object", well, "custom_attributes"),
    mapping("field in other letters", "Email", lambda good: without("email")(good) | {"Email": good["email"]}),
    mapping("names that are tokens", "str of 27 characters", replies(200, UNNAMED)),
    mapping("nested deeply", "sub, a.a.a", replies(200, nested(400))),
]

WITHOUT_ID_TOKEN: Final = [
    Row("no subject", USERINFO_INVALID, PLAIN, Does(userinfo=without("sub")), "sub or id", idp=OAUTH2),
    Row("subject that is a list", USERINFO_INVALID, PLAIN, Does(userinfo=having(sub=["lin"])), "sub or id", idp=OAUTH2),
    Row("wrapped, null for e-mail", MAPPING_FIELD_MISSING, PLAIN, Does(userinfo=replies(200, DATA)),
        "data.email as null; fields: code, data.id, data.email, data.mobile", "data.email", WRAPPED),
    Row("iss where none can be known", IDP_ANSWER_INVALID, (), Does(comes_back=having(iss=EVIL_ISSUER)), EVIL_ISSUER,
        idp=OAUTH2),
]  # fmt: skip

ROWS: Final = [*TENANTS, *MAPPING, *WITHOUT_ID_TOKEN]

GOOD: Final = [
    Row("OpenID Connect", ("", 303), EXCHANGED, Does()),
    Row("Microsoft, one tenant", ("", 303), EXCHANGED, Does(), idp=ONE_TENANT),
    Row("Microsoft, a domain", ("", 303), EXCHANGED, Does(), idp=DOMAIN),
    Row("Microsoft, common", ("", 303), EXCHANGED, Does(), idp=COMMON),
    Row("Salesforce", ("", 303), EXCHANGED, Does(), idp=SALESFORCE),
    Row("Salesforce, 15 characters", ("", 303), EXCHANGED, Does(), idp=SALESFORCE_15),
    Row("plain OAuth 2.0", ("", 303), (*PLAIN, "token_exchange"), Does(), idp=OAUTH2),
    Row("nested mapping field", ("", 303), EXCHANGED, Does(), mapping_field="custom_attributes.account"),
]


@pytest.fixture(scope="module")
def providers() -> dict[str, Provider]:
    return providers_of([*ROWS, *GOOD])


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_person_who_does_not_belong_is_refused(hostile: House, providers: dict[str, Provider], row: Row) -> None:
    assert_row(hostile, providers[row.id], row)


@pytest.mark.parametrize("row", GOOD, ids=str)
def test_the_same_provider_lets_in_when_it_behaves(hostile: House, providers: dict[str, Provider], row: Row) -> None:
    since = len(hostile.calls)
    assert sign_in(hostile.browser(), providers[row.id]).headers["Location"] == "/softphone"
    assert endpoints(hostile, since) == row.asked


def test_half_a_character_in_names_locks_nobody_out(tmp_path: Path) -> None:
    subject = spelt("sub", '"lin-\\ud83d"')
    named = Does(claims=subject, userinfo=lambda good: subject(good | {"name": "Lin \ud83d"}))
    (provider,) = providers_of([Row("half a character", ("", 303), (), named)]).values()
    house = beside(tmp_path, [provider])
    browser = house.browser()
    assert sign_in(browser, provider).status_code == 303
    assert browser.fetch("/session").json()["display_name"] == "Lin ?"
    assert browser.open("/softphone").status_code == 200
    house.services.database.close()
