"""Everybody whom one connection needs: its provider, its own signing keys, Fuyun and the contact center."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from bridge.aiccs.instance import reachable_instance
from bridge.checks import clock, provider
from bridge.checks.ending import expiring
from bridge.checks.finding import Finding, asked
from bridge.checks.scene import Scene
from bridge.connections.expiry import certificate, deadlines, in_order, provider_address
from bridge.connections.keys import key_id, load_private_key
from bridge.core.errors import BridgeError, ContactCenterUnreachable, ExchangeAnswerInvalid, ExchangeUnreachable
from bridge.outbound import FailAs, host_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bridge.aiccs.instance import Instance
    from bridge.core.model import Connection, JwtSigning, Secret
    from bridge.outbound import Outbound
    from bridge.services import Services
    from bridge.upstream.metadata import KeyCache, MetadataCache

_FUYUN: Final = FailAs(ExchangeUnreachable, ExchangeAnswerInvalid, "exchange")
_SERVER_ERROR: Final = 500
_NOBODY: Final = "nobody@check.invalid"


def questions(scene: Scene, connection: Connection) -> Iterator[tuple[str, Callable[[], Iterable[Finding]]]]:
    """Yield name and question of everything that can be asked at the same time for one connection."""
    if connection.idp.kind != "none":
        yield "metadata", partial(provider.look, scene, connection)
    if connection.mode == "jwt" and connection.jwt:
        yield "signing key", partial(_signing, connection.name, connection.jwt, scene.services.now())
    if connection.mode != "frontend":
        yield "fuyun", partial(_fuyun, scene, connection)
    instance = reachable_instance(connection)
    if instance:
        yield "contact center", partial(_contact_center, scene, connection.name, instance)
    yield "certificate", partial(_endings, scene, connection)


def probe_connection(
    services: Services, connection: Connection, outbound: Outbound, metadata: MetadataCache, keys: KeyCache
) -> Iterator[Finding]:
    """Ask one connection's provider, its own signing keys, then Fuyun and the contact center, one after another."""
    for _, ask in questions(Scene(services, outbound, metadata, keys), connection):
        yield from ask()


# Signing -------------------------------------------------------------------------------------------------------------


def _signing(connection: str, signing: JwtSigning, now: float) -> Iterator[Finding]:
    due, name = signing.keys_at(now)[0], "signing key"
    advice = "Name a readable RSA key in jwt.private_key; `hotline-bridge keys new` makes one."
    yield asked(name, partial(_signing_key, due, signing.issuer), connection, advice)
    if not signing.next_private_key:
        return
    if due == signing.next_private_key:
        what, advice = f"the next key took over on {signing.next_key_from}", "Move it to private_key."
        yield Finding(name, what, "warn", connection, advice)
    else:
        yield Finding(name, f"the next key takes over on {signing.next_key_from}", connection=connection)


def _signing_key(private_key: Secret, issuer: str) -> str:
    key = load_private_key(private_key.reveal())
    return f"{key.key_size} bits, kid {key_id(key)}, iss {issuer}"


# Fuyun and the contact center ----------------------------------------------------------------------------------------


def _fuyun(scene: Scene, connection: Connection) -> Iterator[Finding]:
    # A GET without credentials: it cannot exchange anything, and any answer below 500 shows that somebody is there.
    app, name = connection.fuyun, "fuyun"
    host = host_of(app.token_exchange_url)
    try:
        answer = scene.outbound.get(app.token_exchange_url, _FUYUN, public_only=app.public_only)
        if answer.status >= _SERVER_ERROR:
            raise ExchangeUnreachable(expected="an answer", received=f"HTTP {answer.status}")
    except BridgeError as fault:
        advice = "Look at fuyun.token_exchange_url, and whether this machine may reach it."
        yield Finding(name, str(fault), "fault", connection.name, advice)
        return
    yield Finding(name, f"{host} answers", connection=connection.name)
    offset = scene.offset(host, answer)
    if connection.mode == "jwt" and offset is not None and abs(offset) > clock.TOLERABLE:
        what = f"our clock differs from Fuyun's by {offset:+.0f} seconds: it may refuse our JWTs"
        advice = "Let this machine keep its time by NTP."
        yield Finding("fuyun clock", what, "fault", connection.name, advice)


def _contact_center(scene: Scene, connection: str, instance: Instance) -> Iterator[Finding]:
    name = "contact center"
    try:
        # An account that nobody has: what is asked is whether the access key may ask at all.
        scene.services.contact_center.agents.find(instance, _NOBODY)
    except ContactCenterUnreachable as fault:
        advice = "Look at aiccs.endpoint, and whether this machine may reach it."
        yield Finding(name, str(fault), "fault", connection, advice)
    except BridgeError as fault:
        advice = "Look at the access key, its rights, and instance_id; a key is refused too where our clock is off."
        yield Finding(name, str(fault), "fault", connection, advice)
    else:
        yield Finding(name, "takes the access key", connection=connection)


# What ends -----------------------------------------------------------------------------------------------------------


def _endings(scene: Scene, connection: Connection) -> Iterator[Finding]:
    now, public_only = scene.services.now(), connection.idp.public_only
    found = [*deadlines([connection], now)]
    for address in _addresses(scene, connection):
        ends_at = scene.outbound.certificate_expiry(address, public_only=public_only)
        found.append(certificate(connection.name, host_of(address), ends_at, now))
    yield from expiring(in_order(found))


def _addresses(scene: Scene, connection: Connection) -> Iterator[str]:
    """Yield an address at every host whose certificate a sign-in depends on."""
    wanted = [provider_address(connection), *provider.endpoints(scene, connection)]
    if connection.mode != "frontend":
        wanted.append(connection.fuyun.token_exchange_url)
    yield from {host_of(address): address for address in reversed(wanted) if address}.values()
