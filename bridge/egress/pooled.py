"""The transport: pooled keep-alive connections, with one TLS context parsed once."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.connection import port_by_scheme

from bridge.egress.addresses import demand_public, resolve
from bridge.egress.certificates import CertificateDates
from bridge.egress.hosts import line_of
from bridge.egress.lines import POOLS, PUBLIC_POOLS, get_ready
from bridge.egress.prepared import prepared

if TYPE_CHECKING:
    import ssl

    from bridge.egress.certificates import Place
    from bridge.egress.limits import Limits

_CONNECTIONS_PER_HOST: Final = 64
_HOSTS: Final = 256
_LOOK_EVERY: Final = 1.0


class PooledAdapter(HTTPAdapter):
    """Keeps connections alive, with one TLS context parsed once.

    requests hands the CA file's path to every new connection, which parses it again (23 ms of CPU): here the pool's key
    carries the ready context instead, and the path is never set. The context itself demands a trusted certificate.
    """

    def __init__(self, context: ssl.SSLContext, *, public_only: bool = False) -> None:
        self._context = context
        self._certificates = CertificateDates(context)
        self._looked: dict[str, float] = {}
        self._keyed: dict[str, tuple[Any, dict[str, Any]]] = {}
        super().__init__(pool_connections=_HOSTS, pool_maxsize=_CONNECTIONS_PER_HOST)
        self.poolmanager.pool_classes_by_scheme = dict(PUBLIC_POOLS if public_only else POOLS)

    def to_public(self) -> PooledAdapter:
        """Return an adapter that connects to public addresses alone, in pools of its own."""
        return PooledAdapter(self._context, public_only=True)

    def check_public(self, place: Place, seconds: float) -> None:
        """Resolve a host; raises PrivateAddress, and OSError or UnicodeError where there is no answer in time."""
        demand_public(resolve(place.host, place.port, seconds))

    def certificate_expiry(self, place: Place, limits: Limits, *, public_only: bool) -> float | None:
        """Return the epoch seconds at which a host's certificate ends, or None."""
        return self._certificates.get(place, limits.connect, limits.read, public_only=public_only)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> tuple[Any, Any]:
        """Return the pool's key: scheme, host, port and the one shared context."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": self._context} if host["scheme"] == "https" else {}

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:  # noqa: ARG002 — requests' signature
        """Return the pool of a request's host; its key is written once for each host, from twenty members."""
        line = line_of(request.url)
        known = self._keyed.get(line)
        if known is None:
            known = self._key_of(request, verify)
            if len(self._keyed) >= _HOSTS:
                self._keyed.clear()
            self._keyed[line] = known
        key, context = known
        return self.poolmanager.connection_from_pool_key(key, dict(context))

    def _key_of(self, request: Any, verify: Any) -> tuple[Any, dict[str, Any]]:
        """Return a pool's key and what it is made with, as urllib3 puts them together."""
        host, more = self.build_connection_pool_key_attributes(request, verify)
        write = self.poolmanager.key_fn_by_scheme.get(host["scheme"])
        if not host["host"] or not write:
            raise requests.exceptions.InvalidURL("no address of http or https", request=request)
        port = host["port"] or port_by_scheme[host["scheme"]]
        context = {**self.poolmanager.connection_pool_kw, **more, **host, "port": port}
        return write(context), context

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave the connection as it is: its context has the authorities and demands a certificate."""

    def request_url(self, request: Any, proxies: Any) -> str:  # noqa: ARG002 — requests' signature
        """Return path and query: there is never a proxy, which requests would look for."""
        return str(request.path_url)

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        """Return what came as requests tells it, without cookies and the body's encoding, which nobody reads."""
        response = requests.Response()
        response.status_code = resp.status
        response.headers = CaseInsensitiveDict(resp.headers)
        response.raw, response.url = resp, req.url
        return response

    def get_ready(self, url: str, seconds: float) -> None:
        """Open a connection to the host of `url` in the background, unless one waits; looks once a second for each.

        Where only public hosts are reached, plain http is not: whoever then calls is told so, and nothing waits here.
        """
        if urlsplit(url).scheme not in self.poolmanager.pool_classes_by_scheme:
            return
        line, now = line_of(url), time.monotonic()
        if now - self._looked.get(line, -math.inf) < _LOOK_EVERY:
            return
        if len(self._looked) >= _HOSTS:
            self._looked.clear()
        self._looked[line] = now
        host, more = self.build_connection_pool_key_attributes(prepared("GET", url, {}, None, None), verify=True)
        get_ready(self.poolmanager.connection_from_host(**host, pool_kwargs=more), seconds)
