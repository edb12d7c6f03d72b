"""Requests as they are sent: the few headers of ours, and each address read once."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from requests.auth import AuthBase


def headers_with(given: Mapping[str, str] | None) -> dict[str, str]:
    """Return the headers of every request of ours, and those given."""
    # identity: a compressed answer could unfold to far more than the size limit while it is read
    return {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "hotline-bridge"} | dict(
        given or {}
    )


def prepared(
    method: str,
    url: str,
    headers: Mapping[str, str],
    form: Mapping[str, str] | None,
    auth: AuthBase | Callable[[Any], Any] | None,
) -> requests.PreparedRequest:
    """Return a request to send; raises requests' own errors for what cannot be sent.

    Args:
        form: sent as ``application/x-www-form-urlencoded`` in the body.
        auth: signs the request.
    """
    # Step by step: `Request.prepare` also looks for parameters, files and cookies, which takes as long as all the rest.
    request = requests.PreparedRequest()
    request.method = method
    request.url = _address(url)
    request.prepare_headers(headers)
    if form:
        request.body = urlencode(form)
        request.headers["Content-Type"] = "application/x-www-form-urlencoded"
        request.prepare_content_length(request.body)
    if auth:
        request.prepare_auth(auth)
    return request


@lru_cache(maxsize=256)
def _address(url: str) -> str:
    # The same few addresses again and again, and reading one takes as long as all the rest.
    request = requests.PreparedRequest()
    request.prepare_url(url, None)
    return str(request.url)
