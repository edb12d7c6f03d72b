"""Joins the sandbox: one Flask application that is the whole outside world."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from flask import Flask, Response, request

from bridge.sandbox.aiccs import by_operation, openapi
from bridge.sandbox.control import control
from bridge.sandbox.crm import crm
from bridge.sandbox.fuyun import token_exchange
from bridge.sandbox.fuyun_callback import fuyun_callbacks
from bridge.sandbox.idp import identity_provider
from bridge.sandbox.recordings import recordings
from bridge.sandbox.sdk import hotline_sdk
from bridge.sandbox.world import Request, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.sandbox.platforms import Platform

_UNRECORDED: Final = ("/sandbox/", "/assets/", "/favicon.ico", "/crm")  # and the control desk's own page
_LARGEST_BODY: Final = 1_000_000
_PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; base-uri 'none';"
    " frame-ancestors 'none'"
)


def create_sandbox(
    base_url: str,
    *,
    world: World | None = None,
    now: Callable[[], float] = time.time,
    platform: Platform | None = None,
) -> Flask:
    """Return the outside world as it answers at `base_url`; its state is in ``app.extensions["world"]``.

    Args:
        base_url: scheme, host and port, as issuers and addresses in metadata spell them.
        world: a world prepared by the caller; a fresh one by default.
        now: the clock of everybody out there, in epoch seconds.
        platform: the bridge that the CRM uses.
    """
    world = world or World()
    world.settle(base_url, now)
    if platform is not None and platform.public_key:
        _join(world, platform)
    app = Flask(__name__, template_folder="pages", static_folder="assets", static_url_path="/assets")
    app.config.update(MAX_CONTENT_LENGTH=_LARGEST_BODY, PROPAGATE_EXCEPTIONS=True)
    app.extensions["world"] = world
    for connection in world.manners:
        app.register_blueprint(identity_provider(world, connection))
    app.register_blueprint(token_exchange(world))
    app.register_blueprint(fuyun_callbacks(world))
    app.register_blueprint(openapi(world))
    app.register_blueprint(recordings(world))
    app.register_blueprint(hotline_sdk(world))
    app.register_blueprint(control(world))
    app.register_blueprint(crm(platform))
    app.before_request(lambda: _record(world))
    app.after_request(_finish)
    app.wsgi_app = by_operation(app.wsgi_app)  # type: ignore[method-assign,assignment]
    return app


def _join(world: World, platform: Platform) -> None:
    application, key = platform.application(), platform.access_key()
    world.fuyun_apps[application.client_id] = application
    world.access_keys[key.access_key_id] = key


def _record(world: World) -> None:
    # An unread body would be taken for the next request on this connection; a parsed one has no hash to compare.
    request.get_data()
    if request.path == "/" or request.path.startswith(_UNRECORDED):
        return
    world.record(
        Request(
            method=request.method,
            path=request.path,
            query=request.args.to_dict(flat=False),
            form=request.form.to_dict(flat=False),
            scheme=request.headers.get("Authorization", "").partition(" ")[0],
            content_type=request.mimetype,
            at=world.now(),
        )
    )


def _finish(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Security-Policy", _PAGE_POLICY)
        response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response
