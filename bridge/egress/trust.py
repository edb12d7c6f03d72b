"""Whom the bridge trusts to vouch for a server."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

import certifi


def trusting(ca_bundle: str) -> ssl.SSLContext:
    """Return a context for TLS 1.2 and newer that demands a trusted certificate.

    Args:
        ca_bundle: path of a CA file; empty: the system's authorities (``SSL_CERT_FILE`` counts), else certifi's.

    Raises:
        OSError, ssl.SSLError: the file cannot be read, or holds no certificates.
    """
    if not ca_bundle:
        return _parsed("")
    file = Path(ca_bundle).stat()
    return _read_once(ca_bundle, file.st_mtime_ns, file.st_size)


@lru_cache(maxsize=4)
def _read_once(ca_bundle: str, _changed: int, _size: int) -> ssl.SSLContext:
    # To parse all authorities takes 25 ms: once for the configuration's check and for the workers that are forked then.
    return _parsed(ca_bundle)


def _parsed(ca_bundle: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_bundle or None)
    known = ssl.get_default_verify_paths()
    if not (ca_bundle or known.cafile or known.capath):
        # Slim containers come without the system's authorities.
        context.load_verify_locations(certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
