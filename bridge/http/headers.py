"""Security headers of every answer."""

from __future__ import annotations

import secrets
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from flask import Response, g, request

from bridge.http.current import services

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.services import HotlineSdk

# Seen in public configurations of the SDK (2021); the hosts that version 1.0.5 uses by itself are not documented.
_SDK_HOSTS: Final = (
    "https://api.rhinokeen.com",
    "https://aiccs.aliyuncs.com",
    "https://scsp.aliyuncs.com",
    "wss://msgx-space.aliyun.com",
)
_YEAR: Final = 31_536_000
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


def csp_nonce() -> str:
    """Return this answer's nonce for script tags."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def allow_sdk(end_session_origin: str) -> None:
    """Let this answer's page load the hotline SDK, and post its logout form towards the provider."""
    g.sdk_allowed = True
    g.form_action = end_session_origin


def allow_media() -> None:
    """Let this answer's page play sound that the bridge itself sends."""
    g.media_allowed = True


def allow_frames(origins: Iterable[str]) -> None:
    """Let pages of these origins show this answer in a frame."""
    g.frame_ancestors = " ".join(origins)


def set_security_headers(response: Response) -> Response:
    """Add the policy headers; pages and JSON are never stored by caches."""
    site = services().site
    policy = _policy(
        site.sdk, g.get("form_action", ""), allowed=g.get("sdk_allowed", False), media=g.get("media_allowed", False)
    )
    wanted = _FIXED | {"Content-Security-Policy": policy.replace(_NONCE, f"'nonce-{csp_nonce()}'")}
    if g.get("frame_ancestors"):
        del wanted["X-Frame-Options"]
        framed = f"frame-ancestors {g.frame_ancestors}"
        wanted["Content-Security-Policy"] = wanted["Content-Security-Policy"].replace(_NO_FRAMES, framed)
    if site.is_secure:
        wanted["Strict-Transport-Security"] = f"max-age={_YEAR}; includeSubDomains"
    if not request.path.startswith(_ASSETS):
        wanted["Cache-Control"] = "no-store"
    set_already = {name.lower() for name in response.headers.keys()}  # noqa: SIM118 — iterating gives pairs
    for name, value in wanted.items():
        if name.lower() not in set_already:
            response.headers.add(name, value)
    return response


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
