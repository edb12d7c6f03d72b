"""Rooms are made here and handed their tools; who uses them, servers and commands, need not know how."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from bridge.access.answers import KeptAnswers
from bridge.access.api_keys import ApiKeys
from bridge.access.links import AdminLinks
from bridge.access.rules import AdminRules, Allowed
from bridge.access.sessions import AdminSessions
from bridge.aiccs.client import ContactCenter
from bridge.aiccs.contact_center import contact_center_desk
from bridge.calls.listeners import Listeners
from bridge.calls.overview import Overviews
from bridge.calls.own import OwnCalls
from bridge.calls.recordings import Recordings
from bridge.connections.domains import ConnectionDomains
from bridge.connections.keys import KeyUnusable, load_private_key
from bridge.connections.register import ConnectionRegister
from bridge.connections.secrets import KeyRing
from bridge.connections.store import ConnectionStore
from bridge.core.errors import ConnectionModeUnsuited
from bridge.db import Database
from bridge.fuyun.exchange import FuyunExchange
from bridge.fuyun.subject import AccessTokenSubject, MintedSubject
from bridge.names import txt_records
from bridge.ops.journal import Journal
from bridge.ops.metrics import Metrics
from bridge.ops.observer import Observer
from bridge.ops.trail import Trail
from bridge.outbound import Limits, Outbound
from bridge.provisioning.consent import Consent
from bridge.provisioning.imports import Imports
from bridge.provisioning.jit import JustInTime
from bridge.provisioning.known_agents import KnownAgents
from bridge.provisioning.staff import Staff
from bridge.services import ConnectionEntry, HotlineSdk, Services, Site
from bridge.sessions.database import DatabaseSessions
from bridge.sessions.rows import AT_ONCE
from bridge.settings import Settings, connection_table, read_connection, secrets_of
from bridge.signin.agent_check import AgentCheck
from bridge.signin.agent_session import AgentSessions
from bridge.signin.browser_session import BrowserSessions
from bridge.signin.changes import ConnectionChanges
from bridge.signin.endings import Endings
from bridge.signin.flow import SignInFlow
from bridge.signin.handoff import Handoffs
from bridge.signin.issue import Issue
from bridge.signin.pending import PendingSignIns
from bridge.signin.rehearsal import Rehearsals
from bridge.signin.secret_change import SecretChange
from bridge.upstream.client import UpstreamClient
from bridge.upstream.metadata import KeyCache, MetadataCache

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from bridge.aiccs.contact_center import ContactCenterDesk
    from bridge.core.model import Mode
    from bridge.fuyun.subject import SubjectStrategy
    from bridge.sessions.rows import SessionStore


def make_outbound(settings: Settings) -> Outbound:
    """Return the way out with the configured limits."""
    egress = settings.egress
    # No host may hold more than half of a worker's threads: the other half is for everybody else's providers.
    per_host = max(4, settings.server.threads // 2)
    limits = Limits(connect=egress.connect_timeout, read=egress.read_timeout, per_host=per_host)
    return Outbound(ca_bundle=settings.egress.ca_bundle, limits=limits, allow_private=settings.egress.allow_private)


def build_services(settings: Settings, outbound: Outbound, now: Callable[[], float]) -> Services:
    """Make every room and hand it what it needs."""
    rooms = _ground_floor(settings, now)
    outbound.observed_by(Observer(rooms.metrics))
    secret_change = SecretChange(rooms.connections, rooms.register, rooms.journal)
    upstream = UpstreamClient(outbound, MetadataCache(outbound), KeyCache(outbound), now, secret_change)
    contact_center = contact_center_desk(ContactCenter(outbound, now))
    recordings = Recordings(outbound, contact_center.calls, now)
    look_for_agent = AgentCheck(contact_center.agents)
    just_in_time = _just_in_time(rooms, contact_center)
    endings = _endings(settings.public_url, rooms, upstream, outbound, now)
    subjects: dict[Mode, SubjectStrategy] = {"oauth": AccessTokenSubject(), "jwt": MintedSubject(_signing_key, now)}
    issue = Issue(subjects, FuyunExchange(outbound, now), look_for_agent)
    flow = SignInFlow(
        public_url=settings.public_url,
        connections=rooms.connections,
        upstream=upstream,
        issue=issue,
        look_for_agent=look_for_agent,
        just_in_time=just_in_time,
        pending=rooms.pending,
        sessions=rooms.agent_sessions,
        endings=endings,
        journal=rooms.journal,
        now=now,
    )
    names = {one.name: getattr(rooms, one.name) for one in fields(rooms)}
    return Services(
        **names,
        site=_site(settings),
        entry=_entry(settings),
        changes=_changes(rooms, outbound),
        contact_center=contact_center,
        overviews=Overviews(contact_center, now),
        recordings=recordings,
        listeners=Listeners(settings.server.threads, rooms.journal, now),
        own_calls=OwnCalls(contact_center, recordings, now),
        look_for_agent=look_for_agent,
        agent_imports=_imports(rooms, contact_center, outbound, now),
        just_in_time=just_in_time,
        staff=Staff(rooms.known_agents, rooms.journal),
        upstream=upstream,
        outbound=outbound,
        flow=flow,
        issue=issue,
        handoffs=_handoffs(rooms, issue, now),
        endings=endings,
        now=now,
    )


def _just_in_time(rooms: _GroundFloor, contact_center: ContactCenterDesk) -> JustInTime:
    return JustInTime(
        agents=contact_center.agents,
        skill_groups=contact_center.skill_groups,
        known=rooms.known_agents,
        trail=rooms.trail,
        journal=rooms.journal,
        may_make=Consent(rooms.connections, rooms.register).may_make_agents,
    )


def _changes(rooms: _GroundFloor, outbound: Outbound) -> ConnectionChanges:
    return ConnectionChanges(
        register=rooms.register,
        domains=rooms.domains,
        connections=rooms.connections,
        rehearsals=rooms.rehearsals,
        admins=rooms.admin_sessions,
        agents=rooms.agent_sessions,
        known_agents=rooms.known_agents,
        outbound=outbound,
        journal=rooms.journal,
    )


def _imports(
    rooms: _GroundFloor, contact_center: ContactCenterDesk, outbound: Outbound, now: Callable[[], float]
) -> Imports:
    return Imports(
        database=rooms.database,
        key_ring=rooms.key_ring,
        desk=contact_center,
        outbound=outbound,
        known=rooms.known_agents,
        now=now,
    )


def _endings(
    public_url: str, rooms: _GroundFloor, upstream: UpstreamClient, outbound: Outbound, now: Callable[[], float]
) -> Endings:
    return Endings(
        public_url=public_url,
        connections=rooms.connections,
        upstream=upstream,
        outbound=outbound,
        sessions=rooms.agent_sessions,
        marks=rooms.session_store,
        journal=rooms.journal,
        now=now,
    )


def _handoffs(rooms: _GroundFloor, issue: Issue, now: Callable[[], float]) -> Handoffs:
    return Handoffs(
        key_ring=rooms.key_ring,
        connections=rooms.connections,
        api_keys=rooms.api_keys,
        issue=issue,
        sessions=rooms.agent_sessions,
        marks=rooms.session_store,
        journal=rooms.journal,
        now=now,
    )


def _signing_key(text: str) -> RSAPrivateKey:
    """Return a connection's private key; raises ConnectionModeUnsuited where an older release took what we refuse."""
    try:
        return load_private_key(text)
    except KeyUnusable as fault:
        raise ConnectionModeUnsuited(
            "The connection's private key cannot be used.", expected="an RSA key", received=str(fault)
        ) from fault


