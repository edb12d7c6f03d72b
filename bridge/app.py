"""The one joining place: rooms are made here, handed their tools, and given to the front desks."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, url_for
from flask_babel import Babel

from bridge import __version__, checks
from bridge.connections.keys import load_private_key
from bridge.connections.secrets import KeyRing
from bridge.connections.store import ConnectionStore
from bridge.db import Database
from bridge.fuyun.exchange import FuyunExchange
from bridge.fuyun.subject import AccessTokenSubject, MintedSubject
from bridge.http import headers, problem
from bridge.http.address import PublicAddress
from bridge.http.current import EXTENSION
from bridge.http.guard import csrf_token
from bridge.http.language import choose_language, language, language_tag, language_url, rendered_once, translate
from bridge.http.session import BrowserSessionInterface
from bridge.ops.journal import Journal
from bridge.ops.logs import configure_logs
from bridge.ops.metrics import Metrics
from bridge.outbound import Limits, Outbound
from bridge.services import HotlineSdk, Services, Site
from bridge.settings import Settings, load, templates_folder
from bridge.signin.agent_session import AgentSessions
from bridge.signin.browser_session import BrowserSessions
from bridge.signin.flow import SignInFlow
from bridge.signin.pending import PendingSignIns
from bridge.upstream.client import UpstreamClient
from bridge.upstream.metadata import KeyCache, MetadataCache
from bridge.web.agent import agent
from bridge.web.health import health, ops
from bridge.web.softphone import softphone

if TYPE_CHECKING:
    from collections.abc import Callable


_LARGEST_REQUEST = 65_536


def create_app(settings: Settings, *, outbound: Outbound | None = None, now: Callable[[], float] = time.time) -> Flask:
    """Return the application, its database brought up to date.

    Args:
        outbound: another way out (tests mount applications on it).
        now: epoch seconds.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    services = build_services(settings, outbound or make_outbound(settings), now)
    services.database.upgrade()
    package = Path(__file__).parent
    app = Flask("bridge", root_path=str(package), template_folder=str(templates_folder()))
    _configure(app, services)
    app.url_map.merge_slashes = False
    app.wsgi_app = PublicAddress(app.wsgi_app, settings.public_url)  # type: ignore[method-assign]
    app.extensions[EXTENSION] = services
    app.session_interface = BrowserSessionInterface(app, services.key_ring, services.browser_sessions)
    Babel(app, locale_selector=choose_language, default_translation_directories=str(package / "translations"))
    for blueprint in (language, agent, softphone, health):
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
    limits = Limits(connect=settings.egress.connect_timeout, read=settings.egress.read_timeout)
    return Outbound(ca_bundle=settings.egress.ca_bundle, limits=limits)


def build_services(settings: Settings, outbound: Outbound, now: Callable[[], float]) -> Services:
    """Make every room and hand it what it needs."""
    key_ring = KeyRing(settings.secret_keys)
    database = Database(settings.store.database)
    connections = ConnectionStore(settings.connections)
    metrics = Metrics()
    journal = Journal(metrics)
    pending = PendingSignIns(key_ring, now)
    lifetime = settings.session.lifetime
    sessions = AgentSessions(database, key_ring, lifetime=lifetime, idle=settings.session.idle, now=now)
    access_token, minted = AccessTokenSubject(), MintedSubject(load_private_key, now)
    flow = SignInFlow(
        public_url=settings.public_url,
        connections=connections,
        upstream=UpstreamClient(outbound, MetadataCache(outbound), KeyCache(outbound), now),
        subjects={"oauth": access_token, "jwt": minted},
        exchange=FuyunExchange(outbound, now),
        pending=pending,
        sessions=sessions,
        journal=journal,
        now=now,
    )
    return Services(
        site=_site(settings),
        database=database,
        key_ring=key_ring,
        connections=connections,
        pending=pending,
        flow=flow,
        agent_sessions=sessions,
        browser_sessions=BrowserSessions(database, now),
        journal=journal,
        metrics=metrics,
        now=now,
    )


def probe(settings: Settings) -> list[tuple[str, bool, str]]:
    """Ask the store, every identity provider and Fuyun once.

    Returns:
        For each its name, whether it answered well, and what came.
    """
    outbound = make_outbound(settings)
    services = build_services(settings, outbound, time.time)
    found = checks.probe(services, outbound, MetadataCache(outbound), KeyCache(outbound))
    return [(finding.name, finding.ok, finding.what) for finding in found]


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
        SECRET_KEY=services.key_ring.signing_keys("csrf")[-1],
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
    app.context_processor(lambda: {"csrf_token": csrf_token(), "locale": language_tag()})
