"""What the bridge sees of a request and answers to it, for `check` alone: it learns so what proxies change."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, jsonify, request
from werkzeug.http import dump_cookie

from bridge import __version__
from bridge.http.address import asked_host, client_address, is_trusted_proxy
from bridge.http.current import services
from bridge.http.headers import allow_sdk
from bridge.http.reach import ADDRESS, nonce_of

reach = Blueprint("reach", __name__)
_SHOWN: Final = 200


@reach.get(ADDRESS)
def seen() -> Response:
    """Tell a holder of our keys how this request arrived, beside headers that have to come back as they are."""
    rooms = services()
    nonce = nonce_of(rooms.key_ring, request.args.get("of", ""), rooms.now())
    # With the softphone's policy, which has to reach browsers as it is: of all pages' it is the longest.
    allow_sdk("")
    peer = request.environ.get("REMOTE_ADDR", "")
    sent = {
        "Set-Cookie": dump_cookie(
            "bridge_reach", max_age=0, secure=rooms.site.is_secure, httponly=True, samesite="Lax"
        ),
        "Location": f"{rooms.site.public_url}{ADDRESS}?back=1",
    }
    response = jsonify(
        nonce=nonce,
        version=__version__,
        now=rooms.now(),
        peer=peer,
        is_trusted=is_trusted_proxy(peer, rooms.site.trusted_proxies),
        client=client_address(),
        forwarded_for=request.headers.get("X-Forwarded-For", "")[:_SHOWN],
        host=asked_host(),
        query=len(request.args.get("padding", "")),
        header=len(request.headers.get("X-Padding", "")),
        sent=sent,
    )
    response.headers.extend(sent)
    return response
