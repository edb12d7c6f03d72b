"""What people write or paste: configuration, connections, lists, keys, claims, rules, addresses; and sealed texts."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from bridge.connections.keys import KeyUnusable, key_text, load_private_key, new_private_key, public_pem
from bridge.connections.secrets import KeyRing, SealBroken
from bridge.core.contact_center_errors import RosterInvalid
from bridge.core.errors import BridgeError, StateExpired, StateUnknown
from bridge.core.group_rules import _QUOTES, read_group_rule
from bridge.core.mapping import account_name_of, folded
from bridge.core.model import Secret
from bridge.core.networks import network
from bridge.core.spreadsheet import as_meant, csv_line, harmless
from bridge.http.api_pages import cursor_of, place_in
from bridge.ops.logs import as_json, as_text, mask_secrets
from bridge.provisioning.roster_file import read_roster
from bridge.provisioning.staff_list import read_staff_list
from bridge.sessions.redis_address import read_redis_address
from bridge.settings import (
    SettingsError,
    connection_table,
    connection_toml,
    load,
    read_connection,
    read_connections_file,
    secrets_of,
)
from bridge.signin.claims import read_claims
from bridge.signin.pending import PendingSignIn, PendingSignIns
from tests.fuzz.provider_targets import NOW, assert_told, read_person

if TYPE_CHECKING:
    from bridge.core.model import Connection

PUBLIC_URL: Final = "https://phone.example.com"
_PURPOSE: Final = "fuzz"
_MOST_TABLES: Final = 100
_MARKS: Final = frozenset("'\u2018\u2019→" + _QUOTES)
"""What means something else where nothing stands around it."""
_RECORD: Final = {"who": "lin", "many": [1, 2, 3]}
_PENDING: Final = PendingSignIn("crm", "", "nonce", "verifier", landing="/softphone")
_ENVIRON: Final = {"SECRET": "a secret of the environment, forty letters", "EMPTY": ""}


def configuration(data: bytes) -> None:
    """A configuration file gives settings or a list of its faults; each line of the list is plain text."""
    try:
        load(_file(data), _ENVIRON)
    except SettingsError as refusal:
        _assert_sentence(refusal)


def connections_file(data: bytes) -> None:
    """A file of connections gives drafts; a good one is written and read again as the same connection."""
    try:
        drafts = read_connections_file(_file(data), _ENVIRON, public_url=PUBLIC_URL, kept_of=lambda _name: {})
    except SettingsError as refusal:
        _assert_sentence(refusal)
        return
    for draft in drafts:
        if draft.connection:
            _assert_same_again(draft.connection)


def connection_form(data: bytes) -> None:
    """Tables as the console sends them give a draft, whatever is in them; nothing of the machine is read."""
    if data.count(b"[") + data.count(b"{") > _MOST_TABLES:
        # Forms have no depth; that of a file is limited where it is read.
        return
    try:
        table = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(table, dict):
        draft = read_connection(table, public_url=PUBLIC_URL)
        assert bool(draft.connection) != bool(draft.faults)


def roster(data: bytes) -> None:
    """A list of agents gives rows that are good or say why not."""
    try:
        rows = read_roster(data)
    except RosterInvalid as refusal:
        assert_told(refusal)
        return
    for row in rows:
        assert row.fault or (row.account_name.isprintable() and 0 < len(row.account_name) <= 255)


def staff_list(data: bytes) -> None:
    """A list of the staff gives columns that are told apart."""
    try:
        found = read_staff_list(data, "email")
    except RosterInvalid as refusal:
        assert_told(refusal)
        return
    assert len(set(found.columns)) == len(found.columns)
    column = found.likely_column("email")
    assert column is None or found.named(column) == column
    for one in found.columns:
        assert all(found.names(one))


def spreadsheet_cell(data: bytes) -> None:
    """No cell begins as a formula, and reading it back gives what was meant; its line is one line."""
    text = data.decode("utf-8", "replace")
    guarded = harmless(text)
    assert not guarded.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert as_meant(guarded) == text
    assert csv_line([text]).endswith("\r\n")


def private_key(data: bytes) -> None:
    """A text is an RSA key of a usable size, or the reason says what it is instead."""
    try:
        key = load_private_key(key_text(data))
    except UnicodeDecodeError:
        return
    except KeyUnusable as refusal:
        _assert_sentence(refusal)
        return
    assert isinstance(key, RSAPrivateKey)
    assert 2048 <= key.key_size <= 8192


def private_key_seeds() -> list[bytes]:
    """Return a key in PEM, and its public half."""
    pem = new_private_key(2048)
    return [pem.encode(), pem.replace("\n", "\\n").encode(), public_pem(load_private_key(pem)).encode()]


def pasted_claims(data: bytes) -> None:
    """Pasted claims are an object of bounded depth, or a sentence says what they are instead."""
    claims, wrong = read_claims(data.decode("utf-8", "replace"))
    assert not (claims and wrong)
    try:
        read_person(claims)
    except BridgeError as refusal:
        assert_told(refusal)


def group_rule(data: bytes) -> None:
    """A rule reads the same again once it is written plainly, and fits or fits not."""
    try:
        rule = read_group_rule(data.decode("utf-8", "replace"))
    except ValueError as refusal:
        _assert_sentence(refusal)
        return
    assert rule.fits({rule.claim: [rule.value]})
    parts = (rule.claim, rule.value, *rule.skill_groups)
    if not any(set(part) & _MARKS for part in parts):
        assert read_group_rule(f"{rule.claim} = {rule.value} -> {', '.join(rule.skill_groups)}") == rule


def redis_address(data: bytes) -> None:
    """An address of Redis names hosts or a socket, or a sentence says what is wrong and repeats nothing of it."""
    text = data.decode("utf-8", "replace")
    try:
        found = read_redis_address(text)
    except ValueError as refusal:
        _assert_sentence(refusal)
        return
    assert bool(found.hosts) != bool(found.socket)
    assert all(host and 0 < port < 65_536 for host, port in found.hosts)


def small_texts(data: bytes) -> None:
    """A network, an account's name and a cursor of the API are read, or refused with a sentence."""
    text = data.decode("utf-8", "replace")
    try:
        assert network(network(text)) == network(text)
    except ValueError as refusal:
        _assert_sentence(refusal)
    try:
        assert folded(folded(account_name_of(text))) == folded(text)
    except BridgeError as refusal:
        assert_told(refusal)
    try:
        assert place_in(cursor_of(text)) == text
        place_in(text)
    except BridgeError as refusal:
        assert_told(refusal)


