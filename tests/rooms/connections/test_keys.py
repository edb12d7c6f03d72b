"""The private keys of JWT mode: every form that people hold them in, and a plain sentence for each other text."""

from __future__ import annotations

import base64
import json
import re
import textwrap
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)
from cryptography.x509.oid import NameOID
from joserfc.jwk import RSAKey

from bridge.connections.keys import (
    KeyUnusable,
    key_id,
    key_text,
    load_private_key,
    new_private_key,
    public_base64,
    public_jwk,
    public_pem,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization import KeySerializationEncryption

    AnyKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

PLAIN = NoEncryption()
LOCKED = BestAvailableEncryption(b"word")
KEY = rsa.generate_private_key(65537, 2048)
SMALL = rsa.generate_private_key(65537, 1024)  # noqa: S505 — to be refused
CURVE = ec.generate_private_key(ec.SECP256R1())
NUMBERS = KEY.private_numbers()


def pem(
    key: AnyKey = KEY,
    form: PrivateFormat = PrivateFormat.PKCS8,
    encryption: KeySerializationEncryption = PLAIN,
) -> str:
    return key.private_bytes(Encoding.PEM, form, encryption).decode()


def der(key: AnyKey = KEY, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return key.private_bytes(Encoding.DER, form, PLAIN)


def bare(content: bytes) -> str:
    return base64.b64encode(content).decode()


def forged(*, p: int = 0, q: int = 0, e: int = 65537, d: int = 0) -> str:
    """Return a key whose numbers do not belong together, so that nobody has to look for large primes."""
    p, q = p or NUMBERS.p, q or NUMBERS.q
    rest = NUMBERS.dmp1, NUMBERS.dmq1, NUMBERS.iqmp
    numbers = rsa.RSAPrivateNumbers(p, q, d or NUMBERS.d, *rest, rsa.RSAPublicNumbers(e, p * q))
    return pem(numbers.private_key(unsafe_skip_rsa_key_validation=True))


def for_pss_only() -> str:
    """Return the key under RSA-PSS's own identifier, without parameters (RFC 4055 section 3.1)."""
    plain = der()
    length = (int.from_bytes(plain[2:4], "big") - 2).to_bytes(2, "big")
    return bare(plain[:2] + length + plain[4:].replace(bytes.fromhex("300d06092a864886f70d0101010500"), PSS, 1))


def certificate() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "crm.example.com")])
    builder = x509.CertificateBuilder(name, name, KEY.public_key(), 1)
    until = datetime(2027, 1, 1, tzinfo=UTC)
    return builder.not_valid_before(until - timedelta(365)).not_valid_after(until).sign(CURVE, SHA256())


PSS = bytes.fromhex("300b06092a864886f70d01010a")
PKCS1 = PrivateFormat.TraditionalOpenSSL
PEM, BARE = pem(), bare(der())
PUBLIC = KEY.public_key()
PUBLIC_PEM = PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
CERTIFICATE = certificate()
CERTIFICATE_PEM = CERTIFICATE.public_bytes(Encoding.PEM).decode()

