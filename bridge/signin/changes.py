"""How connections change: the console and the command line go this way, and every change is journaled."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from bridge.aiccs.instance import is_shared
from bridge.connections.document import SECRETS as _SECRETS
from bridge.connections.document import value_of
from bridge.connections.draft import Fault
from bridge.core.errors import ConnectionUnknown, IdpAnswerInvalid, IdpUnreachable, StoreUnavailable
from bridge.core.gate_errors import AdminNotAllowed
from bridge.core.keeping_errors import ConnectionChanged, RehearsalMissing
from bridge.core.wording import said
from bridge.outbound import FailAs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from bridge.access.sessions import AdminSessions
    from bridge.connections.domains import ConnectionDomains
    from bridge.connections.register import ConnectionRegister
    from bridge.connections.rows import Entry, Version
    from bridge.connections.store import ConnectionStore
    from bridge.core.model import Connection
    from bridge.ops.journal import Journal
    from bridge.outbound import Outbound
    from bridge.provisioning.known_agents import KnownAgents
    from bridge.signin.agent_session import AgentSessions
    from bridge.signin.rehearsal import Rehearsals

_PRIVATE: Final = FailAs(IdpUnreachable, IdpAnswerInvalid)
_ADDRESSES: Final = (
    "idp.discovery_url",
    "idp.authorization_endpoint",
    "idp.token_endpoint",
    "idp.userinfo_endpoint",
    "idp.jwks_uri",
    "idp.end_session_endpoint",
    "idp.revocation_endpoint",
    "fuyun.token_exchange_url",
)
_CONTACT_CENTER: Final = ("aiccs.endpoint", "aiccs.protocol")
# Where a secret goes: whoever changes one of these must know the secret, or it would be sent to whom they please.
_DESTINATIONS: Final = {
    "idp.client_secret": ("idp.issuer", "idp.tenant", "idp.host", *(key for key in _ADDRESSES if key[:4] == "idp.")),
    "fuyun.client_secret": ("fuyun.token_exchange_url",),
    # Whoever receives the JWTs that it signs can pass for any agent while they last.
    "jwt.private_key": ("fuyun.token_exchange_url", "jwt.issuer"),
    "jwt.next_private_key": ("fuyun.token_exchange_url", "jwt.issuer"),
    "aiccs.access_key_secret": (*_CONTACT_CENTER, "instance_id"),
}
# What only somebody may change who has just shown who they are; secrets themselves are looked at by `entered`.
_SENSITIVE: Final = (
    *_ADDRESSES,
    # Who vouches for people, and which of their claims decides whom they are taken for.
    "mode",
    "mapping_field",
    "idp.issuer",
    "idp.tenant",
    "idp.host",
    "idp.allowed_tenants",
    "idp.organization_id",
    "fuyun.frontend_redirect_url",
    "fuyun.workbench_redirect_url",
    "jwt.issuer",
    "instance_id",
    "aiccs.recording_hosts",
    *_CONTACT_CENTER,
)


class ConnectionChanges:
    """Saves, activates, switches off and brings back; other replicas follow within seconds."""

    def __init__(
        self,
        *,
        register: ConnectionRegister,
        domains: ConnectionDomains,
        connections: ConnectionStore,
        rehearsals: Rehearsals,
        admins: AdminSessions,
        agents: AgentSessions,
        known_agents: KnownAgents,
        outbound: Outbound,
        journal: Journal,
    ) -> None:
        self._register = register
        self._domains = domains
        self._connections = connections
        self._rehearsals = rehearsals
        self._admins = admins
        self._agents = agents
        self._known_agents = known_agents
        self._outbound = outbound
        self._journal = journal

    def review(
        self,
        connection: Connection,
        former: Connection | None,
        entered: Collection[str],
        *,
        by_operator: bool = True,
        is_fresh: bool = True,
    ) -> list[Fault]:
        """Return what the configuration's rules cannot know: taken names, private addresses, secrets on the move.

        Args:
            former: the version that the change is based on; None for a new connection.
            entered: dotted keys of the secrets that were entered now, not kept.
            by_operator: an administrator of single connections takes no host names, and makes no agents in a contact
                center that several connections share.
            is_fresh: whether the administrator signed in lately, without which no address changes.
        """
        faults = [*_secrets_on_the_move(connection, former, entered)]
        if not by_operator and self._makes_agents_for_others(connection, former):
            faults.append(
                Fault(
                    "provisioning.create_agents",
                    said("can be changed by an operator only: other connections share this contact center"),
                )
            )
        if by_operator:
            faults += self.hosts_of_others(connection, former)
        elif set(connection.hosts) - set(former.hosts if former else ()):
            faults.append(Fault("hosts", said("can be added by an operator only: a host name leads people here")))
        if former is not None and not is_fresh:
            faults += _sensitive_changes(connection, former)
        if former is None and self._is_taken(connection.name):
            faults.append(Fault("name", said("is taken already; upper and lower case do not differ")))
        if not self._may_stay_private(connection, former):
            faults += self._private_addresses(connection)
        return faults

    def save(
        self, connection: Connection, *, actor: str, based_on: int, at_the_shell: bool = False, vouches: bool = False
    ) -> Version:
        """Keep a new version as a draft; addresses in private networks are for the shell and what it left unchanged.

        Args:
            vouches: whether the actor's word is enough to own an e-mail domain, as an operator's is, and to make agents
                in a contact center that several connections share.

        Raises:
            ConnectionReadOnly, ConnectionChanged: nothing was saved.
        """
        former = self._register.connection(connection.name, based_on) if based_on else None
        private = at_the_shell or self._may_stay_private(connection, former)
        act = "applied" if at_the_shell else "saved"
        kept_as = "vouched" if vouches and not at_the_shell else act
        saved = self._register.save(connection, author=actor, based_on=based_on, public_only=not private, act=kept_as)
        if saved.number != based_on:
            self._tell(f"connection_{act}", saved.name, actor, before=based_on, version=saved.number)
        if at_the_shell or vouches:
            self._vouch(connection, former, actor)
        return saved

    def asks_for_fresh_sign_in(self, name: str, number: int) -> bool:
        """Say whether a version leads people or secrets elsewhere than the one in force; raises ConnectionUnknown."""
        entry = self._register.entry(name)
        if not entry.active_version or entry.active_version == number:
            return False
        keys = {change.key for change in self._register.changes(name, entry.active_version, number)}
        return bool(keys & {*_SENSITIVE, *_SECRETS})

    def activate(
        self, name: str, number: int, *, actor: str, without_rehearsal: bool = False, by_operator: bool = True
    ) -> None:
        """Let sign-ins use a version.

        Args:
            without_rehearsal: a deliberate override, which the journal keeps; mode frontend needs none, since no
                rehearsal of it could come back.
            by_operator: an administrator of single connections brings no host names into use that are not, and makes
                no agents for others.

        Raises:
            RehearsalMissing: its last rehearsal failed, or there was none.
            AdminNotAllowed, ConnectionChanged: its host names or agents are an operator's matter, or its host names
                another's by now.
            ConnectionUnknown, ConnectionReadOnly: there is no such version, or the configuration file decides.
        """
        version, entry = self._register.version(name, number), self._register.entry(name)
        self._check_hosts(version, entry, by_operator=by_operator)
        if not by_operator:
            self._check_agents(version, entry)
        proven = self.is_proven(version)
        if not proven and not without_rehearsal and version.document.get("mode") != "frontend":
            raise RehearsalMissing(expected=f"a good rehearsal of version {number}", received="none")
        self._register.activate(name, number)
        before = entry.active_version if entry.state == "active" else 0
        self._tell(
            "connection_activated", version.name, actor, before=before, version=number, without_rehearsal=not proven
        )
        self._show()

    def is_proven(self, version: Version) -> bool:
        """Say whether the last rehearsal of what this version does went well."""
        last = self._rehearsals.last_of(version.name, version.digest)
        return last is not None and last.is_good

    def deactivate(self, name: str, *, actor: str) -> None:
        """Let nobody sign in through the connection; raises ConnectionUnknown, ConnectionReadOnly."""
        entry = self._register.entry(name)
        self._register.deactivate(name)
        self._admins.end_all(name)
        self._journal.record_act("connection_deactivated", actor=actor, connection=entry.name)
        self._show()

    def remove(self, name: str, *, actor: str) -> None:
        """Take the connection away, and its agents' sessions; raises ConnectionUnknown, ConnectionReadOnly."""
        entry = self._register.entry(name)
        self._register.remove(name)
        self._admins.end_all(name)
        self._agents.end_all(entry.name)
        self._rehearsals.forget(name)
        self._known_agents.forget_all(name)
        self._journal.record_act("connection_removed", actor=actor, connection=entry.name)
        self._journal.retire(entry.name, entry.first_version)
        self._show()

    def roll_back(
        self, name: str, number: int, *, actor: str, without_rehearsal: bool = False, by_operator: bool = True
    ) -> Version:
        """Bring an old version back: as the active one where the connection is active, else as a draft.

        Raises:
            RehearsalMissing: the old version has no good rehearsal; it waits as a draft then.
            AdminNotAllowed: as for `activate`; nothing was changed.
            ConnectionUnknown, ConnectionReadOnly, ConnectionChanged: nothing was changed.
        """
        entry = self._register.entry(name)
        old = self._register.version(name, number)
        self._check_hosts(old, entry, by_operator=by_operator)
        if not by_operator:
            self._check_agents(old, entry)
        again = self._register.roll_back(name, number, author=actor)
        self._tell("connection_rolled_back", entry.name, actor, before=entry.newest_version, version=again.number)
        if entry.state == "active":
            self.activate(name, again.number, actor=actor, without_rehearsal=without_rehearsal, by_operator=by_operator)
        return again

    def _show(self) -> None:
        # The change is made; a store that fails now only delays the moment at which this process sees it.
        with suppress(StoreUnavailable):
            self._connections.refresh()

    def _tell(self, event: str, name: str, actor: str, *, before: int, version: int, **details: Any) -> None:
        changed = [asdict(change) for change in self._register.changes(name, before, version)]
        self._journal.record_act(
            event, actor=actor, connection=name, changes=changed, version=version, former_version=before, **details
        )

    def _check_hosts(self, version: Version, entry: Entry, *, by_operator: bool) -> None:
        in_force = self._register.version(entry.name, entry.active_version) if entry.active_version else None
        new = set(version.document.get("hosts", ())) - set(in_force.document.get("hosts", ()) if in_force else ())
        if new and not by_operator:
            raise AdminNotAllowed(expected="an operator", received="a version with further host names")
        if new & self._hosts_beside(entry.name):
            raise ConnectionChanged(expected="host names of its own", received="one that another connection has")

    def _hosts_beside(self, name: str) -> set[str]:
        beside = [entry for entry in self._register.entries() if entry.name.lower() != name.lower()]
        found = (self._register.version(entry.name, entry.newest_version).document for entry in beside)
        return {host for document in found for host in document.get("hosts", ())}

    def _vouch(self, connection: Connection, former: Connection | None, actor: str) -> None:
        # Their word is for what they wrote: a domain that somebody else drafted before is looked at by itself.
        known = {*self._domains.verified(connection.name), *(former.domains if former else ())}
        for domain in connection.domains:
            if domain not in known:
                self._domains.accept(connection.name, domain, "operator")
                self._journal.record_act("domain_accepted", actor=actor, connection=connection.name, domain=domain)
        for domain in set(former.domains if former else ()) - set(connection.domains):
            # What an operator takes out does not come back by an older version.
            self._domains.forget(connection.name, domain)

    def hosts_of_others(self, connection: Connection, former: Connection | None) -> Iterator[Fault]:
        """Yield a fault where a connection would take a host name that another one has."""
        new = set(connection.hosts) - set(former.hosts if former else ())
        if not new:
            return
        if new & self._hosts_beside(connection.name):
            yield Fault("hosts", said("names a host that another connection has already"))

    def _makes_agents_for_others(self, connection: Connection, former: Connection | None) -> bool:
        wanted = connection.provisioning
        if wanted is None or not wanted.create_agents:
            return False
        if former is not None and _where_agents_are_made(former) == _where_agents_are_made(connection):
            return False
        return is_shared(connection, self._connections.active_and_newest())

    def _check_agents(self, version: Version, entry: Entry) -> None:
        """Refuse an old version that makes agents, saved before others came to share the contact center."""
        if not (version.document.get("provisioning") or {}).get("create_agents"):
            return
        wished, in_force = self._register.connection(entry.name, version.number), None
        if entry.active_version:
            with suppress(ConnectionUnknown):
                in_force = self._register.connection(entry.name, entry.active_version)
        if self._makes_agents_for_others(wished, in_force):
            raise AdminNotAllowed(expected="an operator", received="a version that makes agents for other connections")

    def _is_taken(self, name: str) -> bool:
        try:
            self._register.entry(name)
        except ConnectionUnknown:
            return False
        return True

    def _may_stay_private(self, connection: Connection, former: Connection | None) -> bool:
        if former is None or former.idp.public_only:
            return False
        return all(value_of(connection, key) == value_of(former, key) for key in (*_ADDRESSES, *_CONTACT_CENTER))

    def _private_addresses(self, connection: Connection) -> Iterator[Fault]:
        for key, address in _called(connection):
            try:
                if address:
                    self._outbound.check_public(address, _PRIVATE)
            except IdpUnreachable:
                # A name that nobody knows today may be known tomorrow; each call checks again anyway.
                continue
            except IdpAnswerInvalid:
                yield Fault(_entered_as(connection, key), said("leads into a private network; it must be public"))


