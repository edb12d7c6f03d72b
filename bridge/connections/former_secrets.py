"""Which client secret was in force before the present one, and is kept until the provider has taken that.

Of each connection at most one row, and none as soon as the secret in force has worked; a row holds numbers of versions,
the secrets stay sealed where they are.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Column, Integer, String, Table, and_, delete, insert, select

from bridge.connections.document import is_same_provider
from bridge.connections.queries import is_present
from bridge.connections.rows import connection_versions
from bridge.db import metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection as Transaction

    from bridge.connections.document import Document

former_secrets: Final = Table(
    "former_secrets",
    metadata,
    Column("key", String(16), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("former", Integer, nullable=False),
)


def kept(transaction: Transaction) -> dict[tuple[str, int], Any]:
    """Return the versions that hold former secrets, by key and number of the version whose own is unproven."""
    table, wanted = connection_versions, former_secrets
    holds = and_(table.c.key == wanted.c.key, table.c.number == wanted.c.former)
    found = select(table, wanted.c.version.label("unproven")).join(wanted, holds)
    return {(row.key, row.unproven): row for row in transaction.execute(found).all()}


def forget(transaction: Transaction, key: str, version: int) -> bool:
    """Keep no former secret beside this version's own; says whether one was kept."""
    table = former_secrets
    own = and_(table.c.key == key, table.c.version == version)
    return bool(transaction.execute(delete(table).where(own)).rowcount)


def follow(transaction: Transaction, key: str, before: Any, version: int) -> None:
    """Keep the former secret, or drop it, as another version comes into force.

    Args:
        before: the row of the connection as it was; None for a new one.
        version: its version from now on.
    """
    in_force = before.active_version if is_present(before) else 0
    if in_force == version:
        return
    former = _former(transaction, before, version) if in_force else 0
    transaction.execute(delete(former_secrets).where(former_secrets.c.key == key))
    if former:
        transaction.execute(insert(former_secrets).values(key=key, version=version, former=former))


def _former(transaction: Transaction, row: Any, version: int) -> int:
    """Return the version whose secret to keep, 0 for none."""
    documents = _documents(transaction, row, version)
    before, after = documents[row.active_version], documents[version]
    mark = _mark(after)
    if not mark or not _mark(before) or not is_same_provider(before, after):
        return 0
    known = transaction.execute(
        select(former_secrets.c.former).where(
            and_(former_secrets.c.key == row.key, former_secrets.c.version == row.active_version)
        )
    ).scalar()
    if mark == _mark(before):
        return known or 0
    if mark in {_mark(document) for number, document in documents.items() if number < row.active_version}:
        # Who goes back to an older secret has given the newer one up.
        return 0
    # A secret that has not worked yet is not worth keeping: that from before it is.
    return known or int(row.active_version)


def _documents(transaction: Transaction, row: Any, version: int) -> dict[int, Document]:
    table = connection_versions
    last = max(row.active_version, version)
    own = and_(table.c.key == row.key, table.c.number.between(row.first_version, last))
    found = transaction.execute(select(table.c.number, table.c.document).where(own)).all()
    return {one.number: json.loads(one.document) for one in found}


def _mark(document: Document) -> str:
    return str((document.get("idp") or {}).get("client_secret", ""))
