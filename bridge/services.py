"""What the application is made of, as one typed bundle: `app` fills it, `http` and `web` read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.access.answers import KeptAnswers
    from bridge.access.api_keys import ApiKeys
    from bridge.access.links import AdminLinks
    from bridge.access.rules import AdminRules
    from bridge.access.sessions import AdminSessions
    from bridge.aiccs.contact_center import ContactCenterDesk
    from bridge.calls.listeners import Listeners
    from bridge.calls.overview import Overviews
    from bridge.calls.own import OwnCalls
    from bridge.calls.recordings import Recordings
    from bridge.connections.domains import ConnectionDomains
    from bridge.connections.draft import Draft
    from bridge.connections.register import ConnectionRegister
    from bridge.connections.secrets import KeyRing
    from bridge.connections.store import ConnectionStore
    from bridge.core.model import Connection, Secret
    from bridge.db import Database
    from bridge.ops.journal import Journal
    from bridge.ops.metrics import Metrics
    from bridge.ops.trail import Trail
    from bridge.outbound import Outbound
    from bridge.provisioning.imports import Imports
    from bridge.provisioning.jit import JustInTime
    from bridge.provisioning.known_agents import KnownAgents
    from bridge.provisioning.staff import Staff
    from bridge.sessions.rows import SessionStore
    from bridge.signin.agent_session import AgentSessions
    from bridge.signin.browser_session import BrowserSessions
    from bridge.signin.changes import ConnectionChanges
    from bridge.signin.endings import Endings
    from bridge.signin.flow import SignInFlow
    from bridge.signin.handoff import Handoffs
    from bridge.signin.issue import Issue
    from bridge.signin.pending import PendingSignIns
    from bridge.signin.rehearsal import LookForAgent, Rehearsals
    from bridge.upstream.client import UpstreamClient


@dataclass(frozen=True, slots=True)
class HotlineSdk:
    """What the softphone page loads and may reach; the SDK's hosts are configuration, for nobody documents them."""

    scripts: tuple[str, ...]
    styles: tuple[str, ...]
    api_host: str
    ws_host: str
    csp_hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """How the world sees us.

    Args:
        public_url: scheme and host, without a slash at the end.
        session_lifetime: absolute, in seconds.
        ac_token_domain: of the AC_TOKEN cookie; empty: this host alone.
        trusted_proxies: networks that may say whose request it is.
    """

    public_url: str
    session_lifetime: int
    ac_token_http_only: bool
    ac_token_domain: str
    trusted_proxies: tuple[str, ...]
    sdk: HotlineSdk

    @property
    def is_secure(self) -> bool:
        """Whether cookies are Secure: the public URL's scheme decides, never a forwarded header."""
        return self.public_url.startswith("https://")


@dataclass(frozen=True, slots=True)
class ConnectionEntry:
    """How a connection is entered and shown, by the same rules as in the configuration file.

    Args:
        read: one connection's nested tables and the secrets kept of it, by dotted key, become a draft with every fault.
        table: the nested tables that somebody would write for a connection, secrets left out.
        secrets: a connection's secrets by dotted key.
    """

    read: Callable[[Mapping[str, Any], Mapping[str, Secret]], Draft]
    table: Callable[[Connection], dict[str, Any]]
    secrets: Callable[[Connection], dict[str, Secret]]


@dataclass(frozen=True, slots=True)
class Services:
    """The rooms that the front desks use; `now` gives epoch seconds."""

    site: Site
    database: Database
    key_ring: KeyRing
    connections: ConnectionStore
    register: ConnectionRegister
    changes: ConnectionChanges
    domains: ConnectionDomains
    entry: ConnectionEntry
    rehearsals: Rehearsals
    contact_center: ContactCenterDesk
    overviews: Overviews
    recordings: Recordings
    listeners: Listeners
    own_calls: OwnCalls
    look_for_agent: LookForAgent
    just_in_time: JustInTime
    admin_rules: AdminRules
    admin_links: AdminLinks
    admin_sessions: AdminSessions
    upstream: UpstreamClient
    outbound: Outbound
    pending: PendingSignIns
    flow: SignInFlow
    issue: Issue
    handoffs: Handoffs
    api_keys: ApiKeys
    kept_answers: KeptAnswers
    known_agents: KnownAgents
    staff: Staff
    agent_imports: Imports
    endings: Endings
    session_store: SessionStore
    agent_sessions: AgentSessions
    browser_sessions: BrowserSessions
    journal: Journal
    trail: Trail
    metrics: Metrics
    now: Callable[[], float]