def sealed(data: bytes) -> None:
    """Nothing opens a seal but what was sealed; a state is known as ours, expired, or unknown."""
    ring, text = _ring(), data.decode("utf-8", "replace")
    for purpose in (_PURPOSE, "another"):
        try:
            assert ring.open(purpose, text) == _RECORD
            assert purpose == _PURPOSE
        except SealBroken:
            assert ring.key_of(purpose, text) is None
    pending = PendingSignIns(ring, lambda: NOW)
    assert pending.peek(text, lambda _slot: text) is None
    try:
        pending.find("crm", text, lambda _slot: text)
    except (StateUnknown, StateExpired) as refusal:
        assert_told(refusal)
    else:
        raise AssertionError


def sealed_seeds() -> list[bytes]:
    """Return a seal of ours, the cookie of a sign-in, and a state."""
    pending = PendingSignIns(_ring(), lambda: NOW)
    return [
        _ring().seal(_PURPOSE, _RECORD).encode(),
        pending.seal(_PENDING).encode(),
        pending.new_state(3).encode(),
        PendingSignIns(_ring(), lambda: NOW - 3600).new_state(0).encode(),
    ]


def log_line(data: bytes) -> None:
    """A line of the log is one line, of JSON where it says so, and holds nothing that a terminal obeys."""
    text = data.decode("utf-8", "surrogateescape")
    event = {"event": text, text or "name": [text, {text: Secret("hidden")}], "client_secret": "hidden"}
    line = as_json(None, "", mask_secrets(None, "", event))
    assert "hidden" not in line.replace(text, "")
    assert json.loads(line)
    for written in (line, as_text(None, "", mask_secrets(None, "", event))):
        assert written.isascii() or written.encode()
        assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in written)


def _assert_sentence(refusal: Exception) -> None:
    """Require words that can be written to a terminal."""
    assert str(refusal).encode()


def _assert_same_again(connection: Connection) -> None:
    written = connection_toml([connection_table(connection, PUBLIC_URL)])
    kept = secrets_of(connection)
    (again,) = read_connections_file(_file(written.encode()), {}, public_url=PUBLIC_URL, kept_of=lambda _name: kept)
    assert again.connection == connection, again.faults


def _file(data: bytes) -> Path:
    path = Path(_folder().name, "written.toml")
    path.write_bytes(data)
    return path


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fuzz-")


@cache
def _ring() -> KeyRing:
    return KeyRing([Secret("one secret of the key ring, forty letters"), Secret("another secret of the ring, as long")])
