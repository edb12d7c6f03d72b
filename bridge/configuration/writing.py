"""From a connection back to the tables that one would have written for it, and to a TOML file of them."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import tomli_w

from bridge.configuration.tables import (
    SECRETS,
    AiccsTable,
    ConnectionTable,
    FuyunTable,
    IdpTable,
    JwtTable,
    ProvisioningTable,
)
from bridge.configuration.values import KEPT, duration_text
from bridge.connections import presets
from bridge.core.model import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.configuration.values import Part
    from bridge.core.model import Connection, IdentityProvider, Mode

_COMPLETED: Final = ("discovery_url", "issuer", "scope")
_DURATIONS: Final = {"lifetime"}
_HEAD: Final = """\
# Connections of hotline-bridge. `hotline-bridge connections apply FILE` takes this file.
# A secret that says { kept = true } stays as the bridge keeps it; to change one, write "text", { env = "NAME" }
# or { file = "path" } in its place.

"""


def secrets_of(connection: Connection) -> dict[str, Secret]:
    """Return the secrets that `connection` has, by dotted key such as ``idp.client_secret``."""
    found = {f"{place}.{name}": getattr(getattr(connection, place), name, None) for place, name in SECRETS}
    return {key: secret for key, secret in found.items() if secret}


def connection_table(connection: Connection, public_url: str) -> dict[str, Any]:
    """Return `connection` as nested tables: no defaults, nothing that its preset knows, secrets as ``{"kept": True}``.

    With the secrets of `secrets_of` kept, `read_connection` makes an equal connection of it.

    Args:
        connection: whole, as reading completed it.
        public_url: of the bridge; the redirect URL made from it is left out.
    """
    fuyun, name = connection.fuyun, connection.name
    if fuyun.redirect_url == f"{public_url}/callback/{name}":
        fuyun = replace(fuyun, redirect_url="")
    own = replace(connection, title="") if connection.title == name else connection
    tables = {
        "idp": _written(IdpTable, _without_presets(connection.idp, connection.mode)),
        "fuyun": _written(FuyunTable, fuyun),
        "jwt": _written(JwtTable, connection.jwt),
        "aiccs": _written(AiccsTable, connection.aiccs),
        "provisioning": _written(ProvisioningTable, connection.provisioning),
    }
    return {**_written(ConnectionTable, own), **{place: table for place, table in tables.items() if table}}


def connection_toml(tables: Sequence[dict[str, Any]]) -> str:
    """Return a file of ``[[connections]]`` with `tables`, which are those of `connection_table`."""
    # TOML writers give every table lines of its own; a mark that nobody can guess keeps a secret's place in its line.
    mark = secrets.token_hex()
    marked = [_marked(table, mark) for table in tables]
    return _HEAD + tomli_w.dumps({"connections": marked}).replace(f'"{mark}"', "{ kept = true }")


def _marked(table: dict[str, Any], mark: str) -> dict[str, Any]:
    return {
        key: mark if value == KEPT else _marked(value, mark) if isinstance(value, dict) else value
        for key, value in table.items()
    }


def _without_presets(idp: IdentityProvider, mode: Mode) -> IdentityProvider:
    """Empty what the preset fills in again with the same."""
    whole = presets.complete(idp, mode)
    for name in _COMPLETED:
        emptied: dict[str, Any] = {name: ""}
        shorter = replace(idp, **emptied)
        if presets.complete(shorter, mode) == whole:
            idp = shorter
    return idp


def _written(model: type[Part], noun: object) -> dict[str, Any]:
    if noun is None:
        return {}
    default = model()
    table: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        value, extra = getattr(noun, name), field.json_schema_extra
        if value != getattr(default, name) or (isinstance(extra, dict) and extra["required"]):
            table[name] = _plain(name, value)
    return table


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, Secret):
        return dict(KEPT)
    if isinstance(value, tuple):
        return list(value)
    return duration_text(value) if name in _DURATIONS else value
