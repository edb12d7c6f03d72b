"""The settings of one bridge: frozen, typed, read from one TOML file, its environment and its secret files.

``load`` tells every fault of a file at once. Connections that come from elsewhere, the console or a file of their own,
are read by the same rules: ``read_connection`` and ``read_connections_file``, and written by ``connection_table``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bridge.configuration import doubts, rules
from bridge.configuration.assembling import check_apart, read_connections
from bridge.configuration.drafting import read_connection, read_connections_file
from bridge.configuration.faults import Fault, Faults, SettingsError
from bridge.configuration.reading import read_part, read_toml, sections_of
from bridge.configuration.sections import (
    SECTIONS,
    Admin,
    AdminRule,
    Egress,
    HotlineSdk,
    Journal,
    Limits,
    Log,
    Root,
    Server,
    Session,
    Store,
)
from bridge.configuration.values import Surroundings, seconds
from bridge.configuration.writing import connection_table, connection_toml, secrets_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.core.model import Connection, Secret

__all__ = [
    "EXAMPLES",
    "Admin",
    "AdminRule",
    "Egress",
    "Fault",
    "HotlineSdk",
    "Journal",
    "Limits",
    "Log",
    "Server",
    "Session",
    "Settings",
    "SettingsError",
    "Store",
    "config_folder",
    "connection_table",
    "connection_toml",
    "load",
    "read_connection",
    "read_connections_file",
    "seconds",
    "secrets_of",
    "templates_folder",
]

EXAMPLES: Final = (
    "Containerfile",
    "bridge.example.toml",
    "bridge.service",
    "grafana-dashboard.json",
    "kubernetes.example.yaml",
    "microsoft.example.toml",
    "nginx.example.conf",
    "prometheus.rules.yml",
    "salesforce.example.toml",
)
"""Files of `config_folder` that are for everybody; the build puts these into the wheel by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that an operator can choose; names are those of the file.

    Args:
        connections: completed by the presets of their kinds.
        doubts: key and sentence of what is allowed but seldom meant.
    """

    public_url: str
    secret_keys: tuple[Secret, ...]
    server: Server = field(default_factory=Server)
    log: Log = field(default_factory=Log)
    store: Store = field(default_factory=Store)
    session: Session = field(default_factory=Session)
    egress: Egress = field(default_factory=Egress)
    hotline_sdk: HotlineSdk = field(default_factory=HotlineSdk)
    admin: Admin = field(default_factory=Admin)
    limits: Limits = field(default_factory=Limits)
    journal: Journal = field(default_factory=Journal)
    connections: tuple[Connection, ...] = ()
    doubts: tuple[tuple[str, str], ...] = ()


def load(path: Path | str, environ: Mapping[str, str]) -> Settings:
    """Read the settings from the file at `path`; raises `SettingsError` with everything that is wrong."""
    path = Path(path)
    faults = Faults(str(path))
    top, tables, connections = sections_of(read_toml(path, faults))
    surroundings = Surroundings(environ, path.absolute().parent)
    root = read_part(Root, top, "", surroundings, faults)
    parts: dict[str, Any] = {
        name: read_part(part, tables[name], name, surroundings, faults) for name, part in SECTIONS.items()
    }
    read = read_connections(connections, surroundings, faults)
    check_apart(read, faults)
    rules.check_whole(root, parts["session"], faults)
    for one in read:
        rules.check_connection(one, root.public_url, faults)
    faults.raise_if_any()
    completed = tuple(one.connection(root.public_url) for one in read)
    return Settings(
        public_url=root.public_url,
        secret_keys=root.secret_keys,
        **parts,
        connections=completed,
        doubts=(
            *doubts.doubts_of_server(parts["server"], root.public_url),
            *doubts.doubts_of_session(parts["session"]),
            *doubts.doubts_of_connections(completed),
            *doubts.doubts_of_admin(parts["admin"], completed),
        ),
    )


def templates_folder() -> Path:
    """Return where the pages lie: inside an installed package, beside the package in a checkout."""
    return _beside_or_inside("templates")


def config_folder() -> Path:
    """Return where the example configurations lie, likewise; an operator's own may lie beside them."""
    return _beside_or_inside("config")


def _beside_or_inside(name: str) -> Path:
    package = Path(__file__).parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name
