"""How connections and their versions lie in the database, and the nouns that come out of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import Boolean, Column, Float, Integer, String, Table, Text, update

from bridge.db import metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection as Transaction

    from bridge.connections.document import Document

Origin = Literal["file", "console"]
State = Literal["draft", "active", "inactive", "removed"]

connections: Final = Table(
    "connections",
    metadata,
    Column("key", String(16), primary_key=True),
    Column("name", String(16), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("first_version", Integer, nullable=False),
    Column("active_version", Integer, nullable=False),
    Column("newest_version", Integer, nullable=False),
    Column("position", Integer, nullable=False),
)
connection_versions: Final = Table(
    "connection_versions",
    metadata,
    Column("key", String(16), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("document", Text, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("public_only", Boolean, nullable=False),
    Column("author", String(320), nullable=False),
    Column("act", String(48), nullable=False),
    Column("made_at", Float, nullable=False),
)
connection_changes: Final = Table(
    "connection_changes", metadata, Column("id", Integer, primary_key=True), Column("revision", Integer, nullable=False)
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One connection as the register lists it.

    Args:
        active_version: what sign-ins use, 0 where nothing was ever activated.
        newest_version: above `active_version` where a draft waits.
        first_version: of this connection; lower numbers belonged to another one of the same name, which was removed.
    """

    name: str
    origin: Origin
    state: State
    active_version: int
    newest_version: int
    first_version: int = 1

    @property
    def is_read_only(self) -> bool:
        """Whether only the configuration file changes it."""
        return self.origin == "file"

    @property
    def has_draft(self) -> bool:
        """Whether a newer version waits to be activated."""
        return self.newest_version != self.active_version


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a connection.

    Args:
        document: nested tables; where a secret belongs stands a mark.
        digest: what a rehearsal proves; equal for versions that sign people in alike.
        public_only: no address of it may lie in a private network.
        act: how it came to be: ``created``, ``saved``, ``rolled_back``, ``vouched`` (saved by an operator), ``applied``
            (at the shell), ``provisioned`` (by the file).
        made_at: epoch seconds.
    """

    name: str
    number: int
    document: Document
    digest: str
    public_only: bool
    author: str
    act: str
    made_at: float


def entry_of(row: Any) -> Entry:
    """Return the entry that a row of `connections` describes."""
    return Entry(row.name, row.origin, row.state, row.active_version, row.newest_version, row.first_version)


def version_of(name: str, row: Any) -> Version:
    """Return the version that a row of `connection_versions` describes."""
    return Version(
        name=name,
        number=row.number,
        document=json.loads(row.document),
        digest=row.digest,
        public_only=row.public_only,
        author=row.author,
        act=row.act,
        made_at=row.made_at,
    )


def tell(transaction: Transaction) -> None:
    """Let every replica notice that something about the connections has changed."""
    transaction.execute(update(connection_changes).values(revision=connection_changes.c.revision + 1))
