"""The register: every connection with all its versions, secrets sealed; what sign-ins use is read from here.

Each change is a new version with its author; none is ever altered. A counter tells other replicas that something
changed, so that they read anew within seconds.
"""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import structlog
from sqlalchemy import and_, insert, select
from sqlalchemy.exc import IntegrityError

from bridge.connections import document as documents
from bridge.connections import former_secrets
from bridge.connections.domains import connection_domains, domains_in
from bridge.connections.queries import (
    change_state,
    check_writable,
    find,
    forget_domains,
    is_present,
    newest_row,
    place,
    present,
    set_row,
    version_row,
)
from bridge.connections.rows import (
    Entry,
    State,
    Version,
    connection_changes,
    connection_versions,
    connections,
    entry_of,
    tell,
    version_of,
)
from bridge.connections.secrets import KeyRing, SealBroken
from bridge.core.errors import ConnectionUnknown
from bridge.core.keeping_errors import ConnectionChanged
from bridge.core.model import Connection, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection as Transaction

    from bridge.connections.document import Change, Document
    from bridge.db import Database

FILE_AUTHOR: Final = "configuration file"
PURPOSE: Final = "connection secrets"
_REVISION: Final = select(connection_changes.c.revision)
_CURRENT: Final = and_(
    connection_versions.c.key == connections.c.key, connection_versions.c.number == connections.c.active_version
)


