"""Whom the bridge trusts to vouch for a server."""

from __future__ import annotations

import ssl

import certifi


def trusting(ca_bundle: str) -> ssl.SSLContext:
    """Return a context for TLS 1.2 and newer that demands a trusted certificate.

    Args:
        ca_bundle: path of a CA file; empty: the system's authorities (``SSL_CERT_FILE`` counts), else certifi's.
    """
    context = ssl.create_default_context(cafile=ca_bundle or None)
    known = ssl.get_default_verify_paths()
    if not (ca_bundle or known.cafile or known.capath):
        # Slim containers come without the system's authorities.
        context.load_verify_locations(certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
