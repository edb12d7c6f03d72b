"""A connection as it is kept: a plain document without secrets, and the secrets apart from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

from bridge.core.model import (
    AiccsAccess,
    Connection,
    FuyunApp,
    IdentityProvider,
    JwtSigning,
    Provisioning,
    Secret,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Document = dict[str, Any]
"""Nested tables as in the configuration file; in a secret's place stands a mark that changes with the secret."""

SECRETS: Final = (
    "idp.client_secret",
    "fuyun.client_secret",
    "jwt.private_key",
    "jwt.next_private_key",
    "aiccs.access_key_id",
    "aiccs.access_key_secret",
)
_NOT_KEPT: Final = ("version", "enabled", "public_only")
# What a rehearsal does not depend on: changing it asks for no new one.
_WITHOUT_REHEARSAL: Final = ("title", "domains", "hosts", "provisioning")
_COUNTERPARTS: Final = (
    "idp.issuer",
    "idp.discovery_url",
    "idp.tenant",
    "idp.host",
    "idp.token_endpoint",
    "idp.userinfo_endpoint",
    "idp.revocation_endpoint",
    "idp.end_session_endpoint",
    "idp.client_id",
    "fuyun.token_exchange_url",
    "fuyun.client_id",
)
_DATES: Final = ("client_secret_expires", "private_key_expires")
_LATER: Final = (("idp", "id_token_signed_response_alg"),)
"""Members that the release before does not know, kept where they say something: else replicas of two releases would
take turns in making a new version of a connection that nobody has changed."""
_LISTS: Final = ("domains", "hosts")
_PARTS: Final = ("idp", "fuyun", "jwt", "aiccs", "provisioning")
_LISTS_OF_PARTS: Final = (
    ("idp", "allowed_tenants"),
    ("aiccs", "recording_hosts"),
    ("provisioning", "skill_groups"),
    ("provisioning", "rules"),
)


@dataclass(frozen=True, slots=True)
class Change:
    """One key that differs between two documents; a secret's values are never told.

    Args:
        key: dotted, such as ``idp.client_id``.
    """

    key: str
    before: str
    after: str

    @property
    def is_secret(self) -> bool:
        """Whether the key holds a secret, whose values stay unsaid."""
        return self.key in SECRETS


def split(
    connection: Connection, former: Document, former_secrets: Mapping[str, str]
) -> tuple[Document, dict[str, str]]:
    """Part a connection into document and secrets.

    Args:
        former: the document before, whose marks stay where the secret does.
        former_secrets: the secrets before, by dotted key.
    """
    document: Document = {
        name: value for name, value in asdict(connection).items() if name not in _NOT_KEPT and value is not None
    }
    secrets: dict[str, str] = {}
    for key in SECRETS:
        part, _, name = key.partition(".")
        if part not in document:
            continue
        value = getattr(getattr(connection, part), name).reveal()
        same = value == former_secrets.get(key, "")
        mark = (former.get(part) or {}).get(name, "") if same else token_hex(8)
        document[part][name] = mark if value else ""
        if value:
            secrets[key] = value
    for part in ("idp", "fuyun", "aiccs"):
        document.get(part, {}).pop("public_only", None)
    # It belongs to an earlier version, which has it.
    document["idp"].pop("former_client_secret")
    for part, name in _LATER:
        if not document[part][name]:
            del document[part][name]
    return plain(document), secrets


def join(
    document: Document, secrets: Mapping[str, str], *, version: int, enabled: bool, public_only: bool
) -> Connection:
    """Put document and secrets together again; raises TypeError or KeyError where a document is of another release."""
    parts: dict[str, dict[str, Any]] = {name: dict(document[name]) for name in _PARTS if name in document}
    for key in SECRETS:
        part, _, name = key.partition(".")
        if part in parts:
            parts[part][name] = Secret(secrets.get(key, ""))
    for part, name in _LISTS_OF_PARTS:
        if name in parts.get(part, {}):
            parts[part][name] = tuple(parts[part][name])
    rest = {name: value for name, value in document.items() if name not in parts}
    rest |= {name: tuple(rest.get(name, ())) for name in _LISTS}
    bound = {"public_only": public_only}
    made: dict[str, Any] = {
        "idp": IdentityProvider(**_known(IdentityProvider, parts["idp"] | bound)),
        "fuyun": FuyunApp(**_known(FuyunApp, parts["fuyun"] | bound)),
        "jwt": JwtSigning(**_known(JwtSigning, parts["jwt"])) if "jwt" in parts else None,
        "aiccs": AiccsAccess(**_known(AiccsAccess, parts["aiccs"] | bound)) if "aiccs" in parts else None,
        "provisioning": Provisioning(**_known(Provisioning, parts["provisioning"]))
        if "provisioning" in parts
        else None,
    }
    return Connection(**_known(Connection, rest), **made, version=version, enabled=enabled)


def _known(noun: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    # While replicas are replaced one by one, the older ones read what the next release has written.
    names = {one.name for one in fields(noun)}
    return {name: value for name, value in values.items() if name in names}


def plain(document: Document) -> Document:
    """Return the document as JSON gives it back: lists for tuples."""
    again: Document = json.loads(json.dumps(document))
    return again


def digest(document: Document) -> str:
    """Return what a rehearsal is remembered by: it changes with whatever a sign-in depends on, secrets included."""
    relevant = {name: value for name, value in document.items() if name not in _WITHOUT_REHEARSAL}
    for part in ("idp", "fuyun", "jwt"):
        if part in relevant:
            relevant[part] = {name: value for name, value in relevant[part].items() if name not in _DATES}
    return sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()


def counterparts(connection: Connection) -> str:
    """Return whom tokens of this connection belong to: it changes with the provider, Fuyun, or our clients there."""
    return _fingerprint(connection, _COUNTERPARTS)


def provider_of(connection: Connection) -> str:
    """Return what vouches for people of this connection: it changes with the provider and our client there."""
    return _fingerprint(connection, [key for key in _COUNTERPARTS if key.startswith("idp.")])


def is_same_provider(before: Document, after: Document) -> bool:
    """Compare documents as `provider_of` does connections: whether a secret of one may go where the other's does."""
    old, new = before.get("idp") or {}, after.get("idp") or {}
    names = [key.partition(".")[2] for key in _COUNTERPARTS if key.startswith("idp.")]
    return all(old.get(name, "") == new.get(name, "") for name in names)


def _fingerprint(connection: Connection, keys: Iterable[str]) -> str:
    told = [value_of(connection, key) for key in keys]
    return sha256("\n".join(told).encode(errors="surrogatepass")).hexdigest()[:32]


def changes(before: Document, after: Document) -> list[Change]:
    """Return what differs, in the order of the newer document; values as text, secrets unsaid."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    return [
        Change(key, _shown(key, old.get(key, "")), _shown(key, new.get(key, "")))
        for key in {**new, **old}
        if old.get(key, "") != new.get(key, "")
    ]


def value_of(connection: Connection, key: str) -> str:
    """Return what a dotted key holds, as text; empty where the part is missing."""
    part, dot, name = key.partition(".")
    value = getattr(getattr(connection, part), name, "") if dot else getattr(connection, part)
    return value.reveal() if isinstance(value, Secret) else str(value)


def _leaves(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _shown(key: str, value: str) -> str:
    if key in SECRETS:
        return "********" if value else ""
    return value