class ConnectionRegister:
    """Keeps connections and their history.

    Args:
        public_url: fills in callbacks that nobody wrote down.
        now: epoch seconds.
    """

    def __init__(self, database: Database, key_ring: KeyRing, public_url: str, now: Callable[[], float]) -> None:
        self._database = database
        self._key_ring = key_ring
        self._public_url = public_url
        self._now = now
        self._log = structlog.stdlib.get_logger("bridge")

    # What there is ---------------------------------------------------------------------------------------------------

    def revision(self) -> int:
        """Return a number that grows with every change; raises StoreUnavailable."""
        with self._database.transaction() as transaction:
            return int(transaction.execute(_REVISION).scalar() or 0)

    def entries(self) -> list[Entry]:
        """Return all connections, the file's first and in its order, but none that was removed."""
        present = select(connections).where(connections.c.state != "removed")
        with self._database.transaction() as transaction:
            rows = transaction.execute(present.order_by(connections.c.position, connections.c.key)).all()
        return [entry_of(row) for row in rows]

    def entry(self, name: str) -> Entry:
        """Return one connection's entry; raises ConnectionUnknown."""
        with self._database.transaction() as transaction:
            return entry_of(present(transaction, name))

    def history(self, name: str) -> list[Version]:
        """Return every version, newest first; raises ConnectionUnknown."""
        table = connection_versions
        with self._database.transaction() as transaction:
            row = present(transaction, name)
            own = and_(table.c.key == row.key, table.c.number >= row.first_version)
            found = select(table).where(own).order_by(table.c.number.desc())
            return [version_of(row.name, one) for one in transaction.execute(found).all()]

    def version(self, name: str, number: int) -> Version:
        """Return one version; raises ConnectionUnknown where there is none."""
        with self._database.transaction() as transaction:
            row = present(transaction, name)
            return version_of(row.name, version_row(transaction, row, number))

    def connection(self, name: str, number: int) -> Connection:
        """Return one version as a connection that can sign people in, whatever its state.

        Raises:
            ConnectionUnknown: there is no such version, or its secrets cannot be opened.
        """
        with self._database.transaction() as transaction:
            row = present(transaction, name)
            return self._open(row, version_row(transaction, row, number))

    def live(self) -> list[Connection]:
        """Return the connections that sign-ins use, and those that are switched off, as such."""
        table = connections
        chosen = select(table, connection_versions).join(connection_versions, _CURRENT)
        chosen = chosen.where(table.c.state.in_(["active", "inactive"]))
        with self._database.transaction() as transaction:
            rows = transaction.execute(chosen.order_by(table.c.position, table.c.key)).all()
            former = former_secrets.kept(transaction)
        return list(self._opened(rows, former))

    def former_generation(self, name: str) -> int:
        """Return the first version of the connection that had this name last, also of a removed one; 0 for none."""
        with self._database.transaction() as transaction:
            row = find(transaction, name)
        return row.first_version if row is not None else 0

    def verified_domains(self) -> dict[str, frozenset[str]]:
        """Return the domains that each connection owns, by key: as its file says, else what was proven."""
        proven: dict[str, set[str]] = {}
        table = connections
        by_file = (
            select(table.c.key, connection_versions.c.document)
            .join(connection_versions, _CURRENT)
            .where(table.c.origin == "file")
        )
        with self._database.transaction() as transaction:
            for row in transaction.execute(select(connection_domains)).all():
                proven.setdefault(row.key, set()).add(row.domain)
            for row in transaction.execute(by_file).all():
                proven.setdefault(row.key, set()).update(domains_in(row.document))
        return {key: frozenset(domains) for key, domains in proven.items()}

    def secrets(self, name: str, number: int) -> dict[str, Secret]:
        """Return the secrets of a version by dotted key; raises ConnectionUnknown."""
        with self._database.transaction() as transaction:
            row = present(transaction, name)
            found = self._secrets(version_row(transaction, row, number))
        return {key: Secret(value) for key, value in found.items()}

    def changes(self, name: str, before: int, after: int) -> list[Change]:
        """Return what differs between two versions; version 0 is empty."""
        old = self.version(name, before).document if before else {}
        return documents.changes(old, self.version(name, after).document)

    # What becomes of it ----------------------------------------------------------------------------------------------

    def save(
        self, connection: Connection, *, author: str, based_on: int, public_only: bool = True, act: str = "saved"
    ) -> Version:
        """Keep a new version as a draft; the same content again makes none.

        Args:
            based_on: the newest version that the author saw; 0 for a new connection.
            public_only: False where the author is an operator at the shell, whose addresses may be private.

        Raises:
            ConnectionReadOnly: the configuration file has this connection.
            ConnectionChanged: somebody saved a newer version meanwhile, or has taken the name.
        """
        with self._database.transaction() as transaction:
            row = find(transaction, connection.name)
            check_writable(row, based_on)
            version = self._write(transaction, row, connection, author, act, public_only=public_only)
            if version.number > (row.newest_version if row is not None else 0) + 1:
                # Somebody saved between the two looks; raising takes back what was written.
                raise ConnectionChanged(expected=f"version {based_on}", received="a newer one")
            if not is_present(row):
                place(transaction, connection, version.number)
            return version

    def activate(self, name: str, number: int) -> None:
        """Let sign-ins use a version from now on; raises ConnectionUnknown, ConnectionReadOnly."""
        with self._database.transaction() as transaction:
            row = present(transaction, name)
            version_row(transaction, row, number)
            change_state(transaction, row, "active", active_version=number)
            former_secrets.follow(transaction, row.key, row, number)

    def forget_former_secret(self, name: str, number: int) -> bool:
        """Try no other secret at the provider from now on, on no replica, since that of this version has worked there.

        Returns:
            Whether another one was still tried.

        Raises:
            StoreUnavailable: it will still be tried.
        """
        with self._database.transaction() as transaction:
            gone = former_secrets.forget(transaction, name.lower(), number)
            if gone:
                tell(transaction)
        return gone

    def deactivate(self, name: str) -> None:
        """Let nobody sign in through the connection any more; raises ConnectionUnknown, ConnectionReadOnly."""
        with self._database.transaction() as transaction:
            row = present(transaction, name)
            change_state(transaction, row, "inactive" if row.active_version else "draft")

    def remove(self, name: str) -> None:
        """Take the connection out of use and out of sight; its history stays. Raises as `deactivate`."""
        with self._database.transaction() as transaction:
            row = present(transaction, name)
            change_state(transaction, row, "removed")
            forget_domains(transaction, row.key)

    def roll_back(self, name: str, number: int, *, author: str) -> Version:
        """Make an old version the newest again, letter by letter, so that its rehearsal counts; as a draft.

        Raises:
            ConnectionUnknown, ConnectionReadOnly: there is no such version, or the configuration file decides.
        """
        with self._database.transaction() as transaction:
            row = present(transaction, name)
            check_writable(row, row.newest_version)
            old = version_row(transaction, row, number)
            values = {
                "document": old.document,
                "digest": old.digest,
                "public_only": old.public_only,
                "author": author,
                "act": "rolled_back",
            }
            self._add(transaction, row.key, row.newest_version + 1, values, self._secrets(old))
            set_row(transaction, row.key, newest_version=row.newest_version + 1)
            return version_of(row.name, newest_row(transaction, row.key))

    def provision(self, given: Sequence[Connection]) -> list[tuple[str, str]]:
        """Make the register say what the configuration file says; run by one process at a time.

        A connection of the file takes over one of the same name that was made in the console. One that has left the
        file is switched off.

        Returns:
            Each change as name and what was done: ``provisioned`` or ``left_the_file``.
        """
        done: list[tuple[str, str]] = []
        with self._database.transaction() as transaction:
            known = {row.key: row for row in transaction.execute(select(connections)).all()}
            for position, connection in enumerate(given):
                row = known.pop(connection.name.lower(), None)
                if self._provision_one(transaction, row, connection, position):
                    done.append((connection.name, "provisioned"))
            for row in known.values():
                if row.origin == "file" and row.state != "removed":
                    set_row(transaction, row.key, state="removed")
                    forget_domains(transaction, row.key)
                    done.append((row.name, "left_the_file"))
            if done:
                tell(transaction)
        return done

    # How it is written -----------------------------------------------------------------------------------------------

    def _provision_one(self, transaction: Transaction, row: Any, connection: Connection, position: int) -> bool:
        state: State = "active" if connection.enabled else "inactive"
        version = self._write(transaction, row, connection, FILE_AUTHOR, "provisioned", public_only=False)
        wanted = {
            "name": connection.name,
            "origin": "file",
            "state": state,
            "first_version": row.first_version if is_present(row) else version.number,
            "active_version": version.number,
            "newest_version": version.number,
            "position": position,
        }
        if row is not None and all(getattr(row, name) == value for name, value in wanted.items()):
            return False
        if row is None:
            transaction.execute(insert(connections).values(key=connection.name.lower(), **wanted))
        else:
            set_row(transaction, row.key, **wanted)
            former_secrets.follow(transaction, connection.name.lower(), row, version.number)
        return True

    def _write(
        self, transaction: Transaction, row: Any, connection: Connection, author: str, act: str, *, public_only: bool
    ) -> Version:
        """Write the next version, unless the newest says the same already."""
        key = connection.name.lower()
        newest = newest_row(transaction, key)
        # Nothing is inherited from a removed connection of the same name: it may have been another customer's.
        inherited = newest if is_present(row) else None
        former: Document = json.loads(inherited.document) if inherited else {}
        document, secrets = documents.split(self._without_defaults(connection), former, self._openable(inherited))
        if inherited is not None and document == former and inherited.public_only == public_only:
            return version_of(connection.name, inherited)
        number = newest.number + 1 if newest else 1
        values = {
            "document": json.dumps(document, ensure_ascii=False),
            "digest": documents.digest(document),
            "public_only": public_only,
            "author": author,
            "act": act if inherited or act != "saved" else "created",
        }
        self._add(transaction, key, number, values, secrets)
        if row is not None:
            set_row(transaction, key, newest_version=number)
        return version_of(connection.name, newest_row(transaction, key))

    def _add(
        self, transaction: Transaction, key: str, number: int, values: dict[str, Any], secrets: Mapping[str, str]
    ) -> None:
        """Add a version, with its secrets sealed for it alone."""
        bound = _bond(values["document"], public_only=values["public_only"])
        sealed = self._key_ring.seal(PURPOSE, {"key": key, "number": number, "bound": bound, "secrets": dict(secrets)})
        whole = {"key": key, "number": number, "sealed": sealed, "made_at": self._now(), **values}
        try:
            transaction.execute(insert(connection_versions).values(whole))
        except IntegrityError as fault:
            raise ConnectionChanged(expected=f"version {number} to be free", received="a newer one") from fault
        tell(transaction)

    def _without_defaults(self, connection: Connection) -> Connection:
        # The callback follows public_url, which may change: only one that somebody chose is kept.
        if connection.fuyun.redirect_url != self._callback(connection.name):
            return connection
        return replace(connection, fuyun=replace(connection.fuyun, redirect_url=""))

    def _callback(self, name: str) -> str:
        return f"{self._public_url}/callback/{name}"

    def _openable(self, row: Any) -> dict[str, str]:
        try:
            return self._secrets(row) if row is not None else {}
        except ConnectionUnknown:
            return {}

    def _secrets(self, row: Any) -> dict[str, str]:
        try:
            record = self._key_ring.open(PURPOSE, row.sealed)
        except SealBroken as fault:
            raise ConnectionUnknown(expected="secrets that a key opens", received="others") from fault
        bound = _bond(row.document, public_only=row.public_only)
        if (record.get("key"), record.get("number"), record.get("bound")) != (row.key, row.number, bound):
            # Whoever can write rows must not lead one customer's secrets to another, nor to an address of their own.
            raise ConnectionUnknown(expected="secrets of this version", received="another's")
        secrets: dict[str, str] = record["secrets"]
        return secrets

    def _open(self, row: Any, version: Any) -> Connection:
        try:
            found = documents.join(
                json.loads(version.document),
                self._secrets(version),
                version=version.number,
                enabled=row.state == "active",
                public_only=version.public_only,
            )
        except (TypeError, KeyError, ValueError, AttributeError) as fault:
            raise ConnectionUnknown(expected="a document of this release", received="another") from fault
        redirect_url = found.fuyun.redirect_url or self._callback(found.name)
        return replace(found, fuyun=replace(found.fuyun, redirect_url=redirect_url))

    def _opened(self, rows: Iterable[Any], former: Mapping[tuple[str, int], Any]) -> Iterator[Connection]:
        for row in rows:
            try:
                found = self._open(row, row)
                yield self._with_former_secret(row, found, former.get((row.key, row.number)))
            except ConnectionUnknown as fault:
                # One customer's broken row must not close the door to all the others.
                self._log.error("connection_unreadable", connection=row.name, received=fault.received)

    def _with_former_secret(self, row: Any, found: Connection, former: Any) -> Connection:
        try:
            before = self._open(row, former) if former is not None else found
        except ConnectionUnknown:
            return found
        secret, older = found.idp.client_secret, before.idp.client_secret
        # Whoever can write rows must not have a secret sent to another provider than its own.
        if not secret or secret == older or documents.provider_of(found) != documents.provider_of(before):
            return found
        return replace(found, idp=replace(found.idp, former_client_secret=older))


def _bond(document: str, *, public_only: bool) -> str:
    return sha256(f"{public_only}\n{document}".encode(errors="surrogatepass")).hexdigest()
