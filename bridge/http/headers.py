"""Security headers of every answer."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from flask import request

from bridge.http.assets import FOR_GOOD, is_for_good
from bridge.http.current import services_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from flask import Flask, Response

    from bridge.services import HotlineSdk

# Seen in public configurations of the SDK (2021); the hosts that version 1.0.5 uses by itself are not documented.
_SDK_HOSTS: Final = (
    "https://api.rhinokeen.com",
    "https://aiccs.aliyuncs.com",
    "https://scsp.aliyuncs.com",
    "wss://msgx-space.aliyun.com",
)
_YEAR: Final = 31_536_000
_WANTED: Final = "bridge.policy_headers"
_OWN: Final = "bridge.policy"
_FIXED: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # `no-referrer` would make browsers post our own forms with `Origin: null`
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_NONCE: Final = "'nonce-'"
_NO_FRAMES: Final = "frame-ancestors 'none'"
# What every visitor gets alike, so that caches may keep it.
_ASSETS: Final = ("/static/", "/bootstrap/static/")
_REFUSED: Final = 400


def install(app: Flask) -> None:
    """Let every answer of `app` have the policy headers; pages and JSON are never stored by caches."""
    app.after_request(partial(_want, app))
    app.wsgi_app = _Policed(app.wsgi_app)  # type: ignore[method-assign]


@dataclass(slots=True)
class _Own:
    """What is one answer's own: the nonce of its scripts, and what it is allowed beyond the usual policy."""

    nonce: str = field(default_factory=partial(secrets.token_urlsafe, 16))
    sdk: bool = False
    media: bool = False
    form_action: str = ""
    frame_ancestors: str = ""


def csp_nonce() -> str:
    """Return this answer's nonce for script tags."""
    return _own().nonce


def allow_sdk(end_session_origin: str) -> None:
    """Let this answer's page load the hotline SDK, and post its logout form towards the provider."""
    own = _own()
    own.sdk, own.form_action = True, end_session_origin


def allow_media() -> None:
    """Let this answer's page play sound that the bridge itself sends."""
    _own().media = True


def allow_frames(origins: Iterable[str]) -> None:
    """Let pages of these origins show this answer in a frame."""
    _own().frame_ancestors = " ".join(origins)


def _own() -> _Own:
    asked = request.environ
    if _OWN not in asked:
        asked[_OWN] = _Own()
    own: _Own = asked[_OWN]
    return own


class _Policed:
    """The application with its policy headers, added at the very end: Werkzeug would check and copy each one anew."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Hand the request on."""

        def start(status: str, headers: list[tuple[str, str]], *fault: Any) -> Any:
            set_already = {name.lower() for name, _ in headers}
            wanted = environ.get(_WANTED, {})
            headers += [pair for name, pair in wanted.items() if name not in set_already]
            return start_response(status, headers, *fault)

        return self._application(environ, start)


def _want(app: Flask, response: Response) -> Response:
    """Say what this answer's policy is, as far as its view has not set the header itself."""
    asked, site = request.environ, services_of(app).site
    own: _Own = asked.get(_OWN) or _Own()
    wanted = dict(_fixed(is_secure=site.is_secure))
    policy = _policy(site.sdk, own.form_action, allowed=own.sdk, media=own.media)
    policy = policy.replace(_NONCE, f"'nonce-{own.nonce}'")
    if own.frame_ancestors:
        del wanted["x-frame-options"]
        policy = policy.replace(_NO_FRAMES, f"frame-ancestors {own.frame_ancestors}")
    wanted["content-security-policy"] = ("Content-Security-Policy", policy)
    if not asked["PATH_INFO"].startswith(_ASSETS) or response.status_code >= _REFUSED:
        wanted["cache-control"] = ("Cache-Control", "no-store")
    elif is_for_good():
        response.headers["Cache-Control"] = FOR_GOOD
    asked[_WANTED] = wanted
    return response


@cache
def _fixed(*, is_secure: bool) -> dict[str, tuple[str, str]]:
    """Return what every answer of a site has, by its name in small letters."""
    lasting = {"Strict-Transport-Security": f"max-age={_YEAR}; includeSubDomains"} if is_secure else {}
    return {name.lower(): (name, value) for name, value in (_FIXED | lasting).items()}


@lru_cache(maxsize=256)
def _policy(sdk: HotlineSdk, form_action: str, *, allowed: bool, media: bool) -> str:
    scripts = _origins(sdk.scripts) if allowed else []
    styles = _origins(sdk.styles) if allowed else []
    reach = _reach(sdk) if allowed else []
    sound = ["'self'", "blob:", *reach] if allowed else ["'self'"] if media else ["'none'"]
    directives = {
        "default-src": ["'none'"],
        "script-src": ["'self'", _NONCE, *scripts],
        # antd 4 and react-draggable, which the SDK is made of, set inline styles
        "style-src": ["'self'", *styles, *(["'unsafe-inline'"] if allowed else [])],
        "font-src": ["'self'", *(["data:", *styles] if allowed else [])],
        "img-src": ["'self'", "data:", *reach],
        "media-src": sound,
        "worker-src": ["'self'", "blob:"] if allowed else ["'none'"],
        "connect-src": ["'self'", *reach],
        "form-action": ["'self'", *filter(None, [form_action])],
        "base-uri": ["'none'"],
    }
    policy = "; ".join(f"{name} {' '.join(values)}" for name, values in directives.items())
    return f"{policy}; {_NO_FRAMES}"


def _reach(sdk: HotlineSdk) -> list[str]:
    given = [*_hosts(sdk.api_host, "https"), *_hosts(sdk.ws_host, "wss"), *sdk.csp_hosts]
    return _unique([*_SDK_HOSTS, *given])


def _hosts(host: str, scheme: str) -> list[str]:
    return [host if "://" in host else f"{scheme}://{host}"] if host else []


def _origins(urls: Iterable[str]) -> list[str]:
    parts = [urlsplit(url) for url in urls]
    return _unique(f"{part.scheme}://{part.netloc}" for part in parts if part.netloc)


def _unique(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))
