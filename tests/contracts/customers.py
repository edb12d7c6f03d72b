"""Connections of invented customers, with secrets that no text may ever show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bridge.core.model import AiccsAccess, Connection, FuyunApp, IdentityProvider, JwtSigning, Secret

PUBLIC_URL = "https://phone.example.com"
SECRETS = {
    "idp.client_secret": "hidden-at-the-provider",
    "fuyun.client_secret": "hidden-at-fuyun",
    "jwt.private_key": "hidden-private-key",
    "aiccs.access_key_id": "hidden-access-key",
    "aiccs.access_key_secret": "hidden-access-secret",
}


def customer(name: str = "contoso", **changes: Any) -> Connection:
    """Return a whole connection with every secret there is; `changes` are of the connection itself."""
    made = Connection(
        name=name,
        title=f"Title of {name}",
        idp=IdentityProvider(
            kind="oidc",
            client_id="bridge",
            client_secret=Secret(SECRETS["idp.client_secret"]),
            issuer="https://idp.example",
            discovery_url="https://idp.example/.well-known/openid-configuration",
            client_secret_expires="2027-01-31",
        ),
        fuyun=FuyunApp("app", Secret(SECRETS["fuyun.client_secret"]), redirect_url=f"{PUBLIC_URL}/callback/{name}"),
        mode="jwt",
        domains=(f"{name.lower()}.example",),
        jwt=JwtSigning(PUBLIC_URL, Secret(SECRETS["jwt.private_key"])),
        aiccs=AiccsAccess(Secret(SECRETS["aiccs.access_key_id"]), Secret(SECRETS["aiccs.access_key_secret"])),
    )
    return replace(made, **changes)


def with_secret(connection: Connection, value: str) -> Connection:
    """Return the connection with another secret at its provider."""
    return replace(connection, idp=replace(connection.idp, client_secret=Secret(value)))
