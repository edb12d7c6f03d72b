"""What must hold between keys: rules of one connection, and rules of the whole file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bridge.configuration.addresses import is_loopback
from bridge.configuration.tables import IdpTable, is_guid
from bridge.connections.keys import KeyUnusable, key_id, load_private_key
from bridge.connections.presets import has_every_endpoint
from bridge.core.protocol import FORM_POST, MULTI_TENANT, TENANT_PLACEHOLDER
from bridge.core.wording import said

if TYPE_CHECKING:
    from bridge.configuration.assembling import ReadConnection
    from bridge.configuration.faults import Faults
    from bridge.configuration.sections import Root, Session
    from bridge.core.model import Secret

_NEEDED: Final = {"microsoft": ("tenant",), "salesforce": ("host",), "oidc": ("issuer",), "oauth2": (), "none": ()}
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")
_BELONGS: Final = {
    "tenant": "microsoft",
    "cloud": "microsoft",
    "allowed_tenants": "microsoft",
    "host": "salesforce",
    "organization_id": "salesforce",
    "subject_field": "oauth2",
}


def check_whole(root: Root, session: Session, faults: Faults) -> None:
    """Check what joins tables: the cookie's domain with the host."""
    host = urlsplit(root.public_url).hostname or ""
    domain = session.ac_token_cookie.domain.removeprefix(".")
    if host and domain and host != domain and not host.endswith(f".{domain}"):
        faults.add("session.ac_token_cookie.domain", f"must be the host of public_url, {host}, or a domain above it")


def check_connection(read: ReadConnection, public_url: str, faults: Faults) -> None:
    """Check what one connection's mode and kind ask for."""
    _check_kind(read, faults)
    _check_tenants(read, faults)
    _check_client(read.idp, f"{read.place}.idp", public_url, faults)
    _check_mode(read, faults)
    _check_signing(read, faults)
    _check_without_provider(read, faults)
    _check_hosts(read, public_url, faults)
    _check_aiccs(read, faults)
    _check_provisioning(read, faults)


def _check_kind(read: ReadConnection, faults: Faults) -> None:
    place, idp = f"{read.place}.idp", read.idp
    if faults.has(f"{place}.kind"):
        return
    for name in (*_NEEDED[idp.kind], *_needed_endpoints(read)):
        if not getattr(idp, name):
            faults.add(f"{place}.{name}", said("is required with kind %(kind)s", kind=idp.kind))
    for name, kind in _BELONGS.items():
        # A form leaves its empty fields in: what says nothing belongs anywhere.
        if idp.kind != kind and name in idp.model_fields_set and getattr(idp, name):
            faults.add(
                f"{place}.{name}", said("belongs to kind %(kind)s, not to kind %(given)s", kind=kind, given=idp.kind)
            )
    if idp.kind != "microsoft" and TENANT_PLACEHOLDER in idp.issuer:
        faults.add(f"{place}.issuer", said("may hold {tenantid} with kind microsoft only"))


def _needed_endpoints(read: ReadConnection) -> tuple[str, ...]:
    if read.idp.kind != "oauth2":
        return ()
    return _ENDPOINTS[:1] if read.table.mode == "frontend" else _ENDPOINTS


def _check_tenants(read: ReadConnection, faults: Faults) -> None:
    place, idp = f"{read.place}.idp", read.idp
    if idp.kind != "microsoft" or idp.allowed_tenants or faults.has(f"{place}.allowed_tenants"):
        return
    if idp.tenant in MULTI_TENANT:
        faults.add(
            f"{place}.allowed_tenants",
            said(
                'is required with tenant "%(tenant)s": otherwise any tenant in the world can give a person any e-mail '
                'address and sign in as your agent ("nOAuth")',
                tenant=idp.tenant,
            ),
        )
    elif (
        idp.tenant
        and not is_guid(idp.tenant)
        and not idp.discovery_url
        and has_every_endpoint(read.provider(), read.table.mode)
    ):
        faults.add(
            f"{place}.tenant",
            said("must be the tenant's GUID where every endpoint is given: a domain's GUID is learnt from discovery"),
        )


def _check_client(idp: IdpTable, place: str, public_url: str, faults: Faults) -> None:
    if idp.kind != "none" and not idp.client_id and not faults.has(f"{place}.client_id"):
        is_there = "client_id" in idp.model_fields_set
        faults.add(f"{place}.client_id", said("must not be empty") if is_there else said("is required"))
    if idp.response_mode == FORM_POST and public_url.startswith("http://"):
        faults.add(
            f"{place}.response_mode",
            said("form_post needs an https public_url: its cookie is SameSite=None, so Secure"),
        )
    if idp.token_endpoint_auth_method and not idp.client_secret:
        faults.add(f"{place}.client_secret", said("is required with %(what)s", what=idp.token_endpoint_auth_method))


