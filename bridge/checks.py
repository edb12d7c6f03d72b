"""What an operator wants to know before the first agent comes: does everybody answer, and is our clock right."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from bridge.aiccs.instance import reachable_instance
from bridge.connections.expiry import certificate, deadlines, in_order, provider_address
from bridge.connections.keys import KeyUnusable, key_id, load_private_key
from bridge.core.errors import BridgeError, ExchangeAnswerInvalid, ExchangeUnreachable, IdpUnreachable
from bridge.outbound import FailAs, host_of
from bridge.upstream.client import asks_for_id_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bridge.aiccs.instance import Instance
    from bridge.connections.expiry import Deadline
    from bridge.core.model import Connection, IdentityProvider, JwtSigning, Secret
    from bridge.egress.answer import Answer
    from bridge.outbound import Outbound
    from bridge.services import Services
    from bridge.upstream.metadata import KeyCache, MetadataCache

_FUYUN: Final = FailAs(ExchangeUnreachable, ExchangeAnswerInvalid)
_CLOCK: Final = FailAs(IdpUnreachable, IdpUnreachable)
_SERVER_ERROR: Final = 500
_NOBODY: Final = "nobody@check.invalid"
_ENDING: Final = {
    "idp_secret": "idp.client_secret",
    "fuyun_secret": "fuyun.client_secret",
    "jwt_key": "jwt.private_key",
    "certificate": "certificate",
}
_TOLERABLE: Final = 60
"""Seconds of clock offset that are still good: ID tokens are judged with 120."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was asked, whether it is well, and what came; `doubtful`: it answers, but read this."""

    name: str
    ok: bool
    what: str
    doubtful: bool = False

    @property
    def level(self) -> str:
        """The word for it: ``ok``, ``warn`` or ``fault``."""
        return "fault" if not self.ok else "warn" if self.doubtful else "ok"


def probe(
    services: Services,
    connections: Iterable[Connection],
    outbound: Outbound,
    metadata: MetadataCache,
    keys: KeyCache,
) -> Iterator[Finding]:
    """Ask the store, and for every enabled connection its provider, its keys, the clock and Fuyun; and what ends."""
    yield _ask("store", partial(_store, services))
    yield from _sessions(services)
    for connection in connections:
        if connection.enabled:
            yield from probe_connection(services, connection, outbound, metadata, keys)
    ends_at = outbound.certificate_expiry(services.site.public_url)
    yield from _expiring([certificate("", "", ends_at, services.now())])


def probe_connection(
    services: Services, connection: Connection, outbound: Outbound, metadata: MetadataCache, keys: KeyCache
) -> Iterator[Finding]:
    """Ask one connection's provider, its own signing keys, then Fuyun and the contact center."""
    if connection.idp.kind != "none":
        yield from _probe_provider(services, connection, outbound, metadata, keys)
    if connection.mode == "jwt" and connection.jwt:
        yield from _signing(f"{connection.name}: signing key", connection.jwt, services.now())
    if connection.mode != "frontend":
        yield _ask(f"{connection.name}: fuyun", partial(_fuyun, outbound, connection))
    instance = reachable_instance(connection)
    if instance:
        yield _ask(f"{connection.name}: contact center", partial(_contact_center, services, instance))
    address, now = provider_address(connection), services.now()
    ends_at = outbound.certificate_expiry(address, public_only=connection.idp.public_only)
    yield from _expiring(in_order([*deadlines([connection], now), certificate(connection.name, "", ends_at, now)]))


def _probe_provider(
    services: Services, connection: Connection, outbound: Outbound, metadata: MetadataCache, keys: KeyCache
) -> Iterator[Finding]:
    idp = connection.idp
    yield _ask(f"{connection.name}: metadata", partial(_metadata, metadata, idp))
    if connection.mode != "frontend" and asks_for_id_token(idp):
        yield _ask(f"{connection.name}: keys", partial(_keys, metadata, keys, idp))
    yield _ask(f"{connection.name}: clock", partial(_clock, services, outbound, metadata, idp))


