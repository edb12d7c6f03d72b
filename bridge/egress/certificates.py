"""When the certificates of foreign servers end: looked up by a TLS handshake alone, remembered for an hour."""

from __future__ import annotations

import ssl
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography import x509

from bridge.egress.addresses import PrivateAddress
from bridge.egress.lines import open_socket

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

_KEPT_FOR: Final = 3600.0
_FAILURE_KEPT_FOR: Final = 60.0
MOST: Final = 512
"""Certificates that are remembered."""


class Place(NamedTuple):
    """Where a certificate is shown: `host` without brackets."""

    host: str
    port: int


class _Known(NamedTuple):
    expires_at: float | None
    until: float


class CertificateDates:
    """Asks servers for the last date of their certificates.

    Args:
        context: trusts whom the bridge trusts.
        clock: monotonic seconds.
    """

    def __init__(self, context: ssl.SSLContext, clock: Callable[[], float] = time.monotonic) -> None:
        self._context = context
        self._clock = clock
        # By the guard too: what a free look-up found is not told to whoever may not look there.
        self._known: dict[tuple[Place, bool], _Known] = {}
        self._lock = threading.Lock()

    def get(self, place: Place, connect: float, read: float, *, public_only: bool) -> float | None:
        """Return the epoch seconds at which the certificate ends, None where it cannot be had; never raises.

        Args:
            connect: seconds for the connection.
            read: seconds for the handshake.
            public_only: ask public addresses alone.
        """
        key = (place, public_only)
        with self._lock:
            known = self._known.get(key)
        if known is not None and self._clock() < known.until:
            return known.expires_at
        expires_at = self._ask(partial(open_socket, *place, connect, public_only=public_only), place.host, read)
        self._keep(key, expires_at)
        return expires_at

    def _keep(self, key: tuple[Place, bool], expires_at: float | None) -> None:
        until = self._clock() + (_FAILURE_KEPT_FOR if expires_at is None else _KEPT_FOR)
        with self._lock:
            self._known.pop(key, None)
            if len(self._known) >= MOST:
                del self._known[next(iter(self._known))]
            self._known[key] = _Known(expires_at, until)

    def _ask(self, connect: Callable[[], socket.socket], host: str, read: float) -> float | None:
        try:
            try:
                shown = _shown(connect(), host, read, self._context)
            except ssl.SSLCertVerificationError:
                # The date of a bad certificate is worth knowing most of all. Nothing is ever sent over this handshake.
                shown = _shown(connect(), host, read, _believing())
            return x509.load_der_x509_certificate(shown).not_valid_after_utc.timestamp()
        except (OSError, ValueError, PrivateAddress):
            return None


def _shown(connected: socket.socket, host: str, read: float, context: ssl.SSLContext) -> bytes:
    with connected:
        connected.settimeout(read)
        with context.wrap_socket(connected, server_hostname=host.rstrip(".")) as line:
            return line.getpeercert(binary_form=True) or b""


def _believing() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
