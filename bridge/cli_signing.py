"""The command line's part for mode jwt: a signing key, its public half for the portal, and a token for one agent."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bridge.cli_connections import ACTOR, opened
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
from bridge.core.mapping import account_name_of
from bridge.core.trace import Trace
from bridge.running import CannotRun
from bridge.telling import config_option, moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from bridge.core.model import Connection, JwtSigning

_STDIO: Final = Path("-")
_OWNER_ALONE: Final = 0o600
_ANYBODY_ELSE: Final = 0o077
_FORMS: Final = ("pem", "base64", "jwk")
_BITS: Final = ("2048", "3072", "4096")


# keys new ------------------------------------------------------------------------------------------------------------


@click.command("new")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="var/jwt-private-key.pem",
    show_default=True,
    help="File to write, which must not be there yet; - for standard output.",
)
@click.option("--bits", type=click.Choice(_BITS), default="2048", show_default=True, help="Fuyun's own keys have 2048.")
def new_key(out: Path, bits: str) -> None:
    """Make a private key for mode jwt.

    It is PKCS#8 in PEM, and for its owner's eyes alone; no file is ever overwritten. The public half is printed in
    both forms that the portal may want, with the lines to put into the configuration.
    """
    to_pipe = out == _STDIO
    text = new_private_key(int(bits)) if to_pipe else _written(out, int(bits))
    if to_pipe:
        click.echo(text, nl=False)
    for line in (*_account(load_private_key(text)), *_what_next(None if to_pipe else out.absolute())):
        click.echo(line, err=to_pipe)


def _written(out: Path, bits: int) -> str:
    """Write a fresh key to a file of its own and return it; what was not written whole does not stay."""
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ALONE)
    except OSError as refusal:
        raise CannotRun(_why_not(out, refusal)) from None
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            text = new_private_key(bits)
            file.write(text)
    except BaseException as end:
        out.unlink()
        if isinstance(end, OSError):
            raise CannotRun(_why_not(out, end)) from None
        raise
    return text


def _why_not(out: Path, refusal: OSError) -> str:
    if isinstance(refusal, FileExistsError):
        return f"{out} is there already and stays as it is: name another file with --out."
    if isinstance(refusal, FileNotFoundError):
        return f"There is no folder {out.parent}: make it, or name another file with --out."
    return f"{out} cannot be written: {refusal.strerror}."


def _what_next(path: Path | None) -> Iterator[str]:
    yield ""
    yield "Paste the public key into Fuyun's portal, in the form that it takes, and tell the bridge of the private one:"
    if path is None:
        yield "the private_key of [connections.jwt], or the console's field, is the key on standard output."
        return
    place = f"{{ file = {json.dumps(str(path), ensure_ascii=False)} }}"
    yield ""
    yield "    [connections.jwt]"
    yield '    issuer = "https://crm.example.com"         # as the portal has it'
    yield f"    private_key = {place}"
    yield ""
    yield "To replace the key of a connection that works, leave its private_key and add:"
    yield ""
    yield f"    next_private_key = {place}"
    yield '    next_key_from = "2027-01-31T08:00:00Z"     # when you will paste it into the portal'
    yield ""
    yield "In the console, paste the content of the file instead. Whoever has that file can sign in as any agent."


# keys public ---------------------------------------------------------------------------------------------------------


@click.command("public")
@config_option
@click.option("--connection", "name", help="The keys of this connection, the one that is due first.")
@click.option("--format", "form", type=click.Choice(_FORMS), help="This form alone, for scripts.")
@click.argument("key_file", required=False, type=click.Path(path_type=Path))
def public_key(config: Path, name: str | None, form: str | None, key_file: Path | None) -> None:
    """Print the public half of a private key for the portal.

    The private one is in KEY_FILE (- for standard input), or is a connection's: of an active connection the keys of
    the active version are told, of any other those of the newest.
    """
    if (name is None) == (key_file is None):
        raise click.UsageError("Say whose key: KEY_FILE or --connection, one of the two.")
    found = [("", _of_file(key_file))] if key_file else _of_connection(config, name or "")
    for heading, key in found:
        if heading:
            click.echo(heading, err=form is not None)
        for line in [_rendered(key, form)] if form else _account(key):
            click.echo(line)


def _rendered(key: RSAPrivateKey, form: str) -> str:
    if form == "jwk":
        return json.dumps(public_jwk(key))
    return public_pem(key) if form == "pem" else public_base64(key)


def _account(key: RSAPrivateKey) -> Iterator[str]:
    yield f"Public key of {key.key_size} bits, kid {key_id(key)}, as PEM:"
    yield ""
    yield public_pem(key)
    yield ""
    yield "The same on one line:"
    yield ""
    yield public_base64(key)


def _of_file(path: Path) -> RSAPrivateKey:
    try:
        content = sys.stdin.buffer.read() if path == _STDIO else path.read_bytes()
        if path != _STDIO and path.stat().st_mode & _ANYBODY_ELSE:
            click.echo(f"warning: {path} is open to others than its owner; run: chmod 600 {path}", err=True)
        return load_private_key(key_text(content))
    except OSError as refusal:
        raise CannotRun(f"{path} cannot be read: {refusal.strerror}.") from None
    except UnicodeDecodeError:
        raise CannotRun(f"{path}: the file is neither text nor a key in DER") from None
    except KeyUnusable as refusal:
        raise CannotRun(f"{path}: {refusal}") from None


def _of_connection(config: Path, name: str) -> list[tuple[str, RSAPrivateKey]]:
    with opened(config) as services:
        entry = services.register.entry(name)
        number = entry.active_version if entry.state == "active" else entry.newest_version
        connection = services.register.connection(entry.name, number)
    if connection.jwt is None:
        raise CannotRun(f"{connection.name} has no keys: it is in mode {connection.mode}.")
    now = time.time()
    headings = [f"{connection.name}: {what}" for what in _turns(connection.jwt, now)]
    return [
        (heading, _loaded(connection, key.reveal()))
        for heading, key in zip(headings, connection.jwt.keys_at(now), strict=True)
    ]


def _turns(signing: JwtSigning, now: float) -> tuple[str, ...]:
    """Return what each key is doing, in the order of `JwtSigning.keys_at`."""
    if not signing.next_private_key:
        return ("the key that signs",)
    at = moment(datetime.fromisoformat(signing.next_key_from).timestamp())
    if signing.keys_at(now)[0] == signing.private_key:
        return f"the key that signs until {at}", f"the next key, which signs from {at}"
    return f"the next key, which signs since {at}", "the former key, tried where Fuyun refuses the next one"


def _loaded(connection: Connection, text: str) -> RSAPrivateKey:
    try:
        return load_private_key(text)
    except KeyUnusable as refusal:
        raise CannotRun(f"{connection.name}: {refusal}") from None


# token ---------------------------------------------------------------------------------------------------------------


@click.command("token")
@config_option
@click.option("--connection", "name", required=True, help="A connection in mode jwt.")
@click.option("--user", "user", required=True, help="The agent's AccountName, exactly as the contact center has it.")
def token(config: Path, name: str, user: str) -> None:
    """Print a Fuyun access token for one agent, and nothing else; the journal keeps for whom it was."""
    with opened(config) as services:
        account_name = account_name_of(user)
        connection = services.connections.get(name)
        fuyun = services.issue.on_behalf(connection, account_name, Trace())
        services.journal.record_act(
            "token_issued", actor=ACTOR, connection=connection.name, people=account_name, fuyun_jti=fuyun.jti
        )
    click.echo(fuyun.access_token)
