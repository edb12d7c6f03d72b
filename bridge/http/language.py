"""The language of pages and problems: Chinese or English, by cookie, then by ``Accept-Language``."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final, cast

from flask import Blueprint, Response, current_app, g, has_request_context, redirect, render_template, request
from flask_babel import get_translations
from markupsafe import Markup
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from bridge.core.errors import PageUnknown
from bridge.core.landing import LONGEST, own_path
from bridge.core.wording import Sentence
from bridge.http.application import path_to
from bridge.http.current import services
from bridge.http.parameters import single

COOKIE: Final = "bridge_language"
CHINESE: Final = "zh"
ENGLISH: Final = "en"
_TAGS: Final = {CHINESE: "zh-CN", ENGLISH: "en"}
_A_YEAR: Final = 365 * 86_400
_LONGEST_WISH: Final = 500

language = Blueprint("language", __name__)


def choose_language() -> str:
    """Return ``zh`` or ``en`` for this request."""
    if not has_request_context():
        return ENGLISH
    chosen = request.cookies.get(COOKIE, "")
    if chosen in _TAGS:
        return chosen
    return _best_of(request.headers.get("Accept-Language", "")[:_LONGEST_WISH])


@lru_cache(maxsize=256)
def _best_of(accepted: str) -> str:
    wishes = parse_accept_header(accepted, LanguageAccept)
    best = wishes.best_match(["zh-CN", "zh-Hans", "zh-TW", "zh", "en"], ENGLISH)
    return CHINESE if best.startswith(CHINESE) else ENGLISH


def language_tag() -> str:
    """Return the page's language as HTML names it."""
    tag: str | None = g.get("language_tag")
    if tag is None:
        tag = g.language_tag = _TAGS[choose_language()]
    return tag


def translate(text: str, **variables: object) -> Markup:
    """Return a template's text in this request's language; `variables` fill it in, escaped.

    The phone's page has a hundred texts, and Flask-Babel looks for its catalogue anew for each of them.
    """
    translated = _translated(language_tag(), text)
    return translated % variables if variables or "%" in translated else translated


def spoken(message: str) -> str:
    """Return what a room below says to people, in this request's language where a catalogue has it."""
    if not isinstance(message, Sentence):
        return message
    told = get_translations().ugettext(message.template)
    return str(told % message.values if message.values else told)


@lru_cache(maxsize=1024)
def _translated(_language: str, text: str) -> Markup:
    return Markup(get_translations().ugettext(text))  # noqa: S704 — templates and catalogues are our own


def rendered_once(template: str) -> Markup:
    """Return a part of a page that depends on nothing but the language, rendered at its first use."""
    return _rendered(language_tag(), template)


@cache
def drawn(template: str, macro: str, *arguments: str | int) -> Markup:
    """Return what a macro draws that depends on its arguments alone, in `template`: an import costs each page anew."""
    return cast("Markup", getattr(current_app.jinja_env.get_template(template).module, macro)(*arguments))


@lru_cache(maxsize=16)
def _rendered(_language: str, template: str) -> Markup:
    return Markup(render_template(template))  # noqa: S704 — templates are our own


def language_url(chosen: str) -> str:
    """Return the address that switches the language and comes back to this page.

    A provider's answer is not come back to: its code is spent, and must stand on no page and in no further address.
    """
    repeatable = request.method == "GET" and request.endpoint != "callback.arrive"
    here = request.full_path.rstrip("?") if repeatable else "/"
    return path_to("language.switch", chosen=chosen, next=here if len(here) <= LONGEST else "/")


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
