"""The public keys of mode jwt, for whoever checks our signatures: Fuyun's portal, or an operator with a JWT in hand."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import structlog
from flask import Blueprint, Response, request

from bridge.connections.keys import KeyUnusable, load_private_key, public_jwk
from bridge.http.current import services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.core.model import Secret

jwks = Blueprint("jwks", __name__)
_log = structlog.stdlib.get_logger("bridge")
_MAX_AGE: Final = 300


@jwks.get("/.well-known/jwks.json")
def key_set() -> Response:
    """Return the set (RFC 7517 section 5) of every key that signs, or is going to, for a connection in use.

    The order and the names are the keys' own: the set tells nobody who the customers are.
    """
    found = {jwk["kid"]: jwk for key in _keys() if (jwk := _jwk(key))}
    body = json.dumps({"keys": [found[kid] for kid in sorted(found)]}, separators=(",", ":"))
    response = Response(body, content_type="application/jwk-set+json")
    response.headers["Cache-Control"] = f"public, max-age={_MAX_AGE}"
    response.add_etag()
    response.make_conditional(request)
    return response


def _keys() -> Iterator[Secret]:
    for connection in services().connections.enabled():
        if connection.mode == "jwt" and connection.jwt:
            yield from connection.jwt.keys_at(services().now())


@lru_cache(maxsize=512)
def _jwk(private_key: Secret) -> dict[str, str] | None:
    """Return the public half; None where the key is broken, which is logged once. Parsing costs 29 ms."""
    try:
        return public_jwk(load_private_key(private_key.reveal()))
    except KeyUnusable as fault:
        _log.warning("signing_key_unusable", received=fault.sentence)
        return None
