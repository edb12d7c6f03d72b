"""The settings: what a good file becomes, and every fault of a bad one, at once and without its secrets."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bridge.configuration import values
from bridge.core.model import NO_SECRET, AiccsAccess, Secret
from bridge.sandbox.keys import new_rsa, private_pem
from bridge.settings import SettingsError, load, templates_folder
from tests.rooms.configurations import GONE, MICROSOFT, OAUTH2, SALESFORCE, SECRET, TENANT, changed, toml, written

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.settings import Fault, Settings

IDP, FUYUN, JWT = "connections.0.idp", "connections.0.fuyun", "connections.0.jwt"
ENTRA = "https://login.microsoftonline.com"
SIGNING_KEY = private_pem(new_rsa())
AICCS = {"access_key_id": "id", "access_key_secret": SECRET}
SIGNING = {"issuer": "https://crm.example.com", "private_key": SIGNING_KEY}


def settings_of(folder: Path, changes: dict[str, Any], environ: dict[str, str] | None = None) -> Settings:
    return load(written(folder, changes), environ or {})


def faults_of(folder: Path, changes: dict[str, Any], environ: dict[str, str] | None = None) -> list[Fault]:
    with pytest.raises(SettingsError) as refusal:
        load(written(folder, changes), environ or {})
    return refusal.value.faults


def der_files(folder: Path) -> tuple[str, str]:
    """Write two private keys as binary files; returns their names."""
    for name in ("a.der", "b.der"):
        content = new_rsa().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        (folder / name).write_bytes(content)
    return "a.der", "b.der"


class TestAGoodFile:
    def test_has_the_documented_defaults(self, tmp_path: Path) -> None:
        settings = settings_of(tmp_path, {})
        assert (settings.server.bind, settings.server.host, settings.server.port) == (
            "127.0.0.1:8000",
            "127.0.0.1",
            8000,
        )
        assert (settings.server.workers, settings.server.threads, settings.server.trusted_proxies) == (1, 32, ())
        assert (settings.store.database, settings.store.sessions) == ("sqlite:///var/bridge.db", "database")
        assert (settings.session.lifetime, settings.session.idle) == (43200, 7200)
        assert settings.session.admin == 28800
        assert (settings.journal.retention, settings.journal.per_connection) == (400 * 86400, 100_000)
        assert (settings.limits.api_key, settings.limits.api_failures) == ("6000/minute", "30/minute")
        assert settings.session.ac_token_cookie.http_only
        assert settings.session.ac_token_cookie.domain == ""
        assert (settings.egress.connect_timeout, settings.egress.read_timeout) == (3.0, 10.0)
        assert (settings.egress.ca_bundle, settings.egress.allow_private) == ("", False)
        assert settings.log.level == "info"
        assert settings.doubts == ()

    def test_completes_the_connection(self, tmp_path: Path) -> None:
        (connection,) = settings_of(tmp_path, {}).connections
        assert (connection.name, connection.title, connection.mode) == ("contoso", "contoso", "oauth")
        assert (connection.mapping_field, connection.enabled, connection.jwt) == ("email", True, None)
        assert connection.idp.discovery_url == "https://idp.contoso.example/.well-known/openid-configuration"
        assert connection.idp.scope == "openid profile email offline_access"
        assert connection.fuyun.redirect_url == "https://phone.example.com/callback/contoso"
        assert connection.fuyun.token_exchange_url == "https://signin.rhinokeen.com/oauth/token_exchange"

    def test_lists_the_sdk_of_the_version(self, tmp_path: Path) -> None:
        sdk = settings_of(tmp_path, {"hotline_sdk.version": "1.0.4"}).hotline_sdk
        assert [url.rsplit("/", 1)[-1] for url in sdk.scripts] == [
            "react.production.min.js",
            "react-dom.production.min.js",
            "antd.min.js",
            "index.js",
        ]
        assert sdk.scripts[-1].endswith("/hotline-client-sdk/1.0.4/hotline-client-ui/index.js")
        assert sdk.styles[-1].endswith("/hotline-client-sdk/1.0.4/hotline-client-ui/index.css")
        assert all(url.startswith("https://") for url in sdk.scripts + sdk.styles)

    def test_takes_its_own_sdk_instead(self, tmp_path: Path) -> None:
        sdk = settings_of(
            tmp_path, {"hotline_sdk": {"scripts": ["http://localhost:5100/sdk.js"], "styles": ["/a.css"]}}
        )
        assert sdk.hotline_sdk.scripts == ("http://localhost:5100/sdk.js",)
        assert sdk.hotline_sdk.styles == ("/a.css",)

    def test_keeps_what_the_console_and_the_openapi_need(self, tmp_path: Path) -> None:
        settings = settings_of(
            tmp_path,
            {
                "admin": {"allow": [{"connection": "contoso", "claim": "email", "values": ["it@contoso.example"]}]},
                "connections.0.aiccs": {"access_key_id": "id", "access_key_secret": SECRET},
            },
        )
        (rule,), (connection,) = settings.admin.allow, settings.connections
        assert (rule.values, rule.role, rule.administered) == (("it@contoso.example",), "connection", ("contoso",))
        assert connection.aiccs == AiccsAccess(Secret("id"), Secret(SECRET), "aiccs.aliyuncs.com", "https")

    def test_says_what_an_administrator_administers(self, tmp_path: Path) -> None:
        rule = {"connection": "contoso", "claim": "email", "values": ["it@contoso.example"]}
        rules = [{**rule, "connections": ["contoso", "CONTOSO"]}, {**rule, "role": "operator"}]
        first, second = settings_of(tmp_path, {"admin": {"allow": rules}}).admin.allow
        assert (first.administered, second.role) == (("contoso", "CONTOSO"), "operator")

    def test_keeps_the_journal_for_years_where_that_is_asked(self, tmp_path: Path) -> None:
        assert settings_of(tmp_path, {"journal.retention": "3650d"}).journal.retention == 3650 * 86400

    def test_takes_dates_with_and_without_quotes(self, tmp_path: Path) -> None:
        path = written(tmp_path, {f"{IDP}.client_secret_expires": "2027-01-31"})
        path.write_text(path.read_text("utf-8").replace('"2027-01-31"', "2027-01-31"), "utf-8")
        assert load(path, {}).connections[0].idp.client_secret_expires == "2027-01-31"
        (connection,) = settings_of(tmp_path, {f"{FUYUN}.client_secret_expires": "2027-01-31"}).connections
        assert connection.fuyun.client_secret_expires == "2027-01-31"

    def test_writes_hosts_in_lower_case(self, tmp_path: Path) -> None:
        (connection,) = settings_of(tmp_path, {"connections.0.hosts": ["Phone.Contoso.Example"]}).connections
        assert connection.hosts == ("phone.contoso.example",)

    def test_carries_the_keys_of_mode_jwt(self, tmp_path: Path) -> None:
        (connection,) = settings_of(tmp_path, {"connections.0.mode": "jwt", JWT: SIGNING}).connections
        assert connection.jwt is not None
        assert (connection.jwt.issuer, connection.jwt.lifetime) == ("https://crm.example.com", 120)
        assert connection.jwt.private_key.reveal() == SIGNING_KEY

    def test_needs_neither_secret_nor_exchange_in_mode_frontend(self, tmp_path: Path) -> None:
        fuyun = {"frontend_redirect_url": "https://signin.rhinokeen.com/callback"}
        changes = {"connections.0.mode": "frontend", FUYUN: fuyun, f"{IDP}.client_secret": GONE}
        (connection,) = settings_of(tmp_path, changes).connections
        assert connection.fuyun.client_secret == connection.idp.client_secret == NO_SECRET

    def test_writes_domains_and_tenants_in_lower_case(self, tmp_path: Path) -> None:
        idp = {**MICROSOFT, "tenant": TENANT.upper(), "allowed_tenants": [TENANT.upper()]}
        (connection,) = settings_of(tmp_path, {IDP: idp, "connections.0.domains": ["Contoso.Example"]}).connections
        assert connection.domains == ("contoso.example",)
        assert (connection.idp.tenant, connection.idp.allowed_tenants) == (TENANT, (TENANT,))

    def test_may_let_oauth2_run_in_mode_jwt(self, tmp_path: Path) -> None:
        changes = {IDP: OAUTH2, "connections.0.mode": "jwt", JWT: SIGNING}
        assert settings_of(tmp_path, changes).connections[0].idp.discovery_url == ""

    def test_admits_plain_http_on_loopback_in_every_address(self, tmp_path: Path) -> None:
        idp = {**OAUTH2, **{name: f"http://127.8.8.8:5100/{name}" for name in OAUTH2 if name.endswith("endpoint")}}
        fuyun = {"token_exchange_url": "http://[::1]:5100/x", "client_id": "app", "client_secret": SECRET}
        settings = settings_of(tmp_path, {"public_url": "http://localhost:5000", IDP: idp, FUYUN: fuyun})
        assert settings.connections[0].fuyun.token_exchange_url == "http://[::1]:5100/x"

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("https://phone.example.com/", "https://phone.example.com"),
            ("https://Phone.Example.com:443", "https://phone.example.com"),
            ("https://phone.example.com:8443", "https://phone.example.com:8443"),
            ("http://127.0.0.1:5000/", "http://127.0.0.1:5000"),
            ("http://[::1]:5000", "http://[::1]:5000"),
            ("http://localhost:80", "http://localhost"),
        ],
    )
    def test_writes_public_url_as_browsers_write_origins(self, tmp_path: Path, given: str, kept: str) -> None:
        assert settings_of(tmp_path, {"public_url": given}).public_url == kept

    @pytest.mark.parametrize(
        ("given", "seconds"), [("12h", 43200), ("90m", 5400), ("30s", 30), (45, 45), ("2d", 172800)]
    )
    def test_reads_durations(self, tmp_path: Path, given: object, seconds: int) -> None:
        assert settings_of(tmp_path, {"session.idle": given, "session.lifetime": "7d"}).session.idle == seconds

    def test_may_be_nearly_empty(self, tmp_path: Path) -> None:
        settings = settings_of(tmp_path, {"connections": GONE})
        assert settings.connections == ()
        told = "none is enabled in this file: people come in through connections of the console only"
        assert settings.doubts == (("connections", told),)

    def test_writes_networks_whole(self, tmp_path: Path) -> None:
        server = settings_of(tmp_path, {"server.trusted_proxies": ["10.1.2.3/8", "::1"]}).server
        assert server.trusted_proxies == ("10.0.0.0/8", "::1/128")


class TestPostgresql:
    def test_is_refused_without_its_driver(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(values, "find_spec", lambda _name: None)
        (fault,) = faults_of(tmp_path, {"store.database": f"postgresql+psycopg://bridge:{SECRET}@db/bridge"})
        assert fault.key == "store.database"
        assert "pip install 'hotline-bridge[postgresql]'" in fault.message
        assert SECRET not in str(fault)


class TestSecrets:
    def test_come_from_the_environment(self, tmp_path: Path) -> None:
        changes = {f"{IDP}.client_secret": {"env": "CONTOSO"}}
        (connection,) = settings_of(tmp_path, changes, {"CONTOSO": "from-outside"}).connections
        assert connection.idp.client_secret.reveal() == "from-outside"

    @pytest.mark.parametrize("content", ["inside", "inside\n", "inside\r\n"])
    def test_come_from_a_file_beside_the_configuration_without_its_last_newline(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
    ) -> None:
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets/contoso").write_bytes(content.encode())
        monkeypatch.chdir("/")
        (connection,) = settings_of(tmp_path, {f"{IDP}.client_secret": {"file": "secrets/contoso"}}).connections
        assert connection.idp.client_secret.reveal() == "inside"

    def test_may_be_the_whole_database_address(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(values, "find_spec", lambda _name: "psycopg is installed")
        url = "postgresql+psycopg://bridge:pw@db/bridge"
        settings = settings_of(tmp_path, {"store.database": {"env": "DATABASE"}}, {"DATABASE": url})
        assert settings.store.database == url
        assert url not in repr(settings)

    def test_are_not_shown_by_the_settings(self, tmp_path: Path) -> None:
        settings = settings_of(
            tmp_path, {JWT: SIGNING, "connections.0.aiccs": {"access_key_id": SECRET, "access_key_secret": SECRET}}
        )
        assert SECRET not in repr(settings)

    def test_are_not_shown_by_faults(self, tmp_path: Path) -> None:
        changes = {
            "secret_keys": [SECRET[:20]],
            f"{IDP}.client_secret": [SECRET],
            f"{FUYUN}.client_secret": {"text": SECRET},
            f"{FUYUN}.scope": {"secret": SECRET},
            "store.database": f"mysql://user:{SECRET}@db",
            "egress.ca_bundle": {"env": "CA"},
        }
        faults = faults_of(tmp_path, changes, {"CA": SECRET})
        assert len(faults) == len(changes)
        assert SECRET[:20] not in "".join(map(str, faults))


BAD = [
    # the top of the file
    ({"public_url": GONE}, "public_url", "is required"),
    ({"public_url": ""}, "public_url", "must not be empty"),
    ({"public_url": 5}, "public_url", "must be text"),
    ({"public_url": "phone.example.com"}, "public_url", "must begin with https://"),
    ({"public_url": "https:phone.example.com"}, "public_url", "must begin with https://"),
    ({"public_url": "http://phone.example.com"}, "public_url", "plain http is for loopback hosts only"),
    ({"public_url": "http://localhost.example.com"}, "public_url", "plain http is for loopback hosts only"),
    ({"public_url": "http://127.0.0.1@phone.example.com"}, "public_url", "no user name"),
    ({"public_url": "https://phone.example.com/bridge"}, "public_url", "no path"),
    ({"public_url": "https://phone.example.com?a=b"}, "public_url", "no query"),
    ({"public_url": "https://phone.example.com#a"}, "public_url", "no fragment"),
    ({"public_url": "https://phone.example.com:99999"}, "public_url", "is no URL"),
    ({"public_url": "https://phone.example.com\\@evil.example"}, "public_url", "without spaces or backslashes"),
    ({"public_url": "https://电话.example.com"}, "public_url", "in ASCII"),
    ({"public_url": "https://:8443"}, "public_url", "names no host"),
    ({"secret_keys": GONE}, "secret_keys", "is required"),
    ({"secret_keys": []}, "secret_keys", "must not be empty"),
    ({"secret_keys": "x" * 40}, "secret_keys", "must be a list"),
    ({"secret_keys": ["x" * 31]}, "secret_keys[0]", "at least 32 characters"),
    ({"secret_keys": ["x" * 32, {"env": "SECOND"}]}, "secret_keys[1]", "variable SECOND is not set"),
    ({"secret_keys": [{"file": "nowhere"}]}, "secret_keys[0]", "nowhere cannot be read: No such file"),
    ({"secret_keys": [{"file": "a\0b"}]}, "secret_keys[0]", "cannot be read: no usable path"),
    ({"secret_keys": [{"env": "A", "file": "b"}]}, "secret_keys[0]", '{ env = "NAME" }'),
    ({"publik_url": "x"}, "publik_url", "did you mean public_url?"),
    ({"sesion": {}}, "sesion", "did you mean session?"),
    ({"nonsense": 1}, "nonsense", "is no key that the bridge knows"),
    # tables of the bridge
    ({"server": 5}, "server", "must be a table: [server]"),
    ({"server.bind": "8000"}, "server.bind", "host:port"),
    ({"server.bind": "127.0.0.1:0"}, "server.bind", "port from 1 to 65535"),
    ({"server.bind": "::1:8000"}, "server.bind", "host:port"),
    ({"server.ops_bind": "host:port"}, "server.ops_bind", "port from 1"),
    ({"server.workers": 0}, "server.workers", "greater than or equal to 1"),
    ({"server.workers": "2"}, "server.workers", "must be a whole number"),
    ({"server.workers": True}, "server.workers", "must be a whole number"),
    ({"server.public_url": "https://a.example"}, "server.public_url", "belongs at the top of the file"),
    ({"server.trusted_proxies": ["10.0.0.0/99"]}, "server.trusted_proxies[0]", "must be an address or a network"),
    ({"server.trusted_proxies": "10.0.0.0/8"}, "server.trusted_proxies", "must be a list"),
    ({"log.level": "loud"}, "log.level", "must be 'debug', 'info', 'warning' or 'error'"),
    ({"store.database": "mysql://db"}, "store.database", "sqlite:/// or postgresql+psycopg://"),
    ({"store.database": "postgresql://db/a"}, "store.database", "sqlite:/// or postgresql+psycopg://"),
    ({"store.sessions": "memory"}, "store.sessions", 'must be "database"'),
    ({"session.idel": "2h"}, "session.idel", "did you mean idle?"),
    ({"session.idle": "2 hours"}, "session.idle", "must be a duration"),
    ({"session.idle": 1.5}, "session.idle", "must be a duration"),
    ({"session.idle": True}, "session.idle", "must be a duration"),
    ({"session.lifetime": 0}, "session.lifetime", "at least one second"),
    ({"session.lifetime": "999999999d"}, "session.lifetime", "at most 366 days"),
    ({"session.http_only": False}, "session.http_only", "belongs in [session.ac_token_cookie]"),
    ({"session.ac_token_cookie": 1}, "session.ac_token_cookie", "must be a table"),
    ({"session.ac_token_cookie.http_only": "yes"}, "session.ac_token_cookie.http_only", "must be true or false"),
    ({"session.ac_token_cookie.domain": "a b"}, "session.ac_token_cookie.domain", "must be a domain"),
    ({"session.ac_token_cookie.domain": ".other.example"}, "session.ac_token_cookie.domain", "phone.example.com"),
    ({"egress.allow_private": 1}, "egress.allow_private", "must be true or false"),
    ({"egress.read_timeout": "soon"}, "egress.read_timeout", "must be a duration"),
    ({"hotline_sdk.version": "latest"}, "hotline_sdk.version", "must be three numbers"),
    ({"hotline_sdk.scripts": ["//g.alicdn.com/a.js"]}, "hotline_sdk.scripts[0]", "must begin with https://"),
    ({"hotline_sdk.styles": ["http://g.alicdn.com/a.css"]}, "hotline_sdk.styles[0]", "loopback hosts only"),
    ({"hotline_sdk.csp_hosts": ["a.example; script-src *"]}, "hotline_sdk.csp_hosts[0]", "must be one host"),
    ({"hotline_sdk.ws_host": "a b"}, "hotline_sdk.ws_host", "must be one host"),
    (
        {"admin.allow": [{"connection": "contoso", "claim": "a", "values": ["b"], "role": "king"}]},
        "admin.allow[0].role",
        "must be 'connection' or 'operator'",
    ),
    ({"journal.retention": "3651d"}, "journal.retention", "at most 3650 days"),
    ({"journal.per_connection": 0}, "journal.per_connection", "greater than or equal to 1"),
    ({"session.admin": "367d"}, "session.admin", "at most 366 days"),
    ({"admin.allow": [{"connection": "contoso", "values": ["b"]}]}, "admin.allow[0].claim", "is required"),
    (
        {"admin.allow": [{"connection": "contoso", "claim": "a", "values": []}]},
        "admin.allow[0].values",
        "must not be empty",
    ),
    # a connection
    ({"connections": {"name": "a"}}, "connections", "[[connections]]"),
    ({"connections.1": 5}, "connections", "[[connections]]"),
    ({"connections.0.name": GONE}, "connections[0].name", "is required"),
    ({"connections.0.name": "contoso-de"}, "connections[0].name", "1 to 10 ASCII letters or digits"),
    ({"connections.0.name": "contosocontoso"}, "connections.contosocontoso.name", "1 to 10 ASCII letters or digits"),
    ({"connections.0.name": "müller"}, "connections[0].name", "1 to 10 ASCII letters or digits"),
    ({"connections.0.name": "contoso\n"}, "connections[0].name", "1 to 10 ASCII letters or digits"),
    ({"connections.0.mode": "saml"}, "connections.contoso.mode", "must be 'oauth', 'jwt' or 'frontend'"),
    ({"connections.0.mapping_field": ""}, "connections.contoso.mapping_field", "field of UserInfo"),
    ({"connections.0.mapping_field": "a..b"}, "connections.contoso.mapping_field", "dotted path"),
    ({"connections.0.domains": ["@contoso.example"]}, "connections.contoso.domains[0]", "must be an e-mail domain"),
    ({"connections.0.domains": ["contoso"]}, "connections.contoso.domains[0]", "must be an e-mail domain"),
    ({"connections.0.hosts": ["https://a.example"]}, "connections.contoso.hosts[0]", "must be a host name alone"),
    ({"connections.0.hosts": ["a.example:443"]}, "connections.contoso.hosts[0]", "must be a host name alone"),
    ({"connections.0.hosts": ["a.example", "b.example/"]}, "connections.contoso.hosts[1]", "must be a host name alone"),
    ({"connections.0.hosts": ["Phone.Example.com"]}, "connections.contoso.hosts[0]", "is the host of public_url"),
    ({"connections.0.instance_id": "ccc xp"}, "connections.contoso.instance_id", "no spaces"),
    ({"connections.0.enabled": "no"}, "connections.contoso.enabled", "must be true or false"),
    ({"connections.0.client_id": "x"}, "connections.contoso.client_id", "belongs in [connections.idp]"),
    ({"connections.0.idpp": {}}, "connections.contoso.idpp", "did you mean idp?"),
    ({"connections.0.mode": "jwt"}, "connections.contoso.jwt", "is required in mode jwt"),
    (
        {"connections.0.mode": "frontend"},
        "connections.contoso.fuyun.frontend_redirect_url",
        "required in mode frontend",
    ),
    # its identity provider
    ({IDP: 5}, "connections.contoso.idp", "must be a table"),
    ({f"{IDP}.kind": "saml"}, "connections.contoso.idp.kind", "'salesforce', 'oidc', 'oauth2' or 'none'"),
    ({f"{IDP}.client_id": GONE}, "connections.contoso.idp.client_id", "is required"),
    (
        {f"{IDP}.client_secret": {"kept": True}},
        "connections.contoso.idp.client_secret",
        "in this file write the secret",
    ),
    ({f"{IDP}.client_secret": {"kept": False}}, "connections.contoso.idp.client_secret", '{ env = "NAME" }'),
    ({f"{IDP}.client_secret_expires": "2027-02-30"}, "connections.contoso.idp.client_secret_expires", "must be a date"),
    ({f"{IDP}.client_secret_expires": "20270130"}, "connections.contoso.idp.client_secret_expires", "must be a date"),
    ({f"{FUYUN}.client_secret_expires": 2027}, "connections.contoso.fuyun.client_secret_expires", "must be text"),
    ({JWT: {**SIGNING, "private_key_expires": "soon"}}, "connections.contoso.jwt.private_key_expires", "2027-01-31"),
    ({f"{IDP}.issuer": GONE}, "connections.contoso.idp.issuer", "is required with kind oidc"),
    ({f"{IDP}.issuer": "http://idp.example"}, "connections.contoso.idp.issuer", "loopback hosts only"),
    ({f"{IDP}.issuer": "https://idp.example?a=b"}, "connections.contoso.idp.issuer", "no query"),
    ({f"{IDP}.issuer": ENTRA + "/{tenantid}/v2.0"}, "connections.contoso.idp.issuer", "with kind microsoft only"),
    ({f"{IDP}.tenant": TENANT}, "connections.contoso.idp.tenant", "belongs to kind microsoft"),
    ({f"{IDP}.subject_field": "id"}, "connections.contoso.idp.subject_field", "belongs to kind oauth2"),
    ({f"{IDP}.jwks_uri": "ftp://idp.example"}, "connections.contoso.idp.jwks_uri", "must begin with https://"),
    ({f"{IDP}.discovery_url": "http://idp.example"}, "connections.contoso.idp.discovery_url", "loopback hosts only"),
    ({f"{IDP}.end_session_endpoint": "javascript:0"}, "connections.contoso.idp.end_session_endpoint", "https://"),
    ({f"{IDP}.response_mode": "fragment"}, "connections.contoso.idp.response_mode", "form_post"),
    (
        {f"{IDP}.token_endpoint_auth_method": "none"},
        "connections.contoso.idp.token_endpoint_auth_method",
        "client_secret_basic",
    ),
    (
        {f"{IDP}.token_endpoint_auth_method": "client_secret_post", f"{IDP}.client_secret": GONE},
        "connections.contoso.idp.client_secret",
        "is required with client_secret_post",
    ),
    (
        {"public_url": "http://localhost:5000", f"{IDP}.response_mode": "form_post"},
        "connections.contoso.idp.response_mode",
        "needs an https public_url",
    ),
    ({IDP: {**MICROSOFT, "tenant": ""}}, "connections.contoso.idp.tenant", "is required with kind microsoft"),
    ({IDP: {**MICROSOFT, "tenant": "not a tenant"}}, "connections.contoso.idp.tenant", "GUID"),
    ({IDP: {**MICROSOFT, "tenant": "common"}}, "connections.contoso.idp.allowed_tenants", "nOAuth"),
    ({IDP: {**MICROSOFT, "tenant": "Organizations"}}, "connections.contoso.idp.allowed_tenants", "nOAuth"),
    ({IDP: {**MICROSOFT, "tenant": "consumers"}}, "connections.contoso.idp.allowed_tenants", "nOAuth"),
    ({IDP: {**MICROSOFT, "allowed_tenants": ["a.example"]}}, "connections.contoso.idp.allowed_tenants[0]", "GUID"),
    ({IDP: {**MICROSOFT, "cloud": "germany"}}, "connections.contoso.idp.cloud", "'global', 'us' or 'china'"),
    (
        {IDP: {**OAUTH2, "kind": "microsoft", "tenant": "a.example", "jwks_uri": "https://idp.example/keys"}},
        "connections.contoso.idp.tenant",
        "must be the tenant's GUID where every endpoint is given",
    ),
    ({IDP: {**SALESFORCE, "host": GONE}}, "connections.contoso.idp.host", "is required with kind salesforce"),
    ({IDP: {**SALESFORCE, "host": "http://acme.example"}}, "connections.contoso.idp.host", "loopback hosts only"),
    ({IDP: {**SALESFORCE, "organization_id": "00D"}}, "connections.contoso.idp.organization_id", "15 or 18"),
    (
        {IDP: {**OAUTH2, "userinfo_endpoint": ""}},
        "connections.contoso.idp.userinfo_endpoint",
        "is required with kind oauth2",
    ),
    # its Fuyun application and its keys
    ({FUYUN: GONE}, "connections.contoso.fuyun.client_id", "is required in mode oauth"),
    ({f"{FUYUN}.client_secret": GONE}, "connections.contoso.fuyun.client_secret", "is required in mode oauth"),
    ({f"{FUYUN}.token_exchange_url": "http://a.example"}, "connections.contoso.fuyun.token_exchange_url", "loopback"),
    ({"connections.0.mode": "jwt", JWT: {"issuer": "a"}}, "connections.contoso.jwt.private_key", "is required"),
    ({JWT: {**SIGNING, "issuer": "a b"}}, "connections.contoso.jwt.issuer", "no spaces"),
    ({JWT: {**SIGNING, "private_key": "this is no key"}}, "connections.contoso.jwt.private_key", "no private key"),
    ({"egress.ca_bundle": "/nonexistent.pem"}, "egress.ca_bundle", "is no readable file of certificates"),
    ({"egress.ca_bundle": __file__}, "egress.ca_bundle", "is no readable file of certificates"),
    ({"connections.0.aiccs": {"access_key_id": "a"}}, "connections.contoso.aiccs.access_key_secret", "is required"),
    (
        {"connections.0.aiccs": {**AICCS, "protocol": "http"}},
        "connections.contoso.aiccs.protocol",
        "loopback hosts only",
    ),
    ({"connections.0.aiccs": {**AICCS, "endpoint": "a.example/x"}}, "connections.contoso.aiccs.endpoint", "no path"),
]


def without_the_gone(changes: dict[str, Any]) -> dict[str, Any]:
    """Leave out GONE members of tables that are given whole."""
    return {
        path: {name: inner for name, inner in value.items() if inner is not GONE} if isinstance(value, dict) else value
        for path, value in changes.items()
    }


@pytest.mark.parametrize(("changes", "key", "part"), BAD, ids=[f"{row[1]}: {row[2]}" for row in BAD])
def test_a_bad_key_is_named_with_what_to_do(tmp_path: Path, changes: dict[str, Any], key: str, part: str) -> None:
    faults = faults_of(tmp_path, without_the_gone(changes))
    assert [fault.message for fault in faults if fault.key == key and part in fault.message], faults
    assert all(fault.file == str(tmp_path / "bridge.toml") for fault in faults)


class TestAllFaultsAtOnce:
    def test_are_told_across_tables_and_connections(self, tmp_path: Path) -> None:
        changes = {
            "public_url": "http://phone.example.com",
            "server.workers": "many",
            "session.idel": "2h",
            "connections.0.enabled": "no",
            "connections.0.mode": "jwt",
            f"{IDP}.client_secret": {"env": "MISSING"},
            "connections.1": {"name": "acme", "idp": {**MICROSOFT, "tenant": "common"}, "fuyun": {}},
        }
        assert [fault.key for fault in faults_of(tmp_path, changes)] == [
            "public_url",
            "server.workers",
            "session.idel",
            "connections.contoso.enabled",
            "connections.contoso.idp.client_secret",
            "connections.contoso.jwt",
            "connections.acme.idp.allowed_tenants",
            "connections.acme.fuyun.client_id",
            "connections.acme.fuyun.client_secret",
        ]

    def test_are_told_for_two_connections_of_one_name(self, tmp_path: Path) -> None:
        second = changed({})["connections"][0] | {"name": "CONTOSO"}
        (fault,) = faults_of(tmp_path, {"connections.1": second})
        assert (fault.key, "is taken already by connections[0]" in fault.message) == ("connections[1].name", True)

    def test_are_told_for_two_connections_with_one_host(self, tmp_path: Path) -> None:
        second = changed({})["connections"][0] | {"name": "acme", "hosts": ["a.example", "B.example"]}
        (fault,) = faults_of(tmp_path, {"connections.0.hosts": ["b.example"], "connections.1": second})
        assert (fault.key, fault.message) == ("connections.acme.hosts[1]", "is taken already by connections.contoso")

    def test_do_not_hide_a_rule_behind_a_wrong_type_in_the_same_table(self, tmp_path: Path) -> None:
        idp = {**MICROSOFT, "tenant": "common", "scope": 5, "client_id": GONE}
        keys = {fault.key for fault in faults_of(tmp_path, without_the_gone({IDP: idp}))}
        assert keys == {f"connections.contoso.idp.{name}" for name in ("scope", "client_id", "allowed_tenants")}

    def test_tell_a_key_once(self, tmp_path: Path) -> None:
        assert [fault.key for fault in faults_of(tmp_path, {f"{IDP}.kind": 5})] == ["connections.contoso.idp.kind"]

    def test_stand_one_to_a_line(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError) as refusal:
            load(written(tmp_path, {"public_url": GONE, "nonsense": 1}), {})
        assert str(refusal.value).splitlines() == [
            f"{tmp_path}/bridge.toml: public_url: is required",
            f"{tmp_path}/bridge.toml: nonsense: is no key that the bridge knows",
        ]


class TestAFileThatCannotBeRead:
    def test_is_told_when_missing(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="cannot be read: No such file or directory"):
            load(tmp_path / "bridge.toml", {})

    def test_names_the_line_of_broken_toml(self, tmp_path: Path) -> None:
        path = tmp_path / "bridge.toml"
        path.write_text('public_url = "https://a.example"\nsecret_keys = [\n', "utf-8")
        with pytest.raises(SettingsError) as refusal:
            load(path, {})
        (fault,) = refusal.value.faults
        assert (fault.key, "is no TOML" in fault.message) == ("end of document", True)
        path.write_text('public_url = "https://a.example"\nsecret_keys := 5\n', "utf-8")
        with pytest.raises(SettingsError, match="line 2: is no TOML"):
            load(path, {})

    def test_must_be_utf8(self, tmp_path: Path) -> None:
        path = tmp_path / "bridge.toml"
        path.write_bytes("public_url = '电话'".encode("gb18030"))
        with pytest.raises(SettingsError, match="is not UTF-8"):
            load(path, {})

    @pytest.mark.parametrize("key", [f"{FUYUN}.client_secret", f"{JWT}.private_key"])
    def test_tells_a_secret_file_that_is_no_text(self, tmp_path: Path, key: str) -> None:
        (tmp_path / "secret").write_bytes("密钥".encode("gb18030"))
        changes = {"connections.0.mode": "jwt", JWT: SIGNING, key: {"file": "secret"}}
        (fault,) = faults_of(tmp_path, changes)
        assert "is not UTF-8 text" in fault.message

    def test_takes_signing_keys_from_files_in_der(self, tmp_path: Path) -> None:
        pair = [base64.b64encode((tmp_path / name).read_bytes()).decode() for name in der_files(tmp_path)]
        keys = {"private_key": {"file": "a.der"}, "next_private_key": {"file": "b.der"}}
        signing = {**SIGNING, **keys, "next_key_from": "2027-01-31T08:00:00Z"}
        (connection,) = settings_of(tmp_path, {"connections.0.mode": "jwt", JWT: signing}).connections
        assert connection.jwt is not None
        assert [connection.jwt.private_key.reveal(), connection.jwt.next_private_key.reveal()] == pair

    @pytest.mark.parametrize("source", [{"env": "EMPTY"}, {"file": "empty"}])
    def test_tells_an_empty_secret(self, tmp_path: Path, source: dict[str, str]) -> None:
        (tmp_path / "empty").write_text("\n", "utf-8")
        (fault,) = faults_of(tmp_path, {f"{FUYUN}.client_secret": source}, {"EMPTY": ""})
        assert fault.message.endswith(f"{next(iter(source.values()))} is empty")


RULE = {"connection": "Contoso", "claim": "email", "values": ["it@contoso.example"]}
TENANTS = {**MICROSOFT, "tenant": "common", "allowed_tenants": [TENANT, TENANT.replace("8", "9")]}
DOUBTFUL = [
    ({"server.bind": "0.0.0.0:8000"}, "server.ops_bind"),
    ({"session.ac_token_cookie.http_only": False}, "session.ac_token_cookie.http_only"),
    ({"session.idle": "13h"}, "session.idle"),
    ({"connections.0.enabled": False}, "connections"),
    ({"connections.0.instance_id": ""}, "connections.contoso.instance_id"),
    ({f"{IDP}.client_secret": ""}, "connections.contoso.idp.client_secret"),
    ({IDP: {**SALESFORCE, "host": "login.salesforce.com"}}, "connections.contoso.idp.organization_id"),
    ({IDP: {**SALESFORCE, "host": "https://test.salesforce.com/"}}, "connections.contoso.idp.organization_id"),
    ({IDP: MICROSOFT, "connections.0.mapping_field": "preferred_username"}, "connections.contoso.mapping_field"),
    ({f"{IDP}.scope": "profile email"}, "connections.contoso.idp.scope"),
    ({f"{IDP}.authorization_endpoint": f"{ENTRA}/common/oauth2/v2.0/authorize"}, "connections.contoso.idp.kind"),
    (
        {IDP: TENANTS, "connections.0.mode": "jwt", JWT: SIGNING, "connections.0.mapping_field": "upn"},
        "connections.contoso.mapping_field",
    ),
    ({IDP: TENANTS}, "connections.contoso.mapping_field"),
    ({"admin.allow": [{**RULE, "connection": "nobody"}]}, "admin.allow[0].connection"),
    ({"admin.allow": [RULE, {**RULE, "connections": ["contoso", "acme"]}]}, "admin.allow[1].connections[1]"),
    ({"admin.allow": [{**RULE, "connections": ["acme"], "role": "operator"}]}, "admin.allow[0].connections"),
]


@pytest.mark.parametrize(("changes", "key"), DOUBTFUL, ids=[row[1] for row in DOUBTFUL])
def test_a_doubtful_key_is_no_fault(tmp_path: Path, changes: dict[str, Any], key: str) -> None:
    assert [doubtful for doubtful, _ in settings_of(tmp_path, changes).doubts] == [key]


def test_the_openapi_is_doubtful_without_an_instance(tmp_path: Path) -> None:
    doubts = settings_of(tmp_path, {"connections.0.instance_id": "", "connections.0.aiccs": AICCS}).doubts
    assert [key for key, _ in doubts] == ["connections.contoso.instance_id", "connections.contoso.aiccs"]


NOT_DOUBTFUL = [
    {"server.bind": "0.0.0.0:8000", "server.ops_bind": "0.0.0.0:9000"},
    {"server.bind": "0.0.0.0:8000", "public_url": "http://localhost:8000"},
    {IDP: SALESFORCE},
    {IDP: {**SALESFORCE, "host": "login.salesforce.com", "organization_id": "00D000000000001"}},
    {IDP: MICROSOFT},
    {IDP: MICROSOFT, "connections.0.mapping_field": "sub"},
    {IDP: MICROSOFT, "connections.0.mapping_field": "oid", "connections.0.mode": "jwt", JWT: SIGNING},
    {IDP: {**MICROSOFT, "tenant": "common", "allowed_tenants": [TENANT]}},
    {IDP: TENANTS, "connections.0.mapping_field": "sub"},
    {IDP: {**SALESFORCE, "tenant": "", "allowed_tenants": [], "subject_field": ""}},
    {"connections.0.aiccs": {**AICCS, "protocol": "http", "endpoint": "localhost:5100"}},
    {"egress.allow_private": True, "admin.allow": [RULE]},
    {"session.ac_token_cookie.domain": ".example.com"},
    {"session.ac_token_cookie.domain": "phone.example.com"},
]


@pytest.mark.parametrize("changes", NOT_DOUBTFUL)
def test_a_usual_choice_raises_no_doubt(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert settings_of(tmp_path, changes).doubts == ()


def test_the_templates_are_found_in_the_checkout() -> None:
    assert templates_folder().is_dir()


def test_the_test_files_own_toml_is_toml() -> None:
    assert toml({"a": [{"b": True}], "c": {"d": "é\n"}}) == '"a" = [{ "b" = true }]\n"c" = { "d" = "é\\n" }\n'
