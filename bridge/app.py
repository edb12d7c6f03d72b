"""The one joining place: the rooms, the front desks and the web server's application."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from flask import Flask, request
from flask_babel import Babel
from flask_bootstrap import Bootstrap5

from bridge import __version__, gauges
from bridge.checks import round as checks
from bridge.checks.scene import Deployment, Scene
from bridge.connections import turns
from bridge.connections.register import FILE_AUTHOR
from bridge.core.errors import StoreUnavailable
from bridge.db import Database
from bridge.http import assets, bodies, console_pages, framing, headers, hurry, limits, observing, problem
from bridge.http.address import PublicAddress
from bridge.http.api import OPERATIONS
from bridge.http.application import Application
from bridge.http.console import form_token, is_console
from bridge.http.current import EXTENSION
from bridge.http.guard import CSRF_PURPOSE, csrf_token
from bridge.http.language import (
    choose_language,
    drawn,
    language,
    language_tag,
    language_url,
    rendered_once,
    translate,
)
from bridge.http.session import BrowserSessionInterface
from bridge.ops.logs import configure_logs
from bridge.ops.tracing import tracing_of
from bridge.rooms import build_services, make_outbound
from bridge.settings import Settings, load, templates_folder
from bridge.upstream.metadata import KeyCache, MetadataCache
from bridge.web.admin.agents_import import agents_import
from bridge.web.admin.api_keys import api_keys
from bridge.web.admin.calls import calls
from bridge.web.admin.connections import connections
from bridge.web.admin.contact_agents import contact_agents
from bridge.web.admin.coverage import coverage
from bridge.web.admin.dashboard import dashboard
from bridge.web.admin.departments import departments
from bridge.web.admin.door import door
from bridge.web.admin.editing import editing
from bridge.web.admin.hotline_numbers import hotline_numbers
from bridge.web.admin.portal import portal
from bridge.web.admin.records import records
from bridge.web.admin.rehearsals import rehearsals
from bridge.web.admin.sessions import sessions
from bridge.web.admin.skill_groups import skill_groups
from bridge.web.agent import agent
from bridge.web.api.agents import desk as agents_desk
from bridge.web.api.calls import desk as calls_desk
from bridge.web.api.connections import desk as connections_desk
from bridge.web.api.departments import desk as departments_desk
from bridge.web.api.description import description
from bridge.web.api.hotline_numbers import desk as numbers_desk
from bridge.web.api.sessions import desk as sessions_desk
from bridge.web.api.skill_groups import desk as skill_groups_desk
from bridge.web.api.tokens import desk as tokens_desk
from bridge.web.callback import callback
from bridge.web.handoff import handoff
from bridge.web.health import health, ops
from bridge.web.jwks import jwks
from bridge.web.logout import logout
from bridge.web.own_calls import own_calls
from bridge.web.reach import reach
from bridge.web.softphone import softphone

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.checks.finding import Finding
    from bridge.core.model import Connection
    from bridge.ops.tracing import Tracing
    from bridge.outbound import Outbound
    from bridge.services import Services


_LARGEST_REQUEST = 65_536
API = (
    tokens_desk,
    connections_desk,
    sessions_desk,
    agents_desk,
    skill_groups_desk,
    departments_desk,
    numbers_desk,
    calls_desk,
)
PAGES = (language, agent, callback, handoff, logout, softphone, own_calls, health, reach, jwks, description)
CONSOLE = (
    door,
    editing,
    connections,
    records,
    rehearsals,
    portal,
    sessions,
    api_keys,
    coverage,
    calls,
    dashboard,
    contact_agents,
    agents_import,
    skill_groups,
    departments,
    hotline_numbers,
)


def create_app(
    settings: Settings,
    *,
    outbound: Outbound | None = None,
    now: Callable[[], float] = time.time,
    tracing: Tracing | None = None,
) -> Flask:
    """Return the application, its database brought up to date.

    Args:
        outbound: another way out (tests mount applications on it).
        now: epoch seconds.
        tracing: where traces go; None: nothing is traced.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    services = build_services(settings, outbound or make_outbound(settings), now)
    provision(settings, services)
    package = Path(__file__).parent
    app = Application("bridge", root_path=str(package), template_folder=str(templates_folder()))
    _configure(app, services)
    app.url_map.merge_slashes = False
    app.wsgi_app = PublicAddress(app.wsgi_app, settings.public_url)  # type: ignore[method-assign]
    app.extensions[EXTENSION] = services
    app.session_interface = BrowserSessionInterface(app, services.key_ring, services.browser_sessions)
    Babel(app, locale_selector=choose_language, default_translation_directories=str(package / "translations"))
    Bootstrap5(app)
    for blueprint in PAGES:
        app.register_blueprint(blueprint)
    for blueprint in CONSOLE:
        app.register_blueprint(blueprint)
        app.before_request_funcs.setdefault(blueprint.name, []).append(limits.spend_on_console)
    for desk in API:
        app.register_blueprint(desk.blueprint)
    app.extensions[OPERATIONS] = tuple(operation for desk in API for operation in desk.operations)
    if not settings.server.ops_bind:
        app.register_blueprint(ops)
    problem.install(app)
    framing.install(app)
    bodies.install(app, settings.server.threads)
    hurry.install(app)
    limits.install(
        app,
        cast("dict[limits.Budget, str]", dict(settings.limits)),
        sessions_url=settings.store.sessions,
        ca_bundle=settings.egress.ca_bundle,
    )
    headers.install(app)
    observing.install(app, services.metrics, trusted_proxies=services.site.trusted_proxies, tracing=tracing)
    _install_gauges(settings, services)
    _furnish_templates(app)
    return app