FORMS = {
    "PKCS#8": PEM,
    "PKCS#1": pem(form=PKCS1),
    "among empty lines": f"\n\n  {PEM}\n\n",
    "with Windows' line ends": PEM.replace("\n", "\r\n"),
    "with a byte order mark": f"\ufeff{PEM}",
    "line ends turned into spaces": PEM.replace("\n", " "),
    "line ends written out": PEM.replace("\n", "\\n"),
    "Windows' line ends written out": PEM.replace("\n", "\\r\\n"),
    "after the attributes that openssl pkcs12 writes": f"Bag Attributes\n    friendlyName: crm\n{PEM}",
    "bare base64 of PKCS#8, as in the document's demo": BARE,
    "bare base64 of PKCS#1": bare(der(form=PKCS1)),
    "bare base64 in lines": textwrap.fill(BARE, 64) + "\n",
    "bare base64 of PKCS#1 in Windows' lines": textwrap.fill(bare(der(form=PKCS1)), 76).replace("\n", "\r\n"),
    "DER of PKCS#8": key_text(der()),
    "DER of PKCS#1": key_text(der(form=PKCS1)),
    "PEM from a file": key_text(PEM.encode()),
}
NO_KEY, DAMAGED = "no private key in PEM or base64", "the base64 holds no private key"
REFUSED = {
    "nothing": ("", "the text is empty"),
    "white space": (" \n\t", "the text is empty"),
    "a word with a space": ("my key!", NO_KEY),
    "a word that is base64": ("hello123", DAMAGED),
    "Chinese": ("密钥", NO_KEY),
    "a JWK": (json.dumps({"kty": "RSA", "d": "AQAB"}), NO_KEY),
    "bare, cut short": (BARE[:-40], DAMAGED),
    "bare, with a stray character": (f"{BARE}!", NO_KEY),
    "PEM, altered": (PEM.replace("A", "B"), "private key"),
    "PEM without its end": (PEM.replace("-----END PRIVATE KEY-----", ""), NO_KEY),
    "numbers that do not belong together": (forged(d=NUMBERS.d + 2), DAMAGED),
    "public key": (PUBLIC_PEM, "this is a public key"),
    "public key of PKCS#1": (PUBLIC.public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode(), "this is a public key"),
    "public key, bare": ("".join(PUBLIC_PEM.splitlines()[1:-1]), "this is a public key"),
    "public key of PKCS#1, bare": (
        bare(PUBLIC.public_bytes(Encoding.DER, PublicFormat.PKCS1)),
        "this is a public key",
    ),
    "certificate": (CERTIFICATE_PEM, "this is a certificate"),
    "certificate, bare": (bare(CERTIFICATE.public_bytes(Encoding.DER)), "this is a certificate"),
    "key and certificate": (f"{PEM}{CERTIFICATE_PEM}", "2 PEM blocks"),
    "two keys": (f"{PEM}{pem(form=PKCS1)}", "2 PEM blocks"),
    "encrypted": (pem(encryption=LOCKED), "decrypt it with: openssl pkcs8 -topk8 -nocrypt -in"),
    "encrypted PKCS#1": (pem(form=PKCS1, encryption=LOCKED), "the key is encrypted"),
    "encrypted, bare": ("".join(pem(encryption=LOCKED).splitlines()[1:-1]), "the key is encrypted"),
    "OpenSSH's own form": (pem(form=PrivateFormat.OpenSSH), "ssh-keygen -p -m PEM"),
    "elliptic curve": (pem(CURVE), "no RSA key"),
    "elliptic curve of openssl ecparam": (
        f"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{pem(CURVE, PKCS1)}",
        "no RSA key",
    ),
    "Ed25519": (pem(ed25519.Ed25519PrivateKey.generate()), "no RSA key"),
    "an algorithm that nobody knows": (
        bare(der().replace(bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a864886f70d01017f"))),
        "no RSA key",
    ),
    "RSA-PSS only": (for_pss_only(), "RSA-PSS signatures only"),
    "1024 bits": (pem(SMALL), "1024 bits; at least 2048"),
    "8200 bits": (forged(p=2**4100 - 1, q=2**4100 + 1), "8200 bits; more than 8192"),
    "exponent 3": (forged(e=3), "public exponent is unusual"),
    "exponent over 32 bits": (forged(e=2**32 + 15), "public exponent is unusual"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_one_key_is_that_key(form: str) -> None:
    assert load_private_key(FORMS[form]).private_numbers() == NUMBERS


@pytest.mark.parametrize("what", REFUSED)
def test_any_other_text_is_refused_with_a_sentence_that_does_not_repeat_it(what: str) -> None:
    text, sentence = REFUSED[what]
    with pytest.raises(KeyUnusable, match=re.escape(sentence)) as refusal:
        load_private_key(text)
    assert not [word for word in text.split() if len(word) > 12 and word[:20] in str(refusal.value)]


@pytest.mark.parametrize("content", [b"\xff\xfe-\x00-\x00", "密钥".encode("gb18030")], ids=["UTF-16", "GB 18030"])
def test_a_file_that_is_neither_text_nor_der_is_not_taken_for_a_key(content: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        key_text(content)


def test_a_fresh_key_is_pkcs8_of_the_size_that_was_asked_for() -> None:
    text = new_private_key(2048)
    assert text.startswith("-----BEGIN PRIVATE KEY-----\n")  # pragma: allowlist secret
    assert load_private_key(text).key_size == 2048


def test_the_public_half_is_the_same_in_every_form() -> None:
    numbers = PUBLIC.public_numbers()
    for loaded in (
        load_pem_public_key(public_pem(KEY).encode()),
        load_der_public_key(base64.b64decode(public_base64(KEY), validate=True)),
        jwt.PyJWK(public_jwk(KEY)).key,
    ):
        assert isinstance(loaded, rsa.RSAPublicKey)
        assert loaded.public_numbers() == numbers
    assert public_pem(KEY) == PUBLIC_PEM.strip()


def test_the_jwk_says_what_the_key_is_for_and_nothing_private() -> None:
    jwk = public_jwk(KEY)
    assert {name: value for name, value in jwk.items() if name not in {"n", "kid"}} == {
        "kty": "RSA",
        "e": "AQAB",
        "use": "sig",
        "alg": "RS256",
    }
    assert set(jwk) == {"kty", "n", "e", "use", "alg", "kid"}


def test_the_kid_is_the_keys_thumbprint() -> None:
    assert key_id(KEY) == public_jwk(KEY)["kid"] == RSAKey.import_key({**public_jwk(KEY)}).thumbprint()
