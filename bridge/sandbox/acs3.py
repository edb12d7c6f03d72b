"""Access keys of the companies' cloud accounts, and the signature ACS3-HMAC-SHA256 as a server checks it."""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from bridge.sandbox.registrations import COMPANIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.wrappers import Request

_ALGORITHM: Final = "ACS3-HMAC-SHA256"
_AUTHORIZATION: Final = re.compile(rf"{_ALGORITHM} Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{{64}})")
_DEMANDED: Final = frozenset(
    {"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"}
)
GOOD_FOR: Final = 900
"""Seconds by which a signature's time may differ from the server's."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One company's access key."""

    connection: str
    access_key_id: str
    access_key_secret: str


ACCESS_KEYS: Final = {
    name: AccessKey(name, f"LTAI-sandbox-{name}", f"sandbox-access-key-{name}-for-demo-only") for name in COMPANIES
}


@dataclass(frozen=True, slots=True)
class Signature:
    """What the Authorization header says; all empty where there is none of this kind."""

    access_key_id: str = ""
    headers: tuple[str, ...] = ()
    value: str = field(default="", repr=False)


def signature_of(request: Request) -> Signature:
    """Read the Authorization header."""
    found = _AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
    return Signature(found[1], tuple(found[2].split(";")), found[3]) if found else Signature()


def is_complete(signature: Signature, request: Request) -> bool:
    """Tell whether everything that must be signed is, and the payload's hash is the payload's."""
    named = set(signature.headers) >= _DEMANDED and all(name in request.headers for name in signature.headers)
    return named and request.headers["x-acs-content-sha256"] == hashlib.sha256(request.get_data()).hexdigest()


def string_to_sign(signature: Signature, request: Request) -> str:
    """Return the text that the client must have signed."""
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in signature.headers)
    lines = (
        request.method,
        "/",
        _canonical(request.args),
        headers,
        ";".join(signature.headers),
        request.headers["x-acs-content-sha256"],
    )
    canonical = "\n".join(lines)
    return f"{_ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"


def is_by(key: AccessKey, signature: Signature, request: Request) -> bool:
    """Tell whether this key made the signature of this request."""
    signed = string_to_sign(signature, request).encode()
    expected = hmac.new(key.access_key_secret.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, signature.value)


def is_current(request: Request, now: float) -> bool:
    """Tell whether the request was signed a moment ago."""
    try:
        signed_at = calendar.timegm(time.strptime(request.headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        return False
    return abs(now - signed_at) <= GOOD_FOR


def _canonical(parameters: Mapping[str, str]) -> str:
    return "&".join(f"{_quoted(name)}={_quoted(parameters[name])}" for name in sorted(parameters))


def _quoted(text: str) -> str:
    return quote(text, safe="~")
