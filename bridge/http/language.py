"""The language of pages and problems: Chinese or English, by cookie, then by ``Accept-Language``."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, g, has_request_context, redirect, request, url_for

from bridge.core.errors import PageUnknown
from bridge.core.landing import own_path
from bridge.http.current import services
from bridge.http.parameters import single

COOKIE: Final = "bridge_language"
CHINESE: Final = "zh"
ENGLISH: Final = "en"
_TAGS: Final = {CHINESE: "zh-CN", ENGLISH: "en"}
_A_YEAR: Final = 365 * 86_400

language = Blueprint("language", __name__)


def choose_language() -> str:
    """Return ``zh`` or ``en`` for this request."""
    if not has_request_context():
        return ENGLISH
    chosen = request.cookies.get(COOKIE, "")
    if chosen in _TAGS:
        return chosen
    best = request.accept_languages.best_match(["zh-CN", "zh-Hans", "zh-TW", "zh", "en"], ENGLISH)
    return CHINESE if best.startswith(CHINESE) else ENGLISH


def language_tag() -> str:
    """Return the page's language as HTML names it."""
    if "language_tag" not in g:
        g.language_tag = _TAGS[choose_language()]
    return str(g.language_tag)


def language_url(chosen: str) -> str:
    """Return the address that switches the language and comes back to this page."""
    here = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return url_for("language.switch", chosen=chosen, next=here)


@language.get("/language/<chosen>")
def switch(chosen: str) -> Response:
    """Remember the language in this browser and go back."""
    if chosen not in _TAGS:
        raise PageUnknown
    back = own_path(single(request.args, "next")["next"], "/")
    response = redirect(back, 303)
    response.set_cookie(
        COOKIE, chosen, _A_YEAR, secure=services().site.is_secure, httponly=True, samesite="Lax", path="/"
    )
    return response  # type: ignore[return-value]