def _check_mode(read: ReadConnection, faults: Faults) -> None:
    place, mode, fuyun = read.place, read.table.mode, read.fuyun
    if faults.has(f"{place}.mode"):
        return
    if mode == "frontend":
        needed: dict[str, object] = {"frontend_redirect_url": fuyun.frontend_redirect_url}
        _check_frontend_request(read.idp, f"{place}.idp", faults)
    else:
        needed = {
            "client_id": fuyun.client_id,
            "client_secret": fuyun.client_secret,
            "scope": fuyun.scope,
            "token_exchange_url": fuyun.token_exchange_url,
        }
    for name, value in needed.items():
        if not value:
            faults.add(f"{place}.fuyun.{name}", said("is required in mode %(mode)s", mode=mode))
    if mode == "jwt" and read.jwt is None:
        faults.add(f"{place}.jwt", said("the table [connections.jwt] is required in mode jwt"))


def _check_frontend_request(idp: IdpTable, place: str, faults: Faults) -> None:
    """Check what Fuyun's own callback can do nothing about: it sees only the answer, and in its address."""
    if idp.kind == "oauth2" and not idp.scope and not faults.has(f"{place}.scope"):
        faults.add(
            f"{place}.scope",
            said("is required in mode frontend: kind oauth2 has no usual one, and many providers refuse to do without"),
        )
    if idp.response_mode == FORM_POST:
        faults.add(
            f"{place}.response_mode",
            said("form_post is not for mode frontend: Fuyun's callback reads the answer from its address"),
        )


def _check_signing(read: ReadConnection, faults: Faults) -> None:
    place, signing = f"{read.place}.jwt", read.jwt
    if signing is None:
        return
    key, next_key = (
        _check_private_key(getattr(signing, name), f"{place}.{name}", faults)
        for name in ("private_key", "next_private_key")
    )
    if key and key == next_key:
        faults.add(f"{place}.next_private_key", said("is the present key; make another one with `keys new`"))
    if signing.next_private_key and not signing.next_key_from and not faults.has(f"{place}.next_key_from"):
        faults.add(f"{place}.next_key_from", said("is required with next_private_key: when does it take over"))
    if signing.next_key_from and not signing.next_private_key and not faults.has(f"{place}.next_private_key"):
        faults.add(f"{place}.next_private_key", said("is required with next_key_from"))


def _check_private_key(private_key: Secret, place: str, faults: Faults) -> str:
    """Return what names a key in whatever form it was written; empty where there is none that can be used."""
    if not private_key:
        return ""
    try:
        return key_id(load_private_key(private_key.reveal()))
    except KeyUnusable as fault:
        faults.add(place, fault.sentence)
        return ""


def _check_without_provider(read: ReadConnection, faults: Faults) -> None:
    if read.idp.kind != "none" or faults.has(f"{read.place}.idp.kind"):
        return
    if read.table.mode != "jwt":
        faults.add(
            f"{read.place}.idp.kind",
            said("none is for mode jwt only: in mode %(mode)s people sign in at a provider", mode=read.table.mode),
        )
    for name in ("domains", "hosts"):
        if getattr(read.table, name):
            faults.add(f"{read.place}.{name}", said("leads people to a sign-in, and kind none has none"))
    for name in IdpTable.model_fields:
        # What belongs to one kind only is told by that.
        if name in read.idp.model_fields_set - {"kind", *_BELONGS} and getattr(read.idp, name):
            faults.add(f"{read.place}.idp.{name}", said("belongs to a provider, and kind none has none"))


def _check_hosts(read: ReadConnection, public_url: str, faults: Faults) -> None:
    own = urlsplit(public_url).hostname
    for at, host in enumerate(read.table.hosts):
        if host == own:
            faults.add(f"{read.place}.hosts[{at}]", said("is the host of public_url, which all connections share"))


def _check_aiccs(read: ReadConnection, faults: Faults) -> None:
    aiccs = read.aiccs
    if aiccs is None or aiccs.protocol == "https":
        return
    host = urlsplit(f"//{aiccs.endpoint}").hostname or ""
    if not is_loopback(host):
        faults.add(
            f"{read.place}.aiccs.protocol", said("http is for loopback hosts only, and %(host)s is none", host=host)
        )


def _check_provisioning(read: ReadConnection, faults: Faults) -> None:
    wanted = read.provisioning
    if wanted is None or not wanted.create_agents:
        return
    if read.aiccs is None or not read.table.instance_id:
        faults.add(
            f"{read.place}.provisioning.create_agents",
            said("needs [connections.aiccs] and instance_id: that is how agents are made"),
        )
    if read.table.mode == "frontend" or read.idp.kind == "none":
        faults.add(
            f"{read.place}.provisioning.create_agents",
            said("needs a sign-in that comes by the bridge: not mode frontend, not kind none"),
        )
