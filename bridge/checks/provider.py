"""One identity provider: its metadata, its keys, its clock, and every host that a sign-in will call."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final

from bridge.checks import clock, offers
from bridge.checks.finding import Finding, asked
from bridge.core.errors import BridgeError, IdpUnreachable
from bridge.outbound import FailAs, host_of
from bridge.upstream.client import asks_for_id_token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joserfc.jwk import KeySet

    from bridge.checks.scene import Scene
    from bridge.core.model import Connection, IdentityProvider
    from bridge.egress.answer import Answer
    from bridge.upstream.metadata import MetadataCache

_CLOCK: Final = FailAs(IdpUnreachable, IdpUnreachable, "discovery")
_SERVER_ERROR: Final = 500
_SHORTEST_RSA: Final = 2048
_AWAY: Final = (
    "Look at the addresses in idp, and whether this machine may reach them; a proxy may need egress.ca_bundle."
)


def look(scene: Scene, connection: Connection) -> Iterator[Finding]:
    """Yield how a connection's provider is."""
    idp, name = connection.idp, connection.name
    found = asked("metadata", partial(_metadata, scene.metadata, idp), name, _AWAY)
    yield found
    if found.level == "fault":
        return
    if connection.mode != "frontend" and asks_for_id_token(idp):
        yield from _keys(scene, connection)
    try:
        address = idp.discovery_url or scene.metadata.get(idp).authorization_endpoint
        answer = scene.outbound.get(address, _CLOCK, public_only=idp.public_only)
    except BridgeError as fault:
        yield Finding("clock", str(fault), "fault", name, _AWAY)
        return
    yield _clock(scene, name, host_of(address), answer)
    if idp.discovery_url and connection.mode != "frontend":
        yield from offers.compared(connection, answer.json_object() or {})
    yield from _other_hosts(scene, connection, address)


def endpoints(scene: Scene, connection: Connection) -> tuple[str, ...]:
    """Return the addresses that a sign-in's calls go to; none where the provider does not tell them."""
    if connection.idp.kind == "none" or connection.mode == "frontend":
        return ()
    try:
        found = scene.metadata.get(connection.idp)
    except BridgeError:
        return ()
    return tuple(filter(None, (found.token_endpoint, found.userinfo_endpoint, found.jwks_uri)))


def _metadata(metadata: MetadataCache, idp: IdentityProvider) -> str:
    found = metadata.get(idp)
    return f"issuer {found.issuer}" if found.issuer else f"token endpoint at {host_of(found.token_endpoint)}"


# Keys ----------------------------------------------------------------------------------------------------------------


def _keys(scene: Scene, connection: Connection) -> Iterator[Finding]:
    idp, name = connection.idp, connection.name
    try:
        found = scene.keys.get(idp, scene.metadata.get(idp).jwks_uri)
    except BridgeError as fault:
        yield Finding(
            "keys", str(fault), "fault", name, "Ask the provider: without keys nobody's ID token is believed."
        )
        return
    yield Finding("keys", kinds_of(found), connection=name)
    if short := [one for one in found.keys if one.key_type == "RSA" and _bits(one) < _SHORTEST_RSA]:
        what = f"{len(short)} of them shorter than {_SHORTEST_RSA} bits (RFC 7518 section 3.3)"
        yield Finding("keys", what, "warn", name, "Ask the provider for longer keys.")
    if len(found.keys) > 1 and not all(one.kid for one in found.keys):
        what = "several, and not all with a kid: each has to be tried"
        yield Finding(
            "keys", what, "warn", name, "Ask the provider to name its keys (OpenID Connect Core section 10.1)."
        )


def kinds_of(keys: KeySet) -> str:
    """Return how many signing keys there are, and of which kinds: ``3 signing keys: 2 RSA 2048, EC P-256``."""
    kinds = Counter(f"RSA {_bits(one)}" if one.key_type == "RSA" else _curve(one) for one in keys.keys)
    told = ", ".join(f"{number} {kind}" if number > 1 else kind for kind, number in sorted(kinds.items()))
    return f"{len(keys.keys)} signing key{'s' if len(keys.keys) > 1 else ''}: {told}"


def _bits(key: object) -> int:
    public = key.public_key  # type: ignore[attr-defined]
    return int(public.key_size)


def _curve(key: object) -> str:
    return f"{key.key_type} {key.curve_name}"  # type: ignore[attr-defined]


# Clock and hosts -----------------------------------------------------------------------------------------------------


def _clock(scene: Scene, connection: str, host: str, answer: Answer) -> Finding:
    offset = scene.offset(host, answer)
    if offset is None:
        return Finding("clock", "the provider does not tell its time", connection=connection)
    what = f"ours differs from the provider's by {offset:+.0f} seconds"
    if abs(offset) <= clock.TOLERABLE:
        return Finding("clock", what, connection=connection)
    advice = f"More than {clock.TOLERABLE} seconds: let this machine keep its time by NTP, or tell the provider."
    return Finding("clock", what, "fault", connection, advice)


def _other_hosts(scene: Scene, connection: Connection, asked_already: str) -> Iterator[Finding]:
    """Ask each further host for anything at all: a firewall or a certificate may differ from host to host."""
    hosts = {host_of(address): address for address in reversed(endpoints(scene, connection))}
    for host in sorted(set(hosts) - {host_of(asked_already)}):
        # Without credentials and without a code, at an address that takes POST alone: nothing can come of it.
        try:
            answer = scene.outbound.get(hosts[host], _CLOCK, public_only=connection.idp.public_only)
            if answer.status >= _SERVER_ERROR:
                raise IdpUnreachable(expected=f"an answer from {host}", received=f"HTTP {answer.status}")
        except BridgeError as fault:
            yield Finding("endpoints", str(fault), "fault", connection.name, _AWAY)
        else:
            scene.offset(host, answer)
            yield Finding("endpoints", f"{host} answers", connection=connection.name)
