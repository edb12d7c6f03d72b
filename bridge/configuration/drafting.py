"""Connections that come from elsewhere than the file of the start: from the console, or from a file of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.configuration import rules
from bridge.configuration.assembling import check_apart, read_connections
from bridge.configuration.doubts import doubts_of_connection
from bridge.configuration.faults import Faults
from bridge.configuration.reading import read_toml
from bridge.configuration.tables import SECRETS
from bridge.configuration.values import KEPT, Surroundings
from bridge.connections.draft import Draft, Fault
from bridge.core.wording import said

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from bridge.configuration.assembling import ReadConnection
    from bridge.core.model import Secret

_GOES_UNSAID: Final = frozenset({("jwt", "next_private_key")})
"""Secrets that a file keeps only by ``{ kept = true }``: to leave one out is how a change of keys is finished."""


def read_connection(
    table: Mapping[str, Any],
    *,
    public_url: str,
    kept: Mapping[str, Secret] | None = None,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Draft:
    """Read one connection and say everything that is wrong with it; raises nothing.

    Args:
        table: keys as in ``[[connections]]``, with the tables ``idp``, ``fuyun``, ``jwt`` and ``aiccs`` inside; values
            are text, true or false, whole numbers and lists. A key left out is at its default.
        public_url: of the bridge; the default redirect URL is made from it.
        kept: secrets that are stored already, by dotted key ``idp.client_secret``; used where `table` leaves that
            secret out, empty, or says ``{"kept": True}``.
        environ: for secrets of the form ``{"env": "NAME"}``.
        folder: for secrets of the form ``{"file": "path"}``; None refuses that form, since whoever enters connections
            may not read this machine's files.
    """
    faults = Faults("")
    filled = _with_kept(dict(table), kept or {})
    read = read_connections([filled], Surroundings(environ or {}, folder, keeps=True), faults)
    return _drafts(read, public_url, faults)[0]


def read_connections_file(
    path: Path,
    environ: Mapping[str, str],
    *,
    public_url: str,
    kept_of: Callable[[str], Mapping[str, Secret]],
) -> list[Draft]:
    """Read a TOML file of ``[[connections]]`` alone.

    A stored secret stays where the file leaves it out or empty, but a next private key only where the file says
    ``{ kept = true }``: it is optional, and silence means that there is none any more.

    Args:
        path: of the file; secret files are looked for beside it.
        environ: for secrets of the form ``{ env = "NAME" }``.
        public_url: of the bridge.
        kept_of: gives the stored secrets of the connection of that name, none where there is no such connection.

    Raises:
        SettingsError: the file cannot be read, is no TOML, or holds something besides connections.
    """
    faults = Faults(str(path))
    document = read_toml(path, faults)
    strangers = [name for name in document if name != "connections"]
    for name in strangers:
        faults.add(name, said("does not belong here: this file holds [[connections]] only"))
    tables = document.get("connections", [])
    if isinstance(tables, list):
        tables = [_with_kept(table, _kept_for(table, kept_of), _GOES_UNSAID) for table in tables]
    read = read_connections(tables, Surroundings(environ, path.absolute().parent, keeps=True), faults)
    check_apart(read, faults)
    drafts = _drafts(read, public_url, faults)
    if strangers or "connections" in faults.found:
        faults.raise_if_any()
    return drafts


def _kept_for(table: object, kept_of: Callable[[str], Mapping[str, Secret]]) -> Mapping[str, Secret]:
    name = table.get("name") if isinstance(table, dict) else None
    return kept_of(name) if isinstance(name, str) else {}


def _with_kept(table: Any, kept: Mapping[str, Secret], go_unsaid: Collection[tuple[str, str]] = ()) -> Any:
    """Put kept secrets where `table` says nothing of them; an optional table that is left out stays out.

    Args:
        go_unsaid: table and key of secrets that stay only where `table` says so.
    """
    if not isinstance(table, dict):
        return table
    filled = dict(table)
    for place, name in SECRETS:
        secret = kept.get(f"{place}.{name}")
        inner = filled.get(place, {} if _is_read(place, table) else None)
        unsaid = () if (place, name) in go_unsaid else ("",)
        if secret and isinstance(inner, dict) and inner.get(name, "") in (*unsaid, KEPT):
            filled[place] = {**inner, name: secret}
    return filled


def _is_read(place: str, table: Mapping[str, Any]) -> bool:
    """Say whether a table is read where it is left out: in mode jwt that means that there is no provider."""
    return place == "fuyun" or (place == "idp" and table.get("mode") != "jwt")


def _drafts(read: Sequence[ReadConnection], public_url: str, faults: Faults) -> list[Draft]:
    for one in read:
        rules.check_connection(one, public_url, faults)
    return [_draft(one, public_url, faults) for one in read]


def _draft(read: ReadConnection, public_url: str, faults: Faults) -> Draft:
    found = tuple(Fault(key, message) for key, message in faults.inside(read.place))
    if found:
        return Draft(None, found, place=read.place)
    connection = read.connection(public_url)
    return Draft(connection, (), tuple(doubts_of_connection(connection)), read.place)
