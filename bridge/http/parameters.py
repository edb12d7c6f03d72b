"""Parameters of a request, each at most once and not too long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.core.errors import BridgeError, RequestInvalid
from bridge.core.landing import LONGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.datastructures import MultiDict

LENGTHS: Final[Mapping[str, int]] = {
    "next": LONGEST,
    "login_hint": 320,
    "prompt": 64,
    "state": 512,
    "code": 8192,
    "error": 256,
    "error_description": 8192,
    "iss": 2048,
    "sid": 255,
    "logout_token": 16_384,
    "again": 1,
    "person": 64,
    "csrf_token": 512,
    "target_link_uri": 2048,
    "version": 9,
    "link": 64,
}
_BAD_REQUEST: Final = 400


def single(
    parameters: MultiDict[str, str], *names: str, refuse_as: type[BridgeError] = RequestInvalid
) -> dict[str, str]:
    """Return the named parameters, absent ones as empty texts.

    Two readers of one request may take different twins of a parameter (HTTP parameter pollution), so twins are refused.

    Raises:
        refuse_as: with status 400, for a parameter that is repeated or longer than its limit.
    """
    return {name: _one(parameters.getlist(name), name, refuse_as) for name in names}


def version_in(parameters: MultiDict[str, str]) -> int:
    """Return the number of the version that is asked for, 0 where none is; raises RequestInvalid."""
    version = single(parameters, "version")["version"]
    if version and not (version.isascii() and version.isdecimal()):
        raise RequestInvalid(expected="version as a number", received="another text")
    return int(version or 0)


def _one(values: list[str], name: str, refuse_as: type[BridgeError]) -> str:
    if len(values) > 1:
        raise refuse_as(expected=f"{name} once", received=f"{len(values)} times", status=_BAD_REQUEST)
    value = values[0] if values else ""
    if len(value) > LENGTHS[name]:
        limit = f"{name} of at most {LENGTHS[name]} characters"
        raise refuse_as(expected=limit, received=f"{len(value)} characters", status=_BAD_REQUEST)
    return value
