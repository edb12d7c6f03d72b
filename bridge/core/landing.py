"""Where a sign-in lands: only pages of our own, never another site (open redirector, RFC 9700 section 4.11)."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote, urlsplit

HOME: Final = "/softphone"
LONGEST: Final = 2000
_MOST_ENCODINGS: Final = 5
# The pending sign-in must fit into one cookie, whose limit is 4,096 bytes, and encryption makes four bytes of three.
_LONGEST_IN_BYTES: Final = 2600
_NOT_A_PAGE: Final = frozenset(
    {
        "api",
        "backchannel-logout",
        "callback",
        "frontchannel-logout",
        "handoff",
        "language",
        "logged-out",
        "login",
        "logout",
        "session",
    }
)


def safe_landing(wanted: str) -> str:
    """Return `wanted` if a sign-in may land there, else the softphone."""
    path = own_path(wanted, HOME)
    first = _decoded(urlsplit(path).path).split("/")[1].lower()
    return HOME if first in _NOT_A_PAGE else path


def own_path(wanted: str, otherwise: str) -> str:
    r"""Return `wanted` if it is a path on our own host, else `otherwise`.

    Browsers read ``//host``, ``/\host`` and a path with tabs or newlines in it as another site, so all of these are
    turned away, whatever their encoding.
    """
    return wanted if _is_own_path(wanted) else otherwise


def _is_own_path(wanted: str) -> bool:
    # urlsplit finds no host in "///host", where browsers do.
    if not wanted.startswith("/") or wanted.startswith("//") or len(wanted) > LONGEST:
        return False
    if len(wanted.encode(errors="replace")) > _LONGEST_IN_BYTES:
        return False
    if "\\" in wanted or not wanted.isprintable() or any(character.isspace() for character in wanted):
        return False
    path = _decoded(urlsplit(wanted).path)
    # The names of our own pages are plain ASCII, in which no letter can be taken for a slash or a dot.
    if not (path.isascii() and path.isprintable()) or "\\" in path or "%" in path:
        return False
    return "//" not in path and ".." not in path.split("/")


def _decoded(path: str) -> str:
    """Return a path as the last of several servers in a row may read it, each of which decodes it once more."""
    for _ in range(_MOST_ENCODINGS):
        path = unquote(path)
    return path
