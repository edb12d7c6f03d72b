"""The one joining place: rooms are made here, handed their tools, and given to the front desks."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, request, url_for
from flask_babel import Babel
from flask_bootstrap import Bootstrap5

from bridge import __version__, checks
from bridge.access.links import AdminLinks
from bridge.access.rules import AdminRules, Allowed
from bridge.access.sessions import AdminSessions
from bridge.aiccs.agents import Agents
from bridge.aiccs.client import ContactCenter
from bridge.connections.domains import ConnectionDomains
from bridge.connections.keys import load_private_key
from bridge.connections.register import FILE_AUTHOR, ConnectionRegister
from bridge.connections.secrets import KeyRing
from bridge.connections.store import ConnectionStore
from bridge.core.errors import StoreUnavailable
from bridge.db import Database
from bridge.fuyun.exchange import FuyunExchange
from bridge.fuyun.subject import AccessTokenSubject, MintedSubject
from bridge.http import console_pages, headers, problem
from bridge.http.address import PublicAddress
from bridge.http.console import form_token, is_console
from bridge.http.current import EXTENSION
from bridge.http.guard import CSRF_PURPOSE, csrf_token
from bridge.http.language import choose_language, language, language_tag, language_url, rendered_once, translate
from bridge.http.session import BrowserSessionInterface
from bridge.names import txt_records
from bridge.ops.journal import Journal
from bridge.ops.logs import configure_logs
from bridge.ops.metrics import Metrics
from bridge.ops.trail import Trail
from bridge.outbound import Limits, Outbound
from bridge.services import ConnectionEntry, HotlineSdk, Services, Site
from bridge.sessions.database import DatabaseSessions
from bridge.settings import Settings, connection_table, load, read_connection, secrets_of, templates_folder
from bridge.signin.agent_check import AgentCheck
from bridge.signin.agent_session import AgentSessions
from bridge.signin.browser_session import BrowserSessions
from bridge.signin.changes import ConnectionChanges
from bridge.signin.endings import Endings
from bridge.signin.flow import SignInFlow
from bridge.signin.issue import Issue
from bridge.signin.pending import PendingSignIns
from bridge.signin.rehearsal import Rehearsals
from bridge.signin.secret_change import SecretChange
from bridge.upstream.client import UpstreamClient
from bridge.upstream.metadata import KeyCache, MetadataCache
from bridge.web.admin.connections import connections
from bridge.web.admin.door import door
from bridge.web.admin.editing import editing
from bridge.web.admin.portal import portal
from bridge.web.admin.records import records
from bridge.web.admin.rehearsals import rehearsals
from bridge.web.admin.sessions import sessions
from bridge.web.agent import agent
from bridge.web.callback import callback
from bridge.web.health import health, ops
from bridge.web.logout import logout
from bridge.web.softphone import softphone

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.core.model import Connection, Mode
    from bridge.fuyun.subject import SubjectStrategy
    from bridge.sessions.rows import SessionStore


_LARGEST_REQUEST = 65_536
CONSOLE = (door, editing, connections, records, rehearsals, portal, sessions)


def create_app(settings: Settings, *, outbound: Outbound | None = None, now: Callable[[], float] = time.time) -> Flask:
    """Return the application, its database brought up to date.

    Args:
        outbound: another way out (tests mount applications on it).
        now: epoch seconds.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    services = build_services(settings, outbound or make_outbound(settings), now)
    provision(settings, services)
    package = Path(__file__).parent
    app = Flask("bridge", root_path=str(package), template_folder=str(templates_folder()))
    _configure(app, services)
    app.url_map.merge_slashes = False
    app.wsgi_app = PublicAddress(app.wsgi_app, settings.public_url)  # type: ignore[method-assign]
    app.extensions[EXTENSION] = services
    app.session_interface = BrowserSessionInterface(app, services.key_ring, services.browser_sessions)
    Babel(app, locale_selector=choose_language, default_translation_directories=str(package / "translations"))
    Bootstrap5(app)
    for blueprint in (language, agent, callback, logout, softphone, health, *CONSOLE):
        app.register_blueprint(blueprint)
    if not settings.server.ops_bind:
        app.register_blueprint(ops)
    problem.install(app)
    app.after_request(headers.set_security_headers)
    _furnish_templates(app)
    return app


def prepare_store(settings: Settings) -> None:
    """Bring the database up to date before any worker starts; raises StoreUnavailable."""
    database = Database(settings.store.database)
    database.upgrade()
    database.close()


def from_environment() -> Flask:
    """Return the application for the file that ``BRIDGE_CONFIG`` names; raises SettingsError."""
    return create_app(_settings_of_environment())


def ops_from_environment() -> Flask:
    """Return the small application behind ``server.ops_bind``: probes and metrics, no agents."""
    settings = _settings_of_environment()
    app = Flask("bridge.ops")
    app.extensions[EXTENSION] = build_services(settings, make_outbound(settings), time.time)
    app.register_blueprint(health)
    app.register_blueprint(ops)
    return app