@dataclass(frozen=True, slots=True)
class _GroundFloor:
    """The rooms that remember something."""

    database: Database
    key_ring: KeyRing
    register: ConnectionRegister
    domains: ConnectionDomains
    connections: ConnectionStore
    rehearsals: Rehearsals
    admin_rules: AdminRules
    admin_links: AdminLinks
    admin_sessions: AdminSessions
    api_keys: ApiKeys
    kept_answers: KeptAnswers
    known_agents: KnownAgents
    pending: PendingSignIns
    session_store: SessionStore
    agent_sessions: AgentSessions
    browser_sessions: BrowserSessions
    metrics: Metrics
    trail: Trail
    journal: Journal


def _ground_floor(settings: Settings, now: Callable[[], float]) -> _GroundFloor:
    database, key_ring, metrics = Database(settings.store.database), KeyRing(settings.secret_keys), Metrics()
    observer = Observer(metrics)
    database.observed_by(observer)
    register = ConnectionRegister(database, key_ring, settings.public_url, now)
    rules = AdminRules(Allowed(**dict(rule)) for rule in settings.admin.allow)
    session, kept = settings.session, settings.journal
    store = _session_store(settings, database)
    if store.place != "database":  # whose transactions are seen already
        observer.watching(store, "sessions", AT_ONCE)
    trail = Trail(database, retention=kept.retention, per_connection=kept.per_connection, now=now)
    return _GroundFloor(
        database=database,
        key_ring=key_ring,
        register=register,
        domains=ConnectionDomains(database, key_ring, txt_records, now),
        connections=ConnectionStore(register),
        rehearsals=Rehearsals(database, key_ring, now),
        admin_rules=rules,
        admin_links=AdminLinks(database, key_ring, now),
        admin_sessions=AdminSessions(database, key_ring, rules, lifetime=session.admin, now=now),
        api_keys=ApiKeys(database, key_ring, now),
        kept_answers=KeptAnswers(database, key_ring, now),
        known_agents=KnownAgents(database, key_ring, now),
        pending=PendingSignIns(key_ring, now),
        session_store=store,
        agent_sessions=AgentSessions(store, key_ring, lifetime=session.lifetime, idle=session.idle, now=now),
        browser_sessions=BrowserSessions(store, now),
        metrics=metrics,
        trail=trail,
        journal=Journal(metrics, trail, now),
    )


def _session_store(settings: Settings, database: Database) -> SessionStore:
    url = settings.store.sessions
    if url == "database":
        return DatabaseSessions(database)
    from bridge.sessions.redis_store import RedisSessions  # noqa: PLC0415 — takes a quarter of a second to load

    return RedisSessions(url, ca_bundle=settings.egress.ca_bundle)


def _entry(settings: Settings) -> ConnectionEntry:
    public_url = settings.public_url
    return ConnectionEntry(
        read=lambda table, kept: read_connection(table, public_url=public_url, kept=kept),
        table=lambda connection: connection_table(connection, public_url),
        secrets=secrets_of,
    )


def _site(settings: Settings) -> Site:
    sdk, cookie = settings.hotline_sdk, settings.session.ac_token_cookie
    return Site(
        public_url=settings.public_url,
        session_lifetime=settings.session.lifetime,
        ac_token_http_only=cookie.http_only,
        ac_token_domain=cookie.domain,
        trusted_proxies=settings.server.trusted_proxies,
        sdk=HotlineSdk(
            scripts=tuple(sdk.scripts),
            styles=tuple(sdk.styles),
            api_host=sdk.api_host,
            ws_host=sdk.ws_host,
            csp_hosts=tuple(sdk.csp_hosts),
        ),
    )