def prepare_store(settings: Settings) -> None:
    """Bring the database up to date before any worker starts; raises StoreUnavailable."""
    database = Database(settings.store.database)
    database.upgrade()
    database.close()


def from_environment(read: Settings | None = None) -> Flask:
    """Return the application for the file that ``BRIDGE_CONFIG`` names; raises SettingsError.

    Args:
        read: what that file says, where this process knows it already.
    """
    settings = _settings_of_environment(read)
    app = create_app(settings, tracing=tracing_of(os.environ, __version__))
    # Read now, they serve on through an outage of the database that comes before this worker's first request.
    app.extensions[EXTENSION].connections.enabled()
    app.extensions[EXTENSION].metrics.worker_started(settings.server.threads)
    return app


def ops_from_environment() -> Flask:
    """Return the small application behind ``server.ops_bind``: probes and metrics, no agents."""
    settings = _settings_of_environment()
    app = Flask("bridge.ops")
    app.extensions[EXTENSION] = build_services(settings, make_outbound(settings), time.time)
    app.register_blueprint(health)
    app.register_blueprint(ops)
    headers.install(app)
    _install_gauges(settings, app.extensions[EXTENSION])
    return app


def _install_gauges(settings: Settings, services: Services) -> None:
    kept = settings.journal
    gauges.install(services, retention=kept.retention, per_connection=kept.per_connection)


def _settings_of_environment(read: Settings | None = None) -> Settings:
    settings = read or load(os.environ.get("BRIDGE_CONFIG", "config/bridge.toml"), os.environ)
    configure_logs(settings.log.level, settings.log.format)
    return settings


def provision(settings: Settings, services: Services) -> None:
    """Bring the database up to date and let it say what the file says; replicas that start together wait in line.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    services.database.upgrade()
    services.kept_answers.sweep()
    with services.database.exclusively():
        changed = services.register.provision(settings.connections)
        if changed:
            _note_content(settings, services, changed)
        for name, done in changed:
            if done == "left_the_file":
                services.admin_sessions.end_all(name)
                services.agent_sessions.end_all(name)
                services.rehearsals.forget(name)
                services.journal.retire(name, services.register.former_generation(name))


def _note_content(settings: Settings, services: Services, changed: list[tuple[str, str]]) -> None:
    """Write down what the file has changed, and whether it undoes what another replica's file did.

    Raises nothing where the journal does not answer: what was changed is changed, and the sessions of what is gone
    have to end.
    """
    before: list[turns.Turn] = []
    with suppress(StoreUnavailable):
        before = turns.turns(services.trail, services.now(), __version__)
    contents = turns.contents_of(settings.connections, services.key_ring)
    content = contents[0]
    for name, done in changed:
        services.journal.record_act(
            f"connection_{done}",
            actor=FILE_AUTHOR,
            connection=name,
            file_content=content,
            release=__version__,
        )
        content = ""  # once is enough, as `turns` says
    if other := turns.undone(contents, before):
        minutes = int(services.now() - other.at) // 60
        services.journal.record_act("files_differ", actor=FILE_AUTHOR, minutes_before=minutes)


def probe(settings: Settings, config: Path | None = None, only: str | None = None) -> list[Finding]:
    """Look at the bridge itself, and ask the stores, every identity provider, Fuyun and the contact center once.

    Args:
        config: the path of the file that the settings are from.
        only: name of the one connection to look at, also where it is switched off.

    Raises:
        LookupError: no connection is called `only`.
    """
    # Many connections may share one host, such as Fuyun's: all that are asked at once are let through.
    server = settings.server.model_copy(update={"threads": 2 * checks.TOGETHER})
    outbound = make_outbound(replace(settings, server=server))
    services = build_services(settings, outbound, time.time)
    deployment = Deployment(
        config=config,
        secret_keys=settings.secret_keys,
        workers=settings.server.workers,
        threads=settings.server.threads,
        sessions_url=settings.store.sessions,
        ca_bundle=settings.egress.ca_bundle,
        given=tuple(settings.connections),
    )
    scene = Scene(services, outbound, MetadataCache(outbound), KeyCache(outbound), deployment)
    every = _every_connection(settings, services)
    if only is None:
        return checks.probe(scene, every)
    chosen = [replace(one, enabled=True) for one in every if one.name.lower() == only.lower()]
    if not chosen:
        raise LookupError(f"No connection is called {only}; there are: {', '.join(one.name for one in every)}.")
    return checks.probe(scene, chosen, whole=False)


def _every_connection(settings: Settings, services: Services) -> list[Connection]:
    """Return the file's connections and, where the database is there to be asked, the console's."""
    found = {connection.name.lower(): connection for connection in settings.connections}
    with suppress(StoreUnavailable):
        found = {connection.name.lower(): connection for connection in services.register.live()} | found
    return list(found.values())


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
    app.jinja_env.globals.update(
        _=translate,
        csp_nonce=headers.csp_nonce,
        icon=partial(drawn, "parts/icons.html", "icon"),
        language_url=language_url,
        mark=partial(drawn, "parts/icons.html", "mark"),
        rendered_once=rendered_once,
        static_url=assets.static_url,
    )
    console_pages.furnish(app)
    app.context_processor(_of_this_page)


def _of_this_page() -> dict[str, object]:
    nonce = headers.csp_nonce()
    return {"csp_nonce": lambda: nonce, "csrf_token": _form_token(), "locale": language_tag()}


def _form_token() -> str:
    return form_token() if is_console(request.path) else csrf_token()