def _settings_of_environment() -> Settings:
    settings = load(os.environ.get("BRIDGE_CONFIG", "config/bridge.toml"), os.environ)
    configure_logs(settings.log.level)
    return settings


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
    secret_change = SecretChange(rooms.connections, rooms.register, rooms.journal)
    upstream = UpstreamClient(outbound, MetadataCache(outbound), KeyCache(outbound), now, secret_change)
    agents = Agents(ContactCenter(outbound, now))
    look_for_agent = AgentCheck(agents)
    endings = Endings(
        public_url=settings.public_url,
        connections=rooms.connections,
        upstream=upstream,
        outbound=outbound,
        sessions=rooms.agent_sessions,
        marks=rooms.session_store,
        journal=rooms.journal,
        now=now,
    )
    subjects: dict[Mode, SubjectStrategy] = {"oauth": AccessTokenSubject(), "jwt": MintedSubject(load_private_key, now)}
    issue = Issue(subjects, FuyunExchange(outbound, now))
    flow = SignInFlow(
        public_url=settings.public_url,
        connections=rooms.connections,
        upstream=upstream,
        issue=issue,
        look_for_agent=look_for_agent,
        pending=rooms.pending,
        sessions=rooms.agent_sessions,
        endings=endings,
        journal=rooms.journal,
        now=now,
    )
    changes = ConnectionChanges(
        register=rooms.register,
        domains=rooms.domains,
        connections=rooms.connections,
        rehearsals=rooms.rehearsals,
        admins=rooms.admin_sessions,
        agents=rooms.agent_sessions,
        outbound=outbound,
        journal=rooms.journal,
    )
    names = {one.name: getattr(rooms, one.name) for one in fields(rooms)}
    return Services(
        **names,
        site=_site(settings),
        entry=_entry(settings),
        changes=changes,
        agents=agents,
        look_for_agent=look_for_agent,
        upstream=upstream,
        outbound=outbound,
        flow=flow,
        issue=issue,
        endings=endings,
        now=now,
    )


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
    pending: PendingSignIns
    session_store: SessionStore
    agent_sessions: AgentSessions
    browser_sessions: BrowserSessions
    metrics: Metrics
    trail: Trail
    journal: Journal


def _ground_floor(settings: Settings, now: Callable[[], float]) -> _GroundFloor:
    database, key_ring, metrics = Database(settings.store.database), KeyRing(settings.secret_keys), Metrics()
    register = ConnectionRegister(database, key_ring, settings.public_url, now)
    rules = AdminRules(Allowed(**dict(rule)) for rule in settings.admin.allow)
    session, kept = settings.session, settings.journal
    store = _session_store(settings, database)
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


def provision(settings: Settings, services: Services) -> None:
    """Bring the database up to date and let it say what the file says; replicas that start together wait in line.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    services.database.upgrade()
    with services.database.exclusively():
        for name, done in services.register.provision(settings.connections):
            services.journal.record_act(f"connection_{done}", actor=FILE_AUTHOR, connection=name)
            if done == "left_the_file":
                services.admin_sessions.end_all(name)
                services.agent_sessions.end_all(name)
                services.rehearsals.forget(name)
                services.journal.retire(name, services.register.former_generation(name))


def probe(settings: Settings) -> list[tuple[str, str, str]]:
    """Ask the stores, every identity provider and Fuyun once.

    Returns:
        For each ``ok``, ``warn`` or ``fault``, its name, and what came.
    """
    outbound = make_outbound(settings)
    services = build_services(settings, outbound, time.time)
    found = checks.probe(
        services, _every_connection(settings, services), outbound, MetadataCache(outbound), KeyCache(outbound)
    )
    return [(finding.level, finding.name, finding.what) for finding in found]


def _every_connection(settings: Settings, services: Services) -> list[Connection]:
    """Return the file's connections and, where the database is there to be asked, the console's."""
    found = {connection.name.lower(): connection for connection in settings.connections}
    with suppress(StoreUnavailable):
        found = {connection.name.lower(): connection for connection in services.register.live()} | found
    return list(found.values())


def _site(settings: Settings) -> Site:
    sdk, cookie = settings.hotline_sdk, settings.session.ac_token_cookie
    return Site(
        public_url=settings.public_url,
        session_lifetime=settings.session.lifetime,
        ac_token_http_only=cookie.http_only,
        ac_token_domain=cookie.domain,
        sdk=HotlineSdk(
            scripts=tuple(sdk.scripts),
            styles=tuple(sdk.styles),
            api_host=sdk.api_host,
            ws_host=sdk.ws_host,
            csp_hosts=tuple(sdk.csp_hosts),
        ),
    )


def _configure(app: Flask, services: Services) -> None:
    site = services.site
    app.config.update(
        SECRET_KEY=services.key_ring.signing_keys(CSRF_PURPOSE)[-1],
        MAX_CONTENT_LENGTH=_LARGEST_REQUEST,
        MAX_FORM_MEMORY_SIZE=_LARGEST_REQUEST,
        # `__Host-` lets no other host and no plain-http page set or shadow the cookie.
        SESSION_COOKIE_NAME="__Host-bridge_session" if site.is_secure else "bridge_session",
        SESSION_COOKIE_SECURE=site.is_secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=site.session_lifetime),
        WTF_CSRF_TIME_LIMIT=None,
        BABEL_DEFAULT_LOCALE="en",
        BOOTSTRAP_SERVE_LOCAL=True,
    )


def _furnish_templates(app: Flask) -> None:
    @cache
    def static_url(filename: str) -> str:
        return url_for("static", filename=filename, v=__version__)

    app.jinja_env.globals.update(
        _=translate,
        csp_nonce=headers.csp_nonce,
        language_url=language_url,
        rendered_once=rendered_once,
        static_url=static_url,
    )
    console_pages.furnish(app)
    app.context_processor(lambda: {"csrf_token": _form_token(), "locale": language_tag()})


def _form_token() -> str:
    return form_token() if is_console(request.path) else csrf_token()
