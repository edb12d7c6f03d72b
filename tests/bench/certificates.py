"""Certificates of the benchmark's own: one authority, among the system's many, and a server named localhost."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

_LIFETIME: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files: the server's chain with its key, and every authority that a relying party trusts."""

    server: Path
    bundle: Path


def make_certificates(folder: Path) -> Certificates:
    """Write a certificate for localhost, and the system's authorities with ours at their end."""
    authority_key, server_key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    authority = _authority(authority_key)
    server = _server(server_key.public_key(), authority, authority_key)
    key_pem = server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    made = Certificates(folder / "server.pem", folder / "bundle.pem")
    made.server.write_bytes(key_pem + server.public_bytes(Encoding.PEM))
    made.bundle.write_bytes(_system_authorities() + b"\n" + authority.public_bytes(Encoding.PEM))
    return made


def authorities_in(bundle: Path) -> int:
    """Count the certificates of a bundle."""
    return bundle.read_bytes().count(b"-----BEGIN CERTIFICATE-----")


def _system_authorities() -> bytes:
    system = ssl.get_default_verify_paths().cafile
    return Path(system or certifi.where()).read_bytes()


def _authority(key: EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("hotline-bridge benchmark")
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    return _builder(name, name, key.public_key()).add_extension(constraints, critical=True).sign(key, SHA256())


def _server(
    key: CertificatePublicKeyTypes, authority: x509.Certificate, authority_key: EllipticCurvePrivateKey
) -> x509.Certificate:
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    builder = _builder(_name("localhost"), authority.subject, key).add_extension(names, critical=False)
    return builder.sign(authority_key, SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: CertificatePublicKeyTypes) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - _LIFETIME,
        not_valid_after=now + _LIFETIME,
    )
