"""What is asked of the connections' tables, and how their rows change: each function one statement or two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, delete, insert, select, update

from bridge.connections.domains import connection_domains
from bridge.connections.rows import State, connection_versions, connections, tell
from bridge.core.errors import ConnectionUnknown, showable
from bridge.core.keeping_errors import ConnectionChanged, ConnectionReadOnly

if TYPE_CHECKING:
    from sqlalchemy import Connection as Transaction

    from bridge.core.model import Connection

_BEHIND_THE_FILE: Final = 100_000


def find(transaction: Transaction, name: str) -> Any:
    """Return the row of a connection, also of a removed one; None where there is none."""
    if not name.isprintable():
        return None
    return transaction.execute(select(connections).where(connections.c.key == name.lower())).first()


def is_present(row: Any) -> bool:
    """Say whether a row is that of a connection that was not removed."""
    return row is not None and row.state != "removed"


def forget_domains(transaction: Transaction, key: str) -> None:
    """Forget what a connection owned: whoever takes its name next must prove it anew."""
    transaction.execute(delete(connection_domains).where(connection_domains.c.key == key))


def present(transaction: Transaction, name: str) -> Any:
    """Return the row of a connection; raises ConnectionUnknown."""
    row = find(transaction, name)
    if not is_present(row):
        raise ConnectionUnknown(received=showable(name))
    return row


def version_row(transaction: Transaction, row: Any, number: int) -> Any:
    """Return the row of one version; raises ConnectionUnknown, also for one of a removed connection of this name."""
    table, found = connection_versions, None
    if row.first_version <= number <= row.newest_version:
        wanted = and_(table.c.key == row.key, table.c.number == number)
        found = transaction.execute(select(table).where(wanted)).first()
    if found is None:
        raise ConnectionUnknown(
            "The connection has no such version.", expected="one of its versions", received=f"version {number}"
        )
    return found


def newest_row(transaction: Transaction, key: str) -> Any:
    """Return the newest version that ever had this name; None without any."""
    table = connection_versions
    found = select(table).where(table.c.key == key).order_by(table.c.number.desc()).limit(1)
    return transaction.execute(found).first()


def check_writable(row: Any, based_on: int) -> None:
    """Refuse what the file decides, and whoever has not seen the newest version."""
    if not is_present(row):
        return
    if row.origin == "file":
        raise ConnectionReadOnly(received=row.name)
    if row.newest_version != based_on:
        raise ConnectionChanged(expected=f"version {row.newest_version}", received=f"a change of version {based_on}")


def change_state(transaction: Transaction, row: Any, state: State, **more: int) -> None:
    """Change the state, unless somebody else did meanwhile; raises ConnectionReadOnly, ConnectionChanged."""
    if row.origin == "file":
        raise ConnectionReadOnly(received=row.name)
    table = connections
    as_read = and_(
        table.c.key == row.key,
        table.c.origin == row.origin,
        table.c.state == row.state,
        table.c.newest_version == row.newest_version,
    )
    if not transaction.execute(update(table).where(as_read).values(state=state, **more)).rowcount:
        # Two who decide at the same moment: the second has not seen what the first one did.
        raise ConnectionChanged(expected=f"{row.name} as it was a moment ago", received="a newer state")
    tell(transaction)


def place(transaction: Transaction, connection: Connection, number: int) -> None:
    """Make the entry of a new connection, or of one that takes a removed one's name."""
    values = {
        "name": connection.name,
        "origin": "console",
        "state": "draft",
        "first_version": number,
        "active_version": 0,
        "newest_version": number,
        "position": _BEHIND_THE_FILE,
    }
    key = connection.name.lower()
    forget_domains(transaction, key)
    if not set_row(transaction, key, **values):
        transaction.execute(insert(connections).values(key=key, **values))


def set_row(transaction: Transaction, key: str, **values: Any) -> bool:
    """Change the row of a connection; says whether there was one."""
    return bool(transaction.execute(update(connections).where(connections.c.key == key).values(**values)).rowcount)