def _signing(name: str, signing: JwtSigning, now: float) -> Iterator[Finding]:
    due = signing.keys_at(now)[0]
    yield _ask(name, partial(_signing_key, due, signing.issuer))
    if not signing.next_private_key:
        return
    if due == signing.next_private_key:
        what = f"the next key took over on {signing.next_key_from}: move it to private_key"
        yield Finding(name, ok=True, what=what, doubtful=True)
    else:
        yield Finding(name, ok=True, what=f"the next key takes over on {signing.next_key_from}")


def _signing_key(private_key: Secret, issuer: str) -> str:
    key = load_private_key(private_key.reveal())
    return f"{key.key_size} bits, kid {key_id(key)}, iss {issuer}"


def _expiring(found: Iterable[Deadline]) -> Iterator[Finding]:
    for one in found:
        if one.days is not None and one.needs_attention:
            name = f"{one.connection or 'public_url'}: {_ENDING[one.what]}"
            what = "has ended" if one.days < 0 else "ends today" if one.days == 0 else f"ends in {one.days} days"
            yield Finding(name, ok=one.days >= 0, what=what)


def _ask(name: str, ask: Callable[[], str]) -> Finding:
    try:
        return Finding(name, ok=True, what=ask())
    except (BridgeError, KeyUnusable) as fault:
        return Finding(name, ok=False, what=str(fault))


def _store(services: Services) -> str:
    services.database.ping()
    return "answers"


def _sessions(services: Services) -> Iterator[Finding]:
    store = services.session_store
    if store.place == "database":
        return
    try:
        store.ping()
        doubts = store.doubts()
    except BridgeError as fault:
        yield Finding("store.sessions", ok=False, what=str(fault))
    else:
        yield Finding("store.sessions", ok=True, what=f"{store.place} answers")
        yield from (Finding("store.sessions", ok=True, what=doubt, doubtful=True) for doubt in doubts)


def _metadata(metadata: MetadataCache, idp: IdentityProvider) -> str:
    found = metadata.get(idp)
    return f"issuer {found.issuer}" if found.issuer else f"token endpoint at {host_of(found.token_endpoint)}"


def _keys(metadata: MetadataCache, keys: KeyCache, idp: IdentityProvider) -> str:
    return f"{len(keys.get(idp, metadata.get(idp).jwks_uri).keys)} signing keys"


def _clock(services: Services, outbound: Outbound, metadata: MetadataCache, idp: IdentityProvider) -> str:
    address = idp.discovery_url or metadata.get(idp).authorization_endpoint
    offset = _offset(outbound.get(address, _CLOCK, public_only=idp.public_only), services.now())
    if offset is None:
        return "the provider does not tell its time"
    if abs(offset) > _TOLERABLE:
        raise IdpUnreachable("The clocks differ.", expected=f"at most {_TOLERABLE} seconds", received=f"{offset:+.0f}")
    return f"differs by {offset:+.0f} seconds"


def _offset(answer: Answer, now: float) -> float | None:
    try:
        return now - parsedate_to_datetime(answer.date).timestamp()
    except ValueError:
        return None


def _fuyun(outbound: Outbound, connection: Connection) -> str:
    # A GET without credentials: it cannot exchange anything, and any answer below 500 shows that somebody is there.
    app = connection.fuyun
    answer = outbound.get(app.token_exchange_url, _FUYUN, public_only=app.public_only)
    if answer.status >= _SERVER_ERROR:
        raise ExchangeUnreachable(expected="an answer", received=f"HTTP {answer.status}")
    return f"{host_of(connection.fuyun.token_exchange_url)} answers"


def _contact_center(services: Services, instance: Instance) -> str:
    # An account that nobody has: what is asked is whether the access key may ask at all.
    services.contact_center.agents.find(instance, _NOBODY)
    return "takes the access key"