def _where_agents_are_made(connection: Connection) -> tuple[object, ...]:
    access = replace(connection.aiccs, public_only=False) if connection.aiccs else None
    return connection.provisioning, connection.instance_id, access


def _secrets_on_the_move(
    connection: Connection, former: Connection | None, entered: Collection[str]
) -> Iterator[Fault]:
    if former is None:
        return
    for secret, destinations in _DESTINATIONS.items():
        kept = secret not in entered and value_of(connection, secret)
        if kept and any(value_of(connection, key) != value_of(former, key) for key in destinations):
            yield Fault(secret, said("must be entered again, since it would go to another address than before"))


def _called(connection: Connection) -> Iterator[tuple[str, str]]:
    for key in _ADDRESSES:
        yield key, value_of(connection, key)
    if connection.aiccs:
        yield "aiccs.endpoint", f"{connection.aiccs.protocol}://{connection.aiccs.endpoint}"


def _sensitive_changes(connection: Connection, former: Connection) -> Iterator[Fault]:
    changed = [key for key in _SENSITIVE if value_of(connection, key) != value_of(former, key)]
    for key in dict.fromkeys(_entered_as(connection, key) for key in changed):
        yield Fault(key, said("can be changed after a sign-in of the last 15 minutes only; sign in again first"))


def _entered_as(connection: Connection, key: str) -> str:
    """Return the key under which somebody entered what an address was made from."""
    made_from = {"microsoft": "idp.tenant", "salesforce": "idp.host", "oidc": "idp.issuer"}
    if key != "idp.discovery_url":
        return key
    overridden = connection.idp.kind == "microsoft" and "login." not in connection.idp.issuer
    return "idp.issuer" if overridden else made_from.get(connection.idp.kind, key)
