"""The address under which the world sees us: `public_url` alone, whatever a request claims."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from flask import request

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


_ASKED: Final = "bridge.asked_host"


class PublicAddress:
    """Replaces a request's Host and scheme before anything reads them: a stranger writes both as he likes."""

    def __init__(self, application: WSGIApplication, public_url: str) -> None:
        parts = urlsplit(public_url)
        self._application = application
        self._address = {"HTTP_HOST": parts.netloc, "wsgi.url_scheme": parts.scheme}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Hand the request on."""
        asked = {_ASKED: environ.get("HTTP_HOST", "")}
        return self._application({**environ, **asked, **self._address}, start_response)


def asked_host() -> str:
    """Return the host name that this request named, in lower case: a hint about what is wanted, never proof."""
    return str(request.environ.get(_ASKED, "")).rpartition("]")[2].partition(":")[0].lower()
