"""The private keys of JWT mode: every form that people hold them in, and a plain sentence for each other text."""

from __future__ import annotations

import base64
import textwrap

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from bridge.connections.keys import KeyUnusable, load_private_key

KEY = rsa.generate_private_key(65537, 2048)
SMALL = rsa.generate_private_key(65537, 1024)  # noqa: S505 — to be refused


def written(
    encoding: Encoding, form: PrivateFormat, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = KEY
) -> bytes:
    return key.private_bytes(encoding, form, NoEncryption())


PKCS1 = written(Encoding.PEM, PrivateFormat.TraditionalOpenSSL).decode()
PKCS8 = written(Encoding.PEM, PrivateFormat.PKCS8).decode()
BARE = base64.b64encode(written(Encoding.DER, PrivateFormat.PKCS8)).decode()
BARE_PKCS1 = base64.b64encode(written(Encoding.DER, PrivateFormat.TraditionalOpenSSL)).decode()
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

FORMS = {
    "PKCS#1": PKCS1,
    "PKCS#8": PKCS8,
    "PKCS#8 among empty lines": f"\n\n  {PKCS8}\n\n",
    "PKCS#8 with Windows' line ends": PKCS8.replace("\n", "\r\n"),
    "bare base64 of the document's demo": BARE,
    "bare base64 in lines": textwrap.fill(BARE, 64) + "\n",
    "bare base64 of PKCS#1": BARE_PKCS1,
}
NO_KEYS = {
    "": "no private key",
    "hello": "no private key",
    "密钥": "no private key",
    BARE[:-40]: "no private key",
    BARE + "!": "no private key",
    PKCS8.replace("A", "B"): "no private key",
    PKCS8.replace("-----END PRIVATE KEY-----", ""): "no private key",
    PUBLIC: "public key",
    KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode(): "public key",
    KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")).decode(): "no private key",
    written(Encoding.PEM, PrivateFormat.PKCS8, ec.generate_private_key(ec.SECP256R1())).decode(): "no RSA key",
    written(Encoding.PEM, PrivateFormat.PKCS8, SMALL).decode(): "1024 bits",
    base64.b64encode(KEY.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)).decode(): "no private key",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_one_key_is_that_key(form: str) -> None:
    assert load_private_key(FORMS[form]).private_numbers() == KEY.private_numbers()


@pytest.mark.parametrize(("text", "sentence"), NO_KEYS.items(), ids=range(len(NO_KEYS)))
def test_any_other_text_is_refused_with_a_sentence_that_does_not_repeat_it(text: str, sentence: str) -> None:
    with pytest.raises(KeyUnusable, match=sentence) as refusal:
        load_private_key(text)
    assert not text or text[:20] not in str(refusal.value)
