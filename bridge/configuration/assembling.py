"""From the tables of ``[[connections]]`` to the nouns that the other rooms know."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bridge.configuration.reading import read_part
from bridge.configuration.tables import (
    SUBTABLES,
    AiccsTable,
    ConnectionTable,
    FuyunTable,
    IdpTable,
    JwtTable,
    ProvisioningTable,
)
from bridge.connections import presets
from bridge.core.model import AiccsAccess, Connection, FuyunApp, IdentityProvider, JwtSigning, Provisioning
from bridge.core.wording import said

if TYPE_CHECKING:
    from bridge.configuration.faults import Faults
    from bridge.configuration.values import Surroundings


@dataclass(frozen=True, slots=True)
class ReadConnection:
    """One connection as its tables were read, faults left out; `place` is how its keys are named in faults."""

    place: str
    table: ConnectionTable
    idp: IdpTable
    fuyun: FuyunTable
    jwt: JwtTable | None
    aiccs: AiccsTable | None
    provisioning: ProvisioningTable | None

    def provider(self) -> IdentityProvider:
        """The identity provider as it was written, not yet completed."""
        return IdentityProvider(**dict(self.idp))

    def connection(self, public_url: str) -> Connection:
        """The whole connection, completed by its preset."""
        table = self.table
        fuyun = FuyunApp(**dict(self.fuyun))
        return Connection(
            **{**dict(table), "title": table.title or table.name},
            idp=presets.complete(self.provider(), table.mode),
            fuyun=replace(fuyun, redirect_url=fuyun.redirect_url or f"{public_url}/callback/{table.name}"),
            jwt=JwtSigning(**dict(self.jwt)) if self.jwt else None,
            aiccs=AiccsAccess(**dict(self.aiccs)) if self.aiccs else None,
            provisioning=Provisioning(**dict(self.provisioning)) if self.provisioning else None,
        )


def read_connections(tables: object, surroundings: Surroundings, faults: Faults) -> list[ReadConnection]:
    """Read every connection, each by itself, and see that no two have one name."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        faults.add("connections", said("must be an array of tables: [[connections]]"))
        return []
    places = _places(tables)
    return [_read(table, place, surroundings, faults) for table, place in zip(tables, places, strict=True)]


def _places(tables: list[dict[str, Any]]) -> list[str]:
    """Name connections by their names where these are good and unique, else by their position."""
    names = [table.get("name") for table in tables]
    times = Counter(name.casefold() for name in names if isinstance(name, str))
    return [
        f"connections.{name}"
        if isinstance(name, str) and name.isascii() and name.isalnum() and times[name.casefold()] == 1
        else f"connections[{at}]"
        for at, name in enumerate(names)
    ]


def _read(table: dict[str, Any], place: str, surroundings: Surroundings, faults: Faults) -> ReadConnection:
    own = {name: value for name, value in table.items() if name not in SUBTABLES}

    def optional(model: type[Any], name: str) -> Any:
        return read_part(model, table[name], f"{place}.{name}", surroundings, faults) if name in table else None

    return ReadConnection(
        place=place,
        table=read_part(ConnectionTable, own, place, surroundings, faults),
        idp=read_part(IdpTable, _provider_table(table), f"{place}.idp", surroundings, faults),
        fuyun=read_part(FuyunTable, table.get("fuyun", {}), f"{place}.fuyun", surroundings, faults),
        jwt=optional(JwtTable, "jwt"),
        aiccs=optional(AiccsTable, "aiccs"),
        provisioning=optional(ProvisioningTable, "provisioning"),
    )


def _provider_table(table: dict[str, Any]) -> Any:
    """Return ``[connections.idp]``; in mode jwt a connection without it has no provider."""
    return table.get("idp", {"kind": "none"} if table.get("mode") == "jwt" else {})


def check_apart(read: list[ReadConnection], faults: Faults) -> None:
    """Refuse what no two connections can share: a host, or a name in whatever case, since it stands in addresses."""
    names: dict[str, str] = {}
    hosts: dict[str, str] = {}
    for one in read:
        name = one.table.name.casefold()
        if name and name in names:
            faults.add(
                f"{one.place}.name",
                said("is taken already by %(place)s; upper and lower case do not differ", place=names[name]),
            )
        names.setdefault(name, one.place)
        for at, host in enumerate(one.table.hosts):
            if hosts.setdefault(host, one.place) != one.place:
                faults.add(f"{one.place}.hosts[{at}]", said("is taken already by %(place)s", place=hosts[host]))
