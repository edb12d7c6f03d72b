"""From a connection back to its tables: what nobody needs to write is left out, and reading gives the same again."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.configuration.tables import _UNSHOWABLE
from bridge.connections.presets import DEFAULT_SCOPES
from bridge.core.model import Secret
from bridge.sandbox.keys import new_rsa, private_pem
from bridge.settings import (
    connection_table,
    connection_toml,
    read_connection,
    read_connections_file,
    secrets_of,
)
from tests.rooms.configurations import GOOD, MICROSOFT, OAUTH2, SALESFORCE, SECRET, TENANT, changed

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.core.model import Connection

PUBLIC_URL = "https://phone.example.com"
TABLE: dict[str, Any] = GOOD["connections"][0]
KEPT = {"kept": True}
SIGNING_KEY, NEXT_KEY = private_pem(new_rsa()), private_pem(new_rsa())
ENTRA = "https://login.microsoftonline.com"
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""RSA keys are checked in each example, on machines that may have other work."""
FRONTEND = "https://signin.rhinokeen.com/callback"


def connection_of(table: dict[str, Any]) -> Connection:
    draft = read_connection(table, public_url=PUBLIC_URL)
    assert draft.connection is not None, draft.faults
    return draft.connection


def maybe(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a table that has some of `members`, none of them twice."""
    return st.fixed_dictionaries({}, optional=members)


ADDRESSES = st.sampled_from(["https://idp.example/a", "http://localhost:5100/b", "https://idp.example/?c=d"])
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SECRETS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
DATES = st.dates().map(lambda day: day.isoformat())
ISSUERS = st.sampled_from(["https://idp.example", "https://idp.example/", "https://idp.example/realm"])
ENTRA_ISSUERS = st.sampled_from([f"{ENTRA}/{{tenantid}}/v2.0", f"{ENTRA}/{TENANT}/v2.0", "https://sts.windows.net/x/"])
OVERRIDES = {
    "client_secret_expires": DATES,
    "scope": st.sampled_from(["", "openid", *filter(None, DEFAULT_SCOPES.values())]),
    "response_mode": st.sampled_from(["", "form_post"]),
    "token_endpoint_auth_method": st.sampled_from(["", "client_secret_basic", "client_secret_post"]),
    "discovery_url": st.sampled_from(["", "https://idp.example/.well-known/openid-configuration"]),
    "userinfo_endpoint": ADDRESSES,
    "jwks_uri": ADDRESSES,
    "end_session_endpoint": ADDRESSES,
    "revocation_endpoint": ADDRESSES,
}
ENDPOINTS = {"authorization_endpoint": ADDRESSES, "token_endpoint": ADDRESSES}
KINDS = st.one_of(
    st.tuples(
        st.just(MICROSOFT), maybe(cloud=st.sampled_from(["global", "us", "china"]), issuer=ENTRA_ISSUERS, **ENDPOINTS)
    ),
    st.tuples(
        st.just({**MICROSOFT, "tenant": "contoso.example", "allowed_tenants": [TENANT]}),
        maybe(issuer=ENTRA_ISSUERS, **ENDPOINTS),
    ),
    st.tuples(st.just({**MICROSOFT, "tenant": "Common", "allowed_tenants": [TENANT.upper()]}), maybe(**ENDPOINTS)),
    st.tuples(
        st.just({**SALESFORCE, "host": "https://acme.my.salesforce.com/"}),
        maybe(organization_id=st.just("00D000000000001"), issuer=ISSUERS, **ENDPOINTS),
    ),
    st.tuples(st.just({**TABLE["idp"], "kind": "oidc"}), maybe(issuer=ISSUERS, **ENDPOINTS)),
    st.tuples(st.just(OAUTH2), maybe(subject_field=st.just("data.id"), issuer=ISSUERS)),
)
PROVIDERS = st.builds(
    lambda kind, others, secret: {**others, **kind[0], **kind[1], "client_secret": secret},
    KINDS,
    maybe(**OVERRIDES),
    SECRETS,
)
APPLICATIONS = st.builds(
    lambda needed, others: {**needed, **others},
    st.fixed_dictionaries({"client_id": SECRETS, "client_secret": SECRETS}),
    maybe(
        scope=st.sampled_from(["user_management,hotline", "hotline"]),
        redirect_url=st.sampled_from(["", f"{PUBLIC_URL}/callback/contoso", "https://other.example/callback"]),
        token_exchange_url=ADDRESSES,
        workbench_redirect_url=ADDRESSES,
        client_secret_expires=DATES,
    ),
)
SIGNINGS = st.builds(
    lambda others, following: {"issuer": "https://crm.example.com", "private_key": SIGNING_KEY, **others, **following},
    maybe(
        private_key_expires=DATES,
        lifetime=st.one_of(st.integers(1, 86400), st.just("2m")),
        exp_in_milliseconds=st.booleans(),
    ),
    st.one_of(st.just({}), st.just({"next_private_key": NEXT_KEY, "next_key_from": "2027-01-31T16:00:00+08:00"})),
)
OPENAPIS = st.builds(
    lambda others: {"access_key_id": "id", "access_key_secret": SECRET, **others},
    maybe(endpoint=st.sampled_from(["aiccs.aliyuncs.com", "localhost:5100"]), protocol=st.just("https")),
)


def _suited(idp: dict[str, Any], mode: dict[str, Any]) -> dict[str, Any]:
    """Leave out what Fuyun's own callback could do nothing about, in mode frontend."""
    if mode.get("mode") != "frontend":
        return idp
    asked = {"scope": "user"} if idp["kind"] == "oauth2" and not idp.get("scope") else {}
    return {name: value for name, value in idp.items() if name != "response_mode"} | asked


TABLES = st.builds(
    lambda own, idp, fuyun, mode, more: {
        **own,
        "name": "contoso",
        "idp": _suited(idp, mode),
        "fuyun": fuyun,
        **mode,
        **more,
    },
    maybe(
        title=st.one_of(WORDS.filter(lambda text: not _UNSHOWABLE.search(text)), st.just("contoso")),
        mapping_field=st.sampled_from(["email", "custom_attributes.agent"]),
        domains=st.lists(st.sampled_from(["Contoso.Example", "b.example"])),
        hosts=st.lists(st.sampled_from(["Phone.Contoso.Example", "localhost"])),
        instance_id=st.just("ccc_xp_1"),
        enabled=st.booleans(),
    ),
    PROVIDERS,
    APPLICATIONS,
    st.one_of(
        st.just({}),
        st.just({"mode": "oauth"}),
        st.builds(lambda jwt: {"mode": "jwt", "jwt": jwt}, SIGNINGS),
        st.builds(
            lambda jwt: {"mode": "jwt", "jwt": jwt, "idp": {"kind": "none"}, "domains": [], "hosts": []}, SIGNINGS
        ),
        st.builds(
            lambda others: {"mode": "frontend", "fuyun": {**others, "frontend_redirect_url": FRONTEND}},
            maybe(scope=st.just(""), token_exchange_url=st.just(""), client_id=SECRETS),
        ),
    ),
    maybe(aiccs=OPENAPIS),
)


@settings(PATIENT, max_examples=40)
@given(TABLES)
def test_reading_what_was_written_gives_the_same_connection(table: dict[str, Any]) -> None:
    connection = connection_of(table)
    tables = connection_table(connection, PUBLIC_URL)
    again = read_connection(tables, public_url=PUBLIC_URL, kept=secrets_of(connection))
    assert (again.faults, again.connection) == ((), connection)
    assert connection_table(connection, PUBLIC_URL) == tables


@settings(PATIENT, max_examples=20)
@given(TABLES)
def test_a_file_of_it_holds_the_same_tables(table: dict[str, Any]) -> None:
    tables = [connection_table(connection_of(table), PUBLIC_URL)]
    assert tomllib.loads(connection_toml(tables)) == {"connections": tables}


def test_what_presets_and_defaults_know_is_left_out() -> None:
    table = {
        **TABLE,
        "title": "contoso",
        "mode": "oauth",
        "enabled": True,
        "idp": {
            **MICROSOFT,
            "issuer": f"{ENTRA}/{TENANT}/v2.0",
            "discovery_url": f"{ENTRA}/{TENANT}/v2.0/.well-known/openid-configuration",
            "scope": DEFAULT_SCOPES["microsoft"],
            "cloud": "global",
        },
        "fuyun": {**TABLE["fuyun"], "redirect_url": f"{PUBLIC_URL}/callback/contoso"},
    }
    assert connection_table(connection_of(table), PUBLIC_URL) == {
        "name": "contoso",
        "instance_id": "ccc_xp_1",
        "domains": ["contoso.example"],
        "idp": {**MICROSOFT, "client_secret": KEPT},
        "fuyun": {"client_id": "app", "client_secret": KEPT},
    }


def test_the_kind_is_written_even_where_it_is_the_default() -> None:
    assert connection_table(connection_of(TABLE), PUBLIC_URL)["idp"]["kind"] == "oidc"


def test_a_table_with_nothing_in_it_is_left_out() -> None:
    fuyun = {"frontend_redirect_url": FRONTEND}
    table = connection_table(connection_of({**TABLE, "mode": "frontend", "fuyun": fuyun}), PUBLIC_URL)
    assert {"jwt", "aiccs"}.isdisjoint(table)


def test_durations_are_written_as_people_write_them() -> None:
    for given_as, written_as in [("600s", "10m"), (90, "90s"), ("24h", "1d"), (7200, "2h")]:
        signing = {"issuer": "a", "private_key": SIGNING_KEY, "lifetime": given_as}
        assert connection_table(connection_of({**TABLE, "jwt": signing}), PUBLIC_URL)["jwt"]["lifetime"] == written_as


def test_no_secret_is_written() -> None:
    aiccs = {"access_key_id": SECRET, "access_key_secret": SECRET}
    signing = {"issuer": "a", "private_key": SIGNING_KEY}
    connection = connection_of({**TABLE, "aiccs": aiccs, "jwt": signing})
    assert set(secrets_of(connection)) == {
        "idp.client_secret",
        "fuyun.client_secret",
        "jwt.private_key",
        "aiccs.access_key_id",
        "aiccs.access_key_secret",
    }
    text = connection_toml([connection_table(connection, PUBLIC_URL)])
    assert SECRET not in text
    assert "PRIVATE KEY" not in text
    assert text.count("= { kept = true }\n") == 5


def test_secrets_that_are_not_there_are_not_named() -> None:
    connection = connection_of(changed({"idp.client_secret": ""}, TABLE))
    assert secrets_of(connection) == {"fuyun.client_secret": Secret(SECRET)}
    assert "client_secret" not in connection_table(connection, PUBLIC_URL)["idp"]


def test_the_file_says_at_its_head_what_kept_means_and_is_read_back(tmp_path: Path) -> None:
    one = connection_of(TABLE)
    two = connection_of({**TABLE, "name": "acme", "title": '"{ kept = true }"'})
    path = tmp_path / "connections.toml"
    path.write_text(connection_toml([connection_table(it, PUBLIC_URL) for it in (one, two)]), "utf-8")
    assert "{ kept = true }" in path.read_text("utf-8").partition("[[connections]]")[0]
    kept = {"contoso": secrets_of(one), "acme": secrets_of(two)}
    drafts = read_connections_file(path, {}, public_url=PUBLIC_URL, kept_of=lambda name: kept[name])
    assert [draft.connection for draft in drafts] == [one, two]


def test_no_connection_is_a_file_too() -> None:
    assert tomllib.loads(connection_toml([])) == {"connections": []}
