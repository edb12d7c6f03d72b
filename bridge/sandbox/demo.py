"""A whole bridge configuration, as TOML, that points at the sandbox."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from bridge.sandbox.acs3 import ACCESS_KEYS
from bridge.sandbox.idp_microsoft import CONTOSO_TENANT
from bridge.sandbox.idp_salesforce import ACME_ORGANIZATION
from bridge.sandbox.keys import new_rsa, private_pem, public_pem
from bridge.sandbox.platforms import DEMO_CONNECTION, DEMO_TITLE, Platform
from bridge.sandbox.registrations import COMPANIES, INSTANCE_ID, fuyun_callback, is_loopback, workbench_callback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.sandbox.acs3 import AccessKey
    from bridge.sandbox.registrations import Company, FuyunApplication

_SCRIPTS: Final = ("react.js", "react-dom.js", "antd.js", "hotline-client-ui/index.js")
_STYLES: Final = ("antd.css", "hotline-client-ui/index.css")


class Registrar(Protocol):
    """The part of the world that takes registrations."""

    def register(self, connection: str, redirect_uri: str) -> None:
        """Register a redirect URI."""

    def use_jwt(self, connection: str, issuer: str, public_key: str) -> None:
        """Put a Fuyun application into JWT mode."""


def demo_config(
    sandbox_url: str,
    public_url: str,
    data_dir: str,
    *,
    connections: tuple[str, ...] = tuple(COMPANIES),
    jwt: tuple[str, ...] = (),
    frontend: tuple[str, ...] = (),
    newcomers: tuple[str, ...] = (),
    world: Registrar | None = None,
    console: bool = False,
) -> str:
    """Return the TOML text of a bridge whose customers and contact center are the sandbox at `sandbox_url`.

    Args:
        connections: which of contoso, acme, globex, initech.
        jwt: those of them that run in mode jwt; their keys are written to `data_dir`, and `world` learns the public
            halves (it must be given then).
        frontend: those of them that run in mode frontend, with both redirect URLs of Fuyun's own.
        console: whether Lin of Contoso administers everything, and what is entered there may be at this machine.
        newcomers: those of them that make agents for people who sign in for the first time.
        world: registers the redirect URIs; not needed where `public_url` is on loopback.
    """
    head = [_head(public_url, data_dir), _hotline_sdk(sandbox_url)]
    if console:
        head.append(_console())
    for name in connections:
        if world is not None:
            world.register(name, f"{public_url}/callback/{name}")
        company = COMPANIES[name]
        if name in frontend:
            head.append(_frontend(company, sandbox_url))
            continue
        signing = _jwt(name, public_url, data_dir, world) if name in jwt else ""
        head.append(_connection(company, sandbox_url, signing))
        if name in newcomers:
            head.append(_provisioning(name))
    return "\n".join(head)


def demo_platform(sandbox_url: str, public_url: str, data_dir: str) -> tuple[str, Platform]:
    """Return what to add to the TOML text for the sandbox's CRM, and its platform, whose API key is yet to be made.

    Its people come by hand-offs alone: the connection has no identity provider. Its private key is written to
    `data_dir`, and Fuyun learns the public one where `create_sandbox` is given the platform.
    """
    signing, public_key = _new_signing(DEMO_CONNECTION, public_url, data_dir)
    platform = Platform(public_url, DEMO_CONNECTION, "", public_url, public_key)
    application = platform.application()
    outer = {
        "name": DEMO_CONNECTION,
        "title": DEMO_TITLE,
        "mode": "jwt",
        "instance_id": INSTANCE_ID,
        "enabled": True,
    }
    fuyun = _table("[connections.fuyun]", _fuyun(application, sandbox_url))
    aiccs = _aiccs(platform.access_key(), sandbox_url)
    return "\n".join(["", _table("[[connections]]", outer), fuyun, aiccs, signing]), platform


def _table(header: str, values: Mapping[str, object]) -> str:
    # JSON's texts, numbers, booleans and lists of them are TOML's.
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join([*([header] if header else []), *lines, ""])


def _head(public_url: str, data_dir: str) -> str:
    folder = Path(data_dir).resolve()
    top = _table("", {"public_url": public_url, "secret_keys": [secrets.token_urlsafe(48)]})
    parts = [top, _table("[store]", {"database": f"sqlite:///{folder.as_posix()}/bridge.db", "sessions": "database"})]
    address = urlsplit(public_url)
    if is_loopback(public_url) and address.port:
        parts.insert(1, _table("[server]", {"bind": f"127.0.0.1:{address.port}"}))
    return "\n".join(parts)


def _console() -> str:
    egress = _table("[egress]", {"allow_private": True})
    rule = {"connection": "contoso", "claim": "email", "values": ["lin@contoso.example"], "role": "operator"}
    return f"{egress}\n{_table('[[admin.allow]]', rule)}"


def written_down(company: Company, sandbox_url: str) -> str:
    """Return what somebody would enter for a company by hand, as it would stand in a file."""
    return _connection(company, sandbox_url, "")


def _hotline_sdk(sandbox_url: str) -> str:
    values = {
        "version": "1.0.5",
        "scripts": [f"{sandbox_url}/sdk/{name}" for name in _SCRIPTS],
        "styles": [f"{sandbox_url}/sdk/{name}" for name in _STYLES],
        "csp_hosts": [sandbox_url],
    }
    return _table("[hotline_sdk]", values)


def _connection(company: Company, sandbox_url: str, signing: str) -> str:
    outer = _outer(company, "jwt" if signing else "oauth")
    idp = {**_provider(company, sandbox_url), "client_secret": company.client.client_secret}
    fuyun = _table("[connections.fuyun]", _fuyun(company.fuyun, sandbox_url))
    tables = _table("[[connections]]", outer), _table("[connections.idp]", idp), fuyun
    return "\n".join([*tables, _aiccs(ACCESS_KEYS[company.name], sandbox_url), *([signing] if signing else [])])


def _fuyun(application: FuyunApplication, sandbox_url: str) -> dict[str, object]:
    return {
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "scope": application.scope,
        "token_exchange_url": f"{sandbox_url}/oauth/token_exchange",
    }


def _frontend(company: Company, sandbox_url: str) -> str:
    # Neither secret is the bridge's to know here: the portal has the provider's, and Fuyun's is not asked for.
    fuyun = {
        "frontend_redirect_url": fuyun_callback(sandbox_url, company.name),
        "workbench_redirect_url": workbench_callback(sandbox_url, company.name),
    }
    outer, idp = _table("[[connections]]", _outer(company, "frontend")), _provider(company, sandbox_url)
    return "\n".join([outer, _table("[connections.idp]", idp), _table("[connections.fuyun]", fuyun)])


def _outer(company: Company, mode: str) -> dict[str, object]:
    return {
        "name": company.name,
        "title": company.title,
        "mode": mode,
        "mapping_field": company.mapping_field,
        "domains": [company.domain],
        "instance_id": company.instance_id,
        "enabled": True,
    }


def _provider(company: Company, sandbox_url: str) -> dict[str, object]:
    return {
        "kind": company.kind,
        **_address(company.kind, sandbox_url),
        "client_id": company.client.client_id,
        "scope": company.scope,
    }


def _aiccs(key: AccessKey, sandbox_url: str) -> str:
    address = urlsplit(sandbox_url)
    values = {
        "access_key_id": key.access_key_id,
        "access_key_secret": key.access_key_secret,
        "endpoint": address.netloc,
        "protocol": address.scheme,
    }
    return _table("[connections.aiccs]", values)


def _provisioning(name: str) -> str:
    # Only the provider of globex tells of groups.
    rule = "groups = phone-sales -> Sales" if name == "globex" else "given_name = Nora -> Sales"
    values = {"create_agents": True, "skill_groups": ["客服热线"], "rules": [rule]}
    return _table("[connections.provisioning]", values)


def _address(kind: str, sandbox_url: str) -> dict[str, str]:
    """Return the keys by which each kind is found."""
    addresses = {
        "microsoft": {"tenant": CONTOSO_TENANT, "issuer": f"{sandbox_url}/entra/{{tenantid}}/v2.0"},
        "salesforce": {"host": f"{sandbox_url}/salesforce", "organization_id": ACME_ORGANIZATION},
        "oidc": {"issuer": f"{sandbox_url}/oidc"},
        "oauth2": {
            "authorization_endpoint": f"{sandbox_url}/oauth2/authorize",
            "token_endpoint": f"{sandbox_url}/oauth2/token",
            "userinfo_endpoint": f"{sandbox_url}/oauth2/userinfo",
            "subject_field": "data.id",
        },
    }
    return addresses[kind]


def _jwt(name: str, public_url: str, data_dir: str, world: Registrar | None) -> str:
    if world is None:
        raise ValueError("jwt needs the world that shall know the public key")
    signing, public_key = _new_signing(name, public_url, data_dir)
    world.use_jwt(name, public_url, public_key)
    return signing


def _new_signing(name: str, public_url: str, data_dir: str) -> tuple[str, str]:
    """Write a fresh private key, and return the table that names it, and the public key as PEM."""
    key = new_rsa()
    path = Path(data_dir).resolve() / f"{name}.pem"
    path.touch(mode=0o600)
    path.write_text(private_pem(key), encoding="utf-8")
    table = (
        f'[connections.jwt]\nissuer = "{public_url}"\nprivate_key = {{ file = "{path.as_posix()}" }}\n'
        'lifetime = "120s"\n'
    )
    return table, public_pem(key.public_key())
