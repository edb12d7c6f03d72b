"""The key ring: what it sealed for one purpose only it opens, for that purpose only, also after a rotation."""

from __future__ import annotations

import base64
import json
import zlib

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.connections.secrets import KeyRing, SealBroken, _derive
from bridge.core.model import Secret

OLD, NEW, FOREIGN = (Secret(letter * 32) for letter in "onf")
RING = KeyRing([NEW, OLD])
RECORD = {"access_token": "secret-token", "name": "王芳", "expires_at": 1.5, "nothing": None, "list": [1, "a"]}
SEALED = RING.seal("session", RECORD)


def sealed_by(secret: Secret, purpose: str, plain: bytes) -> str:
    key = base64.urlsafe_b64encode(_derive(secret, purpose))
    return Fernet(key).encrypt(plain).decode()


def test_what_was_sealed_opens_as_it_was() -> None:
    assert RING.open("session", SEALED) == RECORD


def test_sealing_twice_gives_two_texts_fit_for_a_cookie() -> None:
    again = RING.seal("session", RECORD)
    assert again != SEALED
    assert set(again) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")


def test_what_a_release_with_the_usual_packing_sealed_opens_and_the_other_way_round() -> None:
    plain = json.dumps(RECORD).encode()
    assert RING.open("session", sealed_by(OLD, "session", zlib.compress(plain))) == RECORD
    key = base64.urlsafe_b64encode(_derive(NEW, "session"))
    assert json.loads(zlib.decompress(Fernet(key).decrypt(SEALED))) == RECORD


def test_a_sealed_text_shows_nothing() -> None:
    assert b"secret-token" not in base64.urlsafe_b64decode(SEALED)


def test_one_purpose_does_not_open_another() -> None:
    with pytest.raises(SealBroken):
        RING.open("pending sign-in", SEALED)


def test_after_a_rotation_the_old_secret_opens_and_the_new_one_seals() -> None:
    before = KeyRing([OLD]).seal("session", RECORD)
    assert RING.open("session", before) == RECORD
    assert KeyRing([NEW]).open("session", RING.seal("session", RECORD)) == RECORD
    with pytest.raises(SealBroken):
        KeyRing([OLD]).open("session", RING.seal("session", RECORD))


def test_a_retired_secret_opens_nothing_more() -> None:
    with pytest.raises(SealBroken):
        KeyRing([NEW]).open("session", KeyRing([OLD]).seal("session", RECORD))


def test_a_foreign_ring_opens_nothing() -> None:
    with pytest.raises(SealBroken):
        KeyRing([FOREIGN]).open("session", SEALED)


@given(position=st.integers(0, len(SEALED) - 1), letter=st.sampled_from("Aa0-_=*é \x00"))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_changed_letter_breaks_the_seal(position: int, letter: str) -> None:
    changed = SEALED[:position] + letter + SEALED[position + 1 :]
    try:
        opened = RING.open("session", changed)
    except SealBroken:
        return
    # base64 has letters whose last bits do not count
    assert base64.urlsafe_b64decode(changed) == base64.urlsafe_b64decode(SEALED)
    assert opened == RECORD


@pytest.mark.parametrize("nothing", ["", "x", "gAAAA", "é", "\ud800", SEALED[:-8], SEALED + "AAAA", "null", "a" * 5000])
def test_whatever_was_not_sealed_is_refused(nothing: str) -> None:
    with pytest.raises(SealBroken):
        RING.open("session", nothing)


@pytest.mark.parametrize(
    "plain",
    [
        b"not compressed",
        zlib.compress(b"no json"),
        zlib.compress(b"[1]"),
        zlib.compress(b'"text"'),
        zlib.compress(b"\xff\xfe"),
        b"",
    ],
)
def test_a_seal_over_anything_but_a_record_is_refused(plain: bytes) -> None:
    with pytest.raises(SealBroken):
        RING.open("session", sealed_by(NEW, "session", plain))


def test_a_record_that_unfolds_beyond_measure_is_refused() -> None:
    bomb = zlib.compress(json.dumps({"a": "a" * 5_000_000}).encode())
    with pytest.raises(SealBroken):
        RING.open("session", sealed_by(NEW, "session", bomb))


def test_a_record_too_large_to_be_opened_again_is_not_sealed() -> None:
    with pytest.raises(ValueError, match="too large"):
        RING.seal("session", {"access_token": "a" * 1_100_000})


def test_text_that_is_no_unicode_survives_as_it_came() -> None:
    record = {"name": "\ud800"}
    assert RING.open("session", RING.seal("session", record)) == record


def test_a_ring_without_secrets_cannot_be() -> None:
    with pytest.raises(ValueError, match="at least one secret"):
        KeyRing([])


def test_signing_keys_differ_by_purpose_and_secret_and_end_with_the_newest() -> None:
    oldest, newest = RING.signing_keys("csrf")
    assert KeyRing([NEW]).signing_keys("csrf") == [newest]
    assert KeyRing([OLD]).signing_keys("csrf") == [oldest]
    assert RING.signing_keys("state") != RING.signing_keys("csrf")
    assert len(newest) == 32


def test_no_key_is_the_secret_itself() -> None:
    assert NEW.reveal().encode() not in RING.signing_keys("csrf")


def test_the_ring_keeps_its_secrets_out_of_its_text_form() -> None:
    assert NEW.reveal() not in repr(RING)
    assert NEW.reveal() not in repr(vars(RING))


class TestRotation:
    BEFORE = KeyRing([OLD]).seal("session", RECORD)

    def test_the_ring_knows_which_secret_sealed(self) -> None:
        assert [RING.key_of("session", text) for text in (SEALED, self.BEFORE)] == [0, 1]

    @pytest.mark.parametrize(
        "nothing", ["", "é", KeyRing([FOREIGN]).seal("session", RECORD)], ids=["empty", "no base64", "foreign"]
    )
    def test_what_no_secret_opens_belongs_to_none_and_is_not_resealed(self, nothing: str) -> None:
        assert RING.key_of("session", nothing) is None
        with pytest.raises(SealBroken):
            RING.resealed("session", nothing)

    def test_resealing_gives_the_same_record_to_the_newest_secret(self) -> None:
        anew = RING.resealed("session", self.BEFORE)
        assert KeyRing([NEW]).open("session", anew) == RECORD
        assert RING.key_of("purpose of another", anew) is None

    def test_a_fingerprint_names_a_secret_and_is_no_part_of_any_key(self) -> None:
        newest, oldest = RING.fingerprints()
        assert KeyRing([OLD, FOREIGN]).fingerprints()[0] == oldest != newest
        assert len(newest) == 8
        assert newest not in NEW.reveal().encode().hex() + RING.signing_keys("session")[-1].hex()
